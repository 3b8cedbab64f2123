"""Conversations on the account stream ``/stream``, without I/O (protocol §2). One JSON object a message, never an array."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from plugtui.errors import WireError
from plugtui.wire.marketdata import parse_requests

TRADE_UPDATES = "trade_updates"
KNOWN_STREAMS = frozenset({TRADE_UPDATES})

DEPRECATION = (
    "this authentication format is being deprecated. "
    'Please use the format: {"action": "auth", "key": "x", "secret": "x"}'
)
"""What a successful legacy authentication says since 2023 (protocol §2.2)."""


def _message(stream: str, **data: Any) -> dict[str, Any]:
    return {"stream": stream, "data": data}


# ------------------------------------------------------------------- what the server says


def authorized(deprecated: bool = False) -> dict[str, Any]:
    """Return the reply to good keys; with the deprecation notice for the legacy request."""
    extra = {"message": DEPRECATION} if deprecated else {}
    return _message("authorization", action="authenticate", **extra, status="authorized")


def unauthorized() -> dict[str, Any]:
    """Return the reply to bad keys; the connection stays open."""
    return _message(
        "authorization", action="authenticate", message="access key verification failed", status="unauthorized"
    )


def listen_unauthorized() -> dict[str, Any]:
    """Return the reply to a ``listen`` before the authorization."""
    return _message("authorization", status="unauthorized", action="listen")


def listening(streams: Iterable[str]) -> dict[str, Any]:
    """Return the reply to ``listen``: the streams that are now listened to."""
    return _message("listening", streams=sorted(streams))


def error(text: str) -> dict[str, Any]:
    """Return the error object that may precede a close (protocol §2.3)."""
    return {"action": "error", "data": {"error_message": text}}


def trade_updates(data: dict[str, Any]) -> dict[str, Any]:
    """Wrap an order event."""
    return {"stream": TRADE_UPDATES, "data": data}


# ------------------------------------------------------------------- the server's session


@dataclass(frozen=True, slots=True)
class Authenticate:
    """The client wants to authenticate; ``key_id`` is ``oauth`` when ``secret`` is a token."""

    key_id: str
    secret: str = field(repr=False)
    legacy: bool
    """It used ``{"action":"authenticate"}``."""


@dataclass(frozen=True, slots=True)
class Listen:
    """The client wants exactly these streams from now on; unknown ones are already left out."""

    streams: frozenset[str]


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer with this message; nothing changes."""

    message: dict[str, Any]


Command: TypeAlias = Authenticate | Listen | Answer


class AccountSession:
    """The server's side of one account-stream connection: requests in, commands out."""

    def __init__(self) -> None:
        self.authenticated = False
        self.streams: frozenset[str] = frozenset()

    def receive(self, data: bytes | str) -> Iterator[Command]:
        """Read one WebSocket message; lazy, so that the state that a first request changes holds for the second."""
        try:
            requests = parse_requests(data)
        except WireError:
            yield Answer(error("invalid syntax"))
            return
        for request in requests:
            yield self._command(request)

    def _command(self, request: dict[str, Any]) -> Command:
        data = request.get("data")
        data = data if isinstance(data, dict) else {}
        match request.get("action"):
            case "auth":
                return self._credentials(request.get("key"), request.get("secret"), legacy=False)
            case "authenticate" if "oauth_token" in data:
                return self._credentials("oauth", data["oauth_token"], legacy=True)
            case "authenticate":
                return self._credentials(data.get("key_id"), data.get("secret_key"), legacy=True)
            case "listen":
                return self._listen(data.get("streams"))
            case _:
                return Answer(error("invalid action"))

    def _credentials(self, key_id: object, secret: object, legacy: bool) -> Command:
        if isinstance(key_id, str) and isinstance(secret, str):
            return Authenticate(key_id, secret, legacy)
        return Answer(unauthorized())

    def _listen(self, streams: object) -> Command:
        if not self.authenticated:
            return Answer(listen_unauthorized())
        named = streams if isinstance(streams, list) else []
        return Listen(KNOWN_STREAMS & {name for name in named if isinstance(name, str)})


# ------------------------------------------------------------------- what the client says


def auth_request(key_id: str, secret: str, legacy: bool = False) -> str:
    """Return the authentication request; an OAuth token goes as ("oauth", token)."""
    if not legacy:
        return json.dumps({"action": "auth", "key": key_id, "secret": secret})
    data = {"oauth_token": secret} if key_id == "oauth" else {"key_id": key_id, "secret_key": secret}
    return json.dumps({"action": "authenticate", "data": data})


def listen_request(streams: Iterable[str] = (TRADE_UPDATES,)) -> str:
    """Return the request that replaces what is listened to."""
    return json.dumps({"action": "listen", "data": {"streams": list(streams)}})
