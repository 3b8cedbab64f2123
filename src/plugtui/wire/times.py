"""Time on Alpaca's wires: RFC 3339 strings in JSON, extension type −1 in MessagePack (protocol §1.3, §1.11).

Inside plugtui a time is an integer: nanoseconds since the epoch, UTC.
"""

import re
import struct
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from plugtui.errors import WireError

NS = 1_000_000_000
_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,12}))?(?:([Zz])|([+-])(\d\d):?(\d\d))?", re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Timestamp:
    """A time inside a message: the encoder writes it as the codec wants it."""

    __slots__ = ("ns",)

    def __init__(self, ns: int) -> None:
        self.ns = ns

    def __repr__(self) -> str:
        return f"Timestamp({ns_to_rfc3339(self.ns)})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Timestamp) and other.ns == self.ns

    def __hash__(self) -> int:
        return hash(self.ns)


def ns_to_rfc3339(ns: int) -> str:
    """Format as Alpaca does: UTC with ``Z``, up to nine fractional digits, trailing zeros removed."""
    seconds, fraction = divmod(ns, NS)
    text = _second(seconds)
    return f"{text}.{fraction:09d}".rstrip("0") + "Z" if fraction else f"{text}Z"


@lru_cache(maxsize=1024)
def _second(seconds: int) -> str:
    """Format whole seconds; messages of one second share the work."""
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()[:19]


def rfc3339_to_ns(text: str) -> int:
    """Read any RFC 3339 time, with ``Z``, an offset or (taken as UTC) neither. Raises WireError."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise WireError(f"was {text[:40]!r}, expected an RFC 3339 time such as 2021-02-22T15:51:44.208Z")
    year, month, day, hour, minute, second, fraction, _, sign, off_hour, off_minute = match.groups()
    try:
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), min(int(second), 59), tzinfo=UTC)
    except ValueError as error:
        raise WireError(f"was {text[:40]!r}, expected an RFC 3339 time: {error}") from None
    since = moment - _EPOCH
    seconds = since.days * 86_400 + since.seconds + (1 if second == "60" else 0)
    if sign:
        offset = int(off_hour) * 3600 + int(off_minute) * 60
        seconds -= offset if sign == "+" else -offset
    return seconds * NS + (int(fraction[:9].ljust(9, "0")) if fraction else 0)


def ns_to_ext(ns: int) -> bytes:
    """Return the payload of MessagePack's timestamp extension: the shortest of its 4, 8 and 12 byte forms."""
    seconds, nanos = divmod(ns, NS)
    if 0 <= seconds < 1 << 34:
        if nanos or seconds >> 32:
            return struct.pack(">Q", nanos << 34 | seconds)
        return struct.pack(">I", seconds)
    return struct.pack(">Iq", nanos, seconds)


def ext_to_ns(payload: bytes | bytearray | memoryview) -> int:
    """Read the payload of MessagePack's timestamp extension. Raises WireError."""
    match len(payload):
        case 4:
            return int(struct.unpack(">I", payload)[0]) * NS
        case 8:
            value = int(struct.unpack(">Q", payload)[0])
            return (value & 0x3_FFFF_FFFF) * NS + (value >> 34)
        case 12:
            nanos, seconds = struct.unpack(">Iq", payload)
            return int(seconds) * NS + int(nanos)
        case size:
            raise WireError(f"was a timestamp of {size} bytes, expected 4, 8 or 12")
