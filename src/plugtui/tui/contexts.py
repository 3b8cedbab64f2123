"""Where keys are pressed, and which bindings work there: every pane and every window, from the inside to the outside."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from textual.binding import Binding

from plugtui.tui import keymap
from plugtui.tui.app import Dashboard
from plugtui.tui.panes.base import FilterInput, Pane
from plugtui.tui.panes.main import MainScreen
from plugtui.tui.screens.base import LinesWindow, Scroll, Window
from plugtui.tui.screens.events import EventsScreen
from plugtui.tui.widgets.lines import LineTable

_FRAMEWORKS_OF_WINDOWS = (Window, LinesWindow)


def check_keys(keys: Mapping[str, str], file: str) -> None:
    """Refuse other keys that cannot work, before the screen is taken. Raises ConfigError."""
    keymap.check(keys, contexts(), file)


def contexts() -> list[keymap.Context]:
    """Return every place where keys are pressed, with what is bound there."""
    app = _bindings(Dashboard)
    everywhere = [binding for binding in app if binding.priority]
    places: list[keymap.Context] = []
    for pane in _kinds(Pane):
        if pane.number:
            around = [*_bindings(pane), *_bindings(MainScreen), *app]
            places.append((f"pane {pane.number}", [*_bindings(LineTable), *around] if pane.filterable else around))
    for window in _kinds(Window):
        if window not in _FRAMEWORKS_OF_WINDOWS:
            inner = LineTable if window is EventsScreen else Scroll
            places.append((_words(window), [*_bindings(inner), *_bindings(window), *everywhere]))
    places.append(("a filter", [*_bindings(FilterInput), *everywhere]))
    return places


def _kinds(base: type[Any]) -> Iterator[type[Any]]:
    yield base
    for kind in base.__subclasses__():
        yield from _kinds(kind)


def _bindings(kind: type[Any]) -> list[Binding]:
    """Return the bindings of plugtui's own classes among the bases of that one; Textual's have no ids."""
    own = [base for base in kind.__mro__ if base.__module__.startswith("plugtui.")]
    return [binding for base in own for binding in base.__dict__.get("BINDINGS", []) if isinstance(binding, Binding)]


def _words(window: type[Any]) -> str:
    name = re.sub(r"(?<!^)(?=[A-Z])", " ", window.__name__.removesuffix("Screen")).lower()
    return f"the {name} window"
