"""Drawdown: how far below its highest point an account is, and was."""

from dataclasses import dataclass

import numpy as np

from plugtui.performance.curve import FloatArray
from plugtui.performance.returns import Returns, growth

_ROUNDING = 1e-12


@dataclass(frozen=True)
class Drawdown:
    """One fall below a peak, until the peak was reached again."""

    depth: float
    """Negative: −0.25 is 25 % below the peak."""
    peak_ns: int | None
    """``None``: before the first return, at a moment that the series does not tell."""
    valley_ns: int
    recovery_ns: int | None
    """``None``: not recovered yet."""


def underwater(returns: Returns) -> FloatArray:
    """Return index / running peak − 1 after each period, ≤ 0; the peak starts at 1 before the first return."""
    index = growth(returns)
    if not len(index):
        return index
    below = index / np.maximum(np.maximum.accumulate(index), 1.0) - 1.0
    below[below > -_ROUNDING] = 0.0  # an index that is back at its peak differs from it in the last digits
    return below


def max_drawdown(returns: Returns) -> float:
    """Return the deepest drawdown, negative; 0 when the index never fell below its peak."""
    below = underwater(returns)
    return float(below.min()) if len(below) else 0.0


def drawdowns(returns: Returns) -> list[Drawdown]:
    """Return all drawdowns in time order."""
    below, times = underwater(returns), returns.time_ns
    found: list[Drawdown] = []
    at, end = 0, len(below)
    while at < end:
        if below[at] >= 0:
            at += 1
            continue
        stop = at
        while stop < end and below[stop] < 0:
            stop += 1
        valley = at + int(np.argmin(below[at:stop]))
        found.append(
            Drawdown(
                float(below[valley]),
                int(times[at - 1]) if at else returns.start_ns,
                int(times[valley]),
                int(times[stop]) if stop < end else None,
            )
        )
        at = stop
    return found


def top_drawdowns(returns: Returns, count: int = 5) -> list[Drawdown]:
    """Return the ``count`` deepest drawdowns, deepest first; of equal ones the earlier first."""
    return sorted(drawdowns(returns), key=lambda d: d.depth)[:count]
