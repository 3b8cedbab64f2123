"""A gateway port with only the REST pass-through on it, in front of any pair of hosts."""

import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from plugtui.brokers.port import Credentials
from plugtui.engine.clients.access import Access, BrowserGuard
from plugtui.engine.clients.algos import AlgoDirectory
from plugtui.engine.clients.programs import UNKNOWN, Address, Program, Programs
from plugtui.engine.clients.sessions import SessionJournal
from plugtui.engine.facts import FactLog
from plugtui.engine.rest.budget import Budget
from plugtui.engine.rest.forward import Forwarder
from plugtui.engine.rest.passthrough import Passthrough
from plugtui.engine.rest.submission import Submissions
from plugtui.errors import StoreError
from plugtui.secrets import Secret
from plugtui.store.keys import KeyStore
from plugtui.store.store import Store

OWN = {"APCA-API-KEY-ID": "PKOWN", "APCA-API-SECRET-KEY": "own-secret"}


class NoPrograms(Programs):
    """Knows no program, and starts no thread."""

    def __init__(self) -> None:
        super().__init__(lambda wanted, likely: {})

    async def find(self, connection: object, peer: Address, local: Address, likely: Iterable[int] = ()) -> Program:
        return UNKNOWN


@dataclass
class Books:
    """Records claims, with what had reached the broker by then."""

    seen_by_broker: list[Any] = field(default_factory=list)
    claims: list[tuple[str, str, int]] = field(default_factory=list)
    orders: list[tuple[str, str]] = field(default_factory=list)
    broken: bool = False

    async def claim(self, *, client_order_id: str, algo: str, time_ns: int) -> None:
        self.claims.append((client_order_id, algo, len(self.seen_by_broker)))
        if self.broken:
            raise StoreError("no room left")

    async def claimed_order(self, order_json: bytes, algo: str) -> None:
        self.orders.append((json.loads(order_json)["id"], algo))


@dataclass
class Kit:
    """Everything of one running gateway port."""

    url: str
    http: aiohttp.ClientSession
    passthrough: Passthrough
    directory: AlgoDirectory
    budget: Budget
    keys: KeyStore
    books: Books

    def headers(self, **more: str) -> dict[str, str]:
        return {**OWN, **more}


@contextlib.asynccontextmanager
async def gateway(
    folder: Path,
    trading_url: str,
    data_url: str,
    *,
    key_id: str = "PKOWN",
    secret: str = "own-secret",
    per_minute: int = 10_000,
    timeout_s: float = 10.0,
    stall_s: float = 5.0,
) -> AsyncIterator[Kit]:
    """Run a gateway port whose own keys are ``key_id`` and ``secret``."""
    store = await Store.open(folder / "ledger.sqlite3")
    facts = await FactLog.open(store)
    keys, books = KeyStore(store), Books()
    directory = AlgoDirectory(keys, SessionJournal(facts), NoPrograms())
    forwarder = Forwarder(Credentials(key_id, Secret(secret), trading_url), data_url, timeout_s, stall_s)
    forwarder.start()
    budget = Budget(per_minute, time.monotonic)
    passthrough = Passthrough(Access(keys, key_id, Secret(secret)), directory, forwarder, budget, books)
    passthrough.submissions = Submissions(forwarder, books, budget, look_up_after_s=(0.0, 0.01))
    app = web.Application(middlewares=[BrowserGuard().middleware])
    app.router.add_route("*", "/{path:.*}", passthrough.handle)
    server = TestServer(app)
    await server.start_server()
    try:
        async with aiohttp.ClientSession() as http:
            url = str(server.make_url("/")).rstrip("/")
            yield Kit(url, http, passthrough, directory, budget, keys, books)
    finally:
        await server.close()
        await forwarder.aclose()
        await directory.aclose()
        await facts.aclose()
        await store.aclose()
