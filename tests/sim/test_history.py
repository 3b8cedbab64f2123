"""The past: the same for the same seed, true to a file of closes, and consistent with itself."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from plugtui.errors import ConfigError
from plugtui.sim.bars import Sums
from plugtui.sim.calendar import TradingCalendar, to_ns
from plugtui.sim.history import History, read_closes
from plugtui.sim.universe import profiles

START = to_ns(datetime(2026, 3, 11, 15, 0, tzinfo=UTC))
DAY = 86_400 * 10**9


def history(seed: int = 1, closes: dict[str, list[Decimal]] | None = None) -> History:
    return History(profiles(), seed, TradingCalendar("always", date(2026, 3, 11)), START, closes)


def test_the_past_follows_from_the_seed() -> None:
    first, again, other = history(1), history(1), history(2)
    assert first.daily_closes("AAPL") == again.daily_closes("AAPL") != other.daily_closes("AAPL")
    day, same = (next(h.past_days("BTC/USD", START - 3 * DAY, START)) for h in (first, again))
    assert day == same


def test_two_years_of_trading_days_end_with_yesterday() -> None:
    past = history()
    days = [day for day, _ in past.daily_closes("AAPL")]
    assert days[-1] == date(2026, 3, 10)
    assert len(days) > 504
    assert all(day.weekday() < 5 for day in days)
    assert date(2025, 12, 25) not in days
    assert [day for day, _ in past.daily_closes("BTC/USD")][-1] == date(2026, 3, 10)


def test_a_day_agrees_with_its_minutes_and_ends_at_the_close() -> None:
    past = history()
    for symbol in ("AAPL", "DOGE/USD"):
        for day in past.past_days(symbol, START - 4 * DAY, START):
            whole = Sums()
            for _, minute in day.minutes():
                whole.merge(minute)
            assert whole == day.sums()
        assert day.prices[-1] == past.last_close(symbol)


def test_the_bars_of_a_file_are_the_past() -> None:
    closes = [Decimal("100.25"), Decimal("101.5"), Decimal("99.875")]
    past = history(closes={"AAPL": closes})
    assert [str(close) for _, close in past.daily_closes("AAPL")][-3:] == ["100.25", "101.50", "99.875"]
    assert past.daily("AAPL", START - 2 * DAY, START)[-1][1].c == 998_750


def test_a_file_of_closes_is_read_oldest_first(tmp_path: Path) -> None:
    file = tmp_path / "closes.csv"
    file.write_text("Date,aapl,MSFT\n3/11/2004,13.6,25.1\n3/10/2004,13.5,\n")
    assert read_closes(file) == {"AAPL": [Decimal("13.5"), Decimal("13.6")], "MSFT": [Decimal("25.1")]}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (b"", "was empty"),
        (b"Date,AAPL\n", "was empty"),
        (b"Date,AAPL\nyesterday,1\n", "'yesterday'"),
        (b"Date,AAPL\n2020-01-01,-3\n", "was '-3', expected a price"),
        (b"D,A\n2020-01-01,x\n", "was 'x', expected a price"),
        (b"\x7fELF\x00\xd0\xff,\n\xfe", "not a CSV file"),
    ],
)
def test_a_file_that_holds_no_closes_is_refused(tmp_path: Path, rows: bytes, words: str) -> None:
    file = tmp_path / "closes.csv"
    file.write_bytes(rows)
    with pytest.raises(ConfigError, match=rf"closes\.csv.*{words}"):
        read_closes(file)


def test_a_row_with_a_cell_too_many_is_read_without_it(tmp_path: Path) -> None:
    file = tmp_path / "closes.csv"
    file.write_text("Date,AAPL\n2020-01-01,3,9\n")
    assert read_closes(file) == {"AAPL": [Decimal(3)]}


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_closes(tmp_path / "none.csv")


def test_returns_have_about_the_volatility_of_the_table_and_go_together() -> None:
    past = history(5)
    prices = {s: np.array([float(c) for _, c in past.daily_closes(s)]) for s in ("SPY", "QQQ", "TSLA")}
    returns = {symbol: np.diff(np.log(path)) for symbol, path in prices.items()}
    assert 0.4 < returns["TSLA"].std() * 252**0.5 < 0.8
    assert 0.1 < returns["SPY"].std() * 252**0.5 < 0.25
    assert np.corrcoef(returns["SPY"], returns["QQQ"])[0, 1] > 0.5
