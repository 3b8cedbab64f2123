"""Blocking calls on the stage: a thread and the loop take turns, and never run at the same time."""

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_running: threading.local = threading.local()
_really_sleep = time.sleep


class Job(Generic[T]):
    """A blocking call in a thread that holds the loop up; when it needs the loop it hands over and sleeps.

    So the order of everything is the same in each run, however fast threads are.

    Args:
        loop: makes the call.
        call: blocks.
        context: in which it works for the loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, call: Callable[[], T], context: contextvars.Context) -> None:
        self.future: asyncio.Future[T] = loop.create_future()
        self._loop = loop
        self._call = call
        self._context = context
        self._threads_turn = threading.Semaphore(0)
        self._loops_turn = threading.Semaphore(0)
        self._thread: threading.Thread | None = None
        self._finish: Callable[[], None] | None = None
        self._errand: Coroutine[Any, Any, Any] | None = None
        self._task: asyncio.Task[Any] | None = None

    def go_on(self, _: object = None) -> None:
        """Let the thread run until it has finished or needs the loop; called on the loop."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="stage job", daemon=True)
            self._thread.start()
        else:
            self._threads_turn.release()
        self._loops_turn.acquire()
        if self._errand is not None:
            errand, self._errand = self._errand, None
            self._task = self._loop.create_task(errand, context=self._context)
            self._task.add_done_callback(self.go_on)
        elif self._finish is not None and not self.future.done():
            self._finish()

    def _work(self) -> None:
        _running.job = self
        try:
            result = self._call()
        except BaseException as error:  # noqa: BLE001  (it goes to whoever waits for the result)
            problem = error
            self._finish = lambda: self.future.set_exception(problem)
        else:
            self._finish = lambda: self.future.set_result(result)
        self._loops_turn.release()

    def wait_for(self, errand: Coroutine[Any, Any, R]) -> R:
        """Have the loop do something and return its result; called on the job's thread."""
        self._errand = errand
        self._loops_turn.release()
        self._threads_turn.acquire()
        assert self._task is not None
        task, self._task = self._task, None
        result: R = task.result()
        return result


def current_job() -> Job[Any]:
    """Return the job whose thread this is."""
    job = getattr(_running, "job", None)
    if not isinstance(job, Job):
        raise RuntimeError("only a blocking call on the stage can wait for its loop")
    return job


def sleep(seconds: float) -> None:
    """Stand in for ``time.sleep``: a blocking call on the stage sleeps in the stage's time."""
    if getattr(_running, "job", None) is None:
        _really_sleep(seconds)
    else:
        current_job().wait_for(asyncio.sleep(seconds))
