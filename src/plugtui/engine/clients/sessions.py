"""What is kept of clients' comings and goings: facts for the dashboards, rows in ``sessions``."""

import asyncio
import logging
from collections import deque
from typing import Protocol

from plugtui.control.messages import ClientJoined, ClientLeft, FactBody
from plugtui.engine.facts import FactLog
from plugtui.errors import StoreError
from plugtui.store.store import Statement, Store

log = logging.getLogger(__name__)

BOUND = 10_000
"""Entries that wait while the database cannot be written; beyond it the oldest are dropped and counted."""

_BATCH = 200
_RETRY_S = 1.0


class Visitor(Protocol):
    """What the journal writes down about an algorithm."""

    name: str
    address: str
    program: str
    pid: int | None
    sdk: str


class SessionJournal:
    """Write joins and leaves in order, many in one transaction; the caller never waits for the disk.

    Run :meth:`run` in a task; call :meth:`aclose` at the end.
    """

    def __init__(self, facts: FactLog) -> None:
        self._facts = facts
        self._entries: deque[tuple[int, FactBody | None, tuple[Statement, ...]]] = deque()
        self._news = asyncio.Event()
        self._writing = asyncio.Lock()
        self._last_id = 0
        self.dropped = 0
        """Entries given up because the database could not be written for too long."""

    @staticmethod
    async def close_dangling(store: Store, now_ns: int) -> None:
        """Close the sessions that an engine left open when it died.

        Raises:
            StoreError: the database cannot be written.
        """
        await store.write(
            ("UPDATE sessions SET to_ns = ?, reason = 'engine ended' WHERE to_ns IS NULL", (now_ns,)),
        )

    def joined(self, visitor: Visitor, endpoint: str, now_ns: int) -> int:
        """Note that a connection was opened; return the id of its session."""
        self._last_id = session = max(self._last_id + 1, now_ns)
        who = (visitor.name, endpoint, visitor.address, visitor.program, visitor.pid, visitor.sdk)
        self._add(
            now_ns,
            ClientJoined(
                algo=visitor.name,
                endpoint=endpoint,
                address=visitor.address,
                program=visitor.program,
                pid=visitor.pid,
            ),
            (
                "INSERT INTO sessions (id, algo, endpoint, address, program, pid, sdk, from_ns)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (session, *who, now_ns),
            ),
        )
        return session

    def left(self, session: int, fact: ClientLeft, sent_bytes: int, now_ns: int) -> None:
        """Note that the connection of ``session`` has ended, with what it got."""
        self._add(
            now_ns,
            fact,
            (
                "UPDATE sessions SET to_ns = ?, messages = ?, bytes = ?, reason = ? WHERE id = ?",
                (now_ns, fact.messages, sent_bytes, fact.reason, session),
            ),
        )

    def used(self, key_id: str, now_ns: int) -> None:
        """Keep when an issued key was first used."""
        statement = ("UPDATE algo_keys SET used_ns = ? WHERE key_id = ? AND used_ns IS NULL", (now_ns, key_id))
        self._add(now_ns, None, statement)

    def note(self, fact: FactBody, now_ns: int) -> None:
        """Note a fact that has no row."""
        self._add(now_ns, fact)

    def _add(self, now_ns: int, fact: FactBody | None, *statements: Statement) -> None:
        if len(self._entries) >= BOUND:
            self._entries.popleft()
            self.dropped += 1
        self._entries.append((now_ns, fact, statements))
        self._news.set()

    async def run(self) -> None:
        """Write what is noted, until cancelled; a database that cannot be written is tried again."""
        while True:
            await self._news.wait()
            try:
                await self.flush()
            except StoreError as error:
                log.warning("clients' sessions cannot be written, will try again: %s", error.title)
                await asyncio.sleep(_RETRY_S)

    async def flush(self) -> None:
        """Write everything noted so far.

        Raises:
            StoreError: the rest stays noted.
        """
        async with self._writing:
            self._news.clear()
            while self._entries:
                batch = [self._entries[n] for n in range(min(_BATCH, len(self._entries)))]
                dropped = self.dropped
                try:
                    await self._facts.record(
                        *(fact for _, fact, _ in batch if fact is not None),
                        time_ns=batch[-1][0],
                        statements=[statement for _, _, statements in batch for statement in statements],
                    )
                except StoreError:
                    self._news.set()
                    raise
                # entries dropped meanwhile were the oldest ones, which this batch has just written
                for _ in range(len(batch) - (self.dropped - dropped)):
                    self._entries.popleft()

    async def aclose(self) -> None:
        """Write what is left; what cannot be written is counted and logged."""
        try:
            await self.flush()
        except StoreError as error:
            self.dropped += len(self._entries)
            log.error("%d entries about clients were lost: %s", len(self._entries), error.title)
            self._entries.clear()
