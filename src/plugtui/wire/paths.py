"""From the path that a client asks for to the endpoint that it means (protocol §1.1, §5.1)."""

import re
from dataclasses import dataclass

from plugtui.wire.channels import Family
from plugtui.wire.codec import Codec

STOCK_FEEDS = ("iex", "sip", "delayed_sip", "otc")
BETA_STOCK_FEEDS = ("boats", "overnight")
OPTION_FEEDS = ("indicative", "opra")
CRYPTO_LOCATIONS = ("us", "us-1", "us-2", "eu-1", "bs-1", "global")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One upstream stream."""

    path: str
    """Canonical upstream path, ``/v2/iex``."""
    kind: str
    """``data`` or ``account``."""
    family: Family | None
    """None for the account stream."""
    default_codec: Codec
    """Codec when the client's upgrade names none: JSON, on option paths MessagePack."""


def _data(path: str, family: Family, codec: Codec = Codec.JSON) -> Endpoint:
    return Endpoint(path, "data", family, codec)


ACCOUNT = Endpoint("/stream", "account", None, Codec.JSON)
TEST = _data("/v2/test", Family.TEST)
NEWS = _data("/v1beta1/news", Family.NEWS)


def stock(feed: str) -> Endpoint:
    """Return the endpoint of a stock feed: ``boats`` and ``overnight`` live under ``v1beta1``."""
    if feed == "test":
        return TEST
    return _data(f"/{'v1beta1' if feed in BETA_STOCK_FEEDS else 'v2'}/{feed}", Family.STOCK)


def crypto(location: str = "us") -> Endpoint:
    """Return the endpoint of a crypto location."""
    return _data(f"/v1beta3/crypto/{location}", Family.CRYPTO)


def option(feed: str) -> Endpoint:
    """Return the endpoint of an option feed: MessagePack unless the client insists on JSON."""
    return _data(f"/v1beta1/{feed}", Family.OPTION, Codec.MSGPACK)


def resolve(path: str, default_feed: str = "iex") -> Endpoint | None:
    """Find the endpoint for a requested path: slashes collapsed, trailing slash and query ignored, aliases followed.

    ``/`` (C#, alpaca-py with a bare host) means the stock feed ``default_feed``. None: no such endpoint (404).
    """
    parts = [part for part in re.split("/+", path.partition("?")[0]) if part]
    match parts:
        case []:
            return stock(default_feed)
        case ["stream"]:
            return ACCOUNT
        case ["v2", "test"] | ["test"]:
            return TEST
        case ["news"] | ["v1beta1", "news"]:
            return NEWS
        case [feed] | ["v2" | "v1beta1", feed] if feed in STOCK_FEEDS + BETA_STOCK_FEEDS:
            return stock(feed)
        case [feed] | ["v1beta1", feed] if feed in OPTION_FEEDS:
            return option(feed)
        case ["v1beta3", "crypto", location] if location in CRYPTO_LOCATIONS:
            return crypto(location)
        case [location] if location in CRYPTO_LOCATIONS:
            return crypto(location)
        case ["v1beta1" | "v1beta2", "crypto"]:
            return _data("/" + "/".join(parts), Family.CRYPTO)
    return None
