"""The traps of Alpaca's portfolio history."""

from datetime import date, datetime
from decimal import Decimal

import numpy as np
import pytest

from plugtui.brokers.port import Activity, EquityPoint
from plugtui.performance.curve import NEW_YORK
from plugtui.performance.figures import money
from plugtui.performance.flows import external_flows, is_external
from plugtui.performance.history import from_history, from_points
from plugtui.performance.returns import daily_returns, time_weighted
from tests.performance.support import activity, history_of


def test_a_daily_timestamp_names_the_day_whose_extended_session_it_ends() -> None:
    """Protocol §3.3: 1697241600 is 2023-10-14T00:00Z and describes Friday, October 13; 1775606400 April 7."""
    curve = from_history({"timestamp": [1697241600, 1775606400], "equity": [100.0, 101.0]})
    assert curve.days == [date(2023, 10, 13), date(2026, 4, 7)]


@pytest.mark.parametrize("hour", [19, 20])
def test_a_winter_timestamp_names_the_same_day_by_either_clock(hour: int) -> None:
    stamp = int(datetime(2024, 1, 9, hour, tzinfo=NEW_YORK).timestamp())
    assert from_history({"timestamp": [stamp], "equity": [5]}).days == [date(2024, 1, 9)]


def test_zeros_before_the_funding_are_cut() -> None:
    curve = from_history(history_of([0, 0, None, 1000, 1010]))
    np.testing.assert_allclose(daily_returns(curve).values, [0.01])


def test_the_first_day_counts_when_its_deposit_is_known() -> None:
    curve = from_history(history_of([0, 0, 1010, 1020.1]), [activity("JNLC", "2024-01-03", "1000")])
    np.testing.assert_allclose(daily_returns(curve).values, [0.01, 0.01])
    assert money(curve) == (Decimal("20.1"), Decimal("1000"))


def test_a_first_deposit_booked_before_its_effect_is_the_funding() -> None:
    curve = from_history(history_of([0, 0, 0, 1010, 1020.1]), [activity("CSD", "2024-01-03", "1000")])
    assert time_weighted(daily_returns(curve).values) == pytest.approx(0.0201)


def test_a_null_is_a_gap_and_its_deposit_belongs_to_the_next_day() -> None:
    curve = from_history(history_of([1000, None, 2020]), [activity("CSD", "2024-01-02", "1000")])
    assert time_weighted(daily_returns(curve).values) == pytest.approx(0.01)
    assert [mark.kind for mark in curve.marks] == ["gap"]


def test_a_zero_that_no_withdrawal_explains_is_a_gap() -> None:
    curve = from_history(history_of([1000, 0, 1010, 0]))
    np.testing.assert_allclose(daily_returns(curve).values, [0.01])
    assert [mark.kind for mark in curve.marks] == ["gap", "gap"]


def test_an_account_that_was_emptied_and_funded_again_keeps_its_record() -> None:
    items = [activity("CSW", "2024-01-02", "-1100"), activity("CSD", "2024-01-04", "500")]
    curve = from_history(history_of([1000, 0, 0, 505, 510.05]), items)
    assert time_weighted(daily_returns(curve).values) == pytest.approx(1.1 * 1.01 * 1.01 - 1)


def test_an_account_that_was_never_funded_has_no_curve() -> None:
    assert len(from_history(history_of([0, 0, None]))) == 0
    assert len(from_history({})) == 0


def test_deposits_are_no_gain_and_dividends_and_fees_are() -> None:
    items = [
        activity("CSD", "2024-01-02", "500"),
        activity("DIV", "2024-01-03", "10"),
        activity("FEE", "2024-01-04", "-5"),
    ]
    curve = from_history(history_of([1000, 1500, 1510, 1505]), items)
    assert money(curve) == (Decimal("5"), Decimal("500"))
    assert time_weighted(daily_returns(curve).values) == pytest.approx(1505 / 1500 - 1)


@pytest.mark.parametrize("kind", ["CSD", "CSW", "ACATC", "ACATS", "JNLC", "JNLS"])
def test_payments_and_transfers_are_external(kind: str) -> None:
    assert is_external(kind)


@pytest.mark.parametrize(
    "kind", ["DIV", "DIVNRA", "INT", "INTNRA", "FEE", "CFEE", "PTC", "FILL", "MA", "SPLIT", "NEW1"]
)
def test_income_cost_and_trades_are_performance(kind: str) -> None:
    assert not is_external(kind)


def test_a_canceled_or_repeated_activity_is_no_flow() -> None:
    deposit = activity("CSD", "2024-01-02", "500")
    flows = external_flows([deposit, deposit, activity("CSD", "2024-01-03", "70", status="canceled")])
    assert [(m.day, m.amount) for m in flows.movements] == [(date(2024, 1, 2), Decimal(500))]


def test_securities_that_moved_in_kind_are_worth_quantity_times_price() -> None:
    flows = external_flows([activity("JNLS", "2024-01-02", "0", qty="-3", price="20.5", symbol="AAPL")])
    assert [m.amount for m in flows.movements] == [Decimal("-61.5")]


def test_securities_without_a_price_are_marked() -> None:
    flows = external_flows([activity("ACATS", "2024-01-02", None, qty="3", symbol="AAPL")])
    assert flows.movements == ()
    assert [mark.kind for mark in flows.marks] == ["flow unvalued"]


def test_a_jump_as_of_an_unadjusted_split_is_marked() -> None:
    curve = from_history(history_of([1000, 1010, 505, 1012]))
    assert [mark.kind for mark in curve.marks] == ["spike", "spike"]


def test_the_points_of_a_broker_make_the_same_curve() -> None:
    history = history_of([1000, 1500, 1510])
    points = [
        EquityPoint(t * 10**9, Decimal(str(e))) for t, e in zip(history["timestamp"], history["equity"], strict=True)
    ]
    payments = [Activity("1", "CSD", "2024-01-02", Decimal(500)), Activity("2", "DIV", "2024-01-03", Decimal(10))]
    curve = from_points(points, payments)
    same = from_history(history, [activity("CSD", "2024-01-02", "500")])
    assert curve.equity.tolist() == same.equity.tolist()
    assert curve.flow.tolist() == same.flow.tolist() == [0, 500, 0]
