"""Conversations on a market-data stream, without I/O: what either side says, and the server's session (protocol §1.4–§1.7)."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec

from plugtui.errors import WireError
from plugtui.wire.channels import ANY, QUOTES, TRADES, Family
from plugtui.wire.codec import UNREADABLE, Codec, encode

Pair: TypeAlias = tuple[str, str]
"""(channel, symbol): the unit of interest."""

ERRORS: dict[int, str] = {
    400: "invalid syntax",
    401: "not authenticated",
    402: "auth failed",
    403: "already authenticated",
    404: "auth timeout",
    405: "symbol limit exceeded",
    406: "connection limit exceeded",
    407: "slow client",
    408: "v2 not enabled",
    409: "insufficient subscription",
    410: "invalid subscribe action for this feed",
    411: "insufficient scope",
    412: "option messages are only available in MsgPack format",
    413: "star subscription is not allowed for option quotes",
    500: "internal error",
}

CONNECTED: dict[str, Any] = {"T": "success", "msg": "connected"}
AUTHENTICATED: dict[str, Any] = {"T": "success", "msg": "authenticated"}
AUTH_TIMEOUT_S = 10.0
MAX_REQUEST_SYMBOLS = 400
"""Symbols in one request, so that it stays well under the 32 KiB at which servers closed with 1009 (protocol §1.3)."""


def error(code: int) -> dict[str, Any]:
    """Return the error message with Alpaca's words for ``code``."""
    return {"T": "error", "code": code, "msg": ERRORS[code]}


def control(codec: Codec, message: dict[str, Any]) -> bytes:
    """Encode a control message: always alone in an array of one (protocol §1.9)."""
    return encode(codec, [message])


# ------------------------------------------------------------------- requests


def parse_requests(data: bytes | str) -> list[dict[str, Any]]:
    """Read the requests of one WebSocket message.

    The encoding is recognised by its first byte, since C# sends JSON in binary frames; several JSON objects written back to
    back, as C# may send them, are taken apart (protocol §1.3, §7). Raises WireError when there is anything else.
    """
    raw = data.encode() if isinstance(data, str) else data
    text = raw.lstrip()
    if not text:
        raise WireError("was an empty message, expected a request")
    try:
        requests = _json_values(text.decode()) if text[:1] in b"{[" else [msgspec.msgpack.decode(raw)]
    except (*UNREADABLE, ValueError) as problem:
        raise WireError(f"was not a request: {problem}") from None
    if not all(isinstance(request, dict) for request in requests):
        raise WireError('was not an object, expected a request such as {"action":"auth",…}')
    return requests


def _json_values(text: str) -> list[Any]:
    decoder, values, at = json.JSONDecoder(), [], 0
    while at < len(text):
        value, at = decoder.raw_decode(text, at)
        values.append(value)
        while at < len(text) and text[at].isspace():
            at += 1
    return values


def auth_request(key_id: str, secret: str) -> dict[str, str]:
    """Return the request that authenticates with a key pair; an OAuth token goes as ("oauth", token) (protocol §1.5)."""
    return {"action": "auth", "key": key_id, "secret": secret}


def subscription_requests(action: str, pairs: Iterable[Pair]) -> Iterator[tuple[dict[str, Any], frozenset[Pair]]]:
    """Split ``pairs`` into requests of bounded size; yields each request with the pairs that it names."""
    ordered = sorted(pairs)
    for start in range(0, len(ordered), MAX_REQUEST_SYMBOLS):
        chunk = ordered[start : start + MAX_REQUEST_SYMBOLS]
        request: dict[str, Any] = {"action": action}
        for channel, symbol in chunk:
            request.setdefault(channel, []).append(symbol)
        yield request, frozenset(chunk)


# ------------------------------------------------------------------- server side


class Subscriptions:
    """What one connection is subscribed to: additive, idempotent, with ``*`` as an ordinary entry (protocol §1.6)."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self.pairs: set[Pair] = set()

    def add(self, pairs: Iterable[Pair]) -> None:
        """Add what is not there yet."""
        self.pairs.update(pairs)

    def remove(self, pairs: Iterable[Pair]) -> None:
        """Take away what is there."""
        self.pairs.difference_update(pairs)

    def wants(self, channel: str, symbol: str) -> bool:
        """Tell whether a data message of ``channel`` about ``symbol`` is for this connection."""
        if channel in self.family.automatic:
            channel = TRADES
        return (channel, symbol) in self.pairs or (channel, ANY) in self.pairs

    def symbols(self, channel: str) -> list[str]:
        """Return the symbols of one channel, sorted; the automatic channels mirror trades."""
        source = TRADES if channel in self.family.automatic else channel
        return sorted(symbol for name, symbol in self.pairs if name == source)

    def ack(self, omit_empty: bool = False) -> dict[str, Any]:
        """Return the acknowledgement: the complete state, all keys of the feed in order.

        Args:
            omit_empty: leave empty lists out, as production does in MessagePack; some clients stumble over that.
        """
        lists = {channel: self.symbols(channel) for channel in self.family.ack_keys}
        lists |= {channel: listed for channel in self.family.extra_keys if (listed := self.symbols(channel))}
        return {"T": "subscription"} | {key: value for key, value in lists.items() if value or not omit_empty}


@dataclass(frozen=True, slots=True)
class Authenticate:
    """The client wants to authenticate; ``key_id`` is ``oauth`` or ``access_token`` when ``secret`` is a token."""

    key_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Subscribe:
    """The client wants these pairs too; may be empty, then it wants just the acknowledgement."""

    pairs: frozenset[Pair]


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """The client no longer wants these pairs."""

    pairs: frozenset[Pair]


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer with this error; nothing changes."""

    code: int


Command: TypeAlias = Authenticate | Subscribe | Unsubscribe | Refuse


class MarketDataSession:
    """The server's side of one connection: requests in, commands out; the driver carries them out and answers.

    Args:
        family: the endpoint's family.
        codec: the connection's codec.
        refuse_empty: answer a subscription that names no symbol with 400 instead of an acknowledgement (unknown, §1.6).
    """

    def __init__(self, family: Family, codec: Codec, refuse_empty: bool = False) -> None:
        self.family = family
        self.codec = codec
        self.authenticated = False
        self._refuse_empty = refuse_empty

    def receive(self, data: bytes | str) -> Iterator[Command]:
        """Read one WebSocket message; lazy, so that the state that a first request changes holds for the second."""
        try:
            requests = parse_requests(data)
        except WireError:
            yield Refuse(400)
            return
        for request in requests:
            yield self._command(request)

    def _command(self, request: dict[str, Any]) -> Command:
        match request.get("action"):
            case "auth":
                return self._auth(request)
            case "subscribe" | "unsubscribe" as action:
                if not self.authenticated:
                    return Refuse(401)
                return self._change(action, request)
            case _:
                return Refuse(400)

    def _auth(self, request: dict[str, Any]) -> Command:
        if self.authenticated:
            return Refuse(403)
        if self.family is Family.OPTION and self.codec is Codec.JSON:
            return Refuse(412)
        key_id, secret = request.get("key"), request.get("secret")
        if not isinstance(key_id, str) or not isinstance(secret, str):
            return Refuse(400)
        return Authenticate(key_id, secret)

    def _change(self, action: str, request: dict[str, Any]) -> Command:
        pairs: set[Pair] = set()
        for channel, symbols in request.items():
            if channel == "action" or not symbols or channel in self.family.automatic:
                continue
            if channel not in self.family.channels:
                return Refuse(410)
            if not isinstance(symbols, list) or not all(map(self.family.valid_symbol, symbols)):
                return Refuse(400)
            pairs.update((channel, symbol) for symbol in symbols)
        if self.family is Family.OPTION and action == "subscribe" and (QUOTES, ANY) in pairs:
            return Refuse(413)
        if not pairs and self._refuse_empty:
            return Refuse(400)
        return Subscribe(frozenset(pairs)) if action == "subscribe" else Unsubscribe(frozenset(pairs))


# ------------------------------------------------------------------- client side


class Control(msgspec.Struct):
    """A control message as a client reads it: ``success``, ``error`` or ``subscription``."""

    T: str
    msg: str = ""
    code: int = 0


CONTROL_TYPES = frozenset({"success", "error", "subscription"})

_control_decoders = {
    Codec.MSGPACK: msgspec.msgpack.Decoder(Control, strict=False).decode,
    Codec.JSON: msgspec.json.Decoder(Control, strict=False).decode,
}


def read_control(codec: Codec, raw: bytes | msgspec.Raw) -> Control:
    """Decode a control message. Raises WireError."""
    try:
        return _control_decoders[codec](raw)
    except UNREADABLE as problem:
        raise WireError(f"was not a control message: {problem}") from None
