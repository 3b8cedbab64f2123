"""A gateway on the simulator with market data only: no ledger, no REST. For tests of the streams."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import msgpack
import websockets
from aiohttp import web

from plugtui.brokers.port import Credentials
from plugtui.config import GatewaySettings, Settings, SlowClientSettings, UpstreamSettings
from plugtui.control.messages import StreamState
from plugtui.engine.clients.access import Access, BrowserGuard, Identity
from plugtui.engine.clients.account_client import AccountOutlets
from plugtui.engine.clients.gateway import Gateway
from plugtui.engine.market.upstreams import Upstreams
from plugtui.sim.server import SimSettings, Simulator
from plugtui.tasks import Tasks
from plugtui.wire.marketdata import Pair


class Events:
    """Keeps what the upstreams say."""

    def __init__(self) -> None:
        self.states: list[tuple[str, str, str]] = []
        self.gaps: list[tuple[str, str]] = []
        self.refused: list[tuple[frozenset[Pair], int]] = []

    async def stream_changed(self, state: StreamState) -> None:
        self.states.append((state.name, state.state, state.detail))

    async def stream_lost(self, name: str, from_ns: int, reason: str) -> None:
        self.gaps.append(("lost", name))

    async def stream_restored(self, name: str, to_ns: int) -> None:
        self.gaps.append(("restored", name))

    async def pairs_refused(self, name: str, pairs: frozenset[Pair], code: int) -> None:
        self.refused.append((pairs, code))


@dataclass
class _Algo:
    name: str
    left: list[str]

    def attach(self, connection: Any) -> None:
        pass

    def detach(self, connection: Any, reason: str) -> None:
        self.left.append(reason)


class Directory:
    """Lets everybody in under one name; keeps why they left."""

    def __init__(self) -> None:
        self.left: list[str] = []

    async def admit(self, identity: Identity, request: web.BaseRequest) -> Any:
        return _Algo("algo", self.left)


class _NoKeys:
    def with_id(self, key_id: str) -> None:
        return None

    with_secret = with_id


@dataclass
class Bench:
    """The simulator and a gateway on it."""

    simulator: Simulator
    gateway: Gateway
    upstreams: Upstreams
    events: Events
    directory: Directory
    keys: tuple[str, str] = field(repr=False)

    def client(self, path: str = "/v2/iex", codec: str = "json", receive_buffer_bytes: int = 0) -> "Client":
        """Return a raw client of the gateway, not connected yet."""
        return Client(self.gateway.url.replace("http", "ws") + path, self.keys, codec, receive_buffer_bytes)

    def state(self, endpoint: str = "/v2/iex") -> StreamState:
        """Return the state of one upstream."""
        return next(state for state in self.upstreams.states() if state.endpoint == endpoint)


class Client:
    """A raw WebSocket client that keeps every message."""

    def __init__(self, url: str, keys: tuple[str, str], codec: str, receive_buffer_bytes: int = 0) -> None:
        self.url = url
        self.keys = keys
        self.codec = codec
        self.receive_buffer_bytes = receive_buffer_bytes
        self.messages: list[dict[str, Any]] = []
        self.socket: Any = None
        self._tasks = Tasks()

    async def __aenter__(self) -> "Client":
        headers = {"Content-Type": f"application/{self.codec}"}
        address = urlsplit(self.url)
        raw = socket.socket()
        if self.receive_buffer_bytes:
            # What the kernel buffers on the reader's side takes long to fill: keep it small where a test waits for that.
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer_bytes)
        raw.connect((address.hostname, address.port))
        self.socket = await websockets.connect(
            self.url, sock=raw, extra_headers=headers, max_size=None, max_queue=None, close_timeout=0.5
        )
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._tasks.aclose()
        await self.socket.close()

    async def read(self) -> Any:
        """Return the next message, decoded."""
        async with asyncio.timeout(20):
            data = await self.socket.recv()
        return msgpack.unpackb(data, timestamp=3) if self.codec == "msgpack" else json.loads(data)

    async def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request and return its answer; data that comes before is kept."""
        await self.socket.send(msgpack.packb(request) if self.codec == "msgpack" else json.dumps(request))
        return await self.answer()

    async def answer(self) -> dict[str, Any]:
        """Return the next control message; data that comes before is kept."""
        while True:
            messages = await self.read()
            if messages[0]["T"] in ("success", "error", "subscription"):
                assert len(messages) == 1
                return dict(messages[0])
            self.messages += messages

    async def log_in(self) -> "Client":
        """Read the welcome and authenticate."""
        assert await self.read() == [{"T": "success", "msg": "connected"}]
        answer = await self.ask({"action": "auth", "key": self.keys[0], "secret": self.keys[1]})
        assert answer == {"T": "success", "msg": "authenticated"}, answer
        return self

    async def subscribe(self, **channels: list[str]) -> dict[str, Any]:
        """Subscribe and return the answer."""
        return await self.ask({"action": "subscribe", **channels})

    async def unsubscribe(self, **channels: list[str]) -> dict[str, Any]:
        """Unsubscribe and return the answer."""
        return await self.ask({"action": "unsubscribe", **channels})

    def collect(self) -> None:
        """Read on in the background."""
        self._tasks.start(self._collect(), "collect")

    async def _collect(self) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            async for data in self.socket:
                self.messages += msgpack.unpackb(data, timestamp=3) if self.codec == "msgpack" else json.loads(data)


@contextlib.asynccontextmanager
async def streams(
    sim: SimSettings | None = None,
    slow: SlowClientSettings | None = None,
    market_open: Callable[[], bool | None] = lambda: True,
    clock: Callable[[], int] = time.time_ns,
    **upstream: Any,
) -> AsyncIterator[Bench]:
    """Run a simulator and a gateway on it."""
    async with Simulator(sim or SimSettings(rate=400)) as simulator:
        simulator.faults.update({"linger_s": 0.0})
        account = simulator.account("demo")
        settings = Settings(
            gateway=GatewaySettings(port=0),
            upstream=UpstreamSettings(stream_url=simulator.url.replace("http", "ws"), **upstream),
            slow_client=slow or SlowClientSettings(),
        )
        credentials = Credentials(account.key_id, account.secret, simulator.url)
        events, directory, failures = Events(), Directory(), []  # type: ignore[var-annotated]
        upstreams = Upstreams(
            settings.upstream,
            credentials,
            events,
            market_open,
            lambda name, error: failures.append((name, error)),
            clock,
        )
        access = Access(_NoKeys(), account.key_id, account.secret)

        async def no_rest(request: web.Request) -> web.StreamResponse:
            return web.Response(status=418)

        gateway = Gateway(
            settings,
            access,
            directory,
            upstreams,
            AccountOutlets(),
            no_rest,
            [],
            BrowserGuard().middleware,  # type: ignore[arg-type]
        )
        await gateway.start()
        watch = asyncio.get_running_loop().create_task(gateway.watch())
        try:
            yield Bench(simulator, gateway, upstreams, events, directory, (account.key_id, account.secret.reveal()))
        finally:
            watch.cancel()
            await gateway.aclose()
            await upstreams.aclose()
        assert failures == []
