"""The sample algorithms are ordinary Alpaca programs: here they trade at the exchange itself, without any gateway."""

import asyncio
import json
import os
import sys
from pathlib import Path

import aiohttp
import pytest

from plugtui.demo import algorithms
from plugtui.demo.programs import ProgramGroup
from plugtui.demo.world import algorithm_names
from plugtui.sim.server import SimSettings, Simulator
from tests.support import eventually

DIRECTORY = Path(algorithms.__file__).parent


@pytest.fixture
async def exchange():
    async with Simulator(SimSettings(seed=3, rate=400)) as simulator:
        yield simulator


async def executions(url: str, account: str) -> list[dict]:
    async with aiohttp.ClientSession() as http, http.get(f"{url}/sim/executions?account={account}") as answer:
        return await answer.json()


def environment(exchange: Simulator) -> dict[str, str]:
    account = exchange.accounts[0]
    addresses = dict.fromkeys(("APCA_API_BASE_URL", "APCA_API_DATA_URL", "APCA_API_STREAM_URL"), exchange.url)
    keys = {"APCA_API_KEY_ID": account.key_id, "APCA_API_SECRET_KEY": account.secret.reveal()}
    return {**os.environ, "PYTHONUNBUFFERED": "1", **addresses, **keys}


@pytest.mark.parametrize("name", ["meanrev", "momentum", "pairs"])
async def test_a_sample_trades_and_hears_of_its_own_executions(exchange, name):
    if name == "momentum":
        pytest.importorskip("alpaca")
    async with ProgramGroup() as group:
        program = await group.start(name, [sys.executable, str(DIRECTORY / f"{name}.py")], environment(exchange))

        async def traded() -> bool:
            assert program.running, program.said()
            mine = [
                one for one in await executions(exchange.url, "demo") if one["client_order_id"].startswith(f"{name}-")
            ]
            return len(mine) >= 2 and " @ " in program.said()

        await eventually(traded, timeout=60, poll=0.2)
        assert "failed" not in program.said()


async def test_the_traders_of_the_demo_trade_on_accounts_of_their_own(exchange):
    accounts = [
        {"name": account.name, "key_id": account.key_id, "secret_key": account.secret.reveal()}
        for account in exchange.accounts
        if account.name in ("northstar", "riverbend")
    ]
    line = json.dumps({"url": exchange.url, "accounts": accounts, "seed": 1}) + "\n"
    async with ProgramGroup() as group:
        program = await group.start("traders", [sys.executable, "-m", "plugtui.demo.traders"], os.environ, given=line)

        async def traded() -> bool:
            assert program.running, program.said()
            both = await asyncio.gather(*(executions(exchange.url, name) for name in ("northstar", "riverbend")))
            return all(both)

        await eventually(traded, timeout=60, poll=0.2)


def test_more_algorithms_than_samples_get_names_of_their_own():
    names = [name for name, _ in algorithm_names(7)]
    assert len(set(names)) == 7
    assert {sample for _, sample in algorithm_names(7)} <= {"meanrev", "momentum", "pairs"}
    assert "meanrev-2" in names


def test_the_readme_shows_the_samples():
    readme = (DIRECTORY.parents[3] / "README.md").read_text(encoding="utf-8")
    for file in DIRECTORY.glob("[a-z]*.py"):
        assert f"src/plugtui/demo/algorithms/{file.name}" in readme
