"""Numbers, times and words as the dashboard writes them: signed, with thousands, steady in width.

An undefined figure is :data:`UNDEFINED`; the sign stands in the text, so that up and down never hang on a colour alone.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from decimal import Decimal

from rich.cells import cell_len, set_cell_size

UNDEFINED = "–"
_NS = 1_000_000_000
_BLOCKS = "▁▂▃▄▅▆▇█"


def thousands(value: Decimal | float, places: int = 2) -> str:
    """Write ``value`` with thousands separators and a fixed number of decimals (``104,231.55``)."""
    return f"{value:,.{places}f}"


def signed(value: Decimal | float | None, places: int = 2) -> str:
    """Write ``value`` with its sign (``+1,204.11``); zero has none."""
    if value is None:
        return UNDEFINED
    text = f"{value:+,.{places}f}"
    return text[1:] if not any(c in "123456789" for c in text) else text


def percent(ratio: float | None, places: int = 2, *, sign: bool = True) -> str:
    """Write a ratio as per cent: 0.0117 is ``+1.17 %``."""
    if ratio is None:
        return UNDEFINED
    return f"{signed(ratio * 100, places)} %" if sign else f"{ratio * 100:,.{places}f} %"


def ratio(value: float | None, places: int = 2) -> str:
    """Write a plain ratio such as Sharpe."""
    return UNDEFINED if value is None else f"{value:,.{places}f}"


def price(value: Decimal | None) -> str:
    """Write a price with two to four decimals, more below one (``189.4150`` is ``189.415``)."""
    if value is None:
        return UNDEFINED
    most = 4 if abs(value) >= 1 else 8
    places = min(max(_places(value), 2), most)
    return f"{value:,.{places}f}"


def quantity(value: Decimal | None) -> str:
    """Write a quantity without trailing zeros (``25``, ``0.125``, ``1,000``)."""
    return UNDEFINED if value is None else f"{value:,.{min(_places(value), 9)}f}"


def _places(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def arrow(value: Decimal | float | None) -> str:
    """Return ▲, ▼ or a blank for the sign of ``value``."""
    if not value:
        return " "
    return "▲" if value > 0 else "▼"


def compact(value: float) -> str:
    """Shorten a count to at most five characters (``1,204``, ``12.3k``, ``4.56M``)."""
    if abs(value) < 10_000:
        return f"{value:,.0f}"
    for factor, unit in ((1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T")):
        scaled = value / factor
        if abs(scaled) < 999.5:
            return f"{scaled:.{_compact_places(scaled)}f}{unit}"
    return f"{value:.0e}"


def _compact_places(scaled: float) -> int:
    return 2 if abs(scaled) < 9.995 else 1 if abs(scaled) < 99.95 else 0


def size(amount: float) -> str:
    """Write an amount of bytes (``0``, ``812 B``, ``1.2 MB``)."""
    if amount < 1:
        return "0"
    if amount < 1000:
        return f"{amount:.0f} B"
    for factor, unit in ((1e3, "kB"), (1e6, "MB"), (1e9, "GB")):
        scaled = amount / factor
        if scaled < 999.5 or unit == "GB":
            return f"{scaled:.1f} {unit}" if scaled < 99.95 else f"{scaled:.0f} {unit}"
    return ""


def lag(ms: float | None) -> str:
    """Write a latency in milliseconds (``0.4 ms``, ``38 ms``, ``1.2 s``)."""
    if ms is None:
        return UNDEFINED
    if ms < 0.05:
        return "0 ms"
    if ms < 9.95:
        return f"{ms:.1f} ms"
    return f"{ms:.0f} ms" if ms < 999.5 else duration(ms / 1000)


def duration(seconds: float) -> str:
    """Write a span with at most two units (``12 s``, ``2 h 14 m``, ``3 d 4 h``)."""
    seconds = max(0.0, seconds)
    if seconds < 10 and seconds != int(seconds):
        return f"{seconds:.1f} s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, second = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} m {second:02} s" if minutes < 10 and second else f"{minutes} m"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes:02} m" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours and days < 10 else f"{days} d"


def countdown(seconds: float) -> str:
    """Write a span in whole seconds while it is short, so that it ticks evenly."""
    return duration(float(int(max(0.0, seconds))))


def age(from_ns: int | None, now_ns: int) -> str:
    """Write how long ago ``from_ns`` was."""
    return UNDEFINED if from_ns is None else countdown((now_ns - from_ns) / _NS)


def when(ns: int, zone: tzinfo | None = UTC) -> datetime:
    """Turn nanoseconds UTC into a datetime of ``zone`` (``None``: this machine's)."""
    return datetime.fromtimestamp(ns / _NS, tz=UTC).astimezone(zone)


def clock(ns: int, zone: tzinfo | None = UTC, *, millis: bool = True) -> str:
    """Write the time of day: ``14:03:22.118``, or ``14:03:22``."""
    moment = when(ns - ns % 1_000_000, zone)
    text = moment.strftime("%H:%M:%S")
    return f"{text}.{ns // 1_000_000 % 1000:03}" if millis else text


def stamp(ns: int, zone: tzinfo | None = UTC) -> str:
    """Write date and time: ``2026-03-02 14:03:22.118``."""
    return f"{when(ns, zone):%Y-%m-%d} {clock(ns, zone)}"


def weekday_clock(ns: int, now_ns: int, zone: tzinfo | None = UTC) -> str:
    """Write a near moment: ``09:30`` today, ``Mon 09:30`` within six days, else the date too."""
    moment, now = when(ns, zone), when(now_ns, zone)
    if moment.date() == now.date():
        return f"{moment:%H:%M}"
    return f"{moment:%a %H:%M}" if 0 <= (moment.date() - now.date()).days < 7 else f"{moment:%Y-%m-%d %H:%M}"


def fit(text: str, width: int, align: str = "left") -> str:
    """Make ``text`` exactly ``width`` cells wide; what does not fit ends in an ellipsis."""
    length = len(text) if text.isascii() else cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…" if width > 1 else "…"[:width]
    blank = " " * (width - length)
    return blank + text if align == "right" else text + blank


def sparkline(values: Sequence[float], width: int) -> str:
    """Draw the newest ``width`` values as blocks, the right end is now; zero is the lowest block."""
    recent = list(values)[-width:]
    top = max(recent, default=0.0)
    if top <= 0:
        return ("▁" * len(recent)).rjust(width)
    return "".join(_BLOCKS[min(7, int(value / top * 7.999))] for value in recent).rjust(width)
