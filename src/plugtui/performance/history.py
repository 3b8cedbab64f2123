"""From Alpaca's portfolio history and account activities to an equity curve, minding what the history gets wrong.

What is known of ``GET /v2/account/portfolio/history`` (protocol §3.3): a 1D timestamp is the end of the extended session of
the day that it describes (20:00 New York, the next day in UTC); there are zeros before the funding and nulls anywhere;
``profit_loss_pct`` and ``base_value`` contain deposits and may be null. Only ``timestamp``, ``equity`` and the activities
are used.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

from plugtui.performance.curve import EMPTY, Curve, Mark, Movement, close_ns, curve_of_days, day_of
from plugtui.performance.flows import Flows, external_flows
from plugtui.performance.returns import daily_returns, settle_flows

SPIKE = 0.4
"""A daily return beyond this is marked: paper accounts are not adjusted for splits, mergers or delistings."""

_NS = 1_000_000_000
_Rows = list[tuple[date, Decimal | None]]


def _rows(history: Mapping[str, Any]) -> _Rows:
    """Return (day, equity or ``None``) in order, the last of a day where the broker lists several."""
    stamps: Sequence[Any] = history.get("timestamp") or []
    equities: Sequence[Any] = history.get("equity") or []
    by_day: dict[date, Decimal | None] = {}
    for stamp, equity in sorted(
        ((int(s), e) for s, e in zip(stamps, equities, strict=False) if s is not None), key=lambda pair: pair[0]
    ):
        value = None if equity is None else Decimal(str(equity))
        usable = value if value is not None and value.is_finite() else None
        day = day_of(stamp * _NS)
        if usable is not None or day not in by_day:
            by_day[day] = usable
    return sorted(by_day.items(), key=lambda row: row[0])


def _paid(movements: Sequence[Movement], after: date, until: date) -> bool:
    return any(after < m.day <= until for m in movements)


def _fund(rows: _Rows, movements: Sequence[Movement]) -> tuple[_Rows, list[Movement]]:
    """Cut what lies before the funding; keep one zero ahead of it when the first deposit is known.

    Then the gain of the first day counts, and a deposit that was booked before its effect moves to the first funded day.
    """
    first = next((i for i, (_, equity) in enumerate(rows) if equity), None)
    if first is None:
        return [], list(movements)
    funded = rows[first][0]
    early = sum((m.amount for m in movements if m.day <= funded), Decimal(0))
    later = [m for m in movements if m.day > funded]
    zero_day = next((day for day, equity in reversed(rows[:first]) if equity == 0), None)
    if zero_day is None or early <= 0:
        return rows[first:], later
    return [(zero_day, Decimal(0)), *rows[first:]], [Movement(funded, early), *later]


def _without_holes(rows: _Rows, movements: Sequence[Movement]) -> tuple[list[tuple[date, Decimal]], list[Mark]]:
    """Leave out nulls, and zeros that no payment explains."""
    kept: list[tuple[date, Decimal]] = []
    marks: list[Mark] = []
    for at, (day, equity) in enumerate(rows):
        if equity is None:
            marks.append(Mark(close_ns(day), "gap", f"no equity for {day}"))
            continue
        following = next((d for d, e in rows[at + 1 :] if e), day)
        if equity == 0 and kept and kept[-1][1] > 0 and not _paid(movements, kept[-1][0], following):
            marks.append(Mark(close_ns(day), "gap", f"equity 0 on {day} without a withdrawal; left out"))
            continue
        kept.append((day, equity))
    return kept, marks


def inspect(curve: Curve) -> Curve:
    """Mark the days on which the account was at or below zero, and those with a return beyond :data:`SPIKE`."""
    marks = []
    returns = daily_returns(curve)
    for time_ns, value in zip(returns.time_ns.tolist(), returns.values.tolist(), strict=True):
        day = day_of(time_ns)
        if value <= -1.0:
            marks.append(Mark(time_ns, "ruin", f"equity at or below zero on {day}"))
        elif abs(value) > SPIKE:
            marks.append(Mark(time_ns, "spike", f"{value:+.1%} on {day}; a split or a correction, perhaps"))
    return curve.marked(*marks) if marks else curve


class Point(Protocol):
    """A point of a portfolio history."""

    @property
    def time_ns(self) -> int:
        """Moment, see the module's text."""

    @property
    def equity(self) -> Decimal:
        """Value of the account."""


class Payment(Protocol):
    """A non-trade activity."""

    @property
    def id(self) -> str:
        """Of the activity."""

    @property
    def type(self) -> str:
        """``CSD``, ``DIV``, …"""

    @property
    def day(self) -> str:
        """``YYYY-MM-DD``."""

    @property
    def net_amount(self) -> Decimal:
        """Positive into the account."""


def from_history(history: Mapping[str, Any], activities: Iterable[Mapping[str, Any]] = ()) -> Curve:
    """Make the daily equity curve of an account.

    Args:
        history: JSON object of ``GET /v2/account/portfolio/history`` with ``timeframe=1D``.
        activities: JSON objects of ``GET /v2/account/activities``; types that are not external are passed over.

    Returns:
        The curve from the funding on, flows on the day of their effect, with marks on what is doubtful; empty when the
        account was never funded.
    """
    return _curve(_rows(history), external_flows(activities))


def from_points(points: Iterable[Point], payments: Iterable[Payment] = ()) -> Curve:
    """Make the same curve from what :class:`plugtui.brokers.port.Broker` returns."""
    by_day: dict[date, Decimal | None] = {day_of(p.time_ns): p.equity for p in sorted(points, key=lambda p: p.time_ns)}
    items = [{"activity_type": p.type, "id": p.id, "date": p.day, "net_amount": p.net_amount} for p in payments]
    return _curve(sorted(by_day.items(), key=lambda row: row[0]), external_flows(items))


def _curve(history: _Rows, flows: Flows) -> Curve:
    rows, movements = _fund(history, flows.movements)
    points, holes = _without_holes(rows, movements)
    if not points:
        return EMPTY
    return inspect(settle_flows(curve_of_days(points, movements, (*flows.marks, *holes))))
