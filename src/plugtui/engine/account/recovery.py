"""Fetch from REST what the account stream did not bring: after a loss, at the start, and now and then (rows F1, F6).

The broker's own times mark how far it has read, never this machine's clock: the two may differ. What REST shows and the stream
has not brought yet gets a moment of grace, so that an execution which is on its way is not taken for a lost one.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from plugtui.brokers.port import Broker, OrderRow
from plugtui.control.messages import Imported, PositionState
from plugtui.engine.account.journal import Journal
from plugtui.errors import BrokerRefused
from plugtui.ledger.book import Changes
from plugtui.ledger.executions import Execution, from_fill
from plugtui.ledger.pnl import openings_of
from plugtui.store.store import Store
from plugtui.wire.times import ns_to_rfc3339
from plugtui.wire.trading import RestFill, order_from

log = logging.getLogger(__name__)

GRACE_S = 0.5
HISTORY_DAYS = 90
HISTORY_FILLS = 3_000
HISTORY_ORDERS = 1_500
_ONE_BY_ONE = 50
_MOST_LOOKS = 4
_STEADY_TRIES = 4
_DAY_NS = 86_400 * 10**9
_MARK = "recovery_mark"
_FIRST_START = "first_start_ns"

Forward = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Found:
    """What one reading of REST brought."""

    executions: int = 0
    events: int = 0
    imported: int = 0
    """Executions of the time before the first start."""
    lagging: bool = False
    """An order is filled further than the activities tell: look again soon."""


class _Mark(msgspec.Struct, frozen=True):
    """Up to where REST has been read, in the broker's time."""

    fills_ns: int
    orders_ns: int


class Recovery:
    """Read executions and orders of one account from REST and merge them.

    At the very first start the last 90 days are taken in as history, at most 3,000 executions: they count for P&L and round
    trips, and are neither told one by one as facts nor sent to algorithms. One fact says that they are there.

    Args:
        forward: sends a built ``trade_updates`` message to the algorithms; None: recovered ones are not sent.
        overlap_s: how far before the mark each reading starts.
        started_ns: executions before this time are history at the first start.
    """

    def __init__(
        self,
        journal: Journal,
        broker: Broker,
        *,
        forward: Forward | None,
        overlap_s: float,
        started_ns: int,
        grace_s: float = GRACE_S,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._journal = journal
        self._broker = broker
        self._forward = forward
        self._overlap_ns = int(overlap_s * 1e9)
        self._started_ns = started_ns
        self._grace_s = grace_s
        self._now_ns = now_ns
        self._lock = asyncio.Lock()
        self._looked: dict[tuple[str, Decimal], int] = {}

    async def start(self) -> int | None:
        """Keep when this ledger was first started: a kill before the first reading must not turn news into history.

        Returns:
            when that was, in ns; None when it is now.

        Raises:
            StoreError: the database cannot be read or written.
        """
        kept = await self._journal.store.get(_FIRST_START)
        if kept is None:
            await self._journal.store.write(Store.put(_FIRST_START, str(self._started_ns)))
            return None
        self._started_ns = int(kept)
        return self._started_ns

    async def run(self) -> Found:
        """Read once and merge.

        Raises:
            BrokerError: REST failed; nothing was changed.
            StoreError: the database cannot be read, or what was found waits in memory for it.
        """
        async with self._lock:
            text = await self._journal.store.get(_MARK)
            if text is None:
                return await self._import()
            return await self._catch_up(msgspec.json.decode(text, type=_Mark))

    # ------------------------------------------------------------- the first time

    async def _import(self) -> Found:
        clock = await self._broker.clock()
        since_ns = clock.now_ns - HISTORY_DAYS * _DAY_NS
        fills, held = await self._past(since_ns)
        rows = await self._broker.orders("all", since_ns, HISTORY_ORDERS)
        rows += await self._broker.orders("open")
        mark = self._advanced(_Mark(since_ns, since_ns), fills, rows)
        past = [fill for fill in fills if fill.time_ns < self._started_ns]
        missed = [fill for fill in fills if fill.time_ns >= self._started_ns]
        if self._journal.ledger.unknown(missed):
            await asyncio.sleep(self._grace_s)

        old = [row for row in rows if (order_from(row.raw).updated_ns or 0) < self._started_ns]

        def take() -> Changes:
            changes = self._journal.ledger.take_orders(_raws(old), self._now_ns(), tell=False)
            # What was cancelled since the start, before this reading was done, is news like any other.
            changes.add(self._journal.ledger.take_orders(_raws(rows), self._now_ns(), tell=True))
            changes.add(self._journal.ledger.take_fills(past, "history"))
            changes.add(self._journal.ledger.take_fills(missed))
            return changes

        await self._journal.take_openings(openings_of(held, [from_fill(fill) for fill in fills], since_ns))
        told = Imported(executions=len(past), orders=len({order_from(row.raw).id for row in old}), since_ns=since_ns)
        bodies = [told] if told.executions or told.orders else []
        changes = await self._journal.commit(take, [Store.put(_MARK, _text(mark))], bodies)
        history = sum(1 for execution in changes.executions if execution.source == "history")
        log.info("first start: %d executions and %d orders of the past taken in", history, len(changes.orders))
        await self._replay(changes, missed)
        return Found(executions=len(changes.executions) - history, imported=history)

    async def _past(self, since_ns: int) -> tuple[list[RestFill], dict[str, tuple[Decimal, Decimal]]]:
        """Read executions and what is held after them: no execution may fall between the two readings."""
        held = _held(await self._broker.positions())
        for _ in range(_STEADY_TRIES):
            fills = await self._broker.fills(since_ns, HISTORY_FILLS)
            before, held = held, _held(await self._broker.positions())
            if {symbol: qty for symbol, (qty, _) in before.items()} == {
                symbol: qty for symbol, (qty, _) in held.items()
            }:
                break
        return fills, held

    # ------------------------------------------------------------- from then on

    async def _catch_up(self, mark: _Mark) -> Found:
        fills = await self._broker.fills(mark.fills_ns - self._overlap_ns)
        rows = await self._read_orders(mark, fills)
        if self._news(fills, rows):
            await asyncio.sleep(self._grace_s)
        statements = []
        advanced = self._advanced(mark, fills, rows)
        if advanced != mark:
            statements.append(Store.put(_MARK, _text(advanced)))

        def take() -> Changes:
            changes = self._journal.ledger.take_orders(_raws(rows), self._now_ns(), tell=True)
            changes.add(self._journal.ledger.take_fills(fills))
            return changes

        changes = await self._journal.commit(take, statements)
        if changes.executions or changes.events:
            log.info("recovered %d executions and %d order events", len(changes.executions), len(changes.events))
            await self._replay(changes, fills)
        return Found(len(changes.executions), len(changes.events), lagging=self._lags(rows))

    async def _read_orders(self, mark: _Mark, fills: Sequence[RestFill]) -> list[OrderRow]:
        """Read the orders that may have changed: new ones, open ones, those that we take for open, those of unknown fills."""
        rows = await self._broker.orders("all", mark.orders_ns - self._overlap_ns)
        rows += await self._broker.orders("open")
        seen = {name for row in rows for name in _names(row.raw)}
        ledger = self._journal.ledger
        wanted = [record.order_id for record in ledger.open_orders() if record.order_id not in seen]
        wanted += [
            f.order_id for f in ledger.unknown(fills) if f.order_id not in seen and ledger.order(f.order_id) is None
        ]
        for order_id in list(dict.fromkeys(wanted))[:_ONE_BY_ONE]:
            try:
                rows.append(await self._broker.order(order_id))
            except BrokerRefused as error:
                log.warning("order %s: %s", order_id, error.title)
        return rows

    def _news(self, fills: Sequence[RestFill], rows: Sequence[OrderRow]) -> bool:
        ledger = self._journal.ledger
        return bool(ledger.unknown(fills)) or ledger.implies_news(_raws(rows), self._now_ns())

    def _advanced(self, mark: _Mark, fills: Sequence[RestFill], rows: Sequence[OrderRow]) -> _Mark:
        submitted = [order_from(row.raw).submitted_ns or 0 for row in rows]
        return _Mark(max([mark.fills_ns, *(fill.time_ns for fill in fills)]), max([mark.orders_ns, *submitted]))

    def _lags(self, rows: Sequence[OrderRow]) -> bool:
        """Tell whether an order is filled up to a point of which no execution is known; each such point counts a few times."""
        known = self._journal.ledger.executions
        orders = [order_from(value) for row in rows for value in _members(row.raw)]
        points = {(o.id, o.filled_qty) for o in orders if o.filled_qty and not known.knows_fill(o.id, o.filled_qty)}
        self._looked = {point: self._looked.get(point, 0) + 1 for point in points}
        return any(looks <= _MOST_LOOKS for looks in self._looked.values())

    async def _replay(self, changes: Changes, fills: Sequence[RestFill]) -> None:
        if self._forward is None:
            return
        types = {fill.id: fill.type or "fill" for fill in fills}
        messages = [
            (execution.time_ns, self._execution_message(execution, types.get(execution.activity_id, "fill")))
            for execution in changes.executions
            if execution.recovered
        ]
        messages += [(event.time_ns, self._event_message(event.order_id, event.event)) for event in changes.events]
        for _, message in sorted(messages, key=lambda pair: pair[0]):
            if message is not None:
                await self._forward(message)

    def _order(self, order_id: str) -> dict[str, Any] | None:
        record = self._journal.ledger.order(order_id)
        if record is None:
            return None
        order: dict[str, Any] = msgspec.json.decode(record.raw)
        return order

    def _execution_message(self, execution: Execution, kind: str) -> bytes | None:
        """Build the ``trade_updates`` message that was missed: the order as it stood after this execution."""
        order = self._order(execution.order_id)
        if order is None:
            return None
        done = kind == "fill"
        order |= {"filled_qty": str(execution.cum_qty), "status": "filled" if done else "partially_filled"}
        stamp = ns_to_rfc3339(execution.time_ns)
        data = {
            "at": stamp,
            "event": kind,
            "execution_id": execution.execution_id,
            "order": order,
            "price": str(execution.price),
            "qty": str(execution.qty),
            "timestamp": stamp,
        }
        return msgspec.json.encode({"stream": "trade_updates", "data": data})

    def _event_message(self, order_id: str, event: str) -> bytes | None:
        order = self._order(order_id)
        if order is None:
            return None
        stamp = str(order.get("updated_at") or order.get("submitted_at") or ns_to_rfc3339(self._now_ns()))
        data = {"at": stamp, "event": event, "order": order, "timestamp": stamp}
        return msgspec.json.encode({"stream": "trade_updates", "data": data})


def _held(positions: Sequence[PositionState]) -> dict[str, tuple[Decimal, Decimal]]:
    return {position.symbol: (position.qty, position.avg_entry_price) for position in positions}


def _members(raw: dict[str, Any]) -> list[dict[str, Any]]:
    return [raw, *(raw.get("legs") or ())]


def _names(raw: dict[str, Any]) -> list[str]:
    return [str(order.get("id", "")) for order in _members(raw)]


def _raws(rows: Sequence[OrderRow]) -> list[dict[str, Any]]:
    return [row.raw for row in rows]


def _text(mark: _Mark) -> str:
    return msgspec.json.encode(mark).decode()
