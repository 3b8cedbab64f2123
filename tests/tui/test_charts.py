"""Curves as lines of text."""

from datetime import UTC

import pytest

from plugtui.tui.charts import Series, bounds, canvas, chart, thin, x_labels, y_labels
from tests.tui.fakes import NOW, S

TIMES = [NOW + i * 60 * S for i in range(100)]


def text_of(series: Series, width: int, height: int) -> list[str]:
    return ["".join(run.text for run in line) for line in chart(series, width, height, UTC)]


@pytest.mark.parametrize("width", [20, 33, 80, 150])
@pytest.mark.parametrize("height", [2, 3, 7, 30])
def test_a_chart_fills_exactly_the_room_it_is_given(width: int, height: int) -> None:
    lines = text_of(Series(TIMES, [float(i % 17) for i in range(100)]), width, height)
    assert [len(line) for line in lines] == [width] * height


def test_a_rising_line_starts_low_and_ends_high() -> None:
    rows = canvas([float(i) for i in range(50)], 20, 5, 0, 49)
    assert rows[0].strip("\u2800 ") and not rows[0][:10].strip("\u2800 ")
    assert rows[-1][:4].strip("\u2800 ") and not rows[-1][10:].strip("\u2800 ")


def test_a_flat_series_has_a_band_around_it() -> None:
    low, high = bounds([100.0, 100.0])
    assert low < 100 < high


def test_nothing_to_draw_is_blank() -> None:
    assert text_of(Series([], []), 40, 3) == [" " * 40] * 3


def test_thinning_keeps_the_extremes_and_both_ends() -> None:
    values = [0.0] * 1000
    values[333], values[777] = 9.0, -9.0
    found = thin(values, 100)
    assert len(found) <= 100
    assert (max(found), min(found), found[0], found[-1]) == (9.0, -9.0, 0.0, 0.0)


def test_the_axis_names_its_edges() -> None:
    labels = y_labels(-0.02, 0.0, 3, "percent")
    assert (labels[0], labels[-1]) == ("0.0 %", "-2.0 %")


def test_the_time_axis_shows_hours_within_a_day_and_dates_beyond() -> None:
    assert x_labels(TIMES, 40, UTC).startswith("18:46")
    assert "02 Mar" in x_labels([NOW, NOW + 40 * 86_400 * S], 40, UTC)
