"""The market of the simulator: quotes, trades, bars and books of all symbols, from one seed."""

from collections.abc import Mapping
from decimal import Decimal
from itertools import accumulate
from math import sqrt

from plugtui.sim.bars import MINUTE_NS
from plugtui.sim.book import CryptoLine
from plugtui.sim.calendar import NS, TradingCalendar
from plugtui.sim.events import Event
from plugtui.sim.history import History
from plugtui.sim.instruments import Instrument, Top
from plugtui.sim.tape import Dice, Line, StockLine
from plugtui.sim.universe import Profile, profiles
from plugtui.wire.channels import Family
from plugtui.wire.messages import OrderBook

HALF_MINUTE_NS = MINUTE_NS // 2
_STOCK_SHARE, _CRYPTO_SHARE, _TEST_SHARE = 0.78, 0.20, 0.02
"""How messages are divided between stocks, crypto pairs and the test symbol."""
_FACTOR = {Family.STOCK: 0.15 / sqrt(252 * 23_400), Family.CRYPTO: 0.50 / sqrt(365 * 86_400), Family.TEST: 0.0}
"""Standard deviation per root second of what all symbols of a family share."""


class Market:
    """Generate the market step by step; the same seed and the same steps give the same messages.

    Args:
        seed: everything follows from it.
        start_ns: first instant.
        calendar: when stocks trade; crypto pairs and the test symbol always do.
        history: the past; made from the seed unless given.
        universe: the instruments; all unless given.
    """

    def __init__(
        self,
        seed: int,
        start_ns: int,
        calendar: TradingCalendar,
        history: History | None = None,
        universe: list[Profile] | None = None,
    ) -> None:
        universe = profiles() if universe is None else universe
        self.history = history or History(universe, seed, calendar, start_ns)
        self._calendar = calendar
        self._dice = Dice(seed)
        self.instruments: Mapping[str, Instrument] = {
            profile.symbol: profile.instrument for profile in universe if profile.family is not Family.TEST
        }
        """What can be traded: not the test feed's symbol."""
        self.lines: dict[str, Line] = {profile.symbol: self._line(profile, start_ns) for profile in universe}
        self._factors = dict.fromkeys(Family, 0.0)
        self._last_ns = start_ns
        self._mark_ns = start_ns - start_ns % HALF_MINUTE_NS + HALF_MINUTE_NS
        self._prints: list[tuple[str, int, int]] = []
        self._choose_lines(start_ns)

    def _line(self, profile: Profile, start_ns: int) -> Line:
        kind = CryptoLine if profile.family is Family.CRYPTO else StockLine
        return kind(profile, self.history.last_close(profile.symbol), self._dice, start_ns)

    # ------------------------------------------------------------ what the exchange asks

    def top(self, symbol: str) -> Top:
        """Return the best bid and offer. Raises KeyError for an unknown symbol."""
        line = self.lines[symbol]
        decimal, unit = line.profile.decimal, Decimal(line.profile.unit)
        return Top(decimal(line.bid), line.bid_size / unit, decimal(line.ask), line.ask_size / unit)

    def last(self, symbol: str) -> Decimal:
        """Return the price of the last trade."""
        line = self.lines[symbol]
        return line.profile.decimal(line.last)

    def previous_close(self, symbol: str) -> Decimal:
        """Return the close of the last finished day."""
        line = self.lines[symbol]
        return line.profile.decimal(line.previous_close)

    def print_fill(self, symbol: str, price: Decimal, qty: Decimal) -> bool:
        """Let an execution of the simulated exchange appear as a trade in the next step.

        Returns:
            False when the tape cannot show it: a fraction of a share, or a price finer than the tape's.
        """
        line = self.lines[symbol]
        ticks, size = price.scaleb(line.profile.digits), qty * line.profile.unit
        if ticks != int(ticks) or size != int(size) or size < 1:
            return False
        self._prints.append((symbol, int(ticks), int(size)))
        return True

    # ------------------------------------------------------------ what the streams ask

    def book(self, symbol: str, now_ns: int) -> OrderBook | None:
        """Return the whole order book of a crypto pair; None for anything else."""
        line = self.lines.get(symbol)
        return line.whole_book(now_ns) if isinstance(line, CryptoLine) else None

    def symbols(self, family: Family) -> list[str]:
        """Return the symbols of a family."""
        return [symbol for symbol, line in self.lines.items() if line.family is family]

    # ------------------------------------------------------------ time

    def step(self, now_ns: int, count: int) -> list[Event]:
        """Advance to ``now_ns`` and let ``count`` things happen, evenly spread.

        Returns:
            The messages in the order in which they are sent: about ``count``, and the bars of every minute that ended.
        """
        events: list[Event] = []
        begin, span = self._last_ns, max(0, now_ns - self._last_ns)
        for family, sigma in _FACTOR.items():
            self._factors[family] += sigma * sqrt(span / NS) * self._dice.normal()
        for symbol, price, size in self._prints:
            events.append(self.lines[symbol].print_trade(begin, price, size))
        self._prints.clear()
        factors = self._factors
        for index, line in enumerate(self._dice.choices(self._open, cum_weights=self._weights, k=count), 1):
            at_ns = begin + span * index // count
            if at_ns >= self._mark_ns:
                self._pass_marks(at_ns, events)
            line.act(at_ns, factors[line.family], events)
        if begin + span >= self._mark_ns:
            self._pass_marks(begin + span, events)
        self._last_ns = begin + span
        return events

    def _pass_marks(self, now_ns: int, events: list[Event]) -> None:
        while self._mark_ns <= now_ns:
            if self._mark_ns % MINUTE_NS:
                for line in self.lines.values():
                    events.extend(line.half_minute())
            else:
                for line in self.lines.values():
                    events.extend(line.close_minute(self._mark_ns))
                self._choose_lines(self._mark_ns)
            self._mark_ns += HALF_MINUTE_NS

    def _choose_lines(self, now_ns: int) -> None:
        """Pick who may trade now: stocks only while their session is open."""
        shares = {Family.STOCK: _STOCK_SHARE, Family.CRYPTO: _CRYPTO_SHARE, Family.TEST: _TEST_SHARE}
        if not self._calendar.is_open(now_ns):
            del shares[Family.STOCK]
        self._open = [line for line in self.lines.values() if line.family in shares]
        totals = {family: sum(x.profile.activity for x in self._open if x.family is family) for family in shares}
        self._weights = list(
            accumulate(shares[line.family] * line.profile.activity / totals[line.family] for line in self._open)
        )
