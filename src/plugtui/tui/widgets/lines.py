"""The hot table: rows of a :class:`~plugtui.tui.model.table.Table`, drawn line by line.

Only lines that changed are drawn, from a cache of strips, so that a flood of rows costs about a millisecond a repaint. The
cursor stays on its row: when it is on the newest one it follows, when the reader has moved away the table holds still and
counts what waits.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeVar

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from plugtui.tui.format import fit
from plugtui.tui.model.table import Cell, Placed, Table, lay_out
from plugtui.tui.widgets.painted import Toned

R = TypeVar("R")

_CACHE = 600
_HEADER = 1


class LineTable(ScrollView, Toned, Generic[R], can_focus=True, inherit_bindings=False):
    """Show a table; keys, mouse, selection, sort, freeze.

    Args:
        table: the rows.
        empty: lines to show when there are none ("what to press").
        ending: what stands below the last row when the list is not all there is.
    """

    key_group = "rows"

    # Textual follows the first base only, so the tones are named here again.
    COMPONENT_CLASSES = Toned.COMPONENT_CLASSES

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", id="row-up", show=False, tooltip="One row up"),
        Binding("down,j", "move(1)", "Down", id="row-down", show=False, tooltip="One row down"),
        Binding("pageup,ctrl+u", "page(-1)", "Page up", id="page-up", show=False, tooltip="One page up"),
        Binding("pagedown,ctrl+d", "page(1)", "Page down", id="page-down", show=False, tooltip="One page down"),
        Binding("home,g", "top", "Top", id="top", show=False, tooltip="First row; a log goes on following"),
        Binding("end,G", "bottom", "Bottom", id="bottom", show=False, tooltip="Last row"),
        Binding("s", "sort", "sort", id="sort", tooltip="Sort by the next column (or click a header)"),
        Binding("S", "reverse", "Reverse", id="sort-reverse", show=False, tooltip="Turn the order round"),
        Binding("f", "freeze", "freeze", id="freeze", tooltip="Stop the table, or let it go on"),
        Binding("enter", "open", "detail", id="open", tooltip="Show everything about the selected row"),
    ]

    class Opened(Message):
        """Enter or a double click on a row."""

        def __init__(self, table: "LineTable[Any]", row: Any) -> None:
            super().__init__()
            self.table, self.row = table, row

        @property
        def control(self) -> "LineTable[Any]":
            """The table it came from."""
            return self.table

    def __init__(
        self,
        table: Table[R],
        *,
        empty: Callable[[], list[str]] | None = None,
        ending: Callable[[], str] | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.table = table
        self._empty, self._ending = empty, ending
        self._cursor_key: str | None = None
        self._cursor = 0
        self._placed: list[Placed[R]] = []
        self._layout: tuple[Any, ...] = ()
        self._strips: dict[tuple[str, str], tuple[R, Strip]] = {}
        self._painted: list[Any] = []
        self._moved = False
        """The reader has put the cursor somewhere: from then on it stays on its row, not on its line."""
        self._version = -1
        self._looks = table.looks
        self._words: list[str] = []
        self._headings: list[tuple[int, str]] = []

    # ------------------------------------------------------------ painting

    def paint(self) -> bool:
        """Draw what has changed since the last call; returns whether there was anything."""
        words = [] if self.table.view() else self._empty_text()
        if (self._version == self.table.version and words == self._words) or not self.size.width:
            return False
        self._version, self._words = self.table.version, words
        if self._looks != self.table.looks:
            self._looks = self.table.looks
            self._strips.clear()
            self._painted = []
        self._headings = self.table.headings()
        self._follow()
        self._place()
        self._resize_view()
        self._redraw_changed()
        return True

    def _follow(self) -> None:
        view = self.table.view()
        if not self._at_top and self._cursor_key is not None:
            self._cursor = self._index_of(self._cursor_key, self._cursor)
        self._cursor = max(0, min(self._cursor, len(view) - 1))
        self._cursor_key = self.table.key_of(view[self._cursor]) if view else None

    def _index_of(self, key: str, hint: int) -> int:
        view, key_of = self.table.view(), self.table.key_of
        if hint < len(view) and key_of(view[hint]) == key:
            return hint
        return next((index for index, row in enumerate(view) if key_of(row) == key), hint)

    @property
    def _at_top(self) -> bool:
        """The cursor stays on the first line: it follows the newest row of a log, or nobody has moved it yet."""
        if not self.table.newest_first:
            return not self._moved
        return self._cursor == 0 and self.table.sort is None

    def _place(self) -> None:
        # A cell stays free between the last column and the scroll bar, where there is one.
        width = self.scrollable_content_region.width - min(1, self.styles.scrollbar_size_vertical)
        layout = (width, self.table.sort, tuple(self.table.widest.items()))
        if layout != self._layout:
            self._layout = layout
            columns = self.table.columns
            placed = lay_out(columns, self.table.widest, width)
            if placed != self._placed:
                self._placed = placed
                self._strips.clear()
            self._painted = []

    def _resize_view(self) -> None:
        lines = len(self.table.view()) + len(self._headings) + bool(self._ending_text())
        size = Size(self.scrollable_content_region.width, lines + _HEADER)
        before = self.virtual_size
        if size == before:
            return
        visible = self.size.height
        if (
            size.width == before.width
            and size.height > before.height
            and (visible < before.height) == (visible < size.height)
        ):
            # A row more, and it scrolls or does not as before: the reactive would have the whole screen laid out anew.
            self.set_reactive(LineTable.virtual_size, size)
            if self.show_vertical_scrollbar:
                self.vertical_scrollbar.window_virtual_size = size.height
        else:
            self.virtual_size = size

    def _redraw_changed(self) -> None:
        height, width = self.size.height, self.size.width
        lines = [self._line_identity(y) for y in range(height)]
        if len(self._painted) != height:
            self._painted = lines
            self.refresh()
            return
        for y, (before, after) in enumerate(zip(self._painted, lines, strict=True)):
            if before != after:
                self.refresh(Region(0, y, width, 1))
        self._painted = lines

    def _line_identity(self, y: int) -> Any:
        if y < _HEADER:
            return ("header", self.table.sort)
        at = self._at(int(self.scroll_y) + y - _HEADER)
        view = self.table.view()
        if at is None:
            return None if view else tuple(self._words)
        return at if isinstance(at, str) else (view[at], at == self._cursor)

    def _at(self, line: int) -> int | str | None:
        """Return what stands on that line: the index of a row, a heading, or nothing."""
        above = 0
        for index, heading in self._headings:
            if line <= index + above:
                if line == index + above:
                    return heading
                break
            above += 1
        rows = len(self.table.view())
        if rows and line - above == rows:
            return self._ending_text() or None
        return line - above if 0 <= line - above < rows else None

    def _ending_text(self) -> str:
        return self._ending() if self._ending else ""

    def _line_of(self, index: int) -> int:
        """Return the line of a row."""
        return index + sum(1 for at, _ in self._headings if at <= index)

    def _row_near(self, line: int) -> int:
        """Return the row on that line; for a heading the one below it."""
        at = self._at(line)
        if isinstance(at, str):
            at = self._at(line + 1)
        return at if isinstance(at, int) else max(0, len(self.table.view()) - 1)

    def render_line(self, y: int) -> Strip:
        """Draw one line of what is visible."""
        width = self.size.width
        if not self._placed:
            self._place()
        if y < _HEADER:
            return self._header().adjust_cell_length(width, self.tone("header"))
        view = self.table.view()
        at = self._at(int(self.scroll_y) + y - _HEADER)
        if isinstance(at, str):
            return self._heading(at, width)
        if at is not None:
            return self._row(view[at], at == self._cursor).adjust_cell_length(width)
        if not view:
            return self._empty_line(y - _HEADER, width)
        return Strip.blank(width, self.tone(""))

    def _heading(self, text: str, width: int) -> Strip:
        if cell_len(text) + 5 > width:
            text = text.partition(":")[0]
        rule = Segment("─" * max(0, width - cell_len(text) - 4), self.tone("line"))
        return Strip([Segment("── ", self.tone("line")), Segment(f"{text} ", self.tone("dim")), rule])

    def _header(self) -> Strip:
        segments: list[Segment] = []
        x = 0
        for placed in self._placed:
            segments.append(Segment(" " * (placed.x - x), self.tone("header")))
            title, tone = placed.column.title, "header"
            if self.table.sort and self.table.sort.key == placed.column.key:
                mark = "▼" if self.table.sort.descending else "▲"
                title = (title if len(title) < placed.width else title[: placed.width - 1]) + mark
                tone = "sorted"
            segments.append(Segment(fit(title, placed.width, placed.column.align), self.tone(tone, "header")))
            x = placed.x + placed.width
        return Strip(segments)

    def _row(self, row: R, selected: bool) -> Strip:
        over = "" if not selected else "cursor" if self.has_focus else "cursor-away"
        identity = (self.table.key_of(row), over)
        drawn = self._strips.get(identity)
        if drawn is not None and (drawn[0] is row or drawn[0] == row):
            return drawn[1]
        if len(self._strips) >= _CACHE:
            self._strips.clear()
        strip = self._draw(row, over)
        self._strips[identity] = (row, strip)
        return strip

    def _draw(self, row: R, over: str) -> Strip:
        blank = self.tone("", over)
        segments: list[Segment] = []
        x = 0
        for placed in self._placed:
            if placed.x > x:
                segments.append(Segment(" " * (placed.x - x), blank))
            cell = self._cell(placed, row)
            segments.append(Segment(fit(cell.text, placed.width, placed.column.align), self.tone(cell.style, over)))
            x = placed.x + placed.width
        return Strip(segments).adjust_cell_length(self.size.width, blank)

    @staticmethod
    def _cell(placed: Placed[R], row: R) -> Cell:
        short = placed.column.short
        if short and placed.short:
            return short(row)
        cell = placed.column.cell(row)
        return short(row) if short and len(cell.text) > placed.width else cell

    def _empty_line(self, y: int, width: int) -> Strip:
        lines = self._words or self._empty_text()
        top = max(0, (self.size.height - _HEADER - len(lines)) // 2)
        text = lines[y - top] if 0 <= y - top < len(lines) else ""
        return Strip([Segment(fit(text.center(width).rstrip(), width), self.tone("dim"))])

    def _empty_text(self) -> list[str]:
        if self.table.filter:
            return [f"nothing matches “{self.table.filter}”", "esc clears the filter"]
        return self._empty() if self._empty else []

    def notify_style_update(self) -> None:
        """Forget what was drawn in the old colours."""
        self._strips.clear()
        self._painted = []
        super().notify_style_update()

    def repaint(self) -> None:
        """Draw everything again at the next :meth:`paint`."""
        self._version = -1
        self._painted = []

    def on_resize(self) -> None:
        """Place the columns again."""
        self._strips.clear()
        self.repaint()
        self.paint()

    def watch_has_focus(self, focused: bool) -> None:
        """The cursor's colour tells whether keys come here."""
        super().watch_has_focus(focused)
        self.repaint()
        self.paint()

    @property
    def below(self) -> int:
        """Rows that stand below what can be seen."""
        last = int(self.scroll_y) + self.size.height - _HEADER - 1
        headings = sum(1 for above, (index, _) in enumerate(self._headings) if index + above <= last)
        return max(0, len(self.table.view()) - (last + 1 - headings))

    # ------------------------------------------------------------ cursor

    @property
    def selected(self) -> R | None:
        """The row under the cursor."""
        view = self.table.view()
        return view[self._cursor] if 0 <= self._cursor < len(view) else None

    def select(self, key: str) -> None:
        """Put the cursor on the row with that key."""
        self._go(self._index_of(key, self._cursor))

    def _go(self, index: int) -> None:
        self._moved = True
        view = self.table.view()
        self._cursor = max(0, min(index, len(view) - 1))
        self._cursor_key = self.table.key_of(view[self._cursor]) if view else None
        self.table.hold(self._cursor > 0)
        self._scroll_to_cursor()
        self.repaint()
        self.paint()

    def _scroll_to_cursor(self) -> None:
        rows = max(1, self.size.height - _HEADER)
        top = int(self.scroll_y)
        line = self._line_of(self._cursor)
        first = line - 1 if isinstance(self._at(line - 1), str) and rows > 1 else line
        last = line + 1 if self._cursor == len(self.table.view()) - 1 and self._ending_text() and rows > 1 else line
        if first < top:
            top = first
        elif last >= top + rows:
            top = last - rows + 1
        else:
            return
        self._resize_view()
        self.scroll_to(y=top, animate=False, immediate=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Whoever scrolls away from the top (wheel, bar) reads older rows: hold still, and take the cursor along."""
        super().watch_scroll_y(old_value, new_value)
        if int(old_value) == int(new_value):
            return
        rows = max(1, self.size.height - _HEADER)
        top = int(new_value)
        line = self._line_of(self._cursor)
        if not top <= line < top + rows:
            self._cursor = self._row_near(top if line < top else top + rows - 1)
        view = self.table.view()
        self._cursor = max(0, min(self._cursor, len(view) - 1))
        self._cursor_key = self.table.key_of(view[self._cursor]) if view else None
        self.table.hold(self._cursor > 0 or top > 0)
        self.repaint()
        self.paint()

    # ------------------------------------------------------------ actions

    def action_move(self, by: int) -> None:
        """Move the cursor."""
        self._go(self._cursor + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by a page."""
        self._go(self._cursor + by * max(1, self.size.height - _HEADER - 1))

    def action_top(self) -> None:
        """Go to the first row; a log follows again."""
        self._cursor = 0
        self.scroll_to(y=0, animate=False, immediate=True)
        self._go(0)

    def action_bottom(self) -> None:
        """Go to the last row."""
        self._go(len(self.table.view()) - 1)

    def action_sort(self) -> None:
        """Sort by the next column."""
        self.table.next_sort([placed.column.key for placed in self._placed])
        self._sorted()

    def action_reverse(self) -> None:
        """Turn the order round."""
        if self.table.sort:
            self.table.cycle_sort(self.table.sort.key)
            self._sorted()

    def _sorted(self) -> None:
        # In a new order the eye looks for its row, not for its line.
        self._moved = True
        self._layout = ()
        self.repaint()
        self.paint()

    def action_freeze(self) -> None:
        """Stop the table, or let it go on."""
        self.table.freeze(not self.table.frozen)
        self.repaint()
        self.paint()

    def action_open(self) -> None:
        """Open the selected row."""
        row = self.selected
        if row is not None:
            self.post_message(self.Opened(self, row))

    def on_click(self, event: events.Click) -> None:
        """Select a row, open it with the second click, or sort by a header."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        event.stop()
        if offset.y < _HEADER:
            self._sort_at(offset.x)
            return
        at = self._at(int(self.scroll_y) + offset.y - _HEADER)
        if isinstance(at, int):
            self._go(at)
            if event.chain == 2:
                self.action_open()

    def _sort_at(self, x: int) -> None:
        for placed in self._placed:
            if placed.x <= x < placed.x + placed.width:
                self.table.cycle_sort(placed.column.key)
                self._sorted()
                return
