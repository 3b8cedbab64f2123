"""The command palette: every action, and every trader, algorithm and symbol on screen."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from plugtui.tui.model.performance import WINDOWS
from plugtui.tui.themes import NAMES

if TYPE_CHECKING:
    from plugtui.tui.app import Dashboard

Entry = tuple[str, str, Callable[[], object]]


class Commands(Provider):
    """Find what can be done and who is there."""

    def _entries(self) -> Iterator[Entry]:
        app = cast("Dashboard", self.app)
        yield from app.commands()
        for window in WINDOWS:
            yield f"Performance window {window}", "curve and figures", partial(app.action_window, window)
        for name in NAMES:
            yield f"Theme {name}", "colours", partial(app.choose_theme, name)
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
            yield f"Fills of {symbol}", "filter pane 1", partial(app.filter_fills, symbol)

    async def discover(self) -> Hits:
        """Show everything before anything is typed."""
        for title, words, call in self._entries():
            yield DiscoveryHit(title, call, help=words)

    async def search(self, query: str) -> Hits:
        """Find what matches."""
        matcher = self.matcher(query)
        for title, words, call in self._entries():
            score = matcher.match(title)
            if score > 0:
                yield Hit(score, matcher.highlight(title), call, help=words)
