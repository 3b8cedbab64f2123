"""Background tasks that are named, kept, and whose failure is never silent."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

log = logging.getLogger(__name__)

CANCEL_AGAIN_S = 3.0
"""How long a cancelled task may take to tidy up before it is cancelled again."""


class Tasks:
    """Own background tasks until :meth:`aclose` cancels what is left.

    A task that fails is logged and handed to ``on_failure``; the event loop alone would forget it.
    """

    def __init__(self, on_failure: Callable[[str, BaseException], None] | None = None) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._on_failure = on_failure

    def start(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run ``work`` in the background under ``name``."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        log.error("task %s failed", task.get_name(), exc_info=error)
        if self._on_failure:
            self._on_failure(task.get_name(), error)

    def __len__(self) -> int:
        return len(self._tasks)

    async def aclose(self) -> None:
        """Cancel what still runs and wait until it has ended."""
        pending = set(self._tasks)
        while pending:
            for task in pending:
                task.cancel()
            # asyncio.wait_for of Python 3.11 loses a cancellation that arrives together with its result.
            _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_S)
