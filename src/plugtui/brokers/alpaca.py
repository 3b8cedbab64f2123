"""Alpaca's trading REST through ``alpaca-trade-api``, in worker threads, with time-outs.

The SDK is imported in the first worker, never on the event loop: it brings pandas along (0.4 s). Its own retries are off,
since they sleep in the thread and repeat any method; a GET that got no answer is asked once more here.
"""

import asyncio
import functools
import json
import logging
import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from plugtui.brokers.port import (
    AccountInfo,
    Activity,
    BrokerClock,
    Credentials,
    EquityPoint,
    OrderRow,
    SessionDay,
)
from plugtui.brokers.reach import unreachable
from plugtui.brokers.workers import DaemonPool
from plugtui.control.messages import MarketState, PositionState
from plugtui.errors import BrokerError, BrokerRefused, BrokerUnavailable, WireError
from plugtui.wire.times import NS, ns_to_rfc3339, rfc3339_to_ns
from plugtui.wire.trading import RestFill, fill_from

log = logging.getLogger(__name__)

T = TypeVar("T")

WORKERS = 4
PAGE = 100
ORDERS_PAGE = 500
_CLOCK_CHANGE_NS = 3_600 * NS
"""Ids are stamped with New York's wall clock: in one night of the year an hour of them runs through another."""
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_DAY = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", re.ASCII)
_IN_KIND = frozenset({"ACATS", "JNLS"})
_ONE_DAY = timedelta(days=1)


class _Rest(Protocol):
    """What we use of the SDK's ``REST``."""

    _base_url: Any

    def _request(
        self, method: str, path: str, data: dict[str, Any] | None, base_url: str | None, api_version: str | None
    ) -> Any: ...


class AlpacaBroker:
    """REST calls to one Alpaca account (:class:`~plugtui.brokers.port.Broker`).

    Args:
        credentials: keys and host; with key id ``oauth`` the secret is a token.
        timeout_s: to connect, and for each wait for data.
        on_call: told of each request, before it is made.
        make_adapter: makes the adapter by which ``requests`` reaches the host, from the time-out.
    """

    def __init__(
        self,
        credentials: Credentials,
        timeout_s: float = 10.0,
        on_call: Callable[[], None] | None = None,
        make_adapter: Callable[[float], Any] | None = None,
    ) -> None:
        self._credentials = credentials
        self._timeout_s = timeout_s
        self._pool = DaemonPool(WORKERS, "alpaca-rest")
        self._rest: _Rest | None = None
        self._session: Any = None
        self._make_lock = asyncio.Lock()
        self._on_call = on_call
        self._make_adapter = make_adapter or _adapter
        self.calls = 0
        """Requests made since the start."""

    # ------------------------------------------------------------- calls

    async def account(self) -> AccountInfo:
        """Read the account's money."""
        return _read(_account, await self._get("/account"))

    async def positions(self) -> list[PositionState]:
        """Read what is held."""
        return [_read(_position, body) for body in await self._get("/positions")]

    async def orders(self, status: str = "all", after_ns: int | None = None, limit: int = 5_000) -> list[OrderRow]:
        """Read orders submitted after ``after_ns``, oldest first, bracket legs nested; all pages, up to ``limit``."""
        found: dict[str, OrderRow] = {}
        after = None if after_ns is None else ns_to_rfc3339(after_ns)
        while len(found) < limit:
            query = {"status": status, "limit": ORDERS_PAGE, "direction": "asc", "nested": "true", "after": after}
            page = [OrderRow(raw) for raw in await self._get("/orders", query)]
            fresh = [row for row in page if row.id not in found]
            found |= {row.id: row for row in fresh}
            stamp = page[-1].raw.get("submitted_at") if page else None
            if len(page) < ORDERS_PAGE or not fresh or not stamp:
                break
            # Orders of one instant may straddle two pages: go back a microsecond, what is known is passed over.
            after = ns_to_rfc3339(rfc3339_to_ns(str(stamp)) - 1_000)
        return list(found.values())

    async def order(self, order_id: str) -> OrderRow:
        """Read one order with its legs."""
        return OrderRow(await self._get(f"/orders/{order_id}", {"nested": "true"}))

    async def fills(self, after_ns: int, limit: int = 10_000) -> list[RestFill]:
        """Read the executions since ``after_ns``, oldest first; of more than ``limit`` the newest.

        Pages run from the newest backwards and stop by the executions' own times: the parameter ``after`` goes by the time of
        creation and has been seen broken (protocol §3.6).
        """
        found: dict[str, RestFill] = {}
        query: dict[str, Any] = {"direction": "desc", "page_size": PAGE}
        while len(found) < limit:
            page = [_read(fill_from, item) for item in await self._get("/account/activities/FILL", query)]
            fresh = [fill for fill in page if fill.id not in found and fill.time_ns >= after_ns]
            found |= {fill.id: fill for fill in fresh}
            if len(page) < PAGE or not fresh or page[-1].time_ns < after_ns - _CLOCK_CHANGE_NS:
                break
            query["page_token"] = page[-1].id
        return sorted(found.values(), key=lambda fill: (fill.time_ns, fill.order_id, fill.cum_qty or Decimal(0)))

    async def activities(self, since_day: str = "", limit: int = 5_000) -> list[Activity]:
        """Read the non-trade activities since a day (``YYYY-MM-DD``), oldest first; canceled ones are left out."""
        found: dict[str, Activity] = {}
        query: dict[str, Any] = {"category": "non_trade_activity", "direction": "desc", "page_size": PAGE}
        while len(found) < limit:
            page = await self._get("/account/activities", query)
            items = [_read(_activity, item) for item in page if _counts(item)]
            fresh = [item for item in items if item.id not in found and item.day >= since_day]
            found |= {item.id: item for item in fresh}
            if len(page) < PAGE or (items and not fresh):
                break
            query["page_token"] = page[-1]["id"]
        return sorted(found.values(), key=lambda activity: (activity.day, activity.id))

    async def portfolio_history(self, period: str = "1A", timeframe: str = "1D") -> list[EquityPoint]:
        """Read the equity curve as the broker has it, oldest first; only points without a value are left out."""
        return _read(_points, await self._get("/account/portfolio/history", {"period": period, "timeframe": timeframe}))

    async def clock(self) -> BrokerClock:
        """Read the broker's time, whether the market is open, and when that changes."""
        return _read(_clock, await self._get("/clock"))

    async def calendar(self, start: str, end: str) -> list[SessionDay]:
        """Read the trading days from ``start`` to ``end`` (``YYYY-MM-DD``)."""
        days = await self._get("/calendar", {"start": start, "end": end})
        return [_read(_session_day, day) for day in days]

    async def daily_closes(self, symbol: str, since_day: str, today: str, data_url: str) -> list[tuple[date, float]]:
        """Read a symbol's daily closes since a day, adjusted for splits and dividends, oldest first; today's so far too.

        Every plan gives the consolidated tape up to yesterday, and today's trades of IEX (protocol §3.8).
        """
        query = {"symbols": symbol, "timeframe": "1Day", "adjustment": "all", "limit": 10_000}
        if "/" in symbol:
            wanted = [("/crypto/us/bars", "v1beta3", {"start": since_day})]
        else:
            past = {"feed": "sip", "start": since_day, "end": (date.fromisoformat(today) - _ONE_DAY).isoformat()}
            wanted = [("/stocks/bars", "v2", past), ("/stocks/bars", "v2", {"feed": "iex", "start": today})]
        found: dict[date, float] = {}
        for path, version, part in wanted:
            answer = await self._get(path, {**query, **part}, f"{data_url}/{version}")
            found |= _read(functools.partial(_closes, symbol), answer)
        return sorted(found.items())

    async def cancel_order(self, order_id: str) -> None:
        """Ask for the cancellation of an order. BrokerRefused (422) when it can no longer be canceled."""
        await self._call("DELETE", f"/orders/{order_id}", None)

    async def aclose(self) -> None:
        """Let go of connections and threads; does not wait for a host that hangs."""
        self._pool.shutdown(wait=False)
        if self._session is not None:
            self._session.close()

    # ------------------------------------------------------------- inside

    async def _get(self, path: str, query: dict[str, Any] | None = None, elsewhere: str = "") -> Any:
        query = {key: value for key, value in (query or {}).items() if value is not None}
        try:
            return await self._call("GET", path, query, elsewhere)
        except BrokerUnavailable as error:
            if error.status == 429:
                raise
            log.debug("GET %s is asked again: %s", path, error.title)
        return await self._call("GET", path, query, elsewhere)

    async def _call(self, method: str, path: str, data: dict[str, Any] | None, elsewhere: str = "") -> Any:
        async with self._make_lock:
            if self._rest is None:
                self._rest, self._session = await self._run(self._make)
        self.calls += 1
        if self._on_call is not None:
            self._on_call()
        rest = self._rest
        return await self._run(functools.partial(_request, rest, method, path, data, elsewhere))

    async def _run(self, call: Callable[[], Any]) -> Any:
        try:
            async with asyncio.timeout(self._timeout_s * 3):
                return await asyncio.get_running_loop().run_in_executor(self._pool, call)
        except TimeoutError:
            raise BrokerUnavailable(f"the trading host did not answer within {self._timeout_s * 3:g} s") from None
        except RuntimeError as error:
            raise BrokerUnavailable(str(error)) from None

    def _make(self) -> tuple[_Rest, Any]:
        """Make the SDK's client; runs in a worker."""
        from alpaca_trade_api.rest import REST

        credentials = self._credentials
        token = credentials.secret.reveal() if credentials.key_id == "oauth" else None
        rest = REST(
            key_id=credentials.key_id,
            secret_key=credentials.secret.reveal(),
            base_url=credentials.base_url.rstrip("/"),
            api_version="v2",
            oauth=token,
            raw_data=True,
        )
        # The SDK takes a token from the environment over the keys that it is given: it may be another account's.
        rest._oauth = token
        rest._retry = 0
        session = rest._session
        for scheme in ("http://", "https://"):
            session.mount(scheme, self._make_adapter(self._timeout_s))
        session.hooks["response"].append(_exact_numbers)
        if urlsplit(credentials.base_url).hostname in _LOOPBACK:
            session.trust_env = False  # a proxy is not for this machine
        return rest, session


def _adapter(timeout_s: float) -> Any:
    from requests.adapters import HTTPAdapter

    class TimedAdapter(HTTPAdapter):
        """The SDK passes no time-out: without this, one lost packet hangs a thread for ever."""

        def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
            kwargs["timeout"] = kwargs.get("timeout") or (timeout_s, timeout_s)
            return super().send(request, *args, **kwargs)

    return TimedAdapter(pool_maxsize=WORKERS)


def _exact_numbers(response: Any, *args: Any, **kwargs: Any) -> Any:
    """Let the SDK read numbers as ``Decimal``: a hook of requests."""

    def read() -> Any:
        return json.loads(response.text, parse_float=Decimal)

    response.json = read
    return response


def _request(rest: _Rest, method: str, path: str, data: dict[str, Any] | None, elsewhere: str = "") -> Any:
    """Make one request; runs in a worker. Raises BrokerUnavailable, BrokerRefused.

    Args:
        elsewhere: another host with its version, ``https://data.alpaca.markets/v2``, than the trading host.
    """
    from alpaca_trade_api.rest import APIError
    from requests.exceptions import HTTPError, RequestException

    try:
        host, _, version = elsewhere.rpartition("/")
        return rest._request(method, path, data, host or None, version or None)
    except APIError as error:
        raise _broker_error(method, path, int(error.status_code or 0), str(error)) from None
    except HTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        raise _broker_error(method, path, int(status), "") from None
    except RequestException as error:
        raise unreachable(error, elsewhere or str(rest._base_url)) from None
    except ValueError:
        raise BrokerUnavailable(f"the trading host answered {method} {path} with something that is not JSON") from None


_KEYS = (
    "Check the keys: they must belong to this account and this host, paper keys to the paper host.\n"
    "They are read at the start: leave with q and stop the engine, then set them and start plugtui again."
)


def _broker_error(method: str, path: str, status: int, message: str) -> BrokerError:
    said = f": {message}" if message else ""
    title = f"the broker answered {method} {path} with {status}{said}"
    if status in (0, 408, 429) or status >= 500:
        return BrokerUnavailable(title, status=status)
    hint = _KEYS if status in (401, 403) else ""
    return BrokerRefused(title, hint, status=status)


def _read(reader: Callable[[Any], T], value: Any) -> T:
    """Read an answer; one of another shape than documented is the broker's trouble, not ours."""
    try:
        return reader(value)
    except (WireError, KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise BrokerUnavailable(f"the broker answered something else than expected: {error}") from None


def _account(body: dict[str, Any]) -> AccountInfo:
    equity = _money(body, "equity")
    return AccountInfo(
        account_number=str(body.get("account_number", "")),
        equity=equity,
        last_equity=_money(body, "last_equity", default=equity),
        cash=_money(body, "cash"),
        buying_power=_money(body, "buying_power", default=Decimal(0)),
        currency=str(body.get("currency") or "USD"),
        status=str(body.get("status", "")),
        blocked=_blocked(body),
    )


def _blocked(body: dict[str, Any]) -> str:
    if body.get("account_blocked") is True:
        return "the broker has blocked this account"
    if body.get("trading_blocked") is True:
        return "the broker has blocked trading"
    if body.get("trade_suspended_by_user") is True:
        return "trading is suspended in the account's settings"
    status = str(body.get("status") or "ACTIVE")
    return "" if status == "ACTIVE" else f"the account is {status.lower().replace('_', ' ').removeprefix('account ')}"


def _points(body: dict[str, Any]) -> list[EquityPoint]:
    pairs = zip(body.get("timestamp") or [], body.get("equity") or [], strict=False)
    points = [EquityPoint(int(stamp) * NS, Decimal(equity)) for stamp, equity in pairs if equity is not None]
    return sorted(points, key=lambda point: point.time_ns)


def _clock(body: dict[str, Any]) -> BrokerClock:
    market = MarketState(
        is_open=bool(body["is_open"]),
        next_open_ns=rfc3339_to_ns(str(body["next_open"])),
        next_close_ns=rfc3339_to_ns(str(body["next_close"])),
    )
    return BrokerClock(rfc3339_to_ns(str(body["timestamp"])), market)


def _closes(symbol: str, body: dict[str, Any]) -> dict[date, float]:
    bars = (body.get("bars") or {}).get(symbol) or []
    return {date.fromisoformat(str(bar["t"])[:10]): float(bar["c"]) for bar in bars}


def _session_day(body: dict[str, Any]) -> SessionDay:
    return SessionDay(str(body["date"]), str(body["open"]), str(body["close"]))


def _money(body: dict[str, Any], key: str, default: Decimal | None = None) -> Decimal:
    value = body.get(key)
    if value in (None, ""):
        if default is not None:
            return default
        raise KeyError(f"{key} is missing")
    return Decimal(str(value))


def _position(body: dict[str, Any]) -> PositionState:
    price = body.get("current_price")
    qty = _money(body, "qty")
    if body.get("side") == "short":
        qty = -abs(qty)
    return PositionState(
        symbol=str(body.get("symbol", "")),
        qty=qty,
        avg_entry_price=_money(body, "avg_entry_price", default=Decimal(0)),
        market_value=_money(body, "market_value", default=Decimal(0)),
        unrealized_pnl=_money(body, "unrealized_pl", default=Decimal(0)),
        current_price=None if price in (None, "") else _money(body, "current_price"),
    )


def _counts(body: dict[str, Any]) -> bool:
    """Tell whether an activity happened, on a day that can be read."""
    day = str(body.get("date") or body.get("created_at") or "")[:10]
    return body.get("status") != "canceled" and _DAY.fullmatch(day) is not None


def _activity(body: dict[str, Any]) -> Activity:
    kind = str(body.get("activity_type", ""))
    amount = _money(body, "net_amount", default=Decimal(0))
    if kind in _IN_KIND and not amount:
        # Securities that moved in kind are worth what they were booked at.
        amount = _money(body, "qty", default=Decimal(0)) * _money(body, "price", default=Decimal(0))
    return Activity(
        id=str(body.get("id", "")),
        type=kind,
        day=str(body.get("date") or body.get("created_at") or "")[:10],
        net_amount=amount,
        symbol=str(body.get("symbol") or ""),
    )
