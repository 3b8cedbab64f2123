"""One stock as it trades: a quote that follows a random walk, trades at or inside it, and what goes wrong now and then."""

from collections import deque
from math import exp, sqrt
from random import Random
from typing import Any

from plugtui.sim.bars import MINUTE_NS, Sums, bar_fields, next_stock_day, stock_day
from plugtui.sim.calendar import NS
from plugtui.sim.events import Event
from plugtui.sim.universe import Profile
from plugtui.wire import channels
from plugtui.wire.channels import Family
from plugtui.wire.messages import (
    Bar,
    CancelError,
    Correction,
    DailyBar,
    Imbalance,
    Luld,
    Status,
    StockQuote,
    StockTrade,
    UpdatedBar,
)
from plugtui.wire.times import Timestamp

RECENT = 400
"""Trades and quotes per symbol that REST can still show."""
KEPT_MINUTES = 5000
_TABLE = 4096
_TRADING_SECONDS = 252 * 23_400

HALT_NS = 10 * NS
HALT_EVERY_NS = 900 * NS
"""A stock is not halted again before, however high the rate of messages."""
_LATE_WINDOW_NS = 20 * NS
_QUOTE_SHARE, _TRADE_SHARE = 0.55, 0.99

_VENUES = "QQQPPPKKKZZVVNNUUJYXMHBA"
_DARK = "D"


class Dice:
    """The market's only source of chance; normal and log-normal values come from tables, which is several times faster."""

    def __init__(self, seed: int) -> None:
        rng = Random(f"market-{seed}")
        self.random = rng.random
        self.choices = rng.choices
        self._normal = [rng.gauss(0.0, 1.0) for _ in range(_TABLE)]
        self._skewed = [exp(rng.gauss(0.0, 1.1)) for _ in range(_TABLE)]

    def normal(self) -> float:
        """Return a standard normal value."""
        return self._normal[int(self.random() * _TABLE)]

    def skewed(self) -> float:
        """Return a log-normal value with median 1: sizes."""
        return self._skewed[int(self.random() * _TABLE)]

    def below(self, limit: int) -> int:
        """Return a whole number from 0 up to ``limit`` - 1."""
        return int(self.random() * limit)


class Line:
    """What stocks and crypto pairs have in common: price, quote, bars and the newest messages.

    Args:
        profile: the instrument's character.
        previous_close: yesterday's close in price units.
        dice: chance.
        start_ns: when it begins to trade.
    """

    seconds_a_year = float(_TRADING_SECONDS)

    def __init__(self, profile: Profile, previous_close: int, dice: Dice, start_ns: int) -> None:
        self.profile = profile
        self.symbol = profile.symbol
        self.family = profile.family
        self.previous_close = previous_close
        self.dice = dice
        self.sigma = profile.volatility / sqrt(self.seconds_a_year)
        self.base = float(previous_close) * exp(0.15 * profile.volatility / 16 * dice.normal())
        self.drift = 0.0
        self.moved_ns = start_ns
        self.bid = self.ask = self.bid_size = self.ask_size = 0
        self.minute_ns = start_ns - start_ns % MINUTE_NS
        self.day_ns, self.next_day_ns = self.day_bounds(start_ns)
        self.minute, self.late, self.day = Sums(), Sums(), Sums()
        self.late_changed = False
        self.rows: deque[tuple[int, Sums]] = deque(maxlen=KEPT_MINUTES)
        self.days: list[tuple[int, Sums]] = []
        self.trades: deque[list[Any]] = deque(maxlen=RECENT)
        """Newest trades, each with what became of it: ``""``, ``canceled``, ``corrected``."""
        self.quotes: deque[Any] = deque(maxlen=RECENT)
        self.last = 0
        self.move(start_ns, 0.0)
        self.last = self.snap(self.base)

    def day_bounds(self, ns: int) -> tuple[int, int]:
        """Return start and end of the day of ``ns``."""
        return stock_day(ns), next_stock_day(ns)

    def snap(self, price: float) -> int:
        """Return the price as a whole number of steps, in price units."""
        step = self.profile.step
        return max(1, round(price / step)) * step

    def move(self, now_ns: int, factor: float) -> None:
        """Let the fair price wander up to ``now_ns`` and put the quote around it."""
        profile, dice = self.profile, self.dice
        passed = now_ns - self.moved_ns
        if passed > 0:
            self.drift += self.sigma * sqrt(passed / NS) * dice.normal()
            self.moved_ns = now_ns
        fair = self.base * exp(profile.beta * factor + self.drift)
        step = profile.step
        spread = max(1, round(fair * profile.spread_bps / (10_000 * step) * (0.6 + dice.random())))
        bid = max(1, int(fair / step - spread / 2 + dice.random()))
        if (2 * bid + spread) % 2 and step == 1:
            spread += 1  # the mid price of a crypto quote counts in its bars: keep it a whole number
        self.bid, self.ask = bid * step, (bid + spread) * step

    def bar(self, kind: type[Bar] | type[UpdatedBar] | type[DailyBar], channel: str, at_ns: int, sums: Sums) -> Event:
        """Return a bar as an event."""
        fields = bar_fields(sums, self.profile.scale, self.profile.unit)
        return Event(self.family, channel, self.symbol, kind(S=self.symbol, t=Timestamp(at_ns), **fields))

    def close_minute(self, next_ns: int) -> list[Event]:
        """End the minute: return its bar and the day so far, and begin the minute at ``next_ns``."""
        events = []
        self.late, self.late_changed = Sums(), False
        if self.minute:
            events.append(self.bar(Bar, channels.BARS, self.minute_ns, self.minute))
            self.day.merge(self.minute)
            self.rows.append((self.minute_ns, self.minute))
            if self.family is not Family.TEST:
                events.append(self.bar(DailyBar, channels.DAILY_BARS, self.day_ns, self.day))
            self.late, self.minute = self.minute, Sums()
        self.minute_ns = next_ns
        if next_ns >= self.next_day_ns:
            self._close_day(next_ns)
        return events

    def _close_day(self, next_ns: int) -> None:
        if self.day:
            self.days.append((self.day_ns, self.day))
            self.previous_close = self.day.c
        self.day_ns, self.next_day_ns = self.day_bounds(next_ns)
        self.day, self.late = Sums(), Sums()

    def half_minute(self) -> list[Event]:
        """Return the bar of the last minute again if a late trade changed it."""
        if not self.late_changed:
            return []
        self.late_changed = False
        return [self.bar(UpdatedBar, channels.UPDATED_BARS, self.rows[-1][0], self.rows[-1][1])]

    def today(self) -> Sums:
        """Return the daily bar up to this moment."""
        sums = self.day.copy()
        sums.merge(self.minute)
        return sums

    def act(self, now_ns: int, factor: float, events: list[Event]) -> None:
        """Do what comes next, and append the messages."""
        raise NotImplementedError

    def print_trade(self, now_ns: int, price: int, size: int) -> Event:
        """Report an execution at ``price`` of ``size``, both in whole units."""
        raise NotImplementedError


class StockLine(Line):
    """A stock (or the test feed's symbol)."""

    def __init__(self, profile: Profile, previous_close: int, dice: Dice, start_ns: int) -> None:
        self.halted_until = self.next_halt_ns = 0
        self.next_id = 1 + dice.below(50_000)
        super().__init__(profile, previous_close, dice, start_ns)
        self.tape = profile.instrument.tape
        self.regular = "@" if self.tape == "C" else " "
        self.quotes.append(self._quote(start_ns))

    def act(self, now_ns: int, factor: float, events: list[Event]) -> None:
        """Quote, trade, or once in a hundred times something special."""
        kind = self.dice.random()
        if self.halted_until and now_ns >= self.halted_until:
            self.halted_until = 0
            events.append(self._status(now_ns, halted=False))
        if kind < _QUOTE_SHARE or (self.halted_until and kind < _TRADE_SHARE):
            self.move(now_ns, factor)
            quote = self._quote(now_ns)
            self.quotes.append(quote)
            events.append(Event(self.family, channels.QUOTES, self.symbol, quote))
        elif kind < _TRADE_SHARE or self.family is Family.TEST:
            price = self._price()
            events.append(self.print_trade(now_ns, price, max(1, int(self.profile.typical_size * self.dice.skewed()))))
        else:
            events.append(self._special(now_ns))

    def print_trade(self, now_ns: int, price: int, size: int) -> Event:
        """Report an execution: counts in the bar of its minute."""
        self.minute.trade(price, size)
        self.last = price
        return self._report(now_ns, price, size)

    def _report(self, at_ns: int, price: int, size: int, extra: str = "") -> Event:
        dice = self.dice
        self.next_id += 1 + dice.below(3)
        conditions = [self.regular]
        if dice.random() < 0.15:
            conditions.append("F")
        if size < 100:
            conditions.append("I")
        if extra:
            conditions.append(extra)
        venue = _DARK if dice.random() < 0.3 else _VENUES[dice.below(len(_VENUES))]
        trade = StockTrade(
            self.symbol, self.next_id, venue, price / self.profile.scale, size, conditions, self.tape, Timestamp(at_ns)
        )
        self.trades.append([trade, ""])
        return Event(self.family, channels.TRADES, self.symbol, trade)

    def _price(self) -> int:
        where = self.dice.random()
        if where < 0.42:
            return self.bid
        if where < 0.84:
            return self.ask
        if where < 0.94:
            return (self.bid + self.ask) // 2
        return self.bid + self.dice.below((self.ask - self.bid) // self.profile.step + 1) * self.profile.step

    def _quote(self, now_ns: int) -> StockQuote:
        dice = self.dice
        lot = 100 if self.family is Family.STOCK else 1
        self.bid_size = lot * max(1, int(3 * dice.skewed()))
        self.ask_size = lot * max(1, int(3 * dice.skewed()))
        scale = self.profile.scale
        return StockQuote(
            self.symbol,
            _VENUES[dice.below(len(_VENUES))],
            self.bid / scale,
            self.bid_size,
            _VENUES[dice.below(len(_VENUES))],
            self.ask / scale,
            self.ask_size,
            ["R"],
            self.profile.instrument.tape,
            Timestamp(now_ns),
        )

    # ------------------------------------------------------------ what is rare

    def _special(self, now_ns: int) -> Event:
        kind = self.dice.random()
        into_minute = now_ns - self.minute_ns
        if kind < 0.25 and self.late and 0 < into_minute < _LATE_WINDOW_NS:
            return self._late_trade()
        if kind < 0.45 and self.trades and not self.trades[-1][1]:
            return self._correction(now_ns)
        if kind < 0.60 and self.trades and not self.trades[-1][1]:
            return self._cancel(now_ns)
        if kind < 0.64 or self.halted_until:
            scale = self.profile.scale
            message = Imbalance(self.symbol, self.snap(self.last) / scale, self.tape, Timestamp(now_ns))
            return Event(self.family, channels.IMBALANCES, self.symbol, message)
        if kind < 0.66 and now_ns >= self.next_halt_ns:
            self.halted_until, self.next_halt_ns = now_ns + HALT_NS, now_ns + HALT_EVERY_NS
            return self._status(now_ns, halted=True)
        return self._luld(now_ns)

    def _late_trade(self) -> Event:
        """Report a trade of the minute before: its bar is sent again at the half minute (protocol §1.10)."""
        price, size = self._price(), max(1, int(self.profile.typical_size * self.dice.skewed()))
        self.late.trade(price, size)
        self.day.trade(price, size)
        self.late_changed = True
        return self._report(self.minute_ns - 1 - self.dice.below(5_000_000), price, size, "Z")

    def _correction(self, now_ns: int) -> Event:
        entry = self.trades[-1]
        old: StockTrade = entry[0]
        entry[1] = "corrected"
        self.next_id += 1
        size = max(1, old.s + self.dice.below(21) - 10)
        message = Correction(
            self.symbol, old.x, old.i, old.p, old.s, old.c, self.next_id, old.p, size, old.c, self.tape, Timestamp(now_ns)
        )  # fmt: skip
        return Event(self.family, channels.CORRECTIONS, self.symbol, message)

    def _cancel(self, now_ns: int) -> Event:
        entry = self.trades[-1]
        old: StockTrade = entry[0]
        entry[1] = "canceled"
        action = "C" if self.dice.random() < 0.8 else "E"
        message = CancelError(self.symbol, old.i, old.x, old.p, old.s, action, self.tape, Timestamp(now_ns))
        return Event(self.family, channels.CANCEL_ERRORS, self.symbol, message)

    def _luld(self, now_ns: int) -> Event:
        scale = self.profile.scale
        up, down = self.snap(self.last * 1.05) / scale, self.snap(self.last * 0.95) / scale
        return Event(
            self.family, channels.LULDS, self.symbol, Luld(self.symbol, up, down, "B", Timestamp(now_ns), self.tape)
        )

    def _status(self, now_ns: int, halted: bool) -> Event:
        listed_on_c = self.tape == "C"
        if halted:
            code, text = ("H" if listed_on_c else "2"), "Trading Halt"
            reason, words = ("LUDP" if listed_on_c else "M"), "Volatility Trading Pause"
        else:
            code, text = ("T", "Trading Resumption") if listed_on_c else ("3", "Resume")
            reason, words = "", ""
        message = Status(self.symbol, code, text, reason, words, Timestamp(now_ns), self.tape)
        return Event(self.family, channels.STATUSES, self.symbol, message)
