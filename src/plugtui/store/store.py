"""The profile's SQLite database: one writer, one reader, nothing acknowledged is ever lost.

Write-ahead log with ``synchronous=FULL``: when :meth:`Store.write` returns, the rows survive a killed process and a power cut.
"""

import asyncio
import os
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

import aiosqlite

from plugtui.errors import StoreError
from plugtui.store.schema import MIGRATIONS, VERSION
from plugtui.store.uninterrupted import Uninterrupted

Statement = tuple[str, Sequence[Any]]
"""SQL text and its parameters; ``Decimal`` parameters are kept as exact text."""
Row = sqlite3.Row
Connect = Callable[..., Awaitable[aiosqlite.Connection]]

BUSY_TIMEOUT_S = 5.0


class Store:
    """Read and write one database file. Open with :meth:`open`; close with :meth:`aclose`, or the process will not end."""

    def __init__(self, path: Path, writer: aiosqlite.Connection, reader: aiosqlite.Connection) -> None:
        self.path = path
        self._writer = writer
        self._reader = reader
        self._lock = asyncio.Lock()
        self._to_the_end = Uninterrupted("store-write")
        self._closed = False
        self.commits = 0
        """Transactions committed since the start."""

    @classmethod
    async def open(cls, path: Path | str, connect: Connect = aiosqlite.connect) -> "Store":
        """Open or create the database at ``path`` (mode 0600) and bring it to the newest schema.

        Args:
            path: of the file.
            connect: opens a connection; a real one works in a thread of its own.

        Raises:
            StoreError: it cannot be opened, is damaged, is locked, or was written by a newer plugtui.
        """
        path = Path(path)
        _prepare_file(path)
        opened: list[aiosqlite.Connection] = []
        try:
            writer = await connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
            opened.append(writer)
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "journal_size_limit=16777216"):
                await writer.execute(f"PRAGMA {pragma}")
            await _migrate(writer, path)
            reader = await connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
            opened.append(reader)
            await reader.execute("PRAGMA query_only=ON")
            reader.row_factory = sqlite3.Row
        except BaseException as error:
            for connection in opened:
                await connection.close()
            if isinstance(error, sqlite3.Error):
                raise store_error(error, path) from error
            raise
        return cls(path, writer, reader)

    async def write(self, *statements: Statement) -> None:
        """Commit all statements in one transaction, or none of them.

        Neighbours with the same SQL travel together, so a batch of rows costs one hop to the writer's thread. A caller that is
        cancelled leaves no half-done transaction: the work goes on to its end.

        Raises:
            StoreError: nothing was written.
        """
        if self._closed:
            raise StoreError("the ledger's database is closed")
        await self._to_the_end.run(self._commit(statements))

    async def _commit(self, statements: tuple[Statement, ...]) -> None:
        async with self._lock:
            try:
                await self._writer.execute("BEGIN IMMEDIATE")
                try:
                    for sql, group in groupby(statements, key=lambda statement: statement[0]):
                        rows = [[_plain(value) for value in parameters] for _, parameters in group]
                        if len(rows) == 1:
                            await self._writer.execute(sql, rows[0])
                        else:
                            await self._writer.executemany(sql, rows)
                    await self._writer.commit()
                except BaseException:
                    await self._writer.rollback()
                    raise
            except sqlite3.Error as error:
                raise store_error(error, self.path) from error
            self.commits += 1

    async def read(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """Return all rows of a query; sees every transaction that was committed before the call.

        Raises:
            StoreError: the database cannot be read.
        """
        if self._closed:
            raise StoreError("the ledger's database is closed")
        try:
            return list(await self._reader.execute_fetchall(sql, [_plain(value) for value in params]))
        except sqlite3.Error as error:
            raise store_error(error, self.path) from error

    async def get(self, key: str) -> str | None:
        """Return a small value kept under ``key``."""
        rows = await self.read("SELECT value FROM meta WHERE key = ?", (key,))
        return str(rows[0]["value"]) if rows else None

    @staticmethod
    def put(key: str, value: str) -> Statement:
        """Return the statement that keeps a small value under ``key``."""
        return ("INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value))

    async def aclose(self) -> None:
        """Finish what is being written and close the file. May be called twice."""
        if self._closed:
            return
        self._closed = True
        async with self._lock:
            await self._reader.close()
            await self._writer.close()
        await self._to_the_end.aclose()


def _plain(value: Any) -> Any:
    return format(value, "f") if isinstance(value, Decimal) else value


def _prepare_file(path: Path) -> None:
    """Create the file with mode 0600 before SQLite does: its WAL and shared-memory files inherit the mode."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
    except OSError as error:
        raise StoreError(
            f"cannot open the ledger {path}: {error.strerror}",
            "Give plugtui a directory that it may write to (PLUGTUI_HOME), or correct the permissions.",
        ) from error


async def _migrate(writer: aiosqlite.Connection, path: Path) -> None:
    rows = await writer.execute_fetchall("PRAGMA user_version")
    version = int(next(iter(rows))[0])
    if version > VERSION:
        raise StoreError(
            f"the ledger {path} has schema {version}, this plugtui knows up to {VERSION}",
            "It was written by a newer plugtui: update this one, or choose another profile.",
        )
    for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
        await writer.execute("BEGIN IMMEDIATE")
        try:
            for statement in statements:
                await writer.execute(statement)
            await writer.execute(f"PRAGMA user_version = {number}")
        except sqlite3.Error:
            await writer.rollback()
            raise
        await writer.commit()


_HINTS: tuple[tuple[str, str, str], ...] = (
    ("locked", "is locked by another program", "End the other program that has the file open, then try again."),
    ("full", "has no room left", "Free space on the disk; what was acknowledged is kept, the rest is tried again."),
    ("disk i/o", "cannot be written (disk error)", "Check the disk and its free space; what was acknowledged is kept."),
    ("too big", "has no room left", "Free space on the disk or raise the file size limit of this user."),
    (
        "malformed",
        "is damaged",
        "Move the file away and start again: executions are fetched anew from the broker. "
        "`sqlite3 FILE .recover` can save the rest.",
    ),
    ("not a database", "is not a database", "Move the file away and start again."),
    ("readonly", "may not be written", "Correct the permissions of the file and its directory."),
    ("unable to open", "cannot be opened", "Check that the directory exists and that this user may write to it."),
)


def store_error(error: sqlite3.Error, path: Path) -> StoreError:
    """Word an SQLite error for a person: what is wrong with which file, and what to do."""
    text = str(error)
    for sign, what, hint in _HINTS:
        if sign in text.lower():
            return StoreError(f"the ledger {path} {what}", hint)
    return StoreError(f"the ledger {path} refused a statement: {text}", "Please report this; the log has the details.")
