"""The follower keeps a link up, resumes, and never applies a fact twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC

import pytest

from plugtui.control.messages import Imported
from plugtui.errors import ControlError, CredentialsError, NotRunning
from plugtui.tasks import Tasks
from plugtui.tui.link import Follower
from plugtui.tui.model.world import World
from tests.support import eventually
from tests.tui.fakes import NOW, FakeEngine, S, fill
from tests.tui.fakes import engine as made_engine


@asynccontextmanager
async def following(engine: FakeEngine) -> AsyncIterator[tuple[World, Follower]]:
    world = World(UTC)
    follower = Follower(engine.open, world, now_ns=lambda: NOW, first_pause_s=0.01)
    tasks = Tasks()
    tasks.start(follower.run(), "follow")
    try:
        yield world, follower
    finally:
        await tasks.aclose()


async def test_facts_arrive_in_the_world() -> None:
    engine = FakeEngine()
    async with following(engine) as (world, follower):
        await eventually(lambda: follower.connected)
        engine.record(fill(900))
        await eventually(lambda: world.fills.executions == 121)


async def test_after_a_loss_it_resumes_from_the_last_fact() -> None:
    engine = FakeEngine()
    async with following(engine) as (world, follower):
        await eventually(lambda: follower.connected)
        engine.cut()
        await eventually(lambda: engine.opened == 2 and follower.connected)
        engine.record(fill(900))
        await eventually(lambda: world.fills.executions == 121)
    assert engine.resumed == [None, engine.seq - 1]
    assert any(row.kind == "engine" for row in world.events.table.rows())


async def test_it_tries_again_until_the_engine_is_there_and_says_why_not() -> None:
    engine = FakeEngine()
    engine.down = OSError("connection refused")
    async with following(engine) as (world, follower):
        await eventually(lambda: engine.opened >= 2)
        assert world.link.state in ("lost", "starting")
        engine.down = None
        follower.retry_now()
        await eventually(lambda: world.link.state == "connected")


async def test_an_error_for_a_person_is_kept_until_it_works() -> None:
    engine = FakeEngine()
    engine.down = CredentialsError("no keys", "give some")
    async with following(engine) as (world, follower):
        await eventually(lambda: world.link.state == "lost")
        assert (world.link.detail, world.link.hint) == ("no keys", "give some")
        assert isinstance(follower.error, CredentialsError)
        engine.down = None
        assert world.link.retry_at_ns is None
        follower.retry_now()
        await eventually(lambda: follower.connected)
        assert follower.error is None


async def test_a_flood_leaves_the_screen_its_turn() -> None:
    engine = FakeEngine(empty=True)
    async with following(engine) as (world, follower):
        await eventually(lambda: follower.connected)
        for n in range(3000):
            engine.record(fill(n))
        turns = 0
        while world.fills.executions < 3000:
            turns += 1
            await asyncio.sleep(0)
        assert turns >= 3000 // 64


async def test_a_command_without_a_link_is_refused_with_a_hint() -> None:
    engine = FakeEngine()
    engine.down = OSError("gone")
    async with following(engine) as (_, follower):
        with pytest.raises(ControlError, match="no connection"):
            await follower.command("status")


async def test_links_are_closed_at_the_end() -> None:
    engine = FakeEngine()
    async with following(engine) as (_, follower):
        await eventually(lambda: follower.connected)
        link = engine.links[0]
    assert link.closed


async def test_an_engine_that_dies_of_its_start_is_started_less_and_less_often() -> None:
    engine = FakeEngine(empty=True)
    pauses: list[float] = []
    async with following(engine) as (world, follower):
        for n in range(5):
            await eventually(lambda: follower.connected)
            engine.engine = made_engine(engine_id=f"e{n + 2}")
            engine.cut()
            await eventually(lambda: world.link.state == "lost")
            assert world.link.retry_at_ns is not None
            pauses.append((world.link.retry_at_ns - NOW) / S)
            follower.retry_now()
            await eventually(lambda: world.link.state != "lost")
    # The first loss is that of an engine which was there before.
    assert pauses == pytest.approx([0.01, 0.02, 0.04, 0.08, 0.16])


async def test_the_past_is_asked_for_once_and_again_when_more_was_taken_in() -> None:
    engine = FakeEngine(empty=True)
    asked = 0

    def tell(args: dict[str, object]) -> object:
        nonlocal asked
        asked += 1
        return {"fills": [], "events": [], "executions": asked}

    engine.answers["fills"] = tell
    async with following(engine) as (world, follower):
        await eventually(lambda: world.fills.executions == 1)
        engine.record(fill(1))
        engine.cut()
        await eventually(lambda: engine.opened == 2 and follower.connected)
        engine.record(Imported(executions=3, orders=1, since_ns=0))
        await eventually(lambda: asked == 2)


async def test_an_engine_that_was_stopped_waits_for_the_reader_without_flicker() -> None:
    engine = FakeEngine()
    async with following(engine) as (world, follower):
        await eventually(lambda: follower.connected)
        engine.down = NotRunning("the engine was stopped", "press r to start it again")
        engine.cut()
        await eventually(lambda: world.link.detail == "the engine was stopped")
        assert (world.link.state, world.link.retry_at_ns) == ("lost", None)
        kept, opened = world.link, engine.opened
        await eventually(lambda: engine.opened > opened)
        assert world.link is kept
        engine.down = None
        follower.retry_now()
        await eventually(lambda: follower.connected)
