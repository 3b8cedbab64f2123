"""The dashboard in a browser: `textual serve` speaks to it over pipes, one process for each tab."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from plugtui.engine.supervisor import running_engine
from plugtui.paths import Paths
from plugtui.sim.server import Simulator
from tests.support import eventually, process_exists
from tests.tui.terminal_kit import ROOT
from tests.tui.test_with_engine import exchange, no_engine_survives

__all__ = ["exchange", "no_engine_survives"]


class Tab:
    """A dashboard as the server starts it for a tab: what it shows is read and kept."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "plugtui", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, cwd=ROOT,
            env={**os.environ, "TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver", "COLUMNS": "120", "ROWS": "36",
                 "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        )  # fmt: skip
        self.seen = bytearray()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        while data := os.read(self.process.stdout.fileno(), 65536):
            self.seen += data

    def tell(self, packet: bytes, payload: bytes) -> None:
        """Send keys (D) or a message of the server (M)."""
        assert self.process.stdin is not None
        self.process.stdin.write(packet + len(payload).to_bytes(4, "big") + payload)
        self.process.stdin.flush()

    def server_dies(self) -> None:
        """Close the pipes, as the end of the server does."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()


@pytest.fixture
def tabs() -> Iterator[list[Tab]]:
    opened: list[Tab] = []
    yield opened
    for tab in opened:
        tab.close()


def shows_account(tab: Tab) -> bool:
    return b"__GANGLION__" in tab.seen and b"account" in tab.seen and b"Algorithms" in tab.seen


async def test_two_tabs_at_once_share_one_engine_and_the_last_one_ends_it(exchange: Simulator, tabs: list[Tab]) -> None:
    tabs += [Tab(), Tab()]
    await eventually(lambda: all(shows_account(tab) for tab in tabs))
    info = running_engine(Paths())
    assert info is not None
    tabs[0].tell(b"D", b"?")
    await eventually(lambda: b"Help: Fills" in tabs[0].seen)
    tabs[0].tell(b"M", b'{"type": "quit"}')
    await eventually(lambda: tabs[0].process.poll() is not None)
    assert process_exists(info.pid), "the other tab still looks at it"
    assert tabs[1].process.poll() is None
    tabs[1].tell(b"M", b'{"type": "quit"}')
    await eventually(lambda: tabs[1].process.poll() is not None)
    assert [tab.process.returncode for tab in tabs] == [0, 0]


async def test_a_server_that_dies_leaves_no_dashboard_and_no_engine(exchange: Simulator, tabs: list[Tab]) -> None:
    tabs.append(Tab())
    await eventually(lambda: shows_account(tabs[0]))
    info = running_engine(Paths())
    assert info is not None
    tabs[0].server_dies()
    await eventually(lambda: tabs[0].process.poll() is not None)
    await eventually(lambda: not process_exists(info.pid))


async def test_nobody_can_be_asked_for_a_token_there(tabs: list[Tab]) -> None:
    tabs.append(Tab("attach", "127.0.0.1:1"))
    await eventually(lambda: tabs[0].process.poll() is not None)
    assert tabs[0].process.stderr is not None
    assert b"set PLUGTUI_TOKEN, or name --token-file" in tabs[0].process.stderr.read()
    assert not tabs[0].seen
