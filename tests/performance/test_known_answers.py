"""Figures that others have published: public test suites and textbooks, each named where it is used."""

from decimal import Decimal

import numpy as np
import pytest

from plugtui.performance import ratios
from plugtui.performance.curve import Movement, curve_of_days, day_of
from plugtui.performance.drawdown import max_drawdown, top_drawdowns
from plugtui.performance.figures import return_values
from plugtui.performance.returns import Returns, daily_returns, modified_dietz, time_weighted
from tests.performance.support import days_from, returns_of

# empyrical-reloaded, tests/conftest.py and tests/test_stats.py (Apache-2.0); NaN is a period without a return.
MIXED = [np.nan, 0.01, 0.1, -0.04, 0.02, 0.03, 0.02, 0.01, -0.1]
WEEKLY = [0.0, 0.01, 0.1, -0.04, 0.02, 0.03, 0.02, 0.01, -0.1]
NEGATIVE = [0.0, -0.06, -0.07, -0.01, -0.09, -0.02, -0.06, -0.08, -0.05]
ALL_NEGATIVE = [-0.02, -0.06, -0.07, -0.01, -0.09, -0.02, -0.06, -0.08, -0.05]
POSITIVE = [0.01, 0.02, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01]
CONSTANT = [0.01] * 9


def assert_equal(actual: ratios.Value, expected: float, places: int = 8) -> None:
    assert not isinstance(actual, ratios.Undefined), actual.reason
    assert round(actual - expected, places) == 0, f"{actual} is not {expected} to {places} places"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("max_drawdown", -0.1),
        ("cagr", 1.9135925373194231),
        ("volatility", 0.9136465399704637),
        ("calmar", 19.135925373194233),
        ("sharpe", 1.7238613961706866),
        ("downside_deviation", 0.6044832503882965),
        ("sortino", 2.605531251673693),
        ("stability", 0.1529973665111273),
    ],
)
def test_mixed_daily_returns_give_the_figures_of_empyrical(name: str, expected: float) -> None:
    assert_equal(return_values(returns_of(MIXED), 252)[name], expected)


def test_mixed_daily_returns_give_empyricals_total_return_to_four_places() -> None:
    assert_equal(ratios.total_return(np.array(MIXED)), 0.03893, 4)


def test_omega_of_mixed_returns_against_a_flat_one_percent() -> None:
    assert_equal(ratios.omega(np.array(MIXED), risk_free=0.01), 0.8125)


def test_omega_of_mixed_returns_against_a_required_thousand_percent_a_year() -> None:
    assert_equal(ratios.omega(np.array(MIXED), required=10.0), 0.8335426349755793)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cagr", 0.24690830513998208),
        ("volatility", 0.38851569394870583),
        ("calmar", 2.4690830513998208),
        ("sortino", 1.115890105686644),
        ("downside_deviation", 0.25888650451930134),
    ],
)
def test_weekly_returns_give_the_figures_of_empyrical(name: str, expected: float) -> None:
    assert_equal(return_values(returns_of(WEEKLY), ratios.WEEKLY)[name], expected)


@pytest.mark.parametrize(
    ("name", "expected", "places"),
    [("max_drawdown", -0.3659073, 7), ("sharpe", -24.406808633910085, 8), ("sortino", -13.5327430750434, 8)],
)
def test_losing_returns_give_the_figures_of_empyrical(name: str, expected: float, places: int) -> None:
    assert_equal(return_values(returns_of(NEGATIVE), 252)[name], expected, places)


def test_positive_returns_give_empyricals_sharpe_and_no_drawdown() -> None:
    values = return_values(returns_of(POSITIVE), 252)
    assert_equal(values["sharpe"], 52.915026221291804)
    assert values["max_drawdown"] == 0.0


def test_constant_returns_give_empyricals_growth() -> None:
    assert_equal(ratios.cagr(np.array(CONSTANT)), 11.274002099240244)


@pytest.mark.parametrize(("returns", "expected"), [(ALL_NEGATIVE, -0.378589157), ([0.1, -0.1, 0.1], -0.1)])
def test_max_drawdown_agrees_with_empyrical(returns: list[float], expected: float) -> None:
    assert_equal(max_drawdown(returns_of(returns)), expected)


def test_modified_dietz_agrees_with_the_cfa_question() -> None:
    """Bloomberg Prep, CFA question bac110: weights (CD − D)/CD, return 2.45 %."""
    flows = [(5.0, -15.05), (9.0, 19.82), (15.0, 16.42), (24.0, -18.96)]
    assert_equal(modified_dietz(585.6, 602.34, 31, flows), 0.024541775196226186)


def test_time_weighted_return_agrees_with_the_textbook() -> None:
    """Journal of Accountancy: 100 → 150; +100 → 350; +100 → 270 grows by 26 %."""
    days = days_from("2024-01-01", 4)
    flows = [Decimal(0), Decimal(0), Decimal(100), Decimal(100)]
    equity = [Decimal(100), Decimal(150), Decimal(350), Decimal(270)]
    moves = [Movement(day, amount) for day, amount in zip(days, flows, strict=True) if amount]
    returns = daily_returns(curve_of_days(list(zip(days, equity, strict=True)), moves))
    np.testing.assert_allclose(returns.values, [0.5, 0.4, -0.4], atol=1e-12)
    assert_equal(1 + time_weighted(returns.values), 1.26)


def _price_returns(prices: list[int]) -> Returns:
    days = days_from("2000-01-03", len(prices))
    points = [(day, Decimal(price)) for day, price in zip(days, prices, strict=True)]
    return daily_returns(curve_of_days(points))


def test_the_deepest_drawdowns_agree_with_pyfolio() -> None:
    """pyfolio-reloaded, tests/test_timeseries.py: net in percent, with peak, valley and recovery."""
    prices = [100, 110, 120, 150, 180, 200, 100, 120, 160, 180, 200, 300, 400, 500, 600, 800, 900, 1000, 650, 600]
    returns = _price_returns(prices)
    first, second = top_drawdowns(returns, 2)
    assert round(first.depth, 8) == -0.5
    assert first.peak_ns and first.recovery_ns
    assert [str(day_of(t)) for t in (first.peak_ns, first.valley_ns, first.recovery_ns)] == [
        "2000-01-08",
        "2000-01-09",
        "2000-01-13",
    ]
    assert round(second.depth, 8) == -0.4
    assert second.peak_ns
    assert [str(day_of(t)) for t in (second.peak_ns, second.valley_ns)] == ["2000-01-20", "2000-01-22"]
    assert second.recovery_ns is None


def test_a_fall_from_the_first_price_on_counts_as_in_pyfolio() -> None:
    returns = _price_returns([100, 90, 75])
    (only,) = top_drawdowns(returns, 1)
    assert round(only.depth, 8) == -0.25
    assert only.peak_ns == returns.start_ns
