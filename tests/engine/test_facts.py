"""Numbered facts: committed before they are shown, never lost, never renumbered."""

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from plugtui.control.messages import Notice
from plugtui.engine import facts as facts_module
from plugtui.engine.facts import FactLog
from plugtui.errors import StoreError
from plugtui.store.store import Store
from tests.support import eventually_sync, process


def notice(text: object) -> Notice:
    return Notice(level="info", text=str(text))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(tmp_path / "ledger.sqlite3")
    yield store
    await store.aclose()


async def test_facts_are_numbered_by_one_and_read_back(store: Store) -> None:
    log = await FactLog.open(store)
    await asyncio.gather(*(log.record(notice(n), notice(n + 0.5), time_ns=n) for n in range(50)))
    assert log.seq == 100
    facts = await log.since(0)
    assert [fact.seq for fact in facts] == list(range(1, 101))
    rows = await store.read("SELECT seq, kind FROM facts ORDER BY seq")
    assert [tuple(row) for row in rows] == [(n, "notice") for n in range(1, 101)]


async def test_a_fact_is_in_the_database_before_a_follower_sees_it(store: Store) -> None:
    log = await FactLog.open(store)
    subscription = log.subscribe()
    recording = asyncio.get_running_loop().create_task(log.record(notice("x"), time_ns=1))
    (fact,) = await subscription.take()
    assert [row["seq"] for row in await store.read("SELECT seq FROM facts")] == [fact.seq]
    await recording


async def test_numbers_go_on_after_a_restart(store: Store) -> None:
    first = await FactLog.open(store)
    await first.record(notice("a"), notice("b"), time_ns=1)
    await first.aclose()
    second = await FactLog.open(store)
    (fact,) = await second.record(notice("c"), time_ns=2)
    assert fact.seq == 3
    assert [f.body.text for f in await second.since(1)] == ["b", "c"]  # type: ignore[union-attr]


async def test_a_failed_commit_shows_nothing_and_uses_up_no_number(store: Store) -> None:
    log = await FactLog.open(store)
    with pytest.raises(StoreError):
        await log.record(notice("lost"), time_ns=1, statements=[("INSERT INTO nowhere VALUES (1)", ())])
    assert log.seq == 0
    assert await log.since(0) == []
    (fact,) = await log.record(notice("kept"), time_ns=1)
    assert fact.seq == 1


async def test_a_cancelled_recorder_breaks_no_number(store: Store) -> None:
    log = await FactLog.open(store)
    for n in range(20):
        recording = asyncio.get_running_loop().create_task(log.record(notice(n), time_ns=n))
        await asyncio.sleep(0)
        recording.cancel()
    await log.record(notice("last"), time_ns=1)
    facts = await log.since(0)
    assert [fact.seq for fact in facts] == list(range(1, log.seq + 1))
    assert len(await store.read("SELECT seq FROM facts")) == log.seq


async def test_followers_resume_and_may_fall_behind_without_cost(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts_module, "_RECENT", 10)
    log = await FactLog.open(store)
    lazy = log.subscribe()
    for n in range(100):
        await log.record(notice(n), time_ns=n)
    seen = [await lazy.take(7) for _ in range(15)]
    assert [fact.seq for batch in seen for fact in batch] == list(range(1, 101))
    resumed = log.subscribe(after=95)
    assert [fact.seq for fact in await resumed.take()] == [96, 97, 98, 99, 100]


async def test_followers_end_when_the_log_closes(store: Store) -> None:
    log = await FactLog.open(store)

    async def follow() -> list[int]:
        return [fact.seq async for fact in log.subscribe()]

    following = asyncio.get_running_loop().create_task(follow())
    await asyncio.sleep(0)
    await log.record(notice("a"), time_ns=1)
    await log.aclose()
    assert await following == [1]


async def test_only_the_newest_are_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts_module, "KEEP", 100)
    monkeypatch.setattr(facts_module, "_PRUNE_EVERY", 30)
    log = await FactLog.open(store)
    for n in range(500):
        await log.record(notice(n), time_ns=n)
    assert 370 < await log.oldest_seq() <= 401
    assert (await FactLog.open(store)).seq == 500


_RECORDER = """
import asyncio, sys
from plugtui.control.messages import Notice
from plugtui.engine.facts import FactLog
from plugtui.store.store import Store

async def main():
    log = await FactLog.open(await Store.open(sys.argv[1]))
    while True:
        facts = await log.record(*(Notice(level="info", text=str(n)) for n in range(10)), time_ns=1)
        print(facts[-1].seq, flush=True)

asyncio.run(main())
"""


async def test_a_killed_engine_keeps_every_fact_that_was_shown(tmp_path: Path) -> None:
    path = tmp_path / "killed.sqlite3"
    with process([sys.executable, "-c", _RECORDER, str(path)]) as child:
        assert child.stdout is not None
        while int(child.stdout.readline()) < 500:
            pass
        child.kill()
        shown = max([500, *(int(line) for line in child.stdout.read().split("\n")[:-1])])
        eventually_sync(lambda: child.poll() is not None)
    store = await Store.open(path)
    log = await FactLog.open(store)
    assert log.seq >= shown
    assert log.seq % 10 == 0
    assert len(await store.read("SELECT seq FROM facts")) == log.seq
    await store.aclose()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
