"""Help, made from the bindings that work in the focused pane."""

import textwrap
from collections.abc import Sequence

from plugtui.tui.keymap import KeyHint
from plugtui.tui.screens.base import LinesWindow, heading
from plugtui.tui.widgets.painted import Line, Run

_MARKS = [
    ("↺", "recovered: it was not heard on the stream but fetched afterwards"),
    ("✗ ×", "rejected; canceled or run out"),
    ("● ○ ◐ ◌ ✗", "stream live; quiet; stale; waiting or connecting; failed"),
    ("+ ● ‖ ○ ✗", "algorithm just come; connected; paused; gone or its key never used; revoked"),
    ("★ ☆", "trader followed; not followed"),
    ("▲ ▼", "up; down, or the direction of a sort"),
    ("–", "undefined; the zoomed performance pane says why"),
    ("n new ↑", "rows that wait because you look at older ones; home shows them"),
]

_GROUPS = (("pane", "keys of {where}"), ("rows", "rows"), ("", "everywhere"))

_FILTER = "words in any order, all must match; -word must not match; esc clears"


class HelpScreen(LinesWindow[None]):
    """All keys of the moment, and what the marks mean."""

    def __init__(self, where: str, hints: Sequence[KeyHint]) -> None:
        super().__init__()
        self._where, self._hints = where, hints

    def title_text(self) -> str:
        """Say what it is about."""
        return f"Help: {self._where}" if self._where else "Help"

    def lines(self, width: int) -> list[Line]:
        """Write keys and marks."""
        everywhere = [hint for hint in self._hints if hint.action.startswith("app.") or "." not in hint.action]
        key_width = max((len(", ".join(hint.keys)) for hint in everywhere), default=8) + 2
        show_id = width >= 90
        room = max((len(hint.tooltip) for hint in everywhere), default=0) if show_id else width - key_width
        lines: list[Line] = []
        for group, title in _GROUPS:
            of_group = [hint for hint in everywhere if hint.group == group]
            if of_group:
                lines.append(heading(title.format(where=self._where or "this window"), width))
            for hint in of_group:
                rows = _beside(", ".join(hint.keys), key_width, "key", hint.tooltip, room)
                lines += [(*rows[0], Run(f"  {hint.id}", "axis")), *rows[1:]] if show_id else rows
            lines += [(Run(""),)] if of_group else []
        lines.append(heading("marks", width))
        for mark, text in _MARKS:
            lines += _beside(mark, key_width, "strong", text, width - key_width)
        lines += [
            (Run(""),),
            heading("filter", width),
            *((Run(row),) for row in textwrap.wrap(_FILTER, width)),
        ]
        if show_id:
            lines += [(Run(""),), (Run("the grey names are the names for [keys] in dashboard.toml", "dim"),)]
        return lines


def _beside(name: str, name_width: int, tone: str, text: str, room: int) -> list[Line]:
    """Write a name and beside it a text, in as many rows as it takes."""
    rows = textwrap.wrap(text, max(8, room)) or [""]
    first: Line = (Run(f"{name:<{name_width}}", tone), Run(f"{rows[0]:<{room}}"))
    return [first, *((Run(" " * name_width), Run(row)) for row in rows[1:])]
