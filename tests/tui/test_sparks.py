"""Sparklines: what was not seen is dotted, now is right, bars keep their height while they move."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugtui.tui.model import sparks


def test_what_was_not_seen_is_dotted_and_zero_is_a_low_line() -> None:
    assert sparks.bars(sparks.peaks([0.0, 4.0], 2, 6, 6), 1) == ["····▁█"]


def test_more_rows_make_a_finer_scale() -> None:
    assert sparks.bars([4.0, 2.0, 3.0, 0.0, None], 2) == ["█ ▄  ", "███▁·"]


def test_a_line_of_zeros_is_low() -> None:
    assert sparks.bars([0.0, 0.0], 1) == ["▁▁"]


@given(
    values=st.lists(st.floats(0, 1e6), min_size=1, max_size=240),
    before=st.integers(0, 1000),
    width=st.integers(1, 240),
)
def test_the_newest_is_right_nothing_is_lost_and_no_peak_is_flattened(
    values: list[float], before: int, width: int
) -> None:
    found = sparks.peaks(values, before + len(values), width, 240)
    seen = [value for value in found if value is not None]
    assert len(found) == sparks.cells_of(width, 240) <= width
    assert found[-1] is not None
    assert found[: len(found) - len(seen)] == [None] * (len(found) - len(seen))
    per_cell = -(-240 // width)
    assert max(seen) == max(values[-per_cell * len(seen) :])


@given(values=st.lists(st.floats(0, 100), min_size=60, max_size=60), width=st.integers(4, 59))
def test_a_whole_cell_keeps_its_value_when_the_next_sample_comes(values: list[float], width: int) -> None:
    per_cell = -(-60 // width)
    before = sparks.peaks(values[:-1], 59, width, 60)
    after = sparks.peaks(values, 60, width, 60)
    moved = 59 % per_cell == 0
    whole = [(before[i + 1], after[i]) if moved else (before[i], after[i]) for i in range(len(after) - 1)]
    assert all(one == other for one, other in whole[1:])


@pytest.mark.parametrize("cells", range(0, 130, 7))
def test_the_axis_is_as_wide_as_the_line_or_left_out(cells: int) -> None:
    assert len(sparks.time_axis(cells, 2)) in (0, cells)
    assert sparks.time_axis(60, 2).startswith("2 min ago ──")
    assert "1 min ago" in sparks.time_axis(60, 2)
    assert sparks.time_axis(60, 2).endswith(" now")
