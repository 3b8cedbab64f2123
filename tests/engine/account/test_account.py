"""The user's account against the simulator: the ledger equals the exchange's own book, whatever happens in between."""

import asyncio
import random
import sys
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from plugtui.config import AccountSettings
from plugtui.control.messages import Gap, OrderEvent
from plugtui.sim.server import SimSettings, Simulator
from plugtui.store.store import Store
from tests.engine.account_kit import (
    FAST,
    Rig,
    Trader,
    credentials,
    rig,
    rows_of_ledger,
    rows_of_truth,
    trader,
)
from tests.support import eventually, process

SYMBOLS = ("AAPL", "F", "BAC", "XOM")


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(SimSettings(seed=7, rate=200)) as simulator:
        simulator.faults.update({"rate_limit": 0, "partial_fill_probability": 0.4})
        yield simulator


async def agrees(made: Rig, client: Trader) -> bool:
    """Tell whether ledger, facts and truth say the same, each execution once."""
    if not await client.settled():
        return False
    truth = rows_of_truth(await client.truth())
    rows = await rows_of_ledger(made.store)
    told = await made.fills()
    return len(rows) == len(set(rows)) == len(truth) == len(told) and set(rows) == truth


async def trade(client: Trader, count: int, seed: int = 1, pause_s: float = 0.0) -> None:
    """Send orders of both sides."""
    chance = random.Random(seed)
    for n in range(count):
        await client.order(chance.choice(SYMBOLS), "sell" if n % 3 == 2 else "buy", chance.randint(1, 5))
        await asyncio.sleep(pause_s)


async def test_each_execution_is_told_once_though_events_come_twice_and_in_disorder(
    simulator: Simulator, tmp_path: Path
) -> None:
    simulator.faults.update({"duplicate_events": 0.4, "disorder_events": 0.3})
    keys = credentials(simulator)
    async with rig(tmp_path / "l.sqlite3", keys) as made, trader(keys) as client:
        await trade(client, 40)
        await eventually(lambda: agrees(made, client))
        assert made.account.duplicates > 0
        told = len(await made.fills())

        def handed_on() -> list[str]:
            return [message["data"]["execution_id"] for message in made.forwarded if "execution_id" in message["data"]]

        # What is committed is told first and handed on then.
        await eventually(lambda: len(handed_on()) >= told)
        assert len(set(handed_on())) == len(handed_on()) == told


async def test_a_stream_cut_again_and_again_loses_and_doubles_nothing(simulator: Simulator, tmp_path: Path) -> None:
    simulator.faults.update({"duplicate_events": 0.2, "disorder_events": 0.2})
    keys = credentials(simulator)
    async with rig(tmp_path / "l.sqlite3", keys) as made, trader(keys) as client:
        for n in range(40):
            await trade(client, 3, seed=n)
            simulator.faults.update({"account_cut": True})
            await asyncio.sleep(0.02)
        await eventually(lambda: made.stream.live)
        await eventually(lambda: agrees(made, client))
        assert any(fill.recovered for fill in await made.fills())
        told = {fill.execution_id for fill in await made.fills()}

        def sent_on() -> list[str]:
            return [message["data"]["execution_id"] for message in made.forwarded if "execution_id" in message["data"]]

        await eventually(lambda: set(sent_on()) == told)
        assert len(sent_on()) == len(told)

        async def closed() -> list[Gap]:
            bodies = [fact.body for fact in await made.facts.since(0, 100_000)]
            gaps = [body for body in bodies if isinstance(body, Gap)]
            done = [gap for gap in gaps if gap.to_ns is not None]
            return done if {gap.gap_id for gap in gaps} == {gap.gap_id for gap in done} else []

        gaps = await eventually(closed)
        assert sum(gap.recovered for gap in gaps) > 0
        assert len({gap.gap_id for gap in gaps}) == len(gaps)


async def test_events_lost_on_a_connection_that_stays_up_are_found(simulator: Simulator, tmp_path: Path) -> None:
    keys = credentials(simulator)
    async with rig(tmp_path / "l.sqlite3", keys) as made, trader(keys) as client:
        await trade(client, 3)
        await eventually(lambda: agrees(made, client))
        simulator.faults.update({"account_mute": True})
        await trade(client, 5, seed=2)
        await eventually(client.settled)
        resting = await client.order("AAPL", "buy", 1, type="limit", limit_price="1")
        await client.cancel(resting["id"])
        await eventually(lambda: agrees(made, client))
        assert made.account.recovered > 0
        assert made.stream.state.reconnects == 0

        async def canceled() -> list[OrderEvent]:
            bodies = [fact.body for fact in await made.facts.since(0, 100_000)]
            return [b for b in bodies if isinstance(b, OrderEvent) and b.order_id == resting["id"]]

        events = await eventually(canceled)
        assert [(event.event, event.recovered) for event in events] == [("canceled", True)]
        replayed = [m["data"] for m in made.forwarded if m["data"]["order"]["id"] == resting["id"]]
        assert [(data["event"], data["order"]["status"]) for data in replayed] == [("canceled", "canceled")]


async def test_what_happened_while_the_engine_was_away_is_recovered_and_the_gap_says_so(
    simulator: Simulator, tmp_path: Path
) -> None:
    keys = credentials(simulator)
    async with trader(keys) as client:
        async with rig(tmp_path / "l.sqlite3", keys) as made:
            await eventually(lambda: made.store.get("recovery_mark"))
            await trade(client, 3)
            await eventually(lambda: agrees(made, client))
            before = len(await made.fills())
        await trade(client, 5, seed=3)
        await eventually(client.settled)
        async with rig(tmp_path / "l.sqlite3", keys) as made:
            await eventually(lambda: agrees(made, client))
            fills = await made.fills()
            assert len(fills) > before
            assert all(fill.recovered for fill in fills[before:])

            async def closed() -> list[Gap]:
                bodies = [fact.body for fact in await made.facts.since(0, 100_000)]
                return [b for b in bodies if isinstance(b, Gap) and b.to_ns and "not running" in b.reason]

            (gap,) = await eventually(closed)
            assert gap.recovered == len(fills) - before


async def test_recovered_executions_are_sent_on_as_trade_updates_unless_that_is_switched_off(
    simulator: Simulator, tmp_path: Path
) -> None:
    keys = credentials(simulator)
    async with trader(keys) as client:
        async with rig(tmp_path / "l.sqlite3", keys) as made:
            await eventually(lambda: made.store.get("recovery_mark"))
        order = await client.order("AAPL", "buy", 2)
        await eventually(client.settled)
        async with rig(tmp_path / "l.sqlite3", keys) as made:
            await eventually(lambda: agrees(made, client))
            data = (await eventually(lambda: [m["data"] for m in made.forwarded if "price" in m["data"]]))[-1]
            assert data["order"]["id"] == order["id"]
            assert data["event"] == "fill"
            assert Decimal(data["order"]["filled_qty"]) == 2
            assert data["order"]["client_order_id"] == order["client_order_id"]
        await client.order("AAPL", "buy", 1)
        await eventually(client.settled)
        async with rig(tmp_path / "l.sqlite3", keys, replay_recovered=False) as made:
            await eventually(lambda: agrees(made, client))
            assert made.forwarded == []


async def test_activities_with_ids_of_their_own_are_still_the_same_executions(
    simulator: Simulator, tmp_path: Path
) -> None:
    simulator.faults.update({"activity_ids": "opaque"})
    keys = credentials(simulator)
    async with rig(tmp_path / "l.sqlite3", keys) as made, trader(keys) as client:
        for n in range(8):
            await trade(client, 3, seed=n)
            simulator.faults.update({"account_cut": True})
        await eventually(lambda: agrees(made, client))
        found = await made.account.reconcile()
        assert found.executions == 0


async def test_the_past_is_taken_in_quietly_at_the_first_start(simulator: Simulator, tmp_path: Path) -> None:
    keys = credentials(simulator)
    async with rig(tmp_path / "l.sqlite3", keys) as made:
        await eventually(lambda: made.store.get("recovery_mark"))
        rows = await made.store.read("SELECT source, count(*) AS n FROM executions GROUP BY source")
        assert [row["source"] for row in rows] == ["history"]
        assert await made.fills() == []
        assert made.forwarded == []


async def test_a_trading_host_that_fails_stops_nothing_and_is_named(simulator: Simulator, tmp_path: Path) -> None:
    keys = credentials(simulator)
    async with rig(tmp_path / "l.sqlite3", keys) as made, trader(keys) as client:
        await eventually(lambda: made.account.state)
        order = await client.order("AAPL", "buy", 2)
        simulator.faults.update({"rest_status": 503})
        state = await eventually(lambda: (s := made.account.state) is not None and s.problem and s)
        assert "503" in state.problem
        assert state.equity > 0
        simulator.faults.update({"account_cut": True})
        await eventually(lambda: made.stream.state.reconnects and made.stream.live)
        simulator.faults.update({"rest_status": 0})
        await client.order("AAPL", "buy", 1)
        await eventually(lambda: agrees(made, client))
        await eventually(lambda: (s := made.account.state) is not None and not s.problem)
        assert order["id"] in {fill.order_id for fill in await made.fills()}


async def test_an_account_starts_without_a_trading_host_and_shows_the_history_it_kept(
    simulator: Simulator, tmp_path: Path
) -> None:
    keys = credentials(simulator)
    async with rig(tmp_path / "l.sqlite3", keys) as made:
        await eventually(lambda: made.account.watch.points and made.account.watch.activities)
        kept = len(made.account.watch.points)
    simulator.faults.update({"rest_status": 500})
    async with rig(tmp_path / "l.sqlite3", keys, listen=False) as made:
        assert made.account.state is None
        assert len(made.account.watch.points) == kept
        assert any(activity.external for activity in made.account.watch.activities)


async def test_money_state_is_the_brokers_and_the_day_is_neutral_of_deposits(
    simulator: Simulator, tmp_path: Path
) -> None:
    keys = credentials(simulator)
    async with rig(tmp_path / "l.sqlite3", keys, AccountSettings(poll_s=0.1)) as made:
        state = await eventually(lambda: (s := made.account.state) is not None and s.market and s)
        assert state.day_pnl == state.equity - state.last_equity
        assert state.day_return == pytest.approx(float(state.day_pnl / state.last_equity))
        assert state.positions
        await eventually(lambda: made.account.watch.samples(0))


async def test_positions_of_the_ledger_are_the_brokers_from_the_first_start_on(
    simulator: Simulator, tmp_path: Path
) -> None:
    keys = credentials(simulator)
    async with trader(keys) as client:
        for _ in range(2):  # the second time from the database
            async with rig(tmp_path / "l.sqlite3", keys, FAST) as made:
                await eventually(lambda: made.store.get("recovery_mark"))
                await trade(client, 6)
                await eventually(lambda: agrees(made, client))
                await made.journal.refresh()
                held = {p.symbol: p.qty for p in await made.broker.positions()}
                symbols = {*held, *(e.symbol for e in await made.account.executions())}
                assert {s: q for s in symbols if (q := made.journal.position(s))} == held


async def test_an_engine_killed_again_and_again_loses_and_doubles_nothing(simulator: Simulator, tmp_path: Path) -> None:
    simulator.faults.update({"duplicate_events": 0.2, "disorder_events": 0.2})
    keys = credentials(simulator)
    path = tmp_path / "l.sqlite3"
    env = {"KEY_ID": keys.key_id, "SECRET": keys.secret.reveal(), "URL": keys.base_url}
    async with trader(keys) as client:
        async with rig(path, keys) as made:
            await eventually(lambda: made.store.get("recovery_mark"))
        shown = 0
        for n in range(4):
            with process([sys.executable, "-m", "tests.engine.account_process", str(path)], env) as child:
                output = child.stdout
                assert output is not None
                assert await asyncio.to_thread(output.readline)
                await trade(client, 8, seed=n, pause_s=0.02)
                child.kill()
                lines = (await asyncio.to_thread(output.read)).splitlines()
                shown = max([shown, *(int(line) for line in lines if line.isdigit())])
            await trade(client, 2, seed=10 + n)
        assert shown > 0
        async with rig(path, keys) as made:
            await eventually(lambda: agrees(made, client))
            assert made.facts.seq >= shown
            seqs = [fact.seq for fact in await made.facts.since(0, 100_000)]
            assert seqs == list(range(1, len(seqs) + 1))


async def test_an_order_says_what_became_of_it(simulator: Simulator, tmp_path: Path) -> None:
    keys = credentials(simulator)
    async with rig(tmp_path / "l.sqlite3", keys) as made, trader(keys) as client:
        order = await client.order("AAPL", "buy", 3)
        await eventually(lambda: agrees(made, client))
        life = await made.account.order_life(order["id"])
        assert life is not None
        assert life["order"]["status"] == "filled"
        assert "new" in {event["event"] for event in life["events"]}
        assert sum(Decimal(str(e["qty"])) for e in life["executions"]) == 3
        assert await made.account.order_life("unknown") is None


async def test_open_orders_of_an_algorithm_are_canceled(simulator: Simulator, tmp_path: Path) -> None:
    keys = credentials(simulator)
    async with rig(tmp_path / "l.sqlite3", keys) as made, trader(keys) as client:
        await made.orders.claim(client_order_id="mine-1", algo="meanrev", time_ns=1)
        mine = await client.order("AAPL", "buy", 1, type="limit", limit_price="1", client_order_id="mine-1")
        other = await client.order("F", "buy", 1, type="limit", limit_price="1", client_order_id="other-1")
        await eventually(lambda: made.journal.ledger.order(mine["id"]) and made.journal.ledger.order(other["id"]))
        assert await made.account.cancel_open_orders("meanrev") == (1, [])
        await eventually(lambda: not made.journal.ledger.open_orders("meanrev"))
        assert [record.order_id for record in made.journal.ledger.open_orders()] == [other["id"]]


async def test_an_engine_killed_before_its_first_reading_leaves_no_news_to_pass_for_history(
    simulator: Simulator, tmp_path: Path
) -> None:
    keys, store = credentials(simulator), await Store.open(tmp_path / "l.sqlite3")
    await store.write(Store.put("first_start_ns", str(simulator.clock.now_ns())))
    await store.aclose()
    async with trader(keys) as client:
        await trade(client, 3)
        await eventually(client.settled)
        async with rig(tmp_path / "l.sqlite3", keys, FAST) as made:
            await eventually(lambda: agrees(made, client))
