"""Facts in columns: a label, its text, its tone."""

from collections.abc import Sequence

from plugtui.tui import format as fmt
from plugtui.tui.widgets.painted import Line, Run

Fact = tuple[str, str, str]
"""Label, text, tone."""

_TWO = 64
"""From this width on there are two columns."""


def two_columns(items: Sequence[Fact], width: int, label: int = 12) -> list[Line]:
    """Lay facts out in two columns where there is room, else in one; facts without a text are left out.

    The first half stands left. What stands where does not depend on how long the texts are.
    """
    shown = [item for item in items if item[1]]
    columns = 2 if width >= _TWO else 1
    rows = -(-len(shown) // columns)
    order = [shown[j * rows + i] for i in range(rows) for j in range(columns) if j * rows + i < len(shown)]
    return grid(order, width, columns, label)


def grid(items: Sequence[Fact], width: int, columns: int, label: int = 12) -> list[Line]:
    """Lay facts out in columns, line by line, each at its place whatever the texts are."""
    room = width // columns
    lines: list[Line] = []
    for at in range(0, len(items), columns):
        line: list[Run] = []
        for name, text, tone in items[at : at + columns]:
            line += [Run(f"{name:<{label}}", "dim"), Run(fmt.fit(text, room - label - 1) + " ", tone)]
        lines.append(tuple(line))
    return lines
