"""Bars: sums over trades in whole numbers, so that they agree exactly with what was sent."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from plugtui.sim.calendar import NEW_YORK, NS, new_york, to_ns

MINUTE_NS = 60 * NS
DAY_NS = 86_400 * NS


@dataclass(slots=True)
class Sums:
    """A bar while it grows. Prices are whole multiples of 10^-digits, sizes whole multiples of 1/unit."""

    o: int = 0
    h: int = 0
    l: int = 0  # noqa: E741 - the wire's name
    c: int = 0
    v: int = 0
    n: int = 0
    pv: int = 0
    """Sum of price times size."""

    def __bool__(self) -> bool:
        return self.o > 0

    def trade(self, price: int, size: int) -> None:
        """Add a trade."""
        self.touch(price)
        self.v += size
        self.n += 1
        self.pv += price * size

    def touch(self, price: int) -> None:
        """Let a price count without a trade: mid prices of crypto quotes do (protocol §1.10)."""
        if not self.o:
            self.o = self.h = self.l = price
        elif price > self.h:
            self.h = price
        elif price < self.l:
            self.l = price
        self.c = price

    def merge(self, later: "Sums") -> None:
        """Add a bar that follows this one."""
        if not later:
            return
        if not self:
            self.o, self.h, self.l = later.o, later.h, later.l
        self.h, self.l, self.c = max(self.h, later.h), min(self.l, later.l), later.c
        self.v += later.v
        self.n += later.n
        self.pv += later.pv

    def copy(self) -> "Sums":
        """Return the present state."""
        return Sums(self.o, self.h, self.l, self.c, self.v, self.n, self.pv)


def bar_fields(sums: Sums, scale: int, unit: int) -> dict[str, Any]:
    """Return ``o h l c v n vw`` as they stand on the wire: integer volume when sizes are whole, else float."""
    volume = sums.v if unit == 1 else sums.v / unit
    vwap = round(sums.pv / (sums.v * scale), 6 if unit == 1 else 10) if sums.v else 0.0
    return {
        "o": sums.o / scale,
        "h": sums.h / scale,
        "l": sums.l / scale,
        "c": sums.c / scale,
        "v": volume,
        "n": sums.n,
        "vw": vwap,
    }


def stock_day(ns: int) -> int:
    """Return midnight in New York of the day of ``ns``: where a daily stock bar starts (protocol §1.10)."""
    return to_ns(datetime.combine(new_york(ns).date(), time(0), NEW_YORK))


def next_stock_day(ns: int) -> int:
    """Return the midnight in New York after ``ns``."""
    return to_ns(datetime.combine(new_york(ns).date() + timedelta(days=1), time(0), NEW_YORK))


def crypto_day(ns: int) -> int:
    """Return midnight UTC of the day of ``ns`` (the boundary of daily crypto bars is not known, protocol §1.10)."""
    return ns - ns % DAY_NS


def next_crypto_day(ns: int) -> int:
    """Return the midnight UTC after ``ns``."""
    return crypto_day(ns) + DAY_NS


def _local(ns: int, crypto: bool) -> date:
    return datetime.fromtimestamp(ns // NS, UTC).date() if crypto else new_york(ns).date()


def _midnight(day: date, crypto: bool) -> int:
    return to_ns(datetime.combine(day, time(0), UTC if crypto else NEW_YORK))


def bucket(amount: int, unit: str, crypto: bool) -> Callable[[int], int]:
    """Return the function from a time to the start of its bar.

    Args:
        amount: how many units a bar spans.
        unit: ``Min``, ``Hour``, ``Day``, ``Week`` or ``Month``.
        crypto: days begin at midnight UTC instead of New York.
    """
    if unit in ("Min", "Hour"):
        width = amount * (MINUTE_NS if unit == "Min" else 60 * MINUTE_NS)
        return lambda ns: ns - ns % width
    if unit == "Day":
        return crypto_day if crypto else stock_day
    if unit == "Week":
        return lambda ns: _midnight((day := _local(ns, crypto)) - timedelta(days=day.weekday()), crypto)
    return lambda ns: _midnight(
        (day := _local(ns, crypto)).replace(day=1, month=(day.month - 1) // amount * amount + 1), crypto
    )


def regroup(rows: Iterable[tuple[int, Sums]], start_of: Callable[[int], int]) -> list[tuple[int, Sums]]:
    """Join bars, oldest first, into wider ones."""
    grouped: list[tuple[int, Sums]] = []
    for at_ns, sums in rows:
        start = start_of(at_ns)
        if not grouped or grouped[-1][0] != start:
            grouped.append((start, Sums()))
        grouped[-1][1].merge(sums)
    return grouped
