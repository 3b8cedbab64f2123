"""One local client of a market-data endpoint: Alpaca's conversation here, shared interest behind it (protocol §7)."""

import asyncio
import logging
from functools import partial

from aiohttp import WSMsgType, web

from plugtui.config import SlowClientSettings
from plugtui.engine.clients.access import Access, Identity, presented_in
from plugtui.engine.clients.algos import Algo, AlgoDirectory
from plugtui.engine.clients.client_socket import CLOSE_POLICY, ClientSocket
from plugtui.engine.market.outbox import frames_of
from plugtui.engine.market.upstream import Upstream
from plugtui.wire.codec import Codec
from plugtui.wire.marketdata import (
    AUTH_TIMEOUT_S,
    AUTHENTICATED,
    CONNECTED,
    ERRORS,
    Authenticate,
    Command,
    MarketDataSession,
    Pair,
    Refuse,
    Subscribe,
    Subscriptions,
    Unsubscribe,
    control,
    error,
)
from plugtui.wire.paths import Endpoint

log = logging.getLogger(__name__)


class DataClient:
    """Serve one connection until it ends.

    Args:
        request: the upgraded request.
        endpoint: what it asked for.
        upstream: the shared connection of that endpoint.
    """

    def __init__(
        self,
        request: web.Request,
        endpoint: Endpoint,
        upstream: Upstream,
        access: Access,
        directory: AlgoDirectory,
        limits: SlowClientSettings,
    ) -> None:
        self.codec = Codec.from_content_type(request.headers.get("Content-Type"), endpoint.default_codec)
        farewell = control(self.codec, error(407))
        self.socket = ClientSocket(request, endpoint.path, limits, self.codec is Codec.MSGPACK, farewell)
        self.socket.describe = self._describe
        family = upstream.router.family
        self._request = request
        self._upstream = upstream
        self._access = access
        self._directory = directory
        self._session = MarketDataSession(family, self.codec)
        self._subscriptions = Subscriptions(family)
        self._algo: Algo | None = None
        self._gone = False

    async def serve(self, response: web.WebSocketResponse) -> None:
        """Welcome the client and answer its requests, in their order, until it leaves."""
        self._say(CONNECTED)
        presented = presented_in(self._request.headers)
        if presented is not None:
            await self._admit(self._access.check(presented, self._request.remote or ""))
        deadline = asyncio.get_running_loop().call_later(AUTH_TIMEOUT_S, self._time_out)
        try:
            async for message in response:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    for command in self._session.receive(message.data):
                        await self._obey(command)
        finally:
            deadline.cancel()
            self._leave(response)

    # ---------------------------------------------------------------- requests

    async def _obey(self, command: Command) -> None:
        match command:
            case Authenticate(key_id, secret):
                await self._admit(self._access.check_message(key_id, secret, self._request.remote or ""))
            case Subscribe(pairs):
                await self._subscribe(pairs)
            case Unsubscribe(pairs):
                self._unsubscribe(pairs)
            case Refuse(code):
                self._say(error(code))

    async def _admit(self, identity: Identity | None) -> None:
        if identity is None:
            self._say(error(402))
            return
        self._algo = await self._directory.admit(identity, self._request)
        self._session.authenticated = True
        self._algo.attach(self.socket)
        self._say(AUTHENTICATED)

    async def _subscribe(self, pairs: frozenset[Pair]) -> None:
        new = pairs - self._subscriptions.pairs
        if not new:
            self._acknowledge()
            return
        answered = asyncio.Event()
        self._upstream.hold(new, partial(self._subscribed, new, answered))
        await answered.wait()

    def _subscribed(self, new: frozenset[Pair], answered: asyncio.Event, code: int) -> None:
        """Acknowledge in the same turn in which the server did, so that no data can come first."""
        answered.set()
        if self._gone or code:
            self._upstream.release(new, refused=bool(code))
            if code:
                self._say(error(code if code in ERRORS else 500))
            return
        self._subscriptions.add(new)
        router = self._upstream.router
        router.set_interest(self.socket, self.codec, self._subscriptions.pairs)
        self._acknowledge()
        books = router.book_snapshots(new, self.codec)
        if books:
            self.socket.write(frames_of(self.codec, list(books)), len(books))

    def _unsubscribe(self, pairs: frozenset[Pair]) -> None:
        gone = pairs & self._subscriptions.pairs
        if gone:
            self._subscriptions.remove(gone)
            self._upstream.router.set_interest(self.socket, self.codec, self._subscriptions.pairs)
            self._upstream.release(gone)
        self._acknowledge()

    # ---------------------------------------------------------------- the rest

    def _acknowledge(self) -> None:
        self._say(self._subscriptions.ack())

    def _say(self, message: dict[str, object]) -> None:
        self.socket.send(control(self.codec, message))

    def _time_out(self) -> None:
        if not self._session.authenticated:
            self._say(error(404))
            self.socket.close(CLOSE_POLICY, "auth timeout")

    def _describe(self) -> dict[str, list[str]]:
        channels = {channel for channel, _ in self._subscriptions.pairs}
        return {channel: self._subscriptions.symbols(channel) for channel in sorted(channels)}

    def _leave(self, response: web.WebSocketResponse) -> None:
        self._gone = True
        self._upstream.router.leave(self.socket)
        self._upstream.release(self._subscriptions.pairs)
        if self._algo is not None:
            self._algo.detach(self.socket, self.socket.left_reason or how_it_left(response))


def how_it_left(response: web.WebSocketResponse) -> str:
    """Return ``closed`` for a client that said goodbye with a close frame, else ``vanished``."""
    return "vanished" if response.close_code in (None, 1006) else "closed"
