"""Curves as lines of text."""

from datetime import UTC

import pytest

from plugtui.tui.charts import Beside, Flow, Series, canvas, chart, corners, fill_down, fill_up, two_charts
from plugtui.tui.widgets.painted import Line
from tests.tui.fakes import NOW, S

TIMES = [NOW + i * 60 * S for i in range(100)]
WAVE = [float(i % 17) for i in range(100)]


def rows_of(lines: list[Line]) -> list[str]:
    return ["".join(run.text for run in line) for line in lines]


def text_of(series: Series, width: int, height: int, **options: object) -> list[str]:
    return rows_of(chart(series, width, height, UTC, **options))  # type: ignore[arg-type]


def dots(bits: list[list[int]]) -> set[tuple[int, int]]:
    """Return (column, row from the bottom) of every dot."""
    found = set()
    places = {
        0x40: (0, 0),
        0x04: (0, 1),
        0x02: (0, 2),
        0x01: (0, 3),
        0x80: (1, 0),
        0x20: (1, 1),
        0x10: (1, 2),
        0x08: (1, 3),
    }
    for row, cells in enumerate(bits):
        for cell, pattern in enumerate(cells):
            found |= {(2 * cell + x, 4 * (len(bits) - 1 - row) + y) for bit, (x, y) in places.items() if pattern & bit}
    return found


@pytest.mark.parametrize("width", [20, 33, 80, 150])
@pytest.mark.parametrize("height", [2, 3, 7, 30])
def test_a_chart_fills_exactly_the_room_it_is_given(width: int, height: int) -> None:
    for lines in (text_of(Series(TIMES, WAVE), width, height), rows_of(pair(width, height))):
        assert [len(line) for line in lines] == [width] * height


def pair(width: int, height: int) -> list[Line]:
    fall = Series(TIMES, [-value / 100 for value in WAVE], "percent", "fall", filled=True)
    return two_charts(Series(TIMES, WAVE), fall, width, height, UTC)


def test_one_step_of_the_path_is_one_dot_in_every_direction() -> None:
    drawn = dots(canvas([(i, float(i)) for i in range(8)], 4, 2, 0, 7))
    assert {(i, i) for i in range(8)} <= drawn


@pytest.mark.parametrize(
    "values", [[0.0, 11, 0, 11, 2, 3, 3, 9], [5.0, 5, 5, 5, 5, 5, 5, 5], [0.0, 11, 11, 11, 11, 0, 0, 1]]
)
def test_a_line_is_connected_where_it_is_steep_and_where_it_is_flat(values: list[float]) -> None:
    drawn = dots(canvas(list(enumerate(values)), 4, 3, 0, 11))
    reached, ahead = set(), {next(iter(drawn))}
    while ahead:
        reached |= ahead
        ahead = {(x + dx, y + dy) for x, y in ahead for dx in (-1, 0, 1) for dy in (-1, 0, 1)} & drawn - reached
    assert reached == drawn
    assert {x for x, _ in drawn} == set(range(8))


def test_only_the_corners_of_a_path_are_handed_to_the_canvas() -> None:
    assert corners([(0, 0), (1, 1), (2, 2), (3, 2), (4, 2), (4, 5), (4, 1), (4, 1)]) == [
        (0, 0),
        (2, 2),
        (4, 2),
        (4, 5),
        (4, 1),
    ]
    assert corners([(0, 3), (0, 3)]) == [(0, 3)]


def test_the_fill_lies_on_one_side_of_the_line_and_leaves_no_hole() -> None:
    line = canvas([(i, float(i)) for i in range(8)], 4, 2, 0, 7)
    below, above = dots(fill_down(line)), dots(fill_up(line))
    assert dots(line) | below | above == {(x, y) for x in range(8) for y in range(8)}
    assert not below & above
    assert not dots(line) & (below | above)


def test_nothing_to_draw_is_blank() -> None:
    assert text_of(Series([], []), 40, 3) == [" " * 40] * 3


def test_the_newest_value_stands_at_the_right_edge_in_the_row_of_the_line() -> None:
    lines = text_of(Series(TIMES, [float(100 + i) for i in range(100)]), 60, 10)
    assert lines[0].rstrip().endswith("199")
    assert [run.tone for run in chart(Series(TIMES, WAVE), 60, 10, UTC)[9]] == ["axis"]


def test_charts_above_each_other_share_their_time_axis() -> None:
    lines = pair(80, 20)
    widths = {len(line[-1].text) for line in lines[:-1]}
    assert len(widths) == 1


def test_a_drawdown_that_is_none_is_not_made_to_look_deep() -> None:
    rows = text_of(Series(TIMES, [0.0] * 100, "percent", "fall", filled=True), 60, 10)
    assert {row[-8:].strip() for row in rows[:-1] if row[-8:].strip()} == {
        "0.00 %",
        "-0.05 %",
        "-0.10 %",
        "-0.15 %",
        "-0.20 %",
    }


def test_the_start_is_a_dashed_line() -> None:
    assert any("╌╌" in line for line in text_of(Series(TIMES, WAVE, base=8.0), 60, 10))


def test_the_fill_lies_between_the_line_and_the_start() -> None:
    lines = chart(Series(TIMES, [*([10.0] * 50), *([-10.0] * 50)], base=0.0), 60, 11, UTC)
    filled = [{cell for cell, tone in enumerate(tones) if tone == "chart-fill"} for tones in map(tones_of, lines[:-1])]
    middle = next(row for row, line in enumerate(lines) if any("╌" in run.text for run in line))
    assert not filled[middle]
    assert max(filled[middle - 1]) < min(filled[middle + 1])


def tones_of(line: Line) -> list[str]:
    return [run.tone for run in line for _ in run.text]


def test_payments_are_marked_at_the_lower_edge() -> None:
    flows = [Flow(TIMES[0], True), Flow(TIMES[99], False)]
    lowest = text_of(Series(TIMES, WAVE), 60, 10, flows=flows)[8]
    assert lowest.startswith("▴") and "▾" in lowest


def test_a_second_curve_has_a_tone_and_a_pattern_of_its_own() -> None:
    lines = chart(Series(TIMES, [0.0] * 100), 60, 10, UTC, beside=Beside(TIMES, [0.5 + i / 100 for i in range(100)]))
    second = [run.text for line in lines for run in line if run.tone == "second"]
    assert len(second) > 5
    assert max(map(len, second)) == 3
