"""A market that stands still until a test moves it, and an exchange on it with a clock moved by hand."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from plugtui.sim.accounts import Account
from plugtui.sim.calendar import TradingCalendar, new_york, to_ns
from plugtui.sim.clock import SimClock
from plugtui.sim.exchange import Exchange
from plugtui.sim.instruments import Instrument, Top
from plugtui.sim.knobs import TradingKnobs

FRIDAY_NOON_NS = to_ns(datetime(2026, 6, 12, 16, 0, tzinfo=UTC))
"""2026-06-12, 12:00 in New York."""

D = Decimal


def stock(symbol: str, **changes: Any) -> Instrument:
    """Return a stock."""
    fields: dict[str, Any] = {
        "symbol": symbol,
        "name": f"{symbol} Inc.",
        "exchange": "NASDAQ",
        "asset_class": "us_equity",
        "tape": "C",
        "price_increment": D("0.01"),
        "min_size": D(1),
        "shortable": True,
        "fractionable": True,
    }
    return Instrument(**(fields | changes))


def pair(symbol: str) -> Instrument:
    """Return a crypto pair."""
    return stock(
        symbol,
        exchange="CRYPTO",
        asset_class="crypto",
        tape="",
        shortable=False,
        min_size=D("0.000000001"),
    )


class FakeMarket:
    """Prices as a test sets them."""

    def __init__(self) -> None:
        stocks = [stock("AAPL"), stock("MSFT"), stock("C"), stock("HARD", shortable=False, fractionable=False)]
        self.instruments = {i.symbol: i for i in [*stocks, pair("BTC/USD")]}
        self.tops: dict[str, Top] = {}
        self.lasts: dict[str, Decimal] = {}
        self.closes: dict[str, Decimal] = {}
        for symbol, price in {"AAPL": 200, "MSFT": 400, "C": 70, "HARD": 20, "BTC/USD": 60_000}.items():
            self.closes[symbol] = D(price)
            self.set(symbol, price)

    def set(self, symbol: str, last: object, size: object = 1000, spread: object = "0.02") -> None:
        """Put bid and ask around ``last``."""
        price, half = D(str(last)), D(str(spread)) / 2
        self.tops[symbol] = Top(price - half, D(str(size)), price + half, D(str(size)))
        self.lasts[symbol] = price

    def top(self, symbol: str) -> Top:
        """Return the best bid and offer."""
        return self.tops[symbol]

    def last(self, symbol: str) -> Decimal:
        """Return the last price."""
        return self.lasts[symbol]

    def previous_close(self, symbol: str) -> Decimal:
        """Return yesterday's close."""
        return self.closes[symbol]


class Bench:
    """An exchange under test: moves prices and time, keeps the events."""

    def __init__(
        self,
        mode: str = "nyse",
        start_ns: int = FRIDAY_NOON_NS,
        seed: int = 7,
        names: tuple[str, ...] = ("demo", "reserve"),
        **knobs: Any,
    ) -> None:
        self.market = FakeMarket()
        self.clock = SimClock(speed=0, start_ns=start_ns)
        self.faults = TradingKnobs(**knobs)
        calendar = TradingCalendar(mode, new_york(start_ns).date())
        self.exchange = Exchange(self.market, self.clock, calendar, self.faults, seed=seed, names=names)
        self.events: list[dict[str, Any]] = []
        self.exchange.listen(lambda name, data: self.events.append(data | {"account": name}))

    def account(self, name: str = "reserve", cash: object = 100_000) -> Account:
        """Return an account without positions, with this much cash."""
        account = self.exchange.accounts[name]
        account.positions.clear()
        account.cash = D(str(cash))
        return account

    def order(self, account: Account, symbol: str = "AAPL", **body: Any) -> Any:
        """Submit an order: by default the purchase of ten shares at market."""
        usual = {"symbol": symbol, "side": "buy", "type": "market", "time_in_force": "day"}
        if "notional" not in body:
            usual["qty"] = "10"
        return self.exchange.submit(account, usual | {k: v if isinstance(v, dict) else str(v) for k, v in body.items()})

    def pass_time(self, seconds: float = 1.0) -> None:
        """Let time pass without the market moving."""
        self.clock.advance(seconds)
        self.exchange.now_ns()

    def move(self, symbol: str, last: object, size: object = 1000, seconds: float = 1.0) -> None:
        """Let time pass and a price change."""
        self.market.set(symbol, last, size)
        self.exchange.on_market([symbol], self.clock.advance(seconds))

    def told(self, account: Account) -> list[tuple[str, str]]:
        """Return (event, order type) of an account's events so far."""
        return [(e["event"], e["order"]["type"]) for e in self.events if e["account"] == account.name]
