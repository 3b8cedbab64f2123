"""When and at what price orders execute: tables."""

from decimal import Decimal
from typing import Any

import pytest

from plugtui.sim.instruments import Top
from plugtui.sim.matching import Liquidity, executable, in_priority, marketable, observe, split
from plugtui.sim.orders import Order
from tests.sim.support import D, pair, stock

TOP = Top(D("99.98"), D(300), D("100.02"), D(200))


def order(**fields: Any) -> Order:
    usual: dict[str, Any] = {
        "id": "o",
        "client_order_id": "c",
        "account": "demo",
        "instrument": stock("AAPL"),
        "side": "buy",
        "type": "market",
        "time_in_force": "day",
        "qty": D(100),
        "created_ns": 0,
        "sequence": 0,
        "status": "new",
    }
    return Order(**(usual | fields))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"type": "market"}, 100),
        ({"type": "market", "qty": D(500)}, 200),
        ({"type": "market", "side": "sell", "qty": D(500)}, 300),
        ({"type": "limit", "limit_price": D("100.02")}, 100),
        ({"type": "limit", "limit_price": D("100.01")}, 0),
        ({"type": "limit", "side": "sell", "limit_price": D("99.98")}, 100),
        ({"type": "limit", "side": "sell", "limit_price": D("99.99")}, 0),
        ({"type": "stop", "stop_price": D(101)}, 0),
        ({"type": "stop", "stop_price": D(101), "triggered": True}, 100),
        ({"type": "stop_limit", "stop_price": D(101), "limit_price": D(100), "triggered": True}, 0),
        ({"type": "market", "time_in_force": "fok", "qty": D(201)}, 0),
        ({"type": "market", "time_in_force": "fok", "qty": D(200)}, 200),
        ({"type": "market", "time_in_force": "ioc", "qty": D(201)}, 200),
        ({"type": "market", "qty": D("0.5")}, "0.5"),
    ],
)
def test_what_executes_against_the_top_of_the_book(fields: dict[str, Any], expected: object) -> None:
    assert executable(order(**fields), Liquidity.of(TOP)) == D(str(expected))


def test_what_one_order_takes_is_gone_for_the_next() -> None:
    liquidity = Liquidity.of(TOP)
    first, second = order(qty=D(150)), order(qty=D(150))
    liquidity.take(first, executable(first, liquidity))
    assert executable(second, liquidity) == 50
    assert executable(order(side="sell"), liquidity) == 100


def test_a_notional_order_gets_its_quantity_at_its_first_execution() -> None:
    spender = order(qty=None, notional=D(250))
    assert executable(spender, Liquidity.of(TOP)) == D("2.499500099")
    assert spender.target == D("2.499500099")


def test_crypto_quantities_keep_the_pairs_step() -> None:
    spender = order(instrument=pair("BTC/USD"), qty=None, notional=D(100))
    top = Top(D(59_999), D(2), D(60_001), D(2))
    assert executable(spender, Liquidity.of(top)) % D("0.000000001") == 0


@pytest.mark.parametrize(
    ("side", "stop", "last", "triggered"),
    [("buy", 101, "100.99", False), ("buy", 101, 101, True), ("sell", 99, "99.01", False), ("sell", 99, "98.5", True)],
)
def test_stops_trigger_on_the_last_trade(side: str, stop: int, last: object, triggered: bool) -> None:
    waiting = order(type="stop", side=side, stop_price=D(stop))
    assert observe(waiting, D(str(last))) is triggered
    assert waiting.triggered is triggered


def test_a_trailing_sale_follows_the_price_up_and_not_down() -> None:
    trailing = order(type="trailing_stop", side="sell", trail_price=D(2))
    stops = []
    for last in (100, 103, 102, 104, "102.01"):
        assert not observe(trailing, D(str(last)))
        stops.append(trailing.stop_price)
    assert stops == [98, 101, 101, 102, 102]
    assert trailing.hwm == 104
    assert observe(trailing, D(102))


def test_a_trailing_purchase_in_percent_follows_the_price_down() -> None:
    trailing = order(type="trailing_stop", side="buy", trail_percent=D(1))
    assert not observe(trailing, D(100))
    assert not observe(trailing, D(90))
    assert trailing.stop_price == D("90.9")
    assert observe(trailing, D("90.9"))


def test_market_orders_come_first_then_the_better_limit_then_the_older() -> None:
    orders = [
        order(id="late", type="limit", limit_price=D(10), sequence=3),
        order(id="early", type="limit", limit_price=D(10), sequence=1),
        order(id="better", type="limit", limit_price=D(11), sequence=4),
        order(id="market", sequence=5),
    ]
    assert [o.id for o in in_priority(orders)] == ["market", "better", "early", "late"]


def test_nothing_executes_without_a_price() -> None:
    assert executable(order(), Liquidity.of(Top(D(0), D(0), D(0), D(0)))) == 0


@pytest.mark.parametrize(("qty", "share", "expected"), [(10, "0.55", 5), (10, "0.01", 1), (1, "0.5", 1)])
def test_a_part_is_a_whole_number_of_shares_and_at_least_one(qty: int, share: str, expected: int) -> None:
    assert split(order(qty=D(qty)), D(qty), Decimal(share)) == expected


def test_a_stop_is_not_marketable_before_its_trigger() -> None:
    assert not marketable(order(type="trailing_stop", trail_price=D(1)), Liquidity.of(TOP))
