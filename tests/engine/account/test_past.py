"""What the account did before the first start: told on request, announced by one fact."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from plugtui.control.messages import Command, Imported, Past
from plugtui.engine.account.past import MOST, PastQuery
from plugtui.engine.control import Commands
from plugtui.errors import ControlError
from plugtui.sim.server import SimSettings, Simulator
from tests.engine.account_kit import Rig, credentials, rig, trader
from tests.support import eventually


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(SimSettings(seed=7, rate=200)) as simulator:
        simulator.faults.update({"rate_limit": 0})
        yield simulator


async def fills(made: Rig, **args: object) -> Past:
    commands = Commands()
    PastQuery(made.store).offer(commands)
    past = await commands.run(Command(id=1, name="fills", args=args))
    assert isinstance(past, Past)
    return past


async def imported(made: Rig) -> list[Imported]:
    return [fact.body for fact in await made.facts.since(0, 100_000) if isinstance(fact.body, Imported)]


async def test_the_past_is_announced_once_and_told_on_request_oldest_first(
    simulator: Simulator, tmp_path: Path
) -> None:
    keys = credentials(simulator)
    async with rig(tmp_path / "l.sqlite3", keys) as made:
        told = await eventually(lambda: imported(made))
        past = await fills(made)
        assert [one.executions for one in told] == [past.executions] == [len(past.fills)]
        assert past.executions > 0
        assert all(fill.imported for fill in past.fills)
        times = [fill.time_ns for fill in past.fills]
        assert times == sorted(times)
        assert not await made.fills()
    async with rig(tmp_path / "l.sqlite3", keys) as made:
        await eventually(lambda: made.account.watch.state)
        assert len(await imported(made)) == 1


async def test_what_happened_since_is_told_too_and_not_called_imported(simulator: Simulator, tmp_path: Path) -> None:
    keys = credentials(simulator)
    async with rig(tmp_path / "l.sqlite3", keys) as made, trader(keys) as client:
        await eventually(lambda: imported(made))
        order = await client.order("AAPL", "buy", 1)
        await eventually(made.fills)
        past = await fills(made)
        assert (past.fills[-1].order_id, past.fills[-1].imported) == (order["id"], False)
        assert [fill.order_id for fill in (await fills(made, limit=1)).fills] == [order["id"]]
        assert (await fills(made, limit=10 * MOST)).executions == past.executions == len(past.fills)


async def test_rejects_and_cancels_are_told_with_the_executions(simulator: Simulator, tmp_path: Path) -> None:
    keys = credentials(simulator)
    async with rig(tmp_path / "l.sqlite3", keys) as made, trader(keys) as client:
        await eventually(lambda: imported(made))
        order = await client.order("AAPL", "buy", 1, type="limit", limit_price="1")
        await client.cancel(order["id"])

        async def cancelled() -> bool:
            events = (await fills(made)).events
            return bool(events) and (events[-1].order_id, events[-1].event) == (order["id"], "canceled")

        await eventually(cancelled)


async def test_a_wrong_limit_is_refused(simulator: Simulator, tmp_path: Path) -> None:
    async with rig(tmp_path / "l.sqlite3", credentials(simulator), listen=False) as made:
        with pytest.raises(ControlError):
            await fills(made, limit="many")
