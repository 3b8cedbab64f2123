"""Returns without the effect of money paid in or out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from plugtui.performance.curve import Curve, FloatArray, IntArray, Mark, day_of

MATERIAL = 0.02
"""A flow below this part of the capital is never looked for on another day."""


@dataclass(frozen=True, eq=False)
class Returns:
    """Simple returns of consecutive periods; NaN where the account held no capital or the source has none.

    Such a period counts as elapsed time in CAGR and nowhere else.
    """

    time_ns: IntArray
    """End of each period, shape (n,)."""
    values: FloatArray
    """Shape (n,); 0.01 is 1 %."""
    start_ns: int | None = None
    """Moment before the first return, where it is known."""

    def __len__(self) -> int:
        return len(self.values)


def modified_dietz(v0: float, v1: float, length: float, flows: Sequence[tuple[float, float]]) -> float:
    """Return of one period that holds several flows, weighted by the time that they were there.

    Args:
        v0: value at the start.
        v1: value at the end.
        length: of the period, in days.
        flows: (day within the period, amount); the weight is (length − day) / length.

    Returns:
        The return; NaN where the mean capital is not positive, since the sign of the result would be wrong.
    """
    net = sum(amount for _, amount in flows)
    capital = v0 + sum(amount * (length - day) / length for day, amount in flows)
    return (v1 - v0 - net) / capital if capital > 0 else float("nan")


def time_weighted(returns: Sequence[float] | FloatArray) -> float:
    """Chain sub-period returns: ∏(1 + r) − 1. NaN is skipped."""
    values = np.asarray(returns, dtype=np.float64)
    return float(np.prod(1.0 + values[~np.isnan(values)]) - 1.0)


def flow_neutral(start: float, end: float, paid_in: float = 0.0, paid_out: float = 0.0) -> float | None:
    """Return of one period with deposits at its start and withdrawals at its end.

    Args:
        start: equity at the end of the period before.
        end: equity at the end of this one.
        paid_in: sum of deposits, ≥ 0.
        paid_out: sum of withdrawals, ≥ 0.

    Returns:
        (end + paid_out) / (start + paid_in) − 1, not below −1; ``None`` when there was no capital.
    """
    capital = start + paid_in
    return max(-1.0, (end + paid_out) / capital - 1.0) if capital > 0 else None


def _values(equity: FloatArray, flow: FloatArray, weighted: FloatArray) -> FloatArray:
    """Modified Dietz for each period; with daily flows this is :func:`flow_neutral`."""
    capital = equity[:-1] + weighted[1:]
    gain: FloatArray = equity[1:] - equity[:-1] - flow[1:]
    usable = capital > 0
    result: FloatArray = np.full(len(capital), np.nan, dtype=np.float64)
    np.divide(gain, capital, out=result, where=usable)
    result[result < -1.0] = -1.0  # NaN stays
    return result


def daily_returns(curve: Curve) -> Returns:
    """Return the flow-neutral return of each period of a curve, shape (points − 1,)."""
    if len(curve) < 2:
        return Returns(np.empty(0, np.int64), np.empty(0), int(curve.time_ns[0]) if len(curve) else None)
    values = _values(curve.equity, curve.flow, curve.weighted_flow)
    return Returns(curve.time_ns[1:], values, int(curve.time_ns[0]))


def growth(returns: Returns) -> FloatArray:
    """Return the index after each period, 1 before the first, shape (n,)."""
    steps: FloatArray = np.where(np.isnan(returns.values), 1.0, 1.0 + returns.values)
    return np.cumprod(steps, dtype=np.float64)


def _shift_fits(curve: Curve, at: int, to: int, usual: float) -> bool:
    """Tell whether the flow of point ``at`` explains a jump at the neighbour ``to`` and makes one where it is booked."""
    capital = curve.equity[at - 1]
    size = abs(curve.flow[at]) / capital if capital > 0 else 0.0
    if size < MATERIAL or size < 4.0 * usual:
        return False
    flow, weighted = curve.flow.copy(), curve.weighted_flow.copy()
    flow[to] += flow[at]
    weighted[to] += max(flow[at], 0.0)
    flow[at] = weighted[at] = 0.0
    before = _values(curve.equity, curve.flow, curve.weighted_flow)
    after = _values(curve.equity, flow, weighted)
    effect = size / (1.0 + size) if curve.flow[at] > 0 else size
    if to == 0:
        jumped = abs(before[at - 1]) >= 0.5 * effect and abs(curve.flow[at]) >= 0.75 * capital
        return bool(jumped and abs(after[at - 1]) <= 0.25 * effect)
    pair, moved = before[[at - 1, to - 1]], after[[at - 1, to - 1]]
    jumped = np.all(np.abs(pair) >= 0.5 * effect) and pair[0] * pair[1] < 0
    return bool(jumped and np.all(np.abs(moved) <= 0.25 * effect))


def settle_flows(curve: Curve) -> Curve:
    """Move each flow that is booked a day before or after its effect on the equity to the day of its effect.

    Only where both days' returns jump by about the flow, in opposite directions, and neither does once it is moved. Each
    move is marked.
    """
    for at in [int(i) for i in np.flatnonzero(curve.flow) if i > 0]:
        others = np.delete(np.abs(daily_returns(curve).values), at - 1)
        usual = float(np.nanmedian(others)) if np.any(~np.isnan(others)) else 0.0
        targets = [t for t in (at + 1, at - 1) if 0 <= t < len(curve) and _shift_fits(curve, at, t, usual)]
        if not targets:
            continue
        to, amount = targets[0], float(curve.flow[at])
        flow, weighted = curve.flow.copy(), curve.weighted_flow.copy()
        flow[to] += amount
        weighted[to] += max(amount, 0.0)
        flow[at] = weighted[at] = 0.0
        booked, effect = day_of(int(curve.time_ns[at])), day_of(int(curve.time_ns[to]))
        mark = Mark(
            int(curve.time_ns[to]), "flow moved", f"flow of {amount:,.2f} booked on {booked} counts on {effect}"
        )
        curve = Curve(curve.time_ns, curve.equity, flow, weighted, curve.marks).marked(mark)
    return curve
