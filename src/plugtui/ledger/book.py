"""The ledger's memory: takes what the stream and REST say, in any order and any number, and returns what is new.

It holds no executions, only their names, and the orders that may still change; the rest lies in the database.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from plugtui.control.messages import FactBody, Fill, OrderEvent
from plugtui.ledger.attribution import Attribution
from plugtui.ledger.executions import Execution, ExecutionBook, from_fill, from_update
from plugtui.ledger.orders import OrderRecord, event_key, event_of, family, merge, recovered_event
from plugtui.wire.trading import RestFill, TradeUpdate

ORDERS_REMEMBERED = 10_000
EVENTS_REMEMBERED = 200_000


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """A step in an order's life as the database keeps it."""

    key: str
    order_id: str
    event: str
    time_ns: int
    raw: str
    recovered: bool = False


@dataclass(slots=True)
class Changes:
    """What is new: to be committed in one transaction, then shown."""

    executions: list[Execution] = field(default_factory=list)
    events: list[OrderEvent] = field(default_factory=list)
    log: list[LoggedEvent] = field(default_factory=list)
    orders: dict[str, OrderRecord] = field(default_factory=dict)
    attributed: list[Execution] = field(default_factory=list)
    """Known executions whose algorithm became known."""
    fresh: bool = False
    """The message said something that was not known: it is worth handing on."""

    def __bool__(self) -> bool:
        return bool(self.executions or self.events or self.log or self.orders or self.attributed)

    def add(self, other: "Changes") -> None:
        """Take in later changes."""
        self.executions += other.executions
        self.events += other.events
        self.log += other.log
        self.orders |= other.orders
        self.attributed += other.attributed
        self.fresh = self.fresh or other.fresh

    def facts(self) -> list[FactBody]:
        """Return what the control link is told, in the order of its times; history is not told."""
        told: list[Fill | OrderEvent] = [*self.events, *(e.fact() for e in self.executions if e.source != "history")]
        told.sort(key=lambda body: body.time_ns)
        return [*told, *(execution.fact() for execution in self.attributed)]


class Ledger:
    """Merge statements about one account's orders and executions."""

    def __init__(self) -> None:
        self.executions = ExecutionBook()
        self.attribution = Attribution()
        self._orders: OrderedDict[str, OrderRecord] = OrderedDict()
        self._events: OrderedDict[str, None] = OrderedDict()

    # ------------------------------------------------------------- reading

    def order(self, order_id: str) -> OrderRecord | None:
        """Return what is known of an order; None when it is unknown or long done."""
        return self._orders.get(order_id)

    def open_orders(self, algo: str | None = None) -> list[OrderRecord]:
        """Return the orders that may still change; of one algorithm when it is given."""
        return [o for o in self._orders.values() if not o.final and (algo is None or o.algo == algo)]

    # ------------------------------------------------------------- restoring

    def restore_order(self, record: OrderRecord) -> None:
        """Take up an order from the database."""
        self._keep(record)

    def restore_event(self, key: str) -> None:
        """Take up an event's name from the database."""
        self._events[key] = None

    # ------------------------------------------------------------- taking

    def take_update(self, update: TradeUpdate, order: dict[str, Any], raw: str, arrived_ns: int) -> Changes:
        """Take one event of the account stream.

        Args:
            update: the event.
            order: its order as decoded JSON, for legs and for the record.
            raw: the event as it came.
            arrived_ns: stands in for times that it lacks.
        """
        changes = Changes()
        time_ns = update.time_ns or arrived_ns
        self._take_family(order, time_ns, changes)
        execution = from_update(update, arrived_ns)
        if execution is not None:
            changes.fresh = self._take_execution(execution, raw, changes)
            return changes
        key = event_key(update.order.id, update.event, time_ns, update.event_id)
        if key not in self._events:
            changes.fresh = True
            self._log(LoggedEvent(key, update.order.id, update.event, time_ns, raw), changes)
            if not update.is_execution:
                event = event_of(update, arrived_ns, _reason(raw))
                changes.events.append(self._attribute_event(event))
        return changes

    def take_orders(self, orders: Iterable[dict[str, Any]], now_ns: int, tell: bool) -> Changes:
        """Take orders as REST states them.

        Args:
            tell: turn what a status implies into recovered events; without, only the orders are kept (first import).
        """
        changes = Changes()
        for value in orders:
            for record in self._take_family(value, now_ns, changes):
                event = recovered_event(record)
                if event is None:
                    continue
                key = event_key(record.order_id, event.event, event.time_ns)
                if key in self._events:
                    continue
                logged = LoggedEvent(key, record.order_id, event.event, event.time_ns, record.raw, recovered=True)
                self._log(logged, changes)
                if tell:
                    changes.fresh = True
                    changes.events.append(event)
        return changes

    def implies_news(self, orders: Iterable[dict[str, Any]], now_ns: int) -> bool:
        """Tell whether the status of one of these orders implies an event that was not taken yet."""
        for value in orders:
            for record in family(value, time_ns=now_ns):
                event = recovered_event(record)
                if event and event_key(record.order_id, event.event, event.time_ns) not in self._events:
                    return True
        return False

    def take_answer(self, order: dict[str, Any], now_ns: int) -> Changes:
        """Take the broker's answer to a request: the order is known from now on, its events come on the stream.

        Raises:
            WireError: it is no order.
        """
        changes = Changes()
        self._take_family(order, now_ns, changes)
        return changes

    def take_fills(self, fills: Iterable[RestFill], source: str = "rest") -> Changes:
        """Take executions as REST states them; ``source`` is ``rest`` or ``history``."""
        changes = Changes()
        for fill in fills:
            if self._take_execution(from_fill(fill, source), "", changes):
                changes.fresh = True
        return changes

    def unknown(self, fills: Iterable[RestFill]) -> list[RestFill]:
        """Return the fills that are in no book yet."""
        return [fill for fill in fills if self.executions.known(from_fill(fill)) is None]

    def take_claim(self, kind: str, name: str, algo: str) -> tuple[bool, Changes, set[str]]:
        """Take a claim.

        Returns:
            whether it says something new; the orders that it changes; the ids of all orders whose executions it may change.
        """
        changes = Changes()
        is_new = self.attribution.claim(kind, name, algo)
        reached = self.attribution.reach(kind, name)
        for order_id in reached:
            record = self._orders.get(order_id)
            if record is not None:
                self._attribute_order(record, changes)
        return is_new, changes, reached if is_new else set()

    # ------------------------------------------------------------- inside

    def _take_family(self, value: dict[str, Any], time_ns: int, changes: Changes) -> list[OrderRecord]:
        taken = []
        for news in family(value, time_ns=time_ns):
            known = self._orders.get(news.order_id)
            record = merge(known, news)
            self.attribution.relate(
                record.order_id,
                client_order_id=record.client_order_id,
                replaces=record.replaces,
                parent_id=record.parent_id,
            )
            if record.replaced_by:
                self.attribution.relate(record.replaced_by, replaces=record.order_id)
            algo = self.attribution.algo_of(record.order_id, record.client_order_id)
            if algo is not None and algo != record.algo:
                record = msgspec.structs.replace(record, algo=algo)
            if record != known:
                self._keep(record)
                changes.orders[record.order_id] = record
            taken.append(record)
        return taken

    def _take_execution(self, execution: Execution, raw: str, changes: Changes) -> bool:
        if not self.executions.add(execution):
            return False
        order = self._orders.get(execution.order_id)
        client = execution.client_order_id or (order.client_order_id if order else "")
        execution = msgspec.structs.replace(
            execution,
            client_order_id=client,
            algo=self.attribution.algo_of(execution.order_id, client),
            order_qty=execution.order_qty if execution.order_qty is not None else (order.qty if order else None),
        )
        changes.executions.append(execution)
        key = f"{execution.order_id}:fill:{execution.cum_qty}"
        self._log(LoggedEvent(key, execution.order_id, "fill", execution.time_ns, raw, execution.recovered), changes)
        return True

    def _log(self, event: LoggedEvent, changes: Changes) -> None:
        self._events[event.key] = None
        if len(self._events) > EVENTS_REMEMBERED:
            self._events.popitem(last=False)
        changes.log.append(event)

    def _attribute_event(self, event: OrderEvent) -> OrderEvent:
        algo = self.attribution.algo_of(event.order_id, event.client_order_id)
        return msgspec.structs.replace(event, algo=algo)

    def _attribute_order(self, record: OrderRecord, changes: Changes) -> None:
        algo = self.attribution.algo_of(record.order_id, record.client_order_id)
        if algo != record.algo:
            record = msgspec.structs.replace(record, algo=algo)
            self._keep(record)
            changes.orders[record.order_id] = record

    def _keep(self, record: OrderRecord) -> None:
        self._orders[record.order_id] = record
        self._orders.move_to_end(record.order_id)
        if len(self._orders) > ORDERS_REMEMBERED:
            self._evict()

    def _evict(self) -> None:
        """Forget the orders that are longest done; what is open is kept whatever its age."""
        done = [order_id for order_id, record in self._orders.items() if record.final]
        for order_id in done[: ORDERS_REMEMBERED // 10]:
            del self._orders[order_id]
            self.attribution.forget(order_id)


class _Reasons(msgspec.Struct):
    reason: str | None = None
    reject_reason: str | None = None
    message: str | None = None


_reasons = msgspec.json.Decoder(_Reasons)


def _reason(raw: str) -> str:
    """Return why an order was refused, where the event says it (undocumented keys)."""
    try:
        found = _reasons.decode(raw)
    except msgspec.DecodeError:
        return ""
    return found.reason or found.reject_reason or found.message or ""
