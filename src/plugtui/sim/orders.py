"""The order record: its states and its form on the wire (protocol §2.5)."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from plugtui.sim.instruments import Instrument
from plugtui.sim.numbers import ZERO, text, text_or_none
from plugtui.wire.times import ns_to_rfc3339

WORKING = frozenset({"new", "partially_filled"})
"""At the exchange: may execute."""
OPEN = WORKING | {"accepted", "pending_new", "pending_cancel", "pending_replace", "held"}
CLOSED = frozenset({"filled", "canceled", "expired", "replaced", "rejected"})


def _time(ns: int | None) -> str | None:
    return None if ns is None else ns_to_rfc3339(ns)


@dataclass(slots=True, eq=False)
class Order:
    """One order of one account. Quantities and prices are Decimal, times UTC nanoseconds."""

    id: str
    client_order_id: str
    account: str
    instrument: Instrument
    side: str
    type: str
    time_in_force: str
    qty: Decimal | None
    created_ns: int
    sequence: int
    """Place in the order of submission: priority at equal prices."""
    notional: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None
    hwm: Decimal | None = None
    extended_hours: bool = False
    order_class: str = "simple"
    position_intent: str = ""
    status: str = "pending_new"
    triggered: bool = False
    """A stop whose price was reached: it is a market or limit order now."""
    target: Decimal | None = None
    """Quantity of a notional order, fixed at its first execution."""
    filled_qty: Decimal = ZERO
    filled_value: Decimal = ZERO
    """Sum of quantity × price of all executions."""
    updated_ns: int = 0
    filled_ns: int | None = None
    expired_ns: int | None = None
    expires_ns: int | None = None
    cancel_requested_ns: int | None = None
    canceled_ns: int | None = None
    failed_ns: int | None = None
    replaced_ns: int | None = None
    replaced_by: str | None = None
    replaces: str | None = None
    parent: "Order | None" = None
    legs: "list[Order]" = field(default_factory=list)

    @property
    def symbol(self) -> str:
        """Return the symbol as in market data."""
        return self.instrument.symbol

    @property
    def is_open(self) -> bool:
        """Tell whether it can still change."""
        return self.status in OPEN

    @property
    def is_stop(self) -> bool:
        """Tell whether it waits for a stop price that was not reached yet."""
        return not self.triggered and self.type in ("stop", "stop_limit", "trailing_stop")

    @property
    def sign(self) -> int:
        """Return 1 for a purchase, −1 for a sale."""
        return 1 if self.side == "buy" else -1

    @property
    def remaining(self) -> Decimal:
        """Return the quantity that is still to be executed; 0 for a notional order without an execution."""
        wanted = self.target if self.qty is None else self.qty
        return ZERO if wanted is None else wanted - self.filled_qty

    @property
    def average_price(self) -> Decimal | None:
        """Return the average price of its executions."""
        return self.filled_value / self.filled_qty if self.filled_qty else None

    def pair(self) -> "list[Order]":
        """Return the other open legs of the same one-cancels-other group."""
        if self.parent is None:
            return [leg for leg in self.legs if leg.is_open] if self.order_class == "oco" else []
        members = [*self.parent.legs, self.parent] if self.parent.order_class == "oco" else self.parent.legs
        return [order for order in members if order is not self and order.is_open]

    def to_json(self, nested: bool = True) -> dict[str, Any]:
        """Return the order as REST and the stream send it.

        Args:
            nested: put the legs in; without, ``legs`` is null.
        """
        average = self.average_price
        return {
            "id": self.id,
            "client_order_id": self.client_order_id,
            "created_at": ns_to_rfc3339(self.created_ns),
            "updated_at": ns_to_rfc3339(self.updated_ns or self.created_ns),
            "submitted_at": ns_to_rfc3339(self.created_ns),
            "filled_at": _time(self.filled_ns),
            "expired_at": _time(self.expired_ns),
            "expires_at": _time(self.expires_ns),
            "cancel_requested_at": _time(self.cancel_requested_ns),
            "canceled_at": _time(self.canceled_ns),
            "failed_at": _time(self.failed_ns),
            "replaced_at": _time(self.replaced_ns),
            "replaced_by": self.replaced_by,
            "replaces": self.replaces,
            "asset_id": self.instrument.asset_id,
            "symbol": self.symbol,
            "asset_class": self.instrument.asset_class,
            "notional": text_or_none(self.notional),
            "qty": text_or_none(self.qty),
            "filled_qty": text(self.filled_qty),
            "filled_avg_price": None if average is None else text(average.quantize(AVERAGE_STEP)),
            "order_class": self.order_class,
            "order_type": self.type,
            "type": self.type,
            "side": self.side,
            "position_intent": self.position_intent,
            "time_in_force": self.time_in_force,
            "limit_price": text_or_none(self.limit_price),
            "stop_price": text_or_none(self.stop_price),
            "status": self.status,
            "extended_hours": self.extended_hours,
            "legs": [leg.to_json() for leg in self.legs] if nested and self.legs else None,
            "trail_percent": text_or_none(self.trail_percent),
            "trail_price": text_or_none(self.trail_price),
            "hwm": text_or_none(self.hwm),
            "subtag": None,
            "source": None,
        }


AVERAGE_STEP = Decimal("0.000001")
