"""The account stream ``/stream``: order events over WebSocket (protocol §2)."""

import asyncio
from collections import deque
from random import Random
from typing import Any

from aiohttp import WSMsgType, web

from plugtui.sim.accounts import Account
from plugtui.sim.credentials import header_credentials
from plugtui.sim.exchange import Exchange
from plugtui.sim.knobs import TradingFaults
from plugtui.sim.rejections import Rejection
from plugtui.sim.rest_base import refusal_response
from plugtui.tasks import Tasks
from plugtui.wire.account import (
    TRADE_UPDATES,
    AccountSession,
    Answer,
    Authenticate,
    Command,
    Listen,
    authorized,
    error,
    listening,
    trade_updates,
    unauthorized,
)
from plugtui.wire.codec import Codec, encode

PING_S = 15.0
MOST_QUEUED = 20_000
"""Messages kept for a client that does not read before it is cut."""
HELD_BACK_S = 0.25
"""How long an event that is to come late waits for one to overtake it."""
FAREWELL_S = 1.0
"""How long clients may take to answer a close frame when the server stops."""
_CLOSE: None = None


class AccountStreams:
    """Serve the account streams of all accounts.

    One session per account: a further one is refused with HTTP 429 when the upgrade carries the keys, otherwise, since the
    account is not known before, with an error object and a close after its authentication (protocol §2.6, §9). Nothing is
    replayed after a reconnect.

    Args:
        exchange: whose events are sent.
        faults: the knobs, read each time anew.
    """

    def __init__(self, exchange: Exchange, faults: TradingFaults) -> None:
        self._exchange = exchange
        self.faults = faults
        self._sessions: dict[_Session, None] = {}
        """In the order of their coming."""
        self._broken_at: dict[str, list[float]] = {}
        self._random = Random(f"{exchange.seed}:account stream")
        self.connections = 0
        """Upgrades since the start."""
        self._empty = asyncio.Event()
        self.refused = 0
        """Sessions refused because the account had one."""
        exchange.listen(self._publish)

    def add_to(self, app: web.Application) -> None:
        """Register ``/stream``, with any number of slashes around it."""
        app.router.add_get("/{before:/*}stream{after:/*}", self.handle, allow_head=False)

    def __len__(self) -> int:
        return len(self._sessions)

    def listening(self, account: str) -> int:
        """Return how many sessions of an account listen to order events."""
        return sum(s.account is not None and s.account.name == account and bool(s.streams) for s in self._sessions)

    # ------------------------------------------------------------ faults

    def cut(self) -> None:
        """End all connections without a close frame."""
        for session in list(self._sessions):
            session.abort()

    async def aclose(self) -> None:
        """Close all connections with a close frame."""
        for session in list(self._sessions):
            session.queue(_CLOSE)
        try:
            async with asyncio.timeout(FAREWELL_S if self._sessions else 0):
                await self._empty.wait()
        except TimeoutError:
            self.cut()

    # ------------------------------------------------------------ one session per account

    def _is_free(self, account: str) -> bool:
        most = self.faults.account_sessions
        linger_s, now = self.faults.account_linger_s, asyncio.get_running_loop().time()
        lingering = [at for at in self._broken_at.get(account, ()) if now < at + linger_s]
        self._broken_at[account] = lingering
        held = sum(s.account is not None and s.account.name == account and s.is_alive for s in self._sessions)
        return not most or held + len(lingering) < most

    def claim(self, session: "_Session", account: Account) -> bool:
        """Give a session its account's slot; False when it is taken."""
        if session.account is account:
            return True
        if not self._is_free(account.name):
            self.refused += 1
            return False
        session.account = account
        return True

    def authenticate(self, key_id: str, secret: str) -> Account | None:
        """Return the account of credentials."""
        return self._exchange.authenticate(key_id, secret)

    # ------------------------------------------------------------ connections and events

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection until it ends."""
        credentials = header_credentials(request.headers.get)
        account = self.authenticate(*credentials) if credentials else None
        if self.faults.account_refuse or (account is not None and not self._is_free(account.name)):
            self.refused += 1
            return refusal_response(Rejection(429, 42910000, "connection limit exceeded"))
        ws = web.WebSocketResponse(autoping=True, max_msg_size=1 << 20)
        if not ws.can_prepare(request).ok:
            return refusal_response(Rejection(400, 40010000, "expected a WebSocket upgrade"))
        await ws.prepare(request)
        codec = Codec.from_content_type(request.headers.get("Content-Type"), Codec.JSON)
        session = _Session(self, ws, request, codec)
        self._sessions[session] = None
        self._empty.clear()
        self.connections += 1
        try:
            await session.run()
        finally:
            del self._sessions[session]
            if not self._sessions:
                self._empty.set()
            if session.account is not None and session.broken:
                self._broken_at.setdefault(session.account.name, []).append(asyncio.get_running_loop().time())
        return ws

    def _publish(self, account: str, data: dict[str, Any]) -> None:
        faults = self.faults
        for session in self._sessions:
            if session.account is None or session.account.name != account or TRADE_UPDATES not in session.streams:
                continue
            if faults.account_mute:
                continue
            times = 2 if self._random.random() < faults.duplicate_events else 1
            late = self._random.random() < faults.disorder_events
            for _ in range(times):
                session.publish(trade_updates(data), late)


class _Session:
    """One connection. A writer task sends what is queued, and pings."""

    def __init__(self, streams: AccountStreams, ws: web.WebSocketResponse, request: web.Request, codec: Codec) -> None:
        self.account: Account | None = None
        self.codec = codec
        self._streams = streams
        self._ws = ws
        self._request = request
        self._wire = AccountSession()
        self._queue: deque[bytes | None] = deque()
        self._late: deque[dict[str, Any]] = deque()
        self._wake = asyncio.Event()
        self._tasks = Tasks()
        self._aborted = False

    @property
    def streams(self) -> frozenset[str]:
        """Return what the client listens to."""
        return self._wire.streams

    @property
    def is_alive(self) -> bool:
        """Tell whether the connection still exists, as far as the server knows."""
        transport = self._request.transport
        return transport is not None and not transport.is_closing()

    @property
    def broken(self) -> bool:
        """Tell whether the connection ended without a close frame."""
        return self._aborted or self._ws.close_code in (None, 1006)

    def abort(self) -> None:
        """End the TCP connection without a close frame."""
        self._aborted = True
        if self._request.transport is not None:
            self._request.transport.abort()

    # ------------------------------------------------------------ sending

    def queue(self, payload: bytes | None) -> None:
        """Send bytes, or close after what is queued."""
        if len(self._queue) >= MOST_QUEUED:
            self.abort()
            return
        self._queue.append(payload)
        self._wake.set()

    def say(self, message: dict[str, Any]) -> None:
        """Send a message."""
        self.queue(encode(self.codec, message))

    def publish(self, message: dict[str, Any], late: bool) -> None:
        """Send an order event; a late one after the next."""
        if late:
            self._late.append(message)
            asyncio.get_running_loop().call_later(HELD_BACK_S, self._release_late)
            return
        self.say(message)
        self._release_late()

    def _release_late(self) -> None:
        while self._late:
            self.say(self._late.popleft())

    async def _write(self) -> None:
        next_ping = asyncio.get_running_loop().time() + PING_S
        while not self._ws.closed:
            try:
                async with asyncio.timeout(max(0.0, next_ping - asyncio.get_running_loop().time())):
                    await self._wake.wait()
            except TimeoutError:
                next_ping = asyncio.get_running_loop().time() + PING_S
                await self._ws.ping()
            self._wake.clear()
            while self._queue:
                payload = self._queue.popleft()
                if payload is None:
                    await self._ws.close()
                    return
                binary = self.codec is Codec.MSGPACK or self._streams.faults.binary_frames
                await self._ws.send_frame(payload, WSMsgType.BINARY if binary else WSMsgType.TEXT)

    # ------------------------------------------------------------ receiving

    async def run(self) -> None:
        """Read requests until the connection ends."""
        self._tasks.start(self._write_until_gone(), "account stream writer")
        try:
            async for message in self._ws:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    for command in self._wire.receive(message.data):
                        self._obey(command)
        finally:
            await self._tasks.aclose()

    async def _write_until_gone(self) -> None:
        try:
            await self._write()
        except (ConnectionError, RuntimeError):
            # The client is gone; the reader notices and ends the session.
            self.abort()

    def _obey(self, command: Command) -> None:
        match command:
            case Answer(message):
                self.say(message)
            case Authenticate(key_id, secret, legacy):
                self._authenticate(key_id, secret, legacy)
            case Listen(streams):
                self._wire.streams = streams
                self.say(listening(streams))

    def _authenticate(self, key_id: str, secret: str, legacy: bool) -> None:
        account = self._streams.authenticate(key_id, secret)
        if account is None:
            self.say(unauthorized())
        elif not self._streams.claim(self, account):
            self.say(error("connection limit exceeded"))
            self.queue(_CLOSE)
        else:
            self._wire.authenticated = True
            self.say(authorized(deprecated=legacy))
