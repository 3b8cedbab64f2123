"""Whose order it was: claims on disk before the order goes out, executions told again when a claim comes late."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from plugtui.control.messages import Fill
from plugtui.engine.account.journal import Journal
from plugtui.engine.account.orders import OrderBookkeeper
from plugtui.engine.facts import FactLog
from plugtui.errors import StoreError
from plugtui.ledger.book import Changes
from plugtui.store import ledger_rows
from plugtui.store.store import Store
from tests.ledger.support import Event, event, life, order_json, rest_fill


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(tmp_path / "ledger.sqlite3")
    yield store
    await store.aclose()


async def opened(store: Store) -> tuple[Journal, OrderBookkeeper]:
    journal = await Journal.open(store, await FactLog.open(store))
    return journal, OrderBookkeeper(journal)


async def hear(journal: Journal, *events: Event) -> None:
    for one in events:
        await journal.commit(lambda: journal.ledger.take_update(one.update, one.order, one.raw, one.at_ns))  # noqa: B023


async def told(journal: Journal) -> list[tuple[str, str | None]]:
    return [(f.body.execution_id, f.body.algo) for f in await journal.facts.since(0) if isinstance(f.body, Fill)]


LIFE = life("a", [("3", "10.5"), ("7", "10.25")])


async def test_a_claim_is_on_disk_when_it_returns_and_survives_a_restart(store: Store) -> None:
    _, orders = await opened(store)
    await orders.claim(client_order_id="client-a", algo="meanrev", time_ns=1)
    journal, _ = await opened(store)
    await hear(journal, *LIFE)
    assert await told(journal) == [("exec-a-0", "meanrev"), ("exec-a-1", "meanrev")]
    record = journal.ledger.order("a")
    assert record is not None
    assert record.algo == "meanrev"


async def test_a_late_claim_tells_the_fill_again_with_its_algorithm(store: Store) -> None:
    journal, orders = await opened(store)
    await hear(journal, *LIFE[:2])
    assert await orders.claim(order_id="a", algo="meanrev", time_ns=1) == 1
    await hear(journal, *LIFE[2:])
    assert await told(journal) == [("exec-a-0", None), ("exec-a-0", "meanrev"), ("exec-a-1", "meanrev")]
    assert [e.algo for e in await ledger_rows.executions(store)] == ["meanrev", "meanrev"]
    await journal.refresh()
    pnl = journal.by_algo({"AAPL": Decimal(11)})
    assert set(pnl) == {"meanrev"}
    assert pnl["meanrev"].fills == 2
    assert await orders.claim(order_id="a", algo="meanrev", time_ns=1) == 0


async def test_the_brokers_answer_claims_the_order_with_its_legs(store: Store) -> None:
    journal, orders = await opened(store)
    leg = order_json("leg", "held", client_order_id="made-by-broker", side="sell")
    answer = msgspec.json.encode(order_json("parent", legs=[leg], order_class="bracket"))
    await orders.claimed_order(answer, "meanrev")
    await hear(journal, *[one for one in life("leg", [("10", "12")], side="sell") if one.update.is_execution])
    assert await told(journal) == [("exec-leg-0", "meanrev")]
    assert orders.open_orders("meanrev") == ["parent"]
    again, _ = await opened(store)
    record = again.ledger.order("leg")
    assert record is not None
    assert (record.algo, record.parent_id) == ("meanrev", "parent")


@pytest.mark.parametrize("answer", [b"", b"[]", b"null", b'{"message":"no"}', b'{"id":"x","qty":"nonsense"}', b"\xff"])
async def test_what_is_no_order_is_passed_over(store: Store, answer: bytes) -> None:
    _, orders = await opened(store)
    await orders.claimed_order(answer, "meanrev")
    assert await store.read("SELECT * FROM orders") == []


async def test_a_claim_that_comes_while_its_execution_is_committed_is_not_lost(store: Store) -> None:
    for n in range(30):
        journal, orders = await opened(store)
        name = f"o{n}"
        events = life(name, [("10", "11")])
        await asyncio.gather(hear(journal, *events), orders.claim(order_id=name, algo="meanrev", time_ns=1))
        (execution,) = await ledger_rows.executions(store, "order_id = ?", (name,))
        assert execution.algo == "meanrev", n


async def test_an_execution_found_by_rest_is_attributed_too(store: Store) -> None:
    journal, orders = await opened(store)
    await orders.claim(client_order_id="client-a", algo="meanrev", time_ns=1)
    await journal.commit(lambda: journal.ledger.take_orders([LIFE[-1].order], 0, tell=True))
    await journal.commit(lambda: journal.ledger.take_fills([rest_fill(one) for one in LIFE[1:]]))
    assert await told(journal) == [("exec-a-0", "meanrev"), ("exec-a-1", "meanrev")]


async def test_a_full_disk_loses_no_execution_and_no_claim(store: Store) -> None:
    journal, orders = await opened(store)
    await hear(journal, *LIFE[:1])
    pages = (await store.read("PRAGMA page_count"))[0][0]
    await store._writer.execute(f"PRAGMA max_page_count = {pages}")
    many = [one for n in range(100) for one in life(f"full{n}", [("10", "11")])]
    with pytest.raises(StoreError):
        for one in many:
            await hear(journal, one)
    for one in many:  # heard again, and the rest: still no room
        try:
            await hear(journal, one)
        except StoreError as error:
            assert "no room" in error.title
    with pytest.raises(StoreError):
        await orders.claim(client_order_id="client-full7", algo="meanrev", time_ns=1)
    assert "no room" in journal.problem
    assert journal.pending > 0
    await store._writer.execute("PRAGMA max_page_count = 100000")
    await journal.retry()
    assert journal.problem == ""
    assert journal.pending == 0
    fills = await told(journal)
    assert len(fills) == len({name for name, _ in fills}) == 100
    assert len(await ledger_rows.executions(store)) == 100
    assert ("exec-full7-0", "meanrev") in fills


async def test_too_much_that_waits_is_given_up_and_taken_again_when_heard_of(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plugtui.engine.account.journal.MOST_PENDING", 1)
    journal, _ = await opened(store)
    pages = (await store.read("PRAGMA page_count"))[0][0]
    await store._writer.execute(f"PRAGMA max_page_count = {pages}")
    many = [one for n in range(60) for one in life(f"full{n}", [("10", "11")])]
    failed = 0
    for one in many:
        try:
            await hear(journal, one)
        except StoreError:
            failed += 1
    assert failed
    assert journal.dropped
    await store._writer.execute("PRAGMA max_page_count = 100000")
    fills = [rest_fill(one) for one in many if one.update.is_execution]
    await journal.commit(lambda: journal.ledger.take_fills(fills))
    assert len(await ledger_rows.executions(store)) == 60


async def test_an_absurd_date_keeps_nothing_else_from_being_written(store: Store) -> None:
    journal, _ = await opened(store)
    absurd = order_json("z", "canceled", updated_at="9999-12-31T23:59:59Z")
    await hear(journal, event("canceled", absurd, 2**64), *LIFE)
    assert len(await ledger_rows.executions(store)) == 2


async def test_nothing_new_costs_no_commit(store: Store) -> None:
    journal, _ = await opened(store)
    await hear(journal, *LIFE)
    before = store.commits
    await hear(journal, *LIFE)
    await journal.commit(Changes)
    assert store.commits == before


async def test_an_execution_that_is_committed_while_a_book_is_built_anew_counts_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, orders = await opened(store)
    await hear(journal, *life("first", [("1", "10.5")]))
    await orders.claim(order_id="first", algo="meanrev", time_ns=1)
    read, meanwhile = ledger_rows.executions, []

    async def read_while_another_is_committed(*args: Any) -> Any:
        rows = await read(*args)
        meanwhile.append(asyncio.ensure_future(hear(journal, *life("second", [("1", "10.5")]))))  # noqa: TID251
        await asyncio.wait(meanwhile, timeout=1.0)
        return rows

    monkeypatch.setattr(ledger_rows, "executions", read_while_another_is_committed)
    await journal.refresh()
    await asyncio.gather(*meanwhile)
    assert sum(pnl.fills for pnl in journal.by_algo({}).values()) == 2
