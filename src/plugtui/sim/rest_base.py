"""What all trading routes share: keys, rate limit, faults, error bodies (protocol §3.1)."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from aiohttp import web

from plugtui.sim.accounts import Account
from plugtui.sim.credentials import header_credentials
from plugtui.sim.exchange import Exchange
from plugtui.sim.knobs import TradingFaults
from plugtui.sim.rate_limit import RateLimiter
from plugtui.sim.rejections import Rejection, bad_request, invalid, not_found

Handler: TypeAlias = Callable[[web.Request, Account], Awaitable[web.StreamResponse]]
AiohttpHandler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


def json_response(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Answer with JSON as Alpaca sends it."""
    text = json.dumps(body, separators=(",", ":"))
    return web.Response(text=text, status=status, headers=headers, content_type="application/json", charset="utf-8")


def refusal_response(refusal: Rejection) -> web.Response:
    """Answer with a refusal's error body."""
    return json_response(refusal.body(), refusal.status)


async def read_body(request: web.Request) -> dict[str, Any]:
    """Read a JSON object, ``{}`` from an empty body. Raises Rejection (400)."""
    raw = await request.read()
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw)
    except ValueError:
        raise bad_request() from None
    if not isinstance(body, dict):
        raise bad_request()
    return body


def read_int(parameters: Mapping[str, str], key: str, default: int, most: int) -> int:
    """Read a whole number from 1 to ``most``. Raises Rejection (422)."""
    value = parameters.get(key)
    if value in (None, ""):
        return default
    try:
        number = int(str(value))
    except ValueError:
        number = 0
    if not 1 <= number <= most:
        raise invalid(f"{key} must be between 1 and {most}")
    return number


def read_names(parameters: Mapping[str, str], key: str) -> frozenset[str]:
    """Read a comma list; empty when absent."""
    return frozenset(name.strip() for name in (parameters.get(key) or "").split(",") if name.strip())


def read_flag(parameters: Mapping[str, str], key: str) -> bool:
    """Read a boolean parameter; the SDKs write ``true``, ``True`` and ``1``."""
    return (parameters.get(key) or "").lower() in ("true", "1", "t")


class Door:
    """Let a request in: fault knobs, then keys, then the rate limit; turn refusals into error bodies.

    Args:
        exchange: who the accounts are.
        faults: read at each request.
    """

    def __init__(self, exchange: Exchange, faults: TradingFaults) -> None:
        self.exchange = exchange
        self.faults = faults
        self.limiter = RateLimiter(lambda: faults.rest_limit)

    def account_of(self, request: web.Request) -> Account | None:
        """Return the account whose key pair or bearer token the request carries."""
        credentials = header_credentials(request.headers.get)
        return self.exchange.authenticate(*credentials) if credentials else None

    def guard(self, handler: Handler) -> AiohttpHandler:
        """Wrap a route's handler."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            if self.faults.rest_delay_s:
                await asyncio.sleep(self.faults.rest_delay_s)
            if status := self.faults.rest_status:
                return json_response({"code": status * 100_000, "message": "internal server error occurred"}, status)
            account = self.account_of(request)
            if account is None:
                return refusal_response(Rejection(401, 40110000, "request is not authorized"))
            allowed, headers = self.limiter.count(account.key_id, self.exchange.now_ns())
            if not allowed:
                response: web.StreamResponse = refusal_response(Rejection(429, 42910000, "rate limit exceeded"))
            else:
                response = await self._answer(handler, request, account)
            if not response.prepared:
                response.headers.update(headers)
            return response

        return guarded

    @staticmethod
    async def _answer(handler: Handler, request: web.Request, account: Account) -> web.StreamResponse:
        try:
            return await handler(request, account)
        except Rejection as refusal:
            return refusal_response(refusal)


async def absent(request: web.Request, account: Account) -> web.Response:
    """Answer a route of Alpaca's that the simulator does not have."""
    raise not_found("endpoint not found")
