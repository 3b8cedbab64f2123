"""Run the dashboard on a scripted engine, with a frozen clock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC
from typing import Any

from rich.cells import cell_len
from textual.pilot import Pilot

from plugtui.tui.app import Dashboard
from plugtui.tui.options import Options, Outcome
from plugtui.tui.panes.base import Pane, PaneHead
from plugtui.tui.widgets.lines import LineTable
from tests.support import eventually
from tests.tui.fakes import NOW, FakeEngine


class Stage:
    """A running dashboard and its engine."""

    def __init__(self, app: Dashboard, engine: FakeEngine, pilot: Pilot[Outcome]) -> None:
        self.app, self.engine, self.pilot = app, engine, pilot

    async def press(self, *keys: str) -> None:
        """Press keys and let everything settle."""
        await self.pilot.press(*keys)
        await self.settle()

    async def settle(self) -> None:
        """Paint what has changed, and again what follows from a new layout."""
        for _ in range(2):
            await self.pilot.pause()
            self.app.tick()
        await self.pilot.pause()

    def find(self, words: str) -> tuple[int, int]:
        """Return column and row of the first place on the screen with these words."""
        for y, line in enumerate(self.text().split("\n")):
            if words in line:
                return cell_len(line[: line.index(words)]), y
        raise AssertionError(f"{words!r} is not on the screen")

    async def click(self, words: str, times: int = 1) -> None:
        """Click on these words and let everything settle."""
        await self.pilot.click(offset=self.find(words), times=times)
        await self.settle()

    def table(self, selector: str) -> LineTable[Any]:
        """Return a table of the screen on top."""
        return self.app.screen.query_one(selector, LineTable)

    def lines(self, table: LineTable[Any]) -> list[str]:
        """Return what a table shows, header first, without trailing blanks."""
        return [table.render_line(y).text.rstrip() for y in range(table.size.height)]

    def head(self, number: int) -> str:
        """Return the upper edge of a pane."""
        return self.app.panes.pane(number).query_one(PaneHead).text

    def text(self) -> str:
        """Return everything that the terminal shows."""
        return "\n".join(strip.text.rstrip() for strip in self.app.screen._compositor.render_strips())

    def toasts(self) -> list[str]:
        """Return the titles of the toasts."""
        return [note.title for note in self.app._notifications]

    @property
    def window(self) -> str:
        """Name of the screen on top."""
        return type(self.app.screen).__name__

    def pane(self, number: int) -> Pane:
        """Return a pane."""
        return self.app.panes.pane(number)


@asynccontextmanager
async def on_stage(
    engine: FakeEngine | None = None, size: tuple[int, int] = (120, 36), *, connected: bool = True, **options: Any
) -> AsyncIterator[Stage]:
    """Show a dashboard until the block ends."""
    engine = engine or FakeEngine()
    app = Dashboard(engine.open, Options(**{"zone": UTC, "now_ns": lambda: NOW, "theme": "dark", **options}))
    async with app.run_test(size=size, notifications=True) as pilot:
        stage = Stage(app, engine, pilot)
        if connected:
            await eventually(lambda: app.follower.connected and app.world.performance.loaded)
        await stage.settle()
        yield stage
