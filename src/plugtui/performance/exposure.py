"""How much of an account is at work: exposure and turnover, from fills and the equity curve."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from plugtui.performance.curve import Curve
from plugtui.performance.ratios import Undefined, Value

_YEAR_DAYS = 365.25


@dataclass(frozen=True)
class Trade:
    """A fill, as far as exposure needs it."""

    time_ns: int
    symbol: str
    qty: Decimal
    """Negative when sold."""
    price: Decimal


def exposure(trades: Sequence[Trade], curve: Curve) -> Value:
    """Return the mean over the points after the base of Σ|position| · last traded price / equity.

    Positions are valued at the price of the symbol's last fill, since a list of fills holds no other; those from before the
    first fill are not known.
    """
    if len(curve) < 2:
        return Undefined("no days yet")
    ordered = sorted(trades, key=lambda trade: trade.time_ns)
    held: dict[str, Decimal] = {}
    price: dict[str, Decimal] = {}
    at, parts = 0, []
    for time_ns, equity in zip(curve.time_ns[1:].tolist(), curve.equity[1:].tolist(), strict=True):
        while at < len(ordered) and ordered[at].time_ns <= time_ns:
            trade = ordered[at]
            held[trade.symbol] = held.get(trade.symbol, Decimal(0)) + trade.qty
            price[trade.symbol] = trade.price
            at += 1
        if equity > 0:
            parts.append(float(sum((abs(q) * price[s] for s, q in held.items()), Decimal(0))) / equity)
    return float(np.mean(parts)) if parts else Undefined("no capital")


def turnover(trades: Sequence[Trade], curve: Curve) -> Value:
    """Return the traded value within the curve / mean equity, a year."""
    if len(curve) < 2 or curve.span_days < 1:
        return Undefined("no days yet")
    first, last = int(curve.time_ns[0]), int(curve.time_ns[-1])
    traded = float(sum((abs(t.qty) * t.price for t in trades if first < t.time_ns <= last), Decimal(0)))
    mean = float(np.mean(curve.equity))
    return traded / mean * _YEAR_DAYS / curve.span_days if mean > 0 else Undefined("no capital")
