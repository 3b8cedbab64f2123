"""The gap ledger (row F6): when a stream was down, what was recovered and what is lost."""

import asyncio

from plugtui.control.messages import Gap
from plugtui.engine.facts import FactLog
from plugtui.ledger.gaps import GapBook
from plugtui.store.store import Statement, Store
from plugtui.store.uninterrupted import Uninterrupted


class GapLog:
    """Open and close gaps of all streams; each change is one committed fact. One for the whole engine: it hands out the ids."""

    def __init__(self, facts: FactLog, book: GapBook) -> None:
        self._facts = facts
        self._book = book
        self._lock = asyncio.Lock()
        self._to_the_end = Uninterrupted("gap-log")

    @classmethod
    async def open_log(cls, store: Store, facts: FactLog) -> "GapLog":
        """Read the open gaps of an engine that ended without closing them."""
        rows = await store.read("SELECT COALESCE(MAX(gap_id), 0) AS id FROM gaps")
        open_rows = await store.read("SELECT * FROM gaps WHERE to_ns IS NULL ORDER BY gap_id")
        book = GapBook(last_id=int(rows[0]["id"]))
        for row in open_rows:
            book.restore(Gap(gap_id=row["gap_id"], stream=row["stream"], from_ns=row["from_ns"], reason=row["reason"]))
        return cls(facts, book)

    def current(self, stream: str) -> Gap | None:
        """Return the open gap of ``stream``."""
        return self._book.current(stream)

    async def open(self, stream: str, from_ns: int, reason: str, now_ns: int) -> Gap:
        """Open a gap; a stream that is down already keeps the gap it has."""
        return await self._to_the_end.run(self._opened(stream, from_ns, reason, now_ns))

    async def _opened(self, stream: str, from_ns: int, reason: str, now_ns: int) -> Gap:
        async with self._lock:
            known = self._book.current(stream)
            if known is not None:
                return known
            gap = self._book.plan_open(stream, from_ns, reason)
            await self._facts.record(gap, time_ns=now_ns, statements=[_row(gap)])
            self._book.apply(gap)
            return gap

    async def close(self, stream: str, to_ns: int, now_ns: int, recovered: int = 0, lost: str = "") -> Gap | None:
        """Close the open gap of ``stream``, if there is one.

        Args:
            recovered: executions fetched afterwards.
            lost: what cannot be had again, for a person.
        """
        return await self._to_the_end.run(self._closed(stream, to_ns, now_ns, recovered, lost))

    async def _closed(self, stream: str, to_ns: int, now_ns: int, recovered: int, lost: str) -> Gap | None:
        async with self._lock:
            gap = self._book.plan_close(stream, to_ns, recovered, lost)
            if gap is not None:
                await self._facts.record(gap, time_ns=now_ns, statements=[_row(gap)])
                self._book.apply(gap)
            return gap


def _row(gap: Gap) -> Statement:
    return (
        "INSERT OR REPLACE INTO gaps (gap_id, stream, from_ns, to_ns, reason, recovered, lost) VALUES (?,?,?,?,?,?,?)",
        (gap.gap_id, gap.stream, gap.from_ns, gap.to_ns, gap.reason, gap.recovered, gap.lost),
    )
