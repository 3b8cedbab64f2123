"""What an account owns and may do: cash, positions, buying power, held quantities. All Decimal, nothing rounded."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from plugtui.secrets import Secret
from plugtui.sim.executions import Activity, Execution, Flow
from plugtui.sim.instruments import Instrument
from plugtui.sim.numbers import ZERO, text, total
from plugtui.sim.orders import Order
from plugtui.sim.rejections import Rejection, forbidden

Prices = Callable[[str], Decimal]
"""From a symbol to its present price."""

IDLE = frozenset({"held", "pending_replace"})
"""Open orders that hold nothing: another one holds it for them."""
MINIMUM_FOR_SHORTING = Decimal(2000)
"""Equity below which Alpaca lends no shares."""


@dataclass(slots=True)
class Position:
    """Holding of one instrument."""

    instrument: Instrument
    qty: Decimal
    """Negative when short."""
    average_entry: Decimal
    day_cost: Decimal
    """Value of the position at the last close plus what was paid since: market value − this is the day's P&L."""

    @property
    def cost(self) -> Decimal:
        """Return quantity × average entry price, negative when short."""
        return self.qty * self.average_entry

    def add(self, signed_qty: Decimal, price: Decimal) -> None:
        """Apply an execution. What closes leaves the average entry price; what opens moves it; through zero it starts anew."""
        before, after = self.qty, self.qty + signed_qty
        if before * signed_qty >= 0:
            self.average_entry = (before * self.average_entry + signed_qty * price) / after if after else ZERO
        elif before * after < 0:
            self.average_entry = price
            self.day_cost = before * price  # the closed part leaves; adding the execution below leaves after × price
        self.qty = after
        self.day_cost += signed_qty * price


@dataclass(slots=True)
class Configuration:
    """``/v2/account/configurations``."""

    dtbp_check: str = "entry"
    fractional_trading: bool = True
    max_margin_multiplier: str = "2"
    no_shorting: bool = False
    pdt_check: str = "entry"
    ptp_no_exception_entry: bool = False
    suspend_trade: bool = False
    trade_confirm_email: str = "none"


@dataclass(slots=True, eq=False)
class Account:
    """One brokerage account and its book."""

    name: str
    id: str
    number: str
    key_id: str
    secret: Secret
    token: Secret
    """OAuth bearer token that reaches this account."""
    created_ns: int
    cash: Decimal = ZERO
    last_equity: Decimal = ZERO
    """Equity at the last close."""
    multiplier: Decimal = Decimal(2)
    positions: dict[str, Position] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    """All orders by id, in the order of submission."""
    open_orders: dict[str, Order] = field(default_factory=dict)
    client_ids: dict[str, Order] = field(default_factory=dict)
    executions: list[Execution] = field(default_factory=list)
    """Since the simulator started."""
    activities: list[Activity] = field(default_factory=list)
    """History, then what happened since, oldest first."""
    configuration: Configuration = field(default_factory=Configuration)

    # ------------------------------------------------------------ what moves it

    def execute(self, instrument: Instrument, signed_qty: Decimal, price: Decimal) -> Decimal:
        """Book an execution (negative quantity: a sale) and return the position afterwards."""
        self.cash -= signed_qty * price
        position = self.positions.get(instrument.symbol)
        if position is None:
            position = self.positions[instrument.symbol] = Position(instrument, ZERO, ZERO, ZERO)
        position.add(signed_qty, price)
        if not position.qty:
            del self.positions[instrument.symbol]
        return position.qty

    def move_cash(self, flow: Flow) -> None:
        """Book a deposit, withdrawal, dividend or fee."""
        self.cash += flow.net_amount
        self.activities.append(flow)

    def roll_day(self, prices: Prices) -> Decimal:
        """Close the day: keep its equity, value the positions anew. Return that equity."""
        self.last_equity = self.equity(prices)
        for symbol, position in self.positions.items():
            position.day_cost = position.qty * prices(symbol)
        return self.last_equity

    # ------------------------------------------------------------ what it is worth

    def market_values(self, prices: Prices) -> tuple[Decimal, Decimal]:
        """Return the market values of long and short positions; the second is not positive."""
        values = [position.qty * prices(symbol) for symbol, position in self.positions.items()]
        return total(v for v in values if v > 0), total(v for v in values if v < 0)

    def equity(self, prices: Prices) -> Decimal:
        """Return cash plus market value."""
        return self.cash + total(position.qty * prices(symbol) for symbol, position in self.positions.items())

    def initial_margin(self, prices: Prices) -> Decimal:
        """Return what the positions bind: all of a crypto position, 1/multiplier of a stock position."""
        bound = ZERO
        for symbol, position in self.positions.items():
            value = abs(position.qty * prices(symbol))
            bound += value if position.instrument.is_crypto else value / self.multiplier
        return bound

    def free_margin(self, prices: Prices, without: Order | None = None) -> Decimal:
        """Return equity that neither positions nor open orders bind; may be negative."""
        free = self.equity(prices) - self.initial_margin(prices)
        for order in self.open_orders.values():
            if order is not without and order is not None:
                free -= self.bound_by(order, prices)
        return free

    def bound_by(self, order: Order, prices: Prices) -> Decimal:
        """Return the equity that an open order binds: only what opens a position, and of a group only one leg."""
        if order.parent is not None or order.status == "pending_replace":
            return ZERO
        cost = self.opening_cost(order, prices)
        return cost if order.instrument.is_crypto else cost / self.multiplier

    def opening_cost(self, order: Order, prices: Prices) -> Decimal:
        """Return the price of the part of an order that opens or enlarges a position."""
        price = order.limit_price or order.stop_price or prices(order.symbol)
        if order.qty is None and order.target is None:
            return (order.notional or ZERO) if order.side == "buy" else ZERO
        held = self.quantity(order.symbol)
        closing = min(order.remaining, abs(held)) if held * order.sign < 0 else ZERO
        return (order.remaining - closing) * price

    def buying_power(self, prices: Prices, without: Order | None = None) -> Decimal:
        """Return what may be spent on stocks: free margin × multiplier."""
        return max(ZERO, self.free_margin(prices, without) * self.multiplier)

    def cash_power(self, prices: Prices, without: Order | None = None) -> Decimal:
        """Return what may be spent on what is not marginable (crypto)."""
        return max(ZERO, self.free_margin(prices, without))

    # ------------------------------------------------------------ what it may do

    def quantity(self, symbol: str) -> Decimal:
        """Return the position's signed quantity, 0 without one."""
        position = self.positions.get(symbol)
        return position.qty if position else ZERO

    def held(self, symbol: str, side: str, without: Order | None = None) -> Decimal:
        """Return the quantity that open orders on ``side`` hold; of a one-cancels-other pair only the working leg holds."""
        return total(
            order.remaining
            for order in self.open_orders.values()
            if order.symbol == symbol and order.side == side and order.status not in IDLE and order is not without
        )

    def available(self, symbol: str) -> Decimal:
        """Return the signed quantity that no open order holds."""
        qty = self.quantity(symbol)
        held = self.held(symbol, "sell" if qty > 0 else "buy")
        return max(ZERO, qty - held) if qty > 0 else min(ZERO, qty + held)

    def check(self, order: Order, prices: Prices, without: Order | None = None) -> None:
        """Refuse an order that the account cannot carry.

        Args:
            order: the order, not yet in the book.
            prices: present prices.
            without: an order that this one replaces.

        Raises:
            Rejection: 403 with code 40310000.
        """
        if self.configuration.suspend_trade:
            raise forbidden("new orders are rejected by user request")
        if order.parent is not None:
            return  # an exit is covered by its entry
        qty = self.quantity(order.symbol)
        if order.side == "sell" or qty < 0:
            self._check_quantity(order, qty, prices, without)
        self._check_power(order, prices, without)

    def _check_quantity(self, order: Order, qty: Decimal, prices: Prices, without: Order | None) -> None:
        closes = qty * order.sign < 0
        held = self.held(order.symbol, order.side, without) if closes else ZERO
        available = max(ZERO, abs(qty) - held) if closes else ZERO
        wanted = order.remaining if order.qty is not None else (order.notional or ZERO) / prices(order.symbol)
        if wanted <= available or (order.side == "buy" and not held):
            return
        if held or not self._may_short(order, prices):
            raise self._insufficient(order, wanted, available, qty, held)

    def _may_short(self, order: Order, prices: Prices) -> bool:
        return (
            order.side == "sell"
            and order.instrument.shortable
            and not self.configuration.no_shorting
            and self.multiplier > 1
            and order.qty is not None
            and order.qty == order.qty.to_integral_value()
            and self.quantity(order.symbol) % 1 == 0
            and self.equity(prices) >= MINIMUM_FOR_SHORTING
        )

    def _insufficient(self, order: Order, wanted: Decimal, free: Decimal, qty: Decimal, held: Decimal) -> Rejection:
        context = {
            "available": text(free),
            "available_qty": text(free),
            "required_qty": text(wanted),
            "existing_qty": text(abs(qty)),
            "held_for_orders": text(held),
            "symbol": order.symbol,
        }
        if order.instrument.is_crypto:
            coin = order.symbol.partition("/")[0]
            message = f"insufficient balance for {coin} (requested: {text(wanted)}, available: {text(free)})"
        else:
            message = f"insufficient qty available for order (requested: {text(wanted)}, available: {text(free)})"
        return forbidden(message, **context)

    def _check_power(self, order: Order, prices: Prices, without: Order | None) -> None:
        cost = self.opening_cost(order, prices)
        crypto = order.instrument.is_crypto
        power = self.cash_power(prices, without) if crypto else self.buying_power(prices, without)
        if cost > power:
            raise forbidden("insufficient buying power", buying_power=text(power), cost_basis=text(cost))
