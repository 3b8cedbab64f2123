"""One plugged account: its stream, its trades, its record. What goes wrong here stays here."""

import asyncio
import logging
import random
from bisect import insort
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Protocol

import msgspec

from plugtui.brokers.port import Activity, Broker, Credentials
from plugtui.control.messages import StreamState, TraderState, TraderTrade
from plugtui.engine.backoff import Backoff, Trouble
from plugtui.engine.facts import FactLog
from plugtui.errors import BrokerError, BrokerRefused, StoreError
from plugtui.ledger.executions import Execution, ExecutionBook, from_fill, from_update
from plugtui.performance.history import from_points
from plugtui.performance.ratios import Undefined
from plugtui.store.traders import TraderRecord, TraderRows
from plugtui.traders.ranking import badge_of
from plugtui.traders.record import Record, day_rows, kept_record, make_record
from plugtui.traders.redaction import position_key, redact, redact_all
from plugtui.wire.trading import TradeUpdate

log = logging.getLogger(__name__)

HISTORY = "10A"
"""How far back the portfolio history is read."""
MOST_FILLS = 10_000
OVERLAP_NS = 600 * 10**9
"""How far before the newest known fill a recovery begins."""
POSITION_READS = 3
OVERLAP_DAYS = 10
"""How far before the newest known payment the activities are read again: some are booked late."""


class Stream(Protocol):
    """An account stream, as far as a plugged account needs it."""

    @property
    def state(self) -> StreamState:
        """Of the connection."""

    async def run(self) -> None:
        """Stay connected until cancelled."""


OnUpdate = Callable[[bytes, TradeUpdate], Awaitable[None]]
OnConnected = Callable[[], Awaitable[None]]
Dial = Callable[[str, Credentials, OnUpdate, OnConnected], Stream]
"""(name, credentials, on_update, on_connected) → a stream that is not running yet."""


@dataclass(frozen=True)
class Surroundings:
    """What all plugged accounts share."""

    rows: TraderRows
    facts: FactLog
    dial: Dial
    now_ns: Callable[[], int]
    refresh_s: float
    random: Callable[[], float] = random.random


class PluggedAccount:
    """Follow one account until cancelled.

    Args:
        kept: its row.
        credentials: its keys.
        broker: REST calls to it; closed by :meth:`aclose`.
        around: what all accounts share.
    """

    def __init__(self, kept: TraderRecord, credentials: Credentials, broker: Broker, around: Surroundings) -> None:
        self.kept = kept
        self.credentials = credentials
        self.account_number = ""
        """Known once the account was read; never kept, never shown."""
        self.record = Record()
        self._broker = broker
        self._around = around
        self._stream = around.dial(f"trader {kept.name}", credentials, self._on_update, self._on_connected)
        self._backoff = Backoff(around.random)
        self._lock = asyncio.Lock()
        self._seen: set[str] = set()
        self._book = ExecutionBook()
        self._executions: list[Execution] = []
        self._payments: dict[str, Activity] = {}
        self._last_trade_ns: int | None = None
        self._untold_ns: int | None = None
        """Time of the oldest execution that could not be kept; it is fetched again."""
        self._problem = ""
        self._crashed = False
        self._refresh_now = asyncio.Event()

    # ------------------------------------------------------------ life

    async def load(self) -> None:
        """Read what the database knows: trades told already, and the last record. Raises StoreError."""
        rows, name = self._around.rows, self.kept.name
        self._seen = await rows.trade_ids(name)
        self._last_trade_ns = await rows.last_trade_ns(name)
        self.record = kept_record(await rows.days(name))

    async def run(self) -> None:
        """Listen and refresh until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._stream.run(), name=f"stream of trader {self.kept.name}")
            group.create_task(self._keep_fresh(), name=f"record of trader {self.kept.name}")

    async def aclose(self) -> None:
        """Let go of the broker's connections."""
        await self._broker.aclose()

    def crashed(self, error: BaseException) -> None:
        """Note that :meth:`run` ended by an error that nobody expected."""
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        self._crashed = True
        self._problem = f"stopped by an error ({type(error).__name__}): unplug it and plug it in again"

    def refresh_soon(self) -> None:
        """Read fills and history again without waiting for the interval."""
        self._refresh_now.set()

    async def follow(self, followed: bool) -> None:
        """Tell its trades from now on, or no longer. Raises StoreError."""
        await self._around.rows.set_followed(self.kept.name, followed)
        self.kept = msgspec.structs.replace(self.kept, followed=followed)

    def state(self) -> TraderState:
        """Return what the leaderboard shows."""
        stream, record = self._stream.state, self.record
        shown = "failed" if self._crashed else stream.state
        return TraderState(
            name=self.kept.name,
            followed=self.kept.followed,
            badge=self.kept.badge or badge_of(self.kept.base_url, self.kept.key_id),
            stream=shown,
            detail=self._problem or stream.detail,
            trades=len(self._seen),
            score=None if isinstance(record.score, Undefined) else record.score,
            figures=record.figures,
            last_trade_ns=self._last_trade_ns,
        )

    # ------------------------------------------------------------ trades

    async def _on_update(self, raw: bytes, update: TradeUpdate) -> None:
        execution = from_update(update, self._around.now_ns())
        if execution is None or not execution.symbol:
            return
        async with self._lock:
            self._remember([execution])
            try:
                await self._tell([redact(self.kept.name, execution)])
            except StoreError as error:
                self._untold_ns = min(self._untold_ns or execution.time_ns, execution.time_ns)
                self._note(error)
                self.refresh_soon()

    async def _on_connected(self) -> None:
        """Fetch what was missed; the stream listens already, so that nothing falls between the two."""
        try:
            await self._recover()
        except (BrokerError, StoreError) as error:
            self._note(error)
            self.refresh_soon()

    async def _recover(self) -> None:
        """Fetch fills since the newest that is known, and tell the trades that were missed. Raises BrokerError, StoreError."""
        newest = [e.time_ns for e in self._executions[-1:]]
        after_ns = min((*newest, *([self._untold_ns] if self._untold_ns else []))) - OVERLAP_NS if newest else 0
        held = await self._positions()
        for _ in range(POSITION_READS):
            fills = await self._broker.fills(after_ns, MOST_FILLS)
            before, held = held, await self._positions()
            if held == before:
                break  # no fill slipped in between the two, so the positions are those after the last of them
        missed = [from_fill(fill) for fill in fills]
        async with self._lock:
            self._remember(missed)
            await self._tell(redact_all(self.kept.name, missed, held))
            self._untold_ns = None

    async def _positions(self) -> dict[str, Decimal]:
        return {position_key(position.symbol): position.qty for position in await self._broker.positions()}

    def _remember(self, executions: list[Execution]) -> None:
        """Keep executions for the round trips, each once."""
        for execution in executions:
            if self._book.known(execution) is None:
                self._book.add(execution)
                insort(self._executions, execution, key=lambda e: e.time_ns)

    async def _tell(self, trades: list[TraderTrade]) -> None:
        """Keep trades that are new, and record those that followers have not heard as facts. Raises StoreError.

        Trades from before the account was plugged in are its history: they are kept and not told.
        """
        new = [trade for trade in trades if trade.trade_id not in self._seen]
        if not new:
            return
        told = [t for t in new if self.kept.followed and not (t.recovered and t.time_ns < self.kept.plugged_ns)]
        statements = self._around.rows.trade_statements(new)
        if told:
            await self._around.facts.record(*told, time_ns=self._around.now_ns(), statements=statements)
        else:
            await self._around.rows.write(statements)
        self._seen.update(trade.trade_id for trade in new)
        self._last_trade_ns = max(self._last_trade_ns or 0, *(trade.time_ns for trade in new))

    # ------------------------------------------------------------ record

    async def _keep_fresh(self) -> None:
        while True:
            self._refresh_now.clear()
            wait_s = self._around.refresh_s * (0.9 + 0.2 * self._around.random())
            try:
                await self.refresh()
                self._problem = ""
                self._backoff.up(self._around.now_ns())
            except BrokerRefused as error:
                self._note(error)
            except (BrokerError, StoreError) as error:
                self._note(error)
                wait_s = min(wait_s, max(1.0, self._backoff.failed(Trouble.NETWORK, self._around.now_ns())))
            try:
                async with asyncio.timeout(wait_s):
                    await self._refresh_now.wait()
                    await asyncio.sleep(1.0)  # several reasons at once are one refresh
            except TimeoutError:
                continue

    def _note(self, error: BrokerError | StoreError) -> None:
        if error.title != self._problem:
            log.warning("trader %s: %s", self.kept.name, error.title)
        self._problem = error.title

    async def refresh(self) -> None:
        """Read the account, what was missed, and the history; compute the record anew. Raises BrokerError, StoreError."""
        self.account_number = (await self._broker.account()).account_number
        await self._recover()
        points = await self._broker.portfolio_history(HISTORY, "1D")
        await self._read_payments()
        executions = list(self._executions)
        curve = from_points(points, self._payments.values())
        self.record = await asyncio.to_thread(make_record, curve, executions)
        await self._around.rows.keep_days(self.kept.name, day_rows(self.record))

    async def _read_payments(self) -> None:
        newest = max((p.day for p in self._payments.values()), default="")
        self._payments.update({p.id: p for p in await self._broker.activities(_days_before(newest))})


def _days_before(day: str) -> str:
    """Return the day from which payments are read again; everything when ``day`` is no date."""
    try:
        return (date.fromisoformat(day) - timedelta(days=OVERLAP_DAYS)).isoformat()
    except ValueError:
        return ""
