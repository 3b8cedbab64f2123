"""Answer what the ledger holds of the time before the numbered facts: the fills pane of a dashboard that starts anew."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from plugtui.control.messages import OrderEvent, Past
from plugtui.engine.control import Commands
from plugtui.store.ledger_rows import decimal_of, execution_of
from plugtui.store.store import Row, Store

MOST = 2_000
"""Executions in one answer, and as many ends of orders."""

_EXECUTIONS = "SELECT * FROM executions ORDER BY time_ns DESC, order_id LIMIT ?"
# Without the raw message, which is the largest part by far.
_ENDS = (
    "SELECT order_id, client_order_id, symbol, side, type, qty, limit_price, stop_price, status, filled_qty, updated_ns, algo"
    " FROM orders WHERE status IN ('rejected', 'canceled', 'expired', 'done_for_day') AND updated_ns >= ?"
    " ORDER BY updated_ns DESC LIMIT ?"
)


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many executions are wanted."""

    limit: int = MOST


class PastQuery:
    """``fills``.

    Args:
        store: the ledger's database.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def offer(self, commands: Commands) -> None:
        """Add the command to the registry."""
        commands.add("fills", Limit, self._fills)

    async def _fills(self, args: Limit) -> Past:
        limit = max(1, min(MOST, args.limit))
        executions = await self._store.read(_EXECUTIONS, (limit,))
        count = await self._store.read("SELECT COUNT(*) AS n FROM executions")
        since_ns = executions[-1]["time_ns"] if len(executions) == limit else 0
        ends = await self._store.read(_ENDS, (since_ns, limit))
        # Thousands of rows take tens of milliseconds: the event loop has data to route meanwhile.
        return await asyncio.to_thread(_past, executions, ends, int(count[0]["n"]))


def _past(executions: Sequence[Row], ends: Sequence[Row], count: int) -> Past:
    return Past(
        fills=[execution_of(row).fact() for row in reversed(executions)],
        events=[_end(row) for row in reversed(ends)],
        executions=count,
    )


def _end(row: Row) -> OrderEvent:
    return OrderEvent(
        order_id=row["order_id"],
        client_order_id=row["client_order_id"],
        symbol=row["symbol"],
        side=row["side"],
        event=row["status"],
        status=row["status"],
        order_type=row["type"],
        qty=decimal_of(row["qty"]),
        limit_price=decimal_of(row["limit_price"]),
        stop_price=decimal_of(row["stop_price"]),
        filled_qty=Decimal(row["filled_qty"]),
        time_ns=row["updated_ns"],
        algo=row["algo"],
    )
