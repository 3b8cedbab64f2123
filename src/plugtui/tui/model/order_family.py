"""The orders that belong together: what was replaced by what, a bracket's entry and its legs."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from plugtui.tui import format as fmt

_STOPS = frozenset({"stop", "stop_limit", "trailing_stop"})


class Relative(msgspec.Struct, frozen=True):
    """An order of the family."""

    order_id: str
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
    replaced_by: str | None = None
    replaces: str | None = None
    parent_id: str | None = None

    @property
    def terms(self) -> str:
        """What was ordered: ``stop 182.66 limit 180.38``, ``limit 230.61``, ``market``."""
        prices = (("stop", self.stop_price), ("limit", self.limit_price))
        named = [f"{name} {fmt.price(value)}" for name, value in prices if value is not None]
        return " ".join(named) or self.type.replace("_", " ")

    @property
    def against_limit(self) -> str:
        """How much better than the limit it was filled, a share and in all."""
        if self.filled_avg_price is None or self.limit_price is None or self.stop_price is not None:
            return ""
        better = self.limit_price - self.filled_avg_price
        if not self.side.startswith("b"):
            better = -better
        if not better:
            return "at the limit"
        word = "better" if better > 0 else "worse"
        return f"{fmt.price(abs(better))} {word}, {fmt.signed(better * self.filled_qty)}"


def family_of(answer: Mapping[str, Any]) -> list[Relative]:
    """Read the orders that belong together from the engine's answer to ``order``, the oldest first."""
    try:
        return msgspec.convert(answer.get("family") or [], list[Relative], strict=False)
    except msgspec.ValidationError:
        return []


def role_of(order: Relative, family: list[Relative]) -> str:
    """Say what an order is to its family: ``entry``, ``take profit``, ``stop loss``, ``replacement``, ``order``."""
    if order.parent_id:
        return "stop loss" if order.type in _STOPS else "take profit"
    if any(other.parent_id == order.order_id for other in family):
        return "entry"
    return "replacement" if order.replaces else "first" if order.replaced_by else "order"
