"""All market-data connections to Alpaca: one for each endpoint that was ever wanted (row G1)."""

import time
from collections.abc import Callable

from plugtui.brokers.port import Credentials
from plugtui.config import UpstreamSettings
from plugtui.control.messages import StreamState
from plugtui.engine.market.upstream import StreamEvents, Upstream
from plugtui.tasks import Tasks
from plugtui.wire.paths import Endpoint, stock


class Upstreams:
    """Make upstreams on demand and end them together.

    Args:
        market_open: tells whether the stock market is open; None when unknown.
        on_failure: told when an upstream ends by a fault of ours.
        clock: wall time in ns.
        ticks: ns that only grow.
        last_live_ns: when connections of the engine before this one broke off.
    """

    def __init__(
        self,
        settings: UpstreamSettings,
        credentials: Credentials,
        events: StreamEvents,
        market_open: Callable[[], bool | None],
        on_failure: Callable[[str, BaseException], None],
        clock: Callable[[], int] = time.time_ns,
        ticks: Callable[[], int] = time.monotonic_ns,
        last_live_ns: int | None = None,
    ) -> None:
        self._settings = settings
        self._credentials = credentials
        self._events = events
        self._market_open = market_open
        self._clock = clock
        self._ticks = ticks
        self._last_live_ns = last_live_ns
        self._by_path: dict[str, Upstream] = {}
        self._tasks = Tasks(on_failure)

    def get(self, endpoint: Endpoint) -> Upstream:
        """Return the one upstream of an endpoint; it connects when a client wants data from it."""
        upstream = self._by_path.get(endpoint.path)
        if upstream is None:
            upstream = Upstream(
                endpoint,
                self._settings,
                self._credentials,
                self._events,
                self._market_open,
                self._clock,
                self._ticks,
                self._last_live_ns,
            )
            self._by_path[endpoint.path] = upstream
            self._tasks.start(upstream.run(), f"upstream {endpoint.path}")
        return upstream

    def open_default(self) -> None:
        """List the configured stock feed from the start, so that its state shows before anybody wants it."""
        self.get(stock(self._settings.feed))

    def retry_now(self) -> None:
        """Wait no longer for the next attempts."""
        for upstream in self._by_path.values():
            upstream.retry_now()

    def states(self) -> list[StreamState]:
        """Return what each is doing."""
        return [upstream.state() for upstream in self._by_path.values()]

    async def aclose(self) -> None:
        """Close every connection with a close frame, which frees its slot at once."""
        await self._tasks.aclose()
