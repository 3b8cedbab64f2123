"""Round trips: first in, first out, exact (``domain/performance-metrics.md``, "Round trips").

Fills of one side that follow each other are one entry at their volume-weighted price; the fills that close follow the same
rule, so that an exit in three pieces is one trip. A fill that crosses zero closes a trip and opens the next with the rest.

Money is never divided and multiplied back: a lot keeps the cash that it cost, and a part that is closed takes its share with it
while the rest keeps the exact remainder. So Σ trip P&L + open P&L = Σ cash flows + market value, to the last digit.
"""

from collections import deque
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal

_EXACT = Context(prec=80, rounding=ROUND_HALF_EVEN)
_SHARE_PLACES = Decimal("1E-12")
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Trip:
    """A position, or a part of one, that was opened and closed."""

    symbol: str
    long: bool
    qty: Decimal
    """How much was closed, always positive."""
    entry_price: Decimal
    """Volume-weighted, rounded to 28 digits; the P&L does not come from it."""
    exit_price: Decimal
    pnl: Decimal
    """Exact, after the fees that were given."""
    invested: Decimal
    """Cash paid for the entry of a long trip, taken in for that of a short one; always positive."""
    opened_ns: int
    closed_ns: int

    @property
    def ret(self) -> float | None:
        """Return on what was invested; None when that was nothing."""
        return float(self.pnl / self.invested) if self.invested else None


@dataclass(slots=True)
class _Lot:
    qty: Decimal
    """Signed."""
    cash: Decimal
    """What it brought: negative when bought."""
    opened_ns: int


@dataclass(slots=True)
class _Closing:
    """The trip that the current run of closing fills belongs to."""

    long: bool
    qty: Decimal
    entry_cash: Decimal
    exit_cash: Decimal
    opened_ns: int
    closed_ns: int


class TripBook:
    """The round trips of one symbol in one book."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self._lots: deque[_Lot] = deque()
        self._closing: _Closing | None = None
        self._done: list[Trip] = []
        self._last_side = 0
        self.realized = _ZERO
        """Σ P&L of what was closed."""
        self.cash = _ZERO
        """Σ cash flows of all fills, fees included."""
        self.qty = _ZERO
        """What is held; negative is short."""

    def fill(self, signed_qty: Decimal, price: Decimal, time_ns: int, fee: Decimal = _ZERO) -> None:
        """Take one fill.

        Args:
            signed_qty: negative when sold.
            price: per unit, money.
            fee: of this fill, money; reduces the P&L.
        """
        if not signed_qty:
            return
        side = 1 if signed_qty > 0 else -1
        turned, self._last_side = side != self._last_side, side
        cash = _EXACT.subtract(_EXACT.multiply(_EXACT.minus(signed_qty), price), fee)
        self.cash = _EXACT.add(self.cash, cash)
        self.qty = _EXACT.add(self.qty, signed_qty)
        if turned:
            self._finish()
        rest = self._close(signed_qty, cash, time_ns)
        if rest is not None:
            self._finish()
            self._open(*rest, time_ns, merge=not turned)

    def _close(self, signed_qty: Decimal, cash: Decimal, time_ns: int) -> tuple[Decimal, Decimal] | None:
        """Close lots of the other side; return quantity and cash of what is left to open."""
        while signed_qty and self._lots and (self._lots[0].qty > 0) != (signed_qty > 0):
            lot = self._lots[0]
            size = min(abs(lot.qty), abs(signed_qty))
            entry_cash = _share(lot.cash, size, abs(lot.qty))
            exit_cash = _share(cash, size, abs(signed_qty))
            self._book(lot.qty > 0, size, entry_cash, exit_cash, lot.opened_ns, time_ns)
            step = size if lot.qty > 0 else _EXACT.minus(size)
            lot.qty = _EXACT.subtract(lot.qty, step)
            lot.cash = _EXACT.subtract(lot.cash, entry_cash)
            signed_qty = _EXACT.add(signed_qty, step)
            cash = _EXACT.subtract(cash, exit_cash)
            if not lot.qty:
                self._lots.popleft()
        return (signed_qty, cash) if signed_qty else None

    def _book(
        self, long: bool, size: Decimal, entry_cash: Decimal, exit_cash: Decimal, opened_ns: int, closed_ns: int
    ) -> None:
        self.realized = _EXACT.add(self.realized, _EXACT.add(entry_cash, exit_cash))
        known = self._closing
        if known is None:
            self._closing = _Closing(long, size, entry_cash, exit_cash, opened_ns, closed_ns)
            return
        known.qty = _EXACT.add(known.qty, size)
        known.entry_cash = _EXACT.add(known.entry_cash, entry_cash)
        known.exit_cash = _EXACT.add(known.exit_cash, exit_cash)
        known.closed_ns = max(known.closed_ns, closed_ns)

    def _open(self, signed_qty: Decimal, cash: Decimal, time_ns: int, merge: bool) -> None:
        if merge and self._lots:
            lot = self._lots[-1]
            lot.qty = _EXACT.add(lot.qty, signed_qty)
            lot.cash = _EXACT.add(lot.cash, cash)
        else:
            self._lots.append(_Lot(signed_qty, cash, time_ns))

    def _finish(self) -> None:
        if self._closing is not None:
            self._done.append(self._trip(self._closing))
            self._closing = None

    def _trip(self, closing: _Closing) -> Trip:
        return Trip(
            symbol=self.symbol,
            long=closing.long,
            qty=closing.qty,
            entry_price=abs(closing.entry_cash) / closing.qty,
            exit_price=abs(closing.exit_cash) / closing.qty,
            pnl=_EXACT.add(closing.entry_cash, closing.exit_cash),
            invested=abs(closing.entry_cash),
            opened_ns=closing.opened_ns,
            closed_ns=closing.closed_ns,
        )

    def trips(self) -> list[Trip]:
        """Return the trips in the order of their closing; the last one may still grow."""
        return [*self._done, *([self._trip(self._closing)] if self._closing else [])]

    @property
    def open_cash(self) -> Decimal:
        """Cash that what is held has cost (negative) or brought; with the realised P&L exactly Σ cash flows."""
        total = _ZERO
        for lot in self._lots:
            total = _EXACT.add(total, lot.cash)
        return total

    def unrealized(self, price: Decimal) -> Decimal:
        """Return the P&L of what is held at ``price``."""
        return _EXACT.add(self.open_cash, _EXACT.multiply(self.qty, price))


def _share(cash: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """Return the share of ``cash`` that belongs to ``part`` of ``whole``, rounded; the remainder stays with the rest."""
    if part == whole:
        return cash
    return _EXACT.quantize(_EXACT.divide(_EXACT.multiply(cash, part), whole), _SHARE_PLACES)
