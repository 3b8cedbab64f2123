"""The dashboard in a real terminal: start, resize, stall, signals, and the terminal given back."""

import os
import random
import signal
import time
from collections.abc import Iterator

import pytest

from tests.support import eventually
from tests.tui.terminal_kit import ENTER_SCREEN, LEAVE_SCREEN, Terminal

ECHO_AND_LINES = 3
"""Index of the local modes in what termios returns."""


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.close()


async def started(terminals: list[Terminal], *arguments: str, rate: str = "50") -> Terminal:
    terminal = Terminal(["-m", "tests.tui.fake_dashboard", rate, *arguments], os.environ)
    terminals.append(terminal)
    await eventually(lambda: b"Algorithms" in terminal.seen and ENTER_SCREEN in terminal.seen)
    return terminal


async def ended(terminal: Terminal) -> int:
    await eventually(lambda: terminal.process.poll() is not None)
    return terminal.process.returncode


async def test_q_leaves_and_gives_the_terminal_back(terminals: list[Terminal]) -> None:
    terminal = await started(terminals)
    await eventually(lambda: b"PAPER" in terminal.seen)
    terminal.type("q")
    await eventually(lambda: b"Keep it running" in terminal.seen)
    terminal.type("\r")
    assert await ended(terminal) == 0
    await eventually(lambda: LEAVE_SCREEN in terminal.seen and b"asked=True" in terminal.seen)
    assert terminal.state() == terminal.before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
async def test_a_signal_leaves_by_the_same_way(terminals: list[Terminal], number: int) -> None:
    terminal = await started(terminals)
    await eventually(lambda: b"PAPER" in terminal.seen)
    terminal.process.send_signal(number)
    assert await ended(terminal) == 0
    await eventually(lambda: LEAVE_SCREEN in terminal.seen and b"stop_engine=False" in terminal.seen)
    assert terminal.state() == terminal.before


async def test_a_window_that_is_closed_ends_the_dashboard(terminals: list[Terminal]) -> None:
    terminal = await started(terminals)
    terminal.hang_up()
    await ended(terminal)


async def test_a_terminal_that_no_longer_reads_does_not_keep_the_dashboard(terminals: list[Terminal]) -> None:
    terminal = await started(terminals, rate="2000")
    terminal.stall()
    await eventually(lambda: stalled(terminal), what="the output is blocked")
    before = time.monotonic()
    terminal.process.send_signal(signal.SIGTERM)
    assert await ended(terminal) in (0, 128 + signal.SIGTERM)
    assert time.monotonic() - before < 15
    assert terminal.state()[ECHO_AND_LINES] == terminal.before[ECHO_AND_LINES]


def stalled(terminal: Terminal) -> bool:
    """Nobody can write to the terminal any more."""
    import select

    return not select.select([], [terminal._slave], [], 0)[1]


async def test_a_terminal_that_reads_again_sees_everything(terminals: list[Terminal]) -> None:
    terminal = await started(terminals, rate="300")
    terminal.stall()
    await eventually(lambda: stalled(terminal), what="the output is blocked")
    terminal.type("?")
    terminal.go_on()
    await eventually(lambda: terminal.find("Help: Fills"))
    terminal.type("q")
    await eventually(lambda: not terminal.find("Help: Fills") and terminal.find("q quit"))


async def test_a_storm_of_sizes_ends_with_the_last_one(terminals: list[Terminal]) -> None:
    terminal = await started(terminals)
    sizes = random.Random(7)
    for _ in range(50):
        columns, rows = sizes.randint(10, 250), sizes.randint(3, 80)
        terminal.resize(columns, rows)
        if sizes.random() < 0.3:
            seen = len(terminal.seen)
            await eventually(lambda seen=seen: len(terminal.seen) > seen)
    terminal.resize(120, 40)
    await eventually(lambda: terminal.lines()[-1].rstrip().endswith("? help  q quit") and terminal.find("4 Algorithms"))
    assert terminal.process.poll() is None


async def test_a_resize_paints_the_new_size(terminals: list[Terminal]) -> None:
    terminal = await started(terminals)
    terminal.resize(50, 10)
    await eventually(lambda: b"plugtui needs 60" in terminal.seen)
    terminal.resize(120, 40)
    await eventually(lambda: "╭─".encode() in terminal.seen)


async def test_ctrl_z_gives_the_terminal_back_and_fg_takes_it_again_at_its_new_size(terminals: list[Terminal]) -> None:
    terminal = await started(terminals)
    taken = terminal.state()
    terminal.type("\x1a")
    await eventually(lambda: LEAVE_SCREEN in terminal.seen)
    await eventually(lambda: process_state(terminal.process.pid) == "T")
    assert terminal.state() == terminal.before
    for mode in (b"\x1b[?1000l", b"\x1b[?25h", b"\x1b[?2004l"):
        assert mode in terminal.seen
    count = terminal.seen.count(ENTER_SCREEN)
    terminal.resize(140, 44)
    terminal.process.send_signal(signal.SIGCONT)
    await eventually(lambda: terminal.seen.count(ENTER_SCREEN) > count)
    await eventually(lambda: terminal.lines()[43].rstrip().endswith("? help  q quit") and len(terminal.lines()) == 44)
    assert terminal.state() == taken
    terminal.process.send_signal(signal.SIGTERM)
    assert await ended(terminal) == 0
    assert terminal.state() == terminal.before


async def test_the_mouse_works_as_terminals_report_it(terminals: list[Terminal]) -> None:
    terminal = await started(terminals, rate="0")
    await eventually(lambda: terminal.find("? help") and terminal.find("BTC/USD"))
    terminal.click(*(await eventually(lambda: terminal.find("4 Algorithms"))))
    await eventually(lambda: terminal.find("h connect") or terminal.find("h how to connect"))
    terminal.turn_wheel(*(await eventually(lambda: terminal.find("BTC/USD"))), 3)
    await eventually(lambda: terminal.find("held"))
    terminal.click(*(await eventually(lambda: terminal.find("? help"))))
    await eventually(lambda: terminal.find("Help: "))
    terminal.click(*(await eventually(lambda: terminal.find("esc close"))))
    await eventually(lambda: not terminal.find("Help: "))
    terminal.click(*(await eventually(lambda: terminal.find("q quit"))))
    terminal.click(*(await eventually(lambda: terminal.find("Keep it running"))))
    assert await ended(terminal) == 0
    await eventually(lambda: b"stop_engine=False, asked=True" in terminal.seen)


async def test_ctrl_c_asks_and_a_second_one_leaves(terminals: list[Terminal]) -> None:
    terminal = await started(terminals)
    await eventually(lambda: terminal.find("3 on"))
    terminal.type("\x03\x03")
    assert await ended(terminal) == 0
    await eventually(lambda: b"stop_engine=False" in terminal.seen)
    assert terminal.state() == terminal.before


def process_state(pid: int) -> str:
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return file.read().rpartition(")")[2].split()[0]


async def test_a_crash_gives_the_terminal_back_and_shows_no_local_variable(terminals: list[Terminal]) -> None:
    terminal = Terminal(["-m", "tests.tui.fake_dashboard", "0", "crash"], os.environ)
    terminals.append(terminal)
    assert await ended(terminal) == 1
    await eventually(lambda: b"RuntimeError" in terminal.seen)
    assert LEAVE_SCREEN in terminal.seen
    assert b"TOPSECRETVALUE" not in terminal.seen
    assert terminal.state() == terminal.before
