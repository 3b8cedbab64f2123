"""Why a host cannot be reached, in words for a person, from what ``requests`` raises."""

import socket
import ssl
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from plugtui.errors import BrokerUnavailable, describe

_ADDRESS = "the address in APCA_API_BASE_URL"


def unreachable(error: Exception, url: str) -> BrokerUnavailable:
    """Return the error to raise instead of ``error``, a RequestException of the request for ``url``."""
    host = urlsplit(url).netloc.rpartition("@")[2] or url
    reason, hint = _why(list(_chain(error)))
    return BrokerUnavailable(f"{host} does not answer: {reason}", hint)


def _why(causes: list[BaseException]) -> tuple[str, str]:
    from requests.exceptions import Timeout

    for cause in causes:
        if isinstance(cause, socket.gaierror):
            return "this name is not known (DNS)", f"Check the network connection, and {_ADDRESS}."
        if isinstance(cause, ssl.SSLCertVerificationError):
            why = getattr(cause, "verify_message", "") or "not to be verified"
            hint = f"A proxy may stand between, this machine's clock may be wrong, or {_ADDRESS} is not the broker's."
            return f"its certificate is not accepted ({why})", hint
        if isinstance(cause, ssl.SSLError):
            return f"no TLS there ({cause.reason or 'SSL error'})", f"Check {_ADDRESS}: https or http, and the port."
        if isinstance(cause, ConnectionRefusedError):
            return "connection refused", f"Nothing listens there: check {_ADDRESS}."
    if any(isinstance(cause, Timeout | TimeoutError) for cause in causes):
        return "no answer in time", "Check the network connection; the broker may be down: status.alpaca.markets."
    for cause in reversed(causes):
        if isinstance(cause, OSError) and cause.errno:
            return describe(cause), "Check the network connection."
    return type(causes[0]).__name__, "Check the network connection."


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and what it came from; urllib3 keeps some of it in ``reason``, requests in its first argument."""
    seen: set[int] = set()
    queue: list[Any] = [error]
    while queue:
        one = queue.pop(0)
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            first = one.args[0] if one.args else None
            queue += [first, getattr(one, "reason", None), one.__cause__, one.__context__]
