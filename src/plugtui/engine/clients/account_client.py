"""Local clients of the account stream: every algorithm that listens gets every order event (row G6, protocol §2)."""

import logging
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from plugtui.config import SlowClientSettings
from plugtui.engine.clients.access import Access, Identity, presented_in
from plugtui.engine.clients.algos import Algo, AlgoDirectory
from plugtui.engine.clients.client_socket import ClientSocket
from plugtui.engine.clients.data_client import how_it_left
from plugtui.wire.account import (
    TRADE_UPDATES,
    AccountSession,
    Answer,
    Authenticate,
    Command,
    Listen,
    authorized,
    listening,
    unauthorized,
)
from plugtui.wire.account import error as account_error
from plugtui.wire.codec import Codec, encode
from plugtui.wire.websocket import BINARY, TEXT, server_frame

log = logging.getLogger(__name__)


class AccountOutlets:
    """Everyone who listens to ``trade_updates``, in the order of their coming."""

    def __init__(self) -> None:
        self._listeners: dict[Codec, dict[ClientSocket, None]] = {Codec.JSON: {}, Codec.MSGPACK: {}}

    def add(self, codec: Codec, socket: ClientSocket) -> None:
        """Send events to this client from now on."""
        self._listeners[codec][socket] = None

    def remove(self, codec: Codec, socket: ClientSocket) -> None:
        """Stop sending events to this client."""
        self._listeners[codec].pop(socket, None)

    def broadcast(self, message: bytes) -> None:
        """Send one account-stream message, as it came, to all; each frame is built once.

        Args:
            message: the whole JSON object with ``stream`` and ``data``.
        """
        if self._listeners[Codec.JSON]:
            frame = server_frame(message, TEXT)
            for socket in self._listeners[Codec.JSON]:
                socket.write(frame, 1)
        if self._listeners[Codec.MSGPACK]:
            frame = server_frame(msgspec.msgpack.encode(msgspec.json.decode(message)), BINARY)
            for socket in self._listeners[Codec.MSGPACK]:
                socket.write(frame, 1)


class AccountClient:
    """Serve one connection to ``/stream`` until it ends."""

    def __init__(
        self,
        request: web.Request,
        outlets: AccountOutlets,
        access: Access,
        directory: AlgoDirectory,
        limits: SlowClientSettings,
    ) -> None:
        self.codec = Codec.from_content_type(request.headers.get("Content-Type"), Codec.JSON)
        farewell = encode(self.codec, account_error("slow client"))
        self.socket = ClientSocket(request, "account", limits, self.codec is Codec.MSGPACK, farewell)
        self.socket.describe = lambda: {stream: ["*"] for stream in sorted(self._session.streams)}
        self._request = request
        self._outlets = outlets
        self._access = access
        self._directory = directory
        self._session = AccountSession()
        self._algo: Algo | None = None

    async def serve(self, response: web.WebSocketResponse) -> None:
        """Answer requests until the client leaves; the server is silent until it is spoken to (protocol §2.1)."""
        presented = presented_in(self._request.headers)
        identity = self._access.check(presented, self._request.remote or "") if presented else None
        if identity is not None:
            await self._admit(identity)
        try:
            async for message in response:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    for command in self._session.receive(message.data):
                        await self._obey(command)
        finally:
            self._outlets.remove(self.codec, self.socket)
            if self._algo is not None:
                self._algo.detach(self.socket, self.socket.left_reason or how_it_left(response))

    async def _obey(self, command: Command) -> None:
        match command:
            case Authenticate(key_id, secret, legacy):
                identity = self._access.check_message(key_id, secret, self._request.remote or "")
                if identity is None:
                    self._say(unauthorized())
                else:
                    await self._admit(identity)
                    self._say(authorized(deprecated=legacy))
            case Listen(streams):
                self._session.streams = streams
                # The acknowledgement goes out before the first event can.
                self._say(listening(streams))
                change = self._outlets.add if TRADE_UPDATES in streams else self._outlets.remove
                change(self.codec, self.socket)
            case Answer(message):
                self._say(message)

    async def _admit(self, identity: Identity) -> None:
        if self._algo is None:
            self._algo = await self._directory.admit(identity, self._request)
            self._algo.attach(self.socket)
        self._session.authenticated = True

    def _say(self, message: dict[str, Any]) -> None:
        self.socket.send(encode(self.codec, message))
