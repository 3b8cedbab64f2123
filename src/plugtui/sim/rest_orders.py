"""Routes of orders and positions (protocol §3.4, §3.5)."""

import asyncio
from collections.abc import Iterable, Mapping

from aiohttp import web

from plugtui.sim.accounts import Account
from plugtui.sim.instruments import Instrument
from plugtui.sim.orders import Order
from plugtui.sim.portfolio import read_time
from plugtui.sim.rejections import invalid, not_found
from plugtui.sim.representations import position_json
from plugtui.sim.requests import find_instrument, read_number
from plugtui.sim.rest_base import Door, json_response, read_body, read_flag, read_int, read_names

STATUSES = ("open", "closed", "all")
MOST_ORDERS, USUAL_ORDERS = 500, 50
HEAD_START_S = 0.002
"""How long an answer waits for the order's events when fills take no time: the stream may be faster than REST."""


class OrderRoutes:
    """Create, read, replace and cancel orders; read and close positions."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._exchange = door.exchange

    def add_to(self, app: web.Application) -> None:
        """Register the routes."""
        guard, router = self._door.guard, app.router
        router.add_post("/v2/orders", guard(self._create))
        router.add_get("/v2/orders", guard(self._list), allow_head=False)
        router.add_delete("/v2/orders", guard(self._cancel_all))
        router.add_get("/v2/orders:by_client_order_id", guard(self._by_client_id), allow_head=False)
        router.add_get("/v2/orders/{id}", guard(self._one), allow_head=False)
        router.add_patch("/v2/orders/{id}", guard(self._replace))
        router.add_delete("/v2/orders/{id}", guard(self._cancel))
        router.add_get("/v2/positions", guard(self._positions), allow_head=False)
        router.add_delete("/v2/positions", guard(self._close_all))
        # A crypto symbol may come with its slash, so the last part takes all that is left.
        router.add_get("/v2/positions/{symbol:.+}", guard(self._position), allow_head=False)
        router.add_delete("/v2/positions/{symbol:.+}", guard(self._close))

    # ------------------------------------------------------------ orders

    async def _create(self, request: web.Request, account: Account) -> web.Response:
        order = self._exchange.submit(account, await read_body(request))
        if not self._door.faults.fill_latency_ms[0]:
            await asyncio.sleep(HEAD_START_S)
        return json_response(order.to_json())

    async def _list(self, request: web.Request, account: Account) -> web.Response:
        is_open = (request.query.get("status") or "open") == "open"
        orders = select((account.open_orders if is_open else account.orders).values(), request.query)
        nested = read_flag(request.query, "nested")
        return json_response([order.to_json(nested) for order in orders])

    async def _one(self, request: web.Request, account: Account) -> web.Response:
        order = self._exchange.venue.find(account, request.match_info["id"])
        nested = read_flag(request.query, "nested") or "nested" not in request.query
        return json_response(order.to_json(nested))

    async def _by_client_id(self, request: web.Request, account: Account) -> web.Response:
        wanted = request.query.get("client_order_id", "")
        order = account.client_ids.get(wanted)
        if order is None:
            raise not_found(f"order not found for {wanted}")
        return json_response(order.to_json())

    async def _replace(self, request: web.Request, account: Account) -> web.Response:
        order = self._exchange.replace(account, request.match_info["id"], await read_body(request))
        return json_response(order.to_json())

    async def _cancel(self, request: web.Request, account: Account) -> web.Response:
        self._exchange.cancel(account, request.match_info["id"])
        return web.Response(status=204)

    async def _cancel_all(self, request: web.Request, account: Account) -> web.Response:
        answers = self._exchange.cancel_all(account)
        body = [{"id": order.id, "status": status, "body": order.to_json()} for order, status in answers]
        return json_response(body, 207)

    # ------------------------------------------------------------ positions

    async def _positions(self, request: web.Request, account: Account) -> web.Response:
        positions = [position_json(self._exchange, account, account.positions[s]) for s in sorted(account.positions)]
        return json_response(positions)

    def _held(self, request: web.Request, account: Account) -> Instrument:
        name = request.match_info["symbol"]
        instrument = find_instrument(self._exchange.market.instruments, name)
        if instrument is None:
            raise not_found(f"symbol not found: {name}")
        if instrument.symbol not in account.positions:
            raise not_found("position does not exist")
        return instrument

    async def _position(self, request: web.Request, account: Account) -> web.Response:
        position = account.positions[self._held(request, account).symbol]
        return json_response(position_json(self._exchange, account, position))

    async def _close(self, request: web.Request, account: Account) -> web.Response:
        instrument = self._held(request, account)
        qty, percentage = read_number(request.query, "qty"), read_number(request.query, "percentage")
        return json_response(self._exchange.close_position(account, instrument.symbol, qty, percentage).to_json())

    async def _close_all(self, request: web.Request, account: Account) -> web.Response:
        answers = self._exchange.close_all(account, read_flag(request.query, "cancel_orders"))
        body = [{"symbol": s.replace("/", ""), "status": status, "body": answer} for s, status, answer in answers]
        return json_response(body, 207)


def select(orders: Iterable[Order], query: Mapping[str, str]) -> list[Order]:
    """Return the orders that ``GET /v2/orders`` asks for, in its order. Raises Rejection (422)."""
    status, direction = query.get("status") or "open", query.get("direction") or "desc"
    if status not in STATUSES:
        raise invalid(f"invalid status: {status}")
    if direction not in ("asc", "desc"):
        raise invalid(f"invalid direction: {direction}")
    limit = read_int(query, "limit", USUAL_ORDERS, MOST_ORDERS)
    symbols = {name.replace("/", "") for name in read_names(query, "symbols")}
    after, until = read_time(query, "after"), read_time(query, "until")
    kinds, side, nested = read_names(query, "asset_class"), query.get("side"), read_flag(query, "nested")
    chosen = [
        order
        for order in _between(sorted(orders, key=_submitted), query)
        if (status == "all" or order.is_open == (status == "open"))
        and (not symbols or order.symbol.replace("/", "") in symbols)
        and (not kinds or order.instrument.asset_class in kinds)
        and (not side or order.side == side)
        and (after is None or order.created_ns > after)
        and (until is None or order.created_ns < until)
        and not (nested and order.parent is not None)
    ]
    return chosen[:limit] if direction == "asc" else chosen[::-1][:limit]


def _submitted(order: Order) -> tuple[int, int]:
    return order.created_ns, order.sequence


def _between(orders: list[Order], query: Mapping[str, str]) -> list[Order]:
    """Keep what was submitted before ``before_order_id`` and after ``after_order_id``."""
    places = {order.id: index for index, order in enumerate(orders)}
    end = places.get(query.get("before_order_id", ""), len(orders))
    start = places.get(query.get("after_order_id", ""), -1) + 1
    return orders[start:end]
