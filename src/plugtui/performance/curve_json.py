"""The payload of the control link's ``performance`` command."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

import msgspec
import numpy as np

from plugtui.control.messages import Figures
from plugtui.performance.benchmark import benchmark_levels, benchmark_returns, compare
from plugtui.performance.curve import Curve, IntArray, Mark, day_of, finer
from plugtui.performance.drawdown import max_drawdown, top_drawdowns, underwater
from plugtui.performance.exposure import Trade, exposure, turnover
from plugtui.performance.figures import DEFINITIONS, Trip, figures, return_values
from plugtui.performance.ratios import DAILY, Undefined, Value
from plugtui.performance.returns import Returns, daily_returns, growth
from plugtui.performance.windows import calendar_table, previous, window

MAX_POINTS = 500
_MORE = ("downside_deviation", "winning_days", "value_at_risk", "expected_shortfall", "stability", "omega")

_NO_FILLS = Undefined("no list of fills")

Point = tuple[int, float, float, float]
"""time_ns, equity (growth of 100 where amounts are not shown), index (1 at the start), drawdown (≤ 0)."""


def thin(values: Sequence[float], count: int) -> IntArray:
    """Return the indices of at most ``count`` points of a line, rising.

    Kept: the first, the last, and the lowest and highest of each of equal stretches, so that no extreme disappears.

    Raises:
        ValueError: when ``count`` is below 4.
    """
    if count < 4:
        raise ValueError(f"count was {count}, expected at least 4")
    size = len(values)
    if size <= count:
        return np.arange(size)
    line = np.asarray(values, np.float64)
    edges = np.linspace(1, size - 1, (count - 2) // 2 + 1).astype(np.int64)
    kept = {0, size - 1}
    for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if stop > start:
            kept |= {start + int(np.argmin(line[start:stop])), start + int(np.argmax(line[start:stop]))}
    return np.array(sorted(kept))


def curve_points(curve: Curve, count: int = MAX_POINTS, amounts: bool = True) -> list[Point]:
    """Return the points of a curve for a plot, at most ``count``, the extremes of index and drawdown among them.

    Args:
        curve: equity and flows.
        count: at most so many points, ≥ 5.
        amounts: False puts the growth of 100 in the place of the equity.
    """
    if not len(curve):
        return []
    returns = daily_returns(curve)
    index = np.concatenate(([1.0], growth(returns)))
    below = np.concatenate(([0.0], underwater(returns)))
    kept = sorted({*thin(index.tolist(), count - 1).tolist(), int(np.argmin(below))})
    return [
        (
            int(curve.time_ns[i]),
            float(curve.equity[i]) if amounts else 100.0 * float(index[i]),
            float(index[i]),
            float(below[i]),
        )
        for i in kept
    ]


def _value(value: Value) -> dict[str, Any]:
    return {"value": None, "reason": value.reason} if isinstance(value, Undefined) else {"value": value}


def _fills_known(cut: Curve, trades: Sequence[Trade], since_ns: int | None) -> Undefined | None:
    """Return why exposure and turnover are undefined, or ``None``."""
    if since_ns is not None and len(cut) and since_ns > int(cut.time_ns[0]):
        return Undefined(f"fills are known since {day_of(since_ns)} only")
    return None if trades else _NO_FILLS


class ClosedTrip(Trip, Protocol):
    """A round trip that can be counted to a window."""

    @property
    def closed_ns(self) -> int:
        """When it was closed."""


@dataclass(frozen=True, slots=True)
class Prices:
    """A benchmark's daily closes, or why there are none."""

    symbol: str
    closes: Sequence[tuple[date, float]] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Book:
    """What the ledger knows beside the curve."""

    trips: Sequence[ClosedTrip] | None = None
    """All round trips; ``None``: they are not known."""
    trades: Sequence[Trade] = ()
    """All fills, for exposure and turnover; empty leaves both undefined."""
    fills_since_ns: int | None = None
    """Before this moment fills are not known; ``None``: all are. A window that begins earlier has neither exposure nor
    turnover, and a mark says what its round trips cover."""

    def closed(self, part: Curve, *, whole: bool) -> list[ClosedTrip] | None:
        """Return the round trips that were closed within a part of the curve, or up to its end."""
        if self.trips is None:
            return None
        first = -1 if whole or not len(part) else int(part.time_ns[0])
        last = int(part.time_ns[-1]) if len(part) else first
        # A live curve ends now, one of closes at four in the afternoon: what was closed later that day counts too.
        return [
            t
            for t in self.trips
            if t.closed_ns > first and (t.closed_ns <= last or day_of(t.closed_ns) <= day_of(last))
        ]


def _comparison(cut: Curve, prices: Prices) -> dict[str, Any]:
    """Return the figures beside a benchmark and its growth over the curve's days."""
    returns = daily_returns(cut)
    if not prices.closes or not len(returns):
        return {"symbol": prices.symbol, "problem": prices.problem or "no history yet", "curve": []}
    found = compare(returns, benchmark_returns(returns, prices.closes), DAILY)
    names = ("account", "benchmark", "relative", "beta", "alpha", "correlation", "tracking_error")
    levels = benchmark_levels(cut.time_ns.tolist(), prices.closes)
    known = ~np.isnan(levels)
    growth_of_one = levels / levels[known][0] if known.any() else levels
    points = [(int(t), float(v)) for t, v, there in zip(cut.time_ns, growth_of_one, known, strict=True) if there]
    kept = thin([v for _, v in points], MAX_POINTS).tolist() if points else []
    return {
        "symbol": prices.symbol,
        "problem": prices.problem,
        "curve": [points[i] for i in kept],
        **{name: _value(getattr(found, name)) for name in names},
        "periods": found.periods,
    }


def _with_depth(found: Figures, seen: Returns) -> Figures:
    """Take the deepest fall from the readings within the days, where there are any: a day has one close only."""
    if found.max_drawdown is None:
        return found
    return msgspec.structs.replace(found, max_drawdown=min(found.max_drawdown, max_drawdown(seen)))


def _before(curve: Curve, name: str, book: Book) -> dict[str, Any] | None:
    """Return the window of the same length that ended where this one begins."""
    part = previous(curve, name)
    if part is None or len(part) < 2:
        return None
    return {
        "from_ns": int(part.time_ns[0]),
        "to_ns": int(part.time_ns[-1]),
        "figures": msgspec.to_builtins(figures(part, book.closed(part, whole=False), DAILY), builtin_types=()),
    }


def performance_payload(
    curve: Curve,
    name: str,
    book: Book | None = None,
    *,
    by_algo: Mapping[str, Any] | None = None,
    by_symbol: Mapping[str, Any] | None = None,
    samples: Sequence[tuple[int, Decimal]] = (),
    benchmark: Prices | None = None,
    count: int = MAX_POINTS,
) -> dict[str, Any]:
    """Build the answer to ``performance window``; JSON as it stands, figures as a mapping.

    Args:
        curve: the whole daily curve of the account (252 periods a year); the window is cut here.
        name: of the window.
        book: round trips and fills.
        by_algo: P&L per algorithm, taken along.
        by_symbol: P&L per symbol, taken along.
        samples: (time_ns, equity) read within the window's days, plotted in place of the daily points.
        benchmark: what to compare with; ``None`` leaves the comparison out.
        count: at most so many points.

    Raises:
        ValueError: when the window has another name than those of :data:`plugtui.performance.windows.WINDOWS`.
    """
    book = book or Book()
    cut = window(curve, name)
    values = return_values(daily_returns(cut), DAILY)
    known = _fills_known(cut, book.trades, book.fills_since_ns)
    more = {
        **{key: values[key] for key in _MORE},
        "exposure": known or exposure(book.trades, cut),
        "turnover": known or turnover(book.trades, cut),
    }
    if known is not None and known is not _NO_FILLS and book.fills_since_ns is not None:
        cut = cut.marked(Mark(book.fills_since_ns, "fills", f"{known.reason}; so are the round trips"))
    plotted = finer(cut, samples)
    seen = daily_returns(plotted)
    trips = book.closed(cut, whole=name == "ALL")
    return {
        "window": name,
        "figures": msgspec.to_builtins(_with_depth(figures(cut, trips, DAILY), seen), builtin_types=()),
        "more": {key: _value(value) for key, value in more.items()},
        "curve": curve_points(plotted, count),
        "flows": [(int(plotted.time_ns[i]), float(plotted.flow[i])) for i in np.flatnonzero(plotted.flow) if i],
        "before": _before(curve, name, book),
        "benchmark": _comparison(cut, benchmark) if benchmark is not None else None,
        "drawdowns": [msgspec.to_builtins(fall) for fall in top_drawdowns(seen, 20)],
        "calendar": [msgspec.to_builtins(row) for row in calendar_table(daily_returns(curve))],
        "marks": [msgspec.to_builtins(mark) for mark in cut.marks],
        "by_algo": dict(by_algo or {}),
        "by_symbol": dict(by_symbol or {}),
        "definitions": DEFINITIONS,
    }
