"""What the four panes have in common: a frame whose head says what is going on, a filter, a table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Input

from plugtui.tui import themes
from plugtui.tui.model.status import LinkStatus
from plugtui.tui.model.table import Table
from plugtui.tui.model.trouble import age_note
from plugtui.tui.model.world import World
from plugtui.tui.widgets.lines import LineTable
from plugtui.tui.widgets.painted import Painted, Run

if TYPE_CHECKING:
    from plugtui.tui.app import Dashboard


class PaneHead(Painted):
    """The upper edge of a pane: title on the left, what is chosen or waiting on the right; a double click zooms."""

    def show(self, left: Sequence[Run], right: Sequence[Run], *, focused: bool, framed: bool) -> None:
        """Draw the edge around these texts."""
        width = self.size.width
        edge = "line-focus" if focused else "line"
        # Where there are no colours the focus is told by the weight of the frame.
        corner, bar, last = ("┏", "━", "┓") if focused and self.app.theme == themes.MONO else ("╭", "─", "╮")
        start, end = (Run(f"{corner}{bar} ", edge), Run(f"{bar}{last}", edge)) if framed else (Run(""), Run(""))
        shown = tuple(right)
        rule = width - sum(cell_len(run.text) for run in (start, *left, *shown, end))
        if rule < (3 if framed else 1) and shown:
            shown = ()
            rule = width - sum(cell_len(run.text) for run in (start, *left, end))
        after = " " if shown and (rule > 3 or framed) else ""
        middle = " " + bar * max(0, rule - 1 - len(after) - (1 if shown and framed else 0)) + after
        tail = (Run(" ", edge),) if shown and framed else ()
        self.paint([(start, *left, Run(middle, edge), *shown, *tail, end)])

    async def on_click(self, event: events.Click) -> None:
        """Zoom, or do what the clicked stretch says."""
        if event.chain == 2:
            event.stop()
            await self.run_action("app.zoom")
        else:
            await super().on_click(event)


class FilterInput(Input):
    """Filters as one types; enter keeps the words, escape clears them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "clear filter", id="filter-clear", tooltip="Clear the filter"),
    ]

    def __init__(self) -> None:
        super().__init__(placeholder="words, -without", classes="filter", compact=True, select_on_focus=False)

    def action_dismiss(self) -> None:
        """Clear and close."""
        self.value = ""
        self.post_message(self.Submitted(self, ""))


def filter_table(field: Input, table: LineTable[Any]) -> None:
    """Apply what is typed."""
    if table.table.filter != field.value:
        table.table.filter = field.value
        table.repaint()
        table.paint()


class Pane(Vertical):
    """A pane; subclasses give number, title, body and what the head says."""

    key_group = "pane"
    number = 0
    name_shown = ""
    filterable = True

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter", id="filter", tooltip="Show only rows with these words"),
    ]

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._tables: list[LineTable[Any]] = []

    def compose(self) -> ComposeResult:
        """Lay out head, body and filter."""
        yield PaneHead(classes="pane-head")
        with Vertical(classes="pane-body"):
            yield from self.compose_body()
            if self.filterable:
                yield FilterInput()

    def compose_body(self) -> ComposeResult:
        """Yield the widgets of the body."""
        raise NotImplementedError

    @property
    def dashboard(self) -> "Dashboard":
        """The app."""
        return cast("Dashboard", self.app)

    @property
    def world(self) -> World:
        """Everything known."""
        return self.dashboard.world

    def main(self) -> Widget:
        """Return the widget that gets the focus."""
        return self.table_widget()

    def table_widget(self) -> LineTable[Any]:
        """Return the table that the filter and the head speak about."""
        return self.tables()[0]

    def tables(self) -> list[LineTable[Any]]:
        """Return the tables, the first one first."""
        if not self._tables:
            # Asked ten times a second, and what a pane is made of does not change.
            self._tables = list(self.query(LineTable))
        return self._tables

    def paint_pane(self, now_ns: int) -> None:
        """Draw what has changed; called at most ten times a second, only while visible."""
        for table in self.tables():
            table.paint()
        self.paint_head()

    def paint_head(self) -> None:
        """Draw the upper edge."""
        focused = self.has_focus_within
        framed = not self.screen.has_class("-tight")
        here = f"app.pane({self.number})"
        title = (Run(f"{self.number} ", "key", here), Run(self.name_shown, "title", here))
        left = (*title, *self.head_left())
        room = self.size.width - sum(cell_len(run.text) for run in left) - (9 if framed else 3)
        age = age_note(self.world, self.dashboard.now_ns(), room)
        # How old the numbers are is more than how many: and a colour alone would not say it.
        right = (Run(age, "warn"),) if age else tuple(self.head_right())
        self.query_one(PaneHead).show(left, right, focused=focused, framed=framed)

    def head_left(self) -> list[Run]:
        """Say what the reader has chosen: filter, freeze, sort."""
        return table_notes(self.table_widget().table)

    def head_right(self) -> list[Run]:
        """Say how much there is."""
        return []

    def on_descendant_focus(self) -> None:
        """Whoever has the focus is the active pane."""
        self.dashboard.activate(self)

    # ------------------------------------------------------------ filter

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A pane without a table offers no filter."""
        return action != "filter" or self.filterable

    def action_filter(self) -> None:
        """Open the filter."""
        field = self.query_one(FilterInput)
        field.add_class("-open")
        field.focus()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        filter_table(event.input, self.table_widget())
        self.paint_head()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        event.input.set_class(False, "-open")
        self.main().focus()

    def set_filter(self, words: str) -> None:
        """Filter by these words."""
        self.query_one(FilterInput).value = words

    def clear_filter(self) -> bool:
        """Forget the words; returns whether there were any."""
        if not self.filterable:
            return False
        field = self.query_one(FilterInput)
        had = bool(field.value)
        field.value = ""
        field.remove_class("-open")
        if field.has_focus:
            self.main().focus()
        return had


def waiting_lines(link: LinkStatus) -> list[str]:
    """Say why there is nothing to see while there is no engine; a card in the middle says more when there is more."""
    return ["waiting for the engine"] if link.state == "lost" else [link.detail or "starting the engine"]


def table_notes(table: Table[Any]) -> list[Run]:
    """Say in a head what stands between the reader and the newest row."""
    runs: list[Run] = []
    if table.filter:
        runs.append(Run(f" /{table.filter}", "accent", "app.clear_filter"))
    if table.frozen:
        runs.append(Run(" frozen", "warn"))
    if table.pending:
        runs.append(Run(f" {table.pending:,} new ↑", "warn"))
    elif table.held and not table.frozen:
        runs.append(Run(" held ↑", "dim"))
    return runs
