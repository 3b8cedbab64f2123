"""One connection to a market-data stream of the simulator: what the server says, in which order, how fast (protocol §1)."""

import asyncio
import itertools
from collections import deque

from aiohttp import WSMsgType, web

from plugtui.sim.events import Event
from plugtui.sim.faults import Faults
from plugtui.wire.codec import Codec, frame
from plugtui.wire.marketdata import Subscriptions, control, error
from plugtui.wire.paths import Endpoint

MAX_BATCH_BYTES = 512 * 1024
"""Data of one WebSocket message; Python's websockets refuses more than 1 MiB (protocol §1.3)."""
_FAREWELL_S = 1.0

_ids = itertools.count(1)


class DataSession:
    """Send control messages and data to one client.

    What is sent goes through one writer task: control messages first, then everything that has gathered since the last
    write in one array, so that batches grow when the client is slow.
    """

    def __init__(
        self, ws: web.WebSocketResponse, request: web.Request, endpoint: Endpoint, codec: Codec, faults: Faults
    ) -> None:
        assert endpoint.family is not None
        self.id = next(_ids)
        self.endpoint = endpoint
        self.codec = codec
        self.account: str | None = None
        self.subscriptions = Subscriptions(endpoint.family)
        self.frozen = False
        self.broken = False
        """Ended without a close frame of the client or the server."""
        self.ended = ""
        self.messages = self.frames = 0
        self._ws = ws
        self._request = request
        self._faults = faults
        self._controls: deque[bytes] = deque()
        self._slices: list[bytes] = []
        self._pending_bytes = 0
        self._wake = asyncio.Event()
        self._thawed = asyncio.Event()
        self._thawed.set()
        self._close_code: int | None = None
        self._next_ping = asyncio.get_running_loop().time() + faults.ping_interval_s

    # ------------------------------------------------------------ what is to be sent

    def say(self, message: dict[str, object]) -> None:
        """Send a control message, alone in its array."""
        self._controls.append(control(self.codec, message))
        self._wake.set()

    def say_raw(self, payload: bytes) -> None:
        """Send bytes as they are (the garbage fault)."""
        self._controls.append(payload)
        self._wake.set()

    def push(self, event: Event) -> None:
        """Queue a data message; :meth:`flush` sends it."""
        if self._close_code is not None:
            return
        raw = event.slice(self.codec)
        self._slices.append(raw)
        self._pending_bytes += len(raw)

    def flush(self) -> None:
        """Send what :meth:`push` has gathered, or end a session whose client does not read."""
        if self._pending_bytes > self._faults.slow_client_bytes and self._close_code is None and not self.frozen:
            self._slices.clear()
            self._pending_bytes = 0
            self.end(407, "slow client")
        if self._slices:
            self._wake.set()

    def end(self, code: int, why: str) -> None:
        """Send an error and close; a client that does not read is cut after a second."""
        self.ended = why
        self._close_code = 1008
        self.say(error(code))
        asyncio.get_running_loop().call_later(_FAREWELL_S, self._abort)

    def cut(self, why: str = "cut") -> None:
        """End the TCP connection without a close frame; the server goes on counting the session for a while."""
        self.ended, self.broken = why, True
        self._abort()

    def freeze(self, frozen: bool) -> None:
        """Stop (or resume) reading and writing while the TCP connection stays open."""
        self.frozen = frozen
        transport = self._request.transport
        if transport is None or transport.is_closing():
            return
        if frozen:
            self._thawed.clear()
            transport.pause_reading()
        else:
            self._thawed.set()
            transport.resume_reading()

    # ------------------------------------------------------------ the writer

    async def write(self) -> None:
        """Send until the connection ends; runs as a task of the session."""
        while not self._ws.closed:
            await self._wait_for_work()
            await self._thawed.wait()
            if asyncio.get_running_loop().time() >= self._next_ping:
                self._next_ping = asyncio.get_running_loop().time() + self._faults.ping_interval_s
                await self._ws.ping()
            while self._controls:
                await self._send(self._controls.popleft())
            if self._close_code is not None:
                await self._ws.close(code=self._close_code)
                return
            if self._slices:
                await self._send_batch()

    async def _wait_for_work(self) -> None:
        if not self._slices:
            try:
                async with asyncio.timeout(max(0.0, self._next_ping - asyncio.get_running_loop().time())):
                    await self._wake.wait()
            except TimeoutError:
                return
        self._wake.clear()

    async def _send_batch(self) -> None:
        batch, self._slices = self._slices, []
        if self._pending_bytes > MAX_BATCH_BYTES:
            size = 0
            for count, raw in enumerate(batch):
                size += len(raw)
                if size > MAX_BATCH_BYTES:
                    batch, self._slices = batch[:count], batch[count:]
                    break
        self._pending_bytes = sum(map(len, self._slices))
        self.messages += len(batch)
        await self._send(frame(self.codec, batch, len(batch)))

    async def _send(self, payload: bytes) -> None:
        self.frames += 1
        await self._ws.send_frame(payload, WSMsgType.BINARY if self.codec is Codec.MSGPACK else WSMsgType.TEXT)

    def _abort(self) -> None:
        self._thawed.set()
        transport = self._request.transport
        if transport is not None:
            transport.abort()
