"""Facts in columns: a label, its text, its tone."""

from collections.abc import Sequence

from plugtui.tui import format as fmt
from plugtui.tui.widgets.painted import Line, Run

Fact = tuple[str, str, str]
"""Label, text, tone."""

_TWO, _THREE = 64, 102
"""From these widths on there are two and three columns."""


def columns(items: Sequence[Fact], width: int) -> list[Line]:
    """Lay facts out in as many columns as there is room for, one below the other; those without a text are left out.

    What stands where does not depend on how long the texts are.
    """
    shown = [item for item in items if item[1]]
    count = 3 if width >= _THREE else 2 if width >= _TWO else 1
    rows = -(-len(shown) // count)
    order = [
        shown[j * rows + i] if j * rows + i < len(shown) else ("", "", "") for i in range(rows) for j in range(count)
    ]
    return grid(order, width, count)


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
