"""The two years behind an account, and the portfolio history made of them."""

import random
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from plugtui.sim.calendar import NEW_YORK, at_ns, new_york
from plugtui.sim.executions import Execution, Flow
from plugtui.sim.numbers import cents
from plugtui.sim.past import made_closes
from plugtui.sim.portfolio import portfolio_history
from plugtui.sim.rejections import Rejection
from tests.sim.support import FRIDAY_NOON_NS, Bench, D


@pytest.fixture(scope="module")
def bench() -> Bench:
    """An exchange of which these tests only read."""
    return Bench(names=("demo", "northstar", "riverbend", "reserve"))


def history(bench: Bench, name: str = "demo", **parameters: str) -> Mapping[str, Any]:
    return portfolio_history(bench.exchange, bench.exchange.accounts[name], parameters)


@pytest.mark.parametrize("name", ["demo", "northstar", "riverbend", "reserve"])
def test_activities_lead_to_the_opening_balances_to_the_cent(bench: Bench, name: str) -> None:
    account = bench.exchange.accounts[name]
    cash, held = D(0), dict[str, Decimal]()
    for activity in account.activities:
        if isinstance(activity, Flow):
            cash += activity.net_amount
        else:
            signed = activity.qty if activity.side == "buy" else -activity.qty
            cash -= signed * activity.price
            held[activity.symbol] = held.get(activity.symbol, D(0)) + signed
            assert activity.position_qty == held[activity.symbol]
    assert cash == account.cash
    assert {symbol: qty for symbol, qty in held.items() if qty} == {s: p.qty for s, p in account.positions.items()}


@pytest.mark.parametrize("name", ["demo", "riverbend"])
def test_every_days_equity_follows_from_activities_and_closes(bench: Bench, name: str) -> None:
    exchange, account = bench.exchange, bench.exchange.accounts[name]
    days = [close.day for close in exchange.days[name]]
    closes = {s: dict(made_closes(bench.market, days, exchange.seed)(s)) for s in ("AAPL", "MSFT", "C")}
    for close in random.Random(1).sample(exchange.days[name], 40) + exchange.days[name][-1:]:
        until = at_ns(close.day, time(16))
        cash, held = D(0), dict[str, Decimal]()
        for activity in account.activities:
            if activity.time_ns > until:
                break
            if isinstance(activity, Flow):
                cash += activity.net_amount
            else:
                signed = activity.qty if activity.side == "buy" else -activity.qty
                cash -= signed * activity.price
                held[activity.symbol] = held.get(activity.symbol, D(0)) + signed
        assert close.equity == cash + sum(qty * closes[symbol][close.day] for symbol, qty in held.items())


def test_the_past_has_deposits_withdrawals_dividends_fees_and_fills(bench: Bench) -> None:
    kinds = set()
    for account in bench.exchange.accounts.values():
        kinds |= {a.kind if isinstance(a, Flow) else "FILL" for a in account.activities}
    assert kinds == {"CSD", "CSW", "DIV", "FEE", "INT", "FILL"}


def test_the_past_covers_two_years_of_trading_days(bench: Bench) -> None:
    days = [close.day for close in bench.exchange.days["demo"]]
    assert len(days) == 502
    assert days[-1] == date(2026, 6, 11)
    assert days == sorted(set(days))


def test_activities_stand_in_the_order_of_their_times(bench: Bench) -> None:
    for account in bench.exchange.accounts.values():
        times = [activity.time_ns for activity in account.activities]
        assert times == sorted(times)
        assert times[-1] < FRIDAY_NOON_NS


def test_the_last_close_is_the_last_equity_of_the_live_account(bench: Bench) -> None:
    for name, account in bench.exchange.accounts.items():
        assert bench.exchange.days[name][-1].equity == account.last_equity


def test_the_past_is_not_among_the_executions_of_the_present(bench: Bench) -> None:
    account = bench.exchange.accounts["demo"]
    assert bench.exchange.truth_of_executions(account) == []
    filled = [a for a in account.activities if isinstance(a, Execution)]
    assert all(account.orders[a.order_id].status == "filled" for a in filled)


def test_the_past_is_the_same_for_the_same_seed() -> None:
    one, two, other = Bench(seed=5), Bench(seed=5), Bench(seed=6)
    assert one.exchange.days == two.exchange.days
    assert one.exchange.accounts["demo"].activities == two.exchange.accounts["demo"].activities
    assert one.exchange.days != other.exchange.days


# ------------------------------------------------------------------- portfolio history


def test_a_month_by_day_ends_with_today_so_far(bench: Bench) -> None:
    answer = history(bench)
    assert answer["timeframe"] == "1D"
    labels = [datetime.fromtimestamp(stamp, NEW_YORK) for stamp in answer["timestamp"]]
    assert {label.time() for label in labels} == {time(20)}
    assert labels[-1].date() == date(2026, 6, 12)
    assert labels[0].date() == date(2026, 5, 12)
    account = bench.exchange.accounts["demo"]
    assert answer["equity"][-1] == float(cents(bench.exchange.equity(account)))
    assert answer["equity"][-2] == float(cents(account.last_equity))


def test_daily_profit_is_the_difference_to_the_day_before(bench: Bench) -> None:
    answer = history(bench, period="3M")
    bars = [answer["base_value"], *answer["equity"]]
    for index, profit in enumerate(answer["profit_loss"]):
        assert profit == pytest.approx(bars[index + 1] - bars[index], abs=0.011)
        assert answer["profit_loss_pct"][index] == pytest.approx(profit / bars[index], abs=1e-5)
    assert answer["base_value_asof"] == "2026-03-11"


def test_without_reset_profit_is_relative_to_the_base(bench: Bench) -> None:
    answer = history(bench, period="1M", pnl_reset="no_reset")
    assert answer["profit_loss"][-1] == pytest.approx(answer["equity"][-1] - answer["base_value"], abs=0.011)


def test_the_whole_life_has_no_base_before_it(bench: Bench) -> None:
    answer = history(bench, period="all")
    assert len(answer["equity"]) == 503
    assert "base_value_asof" not in answer
    assert answer["profit_loss"][0] == 0


def test_cash_flows_add_up_to_the_activities(bench: Bench) -> None:
    answer = history(bench, period="all", cashflow_types="ALL")
    flows = [a for a in bench.exchange.accounts["demo"].activities if isinstance(a, Flow)]
    for kind, row in answer["cashflow"].items():
        assert len(row) == len(answer["equity"])
        assert round(sum(row), 2) == float(sum(flow.net_amount for flow in flows if flow.kind == kind))
    first = flows[0]
    assert answer["cashflow"]["CSD"][0] == float(first.net_amount)
    only = history(bench, period="1M", cashflow_types="CSD,CSW")["cashflow"]
    assert set(only) == {"CSD", "CSW"}
    assert "cashflow" not in history(bench, period="1M", cashflow_types="NONE")


def test_cash_flows_stand_at_the_day_they_changed_equity(bench: Bench) -> None:
    answer = history(bench, period="all", cashflow_types="CSD")
    rows = {
        datetime.fromtimestamp(s, NEW_YORK).date(): c
        for s, c in zip(answer["timestamp"], answer["cashflow"]["CSD"], strict=True)
    }
    flows = [a for a in bench.exchange.accounts["demo"].activities if isinstance(a, Flow) and a.kind == "CSD"]
    assert all(rows[new_york(flow.time_ns).date()] == float(flow.net_amount) for flow in flows)


def test_today_by_minute_runs_from_the_opening_to_now(bench: Bench) -> None:
    answer = history(bench, period="1D")
    assert answer["timeframe"] == "1Min"
    labels = [datetime.fromtimestamp(stamp, NEW_YORK) for stamp in answer["timestamp"]]
    assert labels[0].time() == time(9, 30)
    assert labels[-1].time() == time(12, 0)
    account = bench.exchange.accounts["demo"]
    assert answer["base_value"] == float(cents(account.last_equity))
    assert answer["equity"][-1] == float(cents(bench.exchange.equity(account)))
    assert answer["profit_loss"][-1] == pytest.approx(answer["equity"][-1] - answer["base_value"], abs=0.011)


def test_a_past_day_by_minute_ends_at_its_close(bench: Bench) -> None:
    answer = history(bench, start="2026-06-08", end="2026-06-09", timeframe="5Min")
    by_day = {close.day: close.equity for close in bench.exchange.days["demo"]}
    assert len(answer["equity"]) == 78, "the end is midnight: the second day has not begun"
    assert answer["equity"][-1] == float(cents(by_day[date(2026, 6, 8)]))
    assert answer == history(bench, start="2026-06-08", end="2026-06-09", timeframe="5Min")


def test_two_weeks_come_in_quarters_of_an_hour(bench: Bench) -> None:
    assert history(bench, period="2W")["timeframe"] == "15Min"


@pytest.mark.parametrize(
    "parameters",
    [
        {"period": "1X"},
        {"period": "0D"},
        {"timeframe": "2Min"},
        {"period": "3M", "timeframe": "1Min"},
        {"start": "soon"},
        {"intraday_reporting": "sometimes"},
        {"period": "1M", "start": "2026-05-01", "end": "2026-06-01"},
    ],
)
def test_what_cannot_be_answered_is_refused(bench: Bench, parameters: dict[str, str]) -> None:
    with pytest.raises(Rejection) as caught:
        history(bench, **parameters)
    assert caught.value.status == 422


def test_history_goes_on_while_the_simulator_runs() -> None:
    bench = Bench()
    bench.move("AAPL", 150, seconds=3 * 3600)
    bench.pass_time(2 * 3600)  # over the close
    account = bench.exchange.accounts["demo"]
    assert bench.exchange.days["demo"][-1].day == date(2026, 6, 12)
    assert account.last_equity == bench.exchange.equity(account)
    minutes = portfolio_history(bench.exchange, account, {"period": "1D", "timeframe": "1Min"})
    assert len(minutes["equity"]) == 390
    bench.pass_time(3 * 86_400)
    days = portfolio_history(bench.exchange, account, {"period": "1M"})
    assert days["timestamp"][-1] == at_ns(date(2026, 6, 15), time(20)) // 10**9


def test_a_deposit_is_in_equity_and_cash_flow_of_today() -> None:
    bench = Bench()
    account = bench.exchange.accounts["demo"]
    before = bench.exchange.equity(account)
    bench.exchange.flow(account, D("1234.56"))
    answer = portfolio_history(bench.exchange, account, {"period": "1M", "cashflow_types": "ALL"})
    assert answer["equity"][-1] == float(cents(before + D("1234.56")))
    assert answer["cashflow"]["CSD"][-1] == 1234.56
