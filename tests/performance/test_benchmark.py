"""An account beside a benchmark."""

from datetime import date

import numpy as np
import pytest

from plugtui.performance.benchmark import benchmark_returns, compare
from plugtui.performance.ratios import Undefined
from plugtui.performance.returns import daily_returns
from tests.performance.support import curve_of, days_from, returns_of


def test_an_account_that_moves_twice_as_far_has_a_beta_of_two() -> None:
    market = np.array([0.01, -0.02, 0.015, 0.005, -0.01])
    found = compare(returns_of((2 * market).tolist()), market)
    assert found.beta == pytest.approx(2.0)
    assert found.correlation == pytest.approx(1.0)


def test_the_relative_return_is_the_ratio_of_the_growths() -> None:
    found = compare(returns_of([0.1, 0.1]), np.array([0.1, 0.0]))
    assert found.relative == pytest.approx(0.1)
    assert found.beta == Undefined("needs three periods")


def test_a_benchmark_holds_its_last_price_on_days_without_one() -> None:
    returns = daily_returns(curve_of([100, 101, 102, 103], first="2024-01-05"))
    prices = [(date(2024, 1, 5), 50.0), (date(2024, 1, 8), 55.0)]
    np.testing.assert_allclose(benchmark_returns(returns, prices), [0.0, 0.0, 0.1], atol=1e-12)


def test_days_before_the_benchmark_began_are_left_out() -> None:
    returns = daily_returns(curve_of([100, 110, 121, 121], first="2024-01-01"))
    prices = [(day, 10.0 * 1.1**i) for i, day in enumerate(days_from("2024-01-02", 3))]
    found = compare(returns, benchmark_returns(returns, prices))
    assert found.periods == 2
    assert found.account == pytest.approx(0.1)
    assert found.benchmark == pytest.approx(0.21)


def test_nothing_in_common_is_undefined() -> None:
    found = compare(returns_of([0.1]), np.array([np.nan]))
    assert found.relative == Undefined("no period that both have")


def test_two_series_of_unlike_length_are_refused() -> None:
    with pytest.raises(ValueError, match="2 returns against 1"):
        compare(returns_of([0.1, 0.2]), np.array([0.1]))


def test_a_benchmark_that_stands_still_has_no_beta() -> None:
    assert compare(returns_of([0.1, 0.2, 0.3]), np.zeros(3)).beta == Undefined("the benchmark does not vary")


def test_alpha_is_what_is_left_of_the_mean_return_without_the_benchmarks_share() -> None:
    market = np.array([0.01, -0.02, 0.015, 0.005, -0.01])
    found = compare(returns_of((0.5 * market + 0.001).tolist()), market)
    assert found.beta == pytest.approx(0.5)
    assert found.alpha == pytest.approx(0.001 * 252)


def test_the_tracking_error_is_the_deviation_of_the_difference_a_year() -> None:
    market = np.array([0.01, -0.02, 0.015, 0.005])
    apart = np.array([0.001, -0.001, 0.002, 0.0])
    found = compare(returns_of((market + apart).tolist()), market)
    assert found.tracking_error == pytest.approx(float(np.std(apart, ddof=1)) * 252**0.5)
