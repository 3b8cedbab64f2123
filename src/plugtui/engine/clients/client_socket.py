"""The WebSocket of one local client: prebuilt frames straight to its transport, and the limits of a slow one (row G10).

aiohttp reads; what is written bypasses its writer, because the same bytes go to many clients and are built once.
"""

import asyncio
import logging
import socket
import struct
from collections.abc import Callable, Mapping, Sequence

from aiohttp import web

from plugtui.config import SlowClientSettings
from plugtui.wire.websocket import BINARY, TEXT, server_frame

log = logging.getLogger(__name__)

MAX_REQUEST_BYTES = 4 * 1024 * 1024
CLOSE_GOING_AWAY = 1001
CLOSE_POLICY = 1008
SLOW = "slow client"

_CLOSE_FRAME = 0x88
_LONGEST_LOOK_S = 1.0
"""Most of the time between two looks that counts as a client's stall."""
ANSWER_CLOSE_S = 1.0
"""How long a client may take to answer a close frame before the connection is closed."""


async def accept(request: web.Request) -> web.WebSocketResponse:
    """Upgrade a request; compression is declined, it costs more than the loopback it would save."""
    response = web.WebSocketResponse(
        max_msg_size=MAX_REQUEST_BYTES, compress=False, autoping=True, timeout=ANSWER_CLOSE_S
    )
    await response.prepare(request)
    return response


class ClientSocket:
    """Write to one client, count, and cut it when it does not read.

    Args:
        request: the upgraded request.
        endpoint: what the client is connected to, ``/v2/iex`` or ``account``.
        farewell: the last message to a client that is cut for being slow, encoded; may be empty.
    """

    def __init__(
        self, request: web.Request, endpoint: str, limits: SlowClientSettings, binary: bool, farewell: bytes = b""
    ) -> None:
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client has gone before it was accepted")
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, limits.kernel_bytes)
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._limits = limits
        self._first_byte = BINARY if binary else TEXT
        self._farewell = farewell
        self._waiting_since: float | None = None
        self._written = 0
        self._left = 0
        """The most bytes that had left for the kernel at any look."""
        self._looked_at = self._loop.time()
        self._stalled_s = 0.0
        self.endpoint = endpoint
        self.messages = 0
        self.bytes = 0
        self.conflated = 0
        self.closing = False
        self.left_reason = ""
        """Why we closed it; empty while open, or when the client went."""
        self.describe: Callable[[], Mapping[str, Sequence[str]]] = dict
        self.stuck_bytes = 0
        """What was still waiting when the client was cut."""

    # ---------------------------------------------------------------- writing

    def write(self, frames: bytes, messages: int) -> bool:
        """Hand over prebuilt frames; True when more waits than the soft limit."""
        if self.closing:
            return False
        self.messages += messages
        self.bytes += len(frames)
        return self._put(frames)

    def send(self, payload: bytes) -> None:
        """Send one control message. It counts towards the limits: one who only asks and never reads is slow too."""
        if not self.closing:
            self._put(server_frame(payload, self._first_byte))

    def _put(self, frames: bytes) -> bool:
        self._transport.write(frames)
        self._written += len(frames)
        waiting = self._transport.get_write_buffer_size()
        if not waiting:
            return False
        if self._waiting_since is None:
            self._waiting_since = self._loop.time()
        if waiting > self._limits.hard_bytes:
            self._cut(waiting)
        return waiting > self._limits.soft_bytes

    def drained(self) -> bool:
        """Tell whether a slow client has read most of what waited."""
        return self._transport.get_write_buffer_size() <= self._limits.soft_bytes // 4

    # ---------------------------------------------------------------- watching

    @property
    def pending_bytes(self) -> int:
        """Bytes that wait to be sent; once it was cut, what waited then."""
        return self.stuck_bytes or self._transport.get_write_buffer_size()

    @property
    def lag_ms(self) -> float | None:
        """How long something has been waiting to be sent."""
        if not self._transport.get_write_buffer_size():
            self._waiting_since = None
        return 0.0 if self._waiting_since is None else (self._loop.time() - self._waiting_since) * 1000

    @property
    def subscriptions(self) -> Mapping[str, Sequence[str]]:
        """Channel → symbols."""
        return self.describe()

    def check_progress(self) -> None:
        """Cut the client if something waits and nothing has left for the stall time; called a few times a second."""
        waiting = self._transport.get_write_buffer_size()
        left = self._written - waiting
        now = self._loop.time()
        # An engine that was stopped, or slept with its machine, must not blame its clients for that time.
        passed_s = min(now - self._looked_at, _LONGEST_LOOK_S)
        self._looked_at = now
        if not waiting or left > self._left:
            self._left, self._stalled_s = left, 0.0
            if not waiting:
                self._waiting_since = None
            return
        self._stalled_s += passed_s
        if self._stalled_s > self._limits.stall_s and not self.closing:
            self._cut(waiting)

    def _cut(self, waiting: int) -> None:
        """Say 407 and close, for what it is worth: the client may never read it."""
        self.stuck_bytes = waiting
        log.warning("%s: cut a slow client, %d bytes were waiting", self.endpoint, waiting)
        if self._farewell:
            self._transport.write(server_frame(self._farewell, self._first_byte))
        self.close(CLOSE_POLICY, SLOW)

    # ---------------------------------------------------------------- closing

    def close(self, code: int, reason: str) -> None:
        """Send a close frame and return; the connection is closed when the client answers, or soon anyway."""
        if self.closing:
            return
        payload = struct.pack(">H", code) + reason.encode()[:120]
        self._transport.write(server_frame(payload, _CLOSE_FRAME))
        self.closing = True
        self.left_reason = reason
        self._loop.call_later(ANSWER_CLOSE_S, self._transport.close)
        self._loop.call_later(ANSWER_CLOSE_S + self._limits.stall_s, self._transport.abort)
