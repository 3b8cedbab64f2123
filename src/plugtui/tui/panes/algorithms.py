"""Pane 4: the connected algorithms."""

from typing import ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from plugtui.control.messages import AlgoState
from plugtui.tui import format as fmt
from plugtui.tui.model.algos import AlgoRow
from plugtui.tui.panes.base import Pane, waiting_lines
from plugtui.tui.screens.algorithm_lines import preview_lines
from plugtui.tui.widgets.lines import LineTable
from plugtui.tui.widgets.painted import Painted, Run

_PREVIEW = 4
"""Lines that must be free before the selected algorithm is shown below the table."""

_ROOMY = 50
"""Below this width the head leaves out what all get together when it says how many stand below."""


class AlgorithmsPane(Pane):
    """Who is connected, what it receives, how far it lags, what it trades."""

    number = 4
    name_shown = "Algorithms"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("h", "app.how_to", "how to connect", id="how-to", tooltip="How to point a program at this engine"),
        Binding("p", "pause", "pause", id="pause", tooltip="Refuse its new orders, or accept them again"),
        Binding("d", "disconnect", "disconnect", id="disconnect", show=False, tooltip="Close its connections"),
        Binding("x", "revoke", "revoke", id="revoke", show=False, tooltip="Make its key pair void"),
        Binding("n", "new_key", "new key", id="new-key", tooltip="Issue a key pair for another algorithm"),
    ]

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._second = 0

    def compose_body(self) -> ComposeResult:
        """Yield the table."""
        yield LineTable(self.world.algos.table, empty=self._empty, id="algos-table")
        yield Painted(id="algos-preview")

    def _empty(self) -> list[str]:
        if self.world.link.state != "connected":
            return waiting_lines(self.world.link)
        return ["no algorithm is connected", "h: how to connect one", "n: issue a key pair"]

    def paint_pane(self, now_ns: int) -> None:
        """Draw; once a second also the ages."""
        if now_ns // 1_000_000_000 != self._second:
            self._second = now_ns // 1_000_000_000
            self.world.algos.rebuild(now_ns)
        super().paint_pane(now_ns)
        self._paint_preview(now_ns)

    def _paint_preview(self, now_ns: int) -> None:
        """Where there is room, show the selected algorithm below the table."""
        table, preview = self.table_widget(), self.query_one("#algos-preview", Painted)
        room = self.query_one(".pane-body").size.height - len(self.world.algos.table) - 2
        state = self._selected()
        preview.display = room >= _PREVIEW and state is not None
        if preview.display and state is not None:
            table.styles.height = len(self.world.algos.table) + 2
            preview.paint(preview_lines(self.world, state.name, table.size.width, room, now_ns))
        else:
            table.styles.height = "1fr"

    def head_right(self) -> list[Run]:
        """Say how many are connected, who has just come and gone, and how much they get together."""
        board = self.world.algos
        if not board.states:
            return []
        rate = sum(state.rate for state in board.states)
        news = [Run(f", {board.arrived} new", "accent")] if board.arrived else []
        news += [Run(f", {board.lost} gone", "bad")] if board.lost else []
        below = self.table_widget().below if self.screen.has_class("-tight") else 0
        more = [Run(f"{below} more ↓ ", "accent")] if below else []
        crowded = self.size.width < _ROOMY and (bool(more) or len(news) > 1)
        total = [] if crowded else [Run(f", {fmt.compact(rate)} msg/s", "dim")]
        return [*more, Run(f"{board.connected}", "strong"), Run(" on", "dim"), *news, *total]

    def _selected(self) -> AlgoState | None:
        row = cast(AlgoRow | None, self.table_widget().selected)
        return row.state if row else None

    def action_pause(self) -> None:
        """Pause or resume the selected algorithm."""
        state = self._selected()
        if state:
            self.dashboard.desk.pause_or_resume(state)

    def action_disconnect(self) -> None:
        """Disconnect the selected algorithm."""
        state = self._selected()
        if state:
            self.dashboard.desk.disconnect(state)

    def action_revoke(self) -> None:
        """Revoke the selected algorithm's key."""
        state = self._selected()
        if state:
            self.dashboard.desk.revoke(state)

    def action_new_key(self) -> None:
        """Issue a key."""
        self.dashboard.desk.new_key()

    @on(LineTable.Opened)
    def _opened(self, event: LineTable.Opened) -> None:
        event.stop()
        self.dashboard.show_algo(cast(AlgoRow, event.row).state.name)
