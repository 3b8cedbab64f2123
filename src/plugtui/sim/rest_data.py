"""Market-data REST of the simulator: what the SDKs' own calls need (protocol §3.8)."""

import asyncio
import base64
import binascii
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any

from aiohttp import web

from plugtui.errors import PlugtuiError, WireError
from plugtui.sim.calendar import NS, at_ns
from plugtui.sim.credentials import header_credentials
from plugtui.sim.faults import Faults
from plugtui.sim.market import Market
from plugtui.sim.queries import Item, Queries
from plugtui.sim.rate_limit import RateLimiter
from plugtui.wire.times import rfc3339_to_ns

DEFAULT_LIMIT, MOST_LIMIT = 1000, 10_000
RECENT_SIP_NS = 15 * 60 * NS
_MONTHS = (1, 2, 3, 4, 6, 12)
_UNITS = {
    "Min": "Min", "T": "Min", "Hour": "Hour", "H": "Hour", "Day": "Day", "D": "Day", "Week": "Week", "W": "Week",
    "Month": "Month", "M": "Month",
}  # fmt: skip

Identify = Callable[[str, str], str | None]
Answer = Callable[[web.Request], Awaitable[dict[str, Any]]]


class _Bad(PlugtuiError):
    """A request that is answered with an error: ``status`` and a message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class _Page:
    """Which part of a series a request wants."""

    start_ns: int
    end_ns: int
    limit: int
    descending: bool
    after: tuple[str, int, int] | None
    """Symbol, time and number of items with that time that were sent already."""


def add_data_routes(
    app: web.Application, market: Market, identify: Identify, faults: Faults, now_ns: Callable[[], int]
) -> None:
    """Add the stock routes below ``/v2/stocks`` and the crypto routes below ``/v1beta3/crypto/{location}``."""
    rest = _DataRest(market, identify, faults, now_ns)
    get = app.router.add_get
    kinds = "{kind:bars|trades|quotes}"
    get("/v2/stocks/snapshots", rest.route(rest.snapshots))
    get(f"/v2/stocks/{kinds}", rest.route(rest.series))
    get(f"/v2/stocks/{kinds}/latest", rest.route(rest.latest))
    get("/v2/stocks/{symbol}/snapshot", rest.route(rest.snapshot))
    get("/v2/stocks/{symbol}/" + kinds, rest.route(rest.series))
    get("/v2/stocks/{symbol}/" + kinds + "/latest", rest.route(rest.latest))
    crypto = "/v1beta3/crypto/{location}"
    get(f"{crypto}/snapshots", rest.route(rest.snapshots, crypto=True))
    get(f"{crypto}/{kinds}", rest.route(rest.series, crypto=True))
    get(crypto + "/latest/{kind:bars|trades|quotes|orderbooks}", rest.route(rest.latest, crypto=True))


class _DataRest:
    def __init__(self, market: Market, identify: Identify, faults: Faults, now_ns: Callable[[], int]) -> None:
        self._queries = Queries(market)
        self._identify = identify
        self._faults = faults
        self._now_ns = now_ns
        self._limiter = RateLimiter(lambda: faults.rate_limit)

    def route(self, answer: Callable[[web.Request, bool], dict[str, Any]], crypto: bool = False) -> Any:
        """Wrap an answer with credentials, rate limit, faults and errors."""

        async def handle(request: web.Request) -> web.Response:
            if self._faults.rest_delay_s:
                await asyncio.sleep(self._faults.rest_delay_s)
            if self._faults.rest_status:
                return _error(self._faults.rest_status, "simulated failure")
            credentials = header_credentials(request.headers.get)
            account = self._identify(*credentials) if credentials else None
            if account is None and not (crypto and credentials is None):  # crypto data need no keys
                return _error(401, "unauthorized.")
            within, headers = self._limiter.count(account or "", self._now_ns())
            if not within:
                return _error(429, "too many requests.", headers)
            try:
                return web.json_response(answer(request, crypto), headers=headers)
            except _Bad as bad:
                return _error(bad.status, bad.title, headers)

        return handle

    # ------------------------------------------------------------ answers

    def series(self, request: web.Request, crypto: bool) -> dict[str, Any]:
        """Answer bars, trades or quotes of one symbol or several, page by page."""
        kind, single = request.match_info["kind"], request.match_info.get("symbol")
        symbols = [single.upper()] if single else self._symbols(request)
        page = self._page(request, crypto)
        found: dict[str, list[dict[str, Any]]] = {}
        token = None
        room = page.limit
        for symbol, skip_to in _resume(sorted(symbols), page.after):
            if not self._queries.known(symbol, crypto):
                continue
            items = self._items(kind, symbol, page, skip_to, request)
            first = (page.end_ns if page.descending else page.start_ns, 0)
            taken, token = _take(items, room, symbol, skip_to or first)
            if taken:
                found[symbol] = taken
                room -= len(taken)
            if token:
                break
        if single:
            return {kind: found.get(symbols[0], []), "symbol": symbols[0], "next_page_token": token}
        return {kind: found, "next_page_token": token}

    def latest(self, request: web.Request, crypto: bool) -> dict[str, Any]:
        """Answer the newest trade, quote, bar or order book."""
        kind, single = request.match_info["kind"], request.match_info.get("symbol")
        symbols = [single.upper()] if single else self._symbols(request)
        self._check_feed(request, crypto, self._now_ns())
        found = {s: self._queries.latest(kind, s, self._now_ns()) for s in symbols if self._queries.known(s, crypto)}
        if not single:
            return {kind: found}
        if symbols[0] not in found:
            raise _Bad(404, f"no {kind[:-1]} found for {symbols[0]}")
        return {"symbol": symbols[0], kind[:-1]: found[symbols[0]]}

    def snapshots(self, request: web.Request, crypto: bool) -> dict[str, Any]:
        """Answer snapshots: for stocks a map without a wrapper."""
        known = [symbol for symbol in self._symbols(request) if self._queries.known(symbol, crypto)]
        found = {symbol: self._queries.snapshot(symbol, self._now_ns()) for symbol in known}
        return {"snapshots": found} if crypto else found

    def snapshot(self, request: web.Request, crypto: bool) -> dict[str, Any]:
        """Answer the snapshot of one stock."""
        symbol = request.match_info["symbol"].upper()
        if not self._queries.known(symbol, crypto):
            raise _Bad(404, f"no snapshot found for {symbol}")
        return {"symbol": symbol, **self._queries.snapshot(symbol, self._now_ns())}

    # ------------------------------------------------------------ parts

    def _items(
        self, kind: str, symbol: str, page: _Page, after: tuple[int, int] | None, request: web.Request
    ) -> Iterator[Item]:
        start_ns, end_ns = page.start_ns, page.end_ns
        if after and page.descending:
            end_ns = after[0]
        elif after:
            start_ns = after[0]
        items: Iterator[Item]
        if kind == "bars":
            amount, unit = _timeframe(request.query.get("timeframe", ""))
            items = self._queries.bars(symbol, amount, unit, start_ns, end_ns)
        else:
            items = (self._queries.trades if kind == "trades" else self._queries.quotes)(symbol, start_ns, end_ns)
        if page.descending:
            items = reversed(list(items))
        return _without_sent(items, after) if after else items

    def _page(self, request: web.Request, crypto: bool) -> _Page:
        query, now = request.query, self._now_ns()
        text_limit = query.get("limit", str(DEFAULT_LIMIT))
        if not text_limit.isdecimal() or not 1 <= int(text_limit) <= MOST_LIMIT:
            raise _Bad(400, f"invalid limit: {text_limit}, expected 1 to {MOST_LIMIT}")
        if query.get("sort", "asc") not in ("asc", "desc"):
            raise _Bad(400, f"invalid sort: {query['sort']}")
        end_ns = _time(query["end"], end=True) if query.get("end") else now
        start_ns = _time(query["start"]) if query.get("start") else now - now % (86_400 * NS)
        self._check_feed(request, crypto, end_ns)
        token = query.get("page_token")
        return _Page(
            start_ns, min(end_ns, now), int(text_limit), query.get("sort") == "desc", _read_token(token) if token else None
        )  # fmt: skip

    def _check_feed(self, request: web.Request, crypto: bool, end_ns: int) -> None:
        recent = end_ns > self._now_ns() - RECENT_SIP_NS
        latest = request.path.endswith("/latest")
        feed = request.query.get("feed", "iex" if latest and self._faults.plan == "free" else "sip")
        if not crypto and self._faults.plan == "free" and feed == "sip" and recent:
            raise _Bad(403, "subscription does not permit querying recent SIP data")

    @staticmethod
    def _symbols(request: web.Request) -> list[str]:
        symbols = [symbol.strip().upper() for symbol in request.query.get("symbols", "").split(",") if symbol.strip()]
        if not symbols:
            raise _Bad(400, "symbols is required")
        return list(dict.fromkeys(symbols))


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"message": message}, status=status, headers=headers)


def _timeframe(text: str) -> tuple[int, str]:
    match = re.fullmatch(r"(\d{1,3})([A-Za-z]+)", text)
    unit = _UNITS.get(match[2]) if match else None
    if match is None or unit is None:
        raise _Bad(400, f"invalid timeframe: {text!r}")
    amount = int(match[1])
    allowed = {"Min": range(1, 60), "Hour": range(1, 24), "Day": (1,), "Week": (1,), "Month": _MONTHS}[unit]
    if amount not in allowed:
        raise _Bad(400, f"invalid timeframe: {text!r}")
    return amount, unit


def _time(text: str, end: bool = False) -> int:
    """Read a time; a bare date is a day of New York, as an end the whole day."""
    try:
        if len(text) == 10:
            day = date.fromisoformat(text)
            return at_ns(day + timedelta(days=1), time(0)) - 1 if end else at_ns(day, time(0))
        return rfc3339_to_ns(text)
    except (ValueError, OverflowError, WireError):
        raise _Bad(400, f"invalid time: {text!r}, expected RFC 3339 or YYYY-MM-DD") from None


def _resume(symbols: list[str], after: tuple[str, int, int] | None) -> Iterator[tuple[str, tuple[int, int] | None]]:
    for symbol in symbols:
        if after is None or symbol > after[0]:
            yield symbol, None
        elif symbol == after[0]:
            yield symbol, after[1:]


def _without_sent(items: Iterator[Item], after: tuple[int, int]) -> Iterator[Item]:
    at_ns, sent = after
    for item in items:
        if item[0] == at_ns and sent:
            sent -= 1
            continue
        yield item


def _take(
    items: Iterator[Item], room: int, symbol: str, after: tuple[int, int]
) -> tuple[list[dict[str, Any]], str | None]:
    """Take up to ``room`` items that come from ``after`` on; also return the token of the next page if there are more."""
    taken: list[dict[str, Any]] = []
    last_ns, same = after
    for item_ns, item in items:
        if len(taken) == room:
            text = f"{symbol}|{last_ns}|{same}"
            return taken, base64.urlsafe_b64encode(text.encode()).decode()
        same = same + 1 if item_ns == last_ns else 1
        last_ns = item_ns
        taken.append(item)
    return taken, None


def _read_token(token: str) -> tuple[str, int, int]:
    try:
        symbol, at_ns, same = base64.urlsafe_b64decode(token.encode()).decode().split("|")
        return symbol, int(at_ns), int(same)
    except (binascii.Error, ValueError):
        raise _Bad(400, "invalid page_token") from None
