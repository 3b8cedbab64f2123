"""Two years that an account has behind it: deposits, trades, dividends and fees, and the equity of each day.

Everything is booked through the account itself, so activities, daily equity and the opening balances of the live account
agree by construction.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from random import Random

from plugtui.sim.accounts import Account
from plugtui.sim.calendar import TradingCalendar, at_ns, new_york
from plugtui.sim.executions import Execution, Flow
from plugtui.sim.identities import Identities
from plugtui.sim.instruments import Instrument, MarketView
from plugtui.sim.numbers import ZERO, cents
from plugtui.sim.orders import Order

DailyCloses = Callable[[str], Sequence[tuple[date, Decimal]]]
"""From a symbol to its official closes, oldest first."""

CALENDAR_DAYS = 731
HELD_AT_MOST = 6
LOOK_AHEAD_DAYS = 15


@dataclass(frozen=True, slots=True)
class DayClose:
    """An account's equity at the close of one trading day."""

    day: date
    equity: Decimal


@dataclass(frozen=True, slots=True)
class Temper:
    """How somebody invests."""

    deposit: int
    """First deposit, USD."""
    saving: int
    """Usual later deposit, USD."""
    trades_a_week: float
    skill: float
    """Share of purchases that are made knowing the next weeks; 0: at random."""
    stake: float
    """Share of equity that a purchase takes."""
    reserve: float
    """Share of equity that stays in cash."""


TEMPERS: Mapping[str, Temper] = {
    "demo": Temper(60_000, 2_000, 2.5, 0.14, 0.16, 0.15),
    "northstar": Temper(120_000, 5_000, 4.0, 0.22, 0.22, 0.02),
    "riverbend": Temper(80_000, 1_500, 1.2, 0.20, 0.10, 0.30),
    "reserve": Temper(40_000, 1_000, 0.8, 0.05, 0.12, 0.45),
}
USUAL = Temper(50_000, 1_000, 2.0, 0.15, 0.15, 0.20)


def made_closes(market: MarketView, days: Sequence[date], seed: int) -> DailyCloses:
    """Return closes of a random walk that ends at the market's previous close."""

    def closes(symbol: str) -> list[tuple[date, Decimal]]:
        random = Random(f"{seed}:closes:{symbol}")
        price = float(market.previous_close(symbol))
        walk = [market.previous_close(symbol)]
        for _ in range(len(days) - 1):
            price /= math.exp(random.gauss(0.0004, 0.016))
            walk.append(max(Decimal("0.01"), cents(Decimal(price))))
        return list(zip(days, reversed(walk), strict=True))

    return closes


def live_through(
    account: Account,
    market: MarketView,
    calendar: TradingCalendar,
    seed: int,
    start_ns: int,
    daily_closes: DailyCloses | None = None,
    symbols: Sequence[str] = (),
) -> list[DayClose]:
    """Give an account its past, up to the day before ``start_ns``. Return its daily equity, oldest first.

    The account's cash, positions, activities, orders, ``created_ns`` and ``last_equity`` are set.
    """
    days = calendar.last_days(new_york(start_ns).date(), CALENDAR_DAYS)
    if not days:
        return []
    closes = daily_closes or made_closes(market, days, seed)
    life = _Life(account, market, seed, days, closes, symbols)
    account.created_ns = at_ns(days[0], time(8, 0))
    result = [DayClose(day, life.live(index)) for index, day in enumerate(days)]
    account.executions.clear()  # the truth is what happened since the start; the past stays in the activities
    return result


class _Life:
    """The past of one account while it is made."""

    def __init__(
        self,
        account: Account,
        market: MarketView,
        seed: int,
        days: Sequence[date],
        closes: DailyCloses,
        symbols: Sequence[str],
    ) -> None:
        self.account = account
        self.days = days
        self.temper = TEMPERS.get(account.name, USUAL)
        self.random = Random(f"{seed}:past:{account.name}")
        self.ids = Identities(Random(f"{seed}:past ids:{account.name}"))
        self.instruments = self._choose(market, symbols)
        self.prices = {symbol: self._aligned(symbol, closes(symbol)) for symbol in self.instruments}
        self.sequence = -1_000_000

    def _choose(self, market: MarketView, symbols: Sequence[str]) -> dict[str, Instrument]:
        stocks = {s: i for s, i in market.instruments.items() if not i.is_crypto and i.shortable and i.fractionable}
        known = [symbol for symbol in symbols if symbol in stocks] or sorted(stocks or market.instruments)
        chosen = known if len(known) <= 12 else self.random.sample(known, 12)
        return {symbol: market.instruments[symbol] for symbol in chosen}

    def _aligned(self, symbol: str, closes: Sequence[tuple[date, Decimal]]) -> list[Decimal]:
        """Return one price for each of the days: the close of that day, or the one before it."""
        by_day = dict(closes)
        price = next((by_day[day] for day in self.days if day in by_day), Decimal(1))
        aligned = []
        for day in self.days:
            price = by_day.get(day, price)
            aligned.append(price)
        return aligned

    def live(self, index: int) -> Decimal:
        """Live through one day and return its closing equity."""
        day = self.days[index]
        self._flows(index, day)
        for _ in range(self._count(self.temper.trades_a_week / 5)):
            self._trade(index, day)
        self._fees(index, day)
        return self.account.roll_day(lambda symbol: self.prices[symbol][index])

    def _count(self, mean: float) -> int:
        return int(mean) + (self.random.random() < mean % 1)

    # ------------------------------------------------------------ cash

    def _flow(self, day: date, clock: time, kind: str, amount: Decimal, text: str = "", **extra: object) -> None:
        flow = Flow(self.ids.uuid(), kind, at_ns(day, clock), amount, description=text, **extra)  # type: ignore[arg-type]
        self.account.move_cash(flow)

    def _flows(self, index: int, day: date) -> None:
        if index == 0:
            self._flow(day, time(8, 30), "CSD", Decimal(self.temper.deposit), "first deposit")
            return
        random = self.random
        if random.random() < 1 / 24:
            amount = Decimal(self.temper.saving) * random.randint(2, 8) / 4
            self._flow(day, time(8, 45), "CSD", cents(amount), "deposit")
        elif random.random() < 1 / 110 and self.account.cash > 2000:
            amount = cents(self.account.cash * random.randint(5, 25) / 100)
            self._flow(day, time(8, 50), "CSW", -amount, "withdrawal")
        for symbol in sorted(self.account.positions):
            position = self.account.positions[symbol]
            if random.random() < 1 / 63 and position.qty > 0:
                per_share = cents(self.prices[symbol][index] * random.randint(15, 60) / 10_000)
                self._flow(
                    day,
                    time(9, 0),
                    "DIV",
                    cents(per_share * position.qty),
                    "dividend",
                    symbol=symbol,
                    qty=position.qty,
                    per_share_amount=per_share,
                )

    def _fees(self, index: int, day: date) -> None:
        if index and day.month != self.days[index - 1].month:
            self._flow(day, time(15, 58), "FEE", -cents(Decimal(self.random.randint(4, 190)) / 100), "REG fee")
            if self.account.cash > 0:
                interest = cents(self.account.cash * Decimal("0.02") / 12)
                self._flow(day, time(15, 58), "INT", interest, "interest on cash")

    # ------------------------------------------------------------ trades

    def _trade(self, index: int, day: date) -> None:
        held = [symbol for symbol in sorted(self.account.positions) if self.account.quantity(symbol) > 0]
        full = len(held) >= min(HELD_AT_MOST, len(self.instruments))
        if held and (full or self.random.random() < 0.42):
            self._sell(index, day, self.random.choice(held))
        else:
            self._buy(index, day)

    def _buy(self, index: int, day: date) -> None:
        symbol = self._pick(index)
        equity = self.account.equity(lambda name: self.prices[name][index])
        spare = self.account.cash - equity * Decimal(str(self.temper.reserve))
        stake = min(spare, equity * Decimal(str(round(self.temper.stake * self.random.uniform(0.5, 1.2), 4))))
        price = self._intraday(symbol, index)
        qty = Decimal(int(stake / price)) if stake > 0 else ZERO
        if qty > 0:
            self._execute(day, symbol, "buy", qty, price)

    def _sell(self, index: int, day: date, symbol: str) -> None:
        qty = self.account.quantity(symbol)
        if self.random.random() < 0.4 and qty >= 2:
            qty = Decimal(int(qty / 2))
        self._execute(day, symbol, "sell", qty, self._intraday(symbol, index))

    def _pick(self, index: int) -> str:
        names = list(self.instruments)
        if self.random.random() >= self.temper.skill:
            return self.random.choice(names)
        ahead = min(index + LOOK_AHEAD_DAYS, len(self.days) - 1)
        return max(
            self.random.sample(names, min(4, len(names))), key=lambda s: self.prices[s][ahead] / self.prices[s][index]
        )

    def _intraday(self, symbol: str, index: int) -> Decimal:
        near = Decimal(str(round(self.random.gauss(0, 0.004), 5)))
        return max(Decimal("0.01"), cents(self.prices[symbol][index] * (1 + near)))

    def _execute(self, day: date, symbol: str, side: str, qty: Decimal, price: Decimal) -> None:
        account, instrument = self.account, self.instruments[symbol]
        taken_ms = self.random.randint(0, 6 * 3_600_000)
        time_ns = at_ns(day, time(9, 35)) + taken_ms * 1_000_000 + self.random.randint(0, 999_999)
        newest = account.activities[-1]
        if isinstance(newest, Execution) and newest.time_ns >= time_ns:
            time_ns = newest.time_ns + int(timedelta(minutes=1).total_seconds()) * 1_000_000_000
        order = self._filled_order(instrument, side, qty, price, time_ns)
        position = account.execute(instrument, order.sign * qty, price)
        execution = Execution(
            execution_id=self.ids.uuid(),
            opaque_id=self.ids.uuid(),
            order_id=order.id,
            client_order_id=order.client_order_id,
            symbol=symbol,
            side=side,
            qty=qty,
            price=price,
            cum_qty=qty,
            leaves_qty=ZERO,
            position_qty=position,
            time_ns=time_ns,
        )
        account.activities.append(execution)

    def _filled_order(self, instrument: Instrument, side: str, qty: Decimal, price: Decimal, time_ns: int) -> Order:
        self.sequence += 1
        order = Order(
            id=self.ids.uuid(),
            client_order_id=self.ids.uuid(),
            account=self.account.name,
            instrument=instrument,
            side=side,
            type="market",
            time_in_force="day",
            qty=qty,
            created_ns=time_ns - 30_000_000,
            sequence=self.sequence,
            position_intent=f"{side}_to_{'open' if side == 'buy' else 'close'}",
            status="filled",
            filled_qty=qty,
            filled_value=qty * price,
            updated_ns=time_ns,
            filled_ns=time_ns,
        )
        self.account.orders[order.id] = order
        self.account.client_ids[order.client_order_id] = order
        return order
