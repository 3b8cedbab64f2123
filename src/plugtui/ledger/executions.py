"""Executions, each exactly once, whichever way and however often they are heard of (rows F1, F6).

Two names identify an execution: its ``execution_id``, and how far it filled its order, ``(order_id, cum_qty)``. The stream
gives both; a REST activity gives the second and an id that is not documented to equal the first. What shares either name is
the same execution.
"""

from collections import OrderedDict
from decimal import Decimal

import msgspec

from plugtui.control.messages import Fill
from plugtui.wire.trading import RestFill, TradeUpdate

REMEMBERED = 200_000
"""How many of the newest executions are remembered by name; older ones are guarded by the database's constraints."""


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """One execution as the ledger keeps it."""

    execution_id: str
    order_id: str
    symbol: str
    side: str
    """``buy`` or ``sell``."""
    qty: Decimal
    price: Decimal
    cum_qty: Decimal
    """Filled of the order up to and with this execution."""
    time_ns: int
    client_order_id: str = ""
    order_qty: Decimal | None = None
    position_qty: Decimal | None = None
    algo: str | None = None
    source: str = "stream"
    """``stream``, ``rest`` (recovered) or ``history`` (imported at the first start)."""
    recovered: bool = False
    activity_id: str = ""

    @property
    def signed_qty(self) -> Decimal:
        """Quantity, negative when sold."""
        return self.qty if self.side == "buy" else -self.qty

    def fact(self) -> Fill:
        """Return the control link's form."""
        return Fill(
            execution_id=self.execution_id,
            order_id=self.order_id,
            client_order_id=self.client_order_id,
            symbol=self.symbol,
            side=self.side,
            qty=self.qty,
            price=self.price,
            cum_qty=self.cum_qty,
            order_qty=self.order_qty,
            time_ns=self.time_ns,
            algo=self.algo,
            recovered=self.recovered,
            imported=self.source == "history",
            position_qty=self.position_qty,
        )


def canonical(value: Decimal) -> Decimal:
    """Drop trailing zeros, so that 10, 10.0 and 1E+1 are one text; exact for any number of digits."""
    text = format(value, "f")
    return Decimal(text.rstrip("0").rstrip(".") if "." in text else text)


def plain_side(side: str | None) -> str:
    """Return ``buy`` or ``sell``: a short sale sells, a covering purchase buys."""
    return "buy" if (side or "").startswith("buy") else "sell"


def from_update(update: TradeUpdate, arrived_ns: int) -> Execution | None:
    """Read the execution of a stream event; None when it is none or lacks what makes one (protocol §2.4)."""
    if not update.is_execution or update.qty is None or update.price is None or update.qty <= 0:
        return None
    order = update.order
    cum_qty = canonical(update.qty if order.filled_qty is None else order.filled_qty)
    return Execution(
        execution_id=update.execution_id or f"{order.id}:{cum_qty}",
        order_id=order.id,
        client_order_id=order.client_order_id,
        symbol=order.symbol or "",
        side=plain_side(order.side),
        qty=canonical(update.qty),
        price=canonical(update.price),
        cum_qty=cum_qty,
        order_qty=order.qty,
        position_qty=update.position_qty,
        time_ns=update.time_ns or arrived_ns,
    )


def from_fill(fill: RestFill, source: str = "rest") -> Execution:
    """Read the execution of a FILL activity (protocol §3.6)."""
    cum_qty = canonical(fill.qty if fill.cum_qty is None else fill.cum_qty)
    order_qty = None if fill.leaves_qty is None else canonical(cum_qty + fill.leaves_qty)
    return Execution(
        execution_id=fill.uuid or fill.id,
        order_id=fill.order_id,
        symbol=fill.symbol,
        side=plain_side(fill.side),
        qty=canonical(fill.qty),
        price=canonical(fill.price),
        cum_qty=cum_qty,
        order_qty=order_qty,
        time_ns=fill.time_ns,
        source=source,
        recovered=source == "rest",
        activity_id=fill.id,
    )


class ExecutionBook:
    """Remember which executions are known. Asking and remembering are two steps: an execution is known once it is committed."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._by_id: OrderedDict[str, tuple[str, Decimal]] = OrderedDict()
        self._by_fill: dict[tuple[str, Decimal], str] = {}
        self._remembered = remembered

    def __len__(self) -> int:
        return len(self._by_id)

    def known(self, execution: Execution) -> str | None:
        """Return the id under which this execution is known already."""
        if execution.execution_id in self._by_id:
            return execution.execution_id
        return self._by_fill.get((execution.order_id, execution.cum_qty))

    def knows_fill(self, order_id: str, cum_qty: Decimal) -> bool:
        """Tell whether the execution is known that filled the order up to ``cum_qty``."""
        return (order_id, canonical(cum_qty)) in self._by_fill

    def add(self, execution: Execution) -> bool:
        """Remember an execution; False when it was known."""
        return self.add_names(execution.execution_id, execution.order_id, execution.cum_qty)

    def discard(self, execution: Execution) -> None:
        """Forget an execution that could not be kept, so that it is taken when it is heard of again."""
        fill = self._by_id.pop(execution.execution_id, None)
        if fill is not None:
            del self._by_fill[fill]

    def add_names(self, execution_id: str, order_id: str, cum_qty: Decimal) -> bool:
        """Remember an execution by its names; False when one of them was known."""
        fill = (order_id, canonical(cum_qty))
        if execution_id in self._by_id or fill in self._by_fill:
            return False
        self._by_id[execution_id] = fill
        self._by_fill[fill] = execution_id
        if len(self._by_id) > self._remembered:
            _, oldest = self._by_id.popitem(last=False)
            del self._by_fill[oldest]
        return True
