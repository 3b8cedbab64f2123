"""Axes of a chart: round ticks for values and times, and a series brought to the resolution of the canvas."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise

from plugtui.tui import format as fmt

_DAY_NS = 86_400_000_000_000
_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120)
_GAP = 3
"""Blank cells between two labels of the time axis, at least."""


def bounds(values: Sequence[float]) -> tuple[float, float]:
    """Return the lowest and highest value with a little air; a flat series gets a band around it."""
    low, high = min(values), max(values)
    if high - low < 1e-12:
        pad = abs(high) * 0.01 or 1.0
        return low - pad, high + pad
    pad = (high - low) * 0.03
    return low - pad, high + pad


# ---------------------------------------------------------------- values


def round_step(span: float, most: int) -> float:
    """Return the smallest of 1, 2 and 5 times a power of ten that gives at most ``most`` ticks on ``span``."""
    least = span / max(1, most)
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))


def value_ticks(low: float, high: float, rows: int) -> list[float]:
    """Return round values within the bounds for an axis of ``rows`` lines, about one on every second line at most."""
    step = round_step(high - low, max(2, min(8, rows // 2)))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(n * step, 12) for n in range(first, last + 1)]


def value_texts(values: Sequence[float], style: str) -> list[str]:
    """Write the ticks of an axis with as many decimals as tell them apart."""
    scale = 100 if style == "percent" else 1
    steps = [abs(b - a) * scale for a, b in pairwise(values)] or [abs(v) * scale for v in values]
    places = max(0, min(6, -math.floor(math.log10(min(steps)) + 1e-9))) if steps and min(steps) > 0 else 0
    return [fmt.percent(v, places) if style == "percent" else fmt.thousands(v, places) for v in values]


def last_text(value: float, low: float, high: float, style: str) -> str:
    """Write the newest value, one place finer than what the eye can tell on the chart."""
    if style == "percent":
        return fmt.percent(value, 2)
    return fmt.thousands(value, 0 if high - low >= 20 else 2)


# ---------------------------------------------------------------- times


@dataclass(frozen=True, slots=True)
class TimeTick:
    """A label of the time axis and the cell that its moment lies in."""

    cell: int
    text: str


def time_ticks(first_ns: int, last_ns: int, width: int, zone: tzinfo | None) -> list[TimeTick]:
    """Return round moments (hours, days, Mondays, months, years) as close to each other as their labels allow."""
    span = max(1, last_ns - first_ns)
    start, end = fmt.when(first_ns, zone), fmt.when(last_ns, zone)
    for step in _steps():
        if step.nanoseconds / span * width < len(step.sample) + _GAP:
            continue
        ticks = [
            TimeTick(round((round(moment.timestamp() * 1e9) - first_ns) / span * (width - 1)), step.text(moment))
            for moment in step.moments(start, end)
        ]
        if ticks:
            return ticks
    return []


def time_line(ticks: Sequence[TimeTick], width: int) -> str:
    """Write the labels under their moments, each wholly or not at all."""
    line = [" "] * width
    end = -_GAP
    for tick in ticks:
        begin = max(0, min(tick.cell - len(tick.text) // 2, width - len(tick.text)))
        if begin >= end + _GAP - 1 and begin + len(tick.text) <= width:
            line[begin : begin + len(tick.text)] = tick.text
            end = begin + len(tick.text)
    return "".join(line)


@dataclass(frozen=True, slots=True)
class _Step:
    unit: str
    amount: int
    sample: str

    @property
    def nanoseconds(self) -> float:
        return self.amount * {"minute": 60e9, "day": _DAY_NS, "month": 30.4 * _DAY_NS}[self.unit]

    def moments(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Yield the round moments from ``start`` to ``end``, in local time."""
        midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
        if self.unit == "minute":
            step = timedelta(minutes=self.amount)
            moment = midnight + -(-(start - midnight) // step) * step
        elif self.unit == "day":
            step = timedelta(days=self.amount)
            # Weeks begin on Mondays; days count from a fixed one, so that labels stay where they are from day to day.
            moment = midnight - timedelta(days=(midnight.toordinal() - 1) % self.amount)
        else:
            months = midnight.year * 12 + midnight.month - 1
            yield from self._months(months - months % self.amount, midnight, start, end)
            return
        while moment <= end:
            if moment >= start:
                yield moment
            moment += step

    def _months(self, month: int, midnight: datetime, start: datetime, end: datetime) -> Iterator[datetime]:
        while True:
            moment = midnight.replace(year=month // 12, month=month % 12 + 1, day=1)
            if moment > end:
                return
            if moment >= start:
                yield moment
            month += self.amount

    def text(self, moment: datetime) -> str:
        """Write the label; what begins a longer stretch is named by that."""
        if self.unit == "minute":
            return f"{moment:%d %b}" if not (moment.hour or moment.minute) else f"{moment:%H:%M}"
        if self.unit == "day":
            return f"{moment:%d %b}"
        return f"{moment:%Y}" if moment.month == 1 or self.amount >= 12 else f"{moment:%b}"


def _steps() -> Iterator[_Step]:
    yield from (_Step("minute", minutes, "00:00") for minutes in _MINUTES)
    yield from (_Step("day", days, "00 Jan") for days in (1, 2, 7, 14))
    yield from (_Step("month", months, "Jan" if months < 12 else "2000") for months in _MONTHS)


# ---------------------------------------------------------------- resolution

Path = list[tuple[int, float]]
"""(column, value), columns never falling."""


def resample(times_ns: Sequence[int], values: Sequence[float], first_ns: int, last_ns: int, columns: int) -> Path:
    """Bring a series to ``columns`` columns that are evenly spaced in time.

    Several points in one column keep their first, lowest, highest and last value, so that no extreme is lost; between the
    points the line is straight.

    Returns:
        (column, value), columns never falling.
    """
    scale = (columns - 1) / max(1, last_ns - first_ns)
    path: Path = []
    column, held = -1, list[float]()
    for time_ns, value in zip(times_ns, values, strict=True):
        at = round((time_ns - first_ns) * scale)
        if at != column:
            path += [(column, kept) for kept in _outline(held)]
            column, held = at, []
        held.append(value)
    return path + [(column, kept) for kept in _outline(held)]


def _outline(values: Sequence[float]) -> list[float]:
    if len(values) < 3:
        return list(values)
    low, high = min(values), max(values)
    between = [low, high] if values.index(low) < values.index(high) else [high, low]
    return [values[0], *between, values[-1]]
