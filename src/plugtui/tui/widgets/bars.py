"""The status bar on top and the key bar at the bottom."""

from plugtui.tui.keymap import BarEntry, KeyHint, bar
from plugtui.tui.model import status
from plugtui.tui.model.world import World
from plugtui.tui.widgets.painted import Line, Painted, Run


class StatusBar(Painted):
    """Profile, streams, market, equity; recomposed at every tick, drawn when it differs."""

    def show(self, world: World, now_ns: int) -> None:
        """Show the world's state."""
        width = self.size.width
        if not width:
            return
        segments = status.segments(world.link, world.engine, world.streams, world.account, now_ns, world.zone)
        pieces = status.compose(segments, width - 2)
        self.paint([(Run(" "), *(Run(piece.text, piece.style, piece.action) for piece in pieces))])


class KeyBar(Painted):
    """The keys of the focused pane, as many as fit; a click is a key."""

    def show(self, hints: list[KeyHint]) -> None:
        """Show these hints."""
        width = self.size.width - 1
        left, right = bar(hints, width)
        ends = [*left, *right]
        used = sum(entry.cells + 2 for entry in ends) - 2
        line: list[Run] = [Run(" ")]
        for entry in ends:
            if right and entry is right[0] and left:
                line.append(Run(" " * (width - used)))
            line += [*_entry(entry), Run("  ")]
        self.paint([tuple(line[:-1])])


def _entry(entry: BarEntry) -> Line:
    action = f"app.forward('{entry.id}')"
    return (Run(entry.key, "key", action), Run(f" {entry.label}", "dim", action))
