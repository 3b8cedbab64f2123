"""Trading sessions of the simulated exchange: the New York Stock Exchange's, or around the clock."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

NEW_YORK = ZoneInfo("America/New_York")
NS = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_ns(moment: datetime) -> int:
    """Return an aware ``moment`` as UTC nanoseconds, exact to the microsecond."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def new_york(ns: int) -> datetime:
    """Return ``ns`` as New York time, cut to the microsecond."""
    return (_EPOCH + timedelta(microseconds=ns // 1000)).astimezone(NEW_YORK)


def at_ns(day: date, clock: time) -> int:
    """Return ``clock`` of ``day`` in New York as UTC nanoseconds."""
    return to_ns(datetime.combine(day, clock, NEW_YORK))


@dataclass(frozen=True, slots=True)
class Session:
    """One trading day."""

    day: date
    open_ns: int
    close_ns: int
    """First instant after the session."""
    extended_open_ns: int
    extended_close_ns: int
    around_the_clock: bool

    @property
    def open_text(self) -> str:
        """Opening time ``HH:MM`` in New York."""
        return new_york(self.open_ns).strftime("%H:%M")

    @property
    def close_text(self) -> str:
        """Closing time ``HH:MM`` in New York; a session to midnight says 23:59, as 24:00 is not a time to most readers."""
        return "23:59" if self.around_the_clock else new_york(self.close_ns).strftime("%H:%M")


@lru_cache(maxsize=64)
def _closed_days(year: int) -> frozenset[date]:
    return frozenset(holidays.financial_holidays("NYSE", years=year))


@lru_cache(maxsize=64)
def _short_days(year: int) -> frozenset[date]:
    # 13:00 closes: the day after Thanksgiving, Christmas Eve and July 3 where they are trading days.
    november = date(year, 11, 1)
    thursday = november + timedelta(days=(3 - november.weekday()) % 7 + 21)
    return frozenset({thursday + timedelta(days=1), date(year, 12, 24), date(year, 7, 3)})


class TradingCalendar:
    """Answer when stocks trade.

    Args:
        mode: ``always`` (every day from midnight to midnight New York time, so that a demo is alive on a Sunday) or
            ``nyse`` (09:30 to 16:00 on the exchange's days).
        since: in mode ``always``, days before this one follow the New York Stock Exchange, so that an account's past
            looks like anybody's; None: every day ever.
    """

    def __init__(self, mode: str = "always", since: date | None = None) -> None:
        if mode not in ("always", "nyse"):
            raise ValueError(f"calendar was {mode!r}, expected 'always' or 'nyse'")
        self.mode = mode
        self.since = since
        self._cache: dict[date, Session | None] = {}

    def _always(self, day: date) -> bool:
        return self.mode == "always" and (self.since is None or day >= self.since)

    def session(self, day: date) -> Session | None:
        """Return the session of ``day``, None when it is not a trading day."""
        if day not in self._cache:
            self._cache[day] = self._make(day)
        return self._cache[day]

    def _make(self, day: date) -> Session | None:
        if self._always(day):
            start, end = at_ns(day, time(0)), at_ns(day + timedelta(days=1), time(0))
            return Session(day, start, end, start, end, True)
        if day.weekday() >= 5 or day in _closed_days(day.year):
            return None
        close = time(13) if day in _short_days(day.year) else time(16)
        return Session(
            day, at_ns(day, time(9, 30)), at_ns(day, close), at_ns(day, time(4)), at_ns(day, time(20)), False
        )

    def sessions(self, start: date, end: date) -> list[Session]:
        """Return the sessions from ``start`` to ``end``, both included, oldest first."""
        days = (start + timedelta(days=n) for n in range((end - start).days + 1))
        return [session for day in days if (session := self.session(day))]

    def session_at(self, ns: int) -> Session | None:
        """Return the session that is open at ``ns``."""
        session = self.session(new_york(ns).date())
        return session if session and session.open_ns <= ns < session.close_ns else None

    def is_open(self, ns: int) -> bool:
        """Tell whether stocks trade at ``ns``."""
        return self.session_at(ns) is not None

    def is_extended(self, ns: int) -> bool:
        """Tell whether orders with ``extended_hours`` can execute at ``ns`` (04:00 to 20:00 on trading days)."""
        session = self.session(new_york(ns).date())
        return session is not None and session.extended_open_ns <= ns < session.extended_close_ns

    def _from(self, day: date) -> Session:
        while (session := self.session(day)) is None:
            day += timedelta(days=1)
        return session

    def next_open(self, ns: int) -> int:
        """Return the first opening after ``ns``."""
        day = new_york(ns).date()
        while (session := self._from(day)).open_ns <= ns:
            day = session.day + timedelta(days=1)
        return session.open_ns

    def next_close(self, ns: int) -> int:
        """Return the first close after ``ns``."""
        day = new_york(ns).date()
        while (session := self._from(day)).close_ns <= ns:
            day = session.day + timedelta(days=1)
        return session.close_ns

    def next_session(self, ns: int) -> Session:
        """Return the session that is open at ``ns``, or else the next one."""
        day = new_york(ns).date()
        while (session := self._from(day)).close_ns <= ns:
            day = session.day + timedelta(days=1)
        return session

    def last_days(self, before: date, count_days: int) -> list[date]:
        """Return the trading days of the ``count_days`` calendar days before ``before``, oldest first."""
        return [s.day for s in self.sessions(before - timedelta(days=count_days), before - timedelta(days=1))]
