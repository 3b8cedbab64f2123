"""What happened to the account, exactly once: takes the stream's events, recovers what was missed, and tells."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from plugtui.brokers.port import Broker
from plugtui.config import AccountSettings
from plugtui.control.messages import AccountState
from plugtui.engine.account.journal import Journal
from plugtui.engine.account.recovery import GRACE_S, Found, Recovery
from plugtui.engine.account.watch import AccountWatch
from plugtui.engine.backoff import Backoff, Trouble
from plugtui.engine.gap_log import GapLog
from plugtui.engine.previous import HEARD
from plugtui.errors import BrokerError, BrokerRefused, PlugtuiError, StoreError, WireError
from plugtui.ledger.book import Changes
from plugtui.ledger.executions import Execution
from plugtui.ledger.pnl import Pnl
from plugtui.store import ledger_rows
from plugtui.store.store import Store
from plugtui.store.uninterrupted import Uninterrupted
from plugtui.tasks import Tasks
from plugtui.wire.trading import TradeUpdate

log = logging.getLogger(__name__)

STREAM = "account"
MOST_WAITING = 20_000
"""Events that may wait to be committed; the stream is read no further until there is room."""
BATCH = 500
HEARTBEAT_S = 5.0
SETTLE_S = (2.0, 5.0, 15.0)
"""When to look again after a recovery: activities may lag the stream."""
_PNL_EVERY_S = 0.5

Forward = Callable[[bytes], Awaitable[None]]


class _Data(msgspec.Struct):
    data: msgspec.Raw


class _WithOrder(msgspec.Struct):
    order: dict[str, Any]


_data = msgspec.json.Decoder(_Data)
_with_order = msgspec.json.Decoder(_WithOrder)


@dataclass(frozen=True, slots=True)
class _Arrival:
    raw: bytes
    update: TradeUpdate
    at_ns: int


class Account:
    """The user's account. Give :meth:`observe`, :meth:`stream_connected` and :meth:`stream_lost` to its AccountStream.

    Args:
        on_forward: awaited with each ``trade_updates`` message that is new, as it came, after it was committed; also with those
            that were built for what was recovered.
        replay_recovered: hand recovered executions and order events to ``on_forward`` too.
        on_state: called with each new AccountState.
        on_failure: called with name and error when a part of it has ended by a fault of ours.
    """

    def __init__(
        self,
        journal: Journal,
        gaps: GapLog,
        broker: Broker,
        settings: AccountSettings,
        *,
        on_forward: Forward,
        replay_recovered: bool = True,
        on_state: Callable[[AccountState], None] | None = None,
        on_failure: Callable[[str, BaseException], None] | None = None,
        now_ns: Callable[[], int] = time.time_ns,
        grace_s: float = GRACE_S,
    ) -> None:
        self.journal = journal
        self.watch = AccountWatch(broker, journal.store, settings, on_state=on_state, now_ns=now_ns)
        self._gaps = gaps
        self._broker = broker
        self._settings = settings
        self._on_forward = on_forward
        self._now_ns = now_ns
        self._recovery = Recovery(
            journal,
            broker,
            forward=on_forward if replay_recovered else None,
            overlap_s=settings.recovery_overlap_s,
            started_ns=now_ns(),
            grace_s=grace_s,
            now_ns=now_ns,
        )
        self._arrivals: asyncio.Queue[_Arrival | None] = asyncio.Queue(MOST_WAITING)
        self._tasks = Tasks(on_failure)
        self._to_the_end = Uninterrupted("account-recovery")
        self._worker: asyncio.Task[None] | None = None
        self._live = False
        self._heard_ns = 0
        self._look_again = asyncio.Event()
        self._pnl: dict[str | None, Pnl] = {}
        self._pnl_at = float("-inf")
        self.updates = 0
        """Events taken from the stream."""
        self.duplicates = 0
        """Events that said nothing new and were not handed on."""
        self.recovered = 0
        """Executions that had to be fetched."""
        self.recovery_problem = ""
        self._recovered_in_gap = 0

    async def start(self) -> None:
        """Take up what an earlier run left, and begin to read the account. Raises StoreError."""
        await self.watch.restore()
        first_start_ns = await self._recovery.start()
        heard = await self.journal.store.get(HEARD) or first_start_ns
        if heard is not None:
            self._heard_ns = int(heard)
            await self._gaps.open(STREAM, self._heard_ns, "the engine was not running", self._now_ns())
        self._worker = self._tasks.start(self._work(), "account-worker")
        self._tasks.start(self.watch.run(), "account-watch")
        self._tasks.start(self._reconcile(), "account-reconcile")
        self._tasks.start(self._upkeep(), "account-upkeep")

    async def aclose(self) -> None:
        """Commit what has arrived, write what waits, and end. The stream should have ended before."""
        if self._worker is not None and not self._worker.done():
            await self._arrivals.put(None)
            await self._worker
        await self._tasks.aclose()
        await self._to_the_end.aclose()
        try:
            await self.watch.flush()
            await self._heartbeat()
            await self.journal.retry()
        except StoreError as error:
            log.error("not everything could be written at the end: %s", error.title)

    # ------------------------------------------------------------- from the stream

    async def observe(self, raw: bytes, update: TradeUpdate) -> None:
        """Take one event of the stream (AccountStream's ``on_update``); it is committed and handed on soon after."""
        await self._arrivals.put(_Arrival(raw, update, self._now_ns()))

    async def stream_connected(self) -> None:
        """Recover what was missed, as often as it takes, then close the gap (``on_connected``)."""
        self._live = True
        connected_ns = self._now_ns()
        await self._recover_at_last()
        await self._to_the_end.run(self._close_gap(connected_ns))
        self._look_again.set()

    async def _close_gap(self, connected_ns: int) -> None:
        recovered, self._recovered_in_gap = self._recovered_in_gap, 0
        try:
            await self._gaps.close(STREAM, connected_ns, self._now_ns(), recovered=recovered)
            # An engine that is killed in its first seconds has been here too: the next one must know where its gap begins.
            await self._heartbeat()
        except StoreError as error:
            self._recovered_in_gap += recovered
            log.error("the gap could not be closed: %s", error.title)

    async def stream_lost(self, reason: str, since_ns: int) -> None:
        """Open a gap (``on_lost``)."""
        self._live = False
        self._heard_ns = since_ns
        try:
            await self._gaps.open(STREAM, since_ns, reason, self._now_ns())
        except StoreError as error:
            log.error("the gap could not be recorded: %s", error.title)

    async def _work(self) -> None:
        while True:
            batch = [await self._arrivals.get()]
            while len(batch) < BATCH and not self._arrivals.empty():
                batch.append(self._arrivals.get_nowait())
            arrivals = [arrival for arrival in batch if arrival is not None]
            if arrivals:
                await self._take(arrivals)
            if len(arrivals) < len(batch):
                return

    async def _take(self, arrivals: list[_Arrival]) -> None:
        """Merge, commit, then hand on. A database that cannot be written keeps no algorithm from its fills."""
        fresh: list[bytes] = []

        def take() -> Changes:
            changes = Changes()
            for arrival in arrivals:
                news = self._merge(arrival)
                changes.add(news)
                if news.fresh:
                    fresh.append(arrival.raw)
            return changes

        try:
            await self.journal.commit(take)
        except StoreError as error:
            log.debug("handed on before it could be written: %s", error.title)
        self.updates += len(arrivals)
        self.duplicates += len(arrivals) - len(fresh)
        for raw in fresh:
            await self._on_forward(raw)

    def _merge(self, arrival: _Arrival) -> Changes:
        try:
            data = _data.decode(arrival.raw).data
            order = _with_order.decode(data).order
            return self.journal.ledger.take_update(arrival.update, order, bytes(data).decode(), arrival.at_ns)
        except (WireError, msgspec.DecodeError, UnicodeDecodeError) as error:
            log.warning("an event could not be kept: %s", error)
            return Changes(fresh=True)

    # ------------------------------------------------------------- recovery

    async def reconcile(self) -> Found:
        """Compare with REST once; a caller that is cancelled does not stop it. Raises BrokerError, StoreError."""
        # Between committing what was missed and handing it on nothing may intervene, such as the next loss of the stream.
        return await self._to_the_end.run(self._reconcile_once())

    async def _reconcile_once(self) -> Found:
        found = await self._recovery.run()
        self.recovered += found.executions
        if self._gaps.current(STREAM) is not None:
            self._recovered_in_gap += found.executions
        self.recovery_problem = ""
        return found

    async def _recover_at_last(self) -> None:
        backoff = Backoff(random.random)
        while True:
            try:
                await self.reconcile()
                return
            except PlugtuiError as error:
                self.recovery_problem = error.title
                log.warning("what was missed cannot be fetched yet: %s", error.title)
                await asyncio.sleep(max(0.2, min(30.0, backoff.failed(_trouble_of(error), self._now_ns()))))

    async def _reconcile(self) -> None:
        """Look again now and then, and shortly after each recovery: an event may be lost on a connection that stays up."""
        settling: list[float] = []
        backoff = Backoff(random.random)
        while True:
            pause_s = settling.pop(0) if settling else self._settings.reconcile_s
            try:
                async with asyncio.timeout(min(pause_s, self._settings.reconcile_s)):
                    await self._look_again.wait()
                self._look_again.clear()
                settling = list(SETTLE_S)
                continue
            except TimeoutError:
                if not self._live:
                    continue
            try:
                found = await self.reconcile()
            except PlugtuiError as error:
                self.recovery_problem = error.title
                log.warning("the ledger could not be compared with the broker: %s", error.title)
                # Soon again: until then the problem is shown, and the broker may be back.
                settling = [max(1.0, min(30.0, backoff.failed(_trouble_of(error), self._now_ns())))]
                continue
            backoff = Backoff(random.random)
            if found.lagging and not settling:
                settling = list(SETTLE_S)

    async def _upkeep(self) -> None:
        beat = 0.0
        while True:
            await asyncio.sleep(1.0)
            beat += 1.0
            try:
                await self.journal.retry()
                if self._live and beat >= HEARTBEAT_S:
                    beat = 0.0
                    await self._heartbeat()
            except StoreError as error:
                log.debug("upkeep: %s", error.title)

    async def _heartbeat(self) -> None:
        """Keep when the stream was last heard, so that the next start knows where its gap begins."""
        if self._live:
            self._heard_ns = self._now_ns()
        if self._heard_ns:
            await self.journal.store.write(Store.put(HEARD, str(self._heard_ns)))

    # ------------------------------------------------------------- for others

    @property
    def state(self) -> AccountState | None:
        """Return the newest state; None until the account was read once."""
        state = self.watch.state
        trouble = self.journal.problem or self.recovery_problem
        if state is None or state.problem or not trouble:
            return state
        return msgspec.structs.replace(state, problem=trouble)

    async def pnl(self) -> dict[str | None, Pnl]:
        """Return the P&L of each algorithm, and of what nobody claimed under ``None``; at most half a second old."""
        now_s = asyncio.get_running_loop().time()
        if now_s - self._pnl_at >= _PNL_EVERY_S:
            self._pnl_at = now_s
            try:
                await self.journal.refresh()
            except StoreError as error:
                log.warning("P&L may lack late attributions: %s", error.title)
            self._pnl = self.journal.by_algo(self.watch.prices)
        return self._pnl

    async def pnl_by_symbol(self) -> dict[str, Pnl]:
        """Return the P&L of each symbol over all algorithms. Raises StoreError."""
        await self.journal.refresh()
        return self.journal.by_symbol(self.watch.prices)

    async def executions(self, since_ns: int = 0, limit: int = 100_000) -> list[Execution]:
        """Return the ledger's executions since a moment, oldest first; of more than ``limit`` the newest. Raises StoreError."""
        rows = await self.journal.store.read(
            "SELECT * FROM (SELECT * FROM executions WHERE time_ns >= ? ORDER BY time_ns DESC, order_id LIMIT ?)"
            " ORDER BY time_ns, order_id",
            (since_ns, limit),
        )
        return [ledger_rows.execution_of(row) for row in rows]

    async def executions_version(self) -> tuple[int, int, int]:
        """Return what changes when executions, their attribution or the openings do. Raises StoreError."""
        rows = await self.journal.store.read("SELECT COUNT(*) AS n FROM executions")
        return self.journal.facts.seq, int(rows[0]["n"]), len(self.journal.openings)

    async def order_life(self, order_id: str) -> dict[str, Any] | None:
        """Return an order, its events with the raw messages, its executions, and the orders that belong to it.

        None when it is unknown. Raises StoreError.
        """
        store = self.journal.store
        orders = await store.read("SELECT * FROM orders WHERE order_id = ?", (order_id,))
        events = await store.read("SELECT * FROM order_events WHERE order_id = ? ORDER BY time_ns, rowid", (order_id,))
        executions = await ledger_rows.executions(store, "order_id = ?", (order_id,))
        if not orders and not events and not executions:
            return None
        return {
            "order": dict(orders[0]) if orders else None,
            "events": [dict(row) for row in events],
            "executions": [msgspec.to_builtins(execution.fact()) for execution in executions],
            "family": await ledger_rows.family(store, order_id),
        }

    async def cancel_open_orders(self, algo: str) -> tuple[int, list[str]]:
        """Cancel the open orders of an algorithm.

        Returns:
            how many cancellations the broker accepted, and why others failed.
        """
        accepted, failed = 0, []
        for record in self.journal.ledger.open_orders(algo):
            if record.parent_id:
                continue
            try:
                await self._broker.cancel_order(record.order_id)
                accepted += 1
            except BrokerRefused as error:
                if error.status not in (404, 422):  # those are done already
                    failed.append(f"{record.symbol}: {error.title}")
            except BrokerError as error:
                failed.append(f"{record.symbol}: {error.title}")
        return accepted, failed


def _trouble_of(error: PlugtuiError) -> Trouble:
    return Trouble.THROTTLED if isinstance(error, BrokerError) and error.status == 429 else Trouble.NETWORK
