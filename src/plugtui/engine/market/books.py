"""Whole crypto order books, kept so that a client who joins late, or was slow, starts from a full one.

Upstream sends the whole book only to whoever subscribes first; deltas alone are worthless (protocol §1.10).
"""

from typing import Any

import msgspec

from plugtui.wire.codec import Codec, encode


class _Level(msgspec.Struct):
    p: float
    s: float


class _Message(msgspec.Struct):
    S: str
    t: msgspec.Raw
    b: list[_Level] = []
    a: list[_Level] = []
    r: bool = False


class Books:
    """The order books of one upstream connection."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._decode = (msgspec.msgpack if codec is Codec.MSGPACK else msgspec.json).Decoder(_Message).decode
        self._sides: dict[str, tuple[dict[float, float], dict[float, float]]] = {}
        self._times: dict[str, msgspec.Raw] = {}

    def apply(self, raw: bytes | msgspec.Raw) -> None:
        """Take in a book message; deltas of a book whose start was not seen are left out."""
        message = self._decode(raw)
        if message.r:
            self._sides[message.S] = ({}, {})
        sides = self._sides.get(message.S)
        if sides is None:
            return
        for side, levels in zip(sides, (message.b, message.a), strict=True):
            for level in levels:
                if level.s:
                    side[level.p] = level.s
                else:
                    side.pop(level.p, None)
        self._times[message.S] = message.t.copy()

    def symbols(self) -> list[str]:
        """Return the symbols whose whole book is known."""
        return list(self._sides)

    def snapshot(self, symbol: str) -> bytes | None:
        """Return the whole book as a message with ``r`` true, in the upstream's codec; None when it is not known."""
        sides = self._sides.get(symbol)
        if sides is None:
            return None
        bids, asks = sides
        message: dict[str, Any] = {
            "T": "o",
            "S": symbol,
            "t": self._times[symbol],
            "b": [{"p": price, "s": bids[price]} for price in sorted(bids, reverse=True)],
            "a": [{"p": price, "s": asks[price]} for price in sorted(asks)],
            "r": True,
        }
        return encode(self._codec, message)

    def clear(self) -> None:
        """Forget everything: the upstream connection was lost."""
        self._sides.clear()
        self._times.clear()
