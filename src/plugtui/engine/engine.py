"""The engine, put together: what owns what, how it starts, and the one order in which it ends (architecture §5)."""

import asyncio
import logging
import secrets
from collections.abc import Callable
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from plugtui import __version__, garbage
from plugtui.brokers.port import Credentials
from plugtui.config import Settings
from plugtui.control.messages import AccountState, AlgoState, EngineState, Notice, StreamState, TraderState
from plugtui.engine import control, metrics
from plugtui.engine.account.account import Account
from plugtui.engine.account.benchmark import Benchmarks
from plugtui.engine.account.intraday import Intraday
from plugtui.engine.account.journal import Journal
from plugtui.engine.account.orders import OrderBookkeeper
from plugtui.engine.account.past import PastQuery
from plugtui.engine.account.queries import PerformanceQuery
from plugtui.engine.account.stream import AccountStream
from plugtui.engine.clients.access import Access, BrowserGuard, is_loopback
from plugtui.engine.clients.account_client import AccountOutlets
from plugtui.engine.clients.algos import AlgoDirectory
from plugtui.engine.clients.commands import AlgoCommands
from plugtui.engine.clients.gateway import Gateway
from plugtui.engine.clients.sessions import SessionJournal
from plugtui.engine.control import Commands, ControlServer, NoArgs
from plugtui.engine.facts import FactLog
from plugtui.engine.gap_log import GapLog
from plugtui.engine.market.stream_journal import StreamJournal
from plugtui.engine.market.upstreams import Upstreams
from plugtui.engine.outside import Outside
from plugtui.engine.previous import broken_off_ns, end_tidily
from plugtui.engine.rest.budget import Budget
from plugtui.engine.rest.forward import Forwarder
from plugtui.engine.rest.passthrough import Passthrough
from plugtui.engine.supervisor import EngineInfo
from plugtui.errors import StoreError
from plugtui.ledger.pnl import Pnl
from plugtui.paths import Paths
from plugtui.secrets import Secret, mask
from plugtui.store.keys import KeyStore
from plugtui.tasks import Tasks
from plugtui.traders.commands import TraderCommands
from plugtui.traders.plugged import PluggedTraders
from plugtui.vault import Vault

log = logging.getLogger(__name__)

_TALLY_EVERY_S = 0.5
_ROOM = 10.0
"""Requests that must be left to the algorithms before one is spent on a benchmark."""
_LIVE_HOST = "api.alpaca.markets"


async def serve(
    settings: Settings,
    credentials: Credentials,
    paths: Paths,
    *,
    announce: Callable[[EngineInfo], None],
    stop: asyncio.Event,
) -> None:
    """Run an engine until ``stop`` is set.

    Args:
        announce: told once clients are accepted, whether or not the broker answers.

    Raises:
        StoreError: the ledger cannot be opened.
        AddressInUse: the gateway port is taken.
    """
    async with AsyncExitStack() as stack:
        engine = await Engine.start(settings, credentials, paths, stack, stop)
        announce(engine.info)
        garbage.settle()
        await stop.wait()
        log.info("the engine ends")


class Engine:
    """A running engine. Made by :meth:`start`, which puts everything that has to be ended on the stack."""

    def __init__(
        self,
        settings: Settings,
        credentials: Credentials,
        paths: Paths,
        stop: asyncio.Event,
        outside: Outside,
    ) -> None:
        self._settings = settings
        self._credentials = credentials
        self._paths = paths
        self._stop = stop
        self._outside = outside
        self._now_ns = outside.now_ns
        self._tasks = Tasks(self._failed)
        self._pnl: dict[str | None, Pnl] = {}
        self._started_ns = outside.now_ns()
        self._token = Secret(secrets.token_urlsafe(32))
        self._engine_id = outside.engine_id

    @classmethod
    async def start(
        cls,
        settings: Settings,
        credentials: Credentials,
        paths: Paths,
        stack: AsyncExitStack,
        stop: asyncio.Event,
        outside: Outside | None = None,
    ) -> "Engine":
        """Start everything; what is put on the stack ends in the reverse order, also when the start fails half-way.

        Args:
            outside: clocks, database and way to the broker; the real ones by default.

        Raises:
            StoreError: the ledger cannot be opened.
            AddressInUse: the gateway port is taken.
        """
        engine = cls(settings, credentials, paths, stop, outside or Outside())
        await engine._open_ledger(stack)
        await engine._open_account(stack)
        await engine._open_streams(stack)
        await engine._open_gateway(stack)
        return engine

    # ---------------------------------------------------------------- start, in the order of dependence

    async def _open_ledger(self, stack: AsyncExitStack) -> None:
        self._store = await self._outside.open_store(self._paths.ledger)
        stack.push_async_callback(self._store.aclose)
        self._broken_off_ns = await broken_off_ns(self._store)
        self._facts = await FactLog.open(self._store)
        stack.push_async_callback(self._facts.aclose)
        self._gaps = await GapLog.open_log(self._store, self._facts)
        self._journal = await Journal.open(self._store, self._facts, self._now_ns)
        await SessionJournal.close_dangling(self._store, self._started_ns)
        self._keys = KeyStore(self._store)
        await self._keys.load()
        programs = self._outside.programs()
        self._directory = AlgoDirectory(self._keys, SessionJournal(self._facts), programs, self._pnl_of, self._now_ns)
        await self._directory.recall_recent(self._store)
        stack.push_async_callback(self._directory.aclose)
        stack.push_async_callback(self._tasks.aclose)
        self._tasks.start(self._directory.run(), "algo-directory")

    async def _open_account(self, stack: AsyncExitStack) -> None:
        rest = self._settings.rest
        self._budget = Budget(rest.requests_per_minute, asyncio.get_running_loop().time)
        self._broker = self._outside.make_broker(self._credentials, rest.timeout_s, self._budget.spend)
        stack.push_async_callback(self._broker.aclose)
        self._outlets = AccountOutlets()
        self._account = Account(
            self._journal,
            self._gaps,
            self._broker,
            self._settings.account,
            on_forward=self._forward,
            replay_recovered=self._settings.gateway.replay_recovered,
            on_failure=self._failed,
            now_ns=self._now_ns,
        )
        await self._account.start()
        stack.push_async_callback(self._account.aclose)
        self._compare(stack)
        self._traders = PluggedTraders(
            self._store,
            self._facts,
            Vault(self._paths),
            lambda credentials: self._outside.make_broker(credentials, rest.timeout_s),
            own=lambda: (self._credentials, self._account.watch.account_number),
            base_url=self._settings.upstream.trading_url,
            now_ns=self._now_ns,
        )
        stack.push_async_callback(self._traders.aclose)

    def _compare(self, stack: AsyncExitStack) -> None:
        """Set up what is read from the broker only when somebody looks at the performance."""
        readings, watch = Tasks(self._failed), self._account.watch
        stack.push_async_callback(readings.aclose)
        self._intraday = Intraday(watch, self._broker, readings)
        self._benchmarks = Benchmarks(
            self._broker,
            self._settings.upstream.data_url,
            readings,
            today=watch.today,
            first_day=watch.first_day,
            room=lambda: self._budget.available >= _ROOM,
        )

    async def _open_streams(self, stack: AsyncExitStack) -> None:
        self._stream_journal = StreamJournal(self._facts, self._gaps, self._now_ns)
        self._upstreams = Upstreams(
            self._settings.upstream,
            self._credentials,
            self._stream_journal,
            self._market_open,
            self._failed,
            self._now_ns,
            self._outside.ticks_ns,
            self._broken_off_ns,
        )
        stack.push_async_callback(self._upstreams.aclose)
        self._upstreams.open_default()
        self._account_stream = AccountStream(
            self._credentials.stream_url,
            self._credentials,
            on_update=self._account.observe,
            on_state=self._account_stream_changed,
            on_connected=self._account.stream_connected,
            on_lost=self._account.stream_lost,
            connect_timeout_s=self._settings.upstream.connect_timeout_s,
            last_live_ns=self._broken_off_ns or 0,
            now_ns=self._now_ns,
        )
        own = Tasks(self._failed)
        stack.push_async_callback(own.aclose)
        own.start(self._account_stream.run(), "account-stream")

    async def _open_gateway(self, stack: AsyncExitStack) -> None:
        settings = self._settings
        access = Access(self._keys, self._credentials.key_id, self._credentials.secret)
        self._forwarder = Forwarder(
            self._credentials, settings.upstream.data_url, settings.rest.timeout_s, settings.slow_client.stall_s
        )
        self._forwarder.start()
        stack.push_async_callback(self._forwarder.aclose)
        bookkeeper = OrderBookkeeper(self._journal, self._now_ns)
        self._passthrough = Passthrough(
            access, self._directory, self._forwarder, self._budget, bookkeeper, self._now_ns
        )
        self._control = ControlServer(self._token, self, self._facts, self._commands())
        routes = [web.get(control.PATH, self._control.handle), *metrics.routes(self, self._gauges, self._now_ns)]
        self._gateway = Gateway(
            settings,
            access,
            self._directory,
            self._upstreams,
            self._outlets,
            self._passthrough.handle,
            routes,
            BrowserGuard(settings.gateway.host).middleware,
        )
        stack.push_async_callback(self._gateway.aclose)
        await self._gateway.start()
        stack.push_async_callback(self._control.aclose)
        self._tasks.start(self._control.run(), "control-states")
        self._tasks.start(self._gateway.watch(), "gateway-watch")
        self._tasks.start(self._tally(), "tally")
        self._tasks.start(self._traders.start(), "traders-start")
        stack.push_async_callback(end_tidily, self._store, self._now_ns)

    def _commands(self) -> Commands:
        commands = Commands()
        AlgoCommands(self._directory, self._keys, self._cancel_orders, self._now_ns).offer(commands)
        TraderCommands(self._traders).offer(commands)
        PerformanceQuery(self._account, self._benchmarks, self._intraday, self._settings.account.benchmark).offer(
            commands
        )
        PastQuery(self._store).offer(commands)
        commands.add("status", NoArgs, self._status)
        commands.add("retry", NoArgs, self._retry)
        commands.add("stop", NoArgs, self._stop_command)
        return commands

    # ---------------------------------------------------------------- StateSource

    @property
    def info(self) -> EngineInfo:
        """Where this engine is."""
        return EngineInfo(
            self._outside.pid, self._gateway.url, self._token, self._engine_id, self._started_ns, self._settings.profile
        )

    def engine(self) -> EngineState:
        """Return who the engine is."""
        watch = self._account.watch
        unread = watch.state is None
        return EngineState(
            engine_id=self._engine_id,
            pid=self._outside.pid,
            version=__version__,
            profile=self._settings.profile,
            environment=environment_of(self._settings.upstream.trading_url),
            account_number=mask(self._account.watch.account_number),
            gateway_url=self._gateway.url,
            feed=self._settings.upstream.feed,
            started_ns=self._started_ns,
            rest_per_minute=self._budget.per_minute,
            clients=self._gateway.clients,
            deliveries=self._gateway.deliveries,
            problem=watch.problem if unread else "",
            hint=watch.hint if unread else "",
        )

    def streams(self) -> list[StreamState]:
        """Return the upstream connections."""
        return [*self._upstreams.states(), self._account_stream.state]

    def account(self) -> AccountState | None:
        """Return the account; None until it was read."""
        return self._account.state

    def algos(self) -> list[AlgoState]:
        """Return the algorithms."""
        return self._directory.states()

    def traders(self) -> list[TraderState]:
        """Return the plugged accounts."""
        return self._traders.states()

    def _gauges(self) -> dict[str, float]:
        return {
            "rest_granted_total": self._budget.granted,
            "rest_refused_total": self._budget.refused,
            "dashboards": self._control.dashboards,
            "facts_total": self._facts.seq,
            "ledger_pending": self._journal.pending,
        }

    # ---------------------------------------------------------------- between the parts

    async def _forward(self, raw: bytes) -> None:
        self._outlets.broadcast(raw)

    def _market_open(self) -> bool | None:
        state = self._account.state
        return state.market.is_open if state and state.market else None

    def _account_stream_changed(self, state: StreamState) -> None:
        self._tasks.start(self._stream_journal.stream_changed(state), "account-stream-fact")

    def _pnl_of(self, name: str) -> tuple[Decimal, Decimal]:
        pnl = self._pnl.get(name)
        return (pnl.realized, pnl.unrealized) if pnl else (Decimal(0), Decimal(0))

    async def _tally(self) -> None:
        """Keep P&L and fills of the algorithms at hand."""
        while True:
            self._pnl = await self._account.pnl()
            for algo in self._directory.all():
                pnl = self._pnl.get(algo.name)
                algo.fills = pnl.fills if pnl else 0
            await asyncio.sleep(_TALLY_EVERY_S)

    async def _cancel_orders(self, algo: str) -> int:
        accepted, failed = await self._account.cancel_open_orders(algo)
        if failed:
            notice = Notice(
                level="error", text=f"{len(failed)} orders of {algo} could not be cancelled: {failed[0]}", algo=algo
            )
            await self._facts.record(notice, time_ns=self._now_ns())
        return accepted

    async def _status(self, _: NoArgs) -> dict[str, Any]:
        return {
            "engine": self.engine(),
            "streams": self.streams(),
            "account": self.account(),
            "algos": self.algos(),
            "traders": self.traders(),
            "facts": self._facts.seq,
            "dashboards": self._control.dashboards,
        }

    async def _retry(self, _: NoArgs) -> dict[str, Any]:
        """Wait no longer for the broker: the reader has mended what was wrong, or does not want to wait."""
        self._account.watch.retry_now()
        self._account_stream.retry_now()
        self._upstreams.retry_now()
        return {"retrying": True}

    async def _stop_command(self, _: NoArgs) -> dict[str, Any]:
        self._stop.set()
        return {"stopping": True}

    def _failed(self, name: str, error: BaseException) -> None:
        """A part of the engine has ended by a fault of ours: say so, and let the others go on."""
        notice = Notice(
            level="error",
            text=f"a part of the engine has failed: {name} ({type(error).__name__})",
            hint=f"restart the engine; the log at {self._paths.log_file} says more",
        )
        self._tasks.start(self._record_quietly(notice), "failure-fact")

    async def _record_quietly(self, notice: Notice) -> None:
        try:
            await self._facts.record(notice, time_ns=self._now_ns())
        except StoreError as problem:
            log.error("a failure could not be recorded: %s", problem.title)


def environment_of(trading_url: str) -> str:
    """Return ``live``, ``paper``, or ``demo`` for a simulator on this machine."""
    host = urlsplit(trading_url).hostname or ""
    if is_loopback(host):
        return "demo"
    return "live" if host == _LIVE_HOST else "paper"
