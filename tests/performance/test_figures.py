"""The figures of a window, as the dashboard receives them."""

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pytest

from plugtui.control.messages import Figures
from plugtui.performance.curve import curve_of_days
from plugtui.performance.curve_json import curve_points, performance_payload, thin
from plugtui.performance.exposure import Trade, exposure, turnover
from plugtui.performance.figures import (
    DEFINITIONS,
    figures,
    periods_per_year,
    without_amounts,
)
from plugtui.performance.ratios import Undefined
from plugtui.performance.returns import daily_returns
from tests.performance.support import curve_of, days_from


@dataclass
class Closed:
    pnl: Decimal
    closed_ns: int = 0


TRIPS = [Closed(Decimal("10.5")), Closed(Decimal("-4"))]
YEAR = curve_of([10_000 + 10 * i + (120 if i % 3 == 0 else 0) for i in range(366)], {100: 5, 200: -7})


def test_every_figure_has_a_definition_in_words() -> None:
    names = {field for field in Figures.__struct_fields__ if field != "undefined"}
    assert names <= set(DEFINITIONS)
    payload = performance_payload(YEAR, "ALL")
    assert set(payload["more"]) <= set(DEFINITIONS)


def test_a_figure_is_either_a_number_or_has_its_reason() -> None:
    for found in (
        figures(YEAR),
        figures(YEAR, TRIPS),
        figures(curve_of([5])),
        figures(curve_of([]), []),
    ):
        for name in Figures.__struct_fields__:
            value = getattr(found, name)
            assert (value is None) == (name in found.undefined), name


def test_money_is_exact_and_leaves_the_flows_out() -> None:
    found = figures(curve_of(["1000.10", "1500.35", "1390.40"], {1: "499.95", 2: "-100.05"}))
    assert (found.pnl, found.net_flow) == (Decimal("-9.60"), Decimal("399.90"))


def test_a_short_history_is_not_annualised() -> None:
    found = figures(curve_of([100, 101, 99, 102]))
    assert found.cagr is None and found.calmar is None
    assert found.undefined["cagr"].startswith("under 90 days")
    assert found.total_return == pytest.approx(0.02)
    assert figures(YEAR).cagr is not None


def test_round_trips_give_their_figures() -> None:
    found = figures(YEAR, TRIPS)
    assert (found.win_rate, found.profit_factor, found.expectancy, found.round_trips) == (0.5, 2.625, 3.25, 2)
    assert figures(YEAR).undefined["win_rate"] == "no list of fills"


def test_without_amounts_nothing_tells_the_size_of_the_account() -> None:
    large = curve_of((YEAR.equity * 1000).tolist(), {100: 5000, 200: -7000})
    big_trips = [Closed(trip.pnl * 1000) for trip in TRIPS]
    small, big = without_amounts(figures(YEAR, TRIPS)), without_amounts(figures(large, big_trips))
    assert small.pnl is None and small.net_flow is None and small.expectancy is None
    for name in Figures.__struct_fields__:
        assert getattr(small, name) == (
            value if isinstance(value := getattr(big, name), dict) else pytest.approx(value)
        ), name


@pytest.mark.parametrize(("step", "periods"), [(1, 252), (7, 52), (30, 12)])
def test_the_spacing_of_a_series_tells_its_periods(step: int, periods: int) -> None:
    days = days_from("2022-01-01", 400)[::step]
    curve = curve_of_days([(day, Decimal(100 + i)) for i, day in enumerate(days)])
    assert periods_per_year(daily_returns(curve)) == periods


def test_a_spacing_that_is_neither_days_nor_weeks_nor_months_is_refused() -> None:
    days = days_from("2020-01-01", 1000)[::91]
    curve = curve_of_days([(day, Decimal(100 + i)) for i, day in enumerate(days)])
    with pytest.raises(ValueError, match="spacing was 91 days, expected days, weeks or months"):
        figures(curve)
    assert figures(curve, periods=4).volatility is not None


# ---------------------------------------------------------------- points for a plot


def test_a_thinned_curve_keeps_both_ends_and_its_extremes() -> None:
    rng = np.random.default_rng(7)
    equity = 1000 * np.cumprod(1 + rng.normal(0, 0.02, 3000))
    full, few = curve_points(curve_of(equity.tolist()), 10_000), curve_points(curve_of(equity.tolist()), 60)
    assert len(few) <= 60
    assert (few[0], few[-1]) == (full[0], full[-1])
    for pick in (min, max):
        assert pick(p[2] for p in few) == pick(p[2] for p in full)


def test_a_curve_without_amounts_shows_percent_only() -> None:
    points = curve_points(curve_of([200, 100, 300]), amounts=False)
    assert [p[1:] for p in points] == [(100.0, 1.0, 0.0), (50.0, 0.5, -0.5), (150.0, 1.5, 0.0)]


def test_a_thinned_curve_keeps_the_deepest_point_even_beside_a_lower_start() -> None:
    equity = [100.0, *([101.0] * 500), 1000.0, 700.0, 990.0, *([1000.0 + i for i in range(500)])]
    points = curve_points(curve_of(equity), 8)
    assert len(points) <= 8
    assert min(p[3] for p in points) == pytest.approx(-0.3)


def test_too_few_points_are_refused() -> None:
    with pytest.raises(ValueError, match="count was 3, expected at least 4"):
        thin([1.0] * 10, 3)


def test_exposure_and_turnover_come_from_fills() -> None:
    curve = curve_of([1000] * 5)
    bought = Trade(int(curve.time_ns[2]) - 1, "AAPL", Decimal(5), Decimal(100))
    sold = Trade(int(curve.time_ns[4]) - 1, "AAPL", Decimal(-5), Decimal(100))
    assert exposure([sold, bought], curve) == pytest.approx(0.25)
    assert turnover([bought, sold], curve) == pytest.approx(1.0 * 365.25 / 4)
    assert exposure([], curve_of([1])) == Undefined("no days yet")
