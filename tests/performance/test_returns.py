"""Returns that money paid in or out does not touch."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugtui.performance.curve import Movement, curve_of_days
from plugtui.performance.returns import daily_returns, flow_neutral, growth, modified_dietz, settle_flows, time_weighted
from tests.performance.support import curve_of, days_from

CHANGES = st.lists(st.floats(-0.5, 1.0), min_size=2, max_size=30)


def equity_path(changes: list[float], flows: dict[int, float], start: float = 10_000.0) -> list[float]:
    """Equity after each day: deposits at the start of their day, withdrawals at the end."""
    path = [start]
    for i, change in enumerate(changes, start=1):
        flow = flows.get(i, 0.0)
        path.append((path[-1] + max(flow, 0.0)) * (1 + change) + min(flow, 0.0))
    return path


@given(CHANGES, st.data())
def test_a_deposit_changes_no_return(changes: list[float], data: st.DataObject) -> None:
    day = data.draw(st.integers(1, len(changes)))
    amount = data.draw(st.floats(1.0, 1e6))
    with_deposit = curve_of(equity_path(changes, {day: amount}), {day: amount})
    np.testing.assert_allclose(daily_returns(with_deposit).values, changes, atol=1e-9)


@given(CHANGES, st.data())
def test_a_withdrawal_of_a_part_changes_no_return(changes: list[float], data: st.DataObject) -> None:
    day = data.draw(st.integers(1, len(changes)))
    held = equity_path(changes, {})[day]
    amount = -data.draw(st.floats(0.01, 0.9)) * held
    curve = curve_of(equity_path(changes, {day: amount}), {day: amount})
    np.testing.assert_allclose(daily_returns(curve).values, changes, rtol=1e-7, atol=1e-9)


@given(CHANGES, st.floats(0.01, 100.0))
def test_the_size_of_an_account_changes_no_return(changes: list[float], factor: float) -> None:
    small, large = curve_of(equity_path(changes, {})), curve_of(equity_path(changes, {}, 10_000.0 * factor))
    np.testing.assert_allclose(daily_returns(small).values, daily_returns(large).values, atol=1e-9)


@given(CHANGES)
def test_the_index_ends_at_one_plus_the_total_return(changes: list[float]) -> None:
    returns = daily_returns(curve_of(equity_path(changes, {})))
    assert growth(returns)[-1] == pytest.approx(1 + time_weighted(returns.values))


def test_deposit_and_withdrawal_on_one_day_count_at_its_start_and_its_end() -> None:
    days = days_from("2024-01-01", 2)
    moves = [Movement(days[1], Decimal(50)), Movement(days[1], Decimal(-30))]
    curve = curve_of_days([(days[0], Decimal(100)), (days[1], Decimal(135))], moves)
    assert daily_returns(curve).values[0] == pytest.approx(0.10)
    assert flow_neutral(100, 135, 50, 30) == pytest.approx(0.10)


def test_flows_within_a_longer_period_are_weighted_by_their_days() -> None:
    days = days_from("2024-01-01", 11)
    moves = [Movement(days[5], Decimal(100)), Movement(days[8], Decimal(-50))]
    curve = curve_of_days([(days[0], Decimal(1000)), (days[10], Decimal(1100))], moves)
    expected = modified_dietz(1000, 1100, 10, [(5, 100), (8, -50)])
    assert daily_returns(curve).values[0] == pytest.approx(expected)


def test_a_deposit_on_a_monday_counts_in_full_although_a_weekend_lies_before_it() -> None:
    friday, _, _, monday = days_from("2024-01-05", 4)
    curve = curve_of_days([(friday, Decimal(100)), (monday, Decimal(220))], [Movement(monday, Decimal(100))])
    assert daily_returns(curve).values[0] == pytest.approx(0.1)


def test_a_flow_on_a_day_without_a_point_belongs_to_the_next_point() -> None:
    days = days_from("2024-01-05", 4)
    points = [(days[0], Decimal(100)), (days[3], Decimal(200))]
    assert daily_returns(curve_of_days(points, [Movement(days[1], Decimal(100))])).values[0] == pytest.approx(0.0)


def test_without_capital_there_is_no_return() -> None:
    assert flow_neutral(0, 10) is None
    assert np.isnan(modified_dietz(10, 20, 10, [(0, -40)]))
    values = daily_returns(curve_of([100, 0, 0, 50, 55], {1: -100, 3: 50})).values
    np.testing.assert_allclose(values, [0.0, np.nan, 0.0, 0.1], atol=1e-12)


def test_a_return_is_never_below_minus_one() -> None:
    assert daily_returns(curve_of([100, -20, -30])).values[0] == -1.0
    assert flow_neutral(100, -20) == -1.0


@pytest.mark.parametrize("booked", [2, 4])
def test_a_deposit_booked_a_day_off_moves_to_the_day_of_its_effect(booked: int) -> None:
    curve = settle_flows(curve_of([1000, 1005, 1010, 1515, 1520, 1525], {booked: 500}))
    np.testing.assert_allclose(
        daily_returns(curve).values, [5 / 1000, 5 / 1005, 5 / 1510, 5 / 1515, 5 / 1520], atol=1e-9
    )
    assert [mark.kind for mark in curve.marks] == ["flow moved"]


@pytest.mark.parametrize("booked", [2, 4])
def test_a_withdrawal_booked_a_day_off_moves_to_the_day_of_its_effect(booked: int) -> None:
    curve = settle_flows(curve_of([1000, 1005, 1010, 515, 520, 525], {booked: -500}))
    assert float(np.max(np.abs(daily_returns(curve).values))) < 0.011


def test_a_deposit_that_stands_for_the_opening_balance_is_not_counted_again() -> None:
    curve = settle_flows(curve_of([10_000, 10_050, 10_100, 10_080], {1: 10_000}))
    assert time_weighted(daily_returns(curve).values) == pytest.approx(0.008)


def test_a_deposit_on_its_day_stays_there_even_beside_a_wild_day() -> None:
    curve = settle_flows(curve_of([1000, 1005, 1510, 1100, 1105], {2: 500}))
    assert curve.flow.tolist() == [0, 0, 500, 0, 0]
    assert curve.marks == ()


def test_a_curve_of_one_point_has_no_returns() -> None:
    assert len(daily_returns(curve_of([100]))) == 0
