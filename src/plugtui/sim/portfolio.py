"""``GET /v2/account/portfolio/history``: equity out of daily closes and the minutes since the start (protocol §3.3)."""

import bisect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from plugtui.errors import WireError
from plugtui.sim.accounts import Account
from plugtui.sim.calendar import Session, at_ns, new_york
from plugtui.sim.exchange import Exchange
from plugtui.sim.executions import Flow
from plugtui.sim.numbers import ZERO, cents, total
from plugtui.sim.past import DayClose
from plugtui.sim.rejections import invalid
from plugtui.wire.times import NS, rfc3339_to_ns

MINUTE_NS = 60 * NS
TIMEFRAMES = {"1Min": 1, "5Min": 5, "15Min": 15, "1H": 60, "1D": 0}
"""Minutes; 0: whole days."""
REPORTING = ("market_hours", "extended_hours", "continuous")
INTRADAY_DAYS = 30
USUAL_SWING = 0.004
"""How far equity strays within a day of the past, as a share of itself."""


@dataclass(frozen=True, slots=True)
class Query:
    """What was asked for."""

    start: date
    end: date
    timeframe: str
    reporting: str
    per_day: bool
    cashflow_types: frozenset[str] | None
    """None: no cash flows; empty: all types."""
    start_ns: int | None
    end_ns: int | None


def read_query(exchange: Exchange, parameters: Mapping[str, str]) -> Query:
    """Read the parameters. Raises Rejection (422)."""
    given = [key for key in ("start", "end", "period") if parameters.get(key)]
    if len(given) == 3:
        raise invalid("only two of start, end and period are allowed")
    end_ns = read_time(parameters, "end") or read_time(parameters, "date_end")
    start_ns = read_time(parameters, "start")
    end = new_york(end_ns).date() if end_ns is not None else new_york(exchange.venue.now_ns).date()
    period = parameters.get("period") or ("" if start_ns is not None else "1M")
    if start_ns is None:
        start = _period_start(exchange, end, period)
    else:
        start = new_york(start_ns).date()
        if period and end_ns is None:
            end = min(end, _add(start, period))
    timeframe = parameters.get("timeframe") or _usual_timeframe((end - start).days)
    if timeframe not in TIMEFRAMES:
        raise invalid(f"invalid timeframe: {timeframe}")
    if TIMEFRAMES[timeframe] and (end - start).days > INTRADAY_DAYS:
        raise invalid("intraday timeframes are only available for periods of up to 30 days")
    reporting = parameters.get("intraday_reporting") or "market_hours"
    if parameters.get("extended_hours") == "true" and "intraday_reporting" not in parameters:
        reporting = "extended_hours"
    if reporting not in REPORTING:
        raise invalid(f"invalid intraday_reporting: {reporting}")
    kinds = (parameters.get("cashflow_types") or "NONE").upper()
    types = None if kinds == "NONE" else frozenset(() if kinds == "ALL" else kinds.split(","))
    per_day = (parameters.get("pnl_reset") or "per_day") == "per_day"
    return Query(start, end, timeframe, reporting, per_day, types, start_ns, end_ns)


def read_time(parameters: Mapping[str, str], key: str) -> int | None:
    """Read a date (midnight in New York) or an RFC 3339 time. Raises Rejection (422)."""
    value = parameters.get(key)
    if not value:
        return None
    try:
        if len(value) == 10:
            return at_ns(date.fromisoformat(value), time(0))
        return rfc3339_to_ns(value.replace(" ", "+"))
    except (ValueError, WireError):
        raise invalid(f"invalid {key}: {value!r} is not a date or time") from None


def _usual_timeframe(days: int) -> str:
    return "1Min" if days < 7 else "15Min" if days < 30 else "1D"


def _split(period: str) -> tuple[int, str]:
    match = re.fullmatch(r"(\d{1,4})([DWMAY])", period.upper())
    if not match or not int(match[1]):
        raise invalid(f"invalid period: {period}")
    return int(match[1]), match[2]


def _shift(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    while True:
        try:
            return date(year, month + 1, day.day)
        except ValueError:
            day -= timedelta(days=1)


def _add(start: date, period: str) -> date:
    count, unit = _split(period)
    if unit in "DW":
        return start + timedelta(days=count * (7 if unit == "W" else 1))
    return _shift(start, count * (1 if unit == "M" else 12))


def _period_start(exchange: Exchange, end: date, period: str) -> date:
    if period.lower() == "all":
        return end - timedelta(days=10_000)
    count, unit = _split(period)
    if unit == "D":
        # Days are trading days: 1D is the last session.
        sessions = exchange.calendar.sessions(end - timedelta(days=2 * count + 10), end)
        begun = [session.day for session in sessions if session.open_ns <= exchange.venue.now_ns]
        return begun[-min(count, len(begun))] if begun else end
    return end - timedelta(days=7 * count) if unit == "W" else _shift(end, -count * (1 if unit == "M" else 12))


# ------------------------------------------------------------------- the answer


@dataclass(frozen=True, slots=True)
class Point:
    """One bar."""

    label_ns: int
    from_ns: int
    """Cash flows after this instant …"""
    to_ns: int
    """… and until this one are the bar's."""
    equity: Decimal
    base: Decimal
    """Equity at the close before the bar's day."""


def portfolio_history(exchange: Exchange, account: Account, parameters: Mapping[str, str]) -> dict[str, Any]:
    """Return the answer. Raises Rejection (422)."""
    query = read_query(exchange, parameters)
    days = _days(exchange, account)
    points = _daily(exchange, days, query) if query.timeframe == "1D" else _intraday(exchange, account, days, query)
    first = next((n for n, d in enumerate(days) if d.day >= query.start), len(days))
    before = days[first - 1] if first else None
    base = before.equity if before else (points[0].equity if points else exchange.equity(account))
    changes = _changes(points, base, query)
    answer: dict[str, Any] = {
        "timestamp": [point.label_ns // NS for point in points],
        "equity": [float(cents(point.equity)) for point in points],
        "profit_loss": [float(cents(change)) for change, _ in changes],
        "profit_loss_pct": [round(float(change / over), 6) if over else 0.0 for change, over in changes],
        "base_value": float(cents(base)),
        "timeframe": query.timeframe,
    }
    if before:
        answer["base_value_asof"] = before.day.isoformat()
    if query.cashflow_types is not None:
        answer["cashflow"] = _cashflow(account, points, query.cashflow_types)
    return answer


def _days(exchange: Exchange, account: Account) -> list[DayClose]:
    """Return past closes and, when the present day is a trading day that has not closed, its equity so far."""
    days = list(exchange.days[account.name])
    now = exchange.venue.now_ns
    session = exchange.calendar.session(new_york(now).date())
    if session and session.open_ns <= now and (not days or days[-1].day < session.day):
        days.append(DayClose(session.day, exchange.equity(account)))
    return days


def _changes(points: list[Point], base: Decimal, query: Query) -> list[tuple[Decimal, Decimal]]:
    """Return (profit or loss, what it is relative to) of each bar."""
    if not query.per_day:
        return [(point.equity - base, base) for point in points]
    if query.timeframe == "1D":
        previous = [base, *(point.equity for point in points)]
        return [(point.equity - over, over) for point, over in zip(points, previous, strict=False)]
    return [(point.equity - point.base, point.base) for point in points]


def _daily(exchange: Exchange, days: list[DayClose], query: Query) -> list[Point]:
    """Return a bar per trading day, labelled with the end of its extended session, 20:00 in New York."""
    points = []
    previous: DayClose | None = None
    for close in days:
        if query.start <= close.day <= query.end:
            points.append(
                Point(
                    label_ns=at_ns(close.day, time(20)),
                    from_ns=_close_ns(exchange, previous.day) if previous else 0,
                    to_ns=_close_ns(exchange, close.day),
                    equity=close.equity,
                    base=previous.equity if previous else close.equity,
                )
            )
        previous = close
    return points


def _close_ns(exchange: Exchange, day: date) -> int:
    session = exchange.calendar.session(day)
    return session.close_ns if session else at_ns(day, time(16))


def _hours(session: Session, reporting: str) -> tuple[int, int]:
    if session.around_the_clock or reporting == "market_hours":
        return session.open_ns, session.close_ns
    if reporting == "extended_hours":
        return session.extended_open_ns, session.extended_close_ns
    return session.extended_open_ns, at_ns(session.day, time(22))


def _intraday(exchange: Exchange, account: Account, days: list[DayClose], query: Query) -> list[Point]:
    step = TIMEFRAMES[query.timeframe] * MINUTE_NS
    now = exchange.venue.now_ns
    points: list[Point] = []
    for session in exchange.calendar.sessions(query.start, query.end):
        index = bisect.bisect_left(days, session.day, key=lambda close: close.day)
        if index >= len(days) or days[index].day != session.day:
            continue
        base = days[index - 1].equity if index else days[index].equity
        begin, end = _hours(session, query.reporting)
        equity_at = _equity_of_day(exchange, account, session, base, days[index].equity)
        for label in range(begin, min(end, now + 1), step):
            until = min(label + step, end, now)
            wanted = (query.start_ns is None or label >= query.start_ns - query.start_ns % step) and (
                query.end_ns is None or label <= query.end_ns
            )
            if wanted:
                after = points[-1].to_ns if points else begin
                points.append(Point(label, after, until, equity_at(until), base))
    return points


def _equity_of_day(
    exchange: Exchange, account: Account, session: Session, opening: Decimal, closing: Decimal
) -> Callable[[int], Decimal]:
    """Return the function from a time of a day to equity: what was sampled, or a path made up for the time before."""
    samples = exchange.samples[account.name]
    times = [at for at, _ in samples]
    begin, until = session.open_ns, min(session.close_ns, exchange.venue.now_ns)
    first = samples[0][0] if samples else until
    if begin < first < until:
        until, closing = first, samples[0][1]
    bridge = _bridge(exchange, account, session, (begin, until), (opening, closing))

    def equity_at(ns: int) -> Decimal:
        if ns >= exchange.venue.now_ns:
            return exchange.equity(account)
        if ns <= until and begin < first:
            return bridge(ns)
        index = bisect.bisect_right(times, ns) - 1
        return samples[index][1] if index >= 0 else closing

    return equity_at


def _bridge(
    exchange: Exchange, account: Account, session: Session, span: tuple[int, int], ends: tuple[Decimal, Decimal]
) -> Callable[[int], Decimal]:
    """Return a random path between two known equities that is the same whenever it is asked for."""
    (begin, until), (opening, closing) = span, ends
    opening += total(
        flow.net_amount
        for flow in account.activities
        if isinstance(flow, Flow) and flow.time_ns <= until and new_york(flow.time_ns).date() == session.day
    )
    minutes = max(1, (until - begin) // MINUTE_NS)
    random = Random(f"{exchange.seed}:intraday:{account.name}:{session.day}")
    path = [0.0]
    for _ in range(minutes):
        path.append(path[-1] + random.gauss(0, 1))
    swing = USUAL_SWING * float(abs(opening)) / minutes**0.5

    def at(ns: int) -> Decimal:
        minute = min(minutes, max(0, (ns - begin) // MINUTE_NS))
        if minute == minutes:
            return closing
        share = Decimal(minute) / minutes
        noise = (path[minute] - path[-1] * float(share)) * swing
        return cents(opening + (closing - opening) * share + Decimal(str(round(noise, 2))))

    return at


def _cashflow(account: Account, points: list[Point], types: frozenset[str]) -> dict[str, list[float]]:
    flows = [activity for activity in account.activities if isinstance(activity, Flow)]
    kinds = types or {flow.kind for flow in flows}
    ends = [point.to_ns for point in points]
    sums = {kind: [ZERO] * len(points) for kind in sorted(kinds)}
    for flow in flows:
        index = bisect.bisect_left(ends, flow.time_ns)
        if flow.kind in sums and index < len(points) and flow.time_ns > points[index].from_ns:
            sums[flow.kind][index] += flow.net_amount
    return {kind: [float(amount) for amount in row] for kind, row in sums.items() if types or any(row)}
