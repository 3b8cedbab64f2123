"""The bounded table: order, filter, freeze, hold, pending, and how its columns are laid out."""

from dataclasses import dataclass
from itertools import pairwise

import pytest

from plugtui.tui.model.table import Cell, Column, Sort, Table, lay_out


@dataclass(frozen=True)
class Row:
    key: str
    size: int | None


COLUMNS: list[Column[Row]] = [
    Column("key", "key", lambda r: Cell(r.key), lambda r: r.key, least=4, most=8),
    Column("size", "size", lambda r: Cell(str(r.size)), lambda r: r.size, "right", least=6, most=9, descending=True,
           short=lambda r: Cell("s"), short_width=2),
    Column("note", "note", lambda r: Cell(""), None, least=10, most=10, rank=2),
]  # fmt: skip


def make(*, newest_first: bool = True, limit: int = 100) -> Table[Row]:
    return Table(
        COLUMNS, key=lambda r: r.key, words=lambda r: f"{r.key} size{r.size}", limit=limit, newest_first=newest_first
    )


def keys(table: Table[Row]) -> str:
    return "".join(row.key for row in table.view())


def filled(letters: str = "abcd", **options: bool) -> Table[Row]:
    table = make(**options)
    for n, letter in enumerate(letters):
        table.put(Row(letter, n))
    return table


def test_a_log_shows_the_newest_first() -> None:
    assert keys(filled()) == "dcba"


def test_a_table_of_states_keeps_its_order() -> None:
    assert keys(filled(newest_first=False)) == "abcd"


def test_a_known_key_replaces_its_row_and_keeps_its_place() -> None:
    table = filled()
    table.put(Row("b", 99))
    assert keys(table) == "dcba"
    assert table.get("b") == Row("b", 99)


def test_the_oldest_rows_leave_when_the_table_is_full() -> None:
    table = make(limit=3)
    for letter in "abcdef":
        table.put(Row(letter, 0))
    assert keys(table) == "fed"
    assert len(table) == 3


def test_a_filter_wants_all_words_and_refuses_those_with_a_minus() -> None:
    table = filled("abcd")
    table.filter = "SIZE -b -size3"
    assert keys(table) == "ca"
    table.filter = "-"
    assert keys(table) == "dcba"


def test_sorting_goes_down_up_and_back_to_the_natural_order() -> None:
    table = filled("bdac")
    seen = []
    for _ in range(4):
        table.cycle_sort("size")
        seen.append((table.sort, keys(table)))
    assert seen == [
        (Sort("size", True), "cadb"), (Sort("size", False), "bdac"), (None, "cadb"), (Sort("size", True), "cadb"),
    ]  # fmt: skip


def test_a_column_without_a_sort_is_left_alone() -> None:
    table = filled()
    table.cycle_sort("note")
    assert table.sort is None


def test_the_sort_key_goes_through_the_sortable_columns() -> None:
    table = filled()
    seen = []
    for _ in range(3):
        table.next_sort()
        seen.append(table.sort.key if table.sort else None)
    assert seen == ["key", "size", None]


@pytest.mark.parametrize("descending", [True, False])
def test_rows_without_a_value_come_last_in_both_directions(descending: bool) -> None:
    table = filled("ab")
    table.put(Row("x", None))
    table.sort = Sort("size", descending)
    assert keys(table)[-1] == "x"


def test_a_frozen_table_stands_still_and_counts_what_waits() -> None:
    table = filled()
    table.freeze(True)
    table.put(Row("e", 5))
    table.put(Row("a", 77))
    assert keys(table) == "dcba"
    assert table.view()[-1] == Row("a", 0)
    assert table.pending == 1
    table.freeze(False)
    assert keys(table) == "edcba"
    assert table.pending == 0


def test_a_held_log_keeps_its_rows_but_takes_what_is_added_to_them() -> None:
    table = filled()
    table.hold(True)
    table.put(Row("e", 5))
    table.put(Row("a", 77))
    assert keys(table) == "dcba"
    assert table.view()[-1] == Row("a", 77)
    assert table.pending == 1


def test_only_rows_that_pass_the_filter_wait() -> None:
    table = filled()
    table.filter = "size1"
    table.hold(True)
    table.put(Row("e", 5))
    table.put(Row("f", 17))
    assert table.pending == 1


def test_a_table_of_states_never_holds() -> None:
    table = filled(newest_first=False)
    table.hold(True)
    table.put(Row("e", 5))
    assert keys(table) == "abcde"


def test_a_new_filter_shows_a_frozen_table_what_is_there_now() -> None:
    table = filled()
    table.freeze(True)
    table.put(Row("e", 5))
    table.filter = "size"
    assert keys(table) == "edcba"
    assert table.pending == 0


def test_the_view_is_the_same_object_until_something_changes() -> None:
    table = filled()
    assert table.view() is table.view()


@pytest.mark.parametrize(
    ("width", "shown", "short"),
    [
        (40, "key size note", False),
        (22, "key size note", False),
        (20, "key size note", True),
        (17, "key size", False),
        (10, "key size", True),
    ],
)
def test_columns_are_shortened_and_then_left_out_by_rank(width: int, shown: str, short: bool) -> None:
    placed = lay_out(COLUMNS, {}, width)
    assert " ".join(p.column.key for p in placed) == shown
    assert any(p.short for p in placed) is short


@pytest.mark.parametrize("width", range(4, 60))
def test_columns_never_leave_the_line(width: int) -> None:
    placed = lay_out(COLUMNS, {"key": 30, "size": 9}, width)
    assert placed[-1].x + placed[-1].width <= width
    assert all(a.x + a.width < b.x for a, b in pairwise(placed))
