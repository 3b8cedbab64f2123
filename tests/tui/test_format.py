"""How numbers, times and words are written."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from plugtui.tui import format as fmt

S = 1_000_000_000
MOMENT = int(datetime(2026, 3, 2, 14, 3, 22, tzinfo=UTC).timestamp()) * S + 118_000_000


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1204.11"), "+1,204.11"),
        (Decimal("-41.07"), "-41.07"),
        (Decimal(0), "0.00"),
        (-0.0001, "0.00"),
        (None, "–"),
    ],
)
def test_a_sign_stands_before_everything_but_zero(value: Decimal | None, text: str) -> None:
    assert fmt.signed(value) == text


@pytest.mark.parametrize(("ratio", "text"), [(0.0117, "+1.17 %"), (-0.5, "-50.00 %"), (0.0, "0.00 %"), (None, "–")])
def test_ratios_are_written_as_per_cent(ratio: float | None, text: str) -> None:
    assert fmt.percent(ratio) == text


@pytest.mark.parametrize(
    ("price", "text"),
    [
        ("189.4150", "189.415"),
        ("492.1", "492.10"),
        ("0.00001234", "0.00001234"),
        ("64210.5", "64,210.50"),
        ("1.23456", "1.2346"),
    ],
)
def test_prices_have_two_to_four_decimals_and_more_below_one(price: str, text: str) -> None:
    assert fmt.price(Decimal(price)) == text


@pytest.mark.parametrize(("qty", "text"), [("25", "25"), ("0.1250", "0.125"), ("1E+3", "1,000")])
def test_quantities_have_no_trailing_zeros(qty: str, text: str) -> None:
    assert fmt.quantity(Decimal(qty)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1204, "1,204"), (9_999, "9,999"), (12_345, "12.3k"), (999_700, "1.00M"), (4_560_000, "4.56M")],
)
def test_counts_stay_within_five_characters(value: float, text: str) -> None:
    assert fmt.compact(value) == text
    assert len(text) <= 5


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (12, "12 s"),
        (2.5, "2.5 s"),
        (67, "1 m 07 s"),
        (1200, "20 m"),
        (8040, "2 h 14 m"),
        (7200, "2 h"),
        (100 * 3600, "4 d 4 h"),
    ],
)
def test_spans_have_at_most_two_units(seconds: float, text: str) -> None:
    assert fmt.duration(seconds) == text


@pytest.mark.parametrize(
    ("ms", "text"), [(None, "–"), (0.01, "0 ms"), (0.44, "0.4 ms"), (38.2, "38 ms"), (1200.0, "1.2 s")]
)
def test_lags_have_the_unit_that_fits(ms: float | None, text: str) -> None:
    assert fmt.lag(ms) == text


def test_sizes_have_the_unit_that_fits() -> None:
    assert [fmt.size(n) for n in (0, 812, 1_200, 118_000, 2_400_000, 5_000_000_000)] == [
        "0", "812 B", "1.2 kB", "118 kB", "2.4 MB", "5.0 GB",
    ]  # fmt: skip


def test_a_time_of_day_has_milliseconds_on_request() -> None:
    assert fmt.clock(MOMENT, UTC) == "14:03:22.118"
    assert fmt.clock(MOMENT, UTC, millis=False) == "14:03:22"
    assert fmt.stamp(MOMENT, UTC) == "2026-03-02 14:03:22.118"


@pytest.mark.parametrize(("days", "text"), [(0, "14:03"), (1, "Tue 14:03"), (9, "2026-03-11 14:03")])
def test_a_near_moment_is_named_by_its_weekday(days: int, text: str) -> None:
    assert fmt.weekday_clock(MOMENT + days * 86_400 * S, MOMENT, UTC) == text


def test_what_does_not_fit_ends_in_an_ellipsis() -> None:
    assert fmt.fit("momentum", 6) == "momen…"
    assert fmt.fit("ab", 4, "right") == "  ab"
    assert fmt.fit("日本", 5) == "日本 "
    assert fmt.fit("abc", 1) == "…"


def test_a_sparkline_ends_with_now_and_scales_to_its_peak() -> None:
    assert fmt.sparkline([0, 4, 8], 5) == "  ▁▄█"
    assert fmt.sparkline([0, 0], 3) == " ▁▁"
    assert fmt.sparkline([], 2) == "  "
