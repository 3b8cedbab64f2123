"""Windows over the panes: a frame, scrolling lines, a way out."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.style import Style
from textual.widgets import Button, Input, Label, Static

from plugtui.errors import PlugtuiError
from plugtui.tui.keymap import KeyHint, bar, hints
from plugtui.tui.model.world import World
from plugtui.tui.widgets.painted import Line, Painted, Run

if TYPE_CHECKING:
    from plugtui.tui.app import Dashboard

T = TypeVar("T")


class Window(ModalScreen[T], Generic[T]):
    """A screen over the panes; escape or q closes it. Its lower edge names the keys, and a click on one is the key."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "app.help", "help", id="help", show=False, tooltip="This help"),
        Binding("escape,q", "close", "close", id="close", tooltip="Back to the panes"),
    ]

    _keys: Content | None = None

    @property
    def dashboard(self) -> "Dashboard":
        """The app."""
        return cast("Dashboard", self.app)

    @property
    def world(self) -> World:
        """Everything known."""
        return self.dashboard.world

    def action_close(self) -> None:
        """Go back."""
        self.dismiss(None)

    def on_click(self, event: events.Click) -> None:
        """A click beside the window closes it."""
        if event.widget is self:
            self.action_close()

    def paint_screen(self, now_ns: int) -> None:
        """Draw what has changed; called at every tick while this screen is on top."""

    def paint_keys(self) -> None:
        """Name the keys of the moment at the lower edge."""
        frames = self.query(".window")
        if frames:
            frame = frames.first()
            keys = edge_of_keys(hints(self.active_bindings.values()), frame.size.width - 4)
            if keys != self._keys:
                self._keys = keys
                frame.border_subtitle = keys


def edge_of_keys(shown: Sequence[KeyHint], width: int) -> Content:
    """Write as many keys as fit into the lower edge of a window; each stretch carries what a click on it does."""
    left, right = bar(shown, width)
    parts: list[tuple[str, Style] | str] = []
    for entry in (*left, *right):
        click = {"@click": f"app.forward('{entry.id}')"}
        parts += ["  "] if parts else []
        parts += [(entry.key, Style(bold=True) + Style.from_meta(click)), (f" {entry.label}", Style.from_meta(click))]
    return Content.assemble(*parts)


class Scroll(VerticalScroll, can_focus=True, inherit_bindings=False):
    """Lines that scroll with the keys of the tables."""

    key_group = "rows"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", "Up", id="scroll-up", show=False, tooltip="One line up"),
        Binding("down,j", "scroll_down", "Down", id="scroll-down", show=False, tooltip="One line down"),
        Binding("pageup,ctrl+u", "page_up", "Page up", id="scroll-page-up", show=False, tooltip="One page up"),
        Binding(
            "pagedown,ctrl+d", "page_down", "Page down", id="scroll-page-down", show=False, tooltip="One page down"
        ),
        Binding("home,g", "scroll_home", "Top", id="scroll-top", show=False, tooltip="First line"),
        Binding("end,G", "scroll_end", "Bottom", id="scroll-bottom", show=False, tooltip="Last line"),
    ]


class LinesWindow(Window[T], Generic[T]):
    """A window of scrolling lines; subclasses give the title and the lines."""

    size_class = ""

    def compose(self) -> ComposeResult:
        """Lay out the frame."""
        with Vertical(classes=f"window {self.size_class}"), Scroll():
            yield Painted(classes="lines")

    def on_mount(self) -> None:
        """Draw at once."""
        self.call_after_refresh(self.redraw)

    def redraw(self) -> None:
        """Draw title and lines."""
        width = self.query_one(Scroll).scrollable_content_region.width if self.is_mounted else 0
        if not width:
            return
        self.query_one(".window").border_title = Content(self.title_text())
        view = self.query_one(Painted)
        view.paint(self.lines(max(20, width)))

    def on_resize(self) -> None:
        """Lines depend on the width."""
        self.call_after_refresh(self.redraw)

    def title_text(self) -> str:
        """Return the title."""
        raise NotImplementedError

    def lines(self, width: int) -> list[Line]:
        """Return the lines for that width."""
        raise NotImplementedError


def heading(text: str, width: int) -> Line:
    """Make a heading with a rule."""
    return (Run(text + " ", "title"), Run("─" * max(0, width - len(text) - 1), "line"))


def pairs(items: Sequence[tuple[str, str, str]], width: int, label: int = 14) -> list[Line]:
    """Lay (label, text, tone) out in one column, or two where there is room; empty texts are left out."""
    shown = [item for item in items if item[1]]
    columns = 2 if width >= 2 * (label + 30) else 1
    room = width // columns
    rows = -(-len(shown) // columns)
    lines: list[Line] = []
    for i in range(rows):
        line: list[Run] = []
        for j in range(columns):
            at = j * rows + i
            if at < len(shown):
                name, text, tone = shown[at]
                last = j == columns - 1
                line += [Run(f"{name:<{label}}", "dim"), Run(text if last else f"{text:<{room - label}}", tone)]
        lines.append(tuple(line))
    return lines


# ---------------------------------------------------------------- questions


class Question(Window[str]):
    """Ask one thing; the answer is the id of a button, ``None`` for escape.

    Args:
        title: what the window is called.
        text: the question, a line each.
        answers: (id, label, variant), the first one has the focus.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "app.focus_next", "next answer", id="answer-next", tooltip="Next answer"),
        Binding("left", "app.focus_previous", "Previous", id="answer-previous", show=False, tooltip="Previous answer"),
    ]

    def __init__(self, title: str, text: Sequence[str], answers: Sequence[tuple[str, str, str]]) -> None:
        super().__init__()
        self._question, self._text, self._answers = title, text, answers

    def compose(self) -> ComposeResult:
        """Lay out the question and its answers."""
        with Vertical(classes="window -small") as window:
            window.border_title = Content(self._question)
            yield Static("\n".join(self._text) + "\n", markup=False)
            with Horizontal(classes="buttons"):
                for key, label, variant in self._answers:
                    yield Button(label, id=key, variant=variant)  # type: ignore[arg-type]

    def on_mount(self) -> None:
        """The first answer is the safe one."""
        self.query(Button).first().focus()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss(event.button.id)


class LeaveQuestion(Question):
    """What becomes of the engine; there is one such question at a time."""


Fields = dict[str, str]
Submit = Callable[[Fields], Awaitable[None]]


class Form(Window[bool]):
    """Ask for a few words, and do something with them while the window stays; it closes when that has worked.

    Args:
        title: what the window is called.
        text: what it is about, a line each.
        fields: (name, label, value, is it secret).
        submit: does the work; a PlugtuiError is shown and the form stays.
        extra: (id, label) of one more button; ``on_extra`` is called by it after the form is closed.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        # With priority: a password manager types "key, tab, secret" in one go, and what follows the tab must not land,
        # readable, in the field before it.
        Binding(
            "tab",
            "next_field",
            "next field",
            id="next-field",
            priority=True,
            tooltip="Go to the next field",
        ),
        Binding(
            "shift+tab",
            "previous_field",
            "previous field",
            id="previous-field",
            priority=True,
            show=False,
            tooltip="Go to the field before",
        ),
        Binding("enter", "enter", "ok", id="form-enter", priority=True, tooltip="Go on; from the last field: do it"),
    ]

    def __init__(
        self,
        title: str,
        text: Sequence[str],
        fields: Sequence[tuple[str, str, str, bool]],
        submit: Submit,
        *,
        verb: str = "OK",
        extra: tuple[str, Callable[[], None]] | None = None,
    ) -> None:
        super().__init__()
        self._title, self._text, self._fields, self._submit = title, text, fields, submit
        self._verb, self._extra = verb, extra

    def compose(self) -> ComposeResult:
        """Lay out the fields."""
        with Vertical(classes="window -small") as window:
            window.border_title = self._title
            yield Static("\n".join(self._text), markup=False)
            for name, label, value, secret in self._fields:
                yield Label(label)
                yield Input(value, password=secret, id=f"field-{name}")
            yield Static("", id="problem", markup=False)
            with Horizontal(classes="buttons"):
                if self._extra:
                    yield Button(self._extra[0], id="extra")
                yield Button("Cancel", id="cancel")
                yield Button(self._verb, id="ok", variant="primary")

    def on_mount(self) -> None:
        """Start in the first field."""
        self.query_one("#problem").display = False
        self.query(Input).first().focus()

    def action_enter(self) -> None:
        """Press the button, or go on from the field; from the last one, send."""
        focused = self.focused
        if isinstance(focused, Button):
            focused.press()
            return
        fields = list(self.query(Input))
        after = fields.index(focused) + 1 if isinstance(focused, Input) else 0
        empty = [field for field in fields[after:] if not field.value]
        if empty:
            empty[0].focus()
        else:
            self._send()

    def action_next_field(self) -> None:
        """Go to the next field or button."""
        self.focus_next()

    def action_previous_field(self) -> None:
        """Go to the field or button before."""
        self.focus_previous()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "ok":
            self._send()
            return
        self.dismiss(False)
        if event.button.id == "extra" and self._extra:
            self._extra[1]()

    def _send(self) -> None:
        self.query_one("#ok", Button).disabled = True
        self._say("checking …")
        self.run_worker(self._work(), exclusive=True)

    async def _work(self) -> None:
        values = {name: self.query_one(f"#field-{name}", Input).value.strip() for name, *_ in self._fields}
        try:
            await self._submit(values)
        except PlugtuiError as error:
            self._say(str(error))
            self.query_one("#ok", Button).disabled = False
        else:
            self.dismiss(True)

    def _say(self, text: str) -> None:
        problem = self.query_one("#problem", Static)
        problem.display = bool(text)
        problem.update(text)

    def action_close(self) -> None:
        """Cancel."""
        self.dismiss(False)
