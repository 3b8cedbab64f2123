"""What Alpaca.Markets for C# does on the wire, done by a raw client: path `/`, no header, JSON in binary frames (§5.3)."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import websockets

from plugtui.wire.times import rfc3339_to_ns
from tests.support import eventually
from tests.world import World, world


class Client:
    """Writes as the SDK's pipe does, and keeps every message that comes."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.messages: list[dict[str, Any]] = []

    async def write(self, *requests: dict[str, Any]) -> None:
        """Send requests as one binary message: written back to back, they are merged."""
        await self.socket.send(b"".join(json.dumps(request).encode() for request in requests))

    async def write_in_pieces(self, request: dict[str, Any], size: int) -> None:
        """Send a request as a message of several fragments."""
        data = json.dumps(request).encode()
        await self.socket.send([data[start : start + size] for start in range(0, len(data), size)])

    async def control(self) -> dict[str, Any]:
        """Return the next control message; data that comes before is kept."""
        while True:
            value = json.loads(await asyncio.wait_for(self.socket.recv(), 20))
            if isinstance(value, dict) or value[0]["T"] in ("success", "error", "subscription"):
                return dict(value if isinstance(value, dict) else value[0])
            self.messages += value

    async def data(self, count: int) -> list[dict[str, Any]]:
        """Return all data messages so far, at least ``count``."""
        while len(self.messages) < count:
            self.messages += json.loads(await asyncio.wait_for(self.socket.recv(), 20))
        return self.messages


@contextlib.asynccontextmanager
async def connected(running: World, path: str = "/") -> AsyncIterator[Client]:
    async with websockets.connect(running.ws_url + path, compression=None, ping_interval=None) as socket:
        yield Client(socket)


async def logged_in(running: World, client: Client) -> None:
    assert await client.control() == {"T": "success", "msg": "connected"}
    await client.write({"action": "auth", "key": running.key_id, "secret": running.secret})
    assert await client.control() == {"T": "success", "msg": "authenticated"}


async def test_the_bare_address_serves_the_stock_feed_and_takes_merged_requests_apart(tmp_path: Path) -> None:
    async with world(tmp_path) as running, connected(running) as client:
        await logged_in(running, client)
        await client.write({"action": "subscribe", "trades": ["AAPL"]}, {"action": "subscribe", "quotes": ["MSFT"]})
        first, second = await client.control(), await client.control()
        assert (first["trades"], first["quotes"]) == (["AAPL"], [])
        assert (second["trades"], second["quotes"]) == (["AAPL"], ["MSFT"])
        received = await client.data(20)
        sent = [*running.messages("AAPL", "trades"), *running.messages("MSFT", "quotes")]
        assert all({**message, "t": rfc3339_to_ns(message["t"])} in sent for message in received)
        assert {message["S"] for message in received} <= {"AAPL", "MSFT"}


async def test_a_request_may_come_in_many_fragments_and_be_taken_back(tmp_path: Path) -> None:
    async with world(tmp_path) as running:
        async with connected(running) as client:
            await logged_in(running, client)
            symbols = ["AAPL", "MSFT", "NVDA", "TSLA"]
            await client.write_in_pieces({"action": "subscribe", "quotes": symbols}, 7)
            assert (await client.control())["quotes"] == symbols
            await client.data(5)
            await client.write({"action": "unsubscribe", "quotes": symbols})
            assert (await client.control())["quotes"] == []
        assert client.socket.close_code == 1000
        await eventually(lambda: not any(algo.connections for algo in running.engine.algos()))


async def test_the_account_stream_reads_json_in_binary_frames_too(tmp_path: Path) -> None:
    async with world(tmp_path) as running, connected(running, "/stream") as client:
        keys = {"key_id": running.key_id, "secret_key": running.secret}
        await client.write({"action": "authenticate", "data": keys})
        authorized = await client.control()
        assert (authorized["stream"], authorized["data"]["status"]) == ("authorization", "authorized")
        await client.write({"action": "listen", "data": {"streams": ["trade_updates"]}})
        assert await client.control() == {"stream": "listening", "data": {"streams": ["trade_updates"]}}
