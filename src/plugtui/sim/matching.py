"""When, at what price and how much an order executes against the top of the book. Pure: prices in, quantities out."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from plugtui.sim.instruments import Top
from plugtui.sim.numbers import QTY_STEP, ZERO, floor_to
from plugtui.sim.orders import Order


@dataclass(slots=True)
class Liquidity:
    """What of the displayed sizes is left until the market shows new ones."""

    top: Top
    bid_left: Decimal
    ask_left: Decimal

    @classmethod
    def of(cls, top: Top) -> "Liquidity":
        """Start with all that is displayed."""
        return cls(top, top.bid_size, top.ask_size)

    def price(self, order: Order) -> Decimal:
        """Return the price an order would get now."""
        return self.top.ask if order.side == "buy" else self.top.bid

    def left(self, order: Order) -> Decimal:
        """Return the size that an order could still take."""
        return self.ask_left if order.side == "buy" else self.bid_left

    def take(self, order: Order, qty: Decimal) -> None:
        """Use up ``qty`` of the side that an order takes from."""
        if order.side == "buy":
            self.ask_left -= qty
        else:
            self.bid_left -= qty


def observe(order: Order, last: Decimal) -> bool:
    """Show a stop order the last trade price: move a trailing stop, trigger what is reached. Return whether it triggered."""
    if not order.is_stop:
        return False
    if order.type == "trailing_stop":
        _trail(order, last)
    if order.stop_price is None or not (last >= order.stop_price if order.side == "buy" else last <= order.stop_price):
        return False
    order.triggered = True
    return True


def _trail(order: Order, last: Decimal) -> None:
    best = min if order.side == "buy" else max
    order.hwm = last if order.hwm is None else best(order.hwm, last)
    percent = order.trail_percent or ZERO
    distance = order.hwm * percent / 100 if order.trail_price is None else order.trail_price
    step = order.instrument.price_increment
    order.stop_price = floor_to(order.hwm + order.sign * distance, step)


def marketable(order: Order, liquidity: Liquidity) -> bool:
    """Tell whether an order's limit, if it has one, reaches the other side of the book."""
    if order.is_stop:
        return False
    if order.type in ("market", "stop", "trailing_stop") or order.limit_price is None:
        return True
    price = liquidity.price(order)
    return order.limit_price >= price if order.side == "buy" else order.limit_price <= price


def executable(order: Order, liquidity: Liquidity) -> Decimal:
    """Return how much of an order executes now against what is displayed; 0 when nothing.

    A notional order gets its quantity here, at its first execution. A fill-or-kill order takes all or nothing.
    """
    if liquidity.price(order) <= 0 or not marketable(order, liquidity):
        return ZERO
    if order.qty is None and order.target is None:
        step = order.instrument.min_size if order.instrument.is_crypto else QTY_STEP
        order.target = floor_to((order.notional or ZERO) / liquidity.price(order), step)
    qty = min(order.remaining, max(ZERO, liquidity.left(order)))
    return ZERO if order.time_in_force == "fok" and qty < order.remaining else qty


def split(order: Order, qty: Decimal, share: Decimal) -> Decimal:
    """Return a part of ``qty`` (0 < ``share`` < 1), a whole number of the order's steps and at least one."""
    whole = order.remaining == order.remaining.to_integral_value() and not order.instrument.is_crypto
    step = Decimal(1) if whole else order.instrument.min_size
    return max(min(step, qty), floor_to(qty * share, step))


def priority(order: Order) -> tuple[int, Decimal, int]:
    """Return the sort key of price-time priority: market orders, then the better limit, then the older."""
    if order.limit_price is None:
        return (0, ZERO, order.sequence)
    return (1, -order.sign * order.limit_price, order.sequence)


def in_priority(orders: Iterable[Order]) -> list[Order]:
    """Sort orders as the book serves them."""
    return sorted(orders, key=priority)
