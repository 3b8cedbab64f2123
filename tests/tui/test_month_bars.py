"""The months as bars: which way they point, how long they are, and what is written around them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugtui.tui.model.performance import Year
from plugtui.tui.panes.month_bars import month_bars
from plugtui.tui.widgets.painted import Line

returns = st.none() | st.floats(-0.9, 2.0)


def text_of(lines: list[Line]) -> list[str]:
    return ["".join(run.text for run in line) for line in lines]


def year(number: int, *months: float | None) -> Year:
    return Year(number, [*months, *[None] * (12 - len(months))], 0.0)


def test_gains_stand_on_zero_and_losses_hang_from_it_in_one_scale() -> None:
    lines = text_of(month_bars([year(2025, 0.04, -0.02, 0.02)], 40, 8))
    assert lines == [
        "████              +4.0 %",
        "████                    ",
        "████      ████          ",
        "████      ████          ",
        "     ████          0.0 %",
        "     ████         -2.0 %",
        "J    F    M    ",
        "2025           ",
    ]  # fmt: skip


def test_months_without_history_are_left_out_and_the_oldest_give_way() -> None:
    years = [year(2023, *[0.01] * 12), year(2024, *[0.02] * 12), Year(2025, [0.03, *[None] * 11], 0.03)]
    lines = text_of(month_bars(years, 9 + 13 * 2, 9))
    assert lines[-2].split() == list("JFMAMJJASONDJ")
    assert "2024" in lines[-1] and "2023" not in lines[-1]


@pytest.mark.parametrize("height", [0, 3, 6])
def test_there_are_no_bars_where_there_is_no_room(height: int) -> None:
    assert month_bars([year(2025, 0.01, 0.02)], 40, height) == []


@given(st.lists(returns, min_size=12, max_size=48), st.integers(20, 200), st.integers(7, 30))
def test_bars_keep_to_their_room_and_point_the_right_way(values: list[float | None], width: int, height: int) -> None:
    years = [Year(2020 + n, (values[n * 12 : n * 12 + 12] + [None] * 12)[:12], 0.0) for n in range(4)]
    lines = month_bars(years, width, height)
    assert len(lines) in (0, height)
    assert all(len(row) <= width for row in text_of(lines))
    for line in lines[:-2]:
        bars = line[0]
        assert set(bars.text) <= ({"█", "▄", " "} if bars.tone == "up" else {"█", "▀", " "})
