"""The account stream of one account: dials, authenticates, listens, watches, dials again; never two at a time (protocol §2)."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from websockets.exceptions import ConnectionClosed, InvalidStatusCode, WebSocketException
from websockets.legacy.client import WebSocketClientProtocol, connect

from plugtui.brokers.port import Credentials
from plugtui.control.messages import StreamState
from plugtui.engine.backoff import LINGER_NS, Backoff, Trouble, trouble_of_status
from plugtui.engine.health import StreamHealth
from plugtui.errors import CredentialsError, WireError, describe
from plugtui.tasks import Tasks
from plugtui.wire.account import TRADE_UPDATES, auth_request, listen_request
from plugtui.wire.trading import (
    AccountMessage,
    TradeUpdate,
    decode_account_message,
    decode_authorization,
    decode_trade_update,
)

log = logging.getLogger(__name__)

SILENCE_S = 35.0
"""No frame at all for so long, pings included: the socket is dead (protocol §2.6)."""
PING_INTERVAL_S = 10.0
PING_TIMEOUT_S = 60.0
"""Generous: pongs queue behind data at the open (protocol §6)."""
REPLY_S = 10.0
CLOSE_S = 2.0
MAX_RETRY_AFTER_S = 120.0

OnUpdate = Callable[[bytes, TradeUpdate], Awaitable[None]]
OnState = Callable[[StreamState], None]
OnConnected = Callable[[], Awaitable[None]]
OnLost = Callable[[str, int], Awaitable[None]]


class Waits(Protocol):
    """What the stream needs of :class:`~plugtui.engine.backoff.Backoff`."""

    def up(self, now_ns: int) -> None:
        """Note that the connection works."""

    def failed(self, trouble: Trouble, now_ns: int) -> float:
        """Return the seconds to wait."""


class _Socket(WebSocketClientProtocol):
    """A client connection that notes when any byte arrived: data, pings and pongs alike."""

    def __init__(self, *arguments: Any, now_ns: Callable[[], int], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._now_ns = now_ns
        self.heard()

    def heard(self) -> None:
        """Note a sign of life."""
        self.heard_at = self.loop.time()
        self.heard_ns = self._now_ns()

    def data_received(self, data: bytes) -> None:
        self.heard()
        super().data_received(data)


class _Lost(Exception):
    """The connection ended or was not made."""

    def __init__(self, detail: str, trouble: Trouble = Trouble.NETWORK, retry_after_s: float = 0.0) -> None:
        super().__init__(detail)
        self.detail = detail
        self.trouble = trouble
        self.retry_after_s = retry_after_s


class AccountStream:
    """Keep one connection to ``/stream`` for as long as :meth:`run` runs.

    Args:
        url: ``wss://paper-api.alpaca.markets/stream``.
        credentials: the account's keys; with key id ``oauth`` the secret is a token.
        on_update: awaited for each ``trade_updates`` message, in order, with the whole message as it came. It should be
            quick: the next frame is read when it has returned.
        on_state: called at each change of state.
        on_connected: run beside the reading once the stream listens: the place to recover from REST what was missed. It is
            cancelled when the connection is lost, and run anew at the next one.
        on_lost: awaited when a stream that listened was lost, with the reason and the time of the last sign of life (ns).
        name: of the stream in :class:`~plugtui.control.messages.StreamState`.
        backoff: how long to wait after a failure.
        silence_s: longest time without any frame.
        last_live_ns: when a connection of the engine before this one broke off: the server may still count it.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        *,
        on_update: OnUpdate,
        on_state: OnState | None = None,
        on_connected: OnConnected | None = None,
        on_lost: OnLost | None = None,
        name: str = "account",
        backoff: Waits | None = None,
        connect_timeout_s: float = 10.0,
        silence_s: float = SILENCE_S,
        last_live_ns: int = 0,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._url = url
        self._credentials = credentials
        self._on_update = on_update
        self._on_state = on_state
        self._on_connected = on_connected
        self._on_lost = on_lost
        self._backoff: Waits = backoff or Backoff(random.random)
        self._connect_timeout_s = connect_timeout_s
        self._silence_s = silence_s
        self._now_ns = now_ns
        self._legacy = False
        self._running = False
        self._last_live_ns = last_live_ns
        self._retry = asyncio.Event()
        self._health = StreamHealth(name, "/stream", now_ns())
        self._dials = 0

    @property
    def state(self) -> StreamState:
        """Return the state with fresh counters."""
        return self._health.snapshot(self._now_ns())

    @property
    def live(self) -> bool:
        """Whether the stream listens right now."""
        return self._health.state == "live"

    def retry_now(self) -> None:
        """Do not wait for the next attempt any longer."""
        self._retry.set()

    async def run(self) -> None:
        """Stay connected until cancelled; a cancellation closes the connection with a close frame.

        Refused keys make the state ``failed``, with a hint; they are tried again once a minute, since brokers refuse good keys
        too on a bad night, and nobody may be there to restart the engine.
        """
        if self._running:
            raise RuntimeError("this account stream runs already")
        self._running = True
        try:
            while True:
                try:
                    await self._session()
                except CredentialsError as error:
                    await self._wait_refused(error)
                except _Lost as lost:
                    await self._wait(lost)
        finally:
            self._running = False
            if self._health.state != "failed":
                self._change("idle", "")

    async def _wait(self, lost: _Lost) -> None:
        now, detail = self._now_ns(), lost.detail
        if lost.trouble is Trouble.OCCUPIED and now - self._last_live_ns < LINGER_NS:
            detail = "the server still holds our last session"
        seconds = max(self._backoff.failed(lost.trouble, now), lost.retry_after_s)
        self._retry.clear()
        self._change("waiting", detail, retry_at_ns=now + int(seconds * 1e9))
        log.warning("%s: %s; next attempt in %.1f s", self._health.name, detail, seconds)
        await self._pause(seconds)

    async def _wait_refused(self, error: CredentialsError) -> None:
        """Say once what is wrong, and wait."""
        now, detail = self._now_ns(), f"{error.title}; {error.hint}"
        seconds = self._backoff.failed(Trouble.FATAL, now)
        self._retry.clear()
        if (self._health.state, self._health.detail) == ("failed", detail):
            self._health.become("failed", now, detail, now + int(seconds * 1e9))
        else:
            self._change("failed", detail, retry_at_ns=now + int(seconds * 1e9))
            log.error("%s: %s", self._health.name, error.title)
        await self._pause(seconds)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._retry.wait()
        except TimeoutError:
            return

    def _change(self, state: str, detail: str, retry_at_ns: int | None = None) -> None:
        self._health.become(state, self._now_ns(), detail, retry_at_ns)
        self._health.reconnects = max(0, self._dials - 1)
        self._health.subscriptions = 1 if state == "live" else 0
        if self._on_state:
            self._on_state(self.state)

    # ------------------------------------------------------------- one connection

    async def _session(self) -> None:
        """Hold one connection from dial to loss. Raises _Lost or CredentialsError."""
        self._dials += 1
        if self._health.state != "failed":
            self._change("connecting", "")
        socket = await self._dial()
        tasks = Tasks()
        listened = False
        try:
            await self._converse(socket)
            listened = True
            self._backoff.up(self._now_ns())
            self._change("live", "")
            log.info("%s: listening", self._health.name)
            tasks.start(self._watch(socket), "account-stream-watchdog")
            if self._on_connected:
                tasks.start(_await(self._on_connected()), "account-stream-recovery")
            detail = await self._read(socket)
        except WireError as error:
            detail = f"the server sent nonsense: {error.title}"
        except ConnectionClosed as closed:
            detail = _closed(closed)
        finally:
            await tasks.aclose()
            await _close(socket)
            self._last_live_ns = self._now_ns() if listened else self._last_live_ns
        if listened and self._on_lost:
            await self._on_lost(detail, socket.heard_ns)
        raise _Lost(detail)

    async def _dial(self) -> _Socket:
        made: list[_Socket] = []

        def make(*arguments: Any, **options: Any) -> _Socket:
            made.append(_Socket(*arguments, now_ns=self._now_ns, **options))
            return made[-1]

        connected = False
        try:
            # Not the library's own time-out: it may lose a cancellation, and would hold up the engine's end.
            async with asyncio.timeout(self._connect_timeout_s):
                await connect(
                    self._url,
                    create_protocol=make,
                    open_timeout=None,
                    ping_interval=PING_INTERVAL_S,
                    ping_timeout=PING_TIMEOUT_S,
                    close_timeout=CLOSE_S / 4,
                    max_size=1 << 22,
                    max_queue=1024,
                    compression=None,
                )
            connected = True
        except (OSError, WebSocketException, EOFError) as error:
            raise _dial_failure(error, self._connect_timeout_s) from None
        finally:
            # A handshake that was given up must not leave its socket behind: the server would count two connections.
            if not connected:
                for socket in made:
                    if getattr(socket, "transport", None) is not None:
                        socket.transport.abort()
        made[-1].heard()
        return made[-1]

    async def _converse(self, socket: _Socket) -> None:
        """Authenticate and listen. Raises CredentialsError, _Lost, WireError, ConnectionClosed."""
        accepted = await self._authenticate(socket, self._legacy)
        if not accepted:
            # The server refused the form of the request, not the keys: older servers know the legacy form only.
            other = await self._authenticate(socket, not self._legacy)
            if not other and None in (accepted, other):
                raise _Lost("no answer to the authentication")
            if not other:
                raise _refused_keys("neither form of the authentication was accepted")
            self._legacy = not self._legacy
        await socket.send(listen_request([TRADE_UPDATES]))
        message = await self._reply(socket, "listening")
        if message is None or TRADE_UPDATES.encode() not in bytes(message.data):
            raise _Lost("the server did not acknowledge that we listen")

    async def _authenticate(self, socket: _Socket, legacy: bool) -> bool | None:
        """Send the keys; return False when the form of the request was refused, None when no answer came."""
        await socket.send(auth_request(self._credentials.key_id, self._credentials.secret.reveal(), legacy=legacy))
        message = await self._reply(socket, "authorization")
        if message is None:
            return None
        if message.action == "error":
            if b"limit" in bytes(message.data):
                raise _Lost("another program holds the connection", Trouble.OCCUPIED)
            return False
        reply = decode_authorization(message.data)
        if reply.status == "authorized":
            return True
        if "verification failed" in reply.message or "not authorized" in reply.message:
            raise _refused_keys(reply.message)
        return False

    async def _reply(self, socket: _Socket, stream: str) -> AccountMessage | None:
        """Return the next message of ``stream``, or the error that came instead; None when nothing came in time."""
        try:
            async with asyncio.timeout(REPLY_S):
                while True:
                    message = decode_account_message(_bytes(await socket.recv()))
                    if message.stream == stream or message.action == "error":
                        return message
        except TimeoutError:
            return None

    async def _read(self, socket: _Socket) -> str:
        """Hand on updates until the connection ends; return why it ended."""
        detail = "the server closed the connection"
        async for data in socket:
            raw = _bytes(data)
            try:
                message = decode_account_message(raw)
                if message.stream == TRADE_UPDATES:
                    update = decode_trade_update(message.data)
                    self._note(update)
                    await self._on_update(raw, update)
                elif message.action == "error":
                    detail = f"the server reported: {bytes(message.data)[:200].decode(errors='replace')}"
                    log.warning("%s: %s", self._health.name, detail)
            except WireError as error:
                log.warning("%s: skipped a frame: %s", self._health.name, error.title)
        return detail

    def _note(self, update: TradeUpdate) -> None:
        now = self._now_ns()
        self._health.saw(now, 1)
        if update.time_ns is not None:
            self._health.saw_event(now, update.time_ns)

    async def _watch(self, socket: _Socket) -> None:
        """Cut a connection on which nothing was heard for too long."""
        while True:
            quiet_s = socket.loop.time() - socket.heard_at
            if quiet_s >= self._silence_s:
                log.warning("%s: nothing heard for %.0f s", self._health.name, quiet_s)
                socket.transport.abort()
                return
            await asyncio.sleep(self._silence_s - quiet_s + 0.01)


async def _await(work: Awaitable[None]) -> None:
    await work


async def _close(socket: _Socket) -> None:
    """Close with a close frame, which frees the account's slot at once; cut when the other side does not answer."""
    try:
        async with asyncio.timeout(CLOSE_S):
            await socket.close()
    except (TimeoutError, OSError, WebSocketException) as error:
        log.debug("no clean close: %s", describe(error))
    finally:
        if socket.transport is not None:
            socket.transport.abort()


def _bytes(data: bytes | str) -> bytes:
    return data.encode() if isinstance(data, str) else data


def _dial_failure(error: Exception, timeout_s: float) -> _Lost:
    if isinstance(error, InvalidStatusCode):
        return _refused(error)
    if isinstance(error, TimeoutError):
        return _Lost(f"no answer within {timeout_s:g} s")
    return _Lost(f"cannot connect: {describe(error)}")


def _refused(error: InvalidStatusCode) -> _Lost:
    status = int(error.status_code)
    header = error.headers.get("Retry-After", "") if error.headers is not None else ""
    retry_after_s = min(MAX_RETRY_AFTER_S, float(header)) if header.isdigit() else 0.0
    detail = {
        401: "the server refused the keys (HTTP 401)",
        403: "the server refused the connection (HTTP 403)",
        404: "there is no account stream at this address (HTTP 404): check APCA_API_BASE_URL",
        429: "another connection of this account is still counted, or too many attempts (HTTP 429)",
    }.get(status, f"the server answered HTTP {status}")
    # Even 403 and 404 pass by themselves on some nights (protocol §6): these wait longest but are tried again.
    return _Lost(detail, trouble_of_status(status), retry_after_s)


def _refused_keys(text: str) -> CredentialsError:
    return CredentialsError(
        f"the account stream refused the keys: {text}",
        "check that the keys belong to this account and to this host (paper keys work on the paper host only)",
    )


def _closed(closed: ConnectionClosed) -> str:
    if closed.rcvd is None:
        return "the connection broke"
    return (
        f"the server closed the connection ({closed.rcvd.code}{' ' + closed.rcvd.reason if closed.rcvd.reason else ''})"
    )
