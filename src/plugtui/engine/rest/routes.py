"""What a REST request is, by its method and path, and which of Alpaca's hosts answers it (protocol §3). Pure."""

import re
from enum import Enum
from urllib.parse import unquote

import msgspec


class Kind(Enum):
    """Kinds of requests that are treated differently."""

    SUBMIT = "submit"
    """A new order."""
    REPLACE = "replace"
    CLOSE = "close"
    """Closing positions: the broker makes the orders."""
    TRADE = "trade"
    """Anything else that trades: exercising an option."""
    CANCEL = "cancel"
    EVENTS = "events"
    """Server-sent events: an answer without an end."""
    OTHER = "other"


TRADES = frozenset({Kind.SUBMIT, Kind.REPLACE, Kind.CLOSE, Kind.TRADE})
"""Refused while an algorithm is paused."""
URGENT = TRADES | {Kind.CANCEL}
"""First in the REST budget."""


class Route(msgspec.Struct, frozen=True):
    """Where a request goes and what it is."""

    host: str
    """``trading`` or ``data``."""
    kind: Kind


_VERSION = re.compile(r"/v\d+(?:(?:alpha|beta)\d+)?(/|$)")
_DATA = re.compile(
    r"/v2/(stocks|perpetuals)(/|$)"
    r"|/v1beta[123]/"
    r"|/v1/(corporate-actions|bars|last|last_quote|meta)(/|$)"
)
_TRADING = re.compile(r"/v1beta[123]/(events|accounts)(/|$)")
_EVENTS = re.compile(r"(/v[^/]+)?/events(/|$)")
_ORDERS = re.compile(r"/v[12]/orders/?")
_ORDER = re.compile(r"/v[12]/orders/[^/]+/?")
_POSITIONS = re.compile(r"/v[12]/positions(/.+)?")
"""A crypto symbol may have a slash in it, ``BTC%2FUSD``."""
_POSITION_ACTION = re.compile(r"/v[12]/positions/[^/]+/.+")


def clean_path(path: str) -> str:
    """Collapse repeated slashes, as servers do: some SDKs join a base URL that ends in one."""
    return re.sub(r"/{2,}", "/", path)


def route(method: str, raw_path: str) -> Route | None:
    """Return where a request goes; ``None`` for a path that is none of Alpaca's.

    Args:
        method: in capitals.
        raw_path: percent-encoded, without the query.
    """
    path = clean_path(unquote(raw_path))
    if any(segment in (".", "..") for segment in path.split("/")):
        # the far end might resolve it to a path that is treated differently here
        return None
    if _EVENTS.match(path):
        return Route("trading", Kind.EVENTS)
    if not _VERSION.match(path):
        return None
    if _DATA.match(path) and not _TRADING.match(path):
        return Route("data", Kind.OTHER)
    return Route("trading", _kind(method, path))


def _kind(method: str, path: str) -> Kind:
    kind = Kind.OTHER
    if method == "POST":
        if _ORDERS.fullmatch(path):
            kind = Kind.SUBMIT
        elif _POSITION_ACTION.fullmatch(path):
            kind = Kind.TRADE
    elif method in ("PATCH", "PUT"):
        kind = Kind.REPLACE if _ORDER.fullmatch(path) else Kind.OTHER
    elif method == "DELETE":
        if _ORDERS.fullmatch(path) or _ORDER.fullmatch(path):
            kind = Kind.CANCEL
        elif _POSITIONS.fullmatch(path):
            kind = Kind.CLOSE
    return kind
