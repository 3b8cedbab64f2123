"""Kill the engine with SIGKILL while orders fill, and start it again: the ledger is the exchange's own book, to the cent."""

import asyncio
import contextlib
import os
import random
import signal
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp

from plugtui.control.client import ControlClient
from plugtui.control.messages import Fill
from plugtui.engine.supervisor import EngineProcess, start_engine
from plugtui.paths import Paths
from plugtui.sim.faults import Faults
from plugtui.sim.server import SimSettings, Simulator
from plugtui.store import ledger_rows
from plugtui.store.store import Store
from plugtui.tasks import Tasks
from tests.support import eventually

KILLS = 4


def environment(simulator: Simulator, home: Path) -> dict[str, str]:
    keys = simulator.account("demo")
    return {
        "PATH": "/usr/bin:/bin",
        "PLUGTUI_HOME": str(home),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "APCA_API_KEY_ID": keys.key_id,
        "APCA_API_SECRET_KEY": keys.secret.reveal(),
        "APCA_API_BASE_URL": simulator.url,
        "APCA_API_DATA_URL": simulator.url,
        "APCA_API_STREAM_URL": simulator.url.replace("http", "ws"),
        "PLUGTUI_ACCOUNT_RECONCILE_S": "1",
        "PLUGTUI_GATEWAY_PORT": "0",
    }


async def trade(simulator: Simulator) -> None:
    """Send orders straight to the exchange, whether or not an engine is there."""
    keys, chance = simulator.account("demo"), random.Random(3)
    headers = {"APCA-API-KEY-ID": keys.key_id, "APCA-API-SECRET-KEY": keys.secret.reveal()}
    async with aiohttp.ClientSession(headers=headers) as session:
        while True:
            order = {
                "symbol": chance.choice(("AAPL", "MSFT", "NVDA")), "qty": str(chance.randint(1, 4)), "type": "market",
                "side": chance.choice(("buy", "sell")), "time_in_force": "day",
            }  # fmt: skip
            async with session.post(f"{simulator.url}/v2/orders", json=order) as answer:
                await answer.read()
            await asyncio.sleep(chance.uniform(0.0, 0.02))


def truth_of(simulator: Simulator) -> list[tuple[Any, ...]]:
    exchange = simulator.exchange
    return sorted(
        (e["execution_id"], e["symbol"], e["side"], Decimal(e["qty"]), Decimal(e["price"]))
        for e in exchange.truth_of_executions(exchange.accounts["demo"])
    )


async def fills_told(engine: EngineProcess, since_ns: int) -> list[str]:
    client = ControlClient(engine.info.url, engine.info.token)
    snapshot = await client.connect(resume=0, states=False)
    await client.aclose()
    return [f.body.execution_id for f in snapshot.facts if isinstance(f.body, Fill) and f.body.time_ns >= since_ns]


async def end(engine: EngineProcess) -> None:
    """Leave no engine behind when the test fails."""
    if engine.exit_code is None:
        await engine.stop()


async def test_a_killed_engine_misses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    faults = Faults(linger_s=0.0, rate_limit=0, partial_fill_probability=0.3)
    async with contextlib.AsyncExitStack() as cleanup:
        simulator = await cleanup.enter_async_context(Simulator(SimSettings(rate=200, faults=faults)))
        paths, environ = Paths("default", {"PLUGTUI_HOME": str(tmp_path)}), environment(simulator, tmp_path)
        begin_ns, tasks, chance = simulator.clock.now_ns(), Tasks(), random.Random(5)
        engine = await start_engine(paths, environ=environ)
        cleanup.push_async_callback(lambda: end(engine))
        tasks.start(trade(simulator), "trade")
        for _ in range(KILLS):
            await asyncio.sleep(chance.uniform(0.2, 0.8))
            os.kill(engine.info.pid, signal.SIGKILL)
            await engine.wait()
            await asyncio.sleep(chance.uniform(0.0, 0.3))
            engine = await start_engine(paths, environ=environ)
        await tasks.aclose()
        exchange = simulator.exchange
        await eventually(lambda: not [o for o in exchange.accounts["demo"].orders.values() if o.is_open])
        expected = truth_of(simulator)

        async def all_told() -> bool:
            return sorted(await fills_told(engine, begin_ns)) == sorted(e[0] for e in expected)

        await eventually(all_told, timeout=60, poll=0.5)
        assert await engine.stop() == 0
        store = await Store.open(paths.ledger)
        kept = await ledger_rows.executions(store, "time_ns >= ?", (begin_ns,))
        gaps = await store.read("SELECT * FROM gaps WHERE stream = 'account' ORDER BY gap_id")
        await store.aclose()
        assert sorted((e.execution_id, e.symbol, e.side, e.qty, e.price) for e in kept) == expected
        assert len(expected) > 50
        # An engine that was killed before it had recovered leaves its gap to the next one.
        assert "the engine was not running" in [row["reason"] for row in gaps]
        assert all(row["to_ns"] for row in gaps)
