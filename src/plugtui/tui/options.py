"""How a dashboard behaves, and why it ended."""

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import tzinfo

from plugtui.secrets import Secret

PAPER_URL = "https://paper-api.alpaca.markets"

CheckKeys = Callable[[str, Secret, str], Awaitable[None]]
"""Check key id, secret and base URL against the account and keep them. Raises PlugtuiError."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a dashboard behaves."""

    theme: str | None = None
    keys: Mapping[str, str] | None = None
    """Binding id → other keys."""
    on_quit: str = "ask"
    """``ask`` (when algorithms are connected), ``keep`` the engine, ``stop`` it, or ``leave`` it alone (a remote one)."""
    zone: tzinfo | None = None
    save_on_quit: Callable[[str], None] | None = None
    """Keeps a new default for ``on_quit``."""
    benchmark: str | None = None
    """Symbol to compare the account with; empty: none; ``None``: the engine's."""
    save_benchmark: Callable[[str], None] | None = None
    """Keeps another symbol for the next time."""
    check_keys: CheckKeys | None = None
    """Makes the first-start screen possible."""
    keys_from: str = ""
    """Where the keys come from, when that is not where plugtui keeps them: other ones are given there."""
    restart: Callable[[], Awaitable[None]] | None = None
    """Ends the engine, so that the next attempt starts one with the keys that are kept by then. Raises PlugtuiError."""
    new_token: Callable[[Secret], None] | None = None
    """Takes the token that the reader gives after the engine has refused the one that was known."""
    may_stop: bool = False
    """The palette offers to stop the engine."""
    on_retry: Callable[[], None] | None = None
    """Called when the reader asks for another attempt."""
    address: str = PAPER_URL
    """The trading host that the first-start screen offers."""
    progress: Callable[[], str] | None = None
    """Says what is going on while the engine starts."""
    news: Callable[[], Iterable[tuple[str, str, str]]] | None = None
    """Gives (level, text, hint) of what else has happened around the engine since the last call."""
    now_ns: Callable[[], int] = time.time_ns


@dataclass(frozen=True, slots=True)
class Outcome:
    """Why the dashboard ended.

    ``stop_engine`` is what should become of an engine that this dashboard has started; with ``asked`` the reader has said so,
    and it holds for one that ran before, too. ``demo``: the demo should start instead.
    """

    stop_engine: bool = False
    asked: bool = False
    demo: bool = False
    crashed: bool = False
