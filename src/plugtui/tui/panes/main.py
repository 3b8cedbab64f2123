"""The main screen: status bar, four panes, key bar, and how they share the terminal."""

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.geometry import Size
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from plugtui.tui.keymap import hints
from plugtui.tui.model.trouble import trouble_of
from plugtui.tui.model.world import World
from plugtui.tui.panes.algorithms import AlgorithmsPane
from plugtui.tui.panes.base import Pane
from plugtui.tui.panes.fills import FillsPane
from plugtui.tui.panes.performance import PerformancePane
from plugtui.tui.panes.traders import TradersPane
from plugtui.tui.widgets.bars import KeyBar, StatusBar
from plugtui.tui.widgets.trouble import TroubleCard

FOUR_PANES = (80, 24)
"""From this size on all four panes are shown."""

SMALLEST = (60, 16)
"""Below this size there is one line that says so."""

FRAMED = 110
"""From this width on the panes have frames."""


class MainScreen(Screen[None], inherit_bindings=False):
    """Four panes, or one at a time when there is no room or the reader has zoomed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "app.next_pane(1)", "next", id="focus-next", tooltip="Next pane or table"),
        Binding("shift+tab", "app.next_pane(-1)", "Previous", id="focus-previous", show=False, tooltip="Previous pane"),
    ]

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self.active = 1
        self.zoomed = False
        self._terminal: Size | None = None
        self._panes: list[Pane] = []

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        yield StatusBar(id="status")
        with Horizontal(id="panes"):
            with Vertical(id="left"):
                yield FillsPane(id="fills")
                yield TradersPane(id="traders")
            with Vertical(id="right"):
                yield PerformancePane(id="performance")
                yield AlgorithmsPane(id="algorithms")
        yield Static(id="too-small")
        yield TroubleCard(id="trouble")
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        """Start in the first pane."""
        self.fit_to_terminal()
        self.pane(1).main().focus()

    def pane(self, number: int) -> Pane:
        """Return a pane by its number."""
        return next(pane for pane in self.all_panes() if pane.number == number)

    def all_panes(self) -> list[Pane]:
        """Return the four panes."""
        if len(self._panes) < 4:
            # Asked at every tick, and they stay the same.
            self._panes = list(self.query(Pane))
        return self._panes

    def visible_panes(self) -> list[Pane]:
        """Return the panes that can be seen."""
        return [pane for pane in self.all_panes() if pane.display and pane.size.width and self._column(pane).display]

    @staticmethod
    def _column(pane: Widget) -> Widget:
        parent = pane.parent
        return parent if isinstance(parent, Widget) else pane

    def fit_to_terminal(self) -> None:
        """Fit the layout to the size of the terminal."""
        width, height = self._terminal or self.app.size
        tiny = width < SMALLEST[0] or height < SMALLEST[1]
        small = width < FOUR_PANES[0] or height < FOUR_PANES[1]
        self.set_class(tiny, "-tiny")
        self.set_class(self.zoomed, "-zoomed")
        self.set_class(small or self.zoomed, "-single")
        self.set_class(width < FRAMED, "-tight")
        for pane in self.query(Pane):
            pane.set_class(pane.number == self.active, "-active")
        for column in self.query("#left, #right"):
            column.set_class(any(pane.has_class("-active") for pane in column.query(Pane)), "-active")
        if tiny:
            needed = f"plugtui needs {SMALLEST[0]}×{SMALLEST[1]}, has {width}×{height}"
            self.query_one("#too-small", Static).update(needed)

    def on_resize(self, event: events.Resize) -> None:
        """Fit again."""
        self._terminal = event.size
        self.fit_to_terminal()

    def activate(self, number: int) -> None:
        """Make a pane the active one."""
        if number != self.active:
            self.active = number
            self.fit_to_terminal()

    def go(self, number: int) -> None:
        """Show a pane and put the focus into it."""
        self.activate(number)
        # At once: a key typed right after this one is meant for that pane.
        self.set_focus(self.pane(number).main())

    def zoom(self) -> None:
        """Give the whole terminal to the active pane, or take it back."""
        self.zoomed = not self.zoomed
        self.fit_to_terminal()

    def neighbour(self, horizontal: bool) -> int:
        """Return the pane beside or below the active one: 1 and 3 stand left, 2 and 4 right."""
        across = {1: 2, 2: 1, 3: 4, 4: 3}
        return across[self.active] if horizontal else {1: 3, 3: 1, 2: 4, 4: 2}[self.active]

    def paint_screen(self, now_ns: int) -> None:
        """Draw what can be seen."""
        if self.has_class("-tiny") or len(self.all_panes()) < 4 or not self.is_running:
            # Ticks go on while the screen is being built and taken down.
            return
        self.set_class(self._world.as_of_ns is not None, "-old")
        self.query_one(TroubleCard).show(trouble_of(self._world, now_ns))
        self.query_one(StatusBar).show(self._world, now_ns)
        for pane in self.visible_panes():
            pane.paint_pane(now_ns)
        self.query_one(KeyBar).show(hints(self.active_bindings.values()))
