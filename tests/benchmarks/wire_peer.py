"""Both ends of a stream for the benchmarks, as cheap as can be, so that what is measured is what lies between them.

:class:`Feeder` is a server that sends frames made beforehand; :class:`CountingClient` is a client that reads nothing
but frame headers and, when asked, times.
"""

import asyncio
import os
import struct
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from plugtui.engine.clients.client_socket import accept
from plugtui.wire.channels import Family
from plugtui.wire.codec import Codec, encode
from plugtui.wire.marketdata import (
    AUTHENTICATED,
    CONNECTED,
    Authenticate,
    MarketDataSession,
    Subscribe,
    Subscriptions,
    auth_request,
    control,
)
from plugtui.wire.messages import StockTrade
from plugtui.wire.times import Timestamp
from plugtui.wire.websocket import BINARY, server_frame

PER_FRAME = 50
FRAMES = 400
_MOST_WAITING = 256 * 1024


def symbols(count: int) -> list[str]:
    """Return ``count`` well-formed symbols."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return [f"S{letters[n // 26]}{letters[n % 26]}" for n in range(count)]


def trade(symbol: str, number: int, ns: int) -> StockTrade:
    """Return a trade like those of a busy feed."""
    return StockTrade(S=symbol, i=number, x="V", p=126.55, s=100, c=["@", "I"], z="C", t=Timestamp(ns))


class Feeder:
    """Send ``total`` trades over ``names`` to whoever subscribes, once ``ready`` is set.

    Args:
        rate: messages a second; 0: as fast as ``may_send`` allows.
        may_send: tells how many messages may be sent now, so that no client ever falls behind and is cut.
    """

    def __init__(self, names: list[str], total: int, rate: float, may_send: Callable[[int], int]) -> None:
        self.names = names
        self.total = total
        self.rate = rate
        self.may_send = may_send
        self.ready = asyncio.Event()
        self.sent = 0

    async def serve(self, port: int = 0) -> int:
        """Listen on this machine and return the port."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self._session)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        """Free the port."""
        await self._runner.cleanup()

    async def _session(self, request: web.Request) -> web.StreamResponse:
        response = await accept(request)
        transport = request.transport
        assert transport is not None
        session, held = MarketDataSession(Family.STOCK, Codec.MSGPACK), Subscriptions(Family.STOCK)

        def say(message: dict[str, object]) -> None:
            transport.write(server_frame(control(Codec.MSGPACK, message), BINARY))

        say(CONNECTED)
        sender: asyncio.Task[None] | None = None
        async for message in response:
            for command in session.receive(message.data):
                if isinstance(command, Authenticate):
                    session.authenticated = True
                    say(AUTHENTICATED)
                elif isinstance(command, Subscribe):
                    held.add(command.pairs)
                    say(held.ack())
                    if sender is None:
                        sender = asyncio.get_running_loop().create_task(self._send(transport))
        if sender:
            sender.cancel()
        return response

    async def _send(self, transport: asyncio.Transport) -> None:
        await self.ready.wait()
        if self.rate:
            await self._send_paced(transport)
            return
        frames = [
            server_frame(
                encode(
                    Codec.MSGPACK,
                    [
                        trade(self.names[(k * 37 + j * 7) % len(self.names)], k * PER_FRAME + j, k)
                        for j in range(PER_FRAME)
                    ],
                ),
                BINARY,
            )
            for k in range(FRAMES)
        ]
        while self.sent < self.total:
            if transport.get_write_buffer_size() > _MOST_WAITING or self.may_send(self.sent) < 4 * PER_FRAME:
                await asyncio.sleep(0)
                continue
            transport.write(b"".join(frames[(self.sent // PER_FRAME + n) % FRAMES] for n in range(4)))
            self.sent += 4 * PER_FRAME

    async def _send_paced(self, transport: asyncio.Transport) -> None:
        begin = time.monotonic()
        while self.sent < self.total:
            due = int((time.monotonic() - begin) * self.rate)
            while self.sent < min(due, self.total):
                message = trade(self.names[self.sent % len(self.names)], self.sent, time.time_ns())
                transport.write(server_frame(encode(Codec.MSGPACK, [message]), BINARY))
                self.sent += 1
            await asyncio.sleep(0.0005)


def client_frame(payload: bytes) -> bytes:
    """Return a masked frame (with a mask of zeros, which leaves the payload as it is)."""
    size = len(payload)
    head = bytes((0x82, 0x80 | size)) if size < 126 else struct.pack(">BBH", 0x82, 0xFE, size)
    return head + b"\0\0\0\0" + payload


class _Trade(msgspec.Struct):
    t: msgspec.msgpack.Ext


class CountingClient(asyncio.Protocol):
    """Count messages; with ``timed`` also read when each was sent."""

    def __init__(self, path: str, key: tuple[str, str], names: list[str], timed: bool) -> None:
        self.path = path
        self.key = key
        self.names = names
        self.timed = timed
        self.messages = 0
        self.lags_ms: list[float] = []
        self.subscribed = asyncio.Event()
        self.closed = asyncio.Event()
        self.last_at = 0.0
        self._buffer = b""
        self._upgraded = False
        self._times = msgspec.msgpack.Decoder(list[_Trade])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        host = transport.get_extra_info("peername")
        transport.write(
            f"GET {self.path} HTTP/1.1\r\nHost: {host[0]}:{host[1]}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
            "Content-Type: application/msgpack\r\n\r\n".encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        if not self._upgraded:
            head, found, buffer = buffer.partition(b"\r\n\r\n")
            if not found:
                self._buffer = head
                return
            assert b" 101 " in head.split(b"\r\n")[0], head
            self._upgraded = True
        self._buffer = self._frames(buffer)

    def _frames(self, buffer: bytes) -> bytes:
        at, end = 0, len(buffer)
        while end - at >= 10 or (end - at >= 2 and buffer[at + 1] < 126 and end - at >= 2 + buffer[at + 1]):
            size, start = buffer[at + 1], at + 2
            if size == 126:
                size, start = int.from_bytes(buffer[at + 2 : at + 4], "big"), at + 4
            elif size == 127:
                size, start = int.from_bytes(buffer[at + 2 : at + 10], "big"), at + 10
            if end - start < size:
                break
            if buffer[at] & 0x0F == 2:
                self._payload(buffer, start, size)
            at = start + size
        return buffer[at:]

    def _payload(self, buffer: bytes, start: int, size: int) -> None:
        if not self.subscribed.is_set():
            self._converse(buffer[start : start + size])
            return
        lead = buffer[start]
        if lead < 0xA0:
            self.messages += lead & 0x0F
        else:
            self.messages += int.from_bytes(buffer[start + 1 : start + (3 if lead == 0xDC else 5)], "big")
        self.last_at = time.monotonic()
        if self.timed:
            now = time.time_ns()
            for item in self._times.decode(buffer[start : start + size]):
                nanos, seconds = divmod(int.from_bytes(item.t.data, "big"), 1 << 34)
                self.lags_ms.append((now - seconds * 10**9 - nanos) / 1e6)

    def _converse(self, payload: bytes) -> None:
        if payload == control(Codec.MSGPACK, CONNECTED):
            self.transport.write(client_frame(encode(Codec.MSGPACK, auth_request(*self.key))))
        elif payload == control(Codec.MSGPACK, AUTHENTICATED):
            request = {"action": "subscribe", "trades": self.names}
            self.transport.write(client_frame(encode(Codec.MSGPACK, request)))
        else:
            self.subscribed.set()


async def connect(url: str, key: tuple[str, str], names: list[str], timed: bool) -> CountingClient:
    """Connect a client to ``/v2/iex`` of ``url`` and wait until it is subscribed."""
    parts = urlsplit(url)
    _, client = await asyncio.get_running_loop().create_connection(
        lambda: CountingClient("/v2/iex", key, names, timed), parts.hostname, parts.port
    )
    async with asyncio.timeout(20):
        await client.subscribed.wait()
    return client


def quiet_environment(**extra: str) -> dict[str, str]:
    """Return an environment without the user's own Alpaca settings."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("APCA_", "PLUGTUI_"))} | extra
