"""Routes of the account, its history and activities, and of clock, calendar and assets (protocol §3.2, §3.3, §3.6, §3.7)."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from aiohttp import web

from plugtui.sim.accounts import Account
from plugtui.sim.calendar import new_york
from plugtui.sim.executions import Activity, Execution
from plugtui.sim.portfolio import portfolio_history, read_time
from plugtui.sim.rejections import bad_request, invalid, not_found
from plugtui.sim.representations import account_json, asset_json, clock_json, session_json
from plugtui.sim.requests import find_instrument
from plugtui.sim.rest_base import Door, absent, json_response, read_body, read_int, read_names

GROUPS: Mapping[str, frozenset[str]] = {
    "TRANS": frozenset({"CSD", "CSW"}),
    "MISC": frozenset({"MISC", "NC", "JNL", "JNLC", "JNLS", "FEE", "CFEE", "INT"}),
}
PAGE = 100
MOST_CALENDAR_DAYS = 366 * 12


class AccountRoutes:
    """Everything about an account but its orders and positions."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._exchange = door.exchange

    def add_to(self, app: web.Application) -> None:
        """Register the routes."""
        guard, router = self._door.guard, app.router
        router.add_get("/v2/account", guard(self._account), allow_head=False)
        router.add_get("/v2/account/portfolio/history", guard(self._history), allow_head=False)
        router.add_get("/v2/account/activities", guard(self._activities), allow_head=False)
        router.add_get("/v2/account/activities/{type}", guard(self._activities), allow_head=False)
        router.add_get("/v2/account/configurations", guard(self._configuration), allow_head=False)
        router.add_patch("/v2/account/configurations", guard(self._configure))
        router.add_get("/v2/clock", guard(self._clock), allow_head=False)
        router.add_get("/v2/calendar", guard(self._calendar), allow_head=False)
        router.add_get("/v2/assets", guard(self._assets), allow_head=False)
        router.add_get("/v2/assets/{symbol:.+}", guard(self._asset), allow_head=False)
        router.add_route("*", "/v2/watchlists{rest:.*}", guard(absent))

    async def _account(self, request: web.Request, account: Account) -> web.Response:
        return json_response(account_json(self._exchange, account))

    async def _history(self, request: web.Request, account: Account) -> web.Response:
        return json_response(portfolio_history(self._exchange, account, request.query))

    async def _activities(self, request: web.Request, account: Account) -> web.Response:
        opaque = self._door.faults.activity_ids == "opaque"
        kind = request.match_info.get("type")
        chosen = select(account.activities, request.query, kind)
        return json_response([activity.to_activity(opaque) for activity in chosen])

    async def _configuration(self, request: web.Request, account: Account) -> web.Response:
        return json_response(dataclasses.asdict(account.configuration))

    async def _configure(self, request: web.Request, account: Account) -> web.Response:
        body = await read_body(request)
        known = dataclasses.asdict(account.configuration)
        for key, value in body.items():
            if key in known and type(value) is not type(known[key]):
                raise bad_request(f"invalid {key}")
        account.configuration = dataclasses.replace(
            account.configuration, **{key: value for key, value in body.items() if key in known}
        )
        return await self._configuration(request, account)

    async def _clock(self, request: web.Request, account: Account) -> web.Response:
        return json_response(clock_json(self._exchange.calendar, self._exchange.now_ns()))

    async def _calendar(self, request: web.Request, account: Account) -> web.Response:
        today = new_york(self._exchange.now_ns()).date()
        start = _read_date(request.query, "start", today - timedelta(days=MOST_CALENDAR_DAYS // 2))
        end = _read_date(request.query, "end", max(start, today + timedelta(days=MOST_CALENDAR_DAYS // 4)))
        end = min(end, start + timedelta(days=MOST_CALENDAR_DAYS))
        calendar = self._exchange.calendar
        return json_response([session_json(calendar, session) for session in calendar.sessions(start, end)])

    async def _assets(self, request: web.Request, account: Account) -> web.Response:
        kind, exchange = request.query.get("asset_class"), request.query.get("exchange")
        if (request.query.get("status") or "active") not in ("active", "all"):
            return json_response([])
        chosen = [
            asset_json(instrument)
            for instrument in self._exchange.market.instruments.values()
            if (not kind or instrument.asset_class == kind) and (not exchange or instrument.exchange == exchange)
        ]
        return json_response(chosen)

    async def _asset(self, request: web.Request, account: Account) -> web.Response:
        name = request.match_info["symbol"]
        instrument = find_instrument(self._exchange.market.instruments, name)
        if instrument is None:
            raise not_found(f"asset not found for {name}")
        return json_response(asset_json(instrument))


def _read_date(query: Mapping[str, str], key: str, default: date) -> date:
    ns = read_time(query, key)
    return default if ns is None else new_york(ns).date()


def _kind(activity: Activity) -> str:
    return "FILL" if isinstance(activity, Execution) else activity.kind


def _wanted_kinds(query: Mapping[str, str], kind: str | None) -> frozenset[str] | None:
    names = frozenset({kind}) if kind else read_names(query, "activity_types")
    if names and query.get("category"):
        raise invalid("only one of activity_types or category is accepted")
    return frozenset().union(*(GROUPS.get(name, frozenset({name})) for name in names)) if names else None


def select(activities: Sequence[Activity], query: Mapping[str, str], kind: str | None = None) -> list[Activity]:
    """Return one page of activities.

    Args:
        activities: all of an account, oldest first.
        query: the request's parameters.
        kind: type or group from the path.

    Raises:
        Rejection: 422, a parameter is wrong.
    """
    kinds, category = _wanted_kinds(query, kind), query.get("category")
    if category not in (None, "", "trade_activity", "non_trade_activity"):
        raise invalid(f"invalid category: {category}")
    direction = query.get("direction") or "desc"
    if direction not in ("asc", "desc"):
        raise invalid(f"invalid direction: {direction}")
    after, until, day = read_time(query, "after"), read_time(query, "until"), read_time(query, "date")
    page_size = read_int(query, "page_size", PAGE, PAGE)
    chosen = [
        activity
        for activity in activities
        if (kinds is None or _kind(activity) in kinds)
        and (not category or isinstance(activity, Execution) == (category == "trade_activity"))
        and (after is None or activity.time_ns > after)
        and (until is None or activity.time_ns < until)
        and (day is None or new_york(activity.time_ns).date() == new_york(day).date())
    ]
    if direction == "desc":
        chosen.reverse()
    return _page(chosen, query.get("page_token") or "", page_size)


def _page(chosen: list[Activity], token: str, size: int) -> list[Activity]:
    if not token:
        return chosen[:size]
    unique = token.partition("::")[2]
    for index, activity in enumerate(chosen):
        # Either id of a fill is understood, so that the knob can change between two pages.
        if unique in activity.unique_ids:
            return chosen[index + 1 : index + 1 + size]
    raise invalid(f"invalid page_token: {token}")
