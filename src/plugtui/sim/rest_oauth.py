"""OAuth 2 as Alpaca Connect does it: a browser's consent, a code, a bearer token (protocol §3.9).

Nobody is asked: consent is given at once for the account that the request names (``account=NAME``, the simulator's own
parameter), by default ``demo``.
"""

from urllib.parse import urlencode, urlsplit

from aiohttp import web

from plugtui.sim.exchange import Exchange
from plugtui.sim.rest_base import json_response

SCOPES = frozenset({"account:write", "trading", "data"})
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
AUTHORIZE_FIELDS = ("client_id", "redirect_uri")
TOKEN_FIELDS = ("code", "client_id", "client_secret", "redirect_uri")


def add_oauth_routes(app: web.Application, exchange: Exchange) -> None:
    """Register ``GET /oauth/authorize`` and ``POST /oauth/token``."""
    OAuthRoutes(exchange).add_to(app)


class OAuthRoutes:
    """Give out each account's token for a code that works once."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._codes: dict[str, tuple[str, str, str, str]] = {}
        """Code → account, client id, redirect address, scope."""

    def add_to(self, app: web.Application) -> None:
        """Register the routes."""
        app.router.add_get("/oauth/authorize", self._authorize)
        app.router.add_post("/oauth/token", self._token)

    async def _authorize(self, request: web.Request) -> web.Response:
        query = request.query
        account = query.get("account", "demo")
        target = query.get("redirect_uri", "")
        if query.get("response_type") != "code" or any(not query.get(field) for field in AUTHORIZE_FIELDS):
            return _error("invalid_request")
        # Registered addresses are this machine's alone, as nobody registers any.
        if urlsplit(target).hostname not in LOOPBACK or account not in self._exchange.accounts:
            return _error("invalid_request")
        scope = query.get("scope", "")
        if not set(scope.split()) <= SCOPES:
            return _error("invalid_scope")
        code = self._exchange.new_id()
        self._codes[code] = (account, query["client_id"], target, scope)
        answer = {"code": code} | ({"state": query["state"]} if "state" in query else {})
        joint = "&" if urlsplit(target).query else "?"
        raise web.HTTPFound(f"{target}{joint}{urlencode(answer)}")

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        fields = {name: str(form.get(name, "")) for name in TOKEN_FIELDS}
        if form.get("grant_type") != "authorization_code":
            return _error("unsupported_grant_type")
        if not all(fields.values()):
            return _error("invalid_request")
        granted = self._codes.pop(fields["code"], None)
        if granted is None or granted[1:3] != (fields["client_id"], fields["redirect_uri"]):
            return _error("invalid_grant")
        token = self._exchange.accounts[granted[0]].token.reveal()
        return json_response({"access_token": token, "token_type": "bearer", "scope": granted[3]})


def _error(kind: str) -> web.Response:
    return json_response({"error": kind}, 400)
