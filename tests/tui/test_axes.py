"""Round ticks, and series at the resolution of the canvas."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from plugtui.tui.axes import bounds, last_text, resample, time_line, time_ticks, value_texts, value_ticks

DAY = 86_400 * 10**9


def ns(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp()) * 10**9  # type: ignore[misc,arg-type]


def test_a_flat_series_has_a_band_around_it() -> None:
    low, high = bounds([100.0, 100.0])
    assert low < 100 < high


@pytest.mark.parametrize(
    ("low", "high", "rows", "texts"),
    [
        (93_731, 100_127, 12, ["94,000", "96,000", "98,000", "100,000"]),
        (93_731, 100_127, 30, ["94,000", "95,000", "96,000", "97,000", "98,000", "99,000", "100,000"]),
        (99_480.2, 99_541.7, 9, ["99,480", "99,500", "99,520", "99,540"][1:]),
        (0.981, 1.0412, 9, ["0.98", "1.00", "1.02", "1.04"][1:]),
        (99.1, 99.34, 9, ["99.1", "99.2", "99.3"]),
    ],
)
def test_ticks_are_round(low: float, high: float, rows: int, texts: list[str]) -> None:
    assert value_texts(value_ticks(low, high, rows), "number") == texts


def test_ticks_in_per_cent_are_signed() -> None:
    assert value_texts(value_ticks(-0.031, 0.052, 12), "percent") == ["-2 %", "0 %", "+2 %", "+4 %"]
    assert value_texts(value_ticks(-0.0031, 0.0, 3), "percent") == ["-0.2 %", "0.0 %"]


@pytest.mark.parametrize("rows", range(2, 60))
def test_there_is_room_between_ticks(rows: int) -> None:
    assert len(value_ticks(-0.0263, 0.0, rows)) <= max(3, rows // 2 + 1)


def test_the_newest_value_is_finer_than_the_ticks() -> None:
    assert last_text(99_535.824, 93_000, 101_000, "number") == "99,536"
    assert last_text(99_535.824, 99_530, 99_540, "number") == "99,535.82"
    assert last_text(-0.01234, -0.1, 0.1, "percent") == "-1.23 %"


@pytest.mark.parametrize(
    ("first", "last", "width", "texts"),
    [
        (
            ns(2026, 3, 2, 9, 31),
            ns(2026, 3, 2, 16, 2),
            60,
            ["10:00", "11:00", "12:00", "13:00", "14:00", "15:00", "16:00"],
        ),
        (ns(2026, 3, 2, 18), ns(2026, 3, 3, 6), 40, ["18:00", "21:00", "03 Mar", "03:00", "06:00"]),
        (ns(2026, 2, 1), ns(2026, 3, 2), 60, ["02 Feb", "09 Feb", "16 Feb", "23 Feb", "02 Mar"]),
        (ns(2025, 3, 2), ns(2026, 3, 2), 60, ["May", "Jul", "Sep", "Nov", "2026", "Mar"]),
        (ns(2024, 3, 2), ns(2026, 3, 2), 40, ["Jul", "2025", "Jul", "2026"]),
        (ns(2014, 3, 2), ns(2026, 3, 2), 40, ["2015", "2020", "2025"]),
    ],
)
def test_moments_are_round(first: int, last: int, width: int, texts: list[str]) -> None:
    found = [tick.text for tick in time_ticks(first, last, width, UTC)]
    assert found == texts


def test_moments_are_round_where_the_reader_is() -> None:
    ticks = time_ticks(ns(2026, 3, 2, 14, 30), ns(2026, 3, 2, 21, 0), 40, ZoneInfo("America/New_York"))
    assert [tick.text for tick in ticks] == ["10:00", "12:00", "14:00", "16:00"]


@pytest.mark.parametrize("width", [20, 41, 90, 200])
@pytest.mark.parametrize("days", [0.05, 1, 6, 33, 95, 370, 740, 4000])
def test_labels_of_the_time_axis_never_touch(width: int, days: float) -> None:
    first = ns(2026, 3, 2, 14, 30) - int(days * DAY)
    line = time_line(time_ticks(first, ns(2026, 3, 2, 14, 30), width, UTC), width)
    assert len(line) == width
    assert line.strip()


def test_a_column_keeps_its_extremes_and_time_is_even() -> None:
    values = [0.0] * 1000
    values[333], values[777] = 9.0, -9.0
    path = resample(range(1000), values, 0, 999, 100)
    assert [value for column, value in path if column == 33] == [0.0, 0.0, 9.0, 0.0]
    assert (min(v for _, v in path), path[0], path[-1]) == (-9.0, (0, 0.0), (99, 0.0))
    assert [column for column, _ in resample([0, 10, 100], [1.0, 2.0, 3.0], 0, 100, 101)] == [0, 10, 100]
