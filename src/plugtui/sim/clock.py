"""The simulator's time: real, faster than real, or moved by hand in tests."""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable

NS = 1_000_000_000


class SimClock:
    """Tell the simulated time and wait in it.

    Args:
        speed: simulated seconds per real second; 0 stands still until :meth:`advance` moves it (tests).
        start_ns: first instant, UTC nanoseconds; the real time unless given.
        ticks: nanoseconds of real time that only grow.
    """

    def __init__(
        self, speed: float = 1.0, start_ns: int | None = None, ticks: Callable[[], int] = time.monotonic_ns
    ) -> None:
        if speed < 0:
            raise ValueError(f"speed was {speed}, expected 0 or more")
        self.speed = speed
        self.start_ns = time.time_ns() if start_ns is None else start_ns
        self._ticks = ticks
        self._origin = ticks()
        self._shift = 0
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._ids = itertools.count()

    def now_ns(self) -> int:
        """Return the simulated time, UTC nanoseconds."""
        if not self.speed:
            return self.start_ns + self._shift
        passed = self._ticks() - self._origin
        # Whole arithmetic at real speed: a float would lose nanoseconds after some days.
        return self.start_ns + self._shift + (passed if self.speed == 1 else int(passed * self.speed))

    async def sleep(self, sim_seconds: float) -> None:
        """Wait for ``sim_seconds`` of simulated time."""
        if self.speed:
            await asyncio.sleep(max(0.0, sim_seconds) / self.speed)
            return
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now_ns() + int(sim_seconds * NS), next(self._ids), woken))
        await woken

    def advance(self, sim_seconds: float) -> int:
        """Jump ahead by ``sim_seconds``, wake who has waited long enough, and return the new time."""
        self._shift += int(sim_seconds * NS)
        now = self.now_ns()
        while self._sleepers and self._sleepers[0][0] <= now:
            woken = heapq.heappop(self._sleepers)[2]
            if not woken.done():
                woken.set_result(None)
        return now
