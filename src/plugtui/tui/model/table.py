"""A bounded table of rows with keys: filter, sort, freeze, hold and a counter of what waits.

The table knows no widget. A *view* is the list of rows to show, in order. While the table is *frozen* (by the reader's key)
or *held* (the reader has moved away from the newest row) the view stands still and :attr:`Table.pending` counts what has
come since.

Where the columns stand follows from the width of the table alone; see :func:`lay_out` for the one exception, a long name.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

from rich.cells import cell_len

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Cell:
    """Text and the name of its style (a suffix of a component class: ``up``, ``down``, ``dim``, ``warn``, ``bad``)."""

    text: str
    style: str = ""


@dataclass(frozen=True)
class Column(Generic[R]):
    """One column of a table.

    ``cell`` gives the full text; ``short``, when given, a shorter one that is used where the full table does not fit, and
    for a text that is longer than its column. Columns with a higher ``rank`` are left out first; rank 0 always stays. A
    column is at least ``least`` cells wide and gets up to ``most`` where the table is wide enough.
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
    """A name: it asks for the room of the longest one so far, up to ``most``; where it is tight, it may shrink to
    ``least`` before a column of its rank or a lower one is left out."""


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
        place: gives the time of a log's row: one that comes late gets its place among the others; without it, the newest
            is what came last.
        group: the heading that a row stands under; groups keep the order in which they arrived, and sorting never mixes
            them.
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
        place: Callable[[R], int] | None = None,
        group: Callable[[R], str] | None = None,
    ) -> None:
        self.columns = list(columns)
        self.limit = limit
        self.newest_first = newest_first
        self.version = 0
        """Rises whenever the view may have changed."""
        self.looks = 0
        """Rises when rows that are equal look different."""
        self.widest: dict[str, int] = {}
        """Elastic column → cells of its longest text so far; never shrinks, so that names that come and go move nothing."""
        self._names = [column for column in self.columns if column.elastic]
        self._key, self._words, self._shown, self._group = key, words, shown, group
        self._place = place
        self._newest: int | None = None
        self._mixed = False
        """A row came late, and stands after newer ones for now."""
        self._rows: dict[str, R] = {}
        self._order: Sort | None = None
        self._filter = ""
        self._frozen = self._held = False
        self._kept: list[R] | None = None
        self._pending = 0
        self.dropped = 0
        """Rows that had to leave because there were too many."""
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

    def put(self, row: R, *, news: bool = True) -> None:
        """Add a row, or replace the one with the same key; one that is no ``news`` does not count as waiting."""
        key = self._key(row)
        known = key in self._rows
        self._rows[key] = row
        self._measure(row)
        self.version += 1
        if known:
            self._replace_in_kept(key, row)
            return
        if self._place is not None:
            self._note_place(self._place(row))
        if len(self._rows) > self.limit + self.limit // 10:
            # Dropping rows one by one costs more than all else here: a few too many may wait.
            self._settle()
        if news and self._kept is not None and self._passes(row, self._terms()):
            self._pending += 1

    def _note_place(self, place: int) -> None:
        if self._newest is not None and place < self._newest:
            self._mixed = True
        else:
            self._newest = place

    def _settle(self) -> None:
        """Give rows that came late their place, and drop the oldest that are too many."""
        place, too_many = self._place, max(0, len(self._rows) - self.limit)
        if place is not None and self._mixed:
            ordered = sorted(self._rows.items(), key=lambda item: place(item[1]))
            self._rows = dict(ordered[too_many:])
            self._mixed = False
        elif too_many:
            self._rows = dict(islice(self._rows.items(), too_many, None))
        self.dropped += too_many

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
        for row in self._rows.values():
            self._measure(row)
        self.version += 1

    def _measure(self, row: R) -> None:
        for column in self._names:
            text = column.cell(row).text
            cells = len(text) if text.isascii() else cell_len(text)
            if cells > self.widest.get(column.key, 0):
                self.widest[column.key] = cells

    def clear(self) -> None:
        """Forget all rows and go on from the newest."""
        self._rows.clear()
        self.dropped = 0
        self._newest, self._mixed = None, False
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

    def redress(self) -> None:
        """Tell that rows look different although they are the same."""
        self.looks += 1
        self.version += 1

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
            self._kept = self._make()
        self.version += 1

    # ------------------------------------------------------------ the view

    def view(self) -> Sequence[R]:
        """Return the rows to show, in order. The same list until :attr:`version` changes."""
        if self._kept is not None:
            return self._kept
        if self._view_version != self.version:
            self._view = self._make()
            self._view_version = self.version
        return self._view

    def _make(self) -> list[R]:
        self._settle()
        rows = self._rows.values()
        terms, shown = self._terms(), self._shown
        if terms:
            result = [row for row in rows if self._passes(row, terms)]
        else:
            result = [row for row in rows if shown(row)] if shown else list(rows)
        if self.newest_first:
            result.reverse()
        column = self.column(self._order.key) if self._order else None
        if column and column.sort and self._order:
            sort = column.sort
            known = [row for row in result if sort(row) is not None]
            unknown = [row for row in result if sort(row) is None]
            known.sort(key=sort, reverse=self._order.descending)
            result = known + unknown
        return self._grouped(result) if self._group else result

    def _grouped(self, rows: list[R]) -> list[R]:
        group = self._group or _no_group
        groups: dict[str, list[R]] = {group(row): [] for row in self._rows.values()}
        for row in rows:
            groups.setdefault(group(row), []).append(row)
        return [row for listed in groups.values() for row in listed]

    @property
    def groups(self) -> list[str]:
        """The headings of all rows, in the order in which they stand, whether a filter shows any of their rows or not."""
        return list(dict.fromkeys(map(self._group, self._rows.values()))) if self._group else []

    def headings(self) -> list[tuple[int, str]]:
        """Return (index in the view, heading that stands above that row); none where there is but one group."""
        if self._group is None or len(self.groups) < 2:
            return []
        found: list[tuple[int, str]] = []
        for index, row in enumerate(self.view()):
            name = self._group(row)
            if not found or found[-1][1] != name:
                found.append((index, name))
        return found

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


def lay_out(columns: Sequence[Column[R]], names: Mapping[str, int], width: int) -> list[Placed[R]]:
    """Choose the columns that fit into ``width`` cells, and place them.

    Args:
        names: key of an elastic column → cells of its longest text so far.

    The rule: which columns are shown, in which form and where, follows from ``width`` alone, never from the numbers in
    the rows. First short forms are taken, then columns are left out by rank; what remains goes to the gaps, the numbers
    and the names, each up to its most. Only a name that is longer than the room its column got this way, and than all
    before it, lays the table out once more.
    """
    placed = _lay_out(columns, {}, width)
    short_of_room = any(
        min(names.get(p.column.key, 0), p.column.most) > p.width for p in placed if p.column.elastic and not p.short
    )
    return _lay_out(columns, names, width) if short_of_room else placed


def _lay_out(columns: Sequence[Column[R]], names: Mapping[str, int], width: int) -> list[Placed[R]]:
    chosen = list(columns)
    while chosen:
        elastic = [column.rank for column in chosen if column.elastic]
        least = bool(elastic) and max(column.rank for column in chosen) <= max(elastic)
        top = max(column.rank for column in chosen)
        for short, tight in ((False, False), (True, False), (True, True))[: 3 if least else 2]:
            shorts = [short and column.short is not None and top < column.short_rank for column in chosen]
            wanted = {} if tight else names
            widths = [_width(column, wanted, is_short) for column, is_short in zip(chosen, shorts, strict=True)]
            if sum(widths) + len(chosen) - 1 <= width:
                _lengthen(chosen, widths, shorts, wanted, width)
                return _place(chosen, widths, shorts, width, names if tight else {})
        droppable = [column for column in chosen if column.rank > 0]
        if not droppable:
            break
        chosen.remove(max(reversed(droppable), key=lambda column: column.rank))
    shorts = [column.short is not None for column in chosen]
    return _place(chosen, _squeeze([_width(c, {}, True) for c in chosen], width), shorts, width, {})


def _lengthen(
    columns: Sequence[Column[R]], widths: list[int], shorts: list[bool], names: Mapping[str, int], width: int
) -> None:
    """Take the full form again where what is left over has room for it, from the right: there stands what counts most."""
    spare = width - sum(widths) - len(widths) + 1
    for i in reversed(range(len(columns))):
        more = _width(columns[i], names, False) - widths[i]
        if shorts[i] and more <= spare:
            shorts[i] = False
            widths[i] += more
            spare -= more


def _width(column: Column[R], names: Mapping[str, int], short: bool) -> int:
    if short and column.short is not None:
        return max(column.short_width, len(column.title) if column.short_width >= 4 else 0)
    least = max(column.least, len(column.title))
    return max(least, min(names.get(column.key, 0), column.most)) if column.elastic else least


def _squeeze(widths: list[int], width: int) -> list[int]:
    """Take cells from the widest column until the line fits."""
    while widths and sum(widths) + len(widths) - 1 > width and max(widths) > 1:
        widths[widths.index(max(widths))] -= 1
    return widths


def _place(
    columns: Sequence[Column[R]],
    widths: Sequence[int],
    shorts: Sequence[bool],
    width: int,
    names: Mapping[str, int],
) -> list[Placed[R]]:
    """Place the columns; names that were made tight get spare cells before anything else does."""
    cells = list(widths)
    spare = width - sum(cells) - len(cells) + 1
    tight = [max(cells[i], min(names.get(c.key, 0), c.most)) if c.elastic else cells[i] for i, c in enumerate(columns)]
    spare = _grow(cells, tight, spare)
    gaps = max(1, len(cells) - 1)
    gap = 1 + min(1, max(0, spare // gaps))
    spare -= (gap - 1) * gaps
    most = [cells[i] if shorts[i] else max(cells[i], column.most) for i, column in enumerate(columns)]
    numbers = [most[i] if column.align == "right" else cells[i] for i, column in enumerate(columns)]
    spare = _grow(cells, numbers, spare)
    spare = _grow(cells, [most[i] if column.elastic else cells[i] for i, column in enumerate(columns)], spare)
    if spare >= gaps and gap == 2:
        gap, spare = 3, spare - gaps
    _grow(cells, most, spare)
    placed: list[Placed[R]] = []
    x = 0
    for column, wide, short in zip(columns, cells, shorts, strict=True):
        placed.append(Placed(column, x, wide, short))
        x += wide + gap
    return placed


def _grow(cells: list[int], most: Sequence[int], spare: int) -> int:
    """Deal ``spare`` cells out, one at a time to each that has not its most; returns what is left."""
    while spare > 0:
        hungry = [i for i, wide in enumerate(cells) if wide < most[i]][:spare]
        if not hungry:
            break
        for i in hungry:
            cells[i] += 1
        spare -= len(hungry)
    return spare


def _no_group(row: Any) -> str:
    return ""
