"""Turn what happens to the market-data streams into facts and gaps (rows F6, G11)."""

import logging
from collections.abc import Callable

from plugtui.control.messages import FactBody, Notice, StreamChanged, StreamState
from plugtui.engine.facts import FactLog
from plugtui.engine.gap_log import GapLog
from plugtui.errors import StoreError
from plugtui.wire.marketdata import ERRORS, Pair

log = logging.getLogger(__name__)

_WORTH_A_FACT = frozenset({"live", "waiting", "failed", "stale"})


class StreamJournal:
    """Record state changes and gaps. A ledger that cannot be written never stops the data (row O3)."""

    def __init__(self, facts: FactLog, gaps: GapLog, clock: Callable[[], int]) -> None:
        self._facts = facts
        self._gaps = gaps
        self._clock = clock

    async def stream_changed(self, state: StreamState) -> None:
        """Record another state of a stream."""
        if state.state in _WORTH_A_FACT:
            await self._record(
                StreamChanged(name=state.name, state=state.state, detail=state.detail, retry_at_ns=state.retry_at_ns)
            )

    async def stream_lost(self, name: str, from_ns: int, reason: str) -> None:
        """Open a gap."""
        try:
            await self._gaps.open(name, from_ns, reason, self._clock())
        except StoreError as problem:
            log.error("the gap of %s could not be recorded: %s", name, problem)

    async def stream_restored(self, name: str, to_ns: int) -> None:
        """Close the gap: market data of its time cannot be had again."""
        gap = self._gaps.current(name)
        if gap is None:
            return
        lost = f"market data of {(to_ns - gap.from_ns) / 1e9:.1f} s"
        try:
            await self._gaps.close(name, to_ns, self._clock(), lost=lost)
        except StoreError as problem:
            log.error("the gap of %s could not be closed: %s", name, problem)

    async def pairs_refused(self, name: str, pairs: frozenset[Pair], code: int) -> None:
        """Say that the server no longer gives what clients hold."""
        listed = ", ".join(f"{channel} of {symbol}" for channel, symbol in sorted(pairs)[:5])
        await self._record(
            Notice(
                level="warning",
                text=f"{name}: the server refuses {listed} after a reconnect: {ERRORS.get(code, 'error')} ({code})",
                hint="the algorithms that asked for it get no data for it until the next reconnect",
            )
        )

    async def _record(self, body: FactBody) -> None:
        try:
            await self._facts.record(body, time_ns=self._clock())
        except StoreError as problem:
            log.error("a fact could not be recorded: %s", problem)
