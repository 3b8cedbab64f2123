"""Which account activities are money from outside, and which are income or cost of the performance."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from plugtui.performance.curve import Mark, Movement, close_ns

EXTERNAL = frozenset({"CSD", "CSW", "ACATC", "ACATS", "JNLC", "JNLS"})
"""Deposits, withdrawals, transfers from other brokers, journals between accounts. All else (dividends, interest, fees, …)
is part of the performance (protocol §3.6)."""

_IN_KIND = frozenset({"ACATS", "JNLS"})


@dataclass(frozen=True)
class Flows:
    """The external flows of an account."""

    movements: tuple[Movement, ...]
    marks: tuple[Mark, ...]
    """Transfers of securities whose value the broker did not tell."""


def is_external(activity_type: str) -> bool:
    """Tell whether an activity of this type is money from outside."""
    return activity_type in EXTERNAL


def _decimal(value: Any) -> Decimal | None:
    if value is None or value == "":
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _day(activity: Mapping[str, Any]) -> date | None:
    text = activity.get("date") or activity.get("created_at")
    try:
        return date.fromisoformat(str(text)[:10]) if text else None
    except ValueError:
        return None


def _value(activity: Mapping[str, Any]) -> Decimal | None:
    """Return the amount of an activity; securities that moved in kind are worth quantity × price."""
    amount = _decimal(activity.get("net_amount"))
    if activity["activity_type"] not in _IN_KIND or amount:
        return amount
    qty, price = _decimal(activity.get("qty")), _decimal(activity.get("price"))
    return qty * price if qty is not None and price is not None else None


def external_flows(activities: Iterable[Mapping[str, Any]]) -> Flows:
    """Pick the external flows out of account activities (JSON objects of ``GET /v2/account/activities``).

    Canceled ones are left out, each id counts once, and the order does not matter.
    """
    movements: list[Movement] = []
    marks: list[Mark] = []
    seen: set[str] = set()
    for activity in activities:
        kind = str(activity.get("activity_type", ""))
        identity = str(activity.get("id", "")) or repr(sorted(activity.items(), key=lambda item: item[0]))
        if not is_external(kind) or activity.get("status") == "canceled" or identity in seen:
            continue
        seen.add(identity)
        day, amount = _day(activity), _value(activity)
        if day is None:
            continue
        if amount is None:
            symbol = activity.get("symbol") or "securities"
            marks.append(
                Mark(close_ns(day), "flow unvalued", f"{kind} of {symbol} has no value; the return contains it")
            )
        elif amount:
            movements.append(Movement(day, amount))
    return Flows(tuple(sorted(movements, key=lambda m: m.day)), tuple(marks))
