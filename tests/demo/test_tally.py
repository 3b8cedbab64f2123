"""What the demo counts."""

from decimal import Decimal

import msgspec
import pytest

from plugtui.control.messages import (
    AccountState,
    AlgoState,
    EngineState,
    Fact,
    Facts,
    Fill,
    Gap,
    OrderEvent,
    Snapshot,
    States,
    StreamState,
    TraderState,
    TraderTrade,
)
from plugtui.demo.tally import Execution, Tally

ENGINE = EngineState(
    engine_id="e1", pid=1, version="0", profile="demo", environment="demo", account_number="", gateway_url="http://x",
    feed="iex", started_ns=0, deliveries=7,
)  # fmt: skip
ACCOUNT = AccountState(
    equity=Decimal("100.10"), last_equity=Decimal(100), cash=Decimal(1), buying_power=Decimal(1), day_pnl=Decimal(0),
    day_return=None, as_of_ns=0,
)  # fmt: skip


def fill(number: int, **changes) -> Fill:
    plain = Fill(
        execution_id=f"x{number}", order_id="o1", client_order_id="c1", symbol="AAPL", side="buy", qty=Decimal(1),
        price=Decimal("2.50"), cum_qty=Decimal(number), order_qty=Decimal(2), time_ns=number, algo=None,
    )  # fmt: skip
    return msgspec.structs.replace(plain, **changes)


def event(order_id: str) -> OrderEvent:
    return OrderEvent(
        order_id=order_id, client_order_id="c", symbol="AAPL", side="buy", event="new", status="new", order_type="market",
        qty=Decimal(1), limit_price=None, stop_price=None, filled_qty=Decimal(0), time_ns=1, algo=None,
    )  # fmt: skip


def facts(*bodies) -> list[Fact]:
    return [Fact(seq=number, time_ns=0, body=body) for number, body in enumerate(bodies, 1)]


def tally_of(*bodies) -> Tally:
    tally = Tally()
    tally.observe(Facts(facts=facts(*bodies)))
    return tally


def execution(number: int, **changes) -> Execution:
    plain = Execution(
        execution_id=f"x{number}", order_id="o1", symbol="AAPL", side="buy", qty=Decimal(1), price=Decimal("2.5"),
        cum_qty=Decimal(number),
    )  # fmt: skip
    return msgspec.structs.replace(plain, **changes)


def test_an_execution_that_is_told_twice_counts_once():
    tally = tally_of(fill(1), fill(1, algo="meanrev"), fill(2), event("o2"))
    report = tally.report()
    assert (report["fills"], report["orders"]) == (2, 2)


def test_a_gap_that_opens_and_closes_counts_once():
    gap = Gap(gap_id=4, stream="account", from_ns=1)
    assert tally_of(gap, msgspec.structs.replace(gap, to_ns=2)).report()["gaps"] == 1


def test_the_snapshots_facts_count_too_and_states_replace_each_other():
    tally = Tally()
    algo = AlgoState(name="a", status="connected", issued=True, messages=1)
    snapshot = Snapshot(
        version=1, seq=1, engine=ENGINE, streams=[], account=None, algos=[algo], traders=[], facts=facts(fill(1))
    )
    tally.observe(snapshot)
    richer = msgspec.structs.replace(algo, messages=9, fills=1, realized_pnl=Decimal(3), unrealized_pnl=Decimal(-1))
    tally.observe(States(account=ACCOUNT, algos=[richer]))
    report = tally.report(consistent=True)
    assert report["algos"] == [{"name": "a", "messages": 9, "orders": 0, "fills": 1, "pnl": Decimal(2)}]
    assert report["equity"] == Decimal("100.10")
    assert report["deliveries"] == 7
    assert report["consistent"] is True


def test_the_report_has_the_keys_of_the_contract():
    assert {"fills", "orders", "algos", "traders", "deliveries", "equity", "gaps"} <= Tally().report().keys()


def test_the_ledger_agrees_when_id_quantity_and_price_do():
    tally = tally_of(fill(1), fill(2))
    assert tally.agrees_with([execution(2), execution(1)])
    assert tally.agrees_with([execution(2, execution_id="another"), execution(1)])


@pytest.mark.parametrize(
    "book",
    [
        [],
        [execution(1)],
        [execution(1), execution(2), execution(3)],
        [execution(1), execution(2, price=Decimal("2.51"))],
        [execution(1), execution(2, qty=Decimal(2))],
        [execution(1), execution(2, side="sell")],
        [execution(1), execution(2), execution(2)],
    ],
)
def test_any_difference_is_seen(book):
    assert not tally_of(fill(1), fill(2)).agrees_with(book)


def test_the_algorithms_counters_are_compared_with_the_executions():
    tally = tally_of(fill(1, algo="a"), fill(2, algo="b"))
    for fills, agree in ((0, False), (1, True), (2, False)):
        tally.observe(States(algos=[AlgoState(name="a", status="connected", issued=True, fills=fills)]))
        assert tally.counters_agree() is agree


def test_an_execution_of_no_algorithm_is_counted_as_such():
    tally = tally_of(fill(1, algo="a"), fill(2))
    tally.observe(States(algos=[AlgoState(name="a", status="connected", issued=True, fills=1)]))
    assert tally.report()["unattributed"] == 1


def test_alive_means_that_every_pane_has_something_to_show():
    tally = Tally()
    trade = TraderTrade(trader="t", trade_id="1", symbol="A", side="bought", price=Decimal(1), time_ns=0)
    stream = StreamState(name="account", endpoint="/stream", state="live", since_ns=0)
    steps = [
        States(account=ACCOUNT),
        States(traders=[TraderState(name="t", followed=True, badge="paper", stream="live")]),
        States(streams=[stream]),
        States(algos=[AlgoState(name="a", status="connected", issued=True, messages=1)]),
        Facts(facts=facts(fill(1), trade)),
    ]
    for step in steps:
        assert not tally.alive(algos=1, traders=1)
        tally.observe(step)
    assert tally.alive(algos=1, traders=1)
    tally.observe(States(streams=[msgspec.structs.replace(stream, state="waiting")]))
    assert not tally.alive(algos=1, traders=1)
