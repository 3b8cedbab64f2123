"""What an engine takes from the machine that it runs on: its clocks, its database, its way to the broker.

Everything but the command line uses the real ones. A stage on which pictures are made puts others in their place, so that
the same seed gives the same pictures.
"""

import os
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from plugtui.brokers.alpaca import AlpacaBroker
from plugtui.brokers.port import Broker, Credentials
from plugtui.engine.clients.programs import Programs
from plugtui.store.store import Store


class MakeBroker(Protocol):
    """Makes the REST calls to one account."""

    def __call__(
        self, credentials: Credentials, timeout_s: float = ..., on_call: Callable[[], None] | None = ..., /
    ) -> Broker:
        """Return a broker that has not called yet."""


@dataclass(frozen=True, slots=True)
class Outside:
    """The real machine by default."""

    now_ns: Callable[[], int] = time.time_ns
    """Wall clock, UTC nanoseconds."""
    ticks_ns: Callable[[], int] = time.monotonic_ns
    """Nanoseconds that only grow, at the pace of the event loop's own time."""
    pid: int = field(default_factory=os.getpid)
    engine_id: str = field(default_factory=lambda: secrets.token_hex(8))
    """Names this run of the engine."""
    open_store: Callable[[Path], Awaitable[Store]] = Store.open
    make_broker: MakeBroker = AlpacaBroker
    programs: Callable[[], Programs] = Programs
    """Finds which program is behind a connection."""
