"""The record of a trader: figures of every window, the curve in percent, the score. Without amounts from here on.

Pure and slow enough (some milliseconds) to be worth a thread.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from plugtui.control.messages import Figures
from plugtui.ledger.executions import Execution
from plugtui.ledger.pnl import account_trips
from plugtui.ledger.round_trips import Trip
from plugtui.performance.curve import EMPTY, Curve, close_ns, day_of
from plugtui.performance.curve_json import curve_points
from plugtui.performance.drawdown import top_drawdowns
from plugtui.performance.exposure import Trade, exposure, turnover
from plugtui.performance.figures import figures, without_amounts
from plugtui.performance.ratios import DAILY, Undefined, Value
from plugtui.performance.returns import daily_returns, growth
from plugtui.performance.windows import WINDOWS, calendar_table, window
from plugtui.store.traders import DayRow
from plugtui.traders.ranking import score

_NO_HISTORY = Undefined("no history yet")
_PUBLIC_MARKS = frozenset({"gap", "spike", "ruin"})
"""Marks whose words hold no amount."""


@dataclass(frozen=True)
class Record:
    """What is known of a trader's past."""

    curve: Curve = EMPTY
    """Growth of one unit; flows are gone."""
    figures: dict[str, Figures] = field(default_factory=dict)
    score: Value = _NO_HISTORY
    exposure: Value = _NO_HISTORY
    turnover: Value = _NO_HISTORY


def make_record(curve: Curve, executions: Iterable[Execution]) -> Record:
    """Compute a record from brokerage data.

    Args:
        curve: daily equity with external flows.
        executions: all that the broker still lists.
    """
    if len(curve) < 2:
        return Record()
    known = list(executions)
    trips = account_trips(known)
    trades = [Trade(e.time_ns, e.symbol, e.signed_qty, e.price) for e in known]
    deployed = exposure(trades, curve)
    found = {name: _window_figures(curve, name, trips) for name in WINDOWS}
    value = score(found["ALL"], deployed)
    return Record(_index(curve), _with_reason(found, value), value, deployed, turnover(trades, curve))


def kept_record(days: Sequence[DayRow]) -> Record:
    """Make a record from the days in the database, until the broker has answered; what rests on fills is undefined."""
    if len(days) < 2:
        return Record()
    times = np.array([close_ns(row.day) for row in days], np.int64)
    curve = Curve(times, np.array([row.index for row in days]), np.zeros(len(days)), np.zeros(len(days)))
    unknown = Undefined("account not read yet")
    found = {name: without_amounts(figures(window(curve, name), periods=DAILY)) for name in WINDOWS}
    return Record(curve, _with_reason(found, unknown), unknown, unknown, unknown)


def day_rows(record: Record) -> list[DayRow]:
    """Return what is kept of a record."""
    returns = daily_returns(record.curve)
    changes: list[float | None] = [None, *returns.values.tolist()] if len(record.curve) else []
    rows = zip(record.curve.time_ns.tolist(), record.curve.equity.tolist(), changes, strict=True)
    return [DayRow(day_of(time_ns), index, None if change != change else change) for time_ns, index, change in rows]


def _window_figures(curve: Curve, name: str, trips: Sequence[Trip]) -> Figures:
    part = window(curve, name)
    start = int(part.time_ns[0]) if name != "ALL" else -1
    return without_amounts(figures(part, [trip for trip in trips if trip.closed_ns > start], DAILY))


def _index(curve: Curve) -> Curve:
    """Turn equity and flows into the growth of one unit."""
    index = np.concatenate(([1.0], growth(daily_returns(curve))))
    zeros = np.zeros(len(curve))
    marks = tuple(mark for mark in curve.marks if mark.kind in _PUBLIC_MARKS)
    return Curve(curve.time_ns, index, zeros, zeros, marks)


def _with_reason(found: dict[str, Figures], value: Value) -> dict[str, Figures]:
    """Put the reason for a missing score beside the other reasons of the whole history."""
    if not isinstance(value, Undefined):
        return found
    whole = found["ALL"]
    return {**found, "ALL": msgspec.structs.replace(whole, undefined={**whole.undefined, "score": value.reason})}


def profile_of(record: Record, points: int) -> dict[str, Any]:
    """Return a record as plain data for a profile: figures, curve as growth of 100, drawdowns, calendar, marks."""
    returns = daily_returns(record.curve)
    return {
        "figures": {name: msgspec.to_builtins(f) for name, f in record.figures.items()},
        "score": _plain(record.score),
        "score_reason": record.score.reason if isinstance(record.score, Undefined) else "",
        "exposure": _plain(record.exposure),
        "turnover": _plain(record.turnover),
        "curve": curve_points(record.curve, points, amounts=False),
        "drawdowns": [msgspec.to_builtins(fall) for fall in top_drawdowns(returns)],
        "calendar": [msgspec.to_builtins(row) for row in calendar_table(returns)],
        "marks": [msgspec.to_builtins(mark) for mark in record.curve.marks],
    }


def _plain(value: Value) -> float | None:
    return None if isinstance(value, Undefined) else value
