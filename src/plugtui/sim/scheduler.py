"""What is due later, in simulated time."""

import heapq
import itertools
from collections.abc import Callable

Action = Callable[[], None]


class Scheduler:
    """Keep actions by the time at which they are due; equal times run in the order in which they were put in."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Action]] = []
        self._ids = itertools.count()

    def at(self, due_ns: int, action: Action) -> None:
        """Have ``action`` run at ``due_ns``."""
        heapq.heappush(self._heap, (due_ns, next(self._ids), action))

    @property
    def next_ns(self) -> int | None:
        """Return when the next action is due."""
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now_ns: int) -> tuple[int, Action] | None:
        """Take the next action that is due at ``now_ns`` with its time, None when there is none."""
        if not self._heap or self._heap[0][0] > now_ns:
            return None
        due, _, action = heapq.heappop(self._heap)
        return due, action

    def __len__(self) -> int:
        return len(self._heap)
