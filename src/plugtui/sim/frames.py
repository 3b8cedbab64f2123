"""A WebSocket response that limits the size of each frame, as Alpaca's servers do (close code 1009, protocol §1.3).

aiohttp limits messages only. Clients split long requests into frames of 32 KiB, which the real server accepts; so the limit
is on frames, and the guard reads their headers as they pass.
"""

from aiohttp import WSCloseCode, web
from aiohttp._websocket.reader import WebSocketDataQueue, WebSocketReader
from aiohttp._websocket.writer import WebSocketWriter
from aiohttp.http_websocket import WebSocketError
from aiohttp.web_request import BaseRequest

MAX_MESSAGE_BYTES = 16 * 1024 * 1024


class FrameGuard:
    """Stand in front of aiohttp's frame parser and refuse frames above a limit.

    Args:
        parser: aiohttp's parser.
        queue: where the parser puts messages, and the guard its refusal.
        limit: largest payload of one frame, bytes.
    """

    def __init__(self, parser: WebSocketReader, queue: WebSocketDataQueue, limit: int) -> None:
        self._parser = parser
        self._queue = queue
        self._refused = False
        self._limit = limit
        self._header = bytearray()
        self._skip = 0

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Pass bytes of the socket on, or end the connection with 1009."""
        if self._refused:
            return False, b""  # the rest of the frame; the close frame is on its way
        if self._too_big(data):
            self._refused = True
            error = WebSocketError(WSCloseCode.MESSAGE_TOO_BIG, f"frame above {self._limit} bytes")
            self._queue.set_exception(error)
            return False, b""
        return self._parser.feed_data(data)

    def feed_eof(self) -> None:
        """Pass the end of the connection on."""
        self._parser.feed_eof()

    def _too_big(self, data: bytes) -> bool:
        at = 0
        while at < len(data):
            if self._skip:
                step = min(self._skip, len(data) - at)
                self._skip -= step
                at += step
                continue
            self._header.append(data[at])
            at += 1
            length = self._payload_length()
            if length is None:
                continue
            if length > self._limit:
                return True
            masked = self._header[1] & 0x80
            self._skip = length + (4 if masked else 0)
            self._header.clear()
        return False

    def _payload_length(self) -> int | None:
        header = self._header
        if len(header) < 2:
            return None
        short = header[1] & 0x7F
        extra = {126: 2, 127: 8}.get(short, 0)
        if len(header) < 2 + extra:
            return None
        return int.from_bytes(header[2 : 2 + extra], "big") if extra else short


class GuardedWebSocket(web.WebSocketResponse):
    """A WebSocket response with a limit on the frames of the client.

    Args:
        max_frame_bytes: largest frame of the client.
    """

    def __init__(self, max_frame_bytes: int) -> None:
        super().__init__(compress=True, max_msg_size=MAX_MESSAGE_BYTES, timeout=2.0)
        self._max_frame_bytes = max_frame_bytes

    def _post_start(self, request: BaseRequest, protocol: str | None, writer: WebSocketWriter) -> None:
        super()._post_start(request, protocol, writer)
        if self._parser is not None and self._reader is not None:
            request.protocol._payload_parser = FrameGuard(self._parser, self._reader, self._max_frame_bytes)
