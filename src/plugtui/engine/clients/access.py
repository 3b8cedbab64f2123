"""Who may use the gateway: the engine's own keys or issued ones, and no browser page ever.

A request presents credentials in one of the forms of protocol §1.5 (two headers, bearer token, basic); a stream
presents them in its first message as key and secret, where the keys ``oauth`` and ``access_token`` announce a token
(protocol §1.5, §2.2). All comparisons take the same time whatever is wrong. What was presented is never logged.

A page in the user's browser can send requests to this machine too. Such a request carries an ``Origin`` (or, after DNS
rebinding, a foreign ``Host``), and is refused before anything looks at it.
"""

import base64
import binascii
import ipaddress
import logging
import time
from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import urlsplit

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from plugtui.secrets import Secret, mask
from plugtui.store.keys import AlgoKey

log = logging.getLogger(__name__)

KEY_HEADER = "APCA-API-KEY-ID"
SECRET_HEADER = "APCA-API-SECRET-KEY"
CREDENTIAL_HEADERS = (KEY_HEADER, SECRET_HEADER, "Authorization", "Proxy-Authorization", "Cookie")
"""Request headers that may carry a client's own credentials: none of them leaves the gateway."""

_TOKEN_KEYS = frozenset({"oauth", "access_token"})
_LOG_EVERY_S = 10.0


class Presented(msgspec.Struct, frozen=True):
    """What a client presented: a key pair, or a token with an empty ``key_id``."""

    key_id: str
    secret: Secret


class Identity(msgspec.Struct, frozen=True):
    """Who was let in."""

    key: AlgoKey | None = None
    """The issued pair; ``None``: the engine's own keys."""

    @property
    def name(self) -> str | None:
        """The name that the pair was issued to."""
        return self.key.name if self.key else None


class KeySource(Protocol):
    """Where issued pairs are looked up: :class:`plugtui.store.keys.KeyStore`."""

    def with_id(self, key_id: str) -> AlgoKey | None:
        """Return the pair with this key id."""

    def with_secret(self, secret: str) -> AlgoKey | None:
        """Return the pair with this secret."""


def presented_in(headers: Mapping[str, str]) -> Presented | None:
    """Return the credentials in a request's headers (protocol §1.5, §3.1), ``None`` when none can be read."""
    key_id, secret = headers.get(KEY_HEADER), headers.get(SECRET_HEADER)
    if key_id or secret:
        return Presented(key_id or "", Secret(secret or "")) if key_id and secret else None
    scheme, _, value = headers.get("Authorization", "").partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer" and value:
        return Presented("", Secret(value))
    if scheme.lower() == "basic":
        try:
            user, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return None
        return Presented(user, Secret(password)) if colon and user and password else None
    return None


def presented_by_message(key: str, secret: str) -> Presented:
    """Return the credentials of a stream's authentication message (protocol §1.5, §2.2)."""
    return Presented("" if key in _TOKEN_KEYS else key, Secret(secret))


class RateLimitedLog:
    """Log at most one line per subject and ten seconds; the next one says how many were left out."""

    def __init__(self, logger: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = logger
        self._clock = clock
        self._last: dict[str, tuple[float, int]] = {}

    def warning(self, subject: str, message: str) -> None:
        """Log ``message`` unless a line about ``subject`` was written a moment ago."""
        now = self._clock()
        last, suppressed = self._last.get(subject, (-_LOG_EVERY_S, 0))
        if now - last < _LOG_EVERY_S:
            self._last[subject] = (last, suppressed + 1)
            return
        if len(self._last) > 256:
            self._last = {key: entry for key, entry in self._last.items() if now - entry[0] < _LOG_EVERY_S}
        self._last[subject] = (now, 0)
        self._log.warning("%s%s", message, f" ({suppressed} more like this)" if suppressed else "")


class Access:
    """Decide who is let in.

    Args:
        keys: issued pairs.
        key_id: the engine's own key id; ``oauth`` when it runs with a token.
        secret: the engine's own secret key, or its OAuth token.
        clock: for the rate of the log lines.
    """

    def __init__(
        self, keys: KeySource, key_id: str, secret: Secret, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._keys = keys
        self._key_id = Secret("" if key_id in _TOKEN_KEYS else key_id)
        self._secret = secret
        self._refusals = RateLimitedLog(log, clock)
        self.refused = 0
        """Attempts with wrong or missing credentials since the start."""

    def check(self, presented: Presented | None, address: str = "") -> Identity | None:
        """Return who presents these credentials; ``None`` when they are wrong, missing or revoked.

        Args:
            presented: from :func:`presented_in` or :func:`presented_by_message`.
            address: where the client is, for the log.
        """
        identity = self._own(presented) or self._issued(presented) if presented else None
        if identity is None:
            self.refused += 1
            shown = (
                f"key {mask(presented.key_id)}"
                if presented and presented.key_id
                else "a token"
                if presented
                else "none"
            )
            self._refusals.warning(
                address, f"refused a client at {address or 'an unknown address'}: {shown} is not valid here"
            )
        return identity

    def check_message(self, key: str, secret: str, address: str = "") -> Identity | None:
        """Return who authenticates with this message of a stream (``Authenticate`` of the wire package)."""
        return self.check(presented_by_message(key, secret), address)

    def check_request(self, request: web.BaseRequest) -> Identity | None:
        """Return who sends this request, by its headers."""
        return self.check(presented_in(request.headers), request.remote or "")

    def _own(self, presented: Presented) -> Identity | None:
        # both comparisons always run: the time must not tell which of the two was wrong
        same_key = self._key_id.matches(presented.key_id)
        same_secret = self._secret.matches(presented.secret.reveal())
        return Identity() if same_key and same_secret and self._secret else None

    def _issued(self, presented: Presented) -> Identity | None:
        secret = presented.secret.reveal()
        key = self._keys.with_id(presented.key_id) if presented.key_id else self._keys.with_secret(secret)
        if key is None or not key.accepts(secret) or key.revoked:
            return None
        return Identity(key)


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address always means this machine."""
    name = host.strip("[]").lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


class BrowserGuard:
    """Refuse browser pages: an aiohttp middleware for every route of the gateway port.

    ``Host`` must name this machine by a loopback name or address, or be listed: a page whose own name was rebound to
    127.0.0.1 shows its name there. Any port is fine: a page cannot forge the name with it, and an SSH tunnel may begin at
    another one. ``Origin``, which browsers add to what pages do, must be listed or be the gateway's own address
    (libraries such as websocket-client send that). An engine that was told to listen elsewhere is reached under names
    that it cannot know, so there only ``Origin`` is checked.

    Args:
        host: the address that the gateway listens on.
        allowed_origins: origins that are let through, ``https://desk.example``.
        allowed_hosts: further values of ``Host``, ``desk.example:8765`` (a reverse proxy).
    """

    def __init__(
        self, host: str = "127.0.0.1", allowed_origins: tuple[str, ...] = (), allowed_hosts: tuple[str, ...] = ()
    ) -> None:
        self._local_only = is_loopback(host)
        self._origins = frozenset(origin.rstrip("/").lower() for origin in allowed_origins)
        self._hosts = frozenset(name.lower() for name in allowed_hosts)
        self._refusals = RateLimitedLog(log)

    @property
    def middleware(self) -> Middleware:
        """The middleware to give to :class:`aiohttp.web.Application`."""

        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            problem = self.problem(request.headers)
            if problem:
                self._refusals.warning(problem, f"refused a request from {request.remote}: {problem}")
                return web.json_response({"code": 40310000, "message": problem}, status=403)
            return await handler(request)

        return guard

    def problem(self, headers: Mapping[str, str]) -> str:
        """Return why a request with these headers is refused; empty when it is not."""
        host = headers.get("Host", "").lower()
        if self._local_only and host not in self._hosts and not is_loopback(_name_in(host)):
            return f"the Host '{host[:80]}' is not an address of this gateway"
        origin = headers.get("Origin")
        if origin is not None and not self._origin_allowed(origin.rstrip("/").lower(), host):
            return f"requests of web pages are refused (Origin {origin[:80]})"
        if origin is None and headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            return "requests of web pages are refused"
        return ""

    def _origin_allowed(self, origin: str, host: str) -> bool:
        if origin in self._origins:
            return True
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https", "ws", "wss") or parts.netloc != host or not host:
            return False
        # the same origin as the Host proves nothing when the name may have been rebound
        name = _name_in(host)
        return host in self._hosts or is_loopback(name) or _is_address(name)


def _name_in(host: str) -> str:
    """Return the name or address in a ``Host`` header, without its port."""
    return host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
