"""Pane 1: executions as they happen."""

from typing import ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from plugtui.tui.model.fills import FillRow
from plugtui.tui.panes.base import Pane, waiting_lines
from plugtui.tui.widgets.lines import LineTable
from plugtui.tui.widgets.painted import Run


class FillsPane(Pane):
    """One row an execution, newest first; rejects and cancels on demand."""

    number = 1
    name_shown = "Fills"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "rejects", "rejects", id="rejects", tooltip="Show or hide what the broker refused"),
        Binding("c", "cancels", "cancels", id="cancels", tooltip="Show or hide what was canceled or ran out"),
    ]

    def compose_body(self) -> ComposeResult:
        """Yield the table."""
        yield LineTable(self.world.fills.table, empty=self._empty, ending=self._ending, id="fills-table")

    def _ending(self) -> str:
        return "older ones: plugtui export fills" if self.world.fills.cut else ""

    def _empty(self) -> list[str]:
        if self.world.link.state != "connected":
            return waiting_lines(self.world.link)
        return ["no executions yet", "they appear here the moment they happen", "h in pane 4: connect an algorithm"]

    def head_right(self) -> list[Run]:
        """Say how many, and what is switched on."""
        book = self.world.fills
        switched = "".join(
            [" +rejects" if book.show_rejects else "", " +cancels" if book.show_cancels else ""],
        )
        return [Run(f"{book.executions:,}", "strong"), Run(switched, "dim")] if book.executions else []

    def action_rejects(self) -> None:
        """Show or hide rejects."""
        self.world.fills.toggle_rejects()
        self.paint_pane(0)

    def action_cancels(self) -> None:
        """Show or hide cancels."""
        self.world.fills.toggle_cancels()
        self.paint_pane(0)

    @on(LineTable.Opened)
    def _opened(self, event: LineTable.Opened) -> None:
        event.stop()
        self.dashboard.show_order(cast(FillRow, event.row).order_id)
