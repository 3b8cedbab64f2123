"""The equity curve: what an account was worth, when, and what was paid in or out in between."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

NEW_YORK = ZoneInfo("America/New_York")
LONGEST_DAY = 4
"""Calendar days from one close to the next over a long weekend."""

SATURDAY = 5
_NS = 1_000_000_000
_LEAD_NS = 60 * _NS


def close_ns(day: date) -> int:
    """Return 16:00 New York of ``day``: the moment that stands for a daily point. UTC and New York agree on its date."""
    return int(datetime(day.year, day.month, day.day, 16, tzinfo=NEW_YORK).timestamp()) * _NS


def day_of(time_ns: int) -> date:
    """Return the date in New York of a moment."""
    return datetime.fromtimestamp(time_ns // _NS, NEW_YORK).date()


@dataclass(frozen=True)
class Mark:
    """Something about a curve that a person should know before he trusts its figures."""

    time_ns: int
    kind: str
    """``gap``, ``flow moved``, ``flow unvalued``, ``spike``, ``ruin``, ``fills``."""
    text: str


@dataclass(frozen=True)
class Movement:
    """One external payment.

    A deposit counts at the start of its day, a withdrawal at the end (performance figures: external flows).
    """

    day: date
    amount: Decimal
    """Positive into the account."""
    whole_period: bool = False
    """Its source tells the period only: paid in at its start, or out at its end."""


@dataclass(frozen=True, eq=False)
class Curve:
    """Equity at the end of each period, and the external flows of the period.

    The first point is the base: it has no return, and its flow is not used. All arrays have the shape (points,).
    """

    time_ns: IntArray
    equity: FloatArray
    flow: FloatArray
    """Net external flow of the period that ends here, positive into the account."""
    weighted_flow: FloatArray
    """Σ weight · flow, the weight being the part of the period that the money was there (Modified Dietz)."""
    marks: tuple[Mark, ...] = field(default=())

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together."""
        shapes = {array.shape for array in (self.time_ns, self.equity, self.flow, self.weighted_flow)}
        if len(shapes) != 1 or self.time_ns.ndim != 1:
            raise ValueError(f"a curve needs four arrays of one length, got shapes {shapes}")
        if len(self.time_ns) > 1 and not bool(np.all(np.diff(self.time_ns) > 0)):
            raise ValueError("the times of a curve must rise")

    def __len__(self) -> int:
        return len(self.time_ns)

    @property
    def days(self) -> list[date]:
        """The date of each point, in New York."""
        return [day_of(int(t)) for t in self.time_ns]

    @property
    def span_days(self) -> int:
        """Calendar days from the base to the last point."""
        return (day_of(int(self.time_ns[-1])) - day_of(int(self.time_ns[0]))).days if len(self) else 0

    def slice(self, start: int, stop: int | None = None) -> "Curve":
        """Return the points ``start`` … ``stop − 1``; the first of them becomes the base."""
        part = slice(start, stop)
        times = self.time_ns[part]
        kept = tuple(m for m in self.marks if len(times) and times[0] <= m.time_ns <= times[-1])
        return Curve(times, self.equity[part], self.flow[part], self.weighted_flow[part], kept)

    def marked(self, *marks: Mark) -> "Curve":
        """Return the curve with further marks."""
        return replace(self, marks=tuple(sorted((*self.marks, *marks), key=lambda m: m.time_ns)))


EMPTY = Curve(np.empty(0, np.int64), np.empty(0), np.empty(0), np.empty(0))


def _weight(movement: Movement, start: date, end: date) -> float:
    """Part of the period (``start``, ``end``] that the money was there, between 0 and 1.

    A period up to :data:`LONGEST_DAY` is one trading day, with or without a weekend and a holiday before it. In a longer one
    the weight is (CD − D)/CD, as in Modified Dietz.
    """
    length = (end - start).days
    if movement.whole_period or length <= LONGEST_DAY:
        return 1.0 if movement.amount > 0 else 0.0
    return (end - movement.day).days / length


def curve_of_days(
    points: Sequence[tuple[date, Decimal]], movements: Sequence[Movement] = (), marks: Sequence[Mark] = ()
) -> Curve:
    """Make a curve of one point a day (or week, or month).

    Args:
        points: (day, equity at its end), days rising; equity includes what was paid in until then.
        movements: external flows in any order. One that lies between two points belongs to the later one; those up to
            the first point are part of its equity, those after the last are left out.
        marks: taken along.
    """
    if not points:
        return EMPTY
    days = [day for day, _ in points]
    net = [Decimal(0)] * len(days)
    weighted = [0.0] * len(days)
    for movement in movements:
        at = int(np.searchsorted([d.toordinal() for d in days], movement.day.toordinal(), side="left"))
        if 0 < at < len(days):
            net[at] += movement.amount
            weighted[at] += float(movement.amount) * _weight(movement, days[at - 1], days[at])
    return Curve(
        np.array([close_ns(day) for day in days], np.int64),
        np.array([float(equity) for _, equity in points]),
        np.array([float(amount) for amount in net]),
        np.array(weighted),
        tuple(marks),
    )


def with_live(curve: Curve, time_ns: int, equity: Decimal, movements: Sequence[Movement] = ()) -> Curve:
    """Return the curve with the equity of this moment as the point of today, in place of one that is there already.

    A weekend on which nothing moved is no day: it would count as one with a return of zero.

    Args:
        movements: external flows; those dated today count.
    """
    today = day_of(time_ns)
    past = [i for i, day in enumerate(curve.days) if day < today]
    if today.weekday() >= SATURDAY and past and curve.equity[past[-1]] == float(equity):
        return curve
    amounts = [m.amount for m in movements if m.day == today]
    flow, paid_in = sum(amounts, Decimal(0)), sum((a for a in amounts if a > 0), Decimal(0))
    keep = past[-1] + 1 if past else 0
    return Curve(
        np.append(curve.time_ns[:keep], np.int64(time_ns)),
        np.append(curve.equity[:keep], float(equity)),
        np.append(curve.flow[:keep], float(flow)),
        np.append(curve.weighted_flow[:keep], float(paid_in)),
        curve.marks,
    )


def finer(curve: Curve, samples: Sequence[tuple[int, Decimal]]) -> Curve:
    """Return a daily curve with what was read during its days in place of their closes.

    The flow of a day is laid where the equity makes a step of about its size, else at the day's start. A curve of one day
    begins just before its first reading: the night before would take most of the plot.

    Args:
        curve: daily; its first point is the base.
        samples: (time_ns, equity), times rising.
    """
    taken = [(t, float(e), day_of(t).toordinal()) for t, e in samples if e > 0]
    if len(curve) == 1 and len(taken) > 1:  # the account's first day: there is no close to start from
        none = np.zeros(len(taken))
        return Curve(np.array([t for t, _, _ in taken]), np.array([e for _, e, _ in taken]), none, none, curve.marks)
    if len(curve) < 2 or not taken:
        return curve
    times, equities, flows = [int(curve.time_ns[0])], [float(curve.equity[0])], [0.0]
    days = [day.toordinal() for day in curve.days]
    for at in range(1, len(curve)):
        inside = [(t, e) for t, e, day in taken if days[at - 1] < day <= days[at] and t > times[-1]]
        if at == 1 and len(curve) == 2 and inside:
            times[0] = max(times[0], inside[0][0] - _LEAD_NS)
        inside = inside or [(int(curve.time_ns[at]), float(curve.equity[at]))]
        flow = float(curve.flow[at])
        steps = np.diff([equities[-1], *(e for _, e in inside)])
        step = int(np.argmin(np.abs(steps - flow))) if flow else 0
        if flow and abs(steps[step] - flow) > 0.25 * abs(flow):
            step = 0
        times += [t for t, _ in inside]
        equities += [e for _, e in inside]
        flows += [flow if n == step else 0.0 for n in range(len(inside))]
    flow_array = np.array(flows)
    return Curve(np.array(times, np.int64), np.array(equities), flow_array, np.maximum(flow_array, 0.0), curve.marks)
