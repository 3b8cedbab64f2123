"""Comparison with a benchmark, an index fund for instance."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from plugtui.performance.curve import FloatArray, day_of
from plugtui.performance.ratios import DAILY, Undefined, Value
from plugtui.performance.returns import Returns, time_weighted


@dataclass(frozen=True)
class Comparison:
    """An account beside a benchmark over the periods that both have."""

    account: Value
    """Total return of the account over those periods."""
    benchmark: Value
    relative: Value
    """(1 + account) / (1 + benchmark) − 1: positive means ahead."""
    beta: Value
    """Covariance with the benchmark / variance of the benchmark."""
    correlation: Value
    alpha: Value
    """(mean(r) − beta · mean(b)) · N: what the account earned beyond its share in the benchmark's moves, a year."""
    tracking_error: Value
    """std(r − b, ddof 1) · √N."""
    periods: int


def benchmark_levels(times_ns: Sequence[int], prices: Sequence[tuple[date, float]]) -> FloatArray:
    """Return the benchmark's price at each moment: the last one at or before its day, NaN before the first."""
    ordinals = np.array([day.toordinal() for day, _ in prices])
    values = np.array([price for _, price in prices], np.float64)
    at = [int(np.searchsorted(ordinals, day_of(moment).toordinal(), side="right")) - 1 for moment in times_ns]
    return np.array([values[i] if i >= 0 else np.nan for i in at], np.float64)


def benchmark_returns(returns: Returns, prices: Sequence[tuple[date, float]]) -> FloatArray:
    """Return the benchmark's return over each period of ``returns``, shape (n,).

    Args:
        returns: of the account; the start of its first period must be known for the first to have a counterpart.
        prices: (day, price), days rising. The price of a moment is the last one at or before its day; before the first
            price the return is NaN.
    """
    levels = benchmark_levels(returns.time_ns.tolist(), prices)
    start = np.nan if returns.start_ns is None else benchmark_levels([returns.start_ns], prices)[0]
    levels = np.concatenate([[start], levels])
    with np.errstate(divide="ignore", invalid="ignore"):
        change = levels[1:] / levels[:-1] - 1.0
    return np.where(np.isfinite(change), change, np.nan)


def compare(returns: Returns, benchmark: FloatArray, periods: float = DAILY) -> Comparison:
    """Compare period by period.

    Args:
        returns: of the account.
        periods: returns a year (N), for alpha and the tracking error.
        benchmark: return of the benchmark over the same periods, shape (n,); NaN where it has none.

    Raises:
        ValueError: when the two are not of one length.
    """
    if len(returns) != len(benchmark):
        raise ValueError(f"{len(returns)} returns against {len(benchmark)} of the benchmark")
    both = ~(np.isnan(returns.values) | np.isnan(benchmark))
    own, other = returns.values[both], benchmark[both]
    if not len(own):
        nothing = Undefined("no period that both have")
        return Comparison(nothing, nothing, nothing, nothing, nothing, nothing, nothing, 0)
    mine, theirs = time_weighted(own), time_weighted(other)
    relative: Value = (
        (1.0 + mine) / (1.0 + theirs) - 1.0 if theirs > -1.0 else Undefined("the benchmark lost everything")
    )
    beta, correlation = _beta(own, other)
    alpha = beta if isinstance(beta, Undefined) else (float(np.mean(own)) - beta * float(np.mean(other))) * periods
    return Comparison(mine, theirs, relative, beta, correlation, alpha, _tracking(own - other, periods), len(own))


def _tracking(apart: FloatArray, periods: float) -> Value:
    if len(apart) < 3:
        return Undefined("needs three periods")
    return float(np.std(apart, ddof=1) * np.sqrt(periods))


def _beta(own: FloatArray, other: FloatArray) -> tuple[Value, Value]:
    if len(own) < 3:
        short = Undefined("needs three periods")
        return short, short
    variance = float(np.var(other, ddof=1))
    if variance <= 1e-24:
        flat = Undefined("the benchmark does not vary")
        return flat, flat
    covariance = float(np.cov(own, other, ddof=1)[0, 1])
    spread = float(np.std(own, ddof=1))
    correlation: Value = (
        covariance / (spread * variance**0.5) if spread > 1e-12 else Undefined("the returns do not vary")
    )
    return covariance / variance, correlation
