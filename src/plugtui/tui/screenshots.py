"""Pictures of every screen, made from the real app without a terminal.

The engine behind them stands still, so each picture is what the app makes of one moment, however fast the machine is.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from textual.pilot import Pilot
from textual.widgets import Input
from textual.worker import WorkerState

from plugtui.control.messages import Facts, Snapshot, States
from plugtui.errors import CredentialsError
from plugtui.secrets import Secret
from plugtui.tui.app import Dashboard
from plugtui.tui.link import Link
from plugtui.tui.options import Options, Outcome

SIZES = {
    "large": (200, 60),
    "normal": (120, 36),
    "small": (80, 24),
    "smallest": (60, 16),
}
SCENES: list[tuple[str, tuple[str, ...]]] = [
    ("order", ("1", "enter")),
    ("performance", ("2", "z")),
    ("trader", ("3", "enter")),
    ("algorithm", ("4", "enter")),
    ("events", ("e",)),
    ("how-to-connect", ("H",)),
    ("help", ("question_mark",)),
    ("plug-in", ("3", "p")),
    ("quit", ("q",)),
]
THEMES = ("light", "contrast", "mono")
_ZONE = ZoneInfo("America/New_York")
_STEADY = 3
"""So often in a row a screen must look the same."""


class Show(Protocol):
    """An engine that stands still, and what it told before."""

    @property
    def history(self) -> Sequence[tuple[int, Snapshot | Facts | States]]:
        """What a dashboard was told until then, and when (ns)."""

    @property
    def busy(self) -> bool:
        """Somebody waits for an answer of the engine."""

    def now_ns(self) -> int:
        """Return the moment."""

    async def open_link(self) -> Link:
        """Return a link to the engine."""


async def take_all(show: Show, directory: Path, progress: Callable[[str], None]) -> list[Path]:
    """Make an SVG of every size, theme and screen, and return the files.

    Args:
        show: what is to be seen.
        directory: where the files go; made when it does not exist.
        progress: takes the name of each file.
    """
    await asyncio.to_thread(directory.mkdir, parents=True, exist_ok=True)
    made: list[Path] = []

    async def keep(name: str, picture: str) -> None:
        file = directory / f"{name}.svg"
        await asyncio.to_thread(file.write_text, picture, encoding="utf-8")
        made.append(file)
        progress(name)

    for name, size in SIZES.items():
        await keep(f"dashboard-{name}", await picture(show, size))
    for theme in THEMES:
        await keep(f"theme-{theme}", await picture(show, theme=theme))
    for name, keys in SCENES:
        await keep(name, await picture(show, keys=keys))
    await keep("first-start", await first_start(show))
    return made


async def picture(
    show: Show, size: tuple[int, int] = SIZES["normal"], *, theme: str = "dark", keys: Sequence[str] = ()
) -> str:
    """Return the SVG of the dashboard after some keys."""
    app = Dashboard(show.open_link, Options(theme=theme, zone=_ZONE, now_ns=show.now_ns))
    _catch_up(app, show)
    return await _taken(app, show, size, keys, lambda: app.follower.connected and bool(app.world.performance.loaded))


async def first_start(show: Show) -> str:
    """Return the SVG of the first start, without keys."""

    async def no_keys() -> Link:
        raise CredentialsError("there are no brokerage keys yet")

    async def check(_key_id: str, _secret: Secret, _url: str) -> None:
        """Nobody presses the button."""

    app = Dashboard(no_keys, Options(theme="dark", zone=_ZONE, now_ns=show.now_ns, check_keys=check))
    return await _taken(app, show, SIZES["normal"], (), lambda: app.follower.error is not None)


def _catch_up(app: Dashboard, show: Show) -> None:
    """Let the app know what it would know if it had run all the time."""
    for now_ns, message in show.history:
        if isinstance(message, Snapshot):
            app.world.begin(message, now_ns)
        elif isinstance(message, Facts):
            app.world.apply_facts(message.facts)
        else:
            app.world.apply_states(message, now_ns)
    # They would have passed long ago.
    app.world.events.toasts.clear()


async def _taken(
    app: Dashboard, show: Show, size: tuple[int, int], keys: Sequence[str], ready: Callable[[], bool]
) -> str:
    app.animation_level = "none"
    async with app.run_test(size=size) as pilot:
        while not ready():
            await pilot.pause(0.01)
        await _settled(app, show, pilot)
        for key in keys:
            await pilot.press(key)
            await _settled(app, show, pilot)
        for field in app.screen.query(Input):
            field.cursor_blink = False
        return await _settled(app, show, pilot)


async def _settled(app: Dashboard, show: Show, pilot: Pilot[Outcome]) -> str:
    """Return the SVG of a screen on which nothing is under way any more."""
    seen: list[str] = []
    while len(seen) < _STEADY or len(set(seen[-_STEADY:])) > 1:
        app.tick()
        await pilot.pause()
        if show.busy or _working(app):
            seen.clear()
            await pilot.pause(0.01)
            continue
        seen.append(app.export_screenshot(title="plugtui"))
    return seen[-1]


def _working(app: Dashboard) -> bool:
    """Tell whether something is done in the background besides following the engine."""
    under_way = (WorkerState.PENDING, WorkerState.RUNNING)
    return any(worker.state in under_way and worker.group != "link" for worker in app.workers)
