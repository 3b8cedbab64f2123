"""The market: deterministic, plausible, and its bars agree exactly with its trades."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugtui.sim.calendar import NS, TradingCalendar, to_ns
from plugtui.sim.events import Event
from plugtui.sim.market import Market
from plugtui.wire.channels import Family
from plugtui.wire.codec import Codec

START = to_ns(datetime(2026, 3, 11, 14, 29, 50, tzinfo=UTC))
MINUTE = 60 * NS


def run(seed: int = 3, steps: int = 40, seconds: float = 5.0, count: int = 400, start: int = START) -> list[Event]:
    """Return all messages of a market that runs ``steps`` steps."""
    market = Market(seed, start, TradingCalendar("always"))
    span = int(seconds * NS)
    return [event for step in range(1, steps + 1) for event in market.step(start + step * span, count)]


def exact(number: float) -> Fraction:
    """Return the decimal number that a float stands for on the wire."""
    return Fraction(Decimal(repr(number)))


class Tape:
    """Build bars from messages alone, as a client would."""

    def __init__(self) -> None:
        self.minutes: dict[tuple[str, int], list[tuple[Fraction, Fraction | None]]] = defaultdict(list)

    def see(self, message: Any, crypto: bool) -> None:
        minute = (message.S, message.t.ns - message.t.ns % MINUTE)
        kind = type(message).__name__
        if kind.endswith("Trade"):
            self.minutes[minute].append((exact(message.p), exact(message.s)))
        elif kind == "CryptoQuote" and crypto:
            self.minutes[minute].append(((exact(message.bp) + exact(message.ap)) / 2, None))

    def bar(self, symbol: str, starts: Iterable[int]) -> dict[str, Any]:
        points = [point for start in starts for point in self.minutes[symbol, start]]
        prices = [price for price, _ in points]
        trades = [(price, size) for price, size in points if size is not None]
        volume = sum((size for _, size in trades), Fraction())
        return {
            "o": prices[0],
            "h": max(prices),
            "l": min(prices),
            "c": prices[-1],
            "v": volume,
            "n": len(trades),
            "vw": sum(price * size for price, size in trades) / volume if volume else Fraction(),
        }


def assert_agrees(bar: Any, expected: dict[str, Any]) -> None:
    for name in ("o", "h", "l", "c", "v", "n"):
        assert exact(getattr(bar, name)) == expected[name], (bar, name)
    assert abs(exact(bar.vw) - expected["vw"]) < Fraction(1, 500_000), bar


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31), seconds=st.sampled_from([0.5, 3.0, 20.0, 61.0]), count=st.integers(1, 400))
def test_minute_and_updated_bars_agree_exactly_with_the_trades_sent(seed: int, seconds: float, count: int) -> None:
    events = run(seed, steps=25, seconds=seconds, count=count)
    tape = Tape()
    for event in events:
        tape.see(event.message, event.family is Family.CRYPTO)
        if type(event.message).__name__ in ("Bar", "UpdatedBar"):
            assert_agrees(event.message, tape.bar(event.symbol, [event.message.t.ns]))


def test_a_daily_bar_sums_up_all_trades_of_the_day() -> None:
    events = run(steps=60, seconds=5, count=500)
    tape, daily = Tape(), {}
    for event in events:
        tape.see(event.message, event.family is Family.CRYPTO)
        if event.channel == "dailyBars":
            begun = sorted(start for symbol, start in tape.minutes if symbol == event.symbol)
            daily[event.symbol] = (event.message, tape.bar(event.symbol, begun))
    assert len(daily) > 50
    for bar, expected in daily.values():
        assert_agrees(bar, expected)


def test_an_updated_bar_follows_a_late_trade_at_the_half_minute() -> None:
    events = run(steps=100, seconds=3, count=600)
    updated = [event for event in events if event.channel == "updatedBars"]
    assert updated
    for event in updated:
        late = [
            e.message
            for e in events
            if e.channel == "trades" and e.symbol == event.symbol and "Z" in getattr(e.message, "c", ())
        ]
        assert any(trade.t.ns // MINUTE == event.message.t.ns // MINUTE for trade in late)


def test_trades_print_at_or_inside_the_quote() -> None:
    quotes: dict[str, Any] = {}
    compared = 0
    for event in run(steps=30):
        if event.channel == "quotes":
            quotes[event.symbol] = event.message
            assert event.message.bp < event.message.ap
        elif event.channel == "trades" and event.symbol in quotes:
            compared += 1
            assert quotes[event.symbol].bp <= event.message.p <= quotes[event.symbol].ap
    assert compared > 1000


def test_the_same_seed_and_steps_give_the_same_bytes() -> None:
    first, again, other = run(5, steps=10), run(5, steps=10), run(6, steps=10)
    for codec in Codec:
        assert [e.slice(codec) for e in first] == [e.slice(codec) for e in again]
    assert [e.slice(Codec.JSON) for e in first] != [e.slice(Codec.JSON) for e in other]


def test_every_channel_speaks() -> None:
    seen = {(event.family, event.channel) for event in run(steps=90, seconds=2, count=800)}
    for family in (Family.STOCK, Family.TEST, Family.CRYPTO):
        channels = {*family.channel_of_type.values()} - {"pricing"}
        missing = channels - {channel for of, channel in seen if of is family}
        assert missing <= ({"updatedBars"} if family is Family.CRYPTO else set())


def test_deltas_turn_the_first_book_into_the_present_one() -> None:
    market = Market(9, START, TradingCalendar("always"))
    books = {}
    for symbol in market.symbols(Family.CRYPTO):
        whole = market.book(symbol, START)
        assert whole is not None and whole.r
        books[symbol] = ({x.p: x.s for x in whole.b}, {x.p: x.s for x in whole.a})
    for event in market.step(START + 100 * NS, 5000):
        if event.channel == "orderbooks":
            for side, levels in zip(books[event.symbol], (event.message.b, event.message.a), strict=True):
                side.update({level.p: level.s for level in levels})
                for price in [price for price, size in side.items() if not size]:
                    del side[price]
    for symbol, (bids, asks) in books.items():
        now = market.book(symbol, START)
        assert now is not None
        assert bids == {x.p: x.s for x in now.b}
        assert asks == {x.p: x.s for x in now.a}
        assert max(bids) < min(asks)
        top = market.top(symbol)
        assert (float(top.bid), float(top.ask)) == (max(bids), min(asks))


def test_stocks_rest_while_new_york_sleeps_and_crypto_does_not() -> None:
    night = to_ns(datetime(2026, 3, 14, 12, tzinfo=UTC))
    market = Market(1, night, TradingCalendar("nyse"))
    assert {event.family for event in market.step(night + 90 * NS, 2000)} == {Family.CRYPTO, Family.TEST}


def test_stocks_begin_with_the_opening_bell() -> None:
    bell = to_ns(datetime(2026, 3, 11, 13, 30, tzinfo=UTC))
    market = Market(1, bell - 10 * NS, TradingCalendar("nyse"))
    assert not any(e.family is Family.STOCK for e in market.step(bell - NS, 500))
    market.step(bell + NS, 10)
    assert any(e.family is Family.STOCK for e in market.step(bell + 2 * NS, 500))


def test_the_close_becomes_the_previous_close_at_midnight() -> None:
    evening = to_ns(datetime(2026, 3, 12, 3, 59, 0, tzinfo=UTC))
    market = Market(1, evening, TradingCalendar("always"))
    market.step(evening + 50 * NS, 5000)
    last = market.last("AAPL")
    assert market.previous_close("AAPL") != last
    market.step(evening + 61 * NS, 0)
    assert market.previous_close("AAPL") == last


def test_prices_are_decimals_with_the_cents_of_the_tape() -> None:
    market = Market(1, START, TradingCalendar("always"))
    top = market.top("AAPL")
    assert top.bid.as_tuple().exponent == -2
    assert Decimal("0") < top.bid < top.ask
    assert market.instruments["AAPL"].tape == "C"
    assert len(market.instruments) > 60
    with pytest.raises(KeyError):
        market.top("NOPE")


def test_an_execution_of_the_exchange_shows_on_the_tape() -> None:
    market = Market(1, START, TradingCalendar("always"))
    assert market.print_fill("AAPL", Decimal("230.05"), Decimal(7))
    assert not market.print_fill("AAPL", Decimal("230.05"), Decimal("0.5"))
    (event,) = market.step(START + NS, 0)
    assert (event.channel, event.message.p, event.message.s) == ("trades", 230.05, 7)
    assert market.last("AAPL") == Decimal("230.05")


def test_stocks_move_together() -> None:
    market = Market(4, START, TradingCalendar("always"))
    paths: dict[str, list[float]] = defaultdict(list)
    for step in range(1, 250):
        market.step(START + step * 600 * NS, 150)
        for symbol in ("SPY", "QQQ", "MSFT"):
            paths[symbol].append(float(market.top(symbol).bid))
    returns = np.diff(np.log([paths["SPY"], paths["QQQ"]]))
    assert np.corrcoef(returns)[0, 1] > 0.3
