"""A raw WebSocket client: says exactly what a test tells it to, and shows exactly what came."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import websockets

from plugtui.sim.server import SimAccount, SimSettings, Simulator

PATIENCE_S = 20.0


class RawClient:
    """One connection to a data stream, in JSON or MessagePack."""

    def __init__(self, ws: Any, msgpack: bool) -> None:
        self.ws = ws
        self.msgpack = msgpack

    async def send(self, request: dict[str, Any]) -> None:
        await self.ws.send(msgspec.msgpack.encode(request) if self.msgpack else json.dumps(request))

    async def receive(self) -> list[dict[str, Any]]:
        """Return the next WebSocket message, decoded."""
        data = await asyncio.wait_for(self.ws.recv(), PATIENCE_S)
        assert isinstance(data, bytes) is self.msgpack
        return msgspec.msgpack.decode(data) if self.msgpack else json.loads(data)

    async def control(self) -> dict[str, Any]:
        """Return the next control message, skipping data."""
        while True:
            messages = await self.receive()
            if messages[0]["T"] in ("success", "error", "subscription"):
                assert len(messages) == 1
                return messages[0]

    async def data(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the first data message that fits."""
        while True:
            for message in await self.receive():
                if wanted(message):
                    return message

    async def auth(self, account: SimAccount) -> dict[str, Any]:
        await self.send({"action": "auth", "key": account.key_id, "secret": account.secret.reveal()})
        return await self.control()

    async def subscribe(self, **channels: list[str]) -> dict[str, Any]:
        await self.send({"action": "subscribe", **channels})
        return await self.control()

    async def closed(self) -> int:
        """Wait for the end of the connection; return the close code."""
        try:
            while True:
                await asyncio.wait_for(self.ws.recv(), PATIENCE_S)
        except websockets.ConnectionClosed:
            return int(self.ws.close_code)


@asynccontextmanager
async def simulator(*faults: str, rate: float = 2000.0, **options: Any) -> AsyncIterator[Simulator]:
    """Run a simulator with fault knobs set."""
    settings = SimSettings(rate=rate, **options)
    for assignment in faults:
        settings.faults.set_text(assignment)
    async with Simulator(settings) as running:
        yield running


@asynccontextmanager
async def connected(
    sim: Simulator, path: str = "/v2/iex", msgpack: bool = False, headers: dict[str, str] | None = None, **options: Any
) -> AsyncIterator[RawClient]:
    """Connect and read the welcome."""
    extra = dict(headers or {})
    if msgpack:
        extra["Content-Type"] = "application/msgpack"
    url = sim.url.replace("http", "ws") + path
    async with websockets.connect(
        url, extra_headers=extra, **{"ping_interval": None, "max_size": None} | options
    ) as ws:
        client = RawClient(ws, msgpack)
        assert await client.receive() == [{"T": "success", "msg": "connected"}]
        yield client


@asynccontextmanager
async def logged_in(
    sim: Simulator, path: str = "/v2/iex", msgpack: bool = False, **options: Any
) -> AsyncIterator[RawClient]:
    """Connect and log in as ``demo``."""
    async with connected(sim, path, msgpack, **options) as client:
        assert await client.auth(sim.account("demo")) == {"T": "success", "msg": "authenticated"}
        yield client
