"""Windows start from the close before their first day."""

from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugtui.performance.curve import Movement, curve_of_days, with_live
from plugtui.performance.returns import daily_returns, time_weighted
from plugtui.performance.windows import WINDOWS, base_day, calendar_table, previous, window
from tests.performance.support import curve_of, days_from

TWO_YEARS = curve_of([1000 + i for i in range(731)], first="2023-01-01")  # to 2024-12-31


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("1D", date(2024, 12, 30)),
        ("1W", date(2024, 12, 24)),
        ("1M", date(2024, 11, 30)),
        ("3M", date(2024, 9, 30)),
        ("1Y", date(2023, 12, 31)),
        ("YTD", date(2023, 12, 31)),
        ("ALL", date(2023, 1, 1)),
    ],
)
def test_a_window_starts_from_the_close_before_its_first_day(name: str, base: date) -> None:
    part = window(TWO_YEARS, name)
    assert part.days[0] == base
    assert part.days[-1] == date(2024, 12, 31)


def test_a_window_over_days_without_a_session_starts_from_the_last_close() -> None:
    days = [date(2024, 7, 3), date(2024, 7, 5), date(2024, 7, 12)]
    curve = curve_of_days([(day, Decimal(100 + i)) for i, day in enumerate(days)])
    assert window(curve, "1W").days[0] == date(2024, 7, 5)
    assert window(curve, "1D").days[0] == date(2024, 7, 5)


def test_a_window_longer_than_the_history_is_the_history() -> None:
    assert len(window(curve_of([1, 2, 3]), "1Y")) == 3


def test_an_unknown_window_is_named_with_what_was_expected() -> None:
    with pytest.raises(ValueError, match="was '2W', expected one of 1D, 1W"):
        window(TWO_YEARS, "2W")
    assert base_day(date(2024, 3, 31), "1M") == date(2024, 2, 29)


def test_an_empty_curve_has_empty_windows() -> None:
    assert len(window(curve_of([]), "1M")) == 0
    assert previous(curve_of([]), "1M") is None


def test_the_previous_window_ends_where_this_one_starts() -> None:
    before = previous(TWO_YEARS, "1M")
    assert before is not None
    assert (before.days[0], before.days[-1]) == (date(2024, 10, 30), date(2024, 11, 30))
    assert previous(TWO_YEARS, "ALL") is None
    assert previous(window(TWO_YEARS, "1M"), "3M") is None


@given(st.lists(st.floats(-0.2, 0.2), min_size=3, max_size=400))
def test_months_chain_to_years_and_years_to_the_whole(changes: list[float]) -> None:
    curve = curve_of(np.cumprod([10_000.0, *(1 + c for c in changes)]).tolist(), first="2023-11-20")
    returns = daily_returns(curve)
    table = calendar_table(returns)
    for row in table:
        assert time_weighted([m for m in row.months if m is not None]) == pytest.approx(row.total, abs=1e-9)
    assert time_weighted([row.total for row in table]) == pytest.approx(time_weighted(returns.values), abs=1e-9)


def test_the_live_point_takes_the_place_of_today_and_neutralises_todays_deposit() -> None:
    days = days_from("2024-01-01", 3)
    curve = curve_of([1000, 1010, 1015])
    noon = int(curve.time_ns[2]) - 4 * 3600 * 10**9
    live = with_live(curve, noon, Decimal(1520), [Movement(days[2], Decimal(500))])
    assert len(live) == 3
    assert daily_returns(live).values[-1] == pytest.approx(1520 / 1510 - 1)


def test_a_weekend_on_which_nothing_moved_is_no_day() -> None:
    friday = curve_of([1000, 1010], first="2024-01-04")
    saturday = int(friday.time_ns[1]) + 24 * 3600 * 10**9
    assert len(with_live(friday, saturday, Decimal(1010))) == 2
    assert len(with_live(friday, saturday, Decimal(1011))) == 3  # crypto moves on weekends
    assert len(with_live(friday, saturday + 2 * 24 * 3600 * 10**9, Decimal(1010))) == 3


def test_every_window_of_a_flat_account_returns_nothing() -> None:
    flat = curve_of([100] * 400)
    for name in WINDOWS:
        assert time_weighted(daily_returns(window(flat, name)).values) == 0.0
