"""A port with only the control link on it, and states that a test sets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import msgspec
from aiohttp import web
from aiohttp.test_utils import TestServer

from plugtui.control.client import ControlClient
from plugtui.control.messages import AccountState, AlgoState, EngineState, Notice, StreamState, TraderState
from plugtui.engine.control import PATH, Commands, ControlServer
from plugtui.engine.facts import FactLog
from plugtui.errors import ControlError
from plugtui.secrets import Secret
from plugtui.store.store import Store
from tests.support import cancelled_at_end

TOKEN = Secret("the-token")

ENGINE = EngineState(
    engine_id="e1",
    pid=1,
    version="0",
    profile="default",
    environment="demo",
    account_number="",
    gateway_url="http://127.0.0.1:1",
    feed="iex",
    started_ns=0,
)


@dataclass
class States:
    """The states that the engine would have."""

    of_engine: EngineState = ENGINE
    of_streams: list[StreamState] = field(default_factory=list)
    of_account: AccountState | None = None
    of_algos: list[AlgoState] = field(default_factory=list)
    of_traders: list[TraderState] = field(default_factory=list)
    taken: int = 0

    def engine(self) -> EngineState:
        self.taken += 1
        return self.of_engine

    def streams(self) -> list[StreamState]:
        return self.of_streams

    def account(self) -> AccountState | None:
        return self.of_account

    def algos(self) -> list[AlgoState]:
        return self.of_algos

    def traders(self) -> list[TraderState]:
        return self.of_traders


def account(equity: int) -> AccountState:
    money = Decimal(equity)
    return AccountState(
        equity=money, last_equity=money, cash=money, buying_power=money, day_pnl=Decimal(0), day_return=None, as_of_ns=0
    )


class Echo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of the test's command."""

    text: str
    times: int = 1
    name: str = ""


@dataclass
class Link:
    """The engine's end, and how to reach it."""

    url: str
    server: ControlServer
    states: States
    facts: FactLog
    commands: Commands
    hold: asyncio.Event

    def client(self, token: Secret = TOKEN) -> ControlClient:
        return ControlClient(self.url, token)

    async def tell(self, *texts: str) -> None:
        await self.facts.record(*(Notice(level="info", text=text) for text in texts), time_ns=1)


@contextlib.asynccontextmanager
async def control_link(folder: Path) -> AsyncIterator[Link]:
    """Serve the control link with the commands ``echo``, ``wait``, ``refuse`` and ``break``."""
    store = await Store.open(folder / "ledger.sqlite3")
    facts = await FactLog.open(store)
    states, commands, hold = States(), Commands(), asyncio.Event()

    async def echo(args: Echo) -> list[str]:
        return [args.text] * args.times

    async def wait(args: Echo) -> str:
        await hold.wait()
        return args.text

    async def refuse(args: Echo) -> None:
        raise ControlError("not now", "Try later.")

    async def fail(args: Echo) -> None:
        raise KeyError(args.text)

    for name, handler in (("echo", echo), ("wait", wait), ("refuse", refuse), ("break", fail)):
        commands.add(name, Echo, handler)
    server = ControlServer(TOKEN, states, facts, commands)
    app = web.Application()
    app.router.add_get(PATH, server.handle)
    listener = TestServer(app)
    await listener.start_server()
    try:
        async with cancelled_at_end(server.run()):
            yield Link(str(listener.make_url("/")), server, states, facts, commands, hold)
    finally:
        hold.set()
        await server.aclose()
        await listener.close()
        await facts.aclose()
        await store.aclose()
