"""Run the dashboard in this terminal, and give the terminal back whatever happens.

SIGTERM, SIGHUP and SIGINT leave by the same way as the key q, without a question. A terminal that no longer reads blocks the
app's event loop in a write; then a watchdog restores what it can and ends the process.
"""

import asyncio
import contextlib
import logging
import os
import select
import signal
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType
from typing import Any

from plugtui import garbage
from plugtui.tui.app import Dashboard
from plugtui.tui.link import LinkFactory
from plugtui.tui.options import Options, Outcome

log = logging.getLogger(__name__)

PATIENCE_S = 3.0
"""How long the app may take to leave after a signal before the watchdog ends the process."""

SETTLED_S = 3.0
"""When everything that lives as long as the app has been made."""

_RESTORE = (
    b"\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?2004l\x1b[<u\x1b[?1004l"
    b"\x1b[?1049l\x1b[?25h\x1b[0m\r\n"
)
"""Mouse, paste and focus reports off, the ordinary screen, the cursor back."""

Abandon = Callable[[Outcome], None]
"""Called by the watchdog in place of a tidy end; must not wait for anything."""


async def run_dashboard(open_link: LinkFactory, options: Options, *, abandon: Abandon | None = None) -> Outcome:
    """Show the dashboard until it is left, and return what is to become of the engine.

    Args:
        open_link: finds or starts the engine, and makes a link.
        options: see :class:`~plugtui.tui.app.Options`.
        abandon: last resort for the engine when the terminal is stalled.
    """
    app = Dashboard(open_link, options)
    settling = asyncio.get_running_loop().call_later(SETTLED_S, garbage.settle)
    if "TEXTUAL_DRIVER" in os.environ:
        _leave_with_the_server(app)
    outcome: Outcome | None = None
    with _leaving_on_signals(app, abandon), contextlib.suppress(BrokenPipeError):
        outcome = await app.run_async()
    settling.cancel()
    if outcome is None:
        # It crashed (the traceback is on the screen and in the log): algorithms must not suffer from that.
        return replace(app.outcome_of_signal(), crashed=app.return_code not in (None, 0))
    return outcome


def _leave_with_the_server(app: Dashboard) -> None:
    """Leave when the server that shows this in a browser is gone: Textual's driver would stay for ever."""
    loop = asyncio.get_running_loop()

    def leave() -> None:
        log.info("the server of this dashboard is gone: leaving")
        app.exit(app.outcome_of_signal())

    def watch() -> None:
        hung_up = select.poll()
        hung_up.register(0, 0)
        hung_up.poll()
        with contextlib.suppress(RuntimeError):  # the loop has ended before the server
            loop.call_soon_threadsafe(leave)

    threading.Thread(target=watch, daemon=True, name="server").start()


@contextmanager
def _leaving_on_signals(app: Dashboard, abandon: Abandon | None) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    saved = _terminal_state()
    previous: dict[int, Any] = {}
    leaving = threading.Event()

    def leave(number: int, frame: FrameType | None) -> None:
        if leaving.is_set():
            return
        leaving.set()
        outcome = app.outcome_of_signal()
        log.info("signal %d: leaving", number)
        threading.Thread(target=watch, args=(number, outcome), daemon=True, name="leave").start()
        # A handler of the loop would never be called while a write to a stalled terminal blocks the loop.
        loop.call_soon_threadsafe(app.exit, outcome)

    def watch(number: int, outcome: Outcome) -> None:
        if finished.wait(PATIENCE_S):
            return
        # Nothing is logged from here on: a log on the stalled terminal itself would hold up the end.
        if abandon:
            abandon(outcome)
        _restore_terminal(saved)
        os._exit(128 + number)

    finished = threading.Event()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        previous[number] = signal.signal(number, leave)
    try:
        yield
    finally:
        finished.set()
        for restored, handler in previous.items():
            signal.signal(restored, handler)


def _terminal_state() -> list[Any] | None:
    try:
        return termios.tcgetattr(sys.__stdin__.fileno()) if sys.__stdin__ else None
    except (termios.error, OSError, ValueError):
        return None


def _restore_terminal(saved: list[Any] | None) -> None:
    """Give back line editing and echo, and the ordinary screen as far as the terminal takes it."""
    try:
        if saved is not None and sys.__stdin__:
            termios.tcsetattr(sys.__stdin__.fileno(), termios.TCSANOW, saved)
        if sys.__stderr__:
            descriptor = sys.__stderr__.fileno()
            os.set_blocking(descriptor, False)
            os.write(descriptor, _RESTORE)
    except (termios.error, OSError, ValueError):
        # The terminal is gone or full: there is nobody left to tell.
        return
