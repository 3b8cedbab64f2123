"""The life of orders, from events and REST answers in any order and any number (row F2).

Two statements about one order are merged by rules that do not depend on which came first: what is final stays final, the filled
quantity never shrinks, and otherwise the later statement counts.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

from plugtui.control.messages import OrderEvent
from plugtui.ledger.executions import plain_side
from plugtui.wire.trading import Order, TradeUpdate, order_from

FINAL = frozenset({"filled", "canceled", "expired", "replaced", "rejected"})
"""Statuses after which nothing more happens to an order."""

ONCE = frozenset({"new", "accepted", "pending_new", "canceled", "expired", "replaced", "rejected", "done_for_day"})
"""Events that happen once in an order's life, so that order and event name them; others are named by their time as well."""

_STAGE = {
    "pending_new": 1,
    "accepted": 2,
    "held": 2,
    "accepted_for_bidding": 2,
    "new": 3,
    "partially_filled": 4,
    "pending_replace": 5,
    "pending_cancel": 5,
    "done_for_day": 6,
    "stopped": 6,
    "suspended": 6,
    "calculated": 6,
}


class OrderRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger knows of one order."""

    order_id: str
    client_order_id: str = ""
    symbol: str = ""
    side: str = ""
    type: str = ""
    tif: str = ""
    qty: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    status: str = ""
    filled_qty: Decimal = Decimal(0)
    filled_avg_price: Decimal | None = None
    submitted_ns: int | None = None
    updated_ns: int = 0
    replaced_by: str | None = None
    replaces: str | None = None
    parent_id: str | None = None
    algo: str | None = None
    raw: str = "{}"

    @property
    def final(self) -> bool:
        """Nothing more will happen to it."""
        return self.status in FINAL

    def _rank(self) -> tuple[bool, int, int, str, str]:
        # Only of what merging never mixes: so the outcome does not depend on the order of merging.
        return (self.final, self.updated_ns, _STAGE.get(self.status, 0), self.status, self.raw)


def from_order(order: Order, *, time_ns: int, raw: str, parent_id: str | None = None) -> OrderRecord:
    """Read an order as REST or the stream states it; ``time_ns`` stands in where it carries no time."""
    return OrderRecord(
        order_id=order.id,
        client_order_id=order.client_order_id,
        symbol=order.symbol or "",
        side=plain_side(order.side),
        type=order.kind,
        tif=order.time_in_force or "",
        qty=order.qty,
        limit_price=order.limit_price,
        stop_price=order.stop_price,
        status=order.status,
        filled_qty=order.filled_qty or Decimal(0),
        filled_avg_price=order.filled_avg_price,
        submitted_ns=order.submitted_ns,
        updated_ns=order.updated_ns or time_ns,
        replaced_by=order.replaced_by,
        replaces=order.replaces,
        parent_id=parent_id,
        raw=raw,
    )


def family(value: dict[str, Any], *, time_ns: int) -> Iterator[OrderRecord]:
    """Read an order from decoded JSON, and its bracket legs, each leg with its parent. Raises WireError."""
    yield from_order(order_from(value), time_ns=time_ns, raw=msgspec.json.encode(value).decode())
    for leg in value.get("legs") or ():
        raw = msgspec.json.encode(leg).decode()
        yield from_order(order_from(leg), time_ns=time_ns, raw=raw, parent_id=str(value["id"]))


def merge(known: OrderRecord | None, news: OrderRecord) -> OrderRecord:
    """Return what both statements say together; the same for either order and any repetition."""
    if known is None:
        return news
    newer, older = (news, known) if news._rank() > known._rank() else (known, news)
    fuller = newer if newer.filled_qty >= older.filled_qty else older
    return msgspec.structs.replace(
        newer,
        client_order_id=newer.client_order_id or older.client_order_id,
        symbol=newer.symbol or older.symbol,
        filled_qty=fuller.filled_qty,
        filled_avg_price=fuller.filled_avg_price,
        submitted_ns=_earliest(newer.submitted_ns, older.submitted_ns),
        replaced_by=newer.replaced_by or older.replaced_by,
        replaces=newer.replaces or older.replaces,
        parent_id=newer.parent_id or older.parent_id,
        algo=newer.algo or older.algo,
    )


def _earliest(one: int | None, other: int | None) -> int | None:
    times = [time for time in (one, other) if time is not None]
    return min(times) if times else None


def event_key(order_id: str, event: str, time_ns: int, event_id: str | None = None) -> str:
    """Name an event so that every delivery of it, and its recovery from REST, bears the same name."""
    if event in ONCE:
        return f"{order_id}:{event}"
    return f"{order_id}:{event}:{event_id or time_ns}"


def event_of(update: TradeUpdate, arrived_ns: int, reason: str = "") -> OrderEvent:
    """Return the control link's form of an event that is no execution; ``reason`` is what the message says of a reject."""
    order = update.order
    return OrderEvent(
        order_id=order.id,
        client_order_id=order.client_order_id,
        symbol=order.symbol or "",
        side=plain_side(order.side),
        event=update.event,
        status=order.status,
        order_type=order.kind,
        qty=order.qty,
        limit_price=order.limit_price,
        stop_price=order.stop_price,
        filled_qty=order.filled_qty or Decimal(0),
        time_ns=update.time_ns or arrived_ns,
        algo=None,
        reason=reason,
    )


def recovered_event(record: OrderRecord) -> OrderEvent | None:
    """Return the event that a status read from REST implies; None for those that executions explain and those in passing."""
    if record.status not in ONCE or record.status == "pending_new":
        return None
    return OrderEvent(
        order_id=record.order_id,
        client_order_id=record.client_order_id,
        symbol=record.symbol,
        side=record.side,
        event=record.status,
        status=record.status,
        order_type=record.type,
        qty=record.qty,
        limit_price=record.limit_price,
        stop_price=record.stop_price,
        filled_qty=record.filled_qty,
        time_ns=record.updated_ns,
        algo=record.algo,
        recovered=True,
    )
