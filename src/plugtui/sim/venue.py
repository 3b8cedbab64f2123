"""The life of orders: submitted, routed, matched, cancelled, replaced, expired. No I/O; time is what it is told."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from random import Random
from typing import Any

from plugtui.sim.accounts import Account
from plugtui.sim.calendar import Session, TradingCalendar
from plugtui.sim.executions import Execution
from plugtui.sim.identities import Identities
from plugtui.sim.instruments import MarketView
from plugtui.sim.knobs import TradingFaults
from plugtui.sim.matching import Liquidity, executable, in_priority, marketable, observe, split
from plugtui.sim.numbers import ZERO, text
from plugtui.sim.orders import WORKING, Order
from plugtui.sim.rejections import invalid, not_found, unprocessable
from plugtui.sim.requests import Body, Context, build, build_replacement
from plugtui.sim.scheduler import Scheduler
from plugtui.wire.times import ns_to_rfc3339

Listener = Callable[[str, dict[str, Any]], None]
"""Called with the account's name and the ``data`` object of a ``trade_updates`` message (protocol §2.4)."""

GTC_LIFE_NS = 90 * 86_400 * 1_000_000_000
REPLACEABLE = WORKING | {"accepted", "pending_new", "held"}


class Venue:
    """Own the books of all instruments; move orders and tell the listeners what happened to them.

    Args:
        market: prices.
        calendar: when stocks trade.
        faults: latency and partial fills, read each time.
        accounts: by name.
        seed: of ids, latencies and partial fills.
        now_ns: the first instant.
    """

    def __init__(
        self,
        market: MarketView,
        calendar: TradingCalendar,
        faults: TradingFaults,
        accounts: Mapping[str, Account],
        seed: int,
        now_ns: int,
    ) -> None:
        self.market = market
        self.calendar = calendar
        self.faults = faults
        self.accounts = accounts
        self.schedule = Scheduler()
        self.now_ns = now_ns
        self.horizon_ns = now_ns
        """Where the present advance ends."""
        self.listeners: list[Listener] = []
        self._ids = Identities(Random(f"{seed}:orders"))
        self._random = Random(f"{seed}:matching")
        self._sequence = 0
        self._books: dict[str, dict[str, Order]] = {}
        self._liquidity: dict[str, Liquidity] = {}
        self._session: Session | None = None

    # ------------------------------------------------------------ time

    def advance(self, now_ns: int) -> None:
        """Do all that is due until ``now_ns``, in its order; time never runs backwards."""
        self.horizon_ns = max(self.horizon_ns, now_ns)
        while due := self.schedule.pop_due(now_ns):
            self.now_ns = max(self.now_ns, due[0])
            due[1]()
        self.now_ns = max(self.now_ns, now_ns)

    def _later(self, action: Callable[[], None]) -> None:
        low, high = self.faults.fill_latency_ms
        delay_ns = int(self._random.uniform(low, high) * 1_000_000)
        if delay_ns:
            self.schedule.at(self.now_ns + delay_ns, action)
        else:
            action()

    def is_open(self) -> bool:
        """Tell whether stocks trade now."""
        session = self._session
        if session is None or not session.open_ns <= self.now_ns < session.close_ns:
            session = self._session = self.calendar.session_at(self.now_ns)
        return session is not None

    def _trades_now(self, order: Order) -> bool:
        if order.instrument.is_crypto or self.is_open():
            return True
        return order.extended_hours and self.calendar.is_extended(self.now_ns)

    # ------------------------------------------------------------ requests

    def submit(self, account: Account, body: Body) -> Order:
        """Accept a new order. Raises Rejection."""
        order = build(body, self._context(account))
        if order.client_order_id in account.client_ids:
            raise invalid("client_order_id must be unique")
        account.check(order, self.market.last)
        if order.order_class == "oco" and account.quantity(order.symbol) * order.sign >= 0:
            raise invalid("oco orders must be exit orders")
        for each in (order, *order.legs):
            self._register(account, each)
        self._route(order)
        return order

    def _context(self, account: Account) -> Context:
        return Context(
            account.name, self.market.instruments, self.now_ns, self._ids.uuid, self._next_sequence, account.quantity
        )

    def _next_sequence(self) -> int:
        self._sequence += 1
        return self._sequence

    def _register(self, account: Account, order: Order) -> None:
        account.orders[order.id] = account.open_orders[order.id] = order
        account.client_ids[order.client_order_id] = order

    def _route(self, order: Order) -> None:
        """Send an order to the exchange: at once, or when its session comes."""
        if order.time_in_force in ("opg", "cls"):
            self._wait_for_auction(order)
            return
        self._set_expiry(order)
        if self._trades_now(order):
            order.status = "pending_new"
            self._later(lambda: self._arrive(order))
        else:
            order.status = "accepted"
            self.schedule.at(self._opening(order), lambda: self._arrive(order))

    def _opening(self, order: Order) -> int:
        if order.extended_hours:
            ahead = self.calendar.next_session(self.now_ns)
            if ahead.extended_open_ns > self.now_ns:
                return ahead.extended_open_ns
        return self.calendar.next_open(self.now_ns)

    def _set_expiry(self, order: Order) -> None:
        if order.time_in_force == "day":
            session = self.calendar.next_session(self.now_ns)
            order.expires_ns = session.extended_close_ns if order.extended_hours else session.close_ns
        elif order.time_in_force == "gtc" and not order.instrument.is_crypto:
            order.expires_ns = self.now_ns + GTC_LIFE_NS
        if order.expires_ns is not None:
            self.schedule.at(order.expires_ns, lambda: self._expire(order))

    def cancel(self, account: Account, order_id: str, at_once: bool = False) -> Order:
        """Ask for an order's end, which comes after the usual latency unless ``at_once``. Raises Rejection."""
        order = self.find(account, order_id)
        if not order.is_open or order.status in ("pending_cancel", "pending_replace"):
            raise unprocessable(f'order is already in "{order.status}" state')
        order.cancel_requested_ns = self.now_ns
        if order.status in ("accepted", "held"):
            self._cancel(order)
        else:
            self._leave_book(order)
            self._change(order, "pending_cancel", "pending_cancel")
            if at_once:
                self._cancel(order)
            else:
                self._later(lambda: self._cancel(order))
        return order

    def replace(self, account: Account, order_id: str, body: Body) -> Order:
        """Ask for an order to take another's place; return the new one. Raises Rejection."""
        old = self.find(account, order_id)
        if old.status not in REPLACEABLE:
            raise unprocessable(f'cannot replace order in "{old.status}" state')
        new = build_replacement(old, body, self._context(account))
        if new.client_order_id in account.client_ids:
            raise invalid("client_order_id must be unique")
        new.parent = old.parent
        if new.parent is not None and new.remaining > old.remaining:
            raise invalid("the quantity of an exit cannot grow")
        account.check(new, self.market.last, without=old)
        self._register(account, new)
        waiting = old.status in ("accepted", "held")
        new.status = old.status if waiting else "pending_new"
        self._leave_book(old)
        if waiting:
            self._replaced(old, new)
        else:
            old.status = "pending_replace"
            old.updated_ns = self.now_ns
            self._later(lambda: self._replaced(old, new))
        return new

    def find(self, account: Account, order_id: str) -> Order:
        """Return an order of the account by its id. Raises Rejection (404)."""
        order = account.orders.get(order_id)
        if order is None:
            raise not_found(f"order not found for {order_id}")
        return order

    # ------------------------------------------------------------ what happens to orders

    def _arrive(self, order: Order) -> None:
        if order.status not in ("pending_new", "accepted"):
            return
        if order.symbol in self.faults.halted.split(","):
            order.failed_ns = self.now_ns
            self._end(order, "rejected")
            return
        self._change(order, "new", "new")
        self._enter_book(order)
        if order.order_class == "oco" and order.parent is None:
            for leg in order.legs:
                self._enter_book(leg)
        self._match(order.symbol)
        if order.is_open and order.time_in_force in ("ioc", "fok"):
            self._cancel(order)

    def _cancel(self, order: Order) -> None:
        if not order.is_open:
            return
        order.canceled_ns = self.now_ns
        self._end(order, "canceled")

    def _expire(self, order: Order) -> None:
        if not order.is_open:
            return
        order.expired_ns = self.now_ns
        self._end(order, "expired")

    def _end(self, order: Order, status: str) -> None:
        """Close an order without an execution, and what depends on it."""
        self._close(order)
        self._change(order, status, status)
        if order.order_class == "oco" or order.parent is not None:
            others = order.pair()
        else:
            others = [leg for leg in order.legs if leg.is_open]
        for other in others:
            self._cancel(other)

    def _replaced(self, old: Order, new: Order) -> None:
        if not old.is_open:
            new.failed_ns = self.now_ns
            self._close(new)
            self._change(new, "rejected", "rejected")
            return
        if not new.is_open:
            self._cancel(old)  # who cancels the new order before it took effect wants neither
            return
        old.replaced_by, old.replaced_ns = new.id, self.now_ns
        self._inherit(old, new)
        self._close(old)
        self._change(old, "replaced", "replaced")
        if new.status == "held":
            new.updated_ns = self.now_ns
            if new.parent is not None and (new.parent.status == "filled" or new.order_class == "oco"):
                self._enter_book(new)
        else:
            self._route(new)

    @staticmethod
    def _inherit(old: Order, new: Order) -> None:
        new.legs, old.legs = old.legs, []
        for leg in new.legs:
            leg.parent = new
        if old.parent is not None:
            old.parent.legs = [new if leg is old else leg for leg in old.parent.legs]

    def _close(self, order: Order) -> None:
        self._leave_book(order)
        self.accounts[order.account].open_orders.pop(order.id, None)

    def _change(self, order: Order, status: str, event: str) -> None:
        order.status = status
        order.updated_ns = self.now_ns
        self._emit(event, order)

    # ------------------------------------------------------------ matching

    def _enter_book(self, order: Order) -> None:
        self._books.setdefault(order.symbol, {})[order.id] = order

    def _leave_book(self, order: Order) -> None:
        book = self._books.get(order.symbol)
        if book and book.pop(order.id, None) and not book:
            del self._books[order.symbol]

    def on_prices(self, symbols: Iterable[str]) -> None:
        """Match the orders of these symbols after their markets moved; costs nothing for symbols without orders."""
        books, liquidity = self._books, self._liquidity
        # Sorted, since a set of strings has another order in each process.
        for symbol in sorted(symbol for symbol in symbols if symbol in books or symbol in liquidity):
            liquidity.pop(symbol, None)
            self._match(symbol)

    def _match(self, symbol: str) -> None:
        book = self._books.get(symbol)
        if not book:
            return
        liquidity = self._liquidity.get(symbol)
        if liquidity is None:
            liquidity = self._liquidity[symbol] = Liquidity.of(self.market.top(symbol))
        last = self.market.last(symbol)
        for order in in_priority(book.values()):
            if not order.is_open or order.id not in book or not self._trades_now(order):
                continue
            if observe(order, last) and order.status == "held":
                self._release(order)
            if order.status in WORKING:
                self._try(order, liquidity)

    def _release(self, order: Order) -> None:
        """Let the stop of a one-cancels-other pair go to work, and end its sibling."""
        for other in order.pair():
            self._cancel_alone(other)
        self._change(order, "new", "new")

    def _cancel_alone(self, order: Order) -> None:
        order.canceled_ns = self.now_ns
        self._close(order)
        self._change(order, "canceled", "canceled")

    def _try(self, order: Order, liquidity: Liquidity) -> None:
        qty = executable(order, liquidity)
        if order.target == ZERO:
            self._cancel(order)
        if qty <= 0:
            return
        if order.time_in_force != "fok" and self._random.random() < self.faults.partial_fill_probability:
            qty = min(qty, split(order, qty, Decimal(self._random.randint(10, 90)) / 100))
        liquidity.take(order, qty)
        self._execute(order, qty, liquidity.price(order))

    def _execute(self, order: Order, qty: Decimal, price: Decimal) -> None:
        account = self.accounts[order.account]
        position = account.execute(order.instrument, order.sign * qty, price)
        order.filled_qty += qty
        order.filled_value += qty * price
        execution = Execution(
            execution_id=self._ids.uuid(),
            opaque_id=self._ids.uuid(),
            order_id=order.id,
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            side=order.side,
            qty=qty,
            price=price,
            cum_qty=order.filled_qty,
            leaves_qty=order.remaining,
            position_qty=position,
            time_ns=self.now_ns,
            short=order.side == "sell" and position < 0,
        )
        account.executions.append(execution)
        account.activities.append(execution)
        order.updated_ns = self.now_ns
        order.status = "partially_filled" if order.remaining else "filled"
        if order.status == "filled":
            order.filled_ns = self.now_ns
            self._close(order)
        self._emit("partial_fill" if order.remaining else "fill", order, execution)
        self._after_execution(order)

    def _after_execution(self, order: Order) -> None:
        if order.order_class == "simple":
            return
        if order.parent is None and order.order_class != "oco":
            if order.status == "filled":
                self._arm(order)
            return
        for other in order.pair():
            if order.status == "filled":
                self._cancel_alone(other)
            else:
                other.qty = other.filled_qty + order.remaining

    def _arm(self, parent: Order) -> None:
        """Put the exits of a filled entry to work: of two, the stop stays held until its price is reached."""
        for leg in [leg for leg in parent.legs if leg.is_open]:
            self._set_expiry(leg)
            self._enter_book(leg)
            if len(parent.legs) == 1 or not leg.is_stop:
                self._change(leg, "new", "new")
        self.schedule.at(self.now_ns, lambda: self._match(parent.symbol))

    # ------------------------------------------------------------ auctions

    def _wait_for_auction(self, order: Order) -> None:
        order.status = "accepted"
        if order.time_in_force == "opg":
            order.expires_ns = self.calendar.next_open(self.now_ns)
        else:
            order.expires_ns = self.calendar.next_close(self.now_ns)
        self.schedule.at(order.expires_ns, lambda: self._auction(order))

    def _auction(self, order: Order) -> None:
        """Execute an order wholly at the last price, or let it expire when its limit does not reach it."""
        if not order.is_open:
            return
        price = self.market.last(order.symbol)
        top = self.market.top(order.symbol)
        at_price = type(top)(price, order.remaining, price, order.remaining)
        self._change(order, "new", "new")
        if marketable(order, Liquidity.of(at_price)):
            self._execute(order, order.remaining, price)
        else:
            self._expire(order)

    # ------------------------------------------------------------ telling

    def _emit(self, event: str, order: Order, execution: Execution | None = None) -> None:
        now = ns_to_rfc3339(self.now_ns)
        data: dict[str, Any] = {"at": now, "event_id": self._ids.ulid(self.now_ns), "event": event, "timestamp": now}
        if execution is not None:
            data |= {
                "execution_id": execution.execution_id,
                "price": text(execution.price),
                "qty": text(execution.qty),
                "position_qty": text(execution.position_qty),
            }
        data["order"] = order.to_json()
        for listener in self.listeners:
            listener(order.account, data)
