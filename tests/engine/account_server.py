"""A small stand-in for the account stream, with the misbehaviour that these tests need."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

Script = Callable[["AccountServer", web.WebSocketResponse], Awaitable[None]]


class AccountServer:
    """Answer ``/stream`` as Alpaca does; ``refusals`` are HTTP statuses for the next upgrades."""

    def __init__(self) -> None:
        self.refusals: list[int] = []
        self.headers: dict[str, str] = {}
        self.accept_forms = {"auth", "authenticate"}
        self.accept_keys = True
        self.occupied = 0
        """How many logins are still to be refused because another session holds the slot."""
        self.open = 0
        self.most_open = 0
        self.upgrades = 0
        self.requests: list[dict[str, Any]] = []
        self.closes: list[int | None] = []
        self.sockets: list[web.WebSocketResponse] = []
        self.listening = 0
        self.mute = False
        app = web.Application()
        app.router.add_get("/stream", self._handle)
        self.server = TestServer(app)

    @property
    def url(self) -> str:
        """Return the WebSocket address."""
        return str(self.server.make_url("/stream")).replace("http", "ws", 1)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.upgrades += 1
        if self.refusals:
            return web.Response(status=self.refusals.pop(0), headers=self.headers)
        socket = web.WebSocketResponse(autoping=not self.mute)
        await socket.prepare(request)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        self.sockets.append(socket)
        try:
            async for message in socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    await self._answer(socket, json.loads(message.data))
        finally:
            self.open -= 1
            self.closes.append(socket.close_code)
            self.sockets.remove(socket)
        return socket

    async def _answer(self, socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        self.requests.append(request)
        action = request["action"]
        if action == "listen":
            self.listening += 1
            await self.say(socket, {"stream": "listening", "data": request["data"]})
        elif self.occupied:
            self.occupied -= 1
            await self.say(socket, {"action": "error", "data": {"error_message": "connection limit exceeded"}})
        elif action not in self.accept_forms:
            await self.say(socket, {"action": "error", "data": {"error_message": "invalid action"}})
        elif self.accept_keys:
            await self.say(
                socket, {"stream": "authorization", "data": {"action": "authenticate", "status": "authorized"}}
            )
        else:
            text = "access key verification failed"
            data = {"action": "authenticate", "message": text, "status": "unauthorized"}
            await self.say(socket, {"stream": "authorization", "data": data})

    async def say(self, socket: web.WebSocketResponse, message: dict[str, Any]) -> None:
        """Send one message in a binary frame, as the paper host does."""
        await socket.send_bytes(json.dumps(message).encode())

    async def publish(self, data: dict[str, Any]) -> None:
        """Send an order event to all who are connected."""
        for socket in list(self.sockets):
            await self.say(socket, {"stream": "trade_updates", "data": data})

    def cut(self) -> None:
        """Reset all connections without a close frame."""
        for socket in list(self.sockets):
            transport = socket._req.transport if socket._req else None
            if transport is not None:
                transport.abort()
