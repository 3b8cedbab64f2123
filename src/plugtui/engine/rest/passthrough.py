"""REST on the gateway port: Alpaca's trading and data APIs for every algorithm, with the real credentials put in (row G7).

Everything that is not named here goes through untouched. Refused here are: wrong keys (401), paths that are none of
Alpaca's (404), new orders of a paused algorithm (403), and what exceeds the shared budget (429). A host that cannot be
reached is 502, one that does not answer 504; for requests that may have traded, 500 (:mod:`plugtui.engine.rest.submission`).
"""

import logging
import math
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec
from aiohttp import web

from plugtui.engine.clients.access import Access
from plugtui.engine.clients.algos import Algo, AlgoDirectory
from plugtui.engine.rest.budget import Budget
from plugtui.engine.rest.forward import Forwarder, NoAnswer, NotSent, error_response, raw_path_qs
from plugtui.engine.rest.routes import TRADES, URGENT, Kind, Route, route
from plugtui.engine.rest.submission import Bookkeeper, Submissions, buffered, unreachable

log = logging.getLogger(__name__)

MAX_EVENT_STREAMS = 64


class Passthrough:
    """The handler of all REST requests; add :meth:`handle` as the last route for every method.

    Args:
        access: who is let in.
        directory: which algorithm it is.
        forwarder: to Alpaca's hosts; started and closed by the caller.
        budget: the shared one.
        bookkeeper: attribution of orders.
        now_ns: the clock.
    """

    def __init__(
        self,
        access: Access,
        directory: AlgoDirectory,
        forwarder: Forwarder,
        budget: Budget,
        bookkeeper: Bookkeeper,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._access = access
        self._directory = directory
        self._forwarder = forwarder
        self._budget = budget
        self._now_ns = now_ns
        self.submissions = Submissions(forwarder, bookkeeper, budget, now_ns=now_ns)
        self.event_streams = 0
        """Event streams that are open."""
        self.failures = 0
        """Requests that got no answer from the hosts."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one REST request of an algorithm."""
        goes_to = route(request.method, raw_path_qs(request).partition("?")[0])
        identity = self._access.check_request(request)
        if identity is None:
            return error_response(40110000, "request is not authorized")
        algo = await self._directory.admit(identity, request)
        algo.requested()
        if goes_to is None or request.headers.get("Upgrade", "").lower() == "websocket":
            return error_response(40410000, f"endpoint not found: {request.path}")
        refusal = self._refusal(algo, goes_to)
        if refusal is not None:
            return refusal
        try:
            return await self._carry(request, algo, goes_to)
        except NotSent as error:
            self.failures += 1
            return unreachable(error)
        except NoAnswer as error:
            self.failures += 1
            return _unanswered(request.method, goes_to, error)

    def _refusal(self, algo: Algo, goes_to: Route) -> web.Response | None:
        if algo.paused and goes_to.kind in TRADES:
            algo.rejects += 1
            return error_response(
                40310000, f"'{algo.name}' is paused in plugtui: new orders are refused, cancels still pass"
            )
        if goes_to.kind is Kind.EVENTS and self.event_streams >= MAX_EVENT_STREAMS:
            return self._too_many(1.0, f"more than {MAX_EVENT_STREAMS} event streams at once")
        wait_s = self._budget.ask(algo.name, goes_to.kind in URGENT, goes_to.host)
        if wait_s > 0:
            algo.throttled += 1
            return self._too_many(wait_s, f"the share of '{algo.name}' in plugtui's budget is used up")
        return None

    def _too_many(self, wait_s: float, why: str) -> web.Response:
        seconds = max(1, math.ceil(wait_s))
        return error_response(
            42910000,
            f"rate limit exceeded: {why}",
            {
                "Retry-After": str(seconds),
                "X-RateLimit-Limit": str(self._budget.per_minute),
                "X-RateLimit-Remaining": "0",
                "X-RateLimit-Reset": str(math.ceil(self._now_ns() / 1e9) + seconds),
            },
        )

    async def _carry(self, request: web.Request, algo: Algo, goes_to: Route) -> web.StreamResponse:
        if goes_to.kind is Kind.SUBMIT:
            return await self.submissions.submit(request, algo)
        if goes_to.kind in (Kind.REPLACE, Kind.CLOSE):
            return await self._orders_from(request, algo, goes_to)
        if goes_to.kind is not Kind.EVENTS:
            return await self._through(request, goes_to)
        self.event_streams += 1
        try:
            return await self._through(request, goes_to)
        finally:
            self.event_streams -= 1

    async def _through(self, request: web.Request, goes_to: Route) -> web.StreamResponse:
        return await self._forwarder.stream(
            request, goes_to.host, partial(self._answered, goes_to.host), endless=goes_to.kind is Kind.EVENTS
        )

    def _answered(self, host: str, status: int, headers: Mapping[str, str]) -> None:
        self._budget.answered(host, status, headers, self._now_ns() / 1e9)

    async def _orders_from(self, request: web.Request, algo: Algo, goes_to: Route) -> web.StreamResponse:
        """Carry a request whose answer has orders that belong to the algorithm from then on."""
        body = await request.read()
        if goes_to.kind is Kind.REPLACE:
            await self.submissions.claim_given(body, algo)
        answer = await self._forwarder.call(
            request.method, goes_to.host, raw_path_qs(request), request.headers, body or None
        )
        self._answered(goes_to.host, answer.status, answer.headers)
        if answer.status < 300:
            for order in orders_in(answer.body):
                algo.orders += 1
                await self.submissions.claimed(order, algo)
        elif 400 <= answer.status < 500 and answer.status != 429:
            algo.rejects += 1
        return buffered(answer)


class _Closed(msgspec.Struct):
    """One item of the answer to closing all positions (protocol §3.4)."""

    status: int
    body: msgspec.Raw


def orders_in(body: bytes) -> list[bytes]:
    """Return the orders in an answer: one order, or a list of ``{symbol, status, body}`` (protocol §3.4)."""
    try:
        value: Any = msgspec.json.decode(body, type=list[_Closed] | dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []
    if isinstance(value, dict):
        return [body] if "client_order_id" in value else []
    return [bytes(item.body) for item in value if item.status < 300]


def _unanswered(method: str, goes_to: Route, error: NoAnswer) -> web.Response:
    if goes_to.kind in TRADES or method == "POST":
        return error_response(
            50010000, f"the broker did not answer ({error}): whether it did this is not known; look before trying again"
        )
    return error_response(50410000, f"the broker did not answer: {error}")
