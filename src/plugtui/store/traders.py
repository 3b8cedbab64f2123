"""Plugged accounts, their redacted trades and their daily record: tables ``traders``, ``trader_trades``, ``trader_daily``.

Nothing in these tables tells an amount, an account number or a secret.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

import msgspec

from plugtui.control.messages import TraderTrade
from plugtui.store.store import Row, Statement, Store


class TraderRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A plugged account as it is kept; its secret lies in the vault."""

    name: str
    key_id: str
    base_url: str
    plugged_ns: int
    badge: str
    followed: bool = False


class DayRow(msgspec.Struct, frozen=True):
    """One day of a trader's record."""

    day: date
    index: float
    """Growth of one unit since the beginning."""
    change: float | None
    """Return of the day; ``None``: unknown."""


class TraderRows:
    """Read and write the traders' tables. Every method raises StoreError when the database cannot be used."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def load(self) -> list[TraderRecord]:
        """Return all plugged accounts by name."""
        return [_record(row) for row in await self._store.read("SELECT * FROM traders ORDER BY name")]

    async def add(self, record: TraderRecord) -> None:
        """Keep a plugged account."""
        await self._store.write(
            (
                "INSERT OR REPLACE INTO traders (name, key_id, base_url, followed, plugged_ns, badge)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (record.name, record.key_id, record.base_url, int(record.followed), record.plugged_ns, record.badge),
            )
        )

    async def set_followed(self, name: str, followed: bool) -> None:
        """Keep whether a trader is followed."""
        await self._store.write(("UPDATE traders SET followed = ? WHERE name = ?", (int(followed), name)))

    async def remove(self, name: str) -> None:
        """Forget an account with its trades and its record."""
        await self._store.write(
            ("DELETE FROM traders WHERE name = ?", (name,)),
            ("DELETE FROM trader_trades WHERE trader = ?", (name,)),
            ("DELETE FROM trader_daily WHERE trader = ?", (name,)),
        )

    # ------------------------------------------------------------ trades

    async def trade_ids(self, name: str) -> set[str]:
        """Return the ids of all trades that are kept."""
        rows = await self._store.read("SELECT trade_id FROM trader_trades WHERE trader = ?", (name,))
        return {row["trade_id"] for row in rows}

    async def last_trade_ns(self, name: str) -> int | None:
        """Return when the newest trade was made."""
        rows = await self._store.read("SELECT MAX(time_ns) AS last FROM trader_trades WHERE trader = ?", (name,))
        return rows[0]["last"] if rows else None

    async def trades(self, name: str, limit: int = 200) -> list[TraderTrade]:
        """Return the newest trades, newest first."""
        rows = await self._store.read(
            "SELECT * FROM trader_trades WHERE trader = ? ORDER BY time_ns DESC, trade_id LIMIT ?", (name, limit)
        )
        return [_trade(row) for row in rows]

    @staticmethod
    def trade_statements(trades: Iterable[TraderTrade]) -> list[Statement]:
        """Return the statements that keep trades, each once."""
        return [
            (
                "INSERT OR IGNORE INTO trader_trades (trader, trade_id, symbol, side, price, time_ns, recovered)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (t.trader, t.trade_id, t.symbol, t.side, t.price, t.time_ns, int(t.recovered)),
            )
            for t in trades
        ]

    async def write(self, statements: Sequence[Statement]) -> None:
        """Commit statements together."""
        if statements:
            await self._store.write(*statements)

    # ------------------------------------------------------------ record

    async def keep_days(self, name: str, days: Sequence[DayRow]) -> None:
        """Replace the daily record."""
        await self._store.write(
            ("DELETE FROM trader_daily WHERE trader = ?", (name,)),
            *(
                (
                    "INSERT INTO trader_daily (trader, day, equity_index, return) VALUES (?, ?, ?, ?)",
                    (name, row.day.isoformat(), row.index, row.change),
                )
                for row in days
            ),
        )

    async def days(self, name: str) -> list[DayRow]:
        """Return the daily record, oldest first."""
        rows = await self._store.read(
            "SELECT day, equity_index, return FROM trader_daily WHERE trader = ? ORDER BY day", (name,)
        )
        return [DayRow(date.fromisoformat(row["day"]), row["equity_index"], row["return"]) for row in rows]


def _record(row: Row) -> TraderRecord:
    return TraderRecord(
        name=row["name"],
        key_id=row["key_id"],
        base_url=row["base_url"],
        plugged_ns=row["plugged_ns"],
        badge=row["badge"],
        followed=bool(row["followed"]),
    )


def _trade(row: Row) -> TraderTrade:
    return TraderTrade(
        trader=row["trader"],
        trade_id=row["trade_id"],
        symbol=row["symbol"],
        side=row["side"],
        price=Decimal(row["price"]),
        time_ns=row["time_ns"],
        recovered=bool(row["recovered"]),
    )
