"""Everything that happened: joins, leaves, gaps, rejects, notices."""

from typing import ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from plugtui.tui import format as fmt
from plugtui.tui.model.events import EventRow
from plugtui.tui.panes.base import FilterInput, filter_table
from plugtui.tui.screens.base import Question, Window
from plugtui.tui.widgets.lines import LineTable


class EventsScreen(Window[None]):
    """The log, newest first.

    Args:
        words: what to filter by at first.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter", id="events-filter", tooltip="Show only lines with these words"),
        Binding("e", "close", "close", id="events-close", show=False, tooltip="Back to the panes"),
    ]

    def __init__(self, words: str = "") -> None:
        super().__init__()
        self._words = words

    def compose(self) -> ComposeResult:
        """Lay out table and filter."""
        with Vertical(classes="window -wide") as window:
            window.border_title = "Events"
            yield LineTable(self.world.events.table, empty=lambda: ["nothing has happened yet"], id="events-table")
            yield FilterInput()

    def on_mount(self) -> None:
        """Start in the table."""
        self.query_one(FilterInput).value = self._words
        self.query_one(LineTable).focus()

    def paint_screen(self, now_ns: int) -> None:
        """Draw what is new."""
        self.query_one(LineTable).paint()

    def action_filter(self) -> None:
        """Open the filter."""
        field = self.query_one(FilterInput)
        field.add_class("-open")
        field.focus()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        filter_table(event.input, self.query_one(LineTable))

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        event.input.remove_class("-open")
        self.query_one(LineTable).focus()

    @on(LineTable.Opened)
    def _opened(self, event: LineTable.Opened) -> None:
        event.stop()
        row = cast(EventRow, event.row)
        if row.order_id:
            self.dashboard.show_order(row.order_id)
        elif row.algo and self.world.algos.state(row.algo):
            self.dashboard.show_algo(row.algo)
        else:
            text = [f"{fmt.stamp(row.time_ns, self.world.zone)}", "", row.text, *([row.hint] if row.hint else [])]
            self.app.push_screen(Question(row.kind, text, [("ok", "Close", "primary")]))
