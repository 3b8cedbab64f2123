"""Pane 3: the leaderboard above the feed of followed traders, and where there is room the selected one's record."""

import textwrap
from collections.abc import Mapping
from typing import Any, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from plugtui.control.messages import TraderState
from plugtui.errors import PlugtuiError
from plugtui.tui.model.performance import WINDOWS
from plugtui.tui.model.traders import BADGES, TradeRow, TraderProfile, TraderRow, unranked_because
from plugtui.tui.panes.base import Pane, table_notes, waiting_lines
from plugtui.tui.screens.formula import FormulaScreen
from plugtui.tui.screens.trader import card
from plugtui.tui.widgets.lines import LineTable
from plugtui.tui.widgets.painted import Line, Painted, Run

_FORMULA_ROWS = 14
"""Rows of the pane from which the formula stands under the board, ..."""

_ALL_ROWS = 32
"""... and from which what it means stands there too."""

_CARD = (84, 20)
"""From this size on the selected trader's record stands beside the feed."""

_PROFILE_NS = 60_000_000_000
"""How long a record that was asked for is good enough for the pane."""


class TradersPane(Pane):
    """Who is good, and what those whom I follow do."""

    number = 3
    name_shown = "Traders"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,asterisk", "follow", "follow", id="follow", tooltip="Follow the selected trader, or no longer"),
        Binding("w", "window(1)", "window", id="window-next", tooltip="Figures of the next longer window"),
        Binding(
            "W", "window(-1)", "Shorter", id="window-previous", show=False, tooltip="Figures of the next shorter window"
        ),
        Binding("i", "formula", "formula", id="formula", tooltip="How traders are ranked, and why one is not"),
        Binding("p", "plug", "plug in", id="plug", tooltip="Plug in another account"),
        Binding("u", "unplug", "unplug", id="unplug", show=False, tooltip="Forget the selected account"),
    ]

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._profiles: dict[str, tuple[int, TraderProfile]] = {}
        self._asking = ""
        self._card_key: object = None

    def compose_body(self) -> ComposeResult:
        """Yield board, formula, rule, and below it the feed beside the record of the selected trader."""
        yield LineTable(self.world.traders.board, empty=self._empty_board, id="traders-board")
        yield Painted(id="traders-formula")
        yield Painted(id="traders-rule")
        with Horizontal(id="traders-lower"):
            yield LineTable(self.world.traders.feed, empty=self._empty_feed, id="traders-feed")
            yield Painted(id="traders-card")

    def _empty_board(self) -> list[str]:
        if self.world.link.state != "connected":
            return waiting_lines(self.world.link)
        return ["no trader is plugged in", "p: plug in an account", "with a read-only key"]

    def _empty_feed(self) -> list[str]:
        if not self.world.traders.states:
            return []
        if any(state.followed for state in self.world.traders.states):
            return ["no trade yet", "they appear here the moment they happen"]
        return ["space: follow a trader,", "its trades arrive here"]

    def table_widget(self) -> LineTable[Any]:
        """Return the table with the focus, else the board."""
        feed = self.query_one("#traders-feed", LineTable)
        return feed if feed.has_focus else self.query_one("#traders-board", LineTable)

    def head_left(self) -> list[Run]:
        """Say what is chosen for the board, and of which kind all its records are when there is but one list."""
        badges = list(dict.fromkeys(state.badge for state in self.world.traders.states))
        kind = [Run(f" {BADGES.get(badges[0], badges[0])}", "dim")] if len(badges) == 1 else []
        return [*kind, *table_notes(self.world.traders.board)]

    def head_right(self) -> list[Run]:
        """Offer the windows."""
        return window_runs(self.world.traders.window, "trader_window")

    # ------------------------------------------------------------ painting

    def paint_pane(self, now_ns: int) -> None:
        """Draw board, formula, rule, feed and record."""
        some = bool(self.world.traders.states)
        for part in self.query("#traders-formula, #traders-rule, #traders-lower"):
            part.display = some
        formula = self._paint_formula()
        board = self.query_one("#traders-board", LineTable)
        table = self.world.traders.board
        lines = len(table) + (len(table.groups) if len(table.groups) > 1 else 0)
        most = max(2, (self.size.height - formula) * 2 // 5)
        board.styles.height = min(lines, most) + 1 if some else "1fr"
        card_shown = some and self.size.width >= _CARD[0] and self.size.height >= _CARD[1]
        self.query_one("#traders-card", Painted).display = card_shown
        super().paint_pane(now_ns)
        self._paint_rule()
        if card_shown:
            self._paint_card(now_ns)

    def _paint_formula(self) -> int:
        """Write the formula under the board as far as there is room; returns the lines that it takes."""
        view = self.query_one("#traders-formula", Painted)
        parts = self.world.traders.formula.split("\n")
        shown = parts if self.size.height >= _ALL_ROWS else parts[:1] if self.size.height >= _FORMULA_ROWS else []
        width = max(20, self.query_one("#traders-board", LineTable).size.width)
        lines: list[Line] = [(Run(row, "dim"),) for part in shown for row in textwrap.wrap(part, width)]
        view.paint(lines)
        return len(lines)

    def _paint_rule(self) -> None:
        rule = self.query_one("#traders-rule", Painted)
        followed = sum(state.followed for state in self.world.traders.states)
        words = f" feed of {followed} followed " if followed else " feed "
        below = self.query_one("#traders-board", LineTable).below
        more = f" {below} more ↓ " if below else ""
        notes = table_notes(self.world.traders.feed)
        state = self._selected()
        why = unranked_because(state) if state else ""
        room = rule.size.width - 1 - len(more) - sum(len(run.text) for run in notes)
        texts = (
            [(words, f" {state.name} not ranked: {why} "), (" feed ", f" {state.name}: {why} "), (" ", f" {why} ")]
            if state and why
            else []
        )
        words, said = next((pair for pair in texts if len(pair[0]) + len(pair[1]) < room), (words, ""))
        line = "─" * (room - len(words) - len(said) - bool(said))
        tail = (Run(said, "warn"), Run("─", "line")) if said else ()
        rule.paint([(Run("─", "line"), Run(more, "accent"), Run(words, "dim"), *notes, Run(line, "line"), *tail)])

    def _paint_card(self, now_ns: int) -> None:
        state, view = self._selected(), self.query_one("#traders-card", Painted)
        if state is None or not view.size.width:
            view.paint([])
            self._card_key = None
            return
        asked_ns, profile = self._profiles.get(state.name, (0, None))
        if now_ns - asked_ns > _PROFILE_NS and not self._asking:
            self._asking = state.name
            self.run_worker(self._ask(state.name, now_ns))
        window = self.world.traders.window
        key = (state, profile, window, view.size, now_ns // 1_000_000_000)
        if key != self._card_key:
            self._card_key = key
            view.paint(card(state, profile, window, view.size, self.world.zone, now_ns))

    async def _ask(self, name: str, now_ns: int) -> None:
        """Ask for a record; one that cannot be had is asked for again a while later."""
        _, known = self._profiles.get(name, (0, TraderProfile()))
        try:
            answer = await self.dashboard.command("trader", name=name)
        except PlugtuiError:
            self._profiles[name] = (now_ns, known)
        else:
            self._profiles[name] = (now_ns, TraderProfile.of(answer if isinstance(answer, Mapping) else {}))
        finally:
            self._asking = ""

    # ------------------------------------------------------------ actions

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
        """Show the figures of another window."""
        at = WINDOWS.index(self.world.traders.window) + by
        self.world.traders.choose(WINDOWS[at % len(WINDOWS)])
        self.paint_pane(self.dashboard.now_ns())

    def action_formula(self) -> None:
        """Show how traders are ranked."""
        self.app.push_screen(FormulaScreen())

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
