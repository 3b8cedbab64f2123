"""The status bar on top and the key bar at the bottom."""

from rich.cells import cell_len

from plugtui.tui.keymap import KeyHint
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
        bar = status.segments(world.link, world.engine, world.streams, world.account, now_ns, world.zone)
        pieces = status.compose(bar, width - 2)
        self.paint([(Run(" "), *(Run(piece.text, piece.style) for piece in pieces))])


_ORDER = (
    "pane-1", "focus-next", "zoom", "filter", "sort", "freeze", "open", "definitions", "how-to", "pause", "follow",
    "longer", "window-next", "new-key", "plug", "index", "rejects", "cancels", "events",
)  # fmt: skip
"""The bar from left to right; hints that are not named follow."""

_LAST = ("palette", "help", "quit")
_KEPT = ("pane-1", "help", "quit", "zoom", "filter", "open", "focus-next", "sort", "freeze", "palette")
"""What stays longest where the bar is narrow."""


class KeyBar(Painted):
    """The keys of the focused pane, as many as fit; a click is a key."""

    def show(self, hints: list[KeyHint]) -> None:
        """Show these hints."""
        entries = {hint.id: self._entry(hint) for hint in hints if hint.shown}
        middle = [key for key in entries if key not in _ORDER and key not in _LAST]
        order = [key for key in (*_ORDER, *middle, *_LAST) if key in entries]
        room = self.size.width - 1
        kept: set[str] = set()
        for key in sorted(order, key=lambda key: _KEPT.index(key) if key in _KEPT else len(_KEPT)):
            needed = sum(cell_len(run.text) for run in entries[key])
            if needed <= room + 2:
                kept.add(key)
                room -= needed
        self.paint([(Run(" "), *(run for key in order if key in kept for run in entries[key]))])

    @staticmethod
    def _entry(hint: KeyHint) -> Line:
        keys = "1-4" if hint.id == "pane-1" else hint.keys[0]
        label = "pane" if hint.id == "pane-1" else hint.label
        action = "" if hint.id == "pane-1" else hint.action
        if action and "." not in action.split("(")[0]:
            action = f"app.forward('{hint.id}')"
        return (Run(keys, "key", action), Run(f" {label}  ", "dim", action))
