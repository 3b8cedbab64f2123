"""The ledger's P&L beside the broker's own numbers (row P6)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from plugtui.performance.curve import Curve, day_of
from plugtui.performance.figures import money


@dataclass(frozen=True)
class Reconciliation:
    """What the ledger's fills explain of the account's change since they are known."""

    since_ns: int
    """The first fill, or what was held before it."""
    base_ns: int | None
    """The close that the broker's change counts from; ``None``: the broker's history does not reach back so far."""
    trading: Decimal
    """Realised and unrealised P&L of all books."""
    income: Decimal
    """Dividends, interest, fees and the like since the base."""
    broker: Decimal | None
    """Change of the equity − net external flow since the base."""

    @property
    def difference(self) -> Decimal | None:
        """What neither fills nor income explain."""
        return None if self.broker is None else self.broker - self.trading - self.income


def reconcile(curve: Curve, since_ns: int, trading: Decimal, income: Iterable[tuple[date, Decimal]]) -> Reconciliation:
    """Compare the P&L of the books with the change of the account that the broker states.

    Args:
        curve: daily, with flows; its last point is of the moment that ``trading`` is of.
        since_ns: from when on the books count.
        trading: realised and unrealised P&L of all books.
        income: (day, amount) of the activities that are neither trades nor external flows.
    """
    first = day_of(since_ns)
    before = [at for at, day in enumerate(curve.days) if day < first]
    if not before:
        return Reconciliation(since_ns, None, trading, sum((amount for _, amount in income), Decimal(0)), None)
    part = curve.slice(before[-1])
    base = part.days[0]
    earned = sum((amount for day, amount in income if day > base), Decimal(0))
    return Reconciliation(since_ns, int(part.time_ns[0]), trading, earned, money(part)[0])
