"""The payload of the control link's ``performance`` command."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import msgspec
import numpy as np

from plugtui.performance.benchmark import benchmark_returns, compare
from plugtui.performance.curve import Curve, IntArray, Mark, day_of
from plugtui.performance.drawdown import top_drawdowns, underwater
from plugtui.performance.exposure import Trade, exposure, turnover
from plugtui.performance.figures import Trip, figures, return_values
from plugtui.performance.ratios import DAILY, Undefined, Value
from plugtui.performance.returns import Returns, daily_returns, growth, time_weighted
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


def _comparison(returns: Returns, prices: Sequence[tuple[date, float]]) -> dict[str, Any]:
    found = compare(returns, benchmark_returns(returns, prices))
    names = ("account", "benchmark", "relative", "beta", "correlation")
    return {**{name: _value(getattr(found, name)) for name in names}, "periods": found.periods}


def _total(curve: Curve | None) -> float | None:
    returns = daily_returns(curve) if curve is not None else None
    return time_weighted(returns.values) if returns is not None and len(returns) else None


def performance_payload(
    curve: Curve,
    name: str,
    *,
    trips: Sequence[Trip] | None = None,
    trades: Sequence[Trade] = (),
    fills_since_ns: int | None = None,
    by_algo: Mapping[str, Any] | None = None,
    by_symbol: Mapping[str, Any] | None = None,
    live: Curve | None = None,
    benchmark: Sequence[tuple[date, float]] = (),
    count: int = MAX_POINTS,
) -> dict[str, Any]:
    """Build the answer to ``performance window``; JSON as it stands, figures as a mapping.

    Args:
        curve: the whole daily curve of the account (252 periods a year); the window is cut here.
        name: of the window.
        trips: round trips closed within the window.
        trades: all fills that are known, for exposure and turnover; empty leaves both undefined.
        fills_since_ns: before this moment fills are not known; ``None``: all are. A window that begins earlier has neither
            exposure nor turnover, and a mark says what its round trips cover.
        by_algo: P&L per algorithm, taken along.
        by_symbol: P&L per symbol, taken along.
        live: equity samples of today, plotted for 1D in place of the two daily points.
        benchmark: (day, price) of a benchmark, days rising; empty leaves the comparison out.
        count: at most so many points.

    Raises:
        ValueError: when the window has another name than those of :data:`plugtui.performance.windows.WINDOWS`.
    """
    cut = window(curve, name)
    returns = daily_returns(cut)
    values = return_values(returns, DAILY)
    known = _fills_known(cut, trades, fills_since_ns)
    more = {
        **{key: values[key] for key in _MORE},
        "exposure": known or exposure(trades, cut),
        "turnover": known or turnover(trades, cut),
    }
    if known is not None and known is not _NO_FILLS and fills_since_ns is not None:
        cut = cut.marked(Mark(fills_since_ns, "fills", f"{known.reason}; so are the round trips"))
    plotted = live if name == "1D" and live is not None and len(live) > 1 else cut
    return {
        "window": name,
        "figures": msgspec.to_builtins(figures(cut, trips, DAILY), builtin_types=()),
        "more": {key: _value(value) for key, value in more.items()},
        "curve": curve_points(plotted, count),
        "benchmark": _comparison(returns, benchmark) if benchmark else None,
        "previous_return": _total(previous(curve, name)),
        "drawdowns": [msgspec.to_builtins(fall) for fall in top_drawdowns(returns)],
        "calendar": [msgspec.to_builtins(row) for row in calendar_table(returns)],
        "marks": [msgspec.to_builtins(mark) for mark in cut.marks],
        "by_algo": dict(by_algo or {}),
        "by_symbol": dict(by_symbol or {}),
    }
