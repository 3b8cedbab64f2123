"""Plugged traders against the simulator: one harness for the tests."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp

from plugtui.brokers.alpaca import AlpacaBroker
from plugtui.brokers.port import Broker, Credentials
from plugtui.control.messages import TraderState, TraderTrade
from plugtui.engine.facts import FactLog
from plugtui.ledger.executions import Execution
from plugtui.paths import Paths
from plugtui.sim.server import Simulator
from plugtui.store.store import Store
from plugtui.traders.plugged import PluggedTraders
from plugtui.vault import Vault
from tests.support import eventually


def execution(
    qty: int | str,
    price: int | str,
    *,
    order: str = "o1",
    symbol: str = "AAPL",
    at: int = 1,
    held: int | None = None,
    **more: Any,
) -> Execution:
    """An execution; ``qty`` negative when sold, ``held`` the position after it."""
    signed = Decimal(qty)
    values: dict[str, Any] = {
        "execution_id": f"{order}-{at}",
        "order_id": order,
        "client_order_id": "mine",
        "symbol": symbol,
        "side": "buy" if signed > 0 else "sell",
        "qty": abs(signed),
        "price": Decimal(price),
        "cum_qty": abs(signed),
        "time_ns": at,
        "position_qty": None if held is None else Decimal(held),
    }
    return Execution(**{**values, **more})


@dataclass
class Desk:
    """Plugged traders of one engine, with everything that they need."""

    sim: Simulator
    store: Store
    facts: FactLog
    vault: Vault
    traders: PluggedTraders
    brokers: dict[str, Broker] = field(default_factory=dict)

    async def plug(self, name: str, follow: bool = True, wait: bool = True) -> None:
        """Plug in an account of the simulator, and wait until it listens and its record is there."""
        account = self.sim.account(name)
        await self.traders.plug(name, account.key_id, account.secret, self.sim.url, follow)
        if wait:
            await self.settled(name)

    async def settled(self, name: str) -> TraderState:
        """Wait until a trader's stream is live and its record computed."""
        return await eventually(
            lambda: next(
                (s for s in self.traders.states() if s.name == name and s.stream == "live" and s.score is not None),
                None,
            ),
            what=f"the record of {name}",
        )

    def state(self, name: str) -> TraderState:
        """The state of one trader."""
        return next(state for state in self.traders.states() if state.name == name)

    async def told(self) -> list[TraderTrade]:
        """All trades that were recorded as facts."""
        return [fact.body for fact in await self.facts.since(0, 10_000) if isinstance(fact.body, TraderTrade)]

    async def order(self, name: str, symbol: str, qty: int, side: str = "buy") -> str:
        """Let an account trade at the market; return the order's id once it is filled."""
        account = self.sim.account(name)
        headers = {"APCA-API-KEY-ID": account.key_id, "APCA-API-SECRET-KEY": account.secret.reveal()}
        body = {"symbol": symbol, "qty": str(qty), "side": side, "type": "market", "time_in_force": "day"}
        url = f"{self.sim.url}/v2/orders"
        async with aiohttp.ClientSession(headers=headers) as session, session.post(url, json=body) as answer:
            order = await answer.json()
            assert answer.status == 200, order
        orders = self.sim.exchange.accounts[name].orders
        await eventually(lambda: orders[order["id"]].status == "filled", what="the order is filled")
        return str(order["id"])


@contextlib.asynccontextmanager
async def open_desk(
    sim: Simulator,
    directory: Path,
    *,
    connect: Callable[[Credentials], Broker] = AlpacaBroker,
    refresh_s: float = 300.0,
    own_number: str = "",
    start: bool = True,
) -> AsyncIterator[Desk]:
    """Start plugged traders on the database in ``directory``."""
    store = await Store.open(directory / "ledger.sqlite3")
    facts = await FactLog.open(store)
    vault = Vault(Paths("default"))
    own = sim.account("demo")
    mine = Credentials(own.key_id, own.secret, sim.url)
    brokers: dict[str, Broker] = {}

    def make(credentials: Credentials) -> Broker:
        brokers[credentials.key_id] = connect(credentials)
        return brokers[credentials.key_id]

    traders = PluggedTraders(
        store, facts, vault, make, own=lambda: (mine, own_number), base_url=sim.url, refresh_s=refresh_s
    )
    try:
        if start:
            await traders.start()
        yield Desk(sim, store, facts, vault, traders, brokers)
    finally:
        await traders.aclose()
        await facts.aclose()
        await store.aclose()
