"""The trading half of the simulated exchange: accounts, orders, and the truth about both."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from decimal import Decimal
from random import Random
from typing import Any

from plugtui.secrets import Secret
from plugtui.sim.accounts import Account
from plugtui.sim.calendar import TradingCalendar, new_york
from plugtui.sim.clock import SimClock
from plugtui.sim.executions import Flow
from plugtui.sim.identities import Identities
from plugtui.sim.instruments import MarketView
from plugtui.sim.knobs import TradingFaults
from plugtui.sim.numbers import QTY_STEP, ZERO, floor_to, text
from plugtui.sim.orders import Order
from plugtui.sim.past import DailyCloses, DayClose, live_through
from plugtui.sim.rejections import Rejection, forbidden, invalid, not_found
from plugtui.sim.requests import Body
from plugtui.sim.venue import Listener, Venue

ACCOUNT_NAMES = ("demo", "northstar", "riverbend", "reserve")
MINUTE_NS = 60_000_000_000
MOST_SAMPLES = 45_000
"""Minutes of live equity kept: a month."""


class Exchange:
    """Own all accounts and orders; take requests and market steps; emit order events.

    Args:
        market: prices. Call :meth:`on_market` after each of its steps.
        clock: simulated time.
        calendar: when stocks trade.
        faults: the knobs, read each time anew.
        seed: everything follows from it and the sequence of calls.
        names: of the accounts; each gets keys and a past of its own.
        daily_closes: past official closes by symbol, oldest first; made from the seed when None.
        past_symbols: stocks that the accounts traded in the past; empty: some of the market's.
    """

    def __init__(
        self,
        market: MarketView,
        clock: SimClock,
        calendar: TradingCalendar,
        faults: TradingFaults,
        *,
        seed: int = 0,
        names: Sequence[str] = ACCOUNT_NAMES,
        daily_closes: DailyCloses | None = None,
        past_symbols: Sequence[str] = (),
    ) -> None:
        self.market = market
        self.clock = clock
        self.calendar = calendar
        self.faults = faults
        self.seed = seed
        now = clock.now_ns()
        self.start_ns = now
        self.accounts: dict[str, Account] = {}
        self.days: dict[str, list[DayClose]] = {}
        """Equity at each past close, by account, oldest first."""
        self.samples: dict[str, deque[tuple[int, Decimal]]] = {}
        """Equity of each minute since the start, by account."""
        self.venue = Venue(market, calendar, faults, self.accounts, seed, now)
        self._wake = asyncio.Event()
        self._ids = Identities(Random(f"{seed}:flows"))
        for name in names:
            self._open_account(name, daily_closes, past_symbols)
        self._by_key = {account.key_id: account for account in self.accounts.values()}
        self._sample()
        self.venue.schedule.at(calendar.next_close(now), self._close_day)

    def _open_account(self, name: str, daily_closes: DailyCloses | None, symbols: Sequence[str]) -> None:
        ids = Identities(Random(f"{self.seed}:keys:{name}"))
        account = Account(
            name=name,
            id=ids.uuid(),
            number=ids.account_number(),
            key_id=ids.key_id(),
            secret=Secret(ids.secret()),
            token=Secret(ids.uuid()),
            created_ns=self.start_ns,
        )
        self.accounts[name] = account
        self.days[name] = live_through(
            account, self.market, self.calendar, self.seed, self.start_ns, daily_closes, symbols
        )
        self.samples[name] = deque(maxlen=MOST_SAMPLES)

    # ------------------------------------------------------------ who

    def authenticate(self, key_id: str, secret: str) -> Account | None:
        """Return the account of a key pair; ("oauth", token) is an OAuth token (protocol §1.5)."""
        if key_id == "oauth":
            return self.authenticate_token(secret)
        account = self._by_key.get(key_id)
        return account if account and account.secret.matches(secret) else None

    def authenticate_token(self, token: str) -> Account | None:
        """Return the account of an OAuth bearer token."""
        return next((account for account in self.accounts.values() if account.token.matches(token)), None)

    # ------------------------------------------------------------ time and prices

    def now_ns(self) -> int:
        """Do what is due and return the simulated time."""
        self.venue.advance(self.clock.now_ns())
        return self.venue.now_ns

    def on_market(self, symbols: Iterable[str], now_ns: int) -> None:
        """Match orders after a market step that changed ``symbols``."""
        self.venue.advance(now_ns)
        self.venue.on_prices(symbols)

    async def run(self) -> None:
        """Do what is due when the market does not step; runs until it is cancelled."""
        while True:
            self._wake.clear()
            now = self.now_ns()
            due = self.venue.schedule.next_ns
            speed = self.clock.speed
            wait_s = None if due is None or not speed else max(0.0005, (due - now) / 1e9 / speed)
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _sample(self) -> None:
        now = self.venue.now_ns
        for name, account in self.accounts.items():
            self.samples[name].append((now, account.equity(self.market.last)))
        # In a jump over many minutes prices stand still: the last of them is enough.
        latest = self.venue.horizon_ns // MINUTE_NS * MINUTE_NS
        self.venue.schedule.at(max((now // MINUTE_NS + 1) * MINUTE_NS, latest), self._sample)

    def _close_day(self) -> None:
        now = self.venue.now_ns
        day = new_york(now - 1).date()
        for name, account in self.accounts.items():
            self.days[name].append(DayClose(day, account.roll_day(self.market.last)))
        self.venue.schedule.at(self.calendar.next_close(now), self._close_day)

    def equity(self, account: Account) -> Decimal:
        """Return an account's present equity."""
        return account.equity(self.market.last)

    # ------------------------------------------------------------ orders

    def listen(self, listener: Listener) -> None:
        """Have ``listener(account name, event data)`` called for each order event."""
        self.venue.listeners.append(listener)

    def submit(self, account: Account, body: Body) -> Order:
        """Accept an order. Raises Rejection."""
        self.now_ns()
        order = self.venue.submit(account, body)
        self._wake.set()
        return order

    def cancel(self, account: Account, order_id: str) -> Order:
        """Ask for the end of an order. Raises Rejection."""
        self.now_ns()
        order = self.venue.cancel(account, order_id)
        self._wake.set()
        return order

    def replace(self, account: Account, order_id: str, body: Body) -> Order:
        """Replace an order; return the new one. Raises Rejection."""
        self.now_ns()
        order = self.venue.replace(account, order_id, body)
        self._wake.set()
        return order

    def cancel_all(self, account: Account, at_once: bool = False) -> list[tuple[Order, int]]:
        """Ask for the end of all open orders; return each with the HTTP status of its cancellation."""
        self.now_ns()
        answers = []
        # An exit whose entry is still open ends with it.
        for order in [o for o in account.open_orders.values() if o.parent is None or not o.parent.is_open]:
            if not order.is_open:
                continue  # it was the other exit of a pair
            try:
                answers.append((self.venue.cancel(account, order.id, at_once), 200))
            except Rejection as refusal:
                answers.append((order, refusal.status))
        self._wake.set()
        return answers

    def close_position(
        self, account: Account, symbol: str, qty: Decimal | None = None, percentage: Decimal | None = None
    ) -> Order:
        """Send the market order that closes a position or a part of it. Raises Rejection."""
        self.now_ns()
        position = account.positions.get(symbol)
        if position is None:
            raise not_found("position does not exist")
        if qty is not None and percentage is not None:
            raise invalid("only one of qty or percentage is accepted")
        size = abs(position.qty)
        if percentage is not None:
            if not 0 < percentage <= 100:
                raise invalid("percentage must be between 0 and 100")
            size = floor_to(size * percentage / 100, QTY_STEP)
        elif qty is not None:
            size = qty
        if size > abs(position.qty):
            raise forbidden(
                f"insufficient qty available for order (requested: {text(size)}, available: {text(abs(position.qty))})",
                available=text(abs(position.qty)),
                symbol=symbol,
            )
        body = {
            "symbol": symbol,
            "qty": text(size),
            "side": "sell" if position.qty > 0 else "buy",
            "type": "market",
            "time_in_force": "gtc" if position.instrument.is_crypto else "day",
        }
        return self.submit(account, body)

    def close_all(self, account: Account, cancel_orders: bool) -> list[tuple[str, int, dict[str, Any]]]:
        """Close all positions; return (symbol, HTTP status, order or error body) of each."""
        if cancel_orders:
            self.cancel_all(account, at_once=True)
        answers: list[tuple[str, int, dict[str, Any]]] = []
        for symbol in list(account.positions):
            try:
                answers.append((symbol, 200, self.close_position(account, symbol).to_json()))
            except Rejection as refusal:
                answers.append((symbol, refusal.status, refusal.body()))
        return answers

    def new_id(self) -> str:
        """Return an id that nothing else has."""
        return self._ids.uuid()

    # ------------------------------------------------------------ cash from outside

    def flow(self, account: Account, amount: Decimal, kind: str = "", description: str = "") -> Flow:
        """Book a deposit (positive amount) or withdrawal now, or a flow of another activity type."""
        flow = Flow(
            flow_id=self.new_id(),
            kind=kind or ("CSD" if amount >= ZERO else "CSW"),
            time_ns=self.now_ns(),
            net_amount=amount,
            description=description,
        )
        account.move_cash(flow)
        return flow

    # ------------------------------------------------------------ the truth

    def truth_of_executions(self, account: Account) -> list[dict[str, Any]]:
        """Return every execution since the simulator started, oldest first."""
        self.now_ns()
        return [execution.to_truth() for execution in account.executions]

    def truth_of_balances(self) -> dict[str, dict[str, Any]]:
        """Return cash, equity and positions of every account."""
        self.now_ns()
        return {
            name: {
                "cash": text(account.cash),
                "equity": text(self.equity(account)),
                "last_equity": text(account.last_equity),
                "positions": {symbol: text(position.qty) for symbol, position in account.positions.items()},
            }
            for name, account in self.accounts.items()
        }

    def truth_of_orders(self, account: Account) -> list[dict[str, Any]]:
        """Return every order since the simulator started, oldest first."""
        self.now_ns()
        return [order.to_json() for order in account.orders.values() if order.created_ns >= self.start_ns]
