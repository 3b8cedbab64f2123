"""A client of the control link, for the dashboard and the command line."""

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import msgspec
from websockets.client import WebSocketClientProtocol, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatusCode, WebSocketException

from plugtui import __version__
from plugtui.control.messages import (
    PROTOCOL_VERSION,
    Command,
    Facts,
    Hello,
    Reply,
    Snapshot,
    States,
    decode_from_engine,
    encode,
)
from plugtui.errors import ControlError, TokenRefused, describe
from plugtui.secrets import Secret
from plugtui.tasks import Tasks

log = logging.getLogger(__name__)

PATH = "/plugtui/control"

OPEN_TIMEOUT_S = 10.0
COMMAND_TIMEOUT_S = 60.0
PING_EVERY_S = 5.0
PING_PATIENCE_S = 10.0
"""An engine that hangs must not pass for one where nothing happens."""
MAX_WAITING = 20_000
"""Facts that may wait for the one who iterates; beyond it the link is closed, and can be resumed."""
_MAX_MESSAGE_BYTES = 64 * 1024 * 1024


class ControlClient:
    """Follow one engine and send it commands.

    One task may iterate (``async for message in client``) while others send commands. Iteration ends when the link does;
    ``close_code`` and ``close_reason`` say why. To resume, connect a new client with ``resume=last.seq``.

    Args:
        url: the gateway's address, ``http://127.0.0.1:8765``.
        token: from the profile's state file.
    """

    def __init__(self, url: str, token: Secret) -> None:
        self._url, self._given = control_url(url), url
        self._token = token
        self._socket: WebSocketClientProtocol | None = None
        self._ids = itertools.count(1)
        self._replies: dict[int, asyncio.Future[Reply]] = {}
        self._facts: deque[Facts] = deque()
        self._waiting = 0
        self._states: States | None = None
        self._news = asyncio.Event()
        self._ended = False
        self._tasks = Tasks()
        self.seq = 0
        """Number of the last fact received: what to resume from."""
        self.close_code: int | None = None
        self.close_reason = ""

    async def connect(self, resume: int | None = None, states: bool = True) -> Snapshot:
        """Dial, say hello, and return the snapshot.

        Args:
            resume: number of the last fact that is known already.
            states: whether conflated states are wanted.

        Raises:
            ControlError: no engine answers there, it refused the token, or it speaks another version.
        """
        try:
            self._socket = await connect(
                self._url,
                extra_headers={"Authorization": f"Bearer {self._token.reveal()}"},
                open_timeout=OPEN_TIMEOUT_S,
                max_size=_MAX_MESSAGE_BYTES,
                compression=None,
                ping_interval=PING_EVERY_S,
                ping_timeout=PING_PATIENCE_S,
                close_timeout=2,
            )
            await self._socket.send(encode(Hello(resume=resume, states=states)).decode())
            snapshot = decode_from_engine(await asyncio.wait_for(self._socket.recv(), OPEN_TIMEOUT_S))
        except (OSError, TimeoutError, WebSocketException, msgspec.DecodeError) as error:
            await self.aclose()
            raise _refused(self._given, error) from error
        if not isinstance(snapshot, Snapshot) or snapshot.version != PROTOCOL_VERSION:
            await self.aclose()
            raise _other_version(snapshot.engine.version if isinstance(snapshot, Snapshot) else "of another version")
        self.seq = snapshot.seq
        self._tasks.start(self._receive(self._socket), "control-client")
        return snapshot

    async def command(self, name: str, /, timeout_s: float = COMMAND_TIMEOUT_S, **args: Any) -> Any:
        """Send a command and return its result.

        Args:
            name: as in :class:`~plugtui.control.messages.Command`.
            timeout_s: how long the engine may take.
            args: the command's arguments; one of them may be called ``name``.

        Raises:
            ControlError: the engine refused it, did not answer, or the link is down.
        """
        if self._socket is None or self._ended:
            raise ControlError("the link to the engine is down", self.close_reason)
        number = next(self._ids)
        waiting = self._replies[number] = asyncio.get_running_loop().create_future()
        try:
            await self._socket.send(encode(Command(id=number, name=name, args=args)).decode())
            reply = await asyncio.wait_for(waiting, timeout_s)
        except ConnectionClosed as error:
            raise ControlError("the link to the engine broke", str(error)) from error
        except TimeoutError as error:
            raise ControlError(f"the engine did not answer '{name}' within {timeout_s:.0f} s") from error
        finally:
            self._replies.pop(number, None)
        if not reply.ok:
            raise ControlError(reply.error, reply.hint)
        return reply.result

    async def __aiter__(self) -> AsyncIterator[Facts | States]:
        while True:
            while self._facts:
                facts = self._facts.popleft()
                self._waiting -= len(facts.facts)
                yield facts
            if self._states is not None:
                states, self._states = self._states, None
                yield states
                continue
            if self._ended:
                return
            self._news.clear()
            await self._news.wait()

    async def _receive(self, socket: WebSocketClientProtocol) -> None:
        own: tuple[int, str] | None = None
        try:
            async for data in socket:
                self._take(decode_from_engine(data))
                if self._waiting > MAX_WAITING:
                    own = (1008, "the dashboard does not keep up")
                    break
        except ConnectionClosed as error:
            log.debug("the control link broke: %s", error)
        except msgspec.DecodeError as error:
            log.warning("the engine sent what cannot be read: %s", error)
            own = (1007, "the engine sent what cannot be read")
        finally:
            if own:
                await socket.close(*own)
            self._end(*(own or (socket.close_code, socket.close_reason or "")))

    def _take(self, message: Facts | States | Reply | Snapshot) -> None:
        if isinstance(message, Reply):
            waiting = self._replies.get(message.id)
            if waiting and not waiting.done():
                waiting.set_result(message)
            return
        if isinstance(message, Facts) and message.facts:
            # facts that were read but not taken yet are still handed out after the link has ended
            self.seq = message.facts[-1].seq
            self._waiting += len(message.facts)
            self._facts.append(message)
        elif isinstance(message, States):
            self._states = _merged(self._states, message)
        self._news.set()

    def _end(self, code: int | None, reason: str) -> None:
        self._ended = True
        self.close_code, self.close_reason = code, reason
        for waiting in self._replies.values():
            if not waiting.done():
                waiting.set_result(Reply(id=0, ok=False, error="the link to the engine broke", hint=reason))
        self._news.set()

    async def aclose(self) -> None:
        """Close the link; may be called twice."""
        if self._socket is not None:
            await self._socket.close()
        await self._tasks.aclose()
        if not self._ended:
            self._end(1000, "")

    async def __aenter__(self) -> "ControlClient":
        return self

    async def __aexit__(self, *problem: object) -> None:
        await self.aclose()


def control_url(url: str) -> str:
    """Return the WebSocket address of the control link for a gateway address.

    Raises:
        ControlError: the address has no scheme that is known.
    """
    scheme, separator, rest = url.partition("://")
    schemes = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
    if not separator or scheme not in schemes or not urlsplit(url).hostname:
        raise ControlError(f"'{url}' is not the address of an engine", "It looks like http://127.0.0.1:8765.")
    return f"{schemes[scheme]}://{rest.rstrip('/').removesuffix(PATH)}{PATH}"


def _merged(older: States | None, newer: States) -> States:
    if older is None:
        return newer
    changes = {name: value for name in newer.__struct_fields__ if (value := getattr(newer, name)) is not None}
    return msgspec.structs.replace(older, **changes)


def _refused(url: str, error: Exception) -> ControlError:
    address = url.partition("://")[2].rstrip("/").removesuffix(PATH)
    if isinstance(error, InvalidStatusCode) and error.status_code == 401:
        return TokenRefused(
            "the engine refused the token",
            "It lies in the engine.json of the engine's profile and changes each time the engine starts.",
        )
    if isinstance(error, msgspec.DecodeError):
        return _other_version("of another version")
    if isinstance(error, InvalidHandshake):
        return ControlError(
            f"no plugtui engine answers at {address}: {error}",
            "The address is the gateway's, as `plugtui status` shows it.",
        )
    return ControlError(
        f"the engine at {address} does not answer: {describe(error)}",
        "Does it still run there? `plugtui status` says so; it listens on 127.0.0.1 unless told otherwise.",
    )


def _other_version(version: str) -> ControlError:
    return ControlError(
        f"the engine is plugtui {version}, this is plugtui {__version__}: they do not understand each other",
        "Use the same plugtui on both sides.",
    )
