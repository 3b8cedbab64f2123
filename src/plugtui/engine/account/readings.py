"""Readings that a question asks for and that nobody waits for: made in the background, kept, made again when they are old."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from plugtui.engine.backoff import Backoff, Trouble
from plugtui.errors import BrokerError, BrokerRefused
from plugtui.tasks import Tasks

log = logging.getLogger(__name__)

T = TypeVar("T")

NO_ROOM_S = 5.0
"""When to ask again while the budget of requests is needed for the algorithms."""


class Reading(Generic[T]):
    """One reading from the broker.

    Args:
        name: for the log and the task.
        read: asks the broker. Raises BrokerError.
        every_s: how old the answer may become.
        tasks: own the reading while it runs.
        room: whether a request may be spent on it now.
    """

    def __init__(
        self,
        name: str,
        read: Callable[[], Awaitable[T]],
        every_s: float,
        tasks: Tasks,
        room: Callable[[], bool] = lambda: True,
    ) -> None:
        self._name = name
        self._read = read
        self._every_s = every_s
        self._tasks = tasks
        self._room = room
        self._due_s = float("-inf")
        self._backoff = Backoff(random.random)
        self.value: T | None = None
        """The last answer; ``None`` before the first."""
        self.problem = ""
        """Why there is no newer answer."""
        self.running = False

    def want(self) -> T | None:
        """Return what is known, and see to it that it is made anew when it is old."""
        now_s = asyncio.get_running_loop().time()
        if not self.running and now_s >= self._due_s:
            if self._room():
                self.running = True
                self._tasks.start(self._run(), self._name)
            else:
                self._due_s = now_s + NO_ROOM_S
        return self.value

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            self.value, self.problem = await self._read(), ""
            self._due_s = loop.time() + self._every_s
            self._backoff.up(int(loop.time() * 1e9))
        except BrokerError as error:
            trouble = Trouble.THROTTLED if error.status == 429 else Trouble.NETWORK
            if isinstance(error, BrokerRefused):
                trouble = Trouble.FATAL
            self.problem = error.title
            self._due_s = loop.time() + max(1.0, self._backoff.failed(trouble, int(loop.time() * 1e9)))
            log.info("%s: %s", self._name, error.title)
        finally:
            self.running = False
