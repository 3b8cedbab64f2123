"""Helpers that many tests share: waiting for a condition, starting real processes."""

import asyncio
import contextlib
import inspect
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TypeVar

import psutil

T = TypeVar("T")

PATIENCE_S = 60.0
"""How long a condition may take on a loaded machine; a passing test hardly ever waits for it."""

_POLL_S = 0.01


class NeverHappened(AssertionError):
    """A condition did not come true in time."""


async def eventually(
    condition: Callable[[], T | Awaitable[T]], timeout: float = PATIENCE_S, what: str = "", poll: float = _POLL_S
) -> T:
    """Wait until ``condition()`` (plain or async) is true, and return its value.

    Args:
        condition: called again and again; an ``AssertionError`` that it raises counts as "not yet".
        timeout: seconds until :class:`NeverHappened` is raised.
        what: words for the error, when the condition's source does not say enough.
        poll: seconds between two looks.
    """
    deadline = time.monotonic() + timeout
    while True:
        reason = ""
        try:
            answer = condition()
            value = await answer if inspect.isawaitable(answer) else answer
        except AssertionError as error:
            value, reason = None, str(error)
        if value:
            return value  # type: ignore[return-value]
        if time.monotonic() > deadline:
            raise NeverHappened(f"not within {timeout} s: {what or condition} {reason} (last: {value!r})")
        await asyncio.sleep(poll)


def eventually_sync(condition: Callable[[], T], timeout: float = PATIENCE_S, what: str = "") -> T:
    """Wait like :func:`eventually` where no event loop runs."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise NeverHappened(f"not within {timeout} s: {what or condition} (last: {value!r})")
        time.sleep(_POLL_S)


def process_exists(pid: int) -> bool:
    """Tell whether a process lives (a zombie does not)."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def plugtui_command(*arguments: str) -> list[str]:
    """Return the command line that runs ``plugtui`` with this interpreter."""
    return [sys.executable, "-m", "plugtui", *arguments]


def run_plugtui(
    *arguments: str, timeout: float = 60.0, env: dict[str, str] | None = None, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``plugtui`` to its end and return what it printed."""
    return subprocess.run(
        plugtui_command(*arguments),
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **(env or {})},
        input=stdin,
    )


@contextlib.contextmanager
def process(
    command: list[str], env: dict[str, str] | None = None, stdin: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Start a program and make sure that it has ended afterwards."""
    environ = {**os.environ, **(env or {})}
    child = subprocess.Popen(
        command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ
    )
    try:
        yield child
    finally:
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(10)
        for stream in (child.stdin, child.stdout, child.stderr):
            if stream:
                stream.close()


@contextlib.asynccontextmanager
async def cancelled_at_end(work: Awaitable[object], name: str = "under test") -> AsyncIterator[asyncio.Task[object]]:
    """Run ``work`` beside the test and cancel it at the end; an error of it fails the test."""

    async def run() -> object:
        return await work

    task = asyncio.get_running_loop().create_task(run(), name=name)
    try:
        yield task
    finally:
        # More than once: the SDKs read with asyncio.wait_for, which loses a cancellation that comes together with data.
        while not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=0.5)
        with contextlib.suppress(asyncio.CancelledError):
            await task
