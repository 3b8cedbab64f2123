"""Pane 3: the leaderboard above the feed of followed traders."""

from typing import Any, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from plugtui.control.messages import TraderState
from plugtui.tui.model.performance import WINDOWS
from plugtui.tui.model.traders import TradeRow, TraderRow
from plugtui.tui.panes.base import Pane, table_notes, waiting_lines
from plugtui.tui.widgets.lines import LineTable
from plugtui.tui.widgets.painted import Painted, Run


class TradersPane(Pane):
    """Who is good, and what those whom I follow do."""

    number = 3
    name_shown = "Traders"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,asterisk", "follow", "follow", id="follow", tooltip="Follow the selected trader, or no longer"),
        Binding("w", "window(1)", "window", id="window-next", tooltip="Rank by the next longer window"),
        Binding(
            "W", "window(-1)", "Shorter", id="window-previous", show=False, tooltip="Rank by the next shorter window"
        ),
        Binding("p", "plug", "plug in", id="plug", tooltip="Plug in another account"),
        Binding("u", "unplug", "unplug", id="unplug", show=False, tooltip="Forget the selected account"),
    ]

    def compose_body(self) -> ComposeResult:
        """Yield board, rule and feed."""
        yield LineTable(self.world.traders.board, empty=self._empty_board, id="traders-board")
        yield Painted(id="traders-rule")
        yield LineTable(self.world.traders.feed, empty=self._empty_feed, id="traders-feed")

    def _empty_board(self) -> list[str]:
        if self.world.link.state != "connected":
            return waiting_lines(self.world.link)
        return ["no trader is plugged in", "p: plug in an account", "with a read-only key"]

    def _empty_feed(self) -> list[str]:
        if any(state.followed for state in self.world.traders.states):
            return ["no trade yet"]
        return ["space: follow a trader,", "its trades arrive here"]

    def table_widget(self) -> LineTable[Any]:
        """Return the table with the focus, else the board."""
        feed = self.query_one("#traders-feed", LineTable)
        return feed if feed.has_focus else self.query_one("#traders-board", LineTable)

    def head_left(self) -> list[Run]:
        """Say what is chosen for the board."""
        return table_notes(self.world.traders.board)

    def head_right(self) -> list[Run]:
        """Offer the windows."""
        return window_runs(self.world.traders.window, "trader_window")

    def paint_pane(self, now_ns: int) -> None:
        """Draw board, rule and feed."""
        board = self.query_one("#traders-board", LineTable)
        rows = max(2, min(len(self.world.traders.board), self.size.height * 2 // 5))
        board.styles.height = rows + 1 if self.world.traders.states else "1fr"
        super().paint_pane(now_ns)
        rule = self.query_one("#traders-rule", Painted)
        followed = sum(state.followed for state in self.world.traders.states)
        words = f" feed of {followed} followed" if followed else " feed"
        notes = table_notes(self.world.traders.feed)
        used = len(words) + sum(len(run.text) for run in notes) + 2
        rule.paint([(Run("─", "line"), Run(words, "dim"), *notes, Run(" " + "─" * (rule.size.width - used), "line"))])

    def _selected(self) -> TraderState | None:
        row = self.table_widget().selected
        if isinstance(row, TradeRow):
            return self.world.traders.state(row.trader)
        return cast(TraderRow, row).state if row else None

    def action_follow(self) -> None:
        """Star or unstar."""
        state = self._selected()
        if state:
            self.dashboard.desk.follow(state)

    def action_window(self, by: int) -> None:
        """Rank by another window."""
        at = WINDOWS.index(self.world.traders.window) + by
        self.world.traders.choose(WINDOWS[at % len(WINDOWS)])
        self.paint_pane(0)

    def action_plug(self) -> None:
        """Plug in an account."""
        self.dashboard.desk.plug()

    def action_unplug(self) -> None:
        """Forget an account."""
        state = self._selected()
        if state:
            self.dashboard.desk.unplug(state)

    @on(LineTable.Opened)
    def _opened(self, event: LineTable.Opened) -> None:
        event.stop()
        state = self._selected()
        if state:
            self.dashboard.show_trader(state.name)


def window_runs(chosen: str, action: str) -> list[Run]:
    """Offer the windows as clickable words, the chosen one in brackets."""
    runs: list[Run] = []
    for name in WINDOWS:
        if runs:
            runs.append(Run(" "))
        text = f"[{name}]" if name == chosen else name
        runs.append(Run(text, "sorted" if name == chosen else "dim", f"app.{action}('{name}')"))
    return runs
