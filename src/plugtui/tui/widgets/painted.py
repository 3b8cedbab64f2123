"""Widgets that paint their lines themselves: cheap, because nothing is laid out and only changed lines are sent.

All colours come from the stylesheet: a *tone* (``up``, ``down``, ``dim``, …) is the component class ``tone--up`` and so on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

TONES = (
    "up", "down", "dim", "warn", "bad", "accent", "strong", "chart", "fall", "axis", "key", "chosen",
    "live", "paper", "demo", "header", "sorted", "cursor", "cursor-away", "title", "line", "line-focus",
    "second", "mark", "chart-fill", "fall-fill",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of a line: text, tone, and what a click on it does (an action of the app, as in a binding)."""

    text: str
    tone: str = ""
    action: str = ""


Line = tuple[Run, ...]


class Toned(Widget):
    """A widget whose text is coloured by tones."""

    COMPONENT_CLASSES = {f"tone--{tone}" for tone in TONES}

    def __init__(self, *children: Widget, **options: Any) -> None:
        super().__init__(*children, **options)
        self._tones: dict[tuple[str, str], Style] = {}

    def tone(self, name: str, over: str = "") -> Style:
        """Return the style of a tone on this widget's background, or on that of the tone ``over``."""
        found = self._tones.get((name, over))
        if found is None:
            found = self.rich_style
            if over:
                found += self.get_component_rich_style(f"tone--{over}", partial=True)
            if name:
                found += self.get_component_rich_style(f"tone--{name}", partial=True)
            self._tones[name, over] = found
        return found

    def notify_style_update(self) -> None:
        """Forget the colours when the theme, the focus or a class has changed."""
        self._tones.clear()
        super().notify_style_update()


class Painted(Toned):
    """A widget that shows given lines; setting equal lines again costs nothing."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: list[Line] = []

    @property
    def text(self) -> str:
        """What is shown, without colours."""
        return "\n".join("".join(run.text for run in line) for line in self._lines)

    def paint(self, lines: Sequence[Line]) -> None:
        """Show these lines; only those that differ are drawn again."""
        new = list(lines)
        old, self._lines = self._lines, new
        if len(old) != len(new) and self.styles.is_auto_height:
            self.refresh(layout=True)
            return
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else None
            after = new[index] if index < len(new) else None
            if before != after:
                self.refresh(Region(0, index, self.size.width, 1))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the number of lines, for a height of ``auto``."""
        return len(self._lines)

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        width = self.size.width
        if not 0 <= y < len(self._lines):
            return Strip.blank(width, self.tone(""))
        strip = Strip([Segment(run.text, self.tone(run.tone)) for run in self._lines[y]])
        return strip.adjust_cell_length(width, self.tone(""))

    def run_at(self, x: int, y: int) -> Run | None:
        """Return what stands at that cell."""
        if 0 <= y < len(self._lines):
            end = 0
            for run in self._lines[y]:
                end += cell_len(run.text)
                if x < end:
                    return run
        return None

    async def on_click(self, event: events.Click) -> None:
        """Do what the clicked stretch says."""
        offset = event.get_content_offset(self)
        run = self.run_at(offset.x, offset.y) if offset is not None else None
        if run and run.action:
            event.stop()
            await self.run_action(run.action)
