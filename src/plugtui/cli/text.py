"""Text for people: tables, money, ages. No colours, no boxes, so that pipes and small terminals are served too."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

NONE = "–"


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], right: str = "") -> str:
    """Align rows under their headers.

    Args:
        headers: one word or two each.
        rows: cells; shown with ``str``.
        right: one character a column, ``r`` for those aligned to the right (numbers); shorter: the rest to the left.
    """
    lines = [list(headers), *([plain(str(cell)) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headers))]
    sides = right.ljust(len(headers), "l")

    def aligned(line: Sequence[str]) -> str:
        cells = zip(line, widths, sides, strict=True)
        return "  ".join(
            cell.rjust(width) if side == "r" else cell.ljust(width) for cell, width, side in cells
        ).rstrip()

    return "\n".join(aligned(line) for line in lines)


def plain(text: str) -> str:
    """Write characters that would steer the terminal as escapes; names and messages of servers may hold them."""
    return "".join(char if char.isprintable() or char == "\n" else repr(char)[1:-1] for char in text)


def money(amount: Decimal | None, signed: bool = False) -> str:
    """``104,231.55``, ``+1,204.11``."""
    if amount is None:
        return NONE
    return f"{amount:+,.2f}" if signed else f"{amount:,.2f}"


def percent(ratio: float | None) -> str:
    """``+1.17 %`` for 0.0117."""
    return NONE if ratio is None else f"{ratio:+.2%}".replace("%", " %")


def count(number: int) -> str:
    """``12,345``."""
    return f"{number:,}"


def algo_status(status: str) -> str:
    """Say the status of an algorithm for people."""
    return "not connected yet" if status == "new" else status


def age(seconds: float | None) -> str:
    """``12 s``, ``3 min``, ``2 h 14 min``, ``3 d``."""
    if seconds is None:
        return NONE
    seconds = max(0, int(seconds))
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{seconds // 60} min"
    if seconds < 48 * 3600:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"
    return f"{seconds // 86400} d"
