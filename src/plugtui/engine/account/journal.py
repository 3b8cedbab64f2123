"""Commit what happened to the account, then show it: the one door between the ledger's memory, the database and the facts."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

import msgspec

from plugtui.control.messages import FactBody
from plugtui.engine.facts import FactLog
from plugtui.errors import StoreError
from plugtui.ledger.book import Changes, Ledger
from plugtui.ledger.executions import Execution
from plugtui.ledger.pnl import Opening, Pnl, PnlBook
from plugtui.ledger.round_trips import Trip
from plugtui.store import ledger_rows
from plugtui.store.store import Statement, Store
from plugtui.store.uninterrupted import Uninterrupted

log = logging.getLogger(__name__)

MOST_PENDING = 50_000
"""Changes that may wait in memory for a database that cannot be written; beyond that the broker is asked again later."""


class Journal:
    """The ledger of one account, durable. Open with :meth:`open`.

    A database that cannot be written stops nothing: changes wait in memory, :attr:`problem` says so, and every later commit
    tries them again. What a crash takes from memory then is fetched from the broker at the next start.
    """

    def __init__(
        self, store: Store, facts: FactLog, ledger: Ledger, pnl: PnlBook, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self.store = store
        self.facts = facts
        self.ledger = ledger
        self.problem = ""
        """Why changes wait in memory; empty when none do."""
        self.dropped = 0
        """Changes that were given up because too many waited."""
        self.openings: list[Opening] = []
        """What was held before the first execution."""
        self._pnl = pnl
        self._stale: set[str] = set()
        self._now_ns = now_ns
        self._lock = asyncio.Lock()
        self._to_the_end = Uninterrupted("journal")
        self._pending = Changes()
        self._pending_bodies: list[FactBody] = []
        self._pending_statements: list[Statement] = []

    @classmethod
    async def open(cls, store: Store, facts: FactLog, now_ns: Callable[[], int] = time.time_ns) -> "Journal":
        """Read the ledger from the database."""
        ledger = await ledger_rows.load(store)
        known = await ledger_rows.executions(store)
        openings = await ledger_rows.openings(store)
        journal = cls(store, facts, ledger, await asyncio.to_thread(PnlBook.of, known, openings), now_ns)
        journal.openings = openings
        return journal

    @property
    def pending(self) -> int:
        """How many changes wait for the database."""
        changes = self._pending
        return len(changes.executions) + len(changes.log) + len(changes.orders) + len(self._pending_statements)

    async def commit(
        self,
        take: Callable[[], Changes] = Changes,
        statements: Sequence[Statement] = (),
        bodies: Sequence[FactBody] = (),
    ) -> Changes:
        """Commit changes with further statements and facts in one transaction, then show the facts.

        Args:
            take: makes the changes. It is called when nothing else is being committed, so that a claim never falls between
                the taking and the committing of an execution.

        Returns:
            what ``take`` returned.

        Raises:
            StoreError: it waits in memory, and will be committed with what comes next.
        """
        # A caller that is cancelled half-way must not leave in memory what is in the database already.
        return await self._to_the_end.run(self._taken(take, statements, bodies))

    async def _taken(
        self, take: Callable[[], Changes], statements: Sequence[Statement], bodies: Sequence[FactBody]
    ) -> Changes:
        async with self._lock:
            changes = take()
            await self._commit(changes, statements, bodies)
            return changes

    async def _commit(self, changes: Changes, statements: Sequence[Statement], bodies: Sequence[FactBody]) -> None:
        self._pending.add(changes)
        self._pending_statements += statements
        self._pending_bodies += bodies
        everything = self._pending
        if not everything and not self._pending_statements and not self._pending_bodies:
            return
        try:
            await self.facts.record(
                *everything.facts(),
                *self._pending_bodies,
                time_ns=self._now_ns(),
                statements=[*ledger_rows.statements(everything), *self._pending_statements],
            )
        except StoreError as error:
            self._failed(error)
            raise
        self._pending, self._pending_statements, self._pending_bodies = Changes(), [], []
        self.problem = ""
        self._book(everything)

    def _failed(self, error: StoreError) -> None:
        if not self.problem:
            log.error("the ledger cannot be written: %s", error.title)
        self.problem = error.title
        if self.pending > MOST_PENDING:
            self.dropped += self.pending
            log.error("%d changes wait for the ledger: given up, to be fetched from the broker later", self.pending)
            for execution in self._pending.executions:
                self.ledger.executions.discard(execution)
            self._pending, self._pending_statements, self._pending_bodies = Changes(), [], []

    def _book(self, changes: Changes) -> None:
        for execution in changes.executions:
            if not self._pnl.add(execution):
                self._stale.add(execution.symbol)
        self._stale.update(execution.symbol for execution in changes.attributed)

    async def attribute(
        self, kind: str, name: str, algo: str, time_ns: int, take: Callable[[], Changes] = Changes
    ) -> int:
        """Commit a claim and what follows from it; executions that were known unattributed are told again with the algorithm.

        Returns:
            how many executions found their algorithm.

        Raises:
            StoreError: the claim holds in memory and waits for the database.
        """
        return await self._to_the_end.run(self._attributed(kind, name, algo, time_ns, take))

    async def _attributed(self, kind: str, name: str, algo: str, time_ns: int, take: Callable[[], Changes]) -> int:
        async with self._lock:
            changes = take()
            is_new, claimed, reached = self.ledger.take_claim(kind, name, algo)
            changes.add(claimed)
            if reached:
                self._attribute_pending(reached)
                changes.attributed += await self._found(reached)
            fresh = [ledger_rows.claim(kind, name, algo, time_ns)] if is_new else []
            await self._commit(changes, fresh, ())
            return len(changes.attributed)

    async def _found(self, order_ids: set[str]) -> list[Execution]:
        """Return the committed executions of these orders whose algorithm is another one now."""
        known = await ledger_rows.executions_of_orders(self.store, order_ids)
        owned = [(execution, self._owner(execution)) for execution in known]
        return [msgspec.structs.replace(execution, algo=algo) for execution, algo in owned if algo != execution.algo]

    def _attribute_pending(self, order_ids: set[str]) -> None:
        waiting = self._pending.executions
        for n, execution in enumerate(waiting):
            if execution.order_id in order_ids:
                waiting[n] = msgspec.structs.replace(execution, algo=self._owner(execution))

    def _owner(self, execution: Execution) -> str | None:
        return self.ledger.attribution.algo_of(execution.order_id, execution.client_order_id)

    async def retry(self) -> None:
        """Try again what waits for the database."""
        if self.pending:
            try:
                await self.commit()
            except StoreError as error:
                log.debug("the ledger still cannot be written: %s", error.title)

    # ------------------------------------------------------------- P&L

    async def take_openings(self, openings: list[Opening]) -> None:
        """Keep what was held before the first execution. Raises StoreError."""
        if openings:
            await self.store.write(*(ledger_rows.opening(held) for held in openings))
        self.openings = openings
        self._stale.update(self._pnl.set_openings(openings))

    async def refresh(self) -> None:
        """Build the books anew that an older execution or a late attribution has put out of date.

        Raises:
            StoreError: the database cannot be read; the books stay as they were.
        """
        while self._stale:
            # Nothing may be committed between the reading and the replacing: it would be lost from the book, or count twice.
            async with self._lock:
                if not self._stale:
                    return
                symbol = min(self._stale)  # in a fixed order, so that the same ledger always gives the same books
                self._stale.remove(symbol)
                try:
                    executions = await ledger_rows.executions(self.store, "symbol = ?", (symbol,))
                except StoreError:
                    self._stale.add(symbol)
                    raise
                self._pnl.replace(symbol, executions)

    def by_algo(self, prices: Mapping[str, Decimal]) -> dict[str | None, Pnl]:
        """Return the P&L of each algorithm; ``None`` is what nobody claimed."""
        return self._pnl.by_algo(prices)

    def by_symbol(self, prices: Mapping[str, Decimal]) -> dict[str, Pnl]:
        """Return the P&L of each symbol."""
        return self._pnl.by_symbol(prices)

    def total(self, prices: Mapping[str, Decimal]) -> Pnl:
        """Return the P&L of all books."""
        return self._pnl.total(prices)

    def position(self, symbol: str) -> Decimal:
        """Return what all books together hold of a symbol."""
        return self._pnl.held(symbol)

    def trips(self, algo: str | None) -> list[Trip]:
        """Return the round trips of one algorithm's books."""
        return self._pnl.trips(algo)
