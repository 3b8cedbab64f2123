"""Any order, split and repetition of stream events and REST answers gives the same book."""

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from plugtui.control.messages import OrderEvent
from plugtui.ledger.book import Changes, Ledger
from plugtui.ledger.executions import Execution
from plugtui.wire.trading import RestFill
from tests.ledger.support import START_NS, Event, event, life, order_json, rest_fill

LIVES = {
    "a": life("a", [("3", "10.5"), ("7", "10.25")]),
    "b": life("b", [("0.5", "61000.123456789")], final="canceled", symbol="BTC/USD"),
    "c": life("c", [("10", "189.99")], side="sell"),
    "d": life("d", [], final="rejected"),
}
EVENTS = [one for events in LIVES.values() for one in events]
EXECUTIONS = [one for one in EVENTS if one.update.is_execution]
LAST = {order_id: events[-1].order for order_id, events in LIVES.items()}

Item = Event | RestFill | dict[str, Any]


def take(ledger: Ledger, item: Item) -> Changes:
    match item:
        case Event():
            return ledger.take_update(item.update, item.order, item.raw, item.at_ns)
        case RestFill():
            return ledger.take_fills([item])
        case _:
            return ledger.take_orders([item], START_NS, tell=True)


def book(items: list[Item]) -> tuple[set[tuple[str, Decimal, Decimal, str]], dict[str, tuple[str, Decimal]], int]:
    """Return executions, final orders and the number of executions told."""
    ledger, executions, orders, told = Ledger(), set(), {}, 0
    for item in items:
        changes = take(ledger, item)
        told += len(changes.executions)
        executions |= {(e.order_id, e.qty, e.price, e.side) for e in changes.executions}
        orders |= {o.order_id: (o.status, o.filled_qty) for o in changes.orders.values()}
    return executions, orders, told


TRUTH = {(one.update.order.id, one.update.qty, one.update.price, one.update.order.side) for one in EXECUTIONS}
ENDS = {order_id: (order["status"], Decimal(order["filled_qty"])) for order_id, order in LAST.items()}

everything: st.SearchStrategy[list[Item]] = st.builds(
    lambda extra, opaque, seed: (
        [*EVENTS, *(rest_fill(one, opaque) for one in extra), *LAST.values()],
        seed,
    ),
    st.lists(st.sampled_from(EXECUTIONS)),
    st.booleans(),
    st.randoms(use_true_random=False),
).map(lambda pair: (pair[1].shuffle(pair[0]), pair[0])[1])


@given(everything)
@settings(max_examples=300, deadline=None)
def test_any_order_of_stream_and_rest_gives_each_execution_once(items: list[Item]) -> None:
    executions, orders, told = book(items)
    assert executions == TRUTH
    assert told == len(TRUTH)
    assert orders == ENDS


@given(st.lists(st.sampled_from(EVENTS)), st.lists(st.sampled_from(EXECUTIONS)), st.booleans())
@settings(max_examples=300, deadline=None)
def test_repetitions_and_a_stream_with_holes_are_made_whole_by_rest(
    heard: list[Event], fetched: list[Event], opaque: bool
) -> None:
    items: list[Item] = [*heard, *(rest_fill(one, opaque) for one in fetched)]
    items += [rest_fill(one, opaque) for one in EXECUTIONS]
    items += list(LAST.values())
    executions, orders, told = book(items)
    assert executions == TRUTH
    assert told == len(TRUTH)
    assert orders == ENDS


@given(st.permutations(EVENTS), st.integers(0, len(EVENTS)))
@settings(max_examples=100, deadline=None)
def test_each_event_is_told_once(order: list[Event], again: int) -> None:
    ledger = Ledger()
    told: list[OrderEvent] = []
    for item in [*order, *order[:again]]:
        told += take(ledger, item).events
    assert sorted((e.order_id, e.event) for e in told) == sorted(
        (one.update.order.id, one.update.event) for one in EVENTS if not one.update.is_execution
    )


def test_a_known_event_is_not_fresh() -> None:
    ledger = Ledger()
    assert take(ledger, EVENTS[0]).fresh
    assert not take(ledger, EVENTS[0]).fresh


def test_a_status_read_from_rest_is_the_event_that_was_missed() -> None:
    ledger = Ledger()
    changes = take(ledger, LAST["b"])
    assert [(e.event, e.recovered) for e in changes.events] == [("canceled", True)]
    late = LIVES["b"][-1]
    assert not take(ledger, late).fresh


def test_the_brokers_answer_to_a_request_is_no_event() -> None:
    ledger = Ledger()
    changes = ledger.take_answer(order_json("x"), START_NS)
    assert changes.events == []
    assert list(changes.orders) == ["x"]
    assert take(ledger, event("new", order_json("x"), START_NS)).fresh


def test_history_is_kept_and_not_told() -> None:
    ledger = Ledger()
    changes = ledger.take_fills([rest_fill(EXECUTIONS[0])], "history")
    assert [e.source for e in changes.executions] == ["history"]
    assert changes.facts() == []


def test_an_execution_inherits_its_algorithm_and_a_late_claim_reaches_it() -> None:
    ledger = Ledger()
    ledger.take_claim("client", "client-a", "meanrev")
    (execution,) = take(ledger, LIVES["a"][1]).executions
    assert execution.algo == "meanrev"
    (unclaimed,) = take(ledger, LIVES["c"][1]).executions
    assert unclaimed.algo is None
    is_new, changes, reached = ledger.take_claim("order", "c", "momentum")
    assert is_new
    assert reached == {"c"}
    assert changes.orders["c"].algo == "momentum"
    assert ledger.take_claim("order", "c", "momentum")[0] is False


def test_legs_and_replacements_inherit() -> None:
    ledger = Ledger()
    ledger.take_claim("client", "client-parent", "meanrev")
    leg = order_json("leg", "held", client_order_id="made-by-broker")
    ledger.take_answer(order_json("parent", legs=[leg], order_class="bracket"), START_NS)
    replaced = order_json("parent", "replaced", replaced_by="heir", at_ns=START_NS + 5)
    take(ledger, event("replaced", replaced, START_NS + 5))
    heir = order_json("heir", replaces="parent", client_order_id="x")
    take(ledger, event("new", heir, START_NS + 6))
    for name in ("parent", "leg", "heir"):
        record = ledger.order(name)
        assert record is not None
        assert record.algo == "meanrev", name
    assert record.replaces == "parent"


def test_open_orders_are_those_that_may_still_change() -> None:
    ledger = Ledger()
    for one in [*LIVES["a"][:2], *LIVES["b"]]:
        take(ledger, one)
    assert [record.order_id for record in ledger.open_orders()] == ["a"]


def test_the_oldest_done_orders_are_forgotten_and_open_ones_kept(monkeypatch: Any) -> None:
    monkeypatch.setattr("plugtui.ledger.book.ORDERS_REMEMBERED", 50)
    ledger = Ledger()
    take(ledger, event("new", order_json("resting"), START_NS))
    for n in range(200):
        take(ledger, event("canceled", order_json(f"o{n}", "canceled"), START_NS + n))
    assert ledger.order("resting") is not None
    assert ledger.order("o0") is None
    assert ledger.order("o199") is not None


def test_a_short_sale_and_a_fill_without_cumulative_quantity_are_read() -> None:
    ledger = Ledger()
    activity = RestFill(
        id="20250104120000000::u", order_id="s", symbol="F", side="sell_short", qty=Decimal(2), price=Decimal(11),
        transaction_time="2025-01-04T12:00:00Z",
    )  # fmt: skip
    (execution,) = ledger.take_fills([activity]).executions
    assert isinstance(execution, Execution)
    assert (execution.side, execution.signed_qty, execution.cum_qty) == ("sell", -2, 2)
