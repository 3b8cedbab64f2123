"""The bounded table: order, filter, freeze, hold, pending, and how its columns are laid out."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugtui.tui.model.algos import AlgoBoard
from plugtui.tui.model.events import EventLog
from plugtui.tui.model.fills import FillBook
from plugtui.tui.model.table import Cell, Column, Sort, Table, lay_out
from plugtui.tui.model.traders import TraderBoard


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


# ---------------------------------------------------------------- columns that stand still

NAMED: list[Column[Row]] = [
    Column("name", "name", lambda r: Cell(r.key), lambda r: r.key, least=4, most=12, elastic=True),
    Column("size", "size", lambda r: Cell(f"{r.size:,}"), lambda r: r.size, "right", least=6, most=9),
    Column("more", "more", lambda r: Cell("m"), None, least=6, most=14, rank=1),
    Column("note", "note", lambda r: Cell("n" * ((r.size or 0) % 30)), None, least=9, most=30, rank=2),
]

ROWS = st.builds(Row, st.text("abcdé世", min_size=1, max_size=16), st.integers(0, 10**7))
STEPS = st.lists(
    st.one_of(
        ROWS,
        st.lists(ROWS, max_size=4),
        st.sampled_from(["sort", "filter", "freeze", "hold", "clear"]),
    ),
    max_size=30,
)


def change(table: Table[Row], step: Row | list[Row] | str) -> None:
    """Do to a table what time and the reader may do."""
    if isinstance(step, Row):
        table.put(step)
    elif isinstance(step, list):
        table.set_all(step)
    elif step == "sort":
        table.next_sort()
    elif step == "filter":
        table.filter = "" if table.filter else "a"
    elif step == "freeze":
        table.freeze(not table.frozen)
    elif step == "hold":
        table.hold(not table.held)
    else:
        table.clear()


@given(width=st.integers(4, 90), steps=STEPS)
def test_rows_come_and_go_and_no_column_moves_but_for_a_name_longer_than_all_before(
    width: int, steps: list[Row | list[Row] | str]
) -> None:
    table = Table(NAMED, key=lambda r: r.key, words=lambda r: r.key, newest_first=True)
    places, longest = lay_out(NAMED, table.widest, width), 0
    for step in steps:
        change(table, step)
        now = lay_out(NAMED, table.widest, width)
        if table.widest.get("name", 0) == longest:
            assert now == places
        places, longest = now, table.widest.get("name", 0)


@given(width=st.integers(4, 90), shorter=st.integers(0, 16), longer=st.integers(0, 16))
def test_a_name_that_fits_into_the_room_that_its_column_has_anyway_moves_nothing(
    width: int, shorter: int, longer: int
) -> None:
    shorter, longer = sorted((shorter, longer))
    before, after = (lay_out(NAMED, {"name": cells}, width) for cells in (shorter, longer))
    if longer <= before[0].width:
        assert [p.x for p in after] == [p.x for p in before]


@pytest.mark.parametrize("width", [*range(30, 60), 96, 116, 196])
def test_the_numbers_of_the_panes_have_their_room_at_any_width_and_their_columns_do_not_overlap(width: int) -> None:
    tables: list[Table[Any]] = [
        AlgoBoard().table, TraderBoard().board, TraderBoard().feed, FillBook().table, EventLog().table
    ]  # fmt: skip
    for table in tables:
        placed = lay_out(table.columns, {}, width)
        assert placed[-1].x + placed[-1].width <= width
        assert all(a.x + a.width < b.x for a, b in pairwise(placed))


# ---------------------------------------------------------------- groups


def grouped(letters: str = "aBbAcC") -> Table[Row]:
    table: Table[Row] = Table(
        COLUMNS, key=lambda r: r.key, words=lambda r: r.key, group=lambda r: "low" if r.key.islower() else "HIGH"
    )
    table.set_all(Row(letter, n) for n, letter in enumerate(letters))
    return table


def test_groups_keep_the_order_in_which_they_came_and_are_never_mixed() -> None:
    table = grouped()
    assert keys(table) == "abcBAC"
    assert table.headings() == [(0, "low"), (3, "HIGH")]


@given(letters=st.permutations("abcABC"), key=st.sampled_from(["key", "size"]), descending=st.booleans())
def test_a_sort_orders_the_rows_within_their_group(letters: list[str], key: str, descending: bool) -> None:
    table = grouped("".join(letters))
    table.sort = Sort(key, descending)
    shown = keys(table)
    assert [letter.islower() for letter in shown] in ([True] * 3 + [False] * 3, [False] * 3 + [True] * 3)
    assert shown[0].islower() is letters[0].islower()
    for part in (shown[:3], shown[3:]):
        values = [letters.index(letter) if key == "size" else letter for letter in part]
        assert values == sorted(values, reverse=descending)


def test_a_group_keeps_its_heading_when_a_filter_hides_the_others_and_one_group_needs_none() -> None:
    table = grouped()
    table.filter = "-a -A"
    assert table.headings() == [(0, "low"), (2, "HIGH")]
    table.filter = "c"
    assert keys(table) == "cC"
    assert grouped("abc").headings() == []
    assert grouped("abc").groups == ["low"]
