"""The stage itself: exchange, engine and programs on one virtual loop, and what happens on it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from plugtui.brokers.alpaca import AlpacaBroker
from plugtui.brokers.port import Broker, Credentials
from plugtui.config import GatewaySettings, Settings, UpstreamSettings
from plugtui.control.client import ControlClient
from plugtui.demo.stage import cast, jobs
from plugtui.demo.stage.database import open_store
from plugtui.demo.stage.http import LoopAdapter
from plugtui.demo.stage.loop import NS, VirtualLoop
from plugtui.demo.stage.network import Address
from plugtui.engine.clients.programs import UNKNOWN, Program, Programs
from plugtui.engine.engine import Engine
from plugtui.engine.outside import Outside
from plugtui.errors import PlugtuiError
from plugtui.paths import Paths
from plugtui.sim.server import SimAccount, SimSettings, Simulator
from plugtui.tasks import Tasks

START_NS = int(datetime(2026, 3, 10, 14, 31, 7, tzinfo=UTC).timestamp()) * NS
"""A Tuesday, 10:31:07 in New York."""
TRADERS = ("northstar", "riverbend")
RATE = 600.0
EXCHANGE_PORT = 8790
GATEWAY_PORT = 8765
_ENGINE_PID = 4096


class Wires:
    """How long data takes: some milliseconds to the exchange, next to nothing within one machine."""

    def __init__(self, seed: int) -> None:
        self._random = Random(f"{seed}:wires")
        self.frozen = False
        """Nothing takes any time: what is asked now is answered now."""

    def delay_s(self, address: Address) -> float:
        """Return the seconds that the next piece takes to or from a server."""
        if self.frozen or address[1] != EXCHANGE_PORT:
            return 0.0
        return 0.003 + self._random.expovariate(1 / 0.0025)


class Stage:
    """Exchange, engine and programs. Use as an async context manager on a :class:`VirtualLoop`.

    Args:
        seed: everything follows from it.
        home: an empty directory; little is written there.
        wires: those of the loop.
    """

    def __init__(self, seed: int, home: Path, wires: Wires) -> None:
        self.control: ControlClient
        """Connected to the engine; gets all states."""
        self._seed = seed
        self._wires = wires
        loop = asyncio.get_running_loop()
        if not isinstance(loop, VirtualLoop):
            raise TypeError("the stage needs a virtual loop")
        self._loop = loop
        self._paths = Paths("demo", {"PLUGTUI_HOME": str(home)}).ensure()
        self._stack = AsyncExitStack()
        self._tasks = Tasks(self._failed)
        self._problems: list[str] = []
        self._adapters: list[LoopAdapter] = []

    # ------------------------------------------------------------ life

    async def __aenter__(self) -> "Stage":
        try:
            await self._open()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _open(self) -> None:
        loop = self._loop
        # SDKs that wait before they try again do so in a worker thread; aiohttp's client looks at the real clock to tell
        # whether a connection has been idle for too long.
        self._stack.enter_context(patch("time.sleep", jobs.sleep))
        self._stack.enter_context(patch("aiohttp.connector.monotonic", loop.time))
        settings = SimSettings(
            port=EXCHANGE_PORT,
            seed=self._seed,
            rate=RATE,
            hours="nyse",
            start_ns=loop.now_ns(),
            ticks=loop.ticks_ns,
        )
        settings.faults.linger_s = 0.0
        settings.faults.fill_latency_ms = (12.0, 30.0)
        settings.faults.halted = "COIN"
        self._exchange = await self._stack.enter_async_context(Simulator(settings))
        self._stack.push_async_callback(self._close_adapters)
        self._engine = await self._start_engine()
        self._url = self._engine.info.url
        self.control = await self._stack.enter_async_context(self.client())
        await self.control.connect(states=False)
        self._stack.push_async_callback(self._tasks.aclose)

    async def _close_adapters(self) -> None:
        for adapter in self._adapters:
            await adapter.aclose()

    async def _start_engine(self) -> Engine:
        url = self._exchange.url
        upstream = UpstreamSettings(trading_url=url, data_url=url, stream_url=url.replace("http", "ws"))
        settings = Settings(profile="demo", gateway=GatewaySettings(port=GATEWAY_PORT), upstream=upstream)
        account = self._exchange.account("demo")
        outside = Outside(
            now_ns=self._loop.now_ns,
            ticks_ns=self._loop.ticks_ns,
            pid=_ENGINE_PID,
            engine_id=f"{self._seed:016x}",
            open_store=open_store,
            make_broker=self._make_broker,
            programs=lambda: Programs(self._find_programs),
        )
        return await Engine.start(
            settings,
            Credentials(account.key_id, account.secret, url),
            self._paths,
            self._stack,
            asyncio.Event(),
            outside,
        )

    def _make_broker(self, credentials: Credentials, timeout_s: float = 10.0, on_call: Any = None, /) -> Broker:
        return AlpacaBroker(credentials, timeout_s, on_call, self._make_adapter)

    def _make_adapter(self, _: float) -> LoopAdapter:
        self._adapters.append(LoopAdapter())
        return self._adapters[-1]

    def _find_programs(
        self, wanted: Iterable[tuple[Address, Address]], _: Iterable[int]
    ) -> Mapping[tuple[Address, Address], Program]:
        return {(peer, own): self._loop.network.dialler(peer) or UNKNOWN for peer, own in wanted}

    # ------------------------------------------------------------ the play

    def client(self) -> ControlClient:
        """Return another client of the control link, not connected yet."""
        return ControlClient(self._engine.info.url, self._engine.info.token)

    async def play(self, seconds: float) -> None:
        """Let everybody play for so long, then stand still; what is asked afterwards takes no time.

        Raises:
            PlugtuiError: somebody has left the stage by an error.
        """
        await self._raise_curtain(seconds)
        await asyncio.sleep(seconds)
        self._wires.frozen = True
        if self._problems:
            raise PlugtuiError(f"the play did not go as it should: {'; '.join(self._problems)}")

    def _failed(self, name: str, error: BaseException) -> None:
        self._problems.append(f"{name}: {type(error).__name__}: {error}")

    async def _raise_curtain(self, seconds: float) -> None:
        for name in TRADERS:
            account = self._exchange.account(name)
            await self.control.command(
                "traders.plug",
                name=name,
                key_id=account.key_id,
                secret_key=account.secret.reveal(),
                base_url=self._exchange.url,
                follow=True,
            )
        headers = {name: _headers(self._exchange.account(name)) for name in TRADERS}
        self._start(cast.trade(self._exchange.url, headers, self._seed), "traders")
        for name in cast.names():
            await self._cast(name)
        self._start(self._plot(seconds), "plot")

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._tasks.start(work, name)

    async def _cast(self, name: str) -> None:
        """Give a sample algorithm a key and let it begin."""
        issued = await self.control.command("algos.add", name=name)
        environ = {
            "APCA_API_KEY_ID": issued["key_id"],
            "APCA_API_SECRET_KEY": issued["secret_key"],
            **dict.fromkeys(("APCA_API_BASE_URL", "APCA_API_DATA_URL", "APCA_API_STREAM_URL"), self._url),
        }
        sample = cast.Sample(name, environ, self._seed, self._loop.time)
        self._stack.push_async_callback(sample.aclose)
        self._start(cast.playing(name, sample.run()), name)

    async def _plot(self, seconds: float) -> None:
        """Let happen what happens to a trader in a day, most of it so late that it is still on the screen at the end."""
        faults, until = self._exchange.faults, self._until(seconds)
        issued = await self.control.command("algos.add", name="breakout")
        headers = {"APCA-API-KEY-ID": issued["key_id"], "APCA-API-SECRET-KEY": issued["secret_key"]}
        await until(0.3 * seconds)
        self._start(cast.playing("breakout", cast.breakout(self._url, headers, 0.7 * seconds - 1)), "breakout")
        faults.update({"account_cut": True})
        await until(0.6 * seconds)
        faults.update({"cut": True})
        await until(seconds - 5)
        # What is missed meanwhile is fetched afterwards.
        faults.update({"account_cut": True})
        # The user's own hand, in the broker's own app: no algorithm has sent this one.
        account = self._exchange.exchange.accounts["demo"]
        order = {"symbol": "AMZN", "qty": "5", "side": "buy", "type": "market", "time_in_force": "day"}
        self._exchange.exchange.submit(account, order)

    def _until(self, seconds: float) -> Callable[[float], Awaitable[None]]:
        """Return a function that waits for a second of a play that begins now."""
        begin = self._loop.time()

        async def until(second: float) -> None:
            await asyncio.sleep(max(0.0, begin + min(second, seconds) - self._loop.time()))

        return until


def _headers(account: SimAccount) -> dict[str, str]:
    return {"APCA-API-KEY-ID": account.key_id, "APCA-API-SECRET-KEY": account.secret.reveal()}
