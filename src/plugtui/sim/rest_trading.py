"""All routes of the trading half: Alpaca's REST API, and the simulator's own that tell the truth."""

from decimal import Decimal

from aiohttp import web

from plugtui.sim.accounts import Account
from plugtui.sim.exchange import Exchange
from plugtui.sim.knobs import TradingFaults
from plugtui.sim.numbers import number
from plugtui.sim.rejections import Rejection, invalid, not_found
from plugtui.sim.rest_account import AccountRoutes
from plugtui.sim.rest_base import AiohttpHandler, Door, json_response, read_body, refusal_response
from plugtui.sim.rest_events import EventRoutes
from plugtui.sim.rest_oauth import add_oauth_routes
from plugtui.sim.rest_orders import OrderRoutes


def add_trading_routes(app: web.Application, exchange: Exchange, faults: TradingFaults) -> Door:
    """Register ``/v2/account…``, ``/v2/orders…``, ``/v2/positions…``, clock, calendar, assets, OAuth and ``/sim/…``.

    Returns:
        The door, for other routes that check the same keys and share the rate limit.
    """
    door = Door(exchange, faults)
    OrderRoutes(door).add_to(app)
    AccountRoutes(door).add_to(app)
    EventRoutes(door).add_to(app)
    add_oauth_routes(app, exchange)
    TruthRoutes(exchange).add_to(app)
    return door


class TruthRoutes:
    """What tests compare with: no keys, no limits, no faults."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def add_to(self, app: web.Application) -> None:
        """Register the routes."""
        app.router.add_get("/sim/executions", self._plain(self._executions))
        app.router.add_get("/sim/orders", self._plain(self._orders))
        app.router.add_get("/sim/balances", self._plain(self._balances))
        app.router.add_post("/sim/flows", self._plain(self._flow))

    @staticmethod
    def _plain(handler: AiohttpHandler) -> AiohttpHandler:
        async def plain(request: web.Request) -> web.StreamResponse:
            try:
                return await handler(request)
            except Rejection as refusal:
                return refusal_response(refusal)

        return plain

    def _account(self, name: str) -> Account:
        account = self._exchange.accounts.get(name)
        if account is None:
            raise not_found(f"account was {name!r}, expected one of {', '.join(self._exchange.accounts)}")
        return account

    async def _executions(self, request: web.Request) -> web.Response:
        account = self._account(request.query.get("account", "demo"))
        return json_response(self._exchange.truth_of_executions(account))

    async def _orders(self, request: web.Request) -> web.Response:
        account = self._account(request.query.get("account", "demo"))
        return json_response(self._exchange.truth_of_orders(account))

    async def _balances(self, request: web.Request) -> web.Response:
        return json_response(self._exchange.truth_of_balances())

    async def _flow(self, request: web.Request) -> web.Response:
        """Deposit or withdraw now: ``{"account": …, "amount": "-250", "type": "CSW"}``."""
        body = await read_body(request)
        account = self._account(str(body.get("account", "demo")))
        flow = self._exchange.flow(account, _amount(body.get("amount")), str(body.get("type", "")))
        return json_response(flow.to_activity())


def _amount(value: object) -> Decimal:
    try:
        return number(value)
    except ValueError as error:
        raise invalid(f"amount {error}") from None
