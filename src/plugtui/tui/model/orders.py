"""The life of an order, from the facts that the dashboard has and from the engine's fuller answer."""

from collections import OrderedDict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from plugtui.control.messages import Fill, OrderEvent
from plugtui.tui import format as fmt

_FIRST = frozenset({"pending_new", "accepted", "new", "held"})
"""What comes before everything else, although its time may be some microseconds after that of the first execution."""

_ENDS = frozenset({"filled", "canceled", "expired", "replaced", "rejected"})
"""Statuses that a late event of an earlier step does not undo."""


class Step(msgspec.Struct, frozen=True, gc=False):
    """One event in the life of an order; worded only when somebody looks."""

    body: Fill | OrderEvent

    @property
    def time_ns(self) -> int:
        """When it happened."""
        return self.body.time_ns

    @property
    def recovered(self) -> bool:
        """Not heard on the stream but fetched afterwards."""
        return self.body.recovered

    @property
    def event(self) -> str:
        """What happened: ``execution``, or the event's name."""
        return "execution" if isinstance(self.body, Fill) else self.body.event

    @property
    def text(self) -> str:
        """The rest, for a person."""
        of = self.body
        if isinstance(of, Fill):
            return f"{fmt.quantity(of.qty)} @ {fmt.price(of.price)}, {fmt.quantity(of.cum_qty)} in all"
        prices = (("limit", of.limit_price), ("stop", of.stop_price))
        limits = [f"{name} {fmt.price(value)}" for name, value in prices if value is not None]
        return ", ".join([*limits, *([of.reason] if of.reason else [])])


class OrderLife(msgspec.Struct):
    """An order as far as it is known."""

    order_id: str
    symbol: str = ""
    side: str = ""
    order_type: str = ""
    qty: Decimal | None = None
    filled_qty: Decimal = Decimal(0)
    status: str = ""
    algo: str | None = None
    client_order_id: str = ""
    steps: dict[str, Step] = {}

    @property
    def fills(self) -> list[Fill]:
        """Its executions, in the order in which they were heard of."""
        return [step.body for step in self.steps.values() if isinstance(step.body, Fill)]

    @property
    def average_price(self) -> Decimal | None:
        """Mean price of the executions that are known; ``None`` before the first."""
        fills = self.fills
        qty = sum((fill.qty for fill in fills), Decimal(0))
        return (sum((fill.qty * fill.price for fill in fills), Decimal(0)) / qty) if qty else None

    @property
    def terms(self) -> str:
        """What was ordered: ``limit 186.59``, ``stop 20.00 limit 19.00``, ``market``."""
        events = [step.body for step in self.in_order() if isinstance(step.body, OrderEvent)]
        last = events[-1] if events else None
        prices = (("stop", last.stop_price), ("limit", last.limit_price)) if last else ()
        named = [f"{name} {fmt.price(value)}" for name, value in prices if value is not None]
        return " ".join(named) or self.order_type.replace("_", " ")

    @property
    def reason(self) -> str:
        """Why it was refused or ended, when that was said."""
        said = [step.body.reason for step in self.in_order() if isinstance(step.body, OrderEvent)]
        return next((reason for reason in reversed(said) if reason), "")

    def in_order(self) -> list[Step]:
        """Return the steps by time."""
        return sorted(self.steps.values(), key=lambda step: (step.event not in _FIRST, step.time_ns))


class OrderBook:
    """Lives of the newest orders, bounded."""

    def __init__(self, limit: int = 2000) -> None:
        self._limit = limit
        self._lives: OrderedDict[str, OrderLife] = OrderedDict()

    def get(self, order_id: str) -> OrderLife | None:
        """Return what is known of an order."""
        return self._lives.get(order_id)

    def of_algo(self, algo: str, limit: int = 50) -> list[OrderLife]:
        """Return the newest orders of an algorithm, the newest first."""
        found: list[OrderLife] = []
        for life in reversed(self._lives.values()):
            if life.algo == algo:
                found.append(life)
                if len(found) == limit:
                    break
        return found

    def add_fill(self, fill: Fill) -> None:
        """Add an execution."""
        life = self._life(fill.order_id)
        life.symbol, life.side, life.client_order_id = fill.symbol, fill.side, fill.client_order_id
        life.algo = fill.algo or life.algo
        life.qty = fill.order_qty if fill.order_qty is not None else life.qty
        life.filled_qty = max(life.filled_qty, fill.cum_qty)
        done = life.qty is not None and life.filled_qty >= life.qty
        if life.status not in _ENDS:
            life.status = "filled" if done else "partially_filled"
        life.steps[fill.execution_id] = Step(fill)

    def add_event(self, event: OrderEvent) -> None:
        """Add a step that is not an execution."""
        life = self._life(event.order_id)
        life.symbol, life.side, life.client_order_id = event.symbol, event.side, event.client_order_id
        life.order_type = event.order_type
        if life.status not in _ENDS or event.status in _ENDS:
            life.status = event.status
        life.algo = event.algo or life.algo
        life.qty = event.qty if event.qty is not None else life.qty
        life.filled_qty = max(life.filled_qty, event.filled_qty)
        life.steps[f"{event.event}/{event.time_ns}"] = Step(event)

    def _life(self, order_id: str) -> OrderLife:
        life = self._lives.get(order_id)
        if life is None:
            life = self._lives[order_id] = OrderLife(order_id)
            if len(self._lives) > self._limit:
                self._lives.popitem(last=False)
        return life


def life_of(answer: Mapping[str, Any]) -> OrderLife | None:
    """Build the life of an order from the engine's answer to ``order``; ``None`` when it holds none that can be read.

    It is what there is of an order that this dashboard has not heard of: one of the account's past.
    """
    order = answer.get("order")
    if not isinstance(order, Mapping):
        return None
    try:
        book, record = OrderBook(limit=1), msgspec.convert(order, _Record, strict=False)
        for value in answer.get("events") or []:
            event = msgspec.convert(value, _Event, strict=False)
            book.add_event(record.event(event.event, event.time_ns, event.recovered))
        for value in answer.get("executions") or []:
            book.add_fill(msgspec.convert(value, Fill))
        if not (life := book.get(record.order_id)) or not life.steps:
            book.add_event(record.event(record.status, record.updated_ns, recovered=False))
            life = book.get(record.order_id)
    except msgspec.ValidationError:
        return None
    if life:
        life.status, life.order_type, life.algo = record.status, record.type, record.algo or life.algo
    return life


class _Record(msgspec.Struct, frozen=True):
    """What is needed of an order's row in the ledger."""

    order_id: str
    client_order_id: str
    symbol: str
    side: str
    type: str
    status: str
    filled_qty: Decimal
    updated_ns: int
    qty: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    algo: str | None = None

    def event(self, name: str, time_ns: int, recovered: bool) -> OrderEvent:
        """Return an event of this order; how far it was filled then, its executions say."""
        return OrderEvent(
            order_id=self.order_id,
            client_order_id=self.client_order_id,
            symbol=self.symbol,
            side=self.side,
            event=name,
            status=name,
            order_type=self.type,
            qty=self.qty,
            limit_price=self.limit_price,
            stop_price=self.stop_price,
            filled_qty=Decimal(0) if name != self.status else self.filled_qty,
            time_ns=time_ns,
            algo=self.algo,
            recovered=recovered,
        )


class _Event(msgspec.Struct, frozen=True):
    event: str
    time_ns: int
    recovered: bool = False


def raw_of(answer: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Pick the raw messages out of the engine's answer to ``order``, as (title, JSON value)."""
    found: list[tuple[str, Any]] = []
    order = answer.get("order")
    if isinstance(order, Mapping):
        found.append(("order as the broker states it", order.get("raw") or order))
    found.extend(
        (str(event.get("event", "event")), event["raw"])
        for event in answer.get("events") or []
        if isinstance(event, Mapping) and event.get("raw")
    )
    return found
