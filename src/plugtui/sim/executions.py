"""The facts of trading: executions, and what else moves an account's cash."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from plugtui.sim.calendar import new_york
from plugtui.sim.numbers import text, text_or_none
from plugtui.wire.times import ns_to_rfc3339


def activity_id(time_ns: int, unique: str) -> str:
    """Return ``YYYYMMDDHHMMSSmmm::uuid``, stamped in New York time (protocol §3.6)."""
    moment = new_york(time_ns)
    return f"{moment:%Y%m%d%H%M%S}{moment.microsecond // 1000:03d}::{unique}"


@dataclass(frozen=True, slots=True)
class Execution:
    """One trade of one order."""

    execution_id: str
    opaque_id: str
    """What the activity's id shows instead with the knob ``activity_ids=opaque``."""
    order_id: str
    client_order_id: str
    symbol: str
    side: str
    qty: Decimal
    price: Decimal
    cum_qty: Decimal
    leaves_qty: Decimal
    position_qty: Decimal
    """The position afterwards, negative when short."""
    time_ns: int
    short: bool = False
    """The sale opened or enlarged a short position."""

    def to_truth(self) -> dict[str, Any]:
        """Return what ``GET /sim/executions`` tells."""
        return {
            "execution_id": self.execution_id,
            "order_id": self.order_id,
            "client_order_id": self.client_order_id,
            "symbol": self.symbol,
            "side": self.side,
            "qty": text(self.qty),
            "price": text(self.price),
            "cum_qty": text(self.cum_qty),
            "position_qty": text(self.position_qty),
            "time_ns": self.time_ns,
            "time": ns_to_rfc3339(self.time_ns),
        }

    @property
    def unique_ids(self) -> tuple[str, ...]:
        """Return what may stand behind the ``::`` of its activity's id."""
        return self.execution_id, self.opaque_id

    def activity_key(self, opaque: bool = False) -> str:
        """Return the id of its activity."""
        return activity_id(self.time_ns, self.opaque_id if opaque else self.execution_id)

    def to_activity(self, opaque: bool = False) -> dict[str, Any]:
        """Return the trade activity (protocol §3.6)."""
        done = not self.leaves_qty
        return {
            "id": self.activity_key(opaque),
            "activity_type": "FILL",
            "transaction_time": ns_to_rfc3339(self.time_ns),
            "type": "fill" if done else "partial_fill",
            "price": text(self.price),
            "qty": text(self.qty),
            "side": "sell_short" if self.short else self.side,
            "symbol": self.symbol,
            "leaves_qty": text(self.leaves_qty),
            "order_id": self.order_id,
            "cum_qty": text(self.cum_qty),
            "order_status": "filled" if done else "partially_filled",
        }


@dataclass(frozen=True, slots=True)
class Flow:
    """A deposit, withdrawal, dividend or fee."""

    flow_id: str
    kind: str
    """Activity type: ``CSD``, ``CSW``, ``DIV``, ``FEE``, ``INT``, ``JNLC``, …"""
    time_ns: int
    net_amount: Decimal
    symbol: str | None = None
    qty: Decimal | None = None
    per_share_amount: Decimal | None = None
    description: str = ""

    @property
    def unique_ids(self) -> tuple[str, ...]:
        """Return what may stand behind the ``::`` of its activity's id."""
        return (self.flow_id,)

    def activity_key(self, opaque: bool = False) -> str:
        """Return the id of its activity; it has one form only."""
        return activity_id(self.time_ns, self.flow_id)

    def to_activity(self, opaque: bool = False) -> dict[str, Any]:
        """Return the non-trade activity (protocol §3.6)."""
        body: dict[str, Any] = {
            "id": self.activity_key(),
            "activity_type": self.kind,
            "activity_sub_type": "",
            "date": new_york(self.time_ns).date().isoformat(),
            "created_at": ns_to_rfc3339(self.time_ns),
            "net_amount": text(self.net_amount),
            "description": self.description,
            "currency": "USD",
            "status": "executed",
        }
        optional = {
            "symbol": self.symbol,
            "qty": text_or_none(self.qty),
            "per_share_amount": text_or_none(self.per_share_amount),
        }
        return body | {key: value for key, value in optional.items() if value is not None}


Activity = Execution | Flow
