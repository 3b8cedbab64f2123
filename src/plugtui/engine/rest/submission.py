"""New orders: attributed before they are sent, never sent twice.

The order gets a ``client_order_id`` when its sender gave none, and that id is claimed for the algorithm, on disk, before
the broker sees it. When no answer comes, the order is looked up by that id instead of being sent again.

Why an order whose fate is unknown is answered with 500, not 504: alpaca-py, alpaca-trade-api and the C# SDK send a
request again after 504 (protocol §3.1), and an order without an id of its own would then be bought twice.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import quote

import msgspec
from aiohttp import web

from plugtui.engine.clients.access import RateLimitedLog
from plugtui.engine.clients.algos import Algo
from plugtui.engine.rest.budget import Budget
from plugtui.engine.rest.forward import Answer, Forwarder, NoAnswer, NotSent, error_response, raw_path_qs, returned
from plugtui.errors import StoreError

log = logging.getLogger(__name__)

_LOOK_UP_AFTER_S = (0.1, 0.5, 1.5)
_GATEWAY_ERRORS = frozenset({502, 503, 504})
"""Said by a machine in front of the broker, which may not know what became of the order."""


class Bookkeeper(Protocol):
    """Attribution of orders: :class:`plugtui.engine.account.orders.OrderBookkeeper`."""

    async def claim(self, *, client_order_id: str, algo: str, time_ns: int) -> object:
        """Keep durably that the order with this id will be of ``algo``. Raises StoreError."""

    async def claimed_order(self, order_json: bytes, algo: str) -> object:
        """Take over an order of ``algo`` from the broker's answer, its legs along. Raises StoreError."""


class Submissions:
    """Carry new orders to the broker.

    Args:
        forwarder: to the trading host.
        bookkeeper: keeps whose order it is.
        budget: learns from the answers.
        new_id: makes a ``client_order_id``.
        now_ns: the clock.
        look_up_after_s: pauses before each look-up of an order that was not answered.
    """

    def __init__(
        self,
        forwarder: Forwarder,
        bookkeeper: Bookkeeper,
        budget: Budget,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
        now_ns: Callable[[], int] = time.time_ns,
        look_up_after_s: tuple[float, ...] = _LOOK_UP_AFTER_S,
    ) -> None:
        self._forwarder = forwarder
        self._bookkeeper = bookkeeper
        self._budget = budget
        self._new_id = new_id
        self._now_ns = now_ns
        self._look_up_after_s = look_up_after_s
        self._problems = RateLimitedLog(log)
        self.unanswered = 0
        """Orders whose answer did not come."""
        self.unknown = 0
        """Of these, orders that could not be found either."""

    async def submit(self, request: web.Request, algo: Algo) -> web.StreamResponse:
        """Send the order in ``request`` for ``algo``, once."""
        body, client_order_id = with_id(await request.read(), self._new_id)
        if client_order_id:
            await self._claim(client_order_id, algo)
        try:
            answer = await self._forwarder.call("POST", "trading", raw_path_qs(request), request.headers, body)
        except NotSent as error:
            return unreachable(error)
        except NoAnswer as error:
            return await self._find(client_order_id, algo, request.headers, str(error))
        self._budget.answered("trading", answer.status, answer.headers, self._now_ns() / 1e9)
        if answer.status in _GATEWAY_ERRORS:
            return await self._find(client_order_id, algo, request.headers, f"its gateway said {answer.status}")
        return await self._settle(answer, algo)

    async def _settle(self, answer: Answer, algo: Algo) -> web.Response:
        if answer.status < 300:
            algo.orders += 1
            await self.claimed(answer.body, algo)
        elif 400 <= answer.status < 500 and answer.status != 429:
            algo.rejects += 1
        return buffered(answer)

    async def _find(
        self, client_order_id: str, algo: Algo, headers: Mapping[str, str], problem: str
    ) -> web.StreamResponse:
        """Look for an order that was not answered; it is never sent again."""
        self.unanswered += 1
        log.warning("an order of %s was not answered (%s), looking for %s", algo.name, problem, client_order_id or "it")
        path = f"/v2/orders:by_client_order_id?client_order_id={quote(client_order_id, safe='')}"
        headers = {name: value for name, value in headers.items() if name.lower() == "user-agent"}
        for pause_s in self._look_up_after_s if client_order_id else ():
            await asyncio.sleep(pause_s)
            self._budget.spend()
            try:
                answer = await self._forwarder.call("GET", "trading", path, headers, None)
            except (NotSent, NoAnswer) as error:
                log.warning("looking for order %s failed: %s", client_order_id, error)
                continue
            if answer.status == 200:
                return await self._settle(answer, algo)
        self.unknown += 1
        return _unknown(client_order_id, problem)

    async def _claim(self, client_order_id: str, algo: Algo) -> None:
        try:
            await self._bookkeeper.claim(client_order_id=client_order_id, algo=algo.name, time_ns=self._now_ns())
        except StoreError as error:
            # a full disk must not keep an algorithm from closing its position
            self._problems.warning("claim", f"an order of {algo.name} goes out unattributed: {error.title}")

    async def claim_given(self, body: bytes, algo: Algo) -> None:
        """Claim the ``client_order_id`` that a replacement names, if it names one."""
        _, given = with_id(body, lambda: "")
        if given:
            await self._claim(given, algo)

    async def claimed(self, order_json: bytes, algo: Algo) -> None:
        """Tell the ledger of an order that the broker has accepted; what is not an order is passed over."""
        try:
            await self._bookkeeper.claimed_order(order_json, algo.name)
        except StoreError as error:
            self._problems.warning("claimed", f"an order of {algo.name} could not be kept: {error.title}")


def with_id(body: bytes, new_id: Callable[[], str]) -> tuple[bytes, str]:
    """Return an order's body with a ``client_order_id``, and that id.

    All other values stay byte for byte. What is not a JSON object is returned untouched with an empty id, so that the
    broker says what is wrong with it.
    """
    try:
        fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        given = msgspec.json.decode(fields["client_order_id"]) if "client_order_id" in fields else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return body, ""
    if isinstance(given, str) and given:
        return body, given
    if given not in (None, ""):
        return body, ""
    made = new_id()
    fields["client_order_id"] = msgspec.Raw(msgspec.json.encode(made))
    return msgspec.json.encode(fields), made


def buffered(answer: Answer) -> web.Response:
    """Return an answer that was read to its end to the client."""
    headers = returned(answer.headers)
    headers.popall("Content-Length", None)
    return web.Response(status=answer.status, headers=headers, body=answer.body)


def unreachable(error: NotSent) -> web.Response:
    """Tell that the host was not reached: nothing was done, the request may be sent again."""
    return error_response(50210000, f"plugtui could not reach Alpaca: {error}")


def _unknown(client_order_id: str, problem: str) -> web.Response:
    advice = (
        f"ask GET /v2/orders:by_client_order_id?client_order_id={client_order_id} before sending it again"
        if client_order_id
        else "look at the open orders before sending it again"
    )
    return error_response(
        50010000,
        f"the broker did not answer ({problem}): whether the order was accepted is not known; {advice}",
        client_order_id=client_order_id,
    )
