"""The one upstream connection of a market-data endpoint: opened when wanted, never two at a time (rows G1, G11, G12)."""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, Protocol

import msgspec
from websockets.exceptions import ConnectionClosed, InvalidStatusCode, WebSocketException
from websockets.legacy.client import Connect, WebSocketClientProtocol

from plugtui import __version__
from plugtui.brokers.port import Credentials
from plugtui.config import UpstreamSettings
from plugtui.control.messages import StreamState
from plugtui.engine.backoff import HINTS, LINGER_NS, Backoff, Trouble, trouble_of_code, trouble_of_status
from plugtui.engine.health import StreamHealth
from plugtui.engine.market.router import Router
from plugtui.engine.market.subscriptions import REFUSED, Change, Request, SubscriptionBook
from plugtui.errors import WireError, describe
from plugtui.wire.channels import ORDERBOOKS, QUOTES, TRADES, Family
from plugtui.wire.codec import Codec, encode, event_time_ns
from plugtui.wire.marketdata import ERRORS, Control, Pair, auth_request, read_control
from plugtui.wire.paths import Endpoint

log = logging.getLogger(__name__)

ANSWER_WITHIN_S = 2.0
"""A client is answered by then even if the server has not: Go gives up after 3 s (protocol §5.3)."""

_TICK_S = 0.25
_CLOSE_TIMEOUT_S = 2.0
_PING_INTERVAL_S = 10.0
_PING_TIMEOUT_S = 30.0
_FATAL_RETRY_NS = 30_000_000_000
_MAX_PATIENCE = 16
_MAX_NEWS = 1024
_UNANSWERED_NS = 30_000_000_000
"""A server that has not answered a request by then has lost it: only a new connection makes sure of what is subscribed."""
_SPEAKING = frozenset({TRADES, QUOTES, ORDERBOOKS})
_CONTENT_TYPE = {Codec.JSON: "application/json", Codec.MSGPACK: "application/msgpack"}
_REQUEST_CODES = frozenset({400, 405, 410, 412, 413})
"""Errors that answer a request; all others are about the session."""


class StreamEvents(Protocol):
    """What an upstream tells the rest of the engine. Called on the event loop; awaited, so that facts keep their order."""

    async def stream_changed(self, state: StreamState) -> None:
        """Take note of another state, or of another reason for it."""

    async def stream_lost(self, name: str, from_ns: int, reason: str) -> None:
        """Open a gap."""

    async def stream_restored(self, name: str, to_ns: int) -> None:
        """Close the gap, if there is one: an engine that was killed may have left it open."""

    async def pairs_refused(self, name: str, pairs: frozenset[Pair], code: int) -> None:
        """Say that the server no longer gives what clients hold."""


class _Failed(Exception):
    """The connection cannot be made or has ended."""

    def __init__(self, trouble: Trouble, reason: str, code: int = 0) -> None:
        super().__init__(reason)
        self.trouble = trouble
        self.reason = reason
        self.code = code


class _Unwanted(Exception):
    """Nobody wants the stream any more."""


class Upstream:
    """One endpoint's connection to Alpaca.

    Args:
        endpoint: what to connect to.
        credentials: read at each attempt.
        market_open: tells whether the stock market is open; None when unknown.
        events: told of changes.
        clock: wall time in ns, for what is shown.
        ticks: ns that only grow, for all that is waited for: the wall clock may jump (row O3).
        last_live_ns: when a connection of the engine before this one broke off: the server may still count it.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        settings: UpstreamSettings,
        credentials: Credentials,
        events: StreamEvents,
        market_open: Callable[[], bool | None],
        clock: Callable[[], int] = time.time_ns,
        ticks: Callable[[], int] = time.monotonic_ns,
        last_live_ns: int | None = None,
    ) -> None:
        if endpoint.family is None:
            raise WireError(f"{endpoint.path} is not a market-data endpoint")
        self.endpoint = endpoint
        self.codec = Codec.MSGPACK if endpoint.family is Family.OPTION else Codec(settings.codec)
        self.router = Router(endpoint.family, self.codec)
        self.health = StreamHealth(name_of(endpoint), endpoint.path, clock())
        self._settings = settings
        self._credentials = credentials
        self._events = events
        self._market_open = market_open
        self._clock = clock
        self._ticks = ticks
        self._backoff = Backoff(random.random)
        self._book = SubscriptionBook(self._refused)
        self._news: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue(_MAX_NEWS)
        self._wake = asyncio.Event()
        self._requests: asyncio.Queue[Request] = asyncio.Queue()
        self._flush_due = False
        self._fatal: _Failed | None = None
        self._failed_ticks = 0
        self._last_live_ticks = -LINGER_NS if last_live_ns is None else ticks() - max(0, clock() - last_live_ns)
        self._heard_ticks = 0
        self._gap_open = False
        self._patience = 1
        self._unanswered = False
        """The server has let a client wait in vain, and has said nothing since."""
        self._waiting_ticks = 0
        """Since when the server owes an answer."""
        self._unreadable = 0
        self._retry = asyncio.Event()

    def retry_now(self) -> None:
        """Do not wait for the next attempt any longer."""
        self._retry.set()
        if self._fatal is not None:
            self._wake.set()

    # ---------------------------------------------------------------- clients

    def hold(self, pairs: frozenset[Pair], done: Callable[[int], None]) -> None:
        """Hold pairs for a client.

        ``done`` is called exactly once, synchronously with the server's acknowledgement (so that a client can be acknowledged
        before the first data), with 0 or the code of the refusal; after two seconds without an answer with 0, and at once
        while the server is known not to answer.
        """
        if self._fatal and self._ticks() - self._failed_ticks < _FATAL_RETRY_NS:
            self._book.hold(pairs, lambda code: None)
            done(self._fatal.code or 500)
            return
        change, requests = self._book.hold(pairs, done)
        self._send(requests)
        self._wake.set()
        if self._unanswered:
            # A client's pings wait behind its requests: a burst of them must not take two seconds each (protocol §5.3).
            self._book.give_up_waiting(change)
        elif not change.settled:
            asyncio.get_running_loop().call_later(ANSWER_WITHIN_S, self._give_up_waiting, change)

    def _give_up_waiting(self, change: Change) -> None:
        if not change.settled:
            self._unanswered = True
            self._book.give_up_waiting(change)

    def release(self, pairs: Iterable[Pair], refused: bool = False) -> None:
        """Give pairs back; they stay subscribed for a while unless the server refused them."""
        self._book.release(pairs, REFUSED if refused else self._ticks())

    def state(self) -> StreamState:
        """Return what the stream is doing."""
        self.health.subscriptions = len(self._book.confirmed)
        return self.health.snapshot(self._clock())

    # ---------------------------------------------------------------- life

    async def run(self) -> None:
        """Hold the connection whenever somebody wants it; runs until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tell_news(), name=f"{self.health.name} news")
            while True:
                await self._until_wanted()
                try:
                    await self._session()
                except _Unwanted:
                    self._become("idle")
                except _Failed as failure:
                    await self._recover(failure)

    async def _until_wanted(self) -> None:
        while not self._book.held:
            self._unanswered = False
            self._become("idle")
            self._book.expire(self._ticks())
            self._wake.clear()
            await self._wake.wait()

    async def _session(self) -> None:
        """Connect, subscribe and read until the connection ends or nobody wants it. Raises _Failed or _Unwanted."""
        self._become("connecting")
        socket = await self._connect()
        try:
            await self._authenticate(socket)
            self._fatal = None
            self._backoff.up(self._ticks())
            self._requests = asyncio.Queue()
            self._unanswered = False
            self._waiting_ticks = self._ticks()
            self._send(self._book.connected())
            self._heard_ticks = self._ticks()
            self._become("live")
            self._gap_open = False
            self._tell(partial(self._events.stream_restored, self.health.name, self._clock()))
            await self._serve(socket)
        except ConnectionClosed as closed:
            raise _Failed(Trouble.NETWORK, f"connection lost ({_describe(closed)})") from closed
        finally:
            self._last_live_ticks = self._ticks() if self.health.state != "connecting" else self._last_live_ticks
            self._book.lost()
            self.router.reset()
            await _close(socket)

    async def _serve(self, socket: WebSocketClientProtocol) -> None:
        """Read, send and watch at once; the first of them that fails ends the session."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._read(socket), name=f"{self.health.name} reader")
                group.create_task(self._write(socket), name=f"{self.health.name} writer")
                group.create_task(self._watch(), name=f"{self.health.name} watch")
        except BaseExceptionGroup as problems:
            raise problems.exceptions[0] from None

    async def _connect(self) -> WebSocketClientProtocol:
        url = self._settings.stream_url.rstrip("/") + self.endpoint.path
        try:
            # Not the library's own time-out: it may lose a cancellation, and would hold up the engine's end.
            async with asyncio.timeout(self._settings.connect_timeout_s):
                return await Connect(
                    url,
                    extra_headers={"Content-Type": _CONTENT_TYPE[self.codec]},
                    user_agent_header=f"plugtui/{__version__}",
                    compression=None,
                    max_size=None,
                    open_timeout=None,
                    close_timeout=_CLOSE_TIMEOUT_S,
                    ping_interval=_PING_INTERVAL_S,
                    ping_timeout=_PING_TIMEOUT_S,
                )
        except InvalidStatusCode as refused:
            status = refused.status_code
            raise _Failed(
                trouble_of_status(status), _STATUS_TEXT.get(status, f"HTTP {status} on the upgrade")
            ) from None
        except (OSError, WebSocketException, EOFError) as problem:
            raise _Failed(Trouble.NETWORK, f"no connection: {_describe(problem)}") from problem

    async def _authenticate(self, socket: WebSocketClientProtocol) -> None:
        """Welcome, request, answer (protocol §1.4). Raises _Failed."""
        try:
            async with asyncio.timeout(self._settings.connect_timeout_s):
                await self._expect(socket, "connected")
                request = auth_request(self._credentials.key_id, self._credentials.secret.reveal())
                await socket.send(self._encoded(request))
                await self._expect(socket, "authenticated")
        except TimeoutError:
            raise _Failed(Trouble.NETWORK, "no answer to the authentication") from None
        except WireError as problem:
            raise _Failed(Trouble.NETWORK, problem.title) from problem
        except ConnectionClosed as closed:
            raise _Failed(Trouble.NETWORK, f"closed during the authentication ({_describe(closed)})") from closed

    async def _expect(self, socket: WebSocketClientProtocol, word: str) -> None:
        _, controls = self.router.feed(await socket.recv())
        for control in (read_control(self.codec, raw) for raw in controls):
            if control.T == "error":
                raise _failure(control)
            if control.msg == word:
                return
        raise _Failed(Trouble.NETWORK, f"the server did not say {word!r}")

    # ---------------------------------------------------------------- reading

    async def _read(self, socket: WebSocketClientProtocol) -> None:
        while True:
            self._take(await socket.recv())

    def _take(self, data: bytes | str) -> None:
        """Route one upstream message; what one turn of the loop brings is written in one go."""
        try:
            count, controls = self.router.feed(data)
        except WireError as problem:
            log.warning(
                "%s: a frame of %d bytes cannot be read and is left out: %s", self.health.name, len(data), problem.title
            )
            return
        if not self._flush_due:
            self._flush_due = True
            asyncio.get_running_loop().call_soon(self._flush)
        if count:
            self._note(count)
        if self.router.unreadable != self._unreadable:
            left_out, self._unreadable = self.router.unreadable - self._unreadable, self.router.unreadable
            log.warning("%s: %d messages cannot be read and are left out", self.health.name, left_out)
        for raw in controls:
            self._answer(raw)

    def _flush(self) -> None:
        self._flush_due = False
        self.router.flush()

    def _note(self, count: int) -> None:
        now = self._clock()
        self._heard_ticks = self._ticks()
        self.health.saw(now, count)
        newest = self.router.newest
        if newest is not None and self.health.wants_lag(now):
            self.router.newest = None
            event = event_time_ns(self.codec, newest)
            if event is not None:
                self.health.saw_event(now, event)

    def _answer(self, raw: msgspec.Raw) -> None:
        try:
            control = read_control(self.codec, raw)
        except WireError as problem:
            # It may have answered a request: from here on answers and requests no longer match.
            raise _Failed(Trouble.NETWORK, f"the server sent nonsense: {problem.title}") from problem
        self._unanswered = False
        self._waiting_ticks = self._ticks()
        if control.T == "subscription":
            self._send(self._book.answered())
        elif control.T == "error":
            if control.code not in _REQUEST_CODES:
                raise _failure(control)
            self._send(self._book.answered(control.code))

    # ---------------------------------------------------------------- writing

    def _send(self, requests: list[Request]) -> None:
        for request in requests:
            self._requests.put_nowait(request)

    async def _write(self, socket: WebSocketClientProtocol) -> None:
        while True:
            await socket.send(self._encoded(await self._requests.get()))

    def _encoded(self, request: dict[str, Any]) -> bytes | str:
        data = encode(self.codec, request)
        return data if self.codec is Codec.MSGPACK else data.decode()

    # ---------------------------------------------------------------- watching

    async def _watch(self) -> None:
        """Unsubscribe what nobody wants any more, release a stream that nobody wants, notice one that has gone mute."""
        while True:
            await asyncio.sleep(_TICK_S)
            now = self._ticks()
            self.router.flush()
            self._send(self._book.expire(now - int(self._settings.unsubscribe_delay_s * 1e9)))
            if not self._book.wanted and self._book.idle:
                raise _Unwanted
            if self._book.idle:
                self._waiting_ticks = now
            elif now - self._waiting_ticks > _UNANSWERED_NS:
                raise _Failed(Trouble.NETWORK, f"no answer to a request for {_UNANSWERED_NS // 10**9} s")
            self._listen_for_silence(now)

    def _listen_for_silence(self, now: int) -> None:
        silence = (now - self._heard_ticks) / 1e9
        if silence < self._settings.stale_after_s:
            self._patience = 1
            self._become("live")
        elif not any(channel in _SPEAKING for channel, _ in self._book.confirmed):
            self._become("live")
        elif self.endpoint.family is Family.STOCK and self._market_open() is False:
            self._become("quiet", "market closed")
        elif silence >= self._settings.reconnect_after_s * self._patience:
            # A symbol that hardly trades is silent by right: wait longer each time before trying a new connection.
            self._patience = min(self._patience * 2, _MAX_PATIENCE)
            raise _Failed(Trouble.NETWORK, f"no data for {silence:.0f} s")
        else:
            self._become("stale", "no data although there should be some")

    # ---------------------------------------------------------------- trouble

    async def _recover(self, failure: _Failed) -> None:
        """Mark the gap, say what is the matter and wait as long as the policy demands."""
        now, ticks = self._clock(), self._ticks()
        self._failed_ticks = ticks
        reason = failure.reason
        if failure.trouble is Trouble.OCCUPIED and ticks - self._last_live_ticks < LINGER_NS:
            reason = f"the server still holds our last session ({failure.code})"
        if not self._gap_open:
            self._gap_open = True
            self._tell(partial(self._events.stream_lost, self.health.name, now, reason))
        self.health.reconnects += 1
        wait = self._backoff.failed(failure.trouble, ticks)
        log.warning("%s: %s; next attempt in %.1f s", self.health.name, reason, wait)
        if failure.trouble is Trouble.FATAL:
            self._fatal = failure
            self._book.fail_waiting(failure.code or 500)
            self._become("failed", failure.reason)
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            return
        self._become("waiting", reason, now + int(wait * 1e9))
        self._retry.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._retry.wait()

    def _refused(self, pairs: frozenset[Pair], code: int) -> None:
        self._tell(partial(self._events.pairs_refused, self.health.name, pairs, code))

    def _become(self, state: str, detail: str = "", retry_at_ns: int | None = None) -> None:
        if self.health.become(state, self._clock(), detail, retry_at_ns):
            log.info("%s is %s%s", self.health.name, state, f": {detail}" if detail else "")
            self._tell(partial(self._events.stream_changed, self.state()))

    def _tell(self, news: Callable[[], Awaitable[None]]) -> None:
        try:
            self._news.put_nowait(news)
        except asyncio.QueueFull:
            log.warning("%s: so much news waits to be recorded that some is left out", self.health.name)

    async def _tell_news(self) -> None:
        while True:
            news = await self._news.get()
            await news()


def name_of(endpoint: Endpoint) -> str:
    """Return how a market-data stream is called on the screen: ``data iex``, ``data crypto``, ``data crypto eu-1``."""
    last = endpoint.path.rsplit("/", 1)[-1]
    if endpoint.family is not Family.CRYPTO or last == "crypto":
        return f"data {last}"
    return "data crypto" if last == "us" else f"data crypto {last}"


_STATUS_TEXT = {
    401: "the keys were refused on the upgrade",
    403: "the endpoint is closed to us (HTTP 403)",
    404: "the server has no such endpoint (HTTP 404)",
    429: "too many connection attempts (HTTP 429)",
}


def _failure(control: Control) -> _Failed:
    reason = HINTS.get(control.code) or control.msg or ERRORS.get(control.code, "unknown error")
    return _Failed(trouble_of_code(control.code), f"{reason} ({control.code})", control.code)


def _describe(problem: BaseException) -> str:
    if isinstance(problem, ConnectionClosed):
        return f"close code {problem.code}" if problem.rcvd else "no close frame"
    return describe(problem)


async def _close(socket: WebSocketClientProtocol) -> None:
    """Close with a close frame, which frees the slot at once; never leave the socket behind."""
    try:
        async with asyncio.timeout(2 * _CLOSE_TIMEOUT_S):
            await socket.close()
    except (TimeoutError, OSError):
        log.debug("the close frame was not answered")
    finally:
        if socket.transport is not None:
            socket.transport.abort()
