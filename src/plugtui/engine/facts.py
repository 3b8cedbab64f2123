"""The numbered facts of the control link: committed first, then shown; never lost, never renumbered."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence

from plugtui.control.messages import Fact, FactBody, decode_body, encode
from plugtui.errors import StoreError
from plugtui.store.store import Row, Statement, Store
from plugtui.store.uninterrupted import Uninterrupted

KEEP = 20_000
"""How many of the newest facts stay in the database."""

_PRUNE_EVERY = 1_000
_RECENT = 4_000
_INSERT = "INSERT INTO facts (seq, time_ns, kind, body) VALUES (?, ?, ?, ?)"


class FactLog:
    """Number facts, commit them, and hand them to whoever follows.

    Open with :meth:`open`. A follower owns no queue: it remembers the last number it saw and reads on from the recent facts in
    memory, or from the database when it fell further behind. One that stops reading costs nothing.
    """

    def __init__(self, store: Store, seq: int = 0) -> None:
        self._store = store
        self._seq = seq
        self._recent: deque[Fact] = deque(maxlen=_RECENT)
        self._lock = asyncio.Lock()
        self._to_the_end = Uninterrupted("record-facts")
        self._news = asyncio.Event()
        self._unpruned = _PRUNE_EVERY
        self._closed = False

    @classmethod
    async def open(cls, store: Store) -> "FactLog":
        """Go on from the newest number in the database."""
        rows = await store.read("SELECT COALESCE(MAX(seq), 0) AS seq FROM facts")
        return cls(store, int(rows[0]["seq"]))

    @property
    def seq(self) -> int:
        """The number of the newest fact; 0 when there is none."""
        return self._seq

    async def record(self, *bodies: FactBody, time_ns: int, statements: Sequence[Statement] = ()) -> list[Fact]:
        """Commit ``statements`` and the facts in one transaction, then show the facts.

        A caller that is cancelled does not undo it.

        Raises:
            StoreError: nothing was written and nothing was shown.
        """
        if self._closed:
            raise StoreError("the ledger is closed")
        return await self._to_the_end.run(self._record(bodies, time_ns, statements))

    async def _record(self, bodies: tuple[FactBody, ...], time_ns: int, statements: Sequence[Statement]) -> list[Fact]:
        async with self._lock:
            facts = [Fact(seq=self._seq + n, time_ns=time_ns, body=body) for n, body in enumerate(bodies, start=1)]
            rows: list[Statement] = [
                (_INSERT, (fact.seq, time_ns, _kind(fact.body), encode(fact.body).decode())) for fact in facts
            ]
            await self._store.write(*statements, *rows, *self._pruning(len(facts)))
            self._seq += len(facts)
            self._recent.extend(facts)
        if facts:
            news, self._news = self._news, asyncio.Event()
            news.set()
        return facts

    def _pruning(self, added: int) -> list[Statement]:
        self._unpruned += added
        if self._unpruned < _PRUNE_EVERY:
            return []
        self._unpruned = 0
        return [("DELETE FROM facts WHERE seq <= ?", (self._seq + added - KEEP,))]

    async def since(self, seq: int, limit: int = 1_000) -> list[Fact]:
        """Return up to ``limit`` facts after number ``seq``, oldest first."""
        if self._recent and self._recent[0].seq <= seq + 1:
            first = seq + 1 - self._recent[0].seq
            return [self._recent[n] for n in range(first, min(first + limit, len(self._recent)))]
        if seq >= self._seq:
            return []
        return [
            _fact(row)
            for row in await self._store.read(
                "SELECT seq, time_ns, body FROM facts WHERE seq > ? ORDER BY seq LIMIT ?", (seq, limit)
            )
        ]

    async def newest(self, limit: int) -> list[Fact]:
        """Return the newest ``limit`` facts, oldest first."""
        return await self.since(max(0, self._seq - limit), limit)

    async def oldest_seq(self) -> int:
        """Return the number of the oldest fact that is still kept; 0 when there is none."""
        rows = await self._store.read("SELECT COALESCE(MIN(seq), 0) AS seq FROM facts")
        return int(rows[0]["seq"])

    def subscribe(self, after: int | None = None) -> "Subscription":
        """Follow the facts after number ``after`` (``None``: only new ones)."""
        return Subscription(self, self._seq if after is None else after)

    async def wait_beyond(self, seq: int) -> None:
        """Return as soon as there is a fact after number ``seq``, or the log was closed."""
        while self._seq <= seq and not self._closed:
            await self._news.wait()

    @property
    def closed(self) -> bool:
        """Whether nothing will be recorded any more."""
        return self._closed

    async def aclose(self) -> None:
        """Finish what is being recorded and let followers end. The store stays open."""
        self._closed = True
        async with self._lock:
            self._news.set()
        await self._to_the_end.aclose()


class Subscription:
    """A follower's place in the facts: ``async for fact in subscription`` or :meth:`take` for batches.

    ``seq`` is the number of the last fact handed out; a new subscription from there goes on without a hole as long as the
    facts are kept.
    """

    def __init__(self, log: FactLog, seq: int) -> None:
        self._log = log
        self.seq = seq

    async def take(self, limit: int = 500) -> list[Fact]:
        """Wait for news, then return up to ``limit`` facts in order; an empty list once the log was closed."""
        while True:
            facts = await self._log.since(self.seq, limit)
            if facts:
                self.seq = facts[-1].seq
                return facts
            if self._log.closed:
                return []
            await self._log.wait_beyond(self.seq)

    async def __aiter__(self) -> AsyncIterator[Fact]:
        while facts := await self.take():
            for fact in facts:
                yield fact


def _kind(body: FactBody) -> str:
    return str(body.__struct_config__.tag)


def _fact(row: Row) -> Fact:
    return Fact(seq=row["seq"], time_ns=row["time_ns"], body=decode_body(row["body"]))
