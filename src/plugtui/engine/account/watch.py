"""Read the account's money, positions, market clock and history from the broker, over and over, whatever the host does."""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from plugtui.brokers.port import AccountInfo, Activity, Broker, BrokerClock, EquityPoint
from plugtui.config import AccountSettings
from plugtui.control.messages import AccountState, PositionState
from plugtui.engine.backoff import Backoff, Trouble
from plugtui.errors import BrokerError, BrokerRefused, StoreError
from plugtui.performance.curve import day_of
from plugtui.performance.returns import flow_neutral
from plugtui.store.store import Statement, Store

log = logging.getLogger(__name__)

NEW_YORK = ZoneInfo("America/New_York")
CLOCK_POLL_S = 30.0
SAMPLE_EVERY_S = 10.0
KEEP_SAMPLES_DAYS = 30
FULL_HISTORY_EVERY_S = 1_800.0
_PERIODS = ("10A", "1A")
_DAY_NS = 86_400 * 10**9


class AccountWatch:
    """Own the :class:`~plugtui.control.messages.AccountState` and the equity history of one account.

    Each kind of reading has a loop and a back-off of its own: one that fails stops no other, and nothing outside. The last good
    numbers stay, with ``problem`` saying why they are old.

    Args:
        on_state: called whenever the state is new.
    """

    def __init__(
        self,
        broker: Broker,
        store: Store,
        settings: AccountSettings,
        *,
        on_state: Callable[[AccountState], None] | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._broker = broker
        self._store = store
        self._settings = settings
        self._on_state = on_state
        self._now_ns = now_ns
        self._info: AccountInfo | None = None
        self._positions: list[PositionState] = []
        self._clock: BrokerClock | None = None
        self._clock_read_ns = 0
        self._base_day: tuple[date, str] | None = None
        self._problems: dict[str, tuple[str, str]] = {}
        self._again = asyncio.Event()
        self._as_of_ns = 0
        self._samples: list[Statement] = []
        self._sampled_ns = 0
        self._pruned_day = 0
        self._full_history_at = float("-inf")
        self.points: list[EquityPoint] = []
        """The broker's daily equity, oldest first."""
        self.activities: list[Activity] = []
        """Non-trade activities, oldest first."""
        self.account_number = ""

    async def restore(self) -> None:
        """Take up the history that an earlier run has kept. Raises StoreError."""
        rows = await self._store.read("SELECT time_ns, equity FROM equity_days ORDER BY time_ns")
        self.points = [EquityPoint(row["time_ns"], Decimal(row["equity"])) for row in rows]
        rows = await self._store.read("SELECT * FROM activities ORDER BY day, activity_id")
        self.activities = [
            Activity(row["activity_id"], row["type"], row["day"], Decimal(row["net_amount"]), row["symbol"])
            for row in rows
        ]

    async def run(self) -> None:
        """Read until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._loop("account", self.read_money, self._settings.poll_s), name="account-money")
            group.create_task(self._loop("clock", self.read_clock, CLOCK_POLL_S), name="account-clock")
            group.create_task(
                self._loop("history", self.read_history, self._settings.history_poll_s), name="account-history"
            )

    async def _loop(self, name: str, read: Callable[[], Awaitable[None]], every_s: float) -> None:
        backoff = Backoff(random.random)
        while True:
            pause_s = every_s
            try:
                await read()
                backoff.up(self._now_ns())
                self._set_problem(name, "")
            except BrokerError as error:
                trouble = Trouble.NETWORK
                if error.status == 429:
                    trouble = Trouble.THROTTLED
                elif isinstance(error, BrokerRefused):
                    trouble = Trouble.FATAL
                pause_s = max(min(every_s, 1.0), backoff.failed(trouble, self._now_ns()))
                self._set_problem(name, error.title, error.hint)
            except StoreError as error:
                self._set_problem(name, error.title, error.hint)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._again.wait(), pause_s)

    def retry_now(self) -> None:
        """Read everything now that waits for another attempt, or for its turn."""
        again, self._again = self._again, asyncio.Event()
        again.set()

    def _set_problem(self, name: str, text: str, hint: str = "") -> None:
        if self._problems.get(name, ("", "")) == (text, hint):
            return
        if text:
            log.warning("%s: %s", name, text)
            self._problems[name] = (text, hint)
        else:
            self._problems.pop(name, None)
        self._tell()

    # ------------------------------------------------------------- readings

    async def read_money(self) -> None:
        """Read money and positions once. Raises BrokerError, StoreError."""
        info = await self._broker.account()
        positions = await self._broker.positions()
        self._info, self._positions = info, positions
        self.account_number = info.account_number
        self._as_of_ns = self._now_ns()
        self._problems.pop("account", None)
        self._tell()
        self._samples.append(
            ("INSERT OR REPLACE INTO equity_samples VALUES (?, ?, ?)", (self._as_of_ns, info.equity, info.cash))
        )
        if self._as_of_ns - self._sampled_ns >= SAMPLE_EVERY_S * 1e9:
            await self.flush()

    async def flush(self) -> None:
        """Write the equity samples that wait. Raises StoreError; they are kept then, up to a day's worth."""
        self._sampled_ns = self._now_ns()
        batch = self._samples[-20_000:]
        day = self._sampled_ns // _DAY_NS
        prune: list[Statement] = []
        if day != self._pruned_day:
            oldest = self._sampled_ns - KEEP_SAMPLES_DAYS * _DAY_NS
            prune = [("DELETE FROM equity_samples WHERE time_ns < ?", (oldest,))]
        if batch or prune:
            await self._store.write(*batch, *prune)
        self._samples = []
        self._pruned_day = day

    async def read_clock(self) -> None:
        """Read the market's clock once. Raises BrokerError."""
        self._clock = await self._broker.clock()
        self._clock_read_ns = self._now_ns()
        today = self.today()
        if self._base_day is None or self._base_day[0] != today:
            days = await self._broker.calendar((today - timedelta(days=12)).isoformat(), today.isoformat())
            past = [session.day for session in days if session.day < today.isoformat()]
            self._base_day = (today, past[-1] if past else (today - timedelta(days=1)).isoformat())
        self._tell()

    async def read_history(self) -> None:
        """Read activities, and the daily equity when it is due. Raises BrokerError, StoreError."""
        since = self.activities[-1].day if self.activities else ""
        since = (date.fromisoformat(since) - timedelta(days=10)).isoformat() if since else ""
        known = {activity.id for activity in self.activities}
        fresh = [a for a in await self._broker.activities(since) if a.id not in known]
        self.activities = sorted([*self.activities, *fresh], key=lambda a: (a.day, a.id))
        statements: list[Statement] = [
            ("INSERT OR REPLACE INTO activities VALUES (?,?,?,?,?)", (a.id, a.type, a.day, a.net_amount, a.symbol))
            for a in fresh
        ]
        now_s = asyncio.get_running_loop().time()
        if now_s - self._full_history_at >= FULL_HISTORY_EVERY_S:
            points = await self._read_days()
            before = {point.time_ns: point.equity for point in self.points}
            statements += [
                ("INSERT OR REPLACE INTO equity_days VALUES (?, ?)", (point.time_ns, point.equity))
                for point in points
                if before.get(point.time_ns) != point.equity
            ]
            merged = before | {point.time_ns: point.equity for point in points}
            self.points = [EquityPoint(time_ns, equity) for time_ns, equity in sorted(merged.items())]
            self._full_history_at = now_s
        if statements:
            await self._store.write(*statements)
        self._tell()

    async def _read_days(self) -> list[EquityPoint]:
        """Read the longest history that the broker gives."""
        for period in _PERIODS[:-1]:
            try:
                return await self._broker.portfolio_history(period, "1D")
            except BrokerRefused as error:
                log.info("portfolio history of %s: %s", period, error.title)
        return await self._broker.portfolio_history(_PERIODS[-1], "1D")

    # ------------------------------------------------------------- what is known

    def today(self) -> date:
        """Return the date in New York by the broker's clock, or by ours before that was read."""
        if self._clock is None:
            return day_of(self._now_ns())
        return day_of(self._clock.now_ns + self._now_ns() - self._clock_read_ns)

    def flows_today(self) -> list[Activity]:
        """Return the external flows since the close that ``last_equity`` is of."""
        base = self._base_day[1] if self._base_day else (self.today() - timedelta(days=1)).isoformat()
        return [activity for activity in self.activities if activity.external and activity.day > base]

    @property
    def state(self) -> AccountState | None:
        """Return the newest state; None until the account was read."""
        info = self._info
        if info is None:
            return None
        flows = [activity.net_amount for activity in self.flows_today()]
        paid_in = sum((amount for amount in flows if amount > 0), Decimal(0))
        paid_out = -sum((amount for amount in flows if amount < 0), Decimal(0))
        return AccountState(
            equity=info.equity,
            last_equity=info.last_equity,
            cash=info.cash,
            buying_power=info.buying_power,
            day_pnl=info.equity - info.last_equity - paid_in + paid_out,
            day_return=flow_neutral(float(info.last_equity), float(info.equity), float(paid_in), float(paid_out)),
            as_of_ns=self._as_of_ns,
            currency=info.currency,
            positions=self._positions,
            market=self._clock.market if self._clock else None,
            problem=self.problem,
            blocked=info.blocked,
        )

    @property
    def history_read(self) -> bool:
        """Whether the broker's daily equity is known: from this run, or kept by an earlier one."""
        return bool(self.points) or self._full_history_at > float("-inf")

    def first_day(self) -> date | None:
        """Return the day that the history begins on, today for a new account; ``None`` before the history was read."""
        if not self.history_read:
            return None
        return day_of(self.points[0].time_ns) if self.points else self.today()

    @property
    def problem(self) -> str:
        """Return why numbers are old; empty when they are not."""
        return next(iter(self._problems.values()), ("", ""))[0]

    @property
    def hint(self) -> str:
        """Return what to do about :attr:`problem`; may be empty."""
        return next(iter(self._problems.values()), ("", ""))[1]

    @property
    def prices(self) -> dict[str, Decimal]:
        """Return the current price of what is held; crypto under both of its spellings."""
        prices: dict[str, Decimal] = {}
        for position in self._positions:
            if position.current_price is not None:
                prices[position.symbol] = position.current_price
                for quote in ("USD", "USDT", "USDC", "BTC"):
                    if position.symbol.endswith(quote) and "/" not in position.symbol:
                        prices[f"{position.symbol[: -len(quote)]}/{quote}"] = position.current_price
        return prices

    def _tell(self) -> None:
        state = self.state
        if state is not None and self._on_state is not None:
            self._on_state(state)

    async def samples(self, from_ns: int, every_ns: int = 1) -> list[tuple[int, Decimal]]:
        """Return the equity that was read since a moment: (time_ns, equity), oldest first. Raises StoreError.

        Args:
            every_ns: of the readings in each stretch of this length the last one.
        """
        rows = await self._store.read(
            "SELECT MAX(time_ns) AS time_ns, equity FROM equity_samples WHERE time_ns >= ? GROUP BY time_ns / ?"
            " ORDER BY time_ns",
            (from_ns, every_ns),
        )
        waiting = [(int(values[0]), Decimal(values[1])) for _, values in self._samples if values[0] >= from_ns]
        return [*((row["time_ns"], Decimal(row["equity"])) for row in rows), *waiting]
