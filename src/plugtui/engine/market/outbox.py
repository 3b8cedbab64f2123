"""What is about to be written to algorithms: slices of one read turn, joined into one frame (architecture §2).

A :class:`Group` serves all clients with the same interest and codec: it joins once and writes the same bytes to each. A client
that does not keep up gets an :class:`Outbox` of its own, where quotes and order books wait as their newest state until it has
drained (row G10).
"""

from collections.abc import Callable
from typing import Protocol

import msgspec

from plugtui.wire.channels import ORDERBOOKS
from plugtui.wire.codec import Codec, frame
from plugtui.wire.websocket import BINARY, TEXT, server_frame

Slice = bytes | msgspec.Raw

MAX_FRAME_BYTES = 512 * 1024
"""Payload of one frame: the Python SDKs refuse messages over 1 MiB (protocol §1.3)."""

_FIRST_BYTE = {Codec.JSON: TEXT, Codec.MSGPACK: BINARY}


class Outlet(Protocol):
    """The socket of one client, as the router sees it."""

    conflated: int
    """How many quotes and books a newer one has replaced."""

    def write(self, frames: bytes, messages: int) -> bool:
        """Hand prebuilt frames with ``messages`` data points to the socket; True when more waits than the soft limit."""
        ...

    def drained(self) -> bool:
        """Tell whether so little waits that a slow client may have its conflated data."""
        ...


def frames_of(codec: Codec, slices: list[Slice]) -> bytes:
    """Join slices into one WebSocket message; into several where one would be too large for the SDKs."""
    payload = frame(codec, slices, len(slices))
    if len(payload) <= MAX_FRAME_BYTES or len(slices) == 1:
        return server_frame(payload, _FIRST_BYTE[codec])
    middle = len(slices) // 2
    return frames_of(codec, slices[:middle]) + frames_of(codec, slices[middle:])


class Group:
    """Clients with the same interest and codec; ``slices`` is what this turn has brought them."""

    __slots__ = ("codec", "members", "slices")

    def __init__(self, codec: Codec) -> None:
        self.codec = codec
        self.members: list[Outlet] = []
        self.slices: list[Slice] = []

    def flush(self) -> list[Outlet]:
        """Write what has come; return the members that are over the soft limit."""
        if not self.slices:
            return []
        count = len(self.slices)
        frames = frames_of(self.codec, self.slices)
        self.slices.clear()
        return [member for member in self.members if member.write(frames, count)]


class Outbox:
    """The backlog of one slow client."""

    __slots__ = ("codec", "latest", "outlet", "slices")

    def __init__(self, outlet: Outlet, codec: Codec) -> None:
        self.outlet = outlet
        self.codec = codec
        self.slices: list[Slice] = []
        """What may never be skipped: written at each flush, slow or not."""
        self.latest: dict[tuple[str, str], Slice | None] = {}
        """(channel, symbol) → newest quote; an order book stands here as None: its whole state is read when it is sent."""

    def conflate(self, key: tuple[str, str], item: Slice) -> None:
        """Keep the newest of a conflatable channel."""
        if key in self.latest:
            self.outlet.conflated += 1
        self.latest[key] = None if key[0] == ORDERBOOKS else item

    def flush(self, book: Callable[[str], bytes | None]) -> bool:
        """Write what may not wait; once the client has drained also what was conflated.

        Args:
            book: returns the whole order book of a symbol, in this outbox's codec.

        Returns:
            True when nothing is left and the client may rejoin its group.
        """
        if self.outlet.drained():
            for (_, symbol), item in self.latest.items():
                current = item if item is not None else book(symbol)
                if current is not None:
                    self.slices.append(current)
            self.latest.clear()
        if self.slices:
            count = len(self.slices)
            frames = frames_of(self.codec, self.slices)
            self.slices.clear()
            self.outlet.write(frames, count)
        return not self.latest and self.outlet.drained()
