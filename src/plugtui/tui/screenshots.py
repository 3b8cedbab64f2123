"""Pictures of every screen, made from the real app without a terminal.

The engine behind them stands still, so each picture is what the app makes of one moment, however fast the machine is.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol
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

_ZONE = ZoneInfo("America/New_York")
_STEADY = 3
"""So often in a row a screen must look the same."""


class Shot(NamedTuple):
    """What to do before a picture is taken."""

    keys: tuple[str, ...] = ()
    size: tuple[int, int] = (120, 36)
    theme: str = "dark"


SHOTS: dict[str, Shot] = {
    "dashboard-large": Shot(size=(200, 60)),
    "dashboard-normal": Shot(),
    "dashboard-small": Shot(size=(80, 24)),
    "dashboard-smallest": Shot(size=(60, 16)),
    "theme-light": Shot(theme="light"),
    "theme-contrast": Shot(theme="contrast"),
    "theme-mono": Shot(theme="mono"),
    "fills": Shot(("1", "z")),
    "order": Shot(("1", "enter")),
    "performance": Shot(("2", "z")),
    "performance-figures": Shot(("2", "z", "v")),
    "performance-months": Shot(("2", "z", "v", "v")),
    "performance-drawdowns": Shot(("2", "z", "v", "v", "v")),
    "performance-pnl": Shot(("2", "z", "V")),
    "traders": Shot(("3", "z")),
    "trader": Shot(("3", "enter")),
    "formula": Shot(("3", "i")),
    "plug-in": Shot(("3", "p")),
    "algorithms": Shot(("4", "z")),
    "algorithm": Shot(("4", "enter")),
    "new-key": Shot(("4", "n")),
    "how-to-connect": Shot(("H",)),
    "events": Shot(("e",)),
    "palette": Shot(("ctrl+p", *"mean")),
    "help": Shot(("question_mark",)),
    "quit": Shot(("q",)),
}
FIRST_START = "first-start"
NAMES = (*SHOTS, FIRST_START)


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


async def take(show: Show, directory: Path, names: Iterable[str], progress: Callable[[str], None]) -> list[Path]:
    """Make SVGs and return the files.

    Args:
        show: what is to be seen.
        directory: where the files go; made when it does not exist.
        names: of the pictures, out of :data:`NAMES`.
        progress: takes the name of each file.
    """
    await asyncio.to_thread(directory.mkdir, parents=True, exist_ok=True)
    made: list[Path] = []
    for name in names:
        picture = await _first_start(show) if name == FIRST_START else await _picture(show, SHOTS[name])
        file = directory / f"{name}.svg"
        await asyncio.to_thread(file.write_text, picture, encoding="utf-8")
        made.append(file)
        progress(name)
    return made


async def _picture(show: Show, shot: Shot) -> str:
    app = Dashboard(show.open_link, Options(theme=shot.theme, zone=_ZONE, now_ns=show.now_ns))
    _catch_up(app, show)
    return await _taken(app, show, shot, lambda: app.follower.connected and bool(app.world.performance.loaded))


async def _first_start(show: Show) -> str:
    """Return the SVG of a start without keys."""

    async def no_keys() -> Link:
        raise CredentialsError("there are no brokerage keys yet")

    async def check(_key_id: str, _secret: Secret, _url: str) -> None:
        """Nobody presses the button."""

    app = Dashboard(no_keys, Options(theme="dark", zone=_ZONE, now_ns=show.now_ns, check_keys=check))
    return await _taken(app, show, Shot(), lambda: app.follower.error is not None)


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


async def _taken(app: Dashboard, show: Show, shot: Shot, ready: Callable[[], bool]) -> str:
    app.animation_level = "none"
    async with app.run_test(size=shot.size) as pilot:
        while not ready():
            await pilot.pause(0.01)
        await _quiet(app, show, pilot)
        for key in shot.keys:
            await pilot.press(key)
            await _quiet(app, show, pilot)
        for field in app.screen.query(Input):
            field.cursor_blink = False
        seen: list[str] = []
        while len(seen) < _STEADY or len(set(seen[-_STEADY:])) > 1:
            await _quiet(app, show, pilot)
            seen.append(app.export_screenshot(title="plugtui"))
        return seen[-1]


async def _quiet(app: Dashboard, show: Show, pilot: Pilot[Outcome]) -> None:
    """Wait until nothing is under way and what has changed is drawn."""
    app.tick()
    await pilot.pause()
    while show.busy or _working(app):
        await pilot.pause(0.01)
    app.tick()
    await pilot.pause()


def _working(app: Dashboard) -> bool:
    """Tell whether something is done in the background besides following the engine."""
    under_way = (WorkerState.PENDING, WorkerState.RUNNING)
    return any(worker.state in under_way and worker.group != "link" for worker in app.workers)
