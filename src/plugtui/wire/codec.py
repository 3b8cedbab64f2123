"""The two encodings of Alpaca's market-data streams, and the way from one to the other (protocol §1.3).

Data messages are handled as *slices*: the encoded bytes of one map, cut out of the array that it came in. A slice is routed
after a look at two keys and sent on as it is; it is decoded only for a client that speaks the other codec.
"""

import struct
from collections.abc import Iterable
from enum import Enum
from typing import Any

import msgspec

from plugtui.errors import WireError
from plugtui.wire.times import Timestamp, ext_to_ns, ns_to_ext, ns_to_rfc3339, rfc3339_to_ns

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""All that a decoder raises on bytes of others; broken text inside a value is found only when that value is read."""

TIMESTAMP_EXT = -1
TIME_KEYS = frozenset({"t", "created_at", "updated_at", "ft", "r"})
"""Keys whose JSON string is a time; ``r`` is a flag in order books, so only strings are converted."""
PRICE_KEYS = frozenset({"p", "bp", "ap", "o", "h", "l", "c", "vw", "u", "d", "op", "cp"})
"""Keys that are float64 in MessagePack: Go and C# read them as floats (protocol §1.3). Only numbers are converted."""


class Codec(Enum):
    """How a stream is encoded: decided by ``Content-Type`` on the upgrade request."""

    JSON = "json"
    MSGPACK = "msgpack"

    __hash__ = object.__hash__

    @classmethod
    def from_content_type(cls, header: str | None, default: "Codec") -> "Codec":
        """Pick the codec from the upgrade's ``Content-Type``, or ``default`` when it says nothing."""
        kind = (header or "").lower()
        if "msgpack" in kind:
            return cls.MSGPACK
        return cls.JSON if "json" in kind else default


def _msgpack_hook(value: Any) -> Any:
    if isinstance(value, Timestamp):
        return msgspec.msgpack.Ext(TIMESTAMP_EXT, ns_to_ext(value.ns))
    raise NotImplementedError(f"cannot encode {type(value).__name__}")


def _json_hook(value: Any) -> Any:
    if isinstance(value, Timestamp):
        return ns_to_rfc3339(value.ns)
    raise NotImplementedError(f"cannot encode {type(value).__name__}")


_NO_FORM = (NotImplementedError, TypeError, OverflowError)
"""All that an encoder raises on values for which its encoding has no form: a list as a key, an integer beyond 64 bits."""

_msgpack_encoder = msgspec.msgpack.Encoder(enc_hook=_msgpack_hook)
_json_encoder = msgspec.json.Encoder(enc_hook=_json_hook)
_msgpack_decoder = msgspec.msgpack.Decoder()
_json_decoder = msgspec.json.Decoder()
_msgpack_splitter = msgspec.msgpack.Decoder(list[msgspec.Raw])
_json_splitter = msgspec.json.Decoder(list[msgspec.Raw])
_msgpack_fields = msgspec.msgpack.Decoder(dict[str, msgspec.Raw])
_msgpack_items = _msgpack_splitter


class _EventTime(msgspec.Struct):
    t: msgspec.msgpack.Ext


class _EventText(msgspec.Struct):
    t: str


_event_time = msgspec.msgpack.Decoder(_EventTime)
_event_text = msgspec.json.Decoder(_EventText)


def encode(codec: Codec, value: Any) -> bytes:
    """Encode a value; :class:`Timestamp` becomes an extension or a string, ``Decimal`` a string."""
    return _msgpack_encoder.encode(value) if codec is Codec.MSGPACK else _json_encoder.encode(value)


def decode(codec: Codec, data: bytes | str) -> Any:
    """Decode one value; MessagePack times come back as ``datetime``. Raises WireError."""
    try:
        if codec is Codec.MSGPACK:
            return _msgpack_decoder.decode(data if isinstance(data, bytes) else data.encode())
        return _json_decoder.decode(data)
    except UNREADABLE as error:
        raise WireError(f"was not {codec.value}: {error}") from None


def split(codec: Codec, data: bytes | str) -> list[msgspec.Raw]:
    """Cut an array of messages into slices without decoding them. Raises WireError."""
    try:
        if codec is Codec.MSGPACK:
            return _msgpack_splitter.decode(data if isinstance(data, bytes) else data.encode())
        return _json_splitter.decode(data)
    except UNREADABLE as error:
        raise WireError(f"was not a {codec.value} array: {error}") from None


def event_time_ns(codec: Codec, raw: bytes | msgspec.Raw) -> int | None:
    """Return the time ``t`` of a data message; None when it has none that can be read."""
    try:
        if codec is Codec.MSGPACK:
            return ext_to_ns(memoryview(_event_time.decode(raw).t.data))
        return rfc3339_to_ns(_event_text.decode(raw).t)
    except (*UNREADABLE, WireError):
        return None


def array_header(count: int) -> bytes:
    """Return MessagePack's header of an array with ``count`` elements."""
    if count < 16:
        return bytes((0x90 | count,))
    return struct.pack(">BH", 0xDC, count) if count < 65_536 else struct.pack(">BI", 0xDD, count)


def frame(codec: Codec, slices: Iterable[bytes | msgspec.Raw], count: int) -> bytes:
    """Join ``count`` slices into one array, the payload of one WebSocket message (protocol §1.9)."""
    if codec is Codec.MSGPACK:
        return b"".join((array_header(count), *slices))
    return b"[" + b",".join(slices) + b"]"


def transcode(raw: bytes | msgspec.Raw, source: Codec, target: Codec) -> bytes:
    """Rewrite one message in the other codec: nanoseconds, 64-bit ids, unknown fields and key order stay. Raises WireError."""
    if source is target:
        return bytes(raw)
    try:
        return _to_json(raw) if target is Codec.JSON else _to_msgpack(raw)
    except (*UNREADABLE, *_NO_FORM) as error:
        raise WireError(f"a {source.value} message cannot be rewritten: {error}") from None


def _to_json(raw: bytes | msgspec.Raw) -> bytes:
    message = _msgpack_decoder.decode(raw)
    # msgspec turns timestamps into datetimes, which end at microseconds: read the one that nearly every message has exactly.
    try:
        message["t"] = ns_to_rfc3339(ext_to_ns(memoryview(_event_time.decode(raw).t.data)))
    except (msgspec.ValidationError, TypeError):
        return _json_encoder.encode(_exact(raw))
    return _json_encoder.encode(message if _plain(message) else _exact(raw))


_SCALARS = frozenset({str, int, float, bool, type(None)})


def _plain(value: Any) -> bool:
    """Tell whether nothing in a decoded value lost precision or has no JSON form: no datetime, no extension, no bytes."""
    if type(value) in _SCALARS:
        return True
    if isinstance(value, dict):
        return all(map(_plain, value.values()))
    return isinstance(value, list) and all(map(_plain, value))


def _exact(raw: bytes | msgspec.Raw) -> Any:
    """Decode MessagePack with every timestamp, at any depth, as an RFC 3339 string."""
    lead = memoryview(raw)[0]
    if 0x80 <= lead <= 0x8F or lead in (0xDE, 0xDF):
        return {key: _exact(value) for key, value in _msgpack_fields.decode(raw).items()}
    if 0x90 <= lead <= 0x9F or lead in (0xDC, 0xDD):
        return [_exact(item) for item in _msgpack_items.decode(raw)]
    if 0xD4 <= lead <= 0xD8 or 0xC7 <= lead <= 0xC9:
        ext = msgspec.msgpack.decode(raw, type=msgspec.msgpack.Ext)
        return ns_to_rfc3339(ext_to_ns(memoryview(ext.data))) if ext.code == TIMESTAMP_EXT else ext.data
    return _msgpack_decoder.decode(raw)


def _to_msgpack(raw: bytes | msgspec.Raw) -> bytes:
    return _msgpack_encoder.encode(_typed(_json_decoder.decode(raw)))


def _typed(value: Any, key: str = "") -> Any:
    """Give JSON's strings and numbers the types that MessagePack clients expect under that key."""
    if isinstance(value, dict):
        return {name: _typed(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_typed(item) for item in value]
    if isinstance(value, str) and key in TIME_KEYS:
        try:
            return Timestamp(rfc3339_to_ns(value))
        except WireError:
            return value
    if type(value) is int and key in PRICE_KEYS:
        return float(value)
    return value
