"""The app: owns the world, the follower and the clock; panes and screens do the rest."""

import logging
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, ClassVar, cast

import rich
import textual
from rich.segment import Segments
from rich.traceback import Traceback
from textual.app import App
from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.screen import Screen
from textual.widgets import Input

from plugtui.errors import CredentialsError, PlugtuiError, TokenRefused
from plugtui.tui import keymap, themes
from plugtui.tui.desk import Desk
from plugtui.tui.link import Follower, LinkFactory
from plugtui.tui.model.status import LinkStatus
from plugtui.tui.model.world import World
from plugtui.tui.options import Options, Outcome
from plugtui.tui.palette import Commands
from plugtui.tui.panes.base import Pane
from plugtui.tui.panes.main import MainScreen
from plugtui.tui.panes.performance import PerformancePane
from plugtui.tui.screens.algorithm import AlgorithmScreen
from plugtui.tui.screens.base import LeaveQuestion, Window
from plugtui.tui.screens.events import EventsScreen
from plugtui.tui.screens.help import HelpScreen
from plugtui.tui.screens.howto import HowToScreen
from plugtui.tui.screens.order import OrderScreen
from plugtui.tui.screens.start import KeysScreen, TokenScreen
from plugtui.tui.screens.trader import TraderScreen
from plugtui.tui.widgets.lines import LineTable

log = logging.getLogger(__name__)

TICK_S = 0.1
_PERFORMANCE_NS = 5_000_000_000
_NO_HISTORY_NS = 1_000_000_000
"""How often the figures are asked for: more often while the engine is still reading the account's past."""

_TOASTS = 4
_TOAST_SPAN_NS = 6_000_000_000
"""At most so many toasts in so long a time; a flood would hide the panes."""


_MOVES = frozenset(
    ["command_palette", "top", "bottom", "beside", *(f"{move}({by})" for move in ("move", "page") for by in (-1, 1))]
    + [f"{what}_{where}" for what in ("scroll", "page") for where in ("up", "down", "home", "end")]
)
"""What nobody looks for in the palette: it is at the fingertips, or makes no sense from there."""


class Dashboard(App[Outcome]):
    """Four live panes over one engine.

    Args:
        open_link: finds or starts the engine; called again after every loss.
        options: see :class:`Options`.
    """

    CSS_PATH = "plugtui.tcss"
    TITLE = "plugtui"
    COMMANDS: ClassVar[set[Any]] = {Commands}
    COMMAND_PALETTE_BINDING = "ctrl+p"
    ESCAPE_TO_MINIMIZE = False
    NOTIFICATION_TIMEOUT = 6.0

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "pane(1)", "pane", id="pane-1", tooltip="Fills"),
        Binding("2", "pane(2)", "pane 2", id="pane-2", show=False, tooltip="Performance"),
        Binding("3", "pane(3)", "pane 3", id="pane-3", show=False, tooltip="Traders"),
        Binding("4", "pane(4)", "pane 4", id="pane-4", show=False, tooltip="Algorithms"),
        Binding("left,h", "beside", "Beside", id="pane-beside", show=False, tooltip="The pane on the left"),
        Binding("right,l", "beside", "Beside", id="pane-beside-right", show=False, tooltip="The pane on the right"),
        Binding("z", "zoom", "zoom", id="zoom", tooltip="Give the pane the whole terminal, or take it back"),
        Binding("e", "events", "events", id="events", tooltip="Everything that happened"),
        Binding(
            "H", "how_to", "How to connect", id="how-to-everywhere", show=False, tooltip="How to point a program here"
        ),
        Binding("K", "other_keys", "Keys", id="other-keys", show=False, tooltip="Enter other brokerage keys"),
        Binding("t", "next_theme", "Theme", id="theme", show=False, tooltip="Next theme"),
        Binding(
            "r", "retry", "Retry", id="retry", show=False, tooltip="Try again now to reach the engine, or the broker"
        ),
        Binding(
            "escape",
            "step_back",
            "Back",
            id="back",
            show=False,
            tooltip="Clear the filter, leave the zoom, follow again",
        ),
        Binding(
            "ctrl+p",
            "command_palette",
            "palette",
            id="palette",
            priority=True,
            tooltip="Find an action, trader, algorithm or symbol",
        ),
        Binding("question_mark", "help", "help", id="help", tooltip="This help"),
        Binding(
            "ctrl+z", "suspend_process", "Suspend", id="suspend", show=False, tooltip="Back to the shell; fg returns"
        ),
        Binding("q", "leave", "quit", id="quit", tooltip="Leave; asks what becomes of the engine"),
        Binding(
            "ctrl+c,ctrl+q",
            "interrupt",
            "Quit",
            id="interrupt",
            show=False,
            priority=True,
            tooltip="Leave from anywhere; once more: at once, algorithms keep the engine",
        ),
    ]

    def __init__(self, open_link: LinkFactory, options: Options | None = None) -> None:
        self.options = options or Options()
        super().__init__()
        self.on_quit = self.options.on_quit
        self.world = World(self.options.zone)
        self.world.performance.symbol = self.options.benchmark
        self.now_ns = self.options.now_ns
        self.follower = Follower(open_link, self.world, now_ns=self.now_ns, on_ready=self._engine_ready)
        self._loading: str | None = None
        self._told: list[int] = []
        self._loaded_ns = 0
        self._asked_keys: PlugtuiError | None = None
        self._asked_token = False
        self._main: MainScreen | None = None
        self.desk = Desk(self)

    # ------------------------------------------------------------ life

    def get_default_screen(self) -> Screen[None]:
        """The four panes."""
        self._main = MainScreen(self.world)
        return self._main

    def on_mount(self) -> None:
        """Dress, follow the engine, tick."""
        for theme in themes.THEMES:
            self.register_theme(theme)
        self.choose_theme(self.options.theme)
        if self.options.keys:
            self.set_keymap(dict(self.options.keys))
        self.set_interval(TICK_S, self.tick)
        self.run_worker(self.follower.run(), name="follow the engine", group="link")

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Colours that the stylesheet needs before a theme is chosen."""
        return dict(themes.DARK.variables)

    @property
    def panes(self) -> MainScreen:
        """The main screen."""
        if self._main is None:
            raise RuntimeError("the app has not started")
        return self._main

    # ------------------------------------------------------------ ten times a second

    def tick(self) -> None:
        """Draw what has changed, tell what must be told."""
        if not self.is_running or not self.screen_stack:
            # A last tick after the app has begun to leave: screens are taken apart already.
            return
        now = self.now_ns()
        if self.options.progress and self.world.link.state == "starting":
            self.world.link = LinkStatus("starting", self.options.progress())
        for level, text, hint in self.options.news() if self.options.news else ():
            self.world.events.tell(level, "demo", text, now, hint)
        screen = self.screen
        if isinstance(screen, Window) and screen.is_mounted:
            screen.paint_screen(now)
            screen.paint_keys()
        if self.panes.is_mounted:
            self.panes.paint_screen(now)
        self._tell()
        self._ask_for_keys()
        self._ask_for_token()
        pause = _PERFORMANCE_NS if len(self.world.performance.curve) else _NO_HISTORY_NS
        if self.follower.connected and now - self._loaded_ns >= pause:
            self.load_performance()

    def _tell(self) -> None:
        toasts, now = self.world.events.toasts, self.now_ns()
        self._told = [at for at in self._told if 0 <= now - at < _TOAST_SPAN_NS]
        while toasts and len(self._told) < _TOASTS:
            self._told.append(now)
            if len(self._told) == _TOASTS and len(toasts) > 1:
                # The last one of the span stands for all that would not fit.
                self.notify(f"{len(toasts)} more: e shows them all", title="events", severity="warning", markup=False)
                toasts.clear()
                return
            toast = toasts.popleft()
            severity = "error" if toast.level == "error" else "warning" if toast.level == "warning" else "information"
            self.notify(toast.text, title=toast.title, severity=cast(Any, severity), markup=False)

    def _ask_for_keys(self) -> None:
        error = self.follower.error
        if not isinstance(error, CredentialsError) or error is self._asked_keys or self.options.check_keys is None:
            return
        if not isinstance(self.screen, KeysScreen):
            self._asked_keys = error
            self.push_screen(
                KeysScreen(error, self.options.check_keys, self._to_demo, self.options.address), self._keys_given
            )

    def _keys_given(self, given: bool | None) -> None:
        if given:
            self.follower.retry_now()

    def _ask_for_token(self) -> None:
        """Ask once after each loss, and again when the reader tries again."""
        error, take = self.follower.error, self.options.new_token
        if take is None or not isinstance(error, TokenRefused) or self._asked_token:
            return
        self._asked_token = True
        self.push_screen(TokenScreen(error, take), self._token_given)

    def _token_given(self, given: bool | None) -> None:
        if given:
            self.action_retry()

    def _to_demo(self) -> None:
        self.exit(Outcome(stop_engine=True, demo=True))

    def _engine_ready(self) -> None:
        self._asked_token = False
        self._loaded_ns = 0

    # ------------------------------------------------------------ the engine

    async def command(self, name: str, /, **args: Any) -> Any:
        """Ask the engine. Raises ControlError."""
        return await self.follower.command(name, **args)

    def ask(self, name: str, /, done: str = "", then: Callable[[Any], None] | None = None, **args: Any) -> None:
        """Ask the engine in the background; say when it is done or why not."""
        self.run_worker(self._ask(name, done, then, args))

    async def _ask(self, name: str, done: str, then: Callable[[Any], None] | None, args: dict[str, Any]) -> None:
        try:
            result = await self.command(name, **args)
        except PlugtuiError as error:
            self.notify(error.hint or "", title=error.title, severity="error", markup=False)
            return
        if done:
            self.notify(done, timeout=4, markup=False)
        if then:
            then(result)

    def load_performance(self) -> None:
        """Ask for the figures of the chosen window, unless the answer is on its way."""
        performance = self.world.performance
        if self._loading == performance.window:
            return
        self._loaded_ns = self.now_ns()
        self._loading = performance.window
        self.run_worker(self._load_performance(performance.window))

    async def _load_performance(self, window: str) -> None:
        performance = self.world.performance
        try:
            performance.take(await self.command("performance", **performance.question()))
        except PlugtuiError as error:
            performance.fail(error.title)
        finally:
            if self._loading == window:
                self._loading = None

    # ------------------------------------------------------------ actions

    def action_pane(self, number: int) -> None:
        """Go to a pane."""
        self.panes.go(number)

    def activate(self, pane: Pane) -> None:
        """Remember which pane has the focus."""
        self.panes.activate(pane.number)

    def action_next_pane(self, by: int) -> None:
        """Go to the next pane, or to the other table of the same one."""
        traders = self.panes.pane(3)
        if self.panes.active == 3 and self._within(traders, by):
            return
        self.panes.go((self.panes.active - 1 + by) % 4 + 1)

    def _within(self, traders: Pane, by: int) -> bool:
        board, feed = traders.query(LineTable).results()
        if by > 0 and board.has_focus:
            feed.focus()
            return True
        if by < 0 and feed.has_focus:
            board.focus()
            return True
        return False

    def action_beside(self) -> None:
        """Go to the pane on the other side."""
        if not isinstance(self.screen, Window):
            self.panes.go(self.panes.neighbour(horizontal=True))

    def action_zoom(self) -> None:
        """Enlarge the active pane, or shrink it again."""
        self.panes.zoom()

    def action_step_back(self) -> None:
        """Undo what narrows the view, one thing at a time."""
        pane = self.panes.pane(self.panes.active)
        if pane.clear_filter():
            return
        if self.panes.zoomed:
            self.panes.zoom()
            return
        for table in pane.query(LineTable):
            table.action_top()

    def action_clear_filter(self) -> None:
        """Clear the filter of the active pane."""
        self.panes.pane(self.panes.active).clear_filter()

    def action_window(self, window: str) -> None:
        """Choose the window of the performance pane."""
        self.world.performance.choose(window)
        self.load_performance()

    def action_performance_view(self, name: str) -> None:
        """Choose what the performance pane shows."""
        pane = self.panes.pane(2)
        if isinstance(pane, PerformancePane):
            self.panes.go(2)
            pane.show_view(name)

    def action_trader_window(self, window: str) -> None:
        """Choose the window of the leaderboard."""
        self.world.traders.choose(window)

    def action_events(self, words: str = "") -> None:
        """Show the events, or those with these words."""
        self.push_screen(EventsScreen(words))

    def action_how_to(self) -> None:
        """Show how to connect."""
        engine = self.world.engine
        if engine:
            self.push_screen(HowToScreen(engine.gateway_url, engine.feed))
        else:
            self.notify("The engine's address is known as soon as it runs.", severity="warning")

    def action_help(self) -> None:
        """Show the keys of the focused pane."""
        where = self.panes.pane(self.panes.active).name_shown
        active = keymap.hints(self.screen.active_bindings.values())
        self.push_screen(HelpScreen(where, active))

    def action_other_keys(self) -> None:
        """Ask for other brokerage keys."""
        self.desk.other_keys()

    def action_next_theme(self) -> None:
        """Change the colours."""
        names = [theme.name for theme in themes.THEMES]
        self.theme = names[(names.index(self.theme) + 1) % len(names)] if self.theme in names else names[0]

    def choose_theme(self, name: str | None) -> None:
        """Choose a theme by its short or full name."""
        chosen = themes.choose(name)
        if chosen not in self.available_themes:
            chosen = themes.DEFAULT
        self.theme = chosen

    def action_retry(self) -> None:
        """Try again now: to reach the engine, or with an engine to reach the broker."""
        if self.follower.connected:
            self.ask("retry", "whatever waited for the broker is tried now")
            return
        self._asked_token, self.follower.error = False, None
        if self.options.on_retry:
            self.options.on_retry()
        self.follower.retry_now()

    def action_forward(self, binding_id: str) -> None:
        """Do what the key of a binding would do: a click on the key bar, or on the lower edge of a window."""
        if binding_id == "pane-1":
            # One entry of the bar stands for all four.
            self.action_next_pane(1)
            return
        for entry in self.screen.active_bindings.values():
            if entry.binding.id == binding_id:
                # Later, as the app: what the clicked widget's own children post would not reach anybody.
                self.call_later(self.run_action, entry.binding.action, entry.node)
                return

    def commands(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """Yield every action of the window on top, or of the focused pane and of the app, for the palette."""
        below = next(screen for screen in reversed(self.screen_stack) if not isinstance(screen, CommandPalette))
        seen: set[str] = set()
        for entry in below.active_bindings.values():
            binding = entry.binding
            if binding.id and not binding.system and binding.action not in _MOVES and binding.id not in seen:
                seen.add(binding.id)
                title = re.split(r"; | \(", binding.tooltip or binding.description)[0]
                yield title, f"key {keymap.key_name(binding.key)}", partial(self._do, binding.action, entry.node)

    async def _do(self, action: str, node: Any) -> None:
        await self.run_action(action, node)

    # ------------------------------------------------------------ screens

    def show_order(self, order_id: str) -> None:
        """Show the life of an order."""
        self.push_screen(OrderScreen(order_id))

    def show_algo(self, name: str) -> None:
        """Show an algorithm."""
        self.push_screen(AlgorithmScreen(name))

    def show_trader(self, name: str) -> None:
        """Show a trader."""
        self.push_screen(TraderScreen(name))

    def filter_fills(self, words: str) -> None:
        """Show only executions with these words; whatever stands before the panes goes."""
        while len(self.screen_stack) > 1:
            self.pop_screen()
        self.panes.go(1)
        self.panes.pane(1).set_filter(words)

    # ------------------------------------------------------------ leaving

    async def action_quit(self) -> None:
        """Leave by the one way out."""
        self.action_leave()

    def action_interrupt(self) -> None:
        """Leave from wherever the reader is; who asks twice does not want to be asked."""
        field = self.focused
        if isinstance(field, Input) and field.selected_text:
            field.action_copy()
        elif isinstance(self.screen, LeaveQuestion):
            self.exit(self.outcome_of_signal())
        else:
            self.action_leave()

    def action_leave(self) -> None:
        """Leave; ask what becomes of the engine when algorithms depend on it."""
        connected = self.world.algos.connected if self.follower.connected else 0
        if self.on_quit == "ask" and connected:
            self.push_screen(self._leave_question(connected), self._answered)
            return
        self.exit(Outcome(stop_engine=self.on_quit in ("ask", "stop")))

    def _leave_question(self, connected: int) -> LeaveQuestion:
        who = "one algorithm is" if connected == 1 else f"{connected} algorithms are"
        answers = [("keep", "Keep it running", "primary"), ("stop", "Stop it", "error"), ("no", "Stay", "default")]
        text = [
            f"{who.capitalize()} connected to the engine.",
            "Kept running, it serves them on; plugtui attaches to it again.",
        ]
        if self.options.save_on_quit:
            answers.insert(1, ("always", "Keep, always", "default"))
        return LeaveQuestion("Leave plugtui", text, answers)

    def _answered(self, answer: str | None) -> None:
        if answer == "always":
            self.choose_on_quit("keep")
        if answer in ("keep", "always", "stop"):
            self.exit(Outcome(stop_engine=answer == "stop", asked=True))

    def outcome_of_signal(self) -> Outcome:
        """Say what a signal means for the engine: without a question, algorithms that are connected keep it."""
        unasked = self.on_quit == "ask" and not self.world.algos.connected
        return Outcome(stop_engine=self.on_quit == "stop" or unasked)

    def choose_on_quit(self, choice: str) -> None:
        """Make an answer the default, or be asked again; kept for the next time where that is possible."""
        self.on_quit = choice
        if self.options.save_on_quit:
            try:
                self.options.save_on_quit(choice)
            except PlugtuiError as error:
                self.notify(error.hint or "", title=error.title, severity="error", markup=False)

    def _fatal_error(self) -> None:
        """Show a crash without the values of local variables, as Textual would: one of them may be a key."""
        self.bell()
        traceback = Traceback(show_locals=False, width=100, suppress=[rich, textual])
        self._exit_renderables.append(Segments(self.console.render(traceback, self.console.options)))
        log.error("the dashboard crashed", exc_info=sys.exc_info()[1] or self._exception)
        self._close_messages_no_wait()
