"""P&L per algorithm and per symbol, from executions (row P5).

Each algorithm has a first-in-first-out book of its own per symbol, and so has what nobody claimed (``None``). The account's
figures are the sums over all books: strategies and unattributed always add up to it, to the last digit. Realised and
unrealised may split differently from the broker's netted position when two algorithms hold opposite sides; their sum does
not.

Regulatory fees are no part of an execution: the broker books them by the day (activities FEE, CFEE), so they are in the
account's equity and its returns, and in no algorithm's P&L.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from plugtui.ledger.executions import Execution
from plugtui.ledger.round_trips import Trip, TripBook

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Pnl:
    """Profit and loss of one book or a sum of books."""

    realized: Decimal = _ZERO
    unrealized: Decimal = _ZERO
    fills: int = 0

    @property
    def total(self) -> Decimal:
        """Realised and unrealised together."""
        return self.realized + self.unrealized

    def __add__(self, other: "Pnl") -> "Pnl":
        return Pnl(self.realized + other.realized, self.unrealized + other.unrealized, self.fills + other.fills)


@dataclass(frozen=True, slots=True)
class Opening:
    """What was held of a symbol before the ledger's first execution; it belongs to nobody's algorithm.

    Its P&L counts from ``price`` on: the broker's average entry price where the ledger knows no execution of the symbol,
    otherwise the price of the first one that it knows.
    """

    symbol: str
    qty: Decimal
    """Negative when short."""
    price: Decimal
    time_ns: int


def in_order(executions: Iterable[Execution]) -> list[Execution]:
    """Sort by time; within one instant by order and by how far it was filled."""
    return sorted(executions, key=lambda e: (e.time_ns, e.order_id, e.cum_qty))


class PnlBook:
    """Books per (algorithm, symbol), kept up to date by executions in the order of their times."""

    def __init__(self, openings: Iterable[Opening] = ()) -> None:
        self._openings = {opening.symbol: opening for opening in openings}
        self._books: dict[tuple[str | None, str], TripBook] = {}
        self._fills: dict[tuple[str | None, str], int] = {}
        self._last_price: dict[str, Decimal] = {}
        self._last_ns: dict[tuple[str | None, str], int] = {}
        for symbol in self._openings:
            self._open(symbol)

    def _open(self, symbol: str) -> None:
        opening = self._openings.get(symbol)
        if opening is not None:
            book = self._books.setdefault((None, symbol), TripBook(symbol))
            book.fill(opening.qty, opening.price, opening.time_ns)
            self._last_price.setdefault(symbol, opening.price)

    @classmethod
    def of(cls, executions: Iterable[Execution], openings: Iterable[Opening] = ()) -> "PnlBook":
        """Build the books of executions given in any order."""
        book = cls(openings)
        for execution in in_order(executions):
            book.add(execution)
        return book

    def add(self, execution: Execution) -> bool:
        """Take one more execution; False when it is older than what its book has, so that the books should be built anew."""
        key = (execution.algo, execution.symbol)
        in_order = execution.time_ns >= self._last_ns.get(key, 0)
        self._last_ns[key] = max(execution.time_ns, self._last_ns.get(key, 0))
        book = self._books.setdefault(key, TripBook(execution.symbol))
        book.fill(execution.signed_qty, execution.price, execution.time_ns)
        self._fills[key] = self._fills.get(key, 0) + 1
        self._last_price[execution.symbol] = execution.price
        return in_order

    def _pnl(self, key: tuple[str | None, str], prices: Mapping[str, Decimal]) -> Pnl:
        book = self._books[key]
        price = prices.get(key[1], self._last_price[key[1]])
        return Pnl(book.realized, book.unrealized(price), self._fills.get(key, 0))

    def by_algo(self, prices: Mapping[str, Decimal]) -> dict[str | None, Pnl]:
        """Return the P&L of each algorithm; ``None`` is what nobody claimed.

        Args:
            prices: symbol → current price; a symbol that is missing is valued at its last execution.
        """
        sums: dict[str | None, Pnl] = {}
        for key in self._books:
            sums[key[0]] = sums.get(key[0], Pnl()) + self._pnl(key, prices)
        return sums

    def by_symbol(self, prices: Mapping[str, Decimal]) -> dict[str, Pnl]:
        """Return the P&L of each symbol over all algorithms."""
        sums: dict[str, Pnl] = {}
        for key in self._books:
            sums[key[1]] = sums.get(key[1], Pnl()) + self._pnl(key, prices)
        return sums

    def total(self, prices: Mapping[str, Decimal]) -> Pnl:
        """Return the P&L of the account: the sum of all books."""
        return sum((self._pnl(key, prices) for key in self._books), Pnl())

    def trips(self, algo: str | None) -> list[Trip]:
        """Return the round trips of one algorithm's books in the order of their closing."""
        found = [trip for key, book in self._books.items() if key[0] == algo for trip in book.trips()]
        return sorted(found, key=lambda trip: (trip.closed_ns, trip.opened_ns, trip.symbol))

    def set_openings(self, openings: Iterable[Opening]) -> list[str]:
        """Take over what was held before; return the symbols whose books have to be replaced."""
        self._openings |= {opening.symbol: opening for opening in openings}
        return list(self._openings)

    def replace(self, symbol: str, executions: Iterable[Execution]) -> None:
        """Build the books of one symbol anew, when an older execution or an attribution came late."""
        for key in [key for key in self._books if key[1] == symbol]:
            for table in (self._books, self._fills, self._last_ns):
                table.pop(key, None)
        self._open(symbol)
        for execution in in_order(executions):
            self.add(execution)

    def held(self, symbol: str) -> Decimal:
        """Return what all books together hold of a symbol."""
        return sum((book.qty for key, book in self._books.items() if key[1] == symbol), _ZERO)

    def position(self, algo: str | None, symbol: str) -> Decimal:
        """Return what an algorithm's book holds of a symbol."""
        book = self._books.get((algo, symbol))
        return book.qty if book else _ZERO


def openings_of(
    held: Mapping[str, tuple[Decimal, Decimal]], executions: Iterable[Execution], since_ns: int
) -> list[Opening]:
    """Return what must have been held before these executions, given what is held after them.

    Args:
        held: symbol → (signed quantity, average entry price), as the broker states it; its crypto symbols lack the slash.
        executions: all that the ledger knows.
        since_ns: time of an opening of which no execution is known.
    """
    moved: dict[str, Decimal] = {}
    first: dict[str, Execution] = {}
    for execution in in_order(executions):
        moved[execution.symbol] = moved.get(execution.symbol, _ZERO) + execution.signed_qty
        first.setdefault(execution.symbol, execution)
    spelled = {symbol.replace("/", ""): symbol for symbol in moved}
    now = {spelled.get(symbol.replace("/", ""), symbol): position for symbol, position in held.items()}
    openings = []
    for symbol in sorted({*moved, *now}):
        qty, entry_price = now.get(symbol, (_ZERO, _ZERO))
        known = first.get(symbol)
        before = qty - moved.get(symbol, _ZERO)
        if before:
            price = known.price if known else entry_price
            openings.append(Opening(symbol, before, price, known.time_ns - 1 if known else since_ns))
    return openings


def account_trips(executions: Iterable[Execution], openings: Iterable[Opening] = ()) -> list[Trip]:
    """Return the round trips of the netted account: one book per symbol, whoever traded."""
    books: dict[str, TripBook] = {}
    for opening in openings:
        books[opening.symbol] = TripBook(opening.symbol)
        books[opening.symbol].fill(opening.qty, opening.price, opening.time_ns)
    for execution in in_order(executions):
        book = books.setdefault(execution.symbol, TripBook(execution.symbol))
        book.fill(execution.signed_qty, execution.price, execution.time_ns)
    trips = [trip for book in books.values() for trip in book.trips()]
    return sorted(trips, key=lambda trip: (trip.closed_ns, trip.opened_ns, trip.symbol))
