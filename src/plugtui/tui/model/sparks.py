"""Sparklines over a fixed span of time: the right end is now, and what was not seen yet is a dim dotted line.

Cells hold whole samples that are counted from the beginning, so that a bar keeps its height while it moves to the left.
"""

from collections.abc import Sequence

UNSEEN = "·"
_BLOCKS = " ▁▂▃▄▅▆▇█"


def cells_of(width: int, slots: int) -> int:
    """Return how many cells a sparkline of ``slots`` samples takes where there are ``width``."""
    per_cell = -(-slots // max(1, width))
    return slots // per_cell


def peaks(values: Sequence[float], taken: int, width: int, slots: int) -> list[float | None]:
    """Return the highest value in each cell, ``None`` where nothing was seen.

    Args:
        values: the newest samples, at most ``slots`` of them.
        taken: how many samples there have been in all.
        width: cells that there are.
        slots: samples in the whole span.
    """
    per_cell = -(-slots // max(1, width))
    cells = slots // per_cell
    found: list[float | None] = [None] * cells
    last = (taken - 1) // per_cell
    for offset, value in enumerate(reversed(values)):
        cell = cells - 1 - (last - (taken - 1 - offset) // per_cell)
        if cell < 0:
            break
        before = found[cell]
        found[cell] = value if before is None else max(before, value)
    return found


def bars(found: Sequence[float | None], rows: int, top: float = 0.0) -> list[str]:
    """Draw cells as ``rows`` lines of blocks, the highest line first; zero is a low line, what was not seen is dotted.

    Args:
        top: value of a full bar; by default the highest of all.
    """
    top = top or max((value for value in found if value is not None), default=0.0)
    lines: list[str] = []
    for row in reversed(range(rows)):
        line = ""
        for value in found:
            if value is None:
                line += UNSEEN if row == 0 else " "
            else:
                level = 0 if top <= 0 else round(value / top * 8 * rows)
                line += _BLOCKS[max(1 if row == 0 else 0, min(8, level - 8 * row))]
        lines.append(line)
    return lines


def time_axis(cells: int, minutes: int) -> str:
    """Write the span under a sparkline: ``2 min ago ─── 1 min ago ─── now``."""
    left, right = f"{minutes} min ago ", " now"
    middle = " 1 min ago " if minutes == 2 else ""
    room = cells - len(left) - len(right) - len(middle)
    if room < 6 or not middle:
        return left + "─" * max(0, cells - len(left) - len(right)) + right if cells > len(left) + len(right) else ""
    before = cells // 2 - len(middle) // 2 - len(left)
    return left + "─" * before + middle + "─" * (room - before) + right
