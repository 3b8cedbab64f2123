"""Every figure is a number or says why it is none."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugtui.performance import ratios
from plugtui.performance.figures import return_values
from plugtui.performance.ratios import Undefined
from tests.performance.support import returns_of


@given(st.lists(st.one_of(st.floats(-1.0, 10.0), st.just(float("nan"))), max_size=40))
def test_no_figure_is_ever_infinite_or_not_a_number(changes: list[float]) -> None:
    for name, value in return_values(returns_of(changes), 252).items():
        assert isinstance(value, Undefined) or np.isfinite(value), name


@pytest.mark.parametrize(
    ("changes", "name", "reason"),
    [
        ([], "total_return", "no returns yet"),
        ([], "max_drawdown", "no returns yet"),
        ([0.01], "volatility", "needs two returns"),
        ([0.01, 0.01], "sharpe", "the returns do not vary"),
        ([0.0, 0.0], "sharpe", "the returns do not vary"),
        ([0.01, 0.02], "sortino", "no losses"),
        ([0.01, 0.02], "calmar", "no drawdown"),
        ([0.01] * 19, "value_at_risk", "needs 20 returns"),
        ([0.0], "winning_days", "no day with a change"),
    ],
)
def test_an_undefined_figure_names_the_reason(changes: list[float], name: str, reason: str) -> None:
    assert return_values(returns_of(changes), 252)[name] == Undefined(reason)


def test_a_constant_series_has_a_volatility_of_zero() -> None:
    assert ratios.volatility(np.array([0.1, 0.1, 0.1])) == 0.0


def test_periods_without_a_return_count_as_time_and_not_as_zero() -> None:
    gap, plain = np.array([0.01, np.nan, 0.03]), np.array([0.01, 0.03])
    assert ratios.volatility(gap) == ratios.volatility(plain)
    assert ratios.cagr(gap) == pytest.approx((1.01 * 1.03) ** (252 / 3) - 1)


def test_the_risk_free_rate_is_taken_off_each_period() -> None:
    r = np.array([0.01, 0.03, 0.02])
    assert ratios.sharpe(r, risk_free=0.02) == pytest.approx(0.0)


def test_value_at_risk_and_the_mean_beyond_it() -> None:
    r = np.arange(-10, 11) / 100.0
    assert ratios.value_at_risk(r) == pytest.approx(-0.09)
    assert ratios.expected_shortfall(r) == pytest.approx(-0.095)


def test_round_trips_give_win_rate_profit_factor_and_expectancy() -> None:
    pnls = [Decimal("10"), Decimal("-4"), Decimal("0"), Decimal("2")]
    assert ratios.win_rate(pnls) == 0.5
    assert ratios.profit_factor(pnls) == 3.0
    assert ratios.expectancy(pnls) == 2.0


def test_without_round_trips_or_losses_their_figures_are_undefined() -> None:
    assert ratios.win_rate([]) == ratios.NO_TRIPS
    assert ratios.expectancy([]) == ratios.NO_TRIPS
    assert ratios.profit_factor([Decimal(1)]) == Undefined("no losses")
