"""The command palette: every action, and every trader, algorithm and symbol on screen."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from plugtui.tui.model.performance import VIEWS, WINDOWS
from plugtui.tui.themes import NAMES

if TYPE_CHECKING:
    from plugtui.tui.app import Dashboard

ON_QUIT = {
    "ask": "ask what becomes of the engine",
    "keep": "keep the engine running",
    "stop": "stop the engine",
}

_SYMBOL = "Fills of "
_AT_FIRST = 40

Entry = tuple[str, str, Callable[[], object]]


class Commands(Provider):
    """Find what can be done and who is there."""

    def _entries(self) -> Iterator[Entry]:
        app = cast("Dashboard", self.app)
        yield from app.commands()
        for window in WINDOWS:
            yield f"Performance window {window}", "curve and figures", partial(app.action_window, window)
        for view in VIEWS:
            yield f"Performance {view}", "view of pane 2", partial(app.action_performance_view, view)
        for name in NAMES:
            yield f"Theme {name}", "colours", partial(app.choose_theme, name)
        if app.options.may_stop:
            yield "Stop the engine", "also for other dashboards", app.desk.stop_engine
        if app.options.save_on_quit and app.on_quit != "leave":
            for choice, title in ON_QUIT.items():
                now = "as it is now" if choice == app.on_quit else "kept for the next time"
                yield f"When leaving: {title}", now, partial(app.choose_on_quit, choice)
        for state in app.world.algos.states:
            yield f"Algorithm {state.name}", state.status, partial(app.show_algo, state.name)
            verb = "Resume" if state.status == "paused" else "Pause"
            yield f"{verb} {state.name}", "algorithm", partial(app.desk.pause_or_resume, state)
        for trader in app.world.traders.states:
            yield f"Trader {trader.name}", trader.badge, partial(app.show_trader, trader.name)
            yield (
                f"{'Unfollow' if trader.followed else 'Follow'} {trader.name}",
                "trader",
                partial(app.desk.follow, trader),
            )
        for symbol in reversed(app.world.symbols):
            yield f"{_SYMBOL}{symbol}", "filter pane 1", partial(app.filter_fills, symbol)

    async def discover(self) -> Hits:
        """Show everything before anything is typed, of the symbols those that traded last: the list is laid out at once."""
        symbols = 0
        for title, words, call in self._entries():
            symbols += title.startswith(_SYMBOL)
            if symbols > _AT_FIRST:
                break
            yield DiscoveryHit(_line(Content(title), words), call, text=title)

    async def search(self, query: str) -> Hits:
        """Find what matches."""
        matcher = self.matcher(query)
        for title, words, call in self._entries():
            score = matcher.match(title)
            if score > 0:
                yield Hit(score, _line(matcher.highlight(title), words), call, text=title)


def _line(title: Content, words: str) -> Content:
    """Write an entry in one line: what it does, and in grey its key or what it is about."""
    return Content.assemble(title, ("  " + words, "not bold $pt-dim"))
