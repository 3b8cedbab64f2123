"""A message of the market on its way to the streams: encoded once per codec, and only when somebody wants it."""

from plugtui.wire.channels import Family
from plugtui.wire.codec import Codec, encode
from plugtui.wire.messages import DataMessage


class Event:
    """One data message with its address.

    Attributes:
        family: which feeds carry it.
        channel: ``trades``, ``quotes``, …
        symbol: what it is about.
        message: the message itself.
    """

    __slots__ = ("_json", "_msgpack", "channel", "family", "message", "symbol")

    def __init__(self, family: Family, channel: str, symbol: str, message: DataMessage) -> None:
        self.family = family
        self.channel = channel
        self.symbol = symbol
        self.message = message
        self._msgpack: bytes | None = None
        self._json: bytes | None = None

    def slice(self, codec: Codec) -> bytes:
        """Return the encoded message."""
        if codec is Codec.MSGPACK:
            if self._msgpack is None:
                self._msgpack = encode(codec, self.message)
            return self._msgpack
        if self._json is None:
            self._json = encode(codec, self.message)
        return self._json

    def __repr__(self) -> str:
        return f"Event({self.channel} {self.message!r})"
