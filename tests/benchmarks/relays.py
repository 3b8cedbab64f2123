"""What the gateway is compared with: a plain relay with ``websockets.broadcast``, and one that looks at nothing.

``python -m tests.benchmarks.relays broadcast|blind FEEDER_URL`` prints its port and serves until it is ended.
"""

import asyncio
import sys
from typing import Any

import msgspec
import websockets
from aiohttp import web

from plugtui.engine.clients.client_socket import accept
from plugtui.wire.codec import Codec, decode, encode, split
from plugtui.wire.marketdata import AUTHENTICATED, CONNECTED, auth_request, control, parse_requests
from plugtui.wire.websocket import BINARY, server_frame

KEY = ("K", "S")


class _Head(msgspec.Struct):
    T: str
    S: str = ""


async def _upstream(url: str, names: list[str], take: Any) -> None:
    async with websockets.connect(
        url + "/v2/iex", max_size=None, compression=None, extra_headers={"Content-Type": "application/msgpack"}
    ) as socket:
        await socket.recv()
        await socket.send(encode(Codec.MSGPACK, auth_request(*KEY)))
        await socket.recv()
        await socket.send(encode(Codec.MSGPACK, {"action": "subscribe", "trades": names}))
        await socket.recv()
        while True:
            take(await socket.recv())


class Blind:
    """Write every upstream frame, as it came, to every client: the floor."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.transports: list[asyncio.Transport] = []
        self.pending: list[bytes] = []
        self.upstream: asyncio.Task[None] | None = None

    def take(self, data: bytes) -> None:
        if not self.pending:
            asyncio.get_running_loop().call_soon(self.flush)
        self.pending.append(server_frame(data, BINARY))

    def flush(self) -> None:
        joined = b"".join(self.pending)
        self.pending.clear()
        for transport in self.transports:
            transport.write(joined)

    async def session(self, request: web.Request) -> web.StreamResponse:
        response = await accept(request)
        transport = request.transport
        assert transport is not None
        transport.write(server_frame(control(Codec.MSGPACK, CONNECTED), BINARY))
        async for message in response:
            [asked] = parse_requests(message.data)
            if asked["action"] == "auth":
                transport.write(server_frame(control(Codec.MSGPACK, AUTHENTICATED), BINARY))
                continue
            transport.write(server_frame(control(Codec.MSGPACK, {"T": "subscription"}), BINARY))
            self.transports.append(transport)
            if self.upstream is None:
                self.upstream = asyncio.get_running_loop().create_task(_upstream(self.url, ["*"], self.take))
        return response

    async def serve(self) -> int:
        app = web.Application()
        app.router.add_get("/{path:.*}", self.session)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return int(runner.addresses[0][1])


class Broadcast:
    """Decode each frame and broadcast each message to the clients of its symbol, as a plain websockets program does."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.by_symbol: dict[str, set[Any]] = {}
        self.upstream: asyncio.Task[None] | None = None
        self.head = msgspec.msgpack.Decoder(_Head)

    def take(self, data: bytes) -> None:
        for raw in split(Codec.MSGPACK, data):
            clients = self.by_symbol.get(self.head.decode(raw).S)
            if clients:
                websockets.broadcast(clients, b"\x91" + bytes(raw))

    async def session(self, socket: Any) -> None:
        await socket.send(control(Codec.MSGPACK, CONNECTED))
        async for data in socket:
            asked = decode(Codec.MSGPACK, data)
            if asked["action"] == "auth":
                await socket.send(control(Codec.MSGPACK, AUTHENTICATED))
                continue
            await socket.send(control(Codec.MSGPACK, {"T": "subscription"}))
            for name in asked["trades"]:
                self.by_symbol.setdefault(name, set()).add(socket)
            if self.upstream is None:
                self.upstream = asyncio.get_running_loop().create_task(_upstream(self.url, ["*"], self.take))

    async def serve(self) -> int:
        server = await websockets.serve(self.session, "127.0.0.1", 0, compression=None, max_size=None)
        return int(server.sockets[0].getsockname()[1])


async def main(kind: str, url: str) -> None:
    """Serve until ended."""
    relay = Blind(url) if kind == "blind" else Broadcast(url)
    print(await relay.serve(), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2].replace("http", "ws")))
