"""``plugtui attach``: what is said when it cannot, and where the token may come from."""

import json
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from plugtui.cli.dashboard import Remote
from plugtui.control.messages import Snapshot, encode
from plugtui.errors import ConfigError, ControlError
from tests.engine.control_kit import ENGINE, TOKEN, Link, control_link
from tests.support import eventually
from tests.tui.terminal_kit import ENTER_SCREEN, LEAVE_SCREEN, Terminal


@pytest.fixture
async def link(tmp_path: Path) -> AsyncIterator[Link]:
    async with control_link(tmp_path) as link:
        yield link


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.close()


async def refused(terminals: list[Terminal], *arguments: str) -> str:
    """Attach in vain, and return what was said about it on a screen that was never taken."""
    terminal = Terminal(["-m", "plugtui", "attach", *arguments], os.environ)
    terminals.append(terminal)
    await eventually(lambda: terminal.process.poll() is not None)
    assert terminal.process.returncode in (1, 2)
    await eventually(lambda: b"plugtui: " in terminal.seen)
    assert ENTER_SCREEN not in terminal.seen
    return terminal.seen.decode().replace("\r\n", "\n")


# ---------------------------------------------------------------- what is said


async def test_where_nothing_listens_it_says_what_to_look_at(terminals: list[Terminal]) -> None:
    said = await refused(terminals, f"http://127.0.0.1:{unused_port()}/", "--token", "t")
    assert "does not answer: connection refused" in said and "`plugtui status` says so" in said


async def test_a_wrong_token_is_told_before_the_screen_is_taken(link: Link, terminals: list[Terminal]) -> None:
    said = await refused(terminals, link.url, "--token", "wrong")
    assert "refused the token" in said and "engine.json" in said and "changes each time" in said


async def test_another_server_at_that_address_is_no_engine(link: Link, terminals: list[Terminal]) -> None:
    said = await refused(terminals, f"{link.url.rstrip('/')}/elsewhere", "--token", TOKEN.reveal())
    assert "no plugtui engine answers at" in said and "elsewhere" in said


async def test_an_engine_of_another_version_is_told_with_both_versions(terminals: list[Terminal]) -> None:
    async def answer(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.receive()
        snapshot = Snapshot(version=999, seq=0, engine=ENGINE, streams=[], account=None, algos=[], traders=[], facts=[])
        await socket.send_bytes(encode(snapshot))
        return socket

    app = web.Application()
    app.router.add_get("/plugtui/control", answer)
    async with TestServer(app) as server:
        said = await refused(terminals, str(server.make_url("/")), "--token", "t")
    assert "the engine is plugtui 0, this is plugtui" in said and "Use the same plugtui on both sides" in said


@pytest.mark.parametrize("address", ["ftp://127.0.0.1:1", "http://", "http://:"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ControlError, match="not the address of an engine"):
        Remote(address, "t", None)


@pytest.mark.parametrize("ending", ["", "/", "/plugtui/control", "/plugtui/control/"])
async def test_an_address_may_be_written_in_several_ways(link: Link, ending: str) -> None:
    url = link.url.rstrip("/")
    for written in (url, url.removeprefix("http://")):
        async with await Remote(written + ending, TOKEN.reveal(), None).open() as client:
            assert (await client.connect(states=False)).engine == ENGINE


# ---------------------------------------------------------------- the token


async def test_the_token_may_come_from_the_environment(
    link: Link, terminals: list[Terminal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLUGTUI_TOKEN", TOKEN.reveal())
    terminal = Terminal(["-m", "plugtui", "attach", link.url], os.environ)
    terminals.append(terminal)
    await eventually(lambda: b"DEMO" in terminal.seen)
    terminal.type("q")
    await eventually(lambda: LEAVE_SCREEN in terminal.seen)
    assert TOKEN.reveal().encode() not in terminal.seen


async def test_the_token_may_be_typed_unseen(link: Link, terminals: list[Terminal]) -> None:
    terminal = Terminal(["-m", "plugtui", "attach", link.url], os.environ)
    terminals.append(terminal)
    await eventually(lambda: b"token: " in terminal.seen)
    terminal.type(TOKEN.reveal() + "\n")
    await eventually(lambda: b"DEMO" in terminal.seen)
    assert TOKEN.reveal().encode() not in terminal.seen


async def test_the_token_is_read_from_a_file_each_time_it_is_needed(link: Link, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("of the engine before\n")
    remote = Remote(link.url, None, file)
    file.write_text(json.dumps({"token": TOKEN.reveal(), "url": "not looked at"}))
    async with await remote.open() as client:
        assert (await client.connect(states=False)).engine == ENGINE
    assert remote.new_token is None


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "No such file"), ("", "is empty"), ('{"url": "x"}', "no token in"), ("{", "no token in")],
)
def test_a_file_without_a_token_says_so(tmp_path: Path, content: str | None, words: str) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigError, match=words):
        Remote("http://127.0.0.1:1", None, file)
