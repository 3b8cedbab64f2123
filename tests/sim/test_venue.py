"""The life of orders on the simulated exchange."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugtui.sim.calendar import to_ns
from plugtui.sim.orders import OPEN
from plugtui.sim.rejections import Rejection
from tests.sim.support import FRIDAY_NOON_NS, Bench, D


def test_a_market_order_is_new_then_filled_at_the_ask() -> None:
    bench = Bench()
    someone = bench.account()
    order = bench.order(someone)
    assert order.status == "pending_new"
    bench.pass_time()
    assert bench.told(someone) == [("new", "market"), ("fill", "market")]
    fill = bench.events[-1]
    assert (fill["price"], fill["qty"], fill["position_qty"]) == ("200.01", "10", "10")
    assert fill["order"]["filled_avg_price"] == "200.01"
    assert fill["order"]["status"] == "filled"
    assert fill["execution_id"] == someone.executions[0].execution_id


def test_every_event_carries_what_strict_readers_need() -> None:
    bench = Bench()
    someone = bench.account()
    bench.order(someone)
    bench.pass_time()
    for event in bench.events:
        assert {"at", "event_id", "event", "timestamp", "order"} <= event.keys()
        assert len(event["event_id"]) == 26
    ids = [event["event_id"] for event in bench.events]
    assert ids == sorted(set(ids))


def test_without_latency_the_order_is_filled_before_its_submission_returns() -> None:
    bench = Bench(fill_latency_ms=(0, 0))
    assert bench.order(bench.account()).status == "filled"


def test_an_order_larger_than_the_display_fills_in_parts() -> None:
    bench = Bench()
    someone = bench.account()
    bench.market.set("AAPL", 200, size=60)
    order = bench.order(someone, qty=100)
    bench.pass_time()
    assert (order.status, order.filled_qty) == ("partially_filled", 60)
    bench.move("AAPL", 202, size=60)
    assert (order.status, order.filled_qty) == ("filled", 100)
    assert bench.told(someone) == [("new", "market"), ("partial_fill", "market"), ("fill", "market")]
    assert [e.leaves_qty for e in someone.executions] == [40, 0]
    assert order.to_json()["filled_avg_price"] == "200.81"


def test_two_orders_share_what_is_displayed() -> None:
    bench = Bench()
    first, second = bench.account("demo"), bench.account("reserve")
    bench.market.set("AAPL", 200, size=15)
    bench.order(first)
    bench.pass_time()
    bench.order(second)
    bench.pass_time()
    assert second.quantity("AAPL") == 5


def test_an_order_for_a_halted_symbol_is_accepted_and_then_rejected() -> None:
    bench = Bench(halted="MSFT,AAPL")
    someone = bench.account()
    order = bench.order(someone)
    assert order.status == "pending_new"
    bench.pass_time()
    assert order.status == "rejected"
    assert bench.told(someone) == [("rejected", "market")]
    assert order.to_json()["failed_at"] is not None
    assert not someone.open_orders


def test_a_limit_order_waits_for_its_price() -> None:
    bench = Bench()
    order = bench.order(bench.account(), type="limit", limit_price=195, time_in_force="gtc")
    bench.pass_time()
    bench.move("AAPL", "195.01")
    assert order.status == "new"
    bench.move("AAPL", "194.50")
    assert order.status == "filled"
    assert order.average_price == D("194.51")


def test_a_stop_order_waits_for_the_last_trade_to_reach_it() -> None:
    bench = Bench()
    order = bench.order(bench.account(), type="stop", stop_price=210)
    bench.move("AAPL", 209)
    assert order.status == "new"
    bench.move("AAPL", 211)
    assert order.status == "filled"


def test_a_stop_limit_order_keeps_its_limit_after_the_trigger() -> None:
    bench = Bench()
    order = bench.order(bench.account(), type="stop_limit", stop_price=210, limit_price="210.50")
    bench.pass_time()
    bench.move("AAPL", 212)
    assert (order.triggered, order.status) == (True, "new")
    bench.move("AAPL", "210.40")
    assert order.status == "filled"


def test_a_trailing_stop_sells_after_the_fall() -> None:
    bench = Bench()
    someone = bench.account()
    bench.order(someone)
    bench.pass_time()
    order = bench.order(someone, side="sell", type="trailing_stop", trail_percent=5)
    for price in (200, 220, 215):
        bench.move("AAPL", price)
    assert (order.status, order.hwm, order.stop_price) == ("new", 220, 209)
    bench.move("AAPL", 208)
    assert order.status == "filled"


def test_immediate_or_cancel_takes_what_there_is() -> None:
    bench = Bench()
    someone = bench.account()
    bench.market.set("AAPL", 200, size=4)
    order = bench.order(someone, time_in_force="ioc")
    bench.pass_time()
    assert (order.status, order.filled_qty) == ("canceled", 4)
    assert [name for name, _ in bench.told(someone)] == ["new", "partial_fill", "canceled"]


def test_fill_or_kill_takes_all_or_nothing() -> None:
    bench = Bench()
    bench.market.set("AAPL", 200, size=4)
    order = bench.order(bench.account(), time_in_force="fok")
    bench.pass_time()
    assert (order.status, order.filled_qty) == ("canceled", 0)


def test_a_notional_order_spends_no_more_than_its_amount() -> None:
    bench = Bench()
    someone = bench.account()
    order = bench.order(someone, notional=500)
    bench.pass_time()
    assert order.status == "filled"
    assert D("499.99") < order.filled_value <= 500
    shown = order.to_json()
    assert (shown["qty"], shown["notional"]) == (None, "500")


def test_a_fraction_can_be_bought() -> None:
    bench = Bench()
    someone = bench.account()
    bench.order(someone, qty="0.125")
    bench.pass_time()
    assert someone.quantity("AAPL") == D("0.125")


def test_crypto_trades_on_a_weekend() -> None:
    bench = Bench(start_ns=FRIDAY_NOON_NS + 86_400 * 10**9)
    someone = bench.account()
    order = bench.order(someone, symbol="BTC/USD", qty="0.25", time_in_force="gtc")
    bench.pass_time()
    assert order.status == "filled"


# ------------------------------------------------------------------- cancel, replace, expiry


def test_a_cancelled_order_never_fills() -> None:
    bench = Bench()
    someone = bench.account()
    order = bench.order(someone, type="limit", limit_price=195)
    bench.pass_time()
    bench.exchange.cancel(someone, order.id)
    assert order.status == "pending_cancel"
    bench.move("AAPL", 190)
    assert (order.status, order.filled_qty) == ("canceled", 0)
    assert [name for name, _ in bench.told(someone)] == ["new", "pending_cancel", "canceled"]


def test_a_filled_order_cannot_be_cancelled_or_replaced() -> None:
    bench = Bench()
    someone = bench.account()
    order = bench.order(someone)
    bench.pass_time()
    for refused in (
        lambda: bench.exchange.cancel(someone, order.id),
        lambda: bench.exchange.replace(someone, order.id, {}),
    ):
        with pytest.raises(Rejection) as caught:
            refused()
        assert (caught.value.status, caught.value.code) == (422, 42210000)


def test_an_unknown_order_is_not_found() -> None:
    bench = Bench()
    with pytest.raises(Rejection) as caught:
        bench.exchange.cancel(bench.account(), "nobody")
    assert (caught.value.status, caught.value.code) == (404, 40410000)


def test_a_replacement_takes_the_place_of_the_old_order() -> None:
    bench = Bench()
    someone = bench.account()
    old = bench.order(someone, type="limit", limit_price=195)
    bench.pass_time()
    new = bench.exchange.replace(someone, old.id, {"qty": "4", "limit_price": "196"})
    assert (new.replaces, old.status) == (old.id, "pending_replace")
    bench.pass_time()
    assert (old.status, old.replaced_by, new.status) == ("replaced", new.id, "new")
    bench.move("AAPL", "195.5")
    assert (old.filled_qty, new.status, new.filled_qty) == (0, "filled", 4)
    assert [name for name, _ in bench.told(someone)] == ["new", "replaced", "new", "fill"]


def test_cancelling_a_replacement_in_flight_ends_both_orders() -> None:
    bench = Bench(fill_latency_ms=(5, 5))
    someone = bench.account()
    old = bench.order(someone, type="limit", limit_price=195)
    bench.pass_time()
    bench.faults.fill_latency_ms = (50, 50)
    new = bench.exchange.replace(someone, old.id, {"limit_price": "196"})
    bench.faults.fill_latency_ms = (5, 5)
    bench.exchange.cancel(someone, new.id)
    bench.pass_time()
    assert (old.status, new.status, someone.open_orders) == ("canceled", "canceled", {})


def test_the_rest_of_a_partly_filled_order_can_be_replaced() -> None:
    bench = Bench()
    someone = bench.account()
    bench.market.set("AAPL", 200, size=3)
    old = bench.order(someone, type="limit", limit_price="200.01")
    bench.pass_time()
    assert old.filled_qty == 3
    new = bench.exchange.replace(someone, old.id, {"limit_price": "199"})
    bench.pass_time()
    assert (old.status, old.filled_qty, new.qty) == ("replaced", 3, 7)


def test_a_day_order_expires_at_the_close() -> None:
    bench = Bench()
    someone = bench.account()
    order = bench.order(someone, type="limit", limit_price=100)
    bench.pass_time(4 * 3600 + 1)
    assert order.status == "expired"
    assert order.expired_ns == FRIDAY_NOON_NS + 4 * 3600 * 10**9


def test_a_good_till_cancelled_order_survives_the_close_and_fills_the_next_day() -> None:
    bench = Bench()
    order = bench.order(bench.account(), type="limit", limit_price=190, time_in_force="gtc")
    bench.pass_time(5 * 3600)
    bench.move("AAPL", 150)
    assert order.status == "new", "the market is closed"
    bench.move("AAPL", 150, seconds=2 * 86_400 + 20 * 3600)
    assert order.status == "filled"


def test_an_order_on_a_closed_market_waits_for_the_opening() -> None:
    saturday = FRIDAY_NOON_NS + 86_400 * 10**9
    bench = Bench(start_ns=saturday)
    someone = bench.account()
    order = bench.order(someone)
    bench.pass_time()
    assert (order.status, bench.told(someone)) == ("accepted", [])
    bench.pass_time(2 * 86_400)
    assert order.status == "filled"
    assert order.filled_ns is not None
    monday_open = to_ns(datetime(2026, 6, 15, 13, 30, tzinfo=UTC))
    assert order.filled_ns == monday_open


def test_an_accepted_order_can_be_cancelled_before_the_opening() -> None:
    bench = Bench(start_ns=FRIDAY_NOON_NS + 86_400 * 10**9)
    someone = bench.account()
    order = bench.order(someone)
    bench.exchange.cancel(someone, order.id)
    assert order.status == "canceled"
    bench.pass_time(3 * 86_400)
    assert someone.quantity("AAPL") == 0


def test_extended_hours_orders_fill_in_the_evening() -> None:
    bench = Bench(start_ns=FRIDAY_NOON_NS + 5 * 3600 * 10**9)
    someone = bench.account()
    regular = bench.order(someone, type="limit", limit_price=201, time_in_force="gtc")
    evening = bench.exchange.submit(
        someone,
        {
            "symbol": "AAPL",
            "qty": 1,
            "side": "buy",
            "type": "limit",
            "limit_price": 201,
            "time_in_force": "day",
            "extended_hours": True,
        },
    )
    bench.pass_time()
    assert (regular.status, evening.status) == ("accepted", "filled")


@pytest.mark.parametrize(("tif", "seconds"), [("cls", 4 * 3600), ("opg", 3 * 86_400)])
def test_auction_orders_fill_at_the_open_or_the_close(tif: str, seconds: int) -> None:
    bench = Bench()
    order = bench.order(bench.account(), time_in_force=tif, qty=5000 // 100)
    bench.pass_time()
    assert order.status == "accepted"
    bench.pass_time(seconds)
    assert (order.status, order.average_price) == ("filled", 200)


# ------------------------------------------------------------------- groups


def bracket(bench: Bench, someone: Any) -> Any:
    order = bench.order(
        someone, order_class="bracket", take_profit={"limit_price": "210"}, stop_loss={"stop_price": "190"}
    )
    bench.pass_time()
    bench.pass_time()
    return order


def test_the_exits_of_a_bracket_work_after_the_entry_filled() -> None:
    bench = Bench()
    entry = bracket(bench, bench.account())
    profit, loss = entry.legs
    assert (entry.status, profit.status, loss.status) == ("filled", "new", "held")
    assert [leg["type"] for leg in entry.to_json()["legs"]] == ["limit", "stop"]


@pytest.mark.parametrize(("price", "done", "cancelled"), [(211, 0, 1), (189, 1, 0)])
def test_one_exit_of_a_bracket_cancels_the_other(price: int, done: int, cancelled: int) -> None:
    bench = Bench()
    someone = bench.account()
    entry = bracket(bench, someone)
    bench.move("AAPL", price)
    assert entry.legs[done].status == "filled"
    assert entry.legs[cancelled].status == "canceled"
    assert someone.quantity("AAPL") == 0
    assert not someone.open_orders


def test_a_partly_filled_exit_shrinks_the_other() -> None:
    bench = Bench()
    someone = bench.account()
    entry = bracket(bench, someone)
    profit, loss = entry.legs
    bench.move("AAPL", 211, size=4)
    assert (profit.filled_qty, loss.qty) == (4, 6)
    bench.move("AAPL", 185)
    assert (profit.status, loss.status, someone.quantity("AAPL")) == ("canceled", "filled", 0)


def test_cancelling_the_entry_cancels_the_exits() -> None:
    bench = Bench()
    someone = bench.account()
    entry = bench.order(
        someone,
        type="limit",
        limit_price=195,
        order_class="bracket",
        take_profit={"limit_price": "210"},
        stop_loss={"stop_price": "190", "limit_price": "189"},
    )
    bench.pass_time()
    bench.exchange.cancel(someone, entry.id)
    bench.pass_time()
    assert [o.status for o in (entry, *entry.legs)] == ["canceled"] * 3
    assert not someone.open_orders


def test_an_exit_can_be_replaced_and_stays_in_its_pair() -> None:
    bench = Bench()
    someone = bench.account()
    entry = bracket(bench, someone)
    profit, loss = entry.legs
    higher = bench.exchange.replace(someone, profit.id, {"limit_price": "220"})
    tighter = bench.exchange.replace(someone, loss.id, {"stop_price": "195"})
    bench.pass_time()
    assert entry.legs == [higher, tighter]
    assert (higher.status, tighter.status) == ("new", "held")
    bench.move("AAPL", 194)
    assert (higher.status, tighter.status) == ("canceled", "filled")


def test_cancelling_everything_cancels_the_exits_of_a_filled_entry() -> None:
    bench = Bench()
    someone = bench.account()
    bracket(bench, someone)
    bench.exchange.cancel_all(someone)
    bench.pass_time()
    assert not someone.open_orders


def test_closing_everything_frees_what_exits_hold() -> None:
    bench = Bench()
    someone = bench.account()
    bracket(bench, someone)
    assert [status for _, status, _ in bench.exchange.close_all(someone, cancel_orders=False)] == [403]
    assert [status for _, status, _ in bench.exchange.close_all(someone, cancel_orders=True)] == [200]
    bench.pass_time()
    assert (someone.positions, someone.open_orders) == ({}, {})


def test_the_quantity_of_a_group_cannot_be_replaced() -> None:
    bench = Bench()
    someone = bench.account()
    oto = bench.order(someone, type="limit", limit_price=150, order_class="oto", stop_loss={"stop_price": "140"})
    bench.pass_time()
    with pytest.raises(Rejection, match="quantity of a oto order"):
        bench.exchange.replace(someone, oto.id, {"qty": "4"})


def test_one_cancels_other_exits_a_position() -> None:
    bench = Bench()
    someone = bench.account()
    bench.order(someone)
    bench.pass_time()
    oco = bench.order(
        someone,
        side="sell",
        type="limit",
        order_class="oco",
        take_profit={"limit_price": "210"},
        stop_loss={"stop_price": "190"},
    )
    bench.pass_time()
    assert (oco.status, oco.legs[0].status) == ("new", "held")
    bench.move("AAPL", 188)
    assert (oco.status, oco.legs[0].status, someone.quantity("AAPL")) == ("canceled", "filled", 0)


def test_one_triggers_other_sends_its_exit_after_the_entry() -> None:
    bench = Bench()
    someone = bench.account()
    oto = bench.order(someone, order_class="oto", stop_loss={"stop_price": "190"})
    bench.pass_time()
    bench.pass_time()
    assert oto.legs[0].status == "new"
    bench.move("AAPL", 189)
    assert someone.quantity("AAPL") == 0


# ------------------------------------------------------------------- validation


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"symbol": "NOPE"}, 'asset "NOPE" not found'),
        ({"side": "hold"}, "invalid side"),
        ({"type": "iceberg"}, "invalid type"),
        ({"time_in_force": "forever"}, "invalid time_in_force"),
        ({"qty": "-1"}, "qty must be > 0"),
        ({"qty": "many"}, "not a number"),
        ({"qty": "NaN"}, "not a number"),
        ({"type": "limit"}, "limit orders require limit price"),
        ({"type": "stop"}, "stop orders require stop price"),
        ({"limit_price": "100"}, "market orders must not have limit_price"),
        ({"type": "limit", "limit_price": "100.001"}, "sub-penny"),
        ({"type": "trailing_stop"}, "one of trail_price or trail_percent"),
        ({"type": "trailing_stop", "trail_price": "1", "trail_percent": "1"}, "one of trail_price or trail_percent"),
        ({"notional": "0.5"}, "notional amount must be >= 1.00"),
        ({"qty": "0.5", "time_in_force": "gtc"}, "fractional orders must be simple DAY orders"),
        ({"symbol": "HARD", "qty": "0.5"}, "multiple of 1"),
        ({"symbol": "BTC/USD", "qty": "1", "time_in_force": "day"}, "invalid crypto time_in_force"),
        ({"order_class": "bracket"}, "bracket orders require"),
        ({"order_class": "oto"}, "exactly one of take_profit or stop_loss"),
        ({"client_order_id": "x" * 129}, "no more than 128 characters"),
    ],
)
def test_what_does_not_fit_together_is_refused(body: dict[str, Any], words: str) -> None:
    bench = Bench()
    with pytest.raises(Rejection) as caught:
        bench.order(bench.account(), **body)
    assert (caught.value.status, caught.value.code) == (422, 40010001)
    assert words in caught.value.message


def test_a_client_order_id_is_used_once() -> None:
    bench = Bench()
    someone = bench.account()
    bench.order(someone, client_order_id="mine")
    with pytest.raises(Rejection, match="client_order_id must be unique"):
        bench.order(someone, client_order_id="mine")


def test_exits_on_the_wrong_sides_are_refused() -> None:
    bench = Bench()
    with pytest.raises(Rejection, match="wrong sides"):
        bench.order(
            bench.account(), order_class="bracket", take_profit={"limit_price": "190"}, stop_loss={"stop_price": "210"}
        )


# ------------------------------------------------------------------- determinism and invariants


def script(bench: Bench) -> list[dict[str, Any]]:
    someone = bench.account()
    for step in range(30):
        bench.order(someone, side="buy" if step % 3 else "sell", qty=step + 1)
        bench.move("AAPL", 200 + step % 7, size=20)
    return bench.events


def test_one_seed_gives_one_history() -> None:
    assert script(Bench(seed=3, partial_fill_probability=0.5)) == script(Bench(seed=3, partial_fill_probability=0.5))
    assert script(Bench(seed=3, partial_fill_probability=0.5)) != script(Bench(seed=4, partial_fill_probability=0.5))


PRICES = st.integers(18_000, 22_000).map(lambda c: Decimal(c) / 100)
QTY = st.integers(1, 60)
ACTIONS = st.one_of(
    st.tuples(st.just("move"), PRICES, st.integers(0, 80)),
    st.tuples(st.just("wait"), st.sampled_from([0.001, 0.01, 1, 1, 1, 3600])),
    st.tuples(st.just("cancel"), st.integers(0, 5)),
    st.tuples(st.just("replace"), st.integers(0, 3), st.none() | QTY, PRICES),
    st.tuples(st.just("close"), st.none()),
    st.tuples(
        st.just("order"),
        st.fixed_dictionaries(
            {
                "side": st.sampled_from(["buy", "sell"]),
                "qty": QTY,
                "type": st.sampled_from(["market", "market", "limit", "limit", "stop", "stop_limit", "trailing_stop"]),
                "time_in_force": st.sampled_from(["day", "day", "gtc", "gtc", "ioc", "fok", "opg", "cls"]),
                "order_class": st.sampled_from(["simple", "simple", "bracket", "oco", "oto"]),
            }
        ),
        PRICES,
        PRICES,
    ),
)
STEPS = st.lists(st.tuples(ACTIONS, st.booleans()), min_size=20, max_size=50)
"""Each action, and whether the market comes to it before the next."""


def body_of(fields: dict[str, Any], price: Decimal, other: Decimal) -> dict[str, Any]:
    body = dict(fields)
    low, high = sorted((price, other))
    if body["order_class"] == "oco":
        price = high if body["side"] == "sell" else low
        body |= {"type": "limit", "qty": 5}
    if body["type"] in ("limit", "stop_limit"):
        body["limit_price"] = price
    if body["type"] in ("stop", "stop_limit"):
        body["stop_price"] = other
    if body["type"] == "trailing_stop":
        body["trail_price"] = 2
    exits_sell = (body["side"] == "buy") != (body["order_class"] == "oco")
    if body["order_class"] != "simple":
        body["time_in_force"] = "gtc"
        body["stop_loss"] = {"stop_price": str(low if exits_sell else high)}
    if body["order_class"] == "bracket":
        body["take_profit"] = {"limit_price": str(high if exits_sell else low)}
    return body


def act(bench: Bench, someone: Any, action: tuple[Any, ...]) -> None:
    # The newest first: the past of the account stands before them.
    orders = list(someone.orders.values())[::-1]
    match action:
        case ("move", price, size):
            bench.move("AAPL", price, size=size)
        case ("wait", seconds):
            bench.pass_time(seconds)
        case ("cancel", index):
            bench.exchange.cancel(someone, orders[index % len(orders)].id)
        case ("replace", index, qty, price):
            old = orders[index % len(orders)]
            body = ({"qty": str(qty)} if qty else {}) | ({"limit_price": str(price)} if old.limit_price else {})
            bench.exchange.replace(someone, old.id, body)
        case ("close", _):
            bench.exchange.close_all(someone, cancel_orders=True)
        case ("order", fields, price, other):
            bench.order(someone, **body_of(fields, price, other))


def check(someone: Any, cash: Decimal) -> None:
    signed = [(e.qty if e.side == "buy" else -e.qty, e.price) for e in someone.executions]
    assert someone.cash == cash - sum(qty * price for qty, price in signed)
    assert someone.quantity("AAPL") == sum(qty for qty, _ in signed)
    filled: dict[str, Decimal] = {}
    for execution in someone.executions:
        assert execution.qty > 0
        filled[execution.order_id] = filled.get(execution.order_id, D(0)) + execution.qty
        assert execution.cum_qty == filled[execution.order_id]
    for order in someone.orders.values():
        if order.sequence < 0:
            continue  # the past
        assert order.filled_qty == filled.get(order.id, 0)
        assert order.filled_qty <= (order.qty or order.filled_qty)
        assert (order.id in someone.open_orders) == (order.status in OPEN)
        assert (order.status == "filled") == (order.filled_qty == order.qty)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS, st.integers(0, 5), st.sampled_from(["nyse", "always"]))
def test_whatever_happens_the_books_balance(steps: list[tuple[tuple[Any, ...], bool]], seed: int, mode: str) -> None:
    bench = Bench(seed=seed, mode=mode, names=("reserve",), partial_fill_probability=0.3)
    someone = bench.account(cash=1_000_000)
    for action, arrives in steps:
        try:
            act(bench, someone, action)
        except Rejection as refusal:
            assert refusal.status in (403, 404, 422)
        if arrives:
            bench.pass_time(0.05)
        check(someone, D(1_000_000))
    bench.pass_time(200 * 86_400)
    check(someone, D(1_000_000))
    assert all(
        order.status in ("held", "accepted", "new", "partially_filled") for order in someone.open_orders.values()
    )
    final = {e["order"]["id"]: e["order"]["status"] for e in bench.events if e["account"] == someone.name}
    for order_id, status in final.items():
        assert someone.orders[order_id].status == status or someone.orders[order_id].status == "accepted"
