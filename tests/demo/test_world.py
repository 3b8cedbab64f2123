"""The demo goes on when parts of it die: the engine comes back where it was, algorithms that end by themselves too."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from plugtui.control.client import ControlClient
from plugtui.demo import world as world_module
from plugtui.demo.programs import ProgramGroup
from plugtui.demo.world import DemoOptions, DemoWorld
from plugtui.errors import AddressInUse
from tests.support import cancelled_at_end, eventually

PATIENCE_S = 60.0


@pytest.fixture
async def world() -> AsyncIterator[DemoWorld]:
    async with DemoWorld(DemoOptions(seed=3, algos=1)) as world:
        yield world


async def connected(world: DemoWorld, name: str) -> bool:
    """Tell whether the engine of now has the algorithm on a stream."""
    async with ControlClient(world.engine.info.url, world.engine.info.token) as client:
        snapshot = await client.connect(states=False)
    return any(algo.name == name and algo.connections > 0 for algo in snapshot.algos)


@pytest.mark.timeout(180)
async def test_a_killed_engine_comes_back_on_its_port_with_its_facts_and_the_algorithms_return(
    world: DemoWorld,
) -> None:
    before, (name, _) = world.engine.info, world.algorithms[0]
    await eventually(lambda: connected(world, name), PATIENCE_S)
    await world.revive_engine()
    assert world.engine.info == before
    async with ControlClient(before.url, before.token) as client:
        seq = (await client.connect()).seq
    os.kill(before.pid, signal.SIGKILL)
    await eventually(lambda: world.engine.exit_code is not None)
    await world.revive_engine()
    after = world.engine.info
    assert (after.url, after.pid != before.pid) == (before.url, True)
    async with ControlClient(after.url, after.token) as client:
        snapshot = await client.connect(resume=seq)
        assert not snapshot.truncated
    await eventually(lambda: connected(world, name), PATIENCE_S)
    assert world.programs[name].running
    assert not world.told


@pytest.mark.timeout(180)
async def test_when_the_port_is_taken_the_algorithms_are_started_again_with_the_new_one(world: DemoWorld) -> None:
    name, _ = world.algorithms[0]
    before, program = world.engine.info, world.programs[name]
    os.kill(before.pid, signal.SIGKILL)
    await eventually(lambda: world.engine.exit_code is not None)
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", int(before.url.rsplit(":", 1)[1]))
    async with server:
        await world.revive_engine()
        assert world.engine.info.url != before.url
        assert world.programs[name] is not program
        assert "port was taken" in world.told[0].text
        await eventually(lambda: connected(world, name), PATIENCE_S)
    assert AddressInUse.exit_code == 5


# ---------------------------------------------------------------- algorithms


class Bare(DemoWorld):
    """A demo of one algorithm that is a shell script, without exchange or engine."""

    def __init__(self, group: ProgramGroup, script: str) -> None:
        super().__init__(DemoOptions(algos=1))
        self.algorithms = [("meanrev", "meanrev")]
        self._group = group
        self._script = script
        self.starts = 0

    async def _start_sample(self, name: str, sample: str) -> None:
        self.starts += 1
        command = [sys.executable, "-c", self._script]
        self.programs[name] = await self._group.start(name, command, dict(os.environ))

    async def begin(self) -> None:
        self._market = await self._group.start("exchange", ["sleep", "1000"], dict(os.environ))
        await self._start_sample("meanrev", "meanrev")


async def test_an_algorithm_that_ends_by_itself_is_started_again_later_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(world_module, "_PAUSES_S", (0.01, 0.02))
    async with ProgramGroup() as group:
        bare = Bare(group, "import sys; sys.exit('the stream broke')")
        await bare.begin()
        async with cancelled_at_end(bare.tend()):
            await eventually(lambda: bare.starts >= 4)
    texts = [told.text for told in bare.told][:3]
    assert [text.split("again in ")[1] for text in texts] == ["0.01 s", "0.02 s", "0.02 s"]
    assert all(told.hint == "the stream broke" for told in list(bare.told)[:3])


async def test_an_algorithm_that_somebody_kills_stays_away(tmp_path: Path) -> None:
    async with ProgramGroup() as group:
        bare = Bare(group, "import time; time.sleep(1000)")
        await bare.begin()
        async with cancelled_at_end(bare.tend()):
            bare.programs["meanrev"].process.kill()
            await eventually(lambda: bare.told)
            assert "stays away" in bare.told[0].text
            bare._market.process.kill()
            await eventually(lambda: len(bare.told) == 2)
        assert bare.starts == 1
        assert (bare.told[1].level, "exchange has ended" in bare.told[1].text) == ("error", True)
