"""The market-data streams of the simulator: login, subscriptions, delivery and faults (protocol §1)."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Iterable

from aiohttp import WSMsgType, web

from plugtui.sim.credentials import header_credentials
from plugtui.sim.data_session import DataSession
from plugtui.sim.events import Event
from plugtui.sim.faults import Faults
from plugtui.sim.frames import GuardedWebSocket
from plugtui.sim.market import Market
from plugtui.sim.sessions import SessionRegistry
from plugtui.tasks import Tasks
from plugtui.wire.channels import ANY, ORDERBOOKS, QUOTES, TRADES, Family
from plugtui.wire.codec import Codec
from plugtui.wire.marketdata import (
    AUTHENTICATED,
    CONNECTED,
    Authenticate,
    Command,
    MarketDataSession,
    Pair,
    Refuse,
    Subscribe,
    Unsubscribe,
    error,
)
from plugtui.wire.paths import Endpoint, resolve

log = logging.getLogger(__name__)

SERVED = frozenset({"/v2/iex", "/v2/sip", "/v2/test", "/v1beta3/crypto/us", "/v1beta2/crypto"})
"""Paths that the simulator answers; all others are refused with 404 as in production."""

Identify = Callable[[str, str], str | None]
"""From key id and secret (or ``oauth`` and a token) to the account's name."""

_ATTEMPT_WINDOW_S = 10.0
_GARBAGE = {Codec.MSGPACK: b"\xc1\x93garbage", Codec.JSON: b'[{"T":garbage'}


class DataStreams:
    """Serve the market to WebSocket clients.

    Args:
        market: where messages and whole order books come from.
        faults: the knobs.
        identify: who belongs to a key pair.
        now_ns: the simulated time.
    """

    def __init__(self, market: Market, faults: Faults, identify: Identify, now_ns: Callable[[], int]) -> None:
        self.registry = SessionRegistry()
        self._market = market
        self._faults = faults
        self._identify = identify
        self._now_ns = now_ns
        self._sessions: dict[DataSession, None] = {}
        """In the order of their coming."""
        self._routes: dict[tuple[Family, str, str], list[DataSession]] = {}
        self._attempts: deque[float] = deque()
        self._tasks = Tasks()
        faults.on_change("cut", self.cut)
        faults.on_change("garbage", self._send_garbage)
        faults.on_change("internal_error", self._fail)
        faults.on_change("half_open", self._freeze)

    # ------------------------------------------------------------ HTTP

    @staticmethod
    def endpoint(path: str) -> Endpoint | None:
        """Return the endpoint of a requested path, or None when production would not know it either."""
        found = resolve(path)
        canonical = "/" + "/".join(part for part in path.split("/") if part)
        return found if found and found.path == canonical and canonical in SERVED else None

    async def handle(self, request: web.Request, endpoint: Endpoint) -> web.StreamResponse:
        """Upgrade a request and run its session to the end."""
        if self._too_many_attempts():
            self.registry.count(endpoint.path).rejected += 1
            return web.Response(status=429, text="too many requests")
        ws = GuardedWebSocket(self._faults.max_frame_bytes)
        await ws.prepare(request)
        codec = Codec.from_content_type(request.headers.get("Content-Type"), endpoint.default_codec)
        session = DataSession(ws, request, endpoint, codec, self._faults)
        self._sessions[session] = None
        self.registry.opened(endpoint.path)
        writer = self._tasks.start(_quietly(session), f"data session {session.id}")
        try:
            if self._faults.half_open:
                self._set_frozen(session, True)
            await self._converse(ws, request, session)
        finally:
            writer.cancel()
            self._forget(session)
        return ws

    def _too_many_attempts(self) -> bool:
        now = asyncio.get_running_loop().time()
        self._attempts.append(now)
        while self._attempts[0] < now - _ATTEMPT_WINDOW_S:
            self._attempts.popleft()
        limit = self._faults.upgrade_attempts
        return self._faults.active("upgrade_429_s") or 0 < limit < len(self._attempts)

    async def _converse(self, ws: web.WebSocketResponse, request: web.Request, session: DataSession) -> None:
        family = session.endpoint.family
        assert family is not None
        protocol = MarketDataSession(family, session.codec)
        session.say(CONNECTED)
        deadline = asyncio.get_running_loop().time() + self._faults.auth_timeout_s
        if credentials := header_credentials(request.headers.get):
            self._login(session, protocol, *credentials)
        while True:
            try:
                message = await ws.receive(
                    None if protocol.authenticated else max(0.001, deadline - asyncio.get_running_loop().time())
                )
            except TimeoutError:
                if not protocol.authenticated:
                    session.end(404, "auth timeout")
                    protocol.authenticated = True  # the farewell runs; nothing more to time out
                continue
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                if not session.ended:
                    for command in protocol.receive(message.data):
                        self._obey(session, protocol, command)
                continue
            if message.type is WSMsgType.CLOSE:
                session.ended = session.ended or "closed by the client"
            elif not session.ended:
                session.broken = ws.close_code != 1009
                session.ended = "connection lost" if session.broken else "frame too big"
            return

    # ------------------------------------------------------------ requests

    def _obey(self, session: DataSession, protocol: MarketDataSession, command: Command) -> None:
        match command:
            case Authenticate(key_id, secret):
                self._login(session, protocol, key_id, secret)
            case Subscribe(pairs):
                self._subscribe(session, pairs)
            case Unsubscribe(pairs):
                session.subscriptions.remove(pairs)
                self._routes.clear()
                self._acknowledge(session)
            case Refuse(code):
                session.say(error(code))

    def _login(self, session: DataSession, protocol: MarketDataSession, key_id: str, secret: str) -> None:
        code = self._refusal(session, key_id, secret)
        if code:
            session.say(error(code))
            return
        protocol.authenticated = True
        session.say(AUTHENTICATED)
        log.info("data session %d: %s logged in on %s", session.id, session.account, session.endpoint.path)

    def _refusal(self, session: DataSession, key_id: str, secret: str) -> int:
        """Return why a login is refused, 0 when it is not."""
        path = session.endpoint.path
        if self._faults.active("refuse_406_s"):
            self.registry.count(path).refused += 1
            return 406
        account = self._identify(key_id, secret)
        if account is None:
            return 402
        if self._faults.scope_missing and key_id == "oauth":
            return 411
        if self._faults.plan == "free" and path == "/v2/sip":
            return 409
        if not self.registry.claim(account, path, self._faults.linger_s):
            return 406
        session.account = account
        return 0

    def _subscribe(self, session: DataSession, pairs: frozenset[Pair]) -> None:
        wanted = session.subscriptions.pairs | pairs
        if self._faults.symbol_limit:
            counted = [symbol for channel, symbol in wanted if channel in (TRADES, QUOTES)]
            if len(counted) > self._faults.symbol_limit or ANY in counted:
                session.say(error(405))
                return
        fresh = pairs - session.subscriptions.pairs
        session.subscriptions.add(pairs)
        self._routes.clear()
        self._acknowledge(session)
        self._send_books(session, fresh)

    def _acknowledge(self, session: DataSession) -> None:
        omit = self._faults.omit_empty_acks and session.codec is Codec.MSGPACK
        session.say(session.subscriptions.ack(omit_empty=omit))

    def _send_books(self, session: DataSession, fresh: Iterable[Pair]) -> None:
        """Begin each order book with the whole of it (protocol §1.10)."""
        symbols = {symbol for channel, symbol in fresh if channel == ORDERBOOKS}
        if ANY in symbols:
            symbols = set(self._market.symbols(Family.CRYPTO))
        for symbol in sorted(symbols):
            if book := self._market.book(symbol, self._now_ns()):
                session.push(Event(Family.CRYPTO, ORDERBOOKS, symbol, book))
        session.flush()

    # ------------------------------------------------------------ delivery

    def publish(self, events: Iterable[Event]) -> None:
        """Hand messages to every session that wants them."""
        if self._faults.mute or not self._sessions:
            return
        routes = self._routes
        for event in events:
            address = (event.family, event.channel, event.symbol)
            targets = routes.get(address)
            if targets is None:
                targets = routes[address] = self._targets(*address)
            for session in targets:
                session.push(event)
        for session in self._sessions:
            session.flush()

    def _targets(self, family: Family, channel: str, symbol: str) -> list[DataSession]:
        return [
            session
            for session in self._sessions
            if session.endpoint.family is family and session.subscriptions.wants(channel, symbol)
        ]

    # ------------------------------------------------------------ faults and the end

    def cut(self) -> None:
        """Abort every session without a close frame."""
        for session in list(self._sessions):
            session.cut()
            self._forget(session)

    def _send_garbage(self) -> None:
        for session in self._sessions:
            session.say_raw(_GARBAGE[session.codec])

    def _fail(self) -> None:
        for session in self._sessions:
            session.end(500, "internal error")

    def _freeze(self) -> None:
        for session in self._sessions:
            self._set_frozen(session, self._faults.half_open)

    def _set_frozen(self, session: DataSession, frozen: bool) -> None:
        if session.frozen is frozen:
            return
        session.freeze(frozen)
        # A client that gave a frozen connection up may hold another: what it cannot close does not count as held.
        if frozen:
            self.registry.closed(session.endpoint.path)
        else:
            self.registry.count(session.endpoint.path).open += 1

    def _forget(self, session: DataSession) -> None:
        if session not in self._sessions:
            return
        del self._sessions[session]
        self._routes.clear()
        if not session.frozen:
            self.registry.closed(session.endpoint.path)
        if session.account is not None:
            self.registry.release(session.account, session.endpoint.path, session.broken)
        log.info("data session %d ended: %s", session.id, session.ended or "server stopped")

    async def aclose(self) -> None:
        """End all sessions."""
        for session in list(self._sessions):
            session.ended = "server stopped"
            session.cut("server stopped")
        await self._tasks.aclose()


async def _quietly(session: DataSession) -> None:
    # The reader notices the loss of the connection and says so; here it only ends the writing.
    with contextlib.suppress(ConnectionError, RuntimeError):
        await session.write()
