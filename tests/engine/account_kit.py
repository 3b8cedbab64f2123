"""The user's account of an engine, complete but for the gateway, against the simulator."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from plugtui.brokers.alpaca import AlpacaBroker
from plugtui.brokers.port import Credentials
from plugtui.config import AccountSettings
from plugtui.control.messages import Fill
from plugtui.engine.account.account import Account
from plugtui.engine.account.journal import Journal
from plugtui.engine.account.orders import OrderBookkeeper
from plugtui.engine.account.stream import AccountStream
from plugtui.engine.backoff import Trouble
from plugtui.engine.facts import FactLog
from plugtui.engine.gap_log import GapLog
from plugtui.sim.server import Simulator
from plugtui.store import ledger_rows
from plugtui.store.store import Store
from tests.support import cancelled_at_end, eventually

FAST = AccountSettings(poll_s=0.2, history_poll_s=0.5, reconcile_s=0.5)


class Soon:
    """A back-off that hardly waits."""

    def up(self, now_ns: int) -> None:
        """Nothing to remember."""

    def failed(self, trouble: Trouble, now_ns: int) -> float:
        """Wait the same for everything."""
        return 0.02


@dataclass
class Rig:
    """An account and all that it is made of."""

    store: Store
    facts: FactLog
    gaps: GapLog
    journal: Journal
    broker: AlpacaBroker
    account: Account
    stream: AccountStream
    orders: OrderBookkeeper
    forwarded: list[dict[str, Any]] = field(default_factory=list)

    async def fills(self) -> list[Fill]:
        """Return all Fill facts."""
        facts = await self.facts.since(0, 100_000)
        return [fact.body for fact in facts if isinstance(fact.body, Fill)]


def credentials(simulator: Simulator, name: str = "demo") -> Credentials:
    """Return the keys of a simulated account."""
    keys = simulator.account(name)
    return Credentials(keys.key_id, keys.secret, simulator.url)


@contextlib.asynccontextmanager
async def rig(
    path: Path, keys: Credentials, settings: AccountSettings = FAST, listen: bool = True, **options: Any
) -> AsyncIterator[Rig]:
    """Run an account on the database at ``path`` until the end of the block."""
    store = await Store.open(path)
    facts = await FactLog.open(store)
    gaps = await GapLog.open_log(store, facts)
    journal = await Journal.open(store, facts)
    broker = AlpacaBroker(keys, timeout_s=2.0)
    forwarded: list[dict[str, Any]] = []

    async def forward(raw: bytes) -> None:
        forwarded.append(msgspec.json.decode(raw))

    options.setdefault("grace_s", 0.1)
    account = Account(journal, gaps, broker, settings, on_forward=forward, **options)
    stream = AccountStream(
        keys.stream_url,
        keys,
        on_update=account.observe,
        on_connected=account.stream_connected,
        on_lost=account.stream_lost,
        backoff=Soon(),
    )
    made = Rig(store, facts, gaps, journal, broker, account, stream, OrderBookkeeper(journal), forwarded)
    await account.start()
    try:
        if listen:
            async with cancelled_at_end(stream.run()):
                await eventually(lambda: stream.live)
                yield made
        else:
            yield made
    finally:
        await account.aclose()
        await broker.aclose()
        await facts.aclose()
        await store.aclose()


class Trader:
    """Sends orders straight to the exchange, with the account's keys."""

    def __init__(self, http: aiohttp.ClientSession, keys: Credentials) -> None:
        self._http = http
        self._keys = keys
        self.sent = 0

    async def order(self, symbol: str = "AAPL", side: str = "buy", qty: int = 1, **more: Any) -> dict[str, Any]:
        """Place an order; market unless told otherwise. The exchange may refuse it (403): an order of no effect."""
        body = {"symbol": symbol, "side": side, "qty": str(qty), "type": "market", "time_in_force": "day", **more}
        headers = {"APCA-API-KEY-ID": self._keys.key_id, "APCA-API-SECRET-KEY": self._keys.secret.reveal()}
        url = f"{self._keys.base_url}/v2/orders"
        async with self._http.post(url, json=body, headers=headers) as answer:
            order: dict[str, Any] = await answer.json()
            assert answer.status in (200, 403), order
            self.sent += answer.status == 200
            return order

    async def cancel(self, order_id: str) -> None:
        """Cancel an order."""
        headers = {"APCA-API-KEY-ID": self._keys.key_id, "APCA-API-SECRET-KEY": self._keys.secret.reveal()}
        async with self._http.delete(f"{self._keys.base_url}/v2/orders/{order_id}", headers=headers) as answer:
            assert answer.status in (204, 422)

    async def settled(self) -> bool:
        """Tell whether all orders are done."""
        headers = {"APCA-API-KEY-ID": self._keys.key_id, "APCA-API-SECRET-KEY": self._keys.secret.reveal()}
        async with self._http.get(f"{self._keys.base_url}/v2/orders", headers=headers) as answer:
            return await answer.json() == []

    async def truth(self, since_ns: int = 0) -> list[dict[str, Any]]:
        """Return the exchange's own list of executions."""
        async with self._http.get(f"{self._keys.base_url}/sim/executions", params={"account": "demo"}) as answer:
            listed = await answer.json()
        items: list[dict[str, Any]] = listed["executions"] if isinstance(listed, dict) else listed
        return [item for item in items if item["time_ns"] >= since_ns]


@contextlib.asynccontextmanager
async def trader(keys: Credentials) -> AsyncIterator[Trader]:
    """Yield somebody who trades at the exchange."""
    async with aiohttp.ClientSession() as http:
        yield Trader(http, keys)


Row = tuple[str, str, Decimal, Decimal, Decimal]


def rows_of_truth(truth: list[dict[str, Any]]) -> set[Row]:
    """Return what must be equal: (order, side, quantity, price, filled so far)."""
    return {
        (item["order_id"], item["side"], Decimal(item["qty"]), Decimal(item["price"]), Decimal(item["cum_qty"]))
        for item in truth
    }


async def rows_of_ledger(store: Store, since_ns: int = 0) -> list[Row]:
    """Return the same of the ledger, with repetitions if there were any; without what lies before the first start."""
    executions = await ledger_rows.executions(store, "time_ns >= ? AND source != 'history'", (since_ns,))
    return [(e.order_id, e.side, e.qty, e.price, e.cum_qty) for e in executions]
