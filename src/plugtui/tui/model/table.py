"""A bounded table of rows with keys: filter, sort, freeze, hold and a counter of what waits.

The table knows no widget. A *view* is the list of rows to show, in order. While the table is *frozen* (by the reader's key)
or *held* (the reader has moved away from the newest row) the view stands still and :attr:`Table.pending` counts what has
come since.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Cell:
    """Text and the name of its style (a suffix of a component class: ``up``, ``down``, ``dim``, ``warn``, ``bad``)."""

    text: str
    style: str = ""


@dataclass(frozen=True)
class Column(Generic[R]):
    """One column of a table.

    ``cell`` gives the full text; ``short``, when given, a shorter one that is used where the full table does not fit.
    Columns with a higher ``rank`` are left out first; rank 0 always stays. The width grows from ``least`` with what was
    shown, up to ``most``, and never shrinks, so that columns do not jump.
    """

    key: str
    title: str
    cell: Callable[[R], Cell]
    sort: Callable[[R], Any] | None = None
    align: str = "left"
    least: int = 4
    most: int = 16
    rank: int = 0
    short: Callable[[R], Cell] | None = None
    short_width: int = 0
    short_rank: int = 99
    """The short form is taken only when no column of this rank or a higher one is left: rather those go than precision."""
    descending: bool = False
    """Sort direction of the first press: numbers start with the largest."""
    elastic: bool = False
    """A name: where it is tight, it may shrink to ``least`` before a column is left out."""


@dataclass(frozen=True, slots=True)
class Sort:
    """The column that orders the view, and the direction."""

    key: str
    descending: bool


class Table(Generic[R]):
    """Rows by key, and the view of them.

    Args:
        columns: what can be shown and sorted by.
        key: the identity of a row; a row with a known key replaces the old one.
        words: the text that a filter looks through.
        limit: rows kept; the oldest leave first.
        newest_first: the natural order of a log; without it rows stay in the order of arrival, and the view never holds.
        shown: a row for which this returns false is kept but not shown.
    """

    def __init__(
        self,
        columns: Sequence[Column[R]],
        *,
        key: Callable[[R], str],
        words: Callable[[R], str],
        limit: int = 5000,
        newest_first: bool = False,
        shown: Callable[[R], bool] | None = None,
    ) -> None:
        self.columns = list(columns)
        self.limit = limit
        self.newest_first = newest_first
        self.version = 0
        """Rises whenever the view may have changed."""
        self._key, self._words, self._shown = key, words, shown
        self._rows: dict[str, R] = {}
        self._order: Sort | None = None
        self._filter = ""
        self._frozen = self._held = False
        self._kept: list[R] | None = None
        self._pending = 0
        self._dropped = 0
        self._view: list[R] = []
        self._view_version = -1

    # ------------------------------------------------------------ rows

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, key: object) -> bool:
        return key in self._rows

    def get(self, key: str) -> R | None:
        """Return the row with that key."""
        return self._rows.get(key)

    def rows(self) -> Iterable[R]:
        """Return all rows, the oldest first, whether shown or not."""
        return self._rows.values()

    def key_of(self, row: R) -> str:
        """Return the identity of ``row``."""
        return self._key(row)

    def put(self, row: R) -> None:
        """Add a row, or replace the one with the same key."""
        key = self._key(row)
        known = key in self._rows
        self._rows[key] = row
        self.version += 1
        if known:
            self._replace_in_kept(key, row)
            return
        if len(self._rows) > self.limit:
            del self._rows[next(iter(self._rows))]
            self._dropped += 1
        if self._kept is not None and self._passes(row, self._terms()):
            self._pending += 1

    def _replace_in_kept(self, key: str, row: R) -> None:
        if self._kept is None or self._frozen:
            return
        for index, old in enumerate(self._kept):
            if self._key(old) == key:
                self._kept[index] = row
                return

    def set_all(self, rows: Iterable[R]) -> None:
        """Replace all rows; a table of states rather than of events."""
        self._rows = {self._key(row): row for row in rows}
        self.version += 1

    def clear(self) -> None:
        """Forget all rows and go on from the newest."""
        self._rows.clear()
        self._dropped = 0
        self._frozen = self._held = False
        self._release()

    # ------------------------------------------------------------ what the reader chose

    @property
    def sort(self) -> Sort | None:
        """The chosen order; ``None`` is the natural one."""
        return self._order

    @sort.setter
    def sort(self, order: Sort | None) -> None:
        self._order = order
        self._rekeep()

    def cycle_sort(self, key: str) -> None:
        """Sort by that column; again for the other direction; a third time for the natural order."""
        column = self.column(key)
        if column is None or column.sort is None:
            return
        first = Sort(key, column.descending)
        second = Sort(key, not column.descending)
        self.sort = first if self._order not in (first, second) else second if self._order == first else None

    def next_sort(self, among: Collection[str] | None = None) -> None:
        """Sort by the next sortable column (of those that are shown), and after the last one in the natural order."""
        keys = [column.key for column in self.columns if column.sort and (among is None or column.key in among)]
        at = keys.index(self._order.key) + 1 if self._order and self._order.key in keys else 0
        column = self.column(keys[at]) if at < len(keys) else None
        self.sort = Sort(column.key, column.descending) if column else None

    def column(self, key: str) -> Column[R] | None:
        """Return the column with that key."""
        return next((column for column in self.columns if column.key == key), None)

    @property
    def filter(self) -> str:
        """Words that a row must contain, in any order; one with a leading ``-`` it must not contain."""
        return self._filter

    @filter.setter
    def filter(self, text: str) -> None:
        self._filter = text
        self._rekeep()

    def changed(self) -> None:
        """Tell that ``shown`` now answers differently."""
        self._rekeep()

    @property
    def frozen(self) -> bool:
        """The reader has stopped the view."""
        return self._frozen

    def freeze(self, on: bool) -> None:
        """Stop the view, or let it go on."""
        self._frozen = on
        self._keep_or_release()

    def hold(self, on: bool) -> None:
        """Keep the view still while the reader looks at older rows."""
        if self.newest_first and on != self._held:
            self._held = on
            self._keep_or_release()

    @property
    def held(self) -> bool:
        """The view stands still because the reader has moved away from the newest row."""
        return self._held

    @property
    def pending(self) -> int:
        """Rows that came since the view stands still and that pass the filter."""
        return self._pending

    def _keep_or_release(self) -> None:
        if not (self._frozen or self._held):
            self._release()
        elif self._kept is None:
            self._kept = list(self.view())
            self.version += 1

    def _release(self) -> None:
        self._kept = None
        self._pending = 0
        self.version += 1

    def _rekeep(self) -> None:
        """Order or filter changed: a view that stands still is made again from what is there now."""
        if self._kept is not None:
            self._pending = 0
            self._kept = self._make(self._rows.values())
        self.version += 1

    # ------------------------------------------------------------ the view

    def view(self) -> Sequence[R]:
        """Return the rows to show, in order. The same list until :attr:`version` changes."""
        if self._kept is not None:
            return self._kept
        if self._view_version != self.version:
            self._view = self._make(self._rows.values())
            self._view_version = self.version
        return self._view

    def _make(self, rows: Iterable[R]) -> list[R]:
        terms = self._terms()
        result = [row for row in rows if self._passes(row, terms)] if terms or self._shown else list(rows)
        if self.newest_first:
            result.reverse()
        column = self.column(self._order.key) if self._order else None
        if column and column.sort and self._order:
            sort = column.sort
            known = [row for row in result if sort(row) is not None]
            unknown = [row for row in result if sort(row) is None]
            known.sort(key=sort, reverse=self._order.descending)
            return known + unknown
        return result

    def _terms(self) -> list[str]:
        return [term for term in self._filter.lower().split() if term != "-"]

    def _passes(self, row: R, terms: list[str]) -> bool:
        if self._shown is not None and not self._shown(row):
            return False
        if not terms:
            return True
        words = self._words(row).lower()
        return all((term[1:] not in words) if term[0] == "-" else (term in words) for term in terms)


# ---------------------------------------------------------------- layout


@dataclass(frozen=True, slots=True)
class Placed(Generic[R]):
    """A column with its place on the line."""

    column: Column[R]
    x: int
    width: int
    short: bool


def lay_out(columns: Sequence[Column[R]], wanted: dict[str, int], width: int) -> list[Placed[R]]:
    """Choose the columns that fit into ``width`` cells, and place them.

    Args:
        wanted: key → the width that its texts asked for so far.

    First short forms are taken, then columns are left out by rank; what remains is spread over the gaps (at most three
    cells each), so that a wide terminal looks airy rather than crowded on the left.
    """
    chosen = list(columns)
    while chosen:
        elastic = [column.rank for column in chosen if column.elastic]
        least = bool(elastic) and max(column.rank for column in chosen) <= max(elastic)
        top = max(column.rank for column in chosen)
        for short, tight in ((False, False), (True, False), (True, True))[: 3 if least else 2]:
            shorts = [short and column.short is not None and top < column.short_rank for column in chosen]
            widths = [
                _width(column, {} if tight and column.elastic else wanted, is_short)
                for column, is_short in zip(chosen, shorts, strict=True)
            ]
            if sum(widths) + len(chosen) - 1 <= width:
                return _place(chosen, widths, shorts, width)
        droppable = [column for column in chosen if column.rank > 0]
        if not droppable:
            break
        chosen.remove(max(reversed(droppable), key=lambda column: column.rank))
    shorts = [column.short is not None for column in chosen]
    return _place(chosen, _squeeze([_width(c, wanted, True) for c in chosen], width), shorts, width)


def _width(column: Column[R], wanted: dict[str, int], short: bool) -> int:
    if short and column.short is not None:
        return max(column.short_width, len(column.title) if column.short_width >= 4 else 0)
    return min(max(column.least, len(column.title), wanted.get(column.key, 0)), max(column.most, len(column.title)))


def _squeeze(widths: list[int], width: int) -> list[int]:
    """Take cells from the widest column until the line fits."""
    while widths and sum(widths) + len(widths) - 1 > width and max(widths) > 1:
        widths[widths.index(max(widths))] -= 1
    return widths


def _place(columns: Sequence[Column[R]], widths: Sequence[int], shorts: Sequence[bool], width: int) -> list[Placed[R]]:
    gaps = max(1, len(columns) - 1)
    gap = min(3, max(1, (width - sum(widths)) // gaps))
    placed: list[Placed[R]] = []
    x = 0
    for column, cells, short in zip(columns, widths, shorts, strict=True):
        placed.append(Placed(column, x, cells, short))
        x += cells + gap
    return placed
