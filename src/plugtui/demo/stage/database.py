"""A database connection without a thread of its own, for :class:`plugtui.store.store.Store`."""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from plugtui.store.store import Store


class InlineConnection:
    """What the store uses of ``aiosqlite.Connection``; each call is done at once. The data is in memory only.

    Args:
        path: names the database within this process.
    """

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(
            f"file:{path}?mode=memory&cache=shared", uri=True, isolation_level=None, check_same_thread=False
        )

    @property
    def row_factory(self) -> Any:
        """Makes the rows."""
        return self._connection.row_factory

    @row_factory.setter
    def row_factory(self, factory: Any) -> None:
        self._connection.row_factory = factory

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Execute one statement."""
        self._connection.execute(sql, parameters)

    async def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Execute one statement for each row of parameters."""
        self._connection.executemany(sql, rows)

    async def execute_fetchall(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Return all rows of a query."""
        return self._connection.execute(sql, parameters).fetchall()

    async def commit(self) -> None:
        """Commit."""
        self._connection.commit()

    async def rollback(self) -> None:
        """Roll back."""
        self._connection.rollback()

    async def close(self) -> None:
        """Close; the last one takes the data along."""
        self._connection.close()


async def open_store(path: Path) -> Store:
    """Open a store that lives in memory."""

    async def connect(path: Path, **_: Any) -> Any:
        return InlineConnection(path)

    return await Store.open(path, connect)
