"""One crypto pair as it trades: an order book of which only the changes are sent (protocol §1.10)."""

from plugtui.sim.bars import crypto_day, next_crypto_day
from plugtui.sim.events import Event
from plugtui.sim.tape import Dice, Line
from plugtui.sim.universe import Profile
from plugtui.wire import channels
from plugtui.wire.messages import CryptoQuote, CryptoTrade, Level, OrderBook
from plugtui.wire.times import Timestamp

DEPTH = 12
"""Levels on each side."""

_MOVE_SHARE = 0.55
_FIRST_ID = 3_447_222_699_101_865_076


class CryptoLine(Line):
    """A crypto pair: quote and order book move together, trades happen at the best price of one side."""

    seconds_a_year = 365.0 * 86_400

    def __init__(self, profile: Profile, previous_close: int, dice: Dice, start_ns: int) -> None:
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}
        self.next_id = _FIRST_ID + dice.below(10**15)
        super().__init__(profile, previous_close, dice, start_ns)
        self._renew_book()
        self.quotes.append(self._quote(start_ns))

    def day_bounds(self, ns: int) -> tuple[int, int]:
        """Return midnight UTC before and after."""
        return crypto_day(ns), next_crypto_day(ns)

    def act(self, now_ns: int, factor: float, events: list[Event]) -> None:
        """Move quote and book, or trade."""
        if self.dice.random() < _MOVE_SHARE:
            self.move(now_ns, factor)
            bids, asks = self._renew_book()
            self.minute.touch((self.bid + self.ask) // 2)
            quote = self._quote(now_ns)
            self.quotes.append(quote)
            delta = OrderBook(self.symbol, Timestamp(now_ns), self._levels(bids), self._levels(asks))
            events.append(Event(self.family, channels.ORDERBOOKS, self.symbol, delta))
            events.append(Event(self.family, channels.QUOTES, self.symbol, quote))
        else:
            buys = self.dice.random() < 0.5
            events.append(self.print_trade(now_ns, self.ask if buys else self.bid, self._size(), "B" if buys else "S"))

    def print_trade(self, now_ns: int, price: int, size: int, taker: str = "B") -> Event:
        """Report an execution: counts in the bar of its minute."""
        self.minute.trade(price, size)
        self.last = price
        self.next_id += 1 + self.dice.below(1_000_000)
        trade = CryptoTrade(
            self.symbol, price / self.profile.scale, size / self.profile.unit, Timestamp(now_ns), self.next_id, taker
        )
        self.trades.append([trade, ""])
        return Event(self.family, channels.TRADES, self.symbol, trade)

    def whole_book(self, now_ns: int) -> OrderBook:
        """Return the full book, the first message of a new subscriber."""
        bids = sorted(self.bids.items(), reverse=True)
        return OrderBook(
            self.symbol, Timestamp(now_ns), self._levels(bids), self._levels(sorted(self.asks.items())), True
        )

    def _size(self) -> int:
        return max(1, int(self.profile.typical_size * self.dice.skewed() * self.profile.unit))

    def _quote(self, now_ns: int) -> CryptoQuote:
        scale, unit = self.profile.scale, self.profile.unit
        return CryptoQuote(
            self.symbol,
            self.bid / scale,
            self.bid_size / unit,
            self.ask / scale,
            self.ask_size / unit,
            Timestamp(now_ns),
        )

    def _levels(self, changes: list[tuple[int, int]]) -> list[Level]:
        scale, unit = self.profile.scale, self.profile.unit
        return [Level(price / scale, size / unit) for price, size in changes]

    def _renew_book(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Bring both sides in line with the quote; return the changed levels, size 0 for those that are gone."""
        self.bid_size, self.ask_size = 3 * self._size(), 3 * self._size()
        bids = self._renew_side(self.bids, self.bid, self.bid_size, -1)
        asks = self._renew_side(self.asks, self.ask, self.ask_size, 1)
        return bids, asks

    def _renew_side(self, side: dict[int, int], best: int, size: int, away: int) -> list[tuple[int, int]]:
        changes = {price: 0 for price in side if (price - best) * away < 0}
        for price in changes:
            del side[price]
        side[best] = changes[best] = size
        gap = max(1, (self.ask - self.bid) // 2)
        worst = (max if away > 0 else min)(side)
        while len(side) < DEPTH:
            worst += away * (gap + self.dice.below(gap))
            if worst <= 0:
                break
            side[worst] = changes[worst] = self._size() * 3
        for price in sorted(side, key=lambda price: price * away)[DEPTH:]:
            del side[price]
            changes[price] = 0
        return list(changes.items())
