"""Daily closes of the symbols that the account is compared with (row P4)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from plugtui.brokers.port import Broker
from plugtui.engine.account.readings import Reading
from plugtui.tasks import Tasks

EVERY_S = 900.0
MOST = 4
"""Symbols kept; several dashboards may each have one of their own."""
_BEFORE = timedelta(days=10)
"""The close before the first day may lie behind a long weekend."""

Closes = list[tuple[date, float]]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a symbol at this moment."""

    closes: Closes
    problem: str = ""
    """Why there are none, or no newer ones."""


class Benchmarks:
    """Read closes when they are first asked for, and again while somebody asks.

    Args:
        today: date in New York.
        first_day: of the account's history; ``None`` while it is not known.
        room: whether a request may be spent now.
    """

    def __init__(
        self,
        broker: Broker,
        data_url: str,
        tasks: Tasks,
        *,
        today: Callable[[], date],
        first_day: Callable[[], date | None],
        room: Callable[[], bool] = lambda: True,
    ) -> None:
        self._broker = broker
        self._data_url = data_url
        self._tasks = tasks
        self._today = today
        self._first_day = first_day
        self._room = room
        self._readings: dict[str, Reading[Closes]] = {}

    def of(self, symbol: str) -> Known:
        """Return at once what is known of a symbol, and read what is not."""
        if self._first_day() is None:
            return Known([], "the account's history is being read")
        reading = self._readings.pop(symbol, None) or self._reading(symbol)
        self._readings[symbol] = reading  # the one asked for last goes last
        for old in list(self._readings)[:-MOST]:
            del self._readings[old]
        closes = reading.want()
        if closes:
            return Known(closes, reading.problem)
        if reading.problem:
            return Known([], reading.problem)
        return Known([], f"no prices of {symbol}" if closes is not None else f"reading the prices of {symbol}")

    def _reading(self, symbol: str) -> Reading[Closes]:
        async def read() -> Closes:
            today = self._today()
            since = (self._first_day() or today) - _BEFORE
            return await self._broker.daily_closes(symbol, since.isoformat(), today.isoformat(), self._data_url)

        return Reading(f"benchmark {symbol}", read, EVERY_S, self._tasks, self._room)
