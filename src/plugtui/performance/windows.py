"""Windows on a curve, and the table of calendar months."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

from plugtui.performance.curve import Curve, day_of
from plugtui.performance.returns import Returns, time_weighted

WINDOWS = ("1D", "1W", "1M", "3M", "1Y", "YTD", "ALL")


def _months_before(day: date, count: int) -> date:
    months = day.year * 12 + day.month - 1 - count
    year, month = divmod(months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def base_day(last: date, name: str) -> date | None:
    """Return the day whose close a window that ends on ``last`` starts from; ``None`` for ALL.

    Raises:
        ValueError: when ``name`` is not one of :data:`WINDOWS`.
    """
    match name:
        case "1D":
            return last - timedelta(days=1)
        case "1W":
            return last - timedelta(days=7)
        case "1M" | "3M":
            return _months_before(last, int(name[0]))
        case "1Y":
            return _months_before(last, 12)
        case "YTD":
            return date(last.year - 1, 12, 31)
        case "ALL":
            return None
    raise ValueError(f"window was {name!r}, expected one of {', '.join(WINDOWS)}")


def _base_index(days: list[date], last: date, name: str) -> int:
    base = base_day(last, name)
    if base is None:
        return 0
    return max((i for i, day in enumerate(days) if day <= base), default=0)


def window(curve: Curve, name: str) -> Curve:
    """Return the part of a daily curve that a window shows, with the close before its first day as the base.

    A window that is longer than the history is the whole history.

    Raises:
        ValueError: when ``name`` is not one of :data:`WINDOWS`.
    """
    days = curve.days
    return curve.slice(_base_index(days, days[-1], name)) if days else curve


def previous(curve: Curve, name: str) -> Curve | None:
    """Return the window of the same kind that ended where this one starts; ``None`` where the history does not reach back.

    Raises:
        ValueError: when ``name`` is not one of :data:`WINDOWS`.
    """
    days = curve.days
    if not days:
        return None
    start = _base_index(days, days[-1], name)
    base = base_day(days[start], name)
    if base is None or start == 0 or days[0] > base:
        return None
    return curve.slice(_base_index(days, days[start], name), start + 1)


@dataclass(frozen=True)
class YearRow:
    """One line of the calendar table."""

    year: int
    months: tuple[float | None, ...]
    """Twelve time-weighted returns; ``None``: no history in that month."""
    total: float


def calendar_table(returns: Returns) -> list[YearRow]:
    """Return the time-weighted return of each calendar month and year, in time order."""
    by_month: dict[tuple[int, int], list[float]] = {}
    for time_ns, value in zip(returns.time_ns.tolist(), returns.values.tolist(), strict=True):
        day = day_of(time_ns)
        by_month.setdefault((day.year, day.month), []).append(value)
    rows = []
    for year in sorted({year for year, _ in by_month}):
        months = [by_month.get((year, month)) for month in range(1, 13)]
        rows.append(
            YearRow(
                year,
                tuple(time_weighted(values) if values else None for values in months),
                time_weighted([value for values in months if values for value in values]),
            )
        )
    return rows
