"""The dashboard's knowledge: each fact once, whatever is repeated or resumed."""

from datetime import UTC
from decimal import Decimal

import msgspec

from plugtui.control.messages import ClientLeft, Fact, Gap, Imported, Notice, Past, States, StreamChanged
from plugtui.tui.model.algos import program_text, streams_text
from plugtui.tui.model.events import event_row
from plugtui.tui.model.orders import raw_of
from plugtui.tui.model.world import World
from tests.tui.fakes import NOW, FakeEngine, FakeLink, S, account, algo, fill, order, trade, trader


async def started(**options: bool) -> tuple[World, FakeEngine]:
    engine = FakeEngine(**options)
    world = World(UTC)
    world.begin(await (await engine.open()).connect(None), NOW)
    return world, engine


async def test_a_snapshot_fills_everything() -> None:
    world, engine = await started()
    assert world.fills.executions == 120
    assert world.seq == engine.seq
    assert [state.name for state in world.algos.states] == ["meanrev", "momentum", "pairs", "scalper"]
    assert len(world.traders.feed) == 24
    assert world.account is not None


async def test_history_makes_no_toasts() -> None:
    world, _ = await started()
    assert not world.events.toasts


async def test_a_fact_that_is_repeated_changes_nothing() -> None:
    world, engine = await started()
    fact = engine.record(fill(500))
    assert world.apply_fact(fact) is True
    assert world.apply_fact(fact) is False
    assert world.fills.executions == 121


async def test_a_resumed_snapshot_adds_only_what_was_missed() -> None:
    world, engine = await started()
    engine.record(fill(500))
    world.begin(await (await engine.open()).connect(world.resume), NOW)
    world.begin(await (await engine.open()).connect(None), NOW)
    assert world.fills.executions == 121


async def test_facts_that_the_engine_no_longer_lists_are_told() -> None:
    world, engine = await started()
    snapshot = await (await engine.open()).connect(world.resume)
    world.begin(msgspec.structs.replace(snapshot, truncated=True), NOW)
    assert [toast.title for toast in world.events.toasts] == ["missed"]


async def test_another_ledger_does_not_mix_with_the_old_one() -> None:
    world, _ = await started()
    other = FakeEngine(empty=True)
    other.record(fill(1))
    world.begin(await (await other.open()).connect(None), NOW)
    assert len(world.fills.table) == 1
    assert world.seq == 1


async def test_a_later_fact_adds_the_attribution_to_an_execution() -> None:
    world, engine = await started(empty=True)
    world.apply_fact(engine.record(fill(1, algo=None)))
    world.apply_fact(engine.record(fill(1, algo="late")))
    row = world.fills.table.view()[0]
    assert (row.algo, world.fills.executions, len(world.fills.table)) == ("late", 1, 1)


async def test_rejects_stand_between_the_fills_and_cancels_only_on_demand() -> None:
    world, engine = await started(empty=True)
    world.apply_fact(engine.record(fill(1)))
    world.apply_fact(engine.record(order(2, "rejected", "rejected", reason="no money")))
    world.apply_fact(engine.record(order(3, "canceled", "canceled")))
    world.apply_fact(engine.record(order(4, "new", "new")))
    book = world.fills
    assert [row.event for row in book.table.view()] == ["rejected", ""]
    book.toggle_cancels()
    assert [row.event for row in book.table.view()] == ["canceled", "rejected", ""]
    book.toggle_rejects()
    assert [row.event for row in book.table.view()] == ["canceled", ""]


async def test_an_order_has_a_life_of_steps_in_time() -> None:
    world, engine = await started(empty=True)
    half = fill(1, qty=Decimal(4), cum_qty=Decimal(4), order_qty=Decimal(10))
    rest = fill(
        1, execution_id="x1b", qty=Decimal(6), cum_qty=Decimal(10), order_qty=Decimal(10), time_ns=half.time_ns + S
    )
    for body in (rest, half, order(1, "new", "new", qty=Decimal(10))):
        world.apply_fact(engine.record(body))
    life = world.orders.get(half.order_id)
    assert life is not None
    assert [step.event for step in life.in_order()] == ["new", "execution", "execution"]
    assert life.filled_qty == 10
    assert world.orders.of_algo(half.algo or "")[0] is life


async def test_rejects_gaps_and_vanished_algorithms_are_told_at_once() -> None:
    world, engine = await started(empty=True)
    bodies = [
        order(1, "rejected", "rejected", reason="no money"),
        Gap(gap_id=1, stream="data iex", from_ns=NOW),
        ClientLeft(algo="a", endpoint="/v2/iex", reason="vanished"),
        ClientLeft(algo="b", endpoint="/v2/iex", reason="closed"),
        Notice(level="error", text="the disk is full", hint="make room"),
        StreamChanged(name="account", state="live"),
        fill(1),
        trade(1),
    ]
    for body in bodies:
        world.apply_fact(engine.record(body))
    assert [toast.title for toast in world.events.toasts] == ["rejected", "gap", "vanished", "notice"]
    assert len(world.events.table) == 6


def test_a_closed_gap_says_what_was_recovered_and_what_is_lost() -> None:
    gap = Gap(gap_id=1, stream="account", from_ns=NOW, to_ns=NOW + 12 * S, recovered=3)
    row = event_row(Fact(seq=1, time_ns=NOW, body=gap))
    assert row is not None
    assert row.text == "account was down for 12 s, 3 executions recovered, nothing lost"
    assert row.level == "info"


async def test_states_replace_only_what_they_name() -> None:
    world, _ = await started()
    world.apply_states(States(algos=[algo("pairs")]), NOW)
    assert [state.name for state in world.algos.states] == ["pairs"]
    assert len(world.traders.states) == 2


async def test_a_newcomer_is_marked_for_a_while_but_not_those_found_at_the_start() -> None:
    world, _ = await started()
    world.apply_states(States(algos=[algo("meanrev"), algo("late")]), NOW + S)
    assert {row.state.name: row.new for row in world.algos.table.view()} == {"meanrev": False, "late": True}
    world.algos.rebuild(NOW + 60 * S)
    assert not any(row.new for row in world.algos.table.view())


async def test_what_has_gone_comes_after_what_is_connected() -> None:
    world, _ = await started()
    world.apply_states(
        States(algos=[algo("a", status="gone", connections=0), algo("b"), algo("c", status="paused")]), NOW
    )
    assert [row.state.name for row in world.algos.table.view()] == ["b", "c", "a"]
    assert world.algos.connected == 2


def test_subscriptions_and_programs_are_summarised() -> None:
    assert streams_text(algo("momentum")) == "tq 5 acct"
    assert streams_text(algo("meanrev")) == "b * acct"
    assert program_text(algo("meanrev")) == "python (4121)"


async def test_the_board_keeps_the_order_of_the_engine_and_shows_the_chosen_window() -> None:
    world, _ = await started()
    world.apply_states(States(traders=[trader("riverbend"), trader("northstar"), trader("new", score=None)]), NOW)
    assert [row.state.name for row in world.traders.board.view()] == ["riverbend", "new", "northstar"]
    world.traders.choose("1D")
    assert world.traders.board.view()[0].figures == trader("riverbend").figures["1D"]


async def test_memory_stays_flat_however_many_facts_come() -> None:
    world = World(UTC, limit=50)
    for n in range(5000):
        world.apply_fact(Fact(seq=2 * n + 1, time_ns=NOW, body=fill(n)))
        world.apply_fact(Fact(seq=2 * n + 2, time_ns=NOW, body=order(n, "rejected", "rejected")))
    assert len(world.fills.table.view()) == 50
    assert len(world.fills.table) == 50
    assert world.fills.executions == 5000
    assert len(world.events.table.view()) <= 2000


def test_raw_messages_are_picked_out_of_the_ledgers_answer() -> None:
    answer = {
        "order": {"raw": "{}", "id": "1"},
        "events": [{"event": "new", "raw": "{1}"}, {"event": "fill", "raw": None}],
    }
    assert raw_of(answer) == [("order as the broker states it", "{}"), ("new", "{1}")]


def a_past() -> Past:
    """Three executions of another day, and the end of an order."""
    day = 86_400 * S
    fills = [fill(n, time_ns=NOW - (9 - n) * day, imported=True, execution_id=f"old{n}") for n in (1, 2, 3)]
    return Past(fills=fills, events=[order(2, "canceled", "canceled", time_ns=NOW - 7 * day)], executions=812)


async def test_the_ledgers_past_stands_below_what_is_heard_and_is_counted_once() -> None:
    world, _ = await started(empty=True)
    world.apply_facts([Fact(seq=n, time_ns=NOW, body=fill(n, time_ns=NOW + n)) for n in (1, 2)])
    for _ in range(2):
        world.take_past(a_past())
        assert [row.key for row in world.fills.table.view()] == ["x2", "x1", "old3", "old2", "old1"]
        assert world.fills.executions == 812 + 2
    assert world.fills.table.pending == 0
    world.fills.toggle_cancels()
    assert [row.event for row in world.fills.table.view()] == ["", "", "", "canceled", "", ""]


async def test_what_was_heard_is_not_replaced_by_what_the_ledger_says_of_it() -> None:
    world, _ = await started(empty=True)
    world.apply_fact(Fact(seq=1, time_ns=NOW, body=fill(1, time_ns=NOW, algo="meanrev", recovered=True)))
    world.apply_fact(Fact(seq=2, time_ns=NOW, body=fill(2, time_ns=NOW, algo=None)))
    known = [fill(1, time_ns=NOW, algo="late"), fill(2, time_ns=NOW, algo="late")]
    world.take_past(Past(fills=known, events=[], executions=2))
    assert [(row.algo, row.recovered) for row in world.fills.table.rows()] == [("meanrev", True), ("late", False)]
    assert world.fills.executions == 2


async def test_rows_of_another_day_show_their_date_and_midnight_turns_todays_into_such() -> None:
    world, _ = await started(empty=True)
    world.take_past(a_past())
    world.apply_fact(Fact(seq=1, time_ns=NOW, body=fill(1, time_ns=NOW)))
    column = world.fills.table.column("time")
    assert column and column.short
    shown = [(column.cell(row).text, column.short(row).text) for row in world.fills.table.view()]
    assert shown[:2] == [("18:46:12.000", "18:46:12"), ("24 Feb 18:46", "24 Feb")]
    before = world.fills.table.looks
    world.apply_states(States(), NOW + 6 * 3600 * S)
    assert world.fills.table.looks == before + 1
    assert column.cell(world.fills.table.view()[0]).text == "02 Mar 18:46"


async def test_a_dashboard_that_resumes_does_not_ask_for_the_past_again() -> None:
    world, engine = await started(empty=True)
    assert world.wants_past
    world.take_past(a_past())
    world.begin(await FakeLink(engine).connect(None), NOW)
    assert not world.wants_past
    world.apply_fact(engine.record(Imported(executions=5, orders=2, since_ns=0)))
    assert world.wants_past
    assert world.events.table.view()[0].text.startswith("5 executions and 2 orders")


async def test_an_account_that_may_not_trade_is_said_once() -> None:
    world, _ = await started(empty=True)
    for _ in range(2):
        world.apply_states(States(account=account(blocked="the broker has blocked trading")), NOW)
    assert [toast.text.splitlines()[0] for toast in world.events.toasts] == ["the broker has blocked trading"]


async def test_attempts_at_a_host_that_is_down_are_one_line_that_counts_them() -> None:
    world, engine = await started(empty=True)
    down = StreamChanged(name="account", state="waiting", detail="cannot connect: connection refused")
    for body in (
        down,
        down,
        StreamChanged(name="data iex", state="live"),
        down,
        StreamChanged(name="account", state="live"),
    ):
        world.apply_fact(engine.record(body))
    rows = world.events.table.view()
    text = world.events.table.column("text")
    assert text is not None
    assert [text.cell(row).text.split(":")[0] for row in rows] == ["account live", "data iex live", "account waiting"]
    assert "(3 times, last at " in text.cell(rows[-1]).text
    world.apply_fact(engine.record(down))
    assert "times" not in text.cell(world.events.table.view()[0]).text
