"""The figures of a return series and of round trips. Each is a number or :class:`Undefined` with the reason.

``r`` is an array of simple returns per period, shape (n,), in which NaN is a period without a return: it is left out of
means and deviations and counts as elapsed time in :func:`cagr`. ``periods`` is the number of periods a year.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from plugtui.performance.curve import FloatArray

DAILY, WEEKLY, MONTHLY = 252, 52, 12
_TINY = 1e-12
"""A standard deviation below this part of the largest return is rounding, not movement."""


@dataclass(frozen=True)
class Undefined:
    """A figure that has no value."""

    reason: str


Value = float | Undefined

NO_RETURNS = Undefined("no returns yet")
NO_TRIPS = Undefined("no round trips")


def known(r: FloatArray) -> FloatArray:
    """Drop the periods without a return."""
    return r[~np.isnan(r)]


def total_return(r: FloatArray) -> Value:
    """∏(1+r) − 1."""
    values = known(r)
    return float(np.prod(1.0 + values) - 1.0) if len(values) else NO_RETURNS


def cagr(r: FloatArray, periods: float = DAILY) -> Value:
    """∏(1+r)^(N/n) − 1, n including the periods without a return."""
    values = known(r)
    if not len(values):
        return NO_RETURNS
    with np.errstate(over="ignore"):
        result = float(np.prod(1.0 + values) ** (periods / len(r)) - 1.0)
    return result if np.isfinite(result) else Undefined("too short a history to annualise such a gain")


def _deviation(values: FloatArray) -> float:
    """Return the sample standard deviation, exactly 0 when the values differ by rounding only."""
    deviation = float(np.std(values, ddof=1))
    return 0.0 if deviation <= _TINY * float(np.max(np.abs(values))) else deviation


def volatility(r: FloatArray, periods: float = DAILY) -> Value:
    """std(r, ddof 1)·√N."""
    values = known(r)
    if len(values) < 2:
        return Undefined("needs two returns")
    return _deviation(values) * float(np.sqrt(periods))


def sharpe(r: FloatArray, periods: float = DAILY, risk_free: float = 0.0) -> Value:
    """mean(r − rf)/std(r − rf, ddof 1)·√N, ``risk_free`` per period."""
    values = known(r)
    if len(values) < 2:
        return Undefined("needs two returns")
    deviation = _deviation(values)
    if deviation == 0.0:
        return Undefined("the returns do not vary")
    return float(np.mean(values - risk_free)) / deviation * float(np.sqrt(periods))


def downside_deviation(r: FloatArray, periods: float = DAILY, target: float = 0.0) -> Value:
    """√(mean(min(r − MAR, 0)²))·√N over all n, ``target`` (MAR) per period."""
    values = known(r)
    if not len(values):
        return NO_RETURNS
    return float(np.sqrt(np.mean(np.minimum(values - target, 0.0) ** 2)) * np.sqrt(periods))


def sortino(r: FloatArray, periods: float = DAILY, target: float = 0.0) -> Value:
    """(mean(r) − MAR)·N / downside deviation."""
    downside = downside_deviation(r, periods, target)
    if isinstance(downside, Undefined):
        return downside
    if downside <= _TINY * float(np.max(np.abs(known(r)))):
        return Undefined("no losses")
    return (float(np.mean(known(r))) - target) * periods / downside


def calmar(annual: Value, deepest: float) -> Value:
    """CAGR / abs(max drawdown)."""
    if isinstance(annual, Undefined):
        return annual
    return annual / abs(deepest) if deepest < 0 else Undefined("no drawdown")


def value_at_risk(r: FloatArray, level: float = 0.05) -> Value:
    """5th percentile of r (historical, linear between the two nearest)."""
    values = known(r)
    if len(values) < 20:
        return Undefined("needs 20 returns")
    return float(np.percentile(values, level * 100.0))


def expected_shortfall(r: FloatArray, level: float = 0.05) -> Value:
    """CVaR: mean of the r at or below the 5th percentile."""
    threshold = value_at_risk(r, level)
    if isinstance(threshold, Undefined):
        return threshold
    values = known(r)
    return float(np.mean(values[values <= threshold]))


def winning_days(r: FloatArray) -> Value:
    """Positive returns / non-zero returns."""
    values = known(r)
    moved = int(np.count_nonzero(values))
    return int(np.count_nonzero(values > 0)) / moved if moved else Undefined("no day with a change")


def stability(r: FloatArray) -> Value:
    """R² of a straight line through the cumulated log returns."""
    values = known(r)
    if len(values) < 2:
        return Undefined("needs two returns")
    if float(values.min()) <= -1.0:
        return Undefined("the whole capital was lost")
    path = np.cumsum(np.log1p(values))
    if float(np.std(path)) <= _TINY * float(np.max(np.abs(path))):
        return Undefined("the returns do not vary")
    return float(np.corrcoef(np.arange(len(path)), path)[0, 1] ** 2)


def omega(r: FloatArray, periods: float = DAILY, risk_free: float = 0.0, required: float = 0.0) -> Value:
    """Sum of the gains / sum of the losses, against ``risk_free`` per period and ``required`` per year."""
    if required <= -1.0:
        return Undefined("the required return is below −100 %")
    threshold = (1.0 + required) ** (1.0 / periods) - 1.0
    excess = known(r) - risk_free - threshold
    gains, losses = float(np.sum(excess[excess > 0])), -float(np.sum(excess[excess < 0]))
    return gains / losses if losses > _TINY * gains else Undefined("no losses")


# ---------------------------------------------------------------- round trips


def win_rate(pnls: Sequence[Decimal]) -> Value:
    """Winning round trips / all round trips."""
    return sum(pnl > 0 for pnl in pnls) / len(pnls) if pnls else NO_TRIPS


def profit_factor(pnls: Sequence[Decimal]) -> Value:
    """Gross profit / gross loss of round trips."""
    if not pnls:
        return NO_TRIPS
    loss = -sum((pnl for pnl in pnls if pnl < 0), Decimal(0))
    return float(sum((pnl for pnl in pnls if pnl > 0), Decimal(0)) / loss) if loss else Undefined("no losses")


def expectancy(pnls: Sequence[Decimal]) -> Value:
    """Mean P&L of a round trip."""
    return float(sum(pnls, Decimal(0)) / len(pnls)) if pnls else NO_TRIPS
