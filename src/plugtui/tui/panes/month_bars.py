"""The months as bars up and down from zero, in whole and half cells: colour is not needed to tell them apart."""

from collections.abc import Sequence

from plugtui.tui import format as fmt
from plugtui.tui.model.performance import Year
from plugtui.tui.widgets.painted import Line, Run

_INITIALS = "JFMAMJJASOND"
_AXIS = 9
_FULL, _LOWER, _UPPER = "█", "▄", "▀"

Month = tuple[int, int, float]
"""Year, month from 1, return."""


def month_bars(years: Sequence[Year], width: int, height: int) -> list[Line]:
    """Draw the newest months that have room, with their initials and years below.

    Args:
        years: oldest first.
        width, height: cells; fewer than 7 lines give nothing.
    """
    months = [(row.year, at + 1, value) for row in years for at, value in enumerate(row.months) if value is not None]
    cells = max(2, min(5, (width - _AXIS) // max(1, len(months))))
    months = months[-max(1, (width - _AXIS) // cells) :]
    rows = height - 2
    if rows < 5 or len(months) < 2:
        return []
    above, below = _rows(months, rows)
    highest = max(0.0, *(value for _, _, value in months))
    lowest = min(0.0, *(value for _, _, value in months))
    unit = max(highest / above if above else 0.0, -lowest / below if below else 0.0) or 1.0
    labels = {0: highest, above: 0.0, above + below - 1: lowest}
    lines: list[Line] = []
    for row in range(above + below):
        tone = "up" if row < above else "down"
        bars = "".join(_cell(value / unit, row, above) * (cells - 1) + " " for _, _, value in months)
        text = fmt.percent(labels[row], 1) if row in labels and (labels[row] or row == above) else ""
        lines.append((Run(bars, tone), Run(f"{text:>{_AXIS}}", "axis")))
    return [*lines, *_feet(months, cells)]


def _rows(months: Sequence[Month], rows: int) -> tuple[int, int]:
    """Share the rows out above and below zero as the highest and the lowest month need them."""
    highest = max(0.0, *(value for _, _, value in months))
    lowest = -min(0.0, *(value for _, _, value in months))
    if not lowest or not highest:
        return (rows, 0) if highest else (0, rows)
    above = max(1, min(rows - 1, round(rows * highest / (highest + lowest))))
    return above, rows - above


def _cell(height: float, row: int, above: int) -> str:
    """Return what a bar of ``height`` rows, up or down from zero, shows in a row counted from the top."""
    if row < above:
        halves = round((height - (above - row - 1)) * 2) if height > 0 else 0
        return _FULL if halves >= 2 else _LOWER if halves == 1 else " "
    halves = round((-height - (row - above)) * 2) if height < 0 else 0
    return _FULL if halves >= 2 else _UPPER if halves == 1 else " "


def _feet(months: Sequence[Month], cells: int) -> list[Line]:
    """Write each month's initial, and each year where it begins."""
    initials = "".join(f"{_INITIALS[month - 1]:<{cells}}" for _, month, _ in months)
    years = [" "] * len(initials)
    free = 0
    for at, (year, month, _) in enumerate(months):
        start = at * cells
        if (month == 1 or at == 0) and start >= free and start + 4 <= len(years):
            years[start : start + 4] = str(year)
            free = start + 5
    return [(Run(initials, "axis"),), (Run("".join(years), "dim"),)]
