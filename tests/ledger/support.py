"""A small exchange on paper: orders with their life, as stream events and as REST answers."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from plugtui.wire.times import ns_to_rfc3339
from plugtui.wire.trading import RestFill, TradeUpdate, decode_trade_update, fill_from

START_NS = 1_736_000_000_000_000_000


def order_json(
    order_id: str, status: str = "new", filled: str = "0", at_ns: int = START_NS, **more: Any
) -> dict[str, Any]:
    """Return an order as the wire gives it."""
    return {
        "id": order_id,
        "client_order_id": f"client-{order_id}",
        "created_at": ns_to_rfc3339(START_NS),
        "submitted_at": ns_to_rfc3339(START_NS),
        "updated_at": ns_to_rfc3339(at_ns),
        "symbol": "AAPL",
        "side": "buy",
        "type": "limit",
        "order_type": "limit",
        "time_in_force": "day",
        "qty": "10",
        "limit_price": "190",
        "filled_qty": filled,
        "filled_avg_price": None,
        "status": status,
        "replaced_by": None,
        "replaces": None,
        "legs": None,
    } | more


@dataclass(frozen=True)
class Event:
    """One event, ready to be taken."""

    update: TradeUpdate
    order: dict[str, Any]
    raw: str
    at_ns: int

    def __repr__(self) -> str:
        return f"<{self.update.event} of {self.update.order.id}>"


def event(name: str, order: dict[str, Any], at_ns: int, **more: Any) -> Event:
    """Return an event of the stream."""
    raw = msgspec.json.encode(
        {"event": name, "timestamp": ns_to_rfc3339(at_ns), "order": order, "event_id": f"{at_ns}-{order['id']}"} | more
    )
    return Event(decode_trade_update(raw), order, raw.decode(), at_ns)


def life(
    order_id: str, fills: list[tuple[str, str]], final: str = "", side: str = "buy", symbol: str = "AAPL"
) -> list[Event]:
    """Return the events of an order: new, its fills as (qty, price), and a final event.

    Args:
        final: ``canceled`` or empty: the last fill fills it.
    """
    now_ns = START_NS + 1_000
    shape = {"side": side, "symbol": symbol}
    events = [event("new", order_json(order_id, at_ns=now_ns, **shape), now_ns)]
    done = Decimal(0)
    for n, (qty, price) in enumerate(fills):
        now_ns += 1_000
        done += Decimal(qty)
        last = n == len(fills) - 1 and not final
        order = order_json(order_id, "filled" if last else "partially_filled", str(done), now_ns, **shape)
        name = "fill" if last else "partial_fill"
        execution = f"exec-{order_id}-{n}"
        events.append(event(name, order, now_ns, execution_id=execution, qty=qty, price=price, position_qty=str(done)))
    if final:
        now_ns += 1_000
        events.append(event(final, order_json(order_id, final, str(done), now_ns, **shape), now_ns))
    return events


def rest_fill(of: Event, opaque: bool = False) -> RestFill:
    """Return the activity of an execution."""
    update = of.update
    name = f"other-{update.execution_id}" if opaque else update.execution_id
    return fill_from(
        {
            "id": f"20250104120000000::{name}",
            "activity_type": "FILL",
            "order_id": update.order.id,
            "symbol": update.order.symbol,
            "side": update.order.side,
            "qty": str(update.qty),
            "price": str(update.price),
            "cum_qty": str(update.order.filled_qty),
            "leaves_qty": "0",
            "type": update.event,
            "transaction_time": ns_to_rfc3339(of.at_ns),
        }
    )
