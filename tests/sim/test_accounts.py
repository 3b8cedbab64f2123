"""Cash, positions, buying power and refusals."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugtui.secrets import Secret
from plugtui.sim.accounts import Account, Position
from plugtui.sim.executions import Flow
from plugtui.sim.rejections import Rejection
from tests.sim.support import Bench, D, stock

AAPL = stock("AAPL")


def account(cash: object = 10_000) -> Account:
    return Account("demo", "id", "PA1", "PK1", Secret("s"), Secret("t"), 0, cash=D(str(cash)))


def test_a_purchase_moves_cash_into_a_position() -> None:
    someone = account()
    assert someone.execute(AAPL, D(10), D(200)) == 10
    assert someone.cash == 8000
    assert someone.equity(lambda _: D(210)) == 10_100


def test_average_entry_moves_when_a_position_grows_and_stays_when_it_shrinks() -> None:
    position = Position(AAPL, D(0), D(0), D(0))
    position.add(D(10), D(100))
    position.add(D(30), D(120))
    assert position.average_entry == 115
    position.add(D(-15), D(300))
    assert (position.qty, position.average_entry) == (25, 115)


def test_crossing_through_zero_starts_a_new_average_entry() -> None:
    position = Position(AAPL, D(10), D(100), D(1000))
    position.add(D(-25), D(90))
    assert (position.qty, position.average_entry, position.cost) == (-15, 90, -1350)
    assert position.qty * D(80) - position.day_cost == 150, "the short earned 10 on each of 15 shares today"


def test_a_closed_position_is_gone() -> None:
    someone = account()
    someone.execute(AAPL, D(-5), D(100))
    someone.execute(AAPL, D(5), D(90))
    assert someone.positions == {}
    assert someone.cash == 10_050


def test_short_market_value_is_negative() -> None:
    someone = account()
    someone.execute(AAPL, D(-5), D(100))
    assert someone.market_values(lambda _: D(90)) == (0, -450)
    assert someone.equity(lambda _: D(90)) == 10_050


def test_the_day_rolls_equity_and_the_base_of_the_days_profit() -> None:
    someone = account()
    someone.execute(AAPL, D(10), D(200))
    someone.roll_day(lambda _: D(220))
    assert someone.last_equity == 10_200
    assert someone.positions["AAPL"].day_cost == 2200


def test_buying_power_is_free_margin_times_the_multiplier() -> None:
    someone = account()
    assert someone.buying_power(lambda _: D(200)) == 20_000
    someone.execute(AAPL, D(50), D(200))
    assert someone.buying_power(lambda _: D(200)) == 10_000
    assert someone.cash_power(lambda _: D(200)) == 5_000


def test_a_flow_is_cash_and_an_activity() -> None:
    someone = account()
    someone.move_cash(Flow("f", "CSW", 1_781_280_000_000_000_000, D("-12.34")))
    assert someone.cash == D("9987.66")
    assert [activity.activity_key() for activity in someone.activities] == ["20260612120000000::f"]


AMOUNTS = st.tuples(st.integers(-500, 500).filter(bool), st.decimals("0.01", "900", places=2))


@given(st.lists(AMOUNTS, max_size=40), st.decimals("0.01", "900", places=2))
def test_cash_and_positions_are_conserved(trades: list[tuple[int, Decimal]], price: Decimal) -> None:
    someone = account()
    for qty, paid in trades:
        someone.execute(AAPL, Decimal(qty), paid)
    held = sum(qty for qty, _ in trades)
    assert someone.quantity("AAPL") == held
    assert someone.cash == 10_000 - sum(qty * paid for qty, paid in trades)
    assert someone.equity(lambda _: price) == someone.cash + held * price


@given(st.lists(AMOUNTS, min_size=1, max_size=40))
def test_unrealised_and_realised_profit_add_up(trades: list[tuple[int, Decimal]]) -> None:
    """Cash flow + cost of what is held = realised profit, which is 0 as long as nothing was closed."""
    position = Position(AAPL, D(0), D(0), D(0))
    realised, spent = D(0), D(0)
    for qty, paid in trades:
        before, average = position.qty, position.average_entry
        closed = min(abs(before), abs(Decimal(qty))) if before * qty < 0 else D(0)
        realised += closed * (paid - average) * (1 if before > 0 else -1)
        spent += qty * paid
        position.add(Decimal(qty), paid)
    assert abs(position.cost - spent - realised) < D("1e-15")


# ------------------------------------------------------------------- refusals


def refused(bench: Bench, someone: Account, **body: object) -> Rejection:
    with pytest.raises(Rejection) as caught:
        bench.order(someone, **body)
    return caught.value


def test_an_order_beyond_buying_power_is_refused_with_the_amounts() -> None:
    bench = Bench()
    refusal = refused(bench, bench.account(cash=1000), qty=100)
    assert (refusal.status, refusal.code, refusal.message) == (403, 40310000, "insufficient buying power")
    assert refusal.context == {"buying_power": "2000", "cost_basis": "20000"}


def test_open_purchases_bind_buying_power() -> None:
    bench = Bench()
    someone = bench.account(cash=10_000)
    bench.order(someone, type="limit", limit_price=100, qty=150)
    assert someone.buying_power(bench.market.last) == 5000
    assert refused(bench, someone, qty=30).code == 40310000


def test_shares_held_by_an_open_sale_cannot_be_sold_again() -> None:
    bench = Bench()
    someone = bench.account()
    bench.order(someone)
    bench.pass_time()
    bench.order(someone, side="sell", type="limit", limit_price=300, qty=8)
    refusal = refused(bench, someone, side="sell", qty=5)
    assert refusal.message == "insufficient qty available for order (requested: 5, available: 2)"
    assert refusal.context["held_for_orders"] == "8"
    assert refusal.context["symbol"] == "AAPL"


def test_what_is_hard_to_borrow_cannot_be_sold_short() -> None:
    bench = Bench()
    assert refused(bench, bench.account(), symbol="HARD", side="sell").code == 40310000


def test_fractions_and_crypto_cannot_be_sold_short() -> None:
    bench = Bench()
    someone = bench.account()
    assert refused(bench, someone, side="sell", qty="0.5").code == 40310000
    refusal = refused(bench, someone, symbol="BTC/USD", side="sell", qty="0.5", time_in_force="gtc")
    assert refusal.message == "insufficient balance for BTC (requested: 0.5, available: 0)"


def test_a_sale_may_cross_through_zero_when_nothing_is_held() -> None:
    bench = Bench()
    someone = bench.account()
    bench.order(someone)
    bench.pass_time()
    bench.order(someone, side="sell", qty=25)
    bench.pass_time()
    assert someone.quantity("AAPL") == -15
    assert someone.activities[-1].to_activity()["side"] == "sell_short"


def test_a_small_account_cannot_sell_short() -> None:
    bench = Bench()
    assert refused(bench, bench.account(cash=1999), side="sell", qty=1).code == 40310000


def test_crypto_is_bought_with_cash_alone() -> None:
    bench = Bench()
    someone = bench.account(cash=60_000)
    assert refused(bench, someone, symbol="BTC/USD", qty="1.1", time_in_force="gtc").code == 40310000
    bench.order(someone, symbol="BTC/USD", qty="0.5", time_in_force="gtc")


def test_a_suspended_account_takes_no_orders() -> None:
    bench = Bench()
    someone = bench.account()
    someone.configuration.suspend_trade = True
    assert refused(bench, someone).message == "new orders are rejected by user request"
