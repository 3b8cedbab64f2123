"""Worker threads for calls that block, which never keep the process from ending.

The standard pool waits at interpreter exit for every call that still runs: a trading host that hangs would hold up Ctrl-C.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_Job = tuple[Future[Any], Callable[[], Any]]


class DaemonPool(Executor):
    """A few daemon threads, started when first needed.

    Args:
        size: how many.
        name: prefix of their names.
    """

    def __init__(self, size: int, name: str) -> None:
        self._size = size
        self._name = name
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._closed = False

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Run ``fn`` on one of the threads."""
        if self._closed:
            raise RuntimeError(f"the workers of {self._name} have ended")
        if len(self._threads) < self._size:
            thread = threading.Thread(target=self._work, name=f"{self._name}-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        future: Future[R] = Future()
        self._jobs.put((future, lambda: fn(*args, **kwargs)))
        return future

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            future, call = job
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = call()
            except BaseException as error:  # noqa: BLE001  (it goes to whoever waits for the result)
                future.set_exception(error)
            else:
                future.set_result(result)
            del job, future, call

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let the threads end after what they are doing; does not wait for them."""
        self._closed = True
        for _ in self._threads:
            self._jobs.put(None)
