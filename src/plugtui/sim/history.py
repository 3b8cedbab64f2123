"""The past before the simulator started: days, minutes and trades that follow from the seed alone.

Nothing is stored. Daily closes are a correlated random walk back from the starting price (or come from a file); the trades
of a day are a bridge from one close to the next, made when somebody asks; minute and daily bars are sums over those trades.
"""

import bisect
import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from plugtui.errors import ConfigError
from plugtui.sim.bars import MINUTE_NS, Sums, crypto_day, stock_day
from plugtui.sim.calendar import TradingCalendar, new_york, to_ns
from plugtui.sim.universe import Profile
from plugtui.wire.channels import Family

HISTORY_DAYS = 760
"""Calendar days of history: two years, and a month to look back from its start."""
TRADES_PER_MINUTE = 4
_DRIFT = 0.08
_FACTOR_VOLATILITY = {Family.STOCK: 0.15, Family.CRYPTO: 0.50, Family.TEST: 0.0}


@dataclass(frozen=True, slots=True)
class PastDay:
    """The trades of one day, oldest first."""

    day_ns: int
    """Where its daily bar starts."""
    times: list[int]
    prices: list[int]
    sizes: list[int]

    def minutes(self) -> list[tuple[int, Sums]]:
        """Return the minute bars."""
        rows: list[tuple[int, Sums]] = []
        for at_ns, price, size in zip(self.times, self.prices, self.sizes, strict=True):
            start = at_ns - at_ns % MINUTE_NS
            if not rows or rows[-1][0] != start:
                rows.append((start, Sums()))
            rows[-1][1].trade(price, size)
        return rows

    def sums(self) -> Sums:
        """Return the daily bar."""
        whole = Sums(self.prices[0], max(self.prices), min(self.prices), self.prices[-1])
        whole.v, whole.n = sum(self.sizes), len(self.sizes)
        whole.pv = sum(map(int.__mul__, self.prices, self.sizes))
        return whole


class History:
    """Answer questions about the time before ``start_ns``.

    Args:
        profiles: the instruments.
        seed: everything follows from it.
        calendar: which past days stocks traded.
        start_ns: where the live market takes over; the past ends with the day before.
        closes: real daily closes, oldest first, of some symbols; the last is yesterday's.
    """

    def __init__(
        self,
        profiles: Sequence[Profile],
        seed: int,
        calendar: TradingCalendar,
        start_ns: int,
        closes: Mapping[str, Sequence[Decimal]] | None = None,
    ) -> None:
        self._profiles = {profile.symbol: profile for profile in profiles}
        self._seed = seed
        self._calendar = calendar
        self._given = closes or {}
        today = new_york(start_ns).date()
        self._stock_days = calendar.last_days(today, HISTORY_DAYS)
        last = datetime.fromtimestamp(crypto_day(start_ns) // 1_000_000_000, UTC).date()
        self._crypto_days = [last - timedelta(days=n) for n in range(HISTORY_DAYS, 0, -1)]
        self._closes = {symbol: self._walk(profile) for symbol, profile in self._profiles.items()}
        self._past_day = lru_cache(maxsize=256)(self._make_day)
        self._daily_sums = lru_cache(maxsize=100_000)(lambda symbol, index: self._past_day(symbol, index).sums())

    def days(self, symbol: str) -> list[date]:
        """Return the past trading days of a symbol, oldest first."""
        return self._crypto_days if self._profiles[symbol].family is Family.CRYPTO else self._stock_days

    def daily_closes(self, symbol: str) -> list[tuple[date, Decimal]]:
        """Return the official closes, oldest first."""
        decimal = self._profiles[symbol].decimal
        return [(day, decimal(close)) for day, close in zip(self.days(symbol), self._closes[symbol], strict=True)]

    def last_close(self, symbol: str) -> int:
        """Return yesterday's close in the profile's price units."""
        return self._closes[symbol][-1]

    def daily(self, symbol: str, start_ns: int, end_ns: int) -> list[tuple[int, Sums]]:
        """Return the daily bars that start in ``[start_ns, end_ns]``, oldest first."""
        return [(self._day_ns(symbol, n), self._daily_sums(symbol, n)) for n in self._indices(symbol, start_ns, end_ns)]

    def past_days(self, symbol: str, start_ns: int, end_ns: int, newest_first: bool = False) -> Iterator[PastDay]:
        """Yield, day by day, the trades of days that touch ``[start_ns, end_ns]``."""
        indices = self._indices(symbol, start_ns - 2 * 86_400 * 10**9, end_ns)
        for index in reversed(indices) if newest_first else indices:
            yield self._past_day(symbol, index)

    def _indices(self, symbol: str, start_ns: int, end_ns: int) -> range:
        days = self.days(symbol)
        crypto = self._profiles[symbol].family is Family.CRYPTO
        key = (lambda day: to_ns(datetime.combine(day, time(0), UTC))) if crypto else _stock_midnight
        return range(bisect.bisect_left(days, start_ns, key=key), bisect.bisect_right(days, end_ns, key=key))

    def _day_ns(self, symbol: str, index: int) -> int:
        day = self.days(symbol)[index]
        crypto = self._profiles[symbol].family is Family.CRYPTO
        return to_ns(datetime.combine(day, time(0), UTC)) if crypto else _stock_midnight(day)

    def _walk(self, profile: Profile) -> list[int]:
        days = self.days(profile.symbol)
        annual = 365 if profile.family is Family.CRYPTO else 252
        factor_rng = np.random.default_rng([self._seed, crc32(profile.family.name.encode())])
        own_rng = np.random.default_rng([self._seed, crc32(profile.symbol.encode())])
        shared_vol = profile.beta * _FACTOR_VOLATILITY[profile.family]
        own_vol = max(profile.volatility**2 - shared_vol**2, 0.01) ** 0.5
        shared, own = factor_rng.standard_normal(len(days)), own_rng.standard_normal(len(days))
        returns = _DRIFT / annual + (shared * shared_vol + own * own_vol) / annual**0.5
        level = profile.price * float(np.exp(0.02 * own_rng.standard_normal()))
        # Back from the last close, so that the price of today is the one of the table whatever the seed.
        path = level * np.exp(np.concatenate([-np.cumsum(returns[:0:-1])[::-1], [0.0]]))
        closes = [self._snap(profile, price) for price in path.tolist()]
        given = [int(price.scaleb(profile.digits)) for price in self._given.get(profile.symbol, ())][-len(days) :]
        return closes[: len(closes) - len(given)] + given if given else closes

    @staticmethod
    def _snap(profile: Profile, price: float) -> int:
        return max(profile.step, round(price * profile.scale / profile.step) * profile.step)

    def _make_day(self, symbol: str, index: int) -> PastDay:
        profile, closes = self._profiles[symbol], self._closes[symbol]
        rng = np.random.default_rng([self._seed, crc32(symbol.encode()), index])
        day = self.days(symbol)[index]
        if profile.family is Family.CRYPTO:
            open_ns, minutes, annual = to_ns(datetime.combine(day, time(0), UTC)), 1440, 365
        else:
            session = self._calendar.session(day)
            if session is None or session.around_the_clock:
                open_ns, minutes, annual = _stock_midnight(day) + 570 * MINUTE_NS, 390, 252
            else:
                open_ns = session.open_ns
                minutes, annual = (session.close_ns - session.open_ns) // MINUTE_NS, 252
        count = minutes * TRADES_PER_MINUTE
        close = closes[index]
        opening = (closes[index - 1] if index else close) * float(
            np.exp(0.2 * profile.volatility / annual**0.5 * rng.standard_normal())
        )
        noise = np.cumsum(rng.standard_normal(count)) * profile.volatility / (annual * count) ** 0.5
        line = np.linspace(0.0, 1.0, count)
        path = np.log(opening) + (np.log(close) - np.log(opening) - noise[-1]) * line + noise
        steps = np.maximum(1, np.rint(np.exp(path) / profile.step)).astype(np.int64) * profile.step
        prices = steps.tolist()
        prices[-1] = close
        sizes = np.maximum(1, profile.typical_size * profile.unit * 25 * rng.lognormal(0.0, 0.9, count))
        offsets = np.sort(rng.integers(0, MINUTE_NS, (minutes, TRADES_PER_MINUTE)), axis=1)
        starts = open_ns + np.arange(minutes, dtype=np.int64)[:, None] * MINUTE_NS
        times = (starts + offsets).ravel().tolist()
        return PastDay(self._day_ns(symbol, index), times, prices, sizes.astype(np.int64).tolist())


@lru_cache(maxsize=4096)
def _stock_midnight(day: date) -> int:
    return stock_day(to_ns(datetime.combine(day, time(17), UTC)))


def read_closes(path: Path) -> dict[str, list[Decimal]]:
    """Read daily closes from a CSV file with a date column and one column per symbol.

    Args:
        path: a file such as ``Date,AAPL,MSFT`` with rows in any order of dates (``M/D/YYYY`` or ``YYYY-MM-DD``).

    Returns:
        Symbol → closes, oldest first; empty cells are left out.

    Raises:
        ConfigError: the file cannot be read or a cell is not a price.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
    except OSError as error:
        raise ConfigError(f"history file {path} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"history file {path} is not a CSV file in UTF-8: {error}") from None
    if not rows:
        raise ConfigError(f"history file {path} was empty, expected a header and rows of date,close,…")
    date_column, *symbols = reader.fieldnames or [""]
    closes: dict[str, list[Decimal]] = {symbol.strip().upper(): [] for symbol in symbols}
    try:
        for row in sorted(rows, key=lambda row: _date(row[date_column])):
            for symbol in symbols:
                if row[symbol]:
                    closes[symbol.strip().upper()].append(_price(row[symbol]))
    except (ValueError, TypeError, AttributeError) as error:
        raise ConfigError(f"history file {path} has a row that is not a date and prices: {error}") from None
    return closes


def _price(text: Any) -> Decimal:
    try:
        price = Decimal(text)
    except InvalidOperation:
        price = Decimal(0)
    if not price.is_finite() or price <= 0:
        raise ValueError(f"was {text!r}, expected a price")
    return price


def _date(text: str) -> date:
    if "/" in text:
        month, day, year = text.split("/")
        return date(int(year), int(month), int(day))
    return date.fromisoformat(text)
