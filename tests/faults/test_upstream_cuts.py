"""Cut the upstream again and again while algorithms trade: no local connection is lost, no execution is missed or doubled."""

import asyncio
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp

from plugtui.config import RestSettings
from plugtui.control.messages import Fill
from plugtui.sim.faults import Faults
from plugtui.sim.server import SimSettings
from plugtui.store import ledger_rows
from plugtui.tasks import Tasks
from tests.engine.streams import Client
from tests.support import eventually
from tests.world import World, world

CUTS = 100
SYMBOLS = ("AAPL", "MSFT", "NVDA", "TSLA", "AMD")


class Trader:
    """An algorithm that trades small sizes as fast as it may, and listens on both streams."""

    def __init__(self, running: World, name: str) -> None:
        self._running = running
        self._random = random.Random(name)
        self.headers = {"APCA-API-KEY-ID": running.key_id, "APCA-API-SECRET-KEY": running.secret}
        self.data = Client(f"{running.ws_url}/v2/iex", (running.key_id, running.secret), "json")
        self.account = Client(f"{running.ws_url}/stream", (running.key_id, running.secret), "json")
        self.orders = 0

    async def start(self) -> None:
        await self.data.__aenter__()
        await self.data.log_in()
        await self.data.subscribe(quotes=list(SYMBOLS))
        self.data.collect()
        await self.account.__aenter__()
        await self.account.socket.send(
            f'{{"action":"auth","key":"{self.data.keys[0]}","secret":"{self.data.keys[1]}"}}'
        )
        assert (await self.account.read())["data"]["status"] == "authorized"
        await self.account.socket.send('{"action":"listen","data":{"streams":["trade_updates"]}}')
        assert (await self.account.read())["data"]["streams"] == ["trade_updates"]

    async def trade(self) -> None:
        async with aiohttp.ClientSession(headers=self.headers) as session:
            while True:
                order = {
                    "symbol": self._random.choice(SYMBOLS),
                    "qty": str(self._random.randint(1, 3)),
                    "side": self._random.choice(("buy", "sell")),
                    "type": "market",
                    "time_in_force": "day",
                }
                async with session.post(f"{self._running.url}/v2/orders", json=order) as answer:
                    self.orders += answer.status == 200
                await asyncio.sleep(self._random.uniform(0.0, 0.02))

    async def close(self) -> None:
        await self.data.__aexit__()
        await self.account.__aexit__()


def truth_of(running: World) -> list[tuple[Any, ...]]:
    return sorted(
        (e["execution_id"], e["order_id"], e["symbol"], e["side"], Decimal(e["qty"]), Decimal(e["price"]), e["time_ns"])
        for e in running.executions()
    )


async def ledger_of(running: World, since_ns: int) -> list[tuple[Any, ...]]:
    executions = await ledger_rows.executions(running.engine._store, "time_ns >= ?", (since_ns,))
    return sorted((e.execution_id, e.order_id, e.symbol, e.side, e.qty, e.price, e.time_ns) for e in executions)


async def test_a_hundred_cuts_cost_no_connection_and_no_execution(tmp_path: Path) -> None:
    faults = Faults(duplicate_events=0.1, disorder_events=0.1, partial_fill_probability=0.3)
    settings = {"rest": RestSettings(requests_per_minute=100_000)}
    async with world(tmp_path, SimSettings(rate=300, faults=faults), settings) as running:
        begin_ns = running.simulator.clock.now_ns()
        traders = [Trader(running, name) for name in ("first", "second")]
        tasks, chance = Tasks(), random.Random(7)
        for trader in traders:
            await trader.start()
            tasks.start(trader.trade(), "trade")
        for _ in range(CUTS):
            running.simulator.faults.update({chance.choice(("cut", "account_cut")): True})
            await asyncio.sleep(chance.uniform(0.0, 0.15))
        await tasks.aclose()
        await eventually(
            lambda: all(not order["status"].startswith(("new", "acc", "part")) for order in _orders(running))
        )

        async def agrees() -> bool:
            return await ledger_of(running, begin_ns) == truth_of(running)

        await eventually(agrees, timeout=60)
        assert len(truth_of(running)) > 100
        assert all(trader.data.socket.open and trader.account.socket.open for trader in traders)
        report = running.simulator.streams.registry.report(0.0)["/v2/iex"]
        assert report["most_at_a_time"] == 1

        async def all_told() -> bool:
            facts = [f.body for f in await running.engine._facts.since(0, 20_000)]
            told = {body.execution_id for body in facts if isinstance(body, Fill) and body.time_ns >= begin_ns}
            return told == {execution[0] for execution in truth_of(running)}

        # What is committed can be read an instant before it is shown.
        await eventually(all_told)
        for trader in traders:
            await trader.close()


def _orders(running: World) -> list[dict[str, Any]]:
    exchange = running.simulator.exchange
    return exchange.truth_of_orders(exchange.accounts["demo"])
