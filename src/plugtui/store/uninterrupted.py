"""Work that goes on to its end even when whoever waits for it is cancelled."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

from plugtui.errors import PlugtuiError
from plugtui.tasks import Tasks

T = TypeVar("T")


class _Outcome(Generic[T]):
    def __init__(self, value: T | None = None, error: PlugtuiError | None = None) -> None:
        self.value = value
        self.error = error


class Uninterrupted:
    """Own such work. An error that is meant for a user goes to the caller; any other one is logged as well."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks = Tasks()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do ``work`` and return its result; a cancellation ends the waiting only."""
        outcome: _Outcome[T] = await asyncio.shield(self._tasks.start(_outcome(work), self._name))
        if outcome.error is not None:
            raise outcome.error
        return outcome.value  # type: ignore[return-value]

    async def aclose(self) -> None:
        """Cancel what still runs."""
        await self._tasks.aclose()


async def _outcome(work: Coroutine[Any, Any, T]) -> _Outcome[T]:
    try:
        return _Outcome(await work)
    except PlugtuiError as error:
        return _Outcome(error=error)
