"""The figures of one window as the dashboard shows them, and the definition of each in words (row P7)."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

import numpy as np

from plugtui.control.messages import Figures
from plugtui.performance import ratios
from plugtui.performance.curve import Curve, FloatArray, day_of
from plugtui.performance.drawdown import max_drawdown
from plugtui.performance.ratios import Undefined, Value
from plugtui.performance.returns import Returns, daily_returns

ANNUAL_DAYS = 90
"""Below so many calendar days of history a gain is not annualised for the screen."""

DEFINITIONS: dict[str, str] = {
    "total_return": "Total return: ∏(1+r) − 1. r: daily return without the effect of deposits and withdrawals (a deposit "
    "counts at the start of its day, a withdrawal at the end).",
    "cagr": "CAGR: ∏(1+r)^(N/n) − 1, N periods a year (252 days, 52 weeks, 12 months), n periods of history. Not annualised "
    "below 90 days of history.",
    "volatility": "Volatility: std(r, ddof 1)·√N.",
    "sharpe": "Sharpe: mean(r − rf)/std(r − rf, ddof 1)·√N; rf is 0 unless given. Undefined when r does not vary.",
    "sortino": "Sortino: (mean(r) − MAR)·N / downside deviation; MAR is 0. Undefined without losses.",
    "downside_deviation": "Downside deviation: √(mean(min(r − MAR, 0)²))·√N, over all n.",
    "calmar": "Calmar: CAGR / |max drawdown|. Undefined without a drawdown.",
    "max_drawdown": "Max drawdown: deepest fall below the running peak, which starts at 1 before the first return.",
    "win_rate": "Win rate: winning round trips / all round trips (FIFO).",
    "winning_days": "Winning days: days with a gain / days with a change.",
    "profit_factor": "Profit factor: gross profit / gross loss of round trips. Undefined without losses.",
    "expectancy": "Expectancy: mean P&L of a round trip.",
    "value_at_risk": "VaR 5 %: the 5th percentile of r (historical). Undefined below 20 returns.",
    "expected_shortfall": "CVaR 5 %: mean of the r at or below VaR 5 %. Undefined below 20 returns.",
    "stability": "Stability: R² of a straight line through the cumulated log returns.",
    "omega": "Omega: sum of gains / sum of losses of r. Undefined without losses.",
    "exposure": "Exposure: mean over the days of Σ|position value| / equity.",
    "turnover": "Turnover: traded value / mean equity, a year.",
    "pnl": "P&L: change of equity − net external flow. It answers another question than the return: how much, not how well.",
    "realized_pnl": "Realised P&L: sum over the round trips (FIFO), after fees.",
    "fees": "Fees: sum of the fees in the file; the P&L is after them.",
    "net_flow": "Net flow: deposits − withdrawals (CSD, CSW, ACATC, ACATS, JNLC, JNLS); dividends, interest and fees are "
    "part of the performance.",
    "days": "Days: number of returns.",
    "day_pnl": "Day P&L: equity − equity at the last close − external flow of today.",
    "previous": "Before: the same figure over the window of the same length that ended where this one begins.",
    "benchmark": "Benchmark: growth of the symbol over the same days, from closes adjusted for splits and dividends.",
    "relative": "Relative to the benchmark: (1 + return of the account) / (1 + return of the benchmark) − 1, over the days "
    "that both have.",
    "beta": "Beta: covariance of r with the benchmark's daily returns b / variance of b. Undefined below three days.",
    "alpha": "Alpha: (mean(r) − beta · mean(b))·N, a year; nothing is taken off for a riskless rate.",
    "correlation": "Correlation: of r with b, Pearson's.",
    "tracking_error": "Tracking error: std(r − b, ddof 1)·√N.",
    "round_trips": "Round trips: positions opened and closed again, FIFO per symbol.",
}

_SHORT = Undefined(f"under {ANNUAL_DAYS} days of history; see the total return")
_NO_FILLS = Undefined("no list of fills")
_NO_EQUITY = Undefined("a list of fills has no equity")


class Trip(Protocol):
    """A round trip, as far as the figures need it."""

    @property
    def pnl(self) -> Decimal:
        """Profit after fees."""


def periods_per_year(returns: Returns) -> int:
    """Return 252, or 52 or 12 where the middle spacing of the series is a week or a month.

    Raises:
        ValueError: when the spacing is none of them (quarters, years).
    """
    times = returns.time_ns if returns.start_ns is None else np.append(np.int64(returns.start_ns), returns.time_ns)
    if len(times) < 3:
        return ratios.DAILY
    gap = float(np.median(np.diff(times))) / 86_400e9
    if gap <= 4.0:
        return ratios.DAILY
    if 5.0 <= gap <= 10.0:
        return ratios.WEEKLY
    if 26.0 <= gap <= 35.0:
        return ratios.MONTHLY
    raise ValueError(f"spacing was {gap:.0f} days, expected days, weeks or months")


def return_values(returns: Returns, periods: float) -> dict[str, Value]:
    """Return every figure that rests on returns alone, annualised whatever the length of the history."""
    r = returns.values
    annual, deepest = ratios.cagr(r, periods), max_drawdown(returns)
    return {
        "total_return": ratios.total_return(r),
        "cagr": annual,
        "volatility": ratios.volatility(r, periods),
        "sharpe": ratios.sharpe(r, periods),
        "downside_deviation": ratios.downside_deviation(r, periods),
        "sortino": ratios.sortino(r, periods),
        "max_drawdown": deepest if len(ratios.known(r)) else ratios.NO_RETURNS,
        "calmar": ratios.calmar(annual, deepest),
        "winning_days": ratios.winning_days(r),
        "value_at_risk": ratios.value_at_risk(r),
        "expected_shortfall": ratios.expected_shortfall(r),
        "stability": ratios.stability(r),
        "omega": ratios.omega(r, periods),
    }


def trip_values(trips: Iterable[Trip] | None) -> dict[str, Value]:
    """Return every figure that rests on round trips; ``None``: they are not known."""
    if trips is None:
        return dict.fromkeys(("win_rate", "profit_factor", "expectancy"), _NO_FILLS)
    pnls = [trip.pnl for trip in trips]
    return {
        "win_rate": ratios.win_rate(pnls),
        "profit_factor": ratios.profit_factor(pnls),
        "expectancy": ratios.expectancy(pnls),
    }


def span_days(returns: Returns) -> int:
    """Return the calendar days that a series covers, one period before the first return where its start is unknown."""
    if not len(returns):
        return 0
    first, last = day_of(int(returns.time_ns[0])), day_of(int(returns.time_ns[-1]))
    if returns.start_ns is not None:
        return (last - day_of(returns.start_ns)).days
    return (last - first).days + (max(1, round((last - first).days / (len(returns) - 1))) if len(returns) > 1 else 1)


def for_screen(values: Mapping[str, Value], history_days: int) -> dict[str, Value]:
    """Take the annualised growth out where the history is too short for it."""
    if history_days >= ANNUAL_DAYS:
        return dict(values)
    short = {name: _SHORT for name in ("cagr", "calmar") if not isinstance(values.get(name), Undefined)}
    return {**values, **short}


def _exact_sum(amounts: FloatArray) -> Decimal:
    return sum((Decimal(repr(float(a))) for a in amounts), Decimal(0))


def money(curve: Curve) -> tuple[Decimal, Decimal]:
    """Return (P&L, net external flow) of a curve, exact where its amounts came from decimals of 15 digits or fewer."""
    if len(curve) < 2:
        return Decimal(0), Decimal(0)
    flow = _exact_sum(curve.flow[1:][curve.flow[1:] != 0])
    change = Decimal(repr(float(curve.equity[-1]))) - Decimal(repr(float(curve.equity[0])))
    return (change - flow).normalize() + Decimal("0.00"), flow.normalize() + Decimal("0.00")


_FIELDS = (
    "total_return", "cagr", "volatility", "sharpe", "sortino", "calmar", "max_drawdown", "win_rate", "profit_factor",
    "expectancy",
)  # fmt: skip


def figures(curve: Curve, trips: Sequence[Trip] | None = None, periods: float | None = None) -> Figures:
    """Compute the figures of a curve (cut it with :func:`plugtui.performance.windows.window` first).

    Args:
        curve: equity and flows.
        trips: round trips that were closed within it; ``None``: unknown.
        periods: returns a year; by default from the spacing of the curve.

    Raises:
        ValueError: when ``periods`` is not given and the spacing is neither days nor weeks nor months.
    """
    returns = daily_returns(curve)
    values = return_values(returns, periods if periods is not None else periods_per_year(returns))
    shown = {**for_screen(values, span_days(returns)), **trip_values(trips)}
    numbers: dict[str, float] = {}
    reasons: dict[str, str] = {}
    for name in _FIELDS:
        value = shown[name]
        if isinstance(value, Undefined):
            reasons[name] = value.reason
        else:
            numbers[name] = value
    if len(curve) < 2:
        reasons |= dict.fromkeys(("pnl", "net_flow"), ratios.NO_RETURNS.reason)
    pnl, net_flow = money(curve) if len(curve) > 1 else (None, None)
    return Figures(
        **numbers,
        pnl=pnl,
        net_flow=net_flow,
        days=len(ratios.known(returns.values)),
        round_trips=len(trips) if trips is not None else 0,
        undefined=reasons,
    )


def without_amounts(source: Figures) -> Figures:
    """Return the figures without anything that tells the size of the account (rows T4, T5)."""
    amounts = dict.fromkeys(("pnl", "net_flow", "expectancy"), "amounts are not shown")
    return Figures(
        **{name: getattr(source, name) for name in _FIELDS if name != "expectancy"},
        days=source.days,
        round_trips=source.round_trips,
        undefined={**source.undefined, **amounts},
    )
