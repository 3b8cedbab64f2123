"""The exchange simulator as one server: clock, market, accounts, streams and REST on one port of this machine."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from aiohttp import web

from plugtui.errors import AddressInUse, ConfigError
from plugtui.secrets import Secret
from plugtui.sim.account_stream import AccountStreams
from plugtui.sim.calendar import TradingCalendar, new_york
from plugtui.sim.clock import SimClock
from plugtui.sim.control import add_control_routes
from plugtui.sim.data_stream import DataStreams
from plugtui.sim.exchange import Exchange
from plugtui.sim.faults import Faults
from plugtui.sim.history import History, read_closes
from plugtui.sim.market import Market
from plugtui.sim.rest_data import add_data_routes
from plugtui.sim.rest_trading import add_trading_routes
from plugtui.sim.universe import profiles
from plugtui.tasks import Tasks
from plugtui.wire.paths import ACCOUNT, resolve

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
STEP_S = 0.02
"""Real time between two steps of the market."""
MOST_STEP_S = 0.25
"""Real time that one step makes up for at most, when the machine is too slow for the rate."""
DEFAULT_RATE = 200.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class SimSettings:
    """How the simulator runs."""

    port: int = 0
    """0: any free port."""
    seed: int = 1
    speed: float = 1.0
    """Simulated seconds per real second; 0: time moves by :meth:`Simulator.advance` only."""
    rate: float = DEFAULT_RATE
    """Messages per real second over all symbols, about."""
    hours: str = "always"
    """``always``, or ``nyse`` for the sessions of the New York Stock Exchange."""
    history: Path | None = None
    """CSV file with real daily closes for the past."""
    start_ns: int | None = None
    """First simulated instant; now unless given."""
    ticks: Callable[[], int] = time.monotonic_ns
    """Real time in ns that only grows."""
    faults: Faults = field(default_factory=Faults)


@dataclass(frozen=True, slots=True)
class SimAccount:
    """Keys of one account of the simulator."""

    name: str
    key_id: str
    secret: Secret


class Simulator:
    """Run the exchange simulator.

    ::

        async with Simulator(SimSettings(seed=7)) as simulator:
            simulator.url, simulator.accounts

    Raises:
        ConfigError: the history file cannot be used.
    """

    def __init__(self, settings: SimSettings | None = None) -> None:
        settings = settings or SimSettings()
        self.settings = settings
        self.faults = settings.faults
        self.clock = SimClock(settings.speed, settings.start_ns, settings.ticks)
        start_ns = self.clock.now_ns()
        self.calendar = TradingCalendar(settings.hours, new_york(start_ns).date())
        universe = profiles()
        closes = read_closes(settings.history) if settings.history else {}
        known = [profile.symbol for profile in universe if profile.symbol in closes]
        if settings.history and not known:
            raise ConfigError(f"history file {settings.history} has no column of a symbol that trades here")
        history = History(universe, settings.seed, self.calendar, start_ns, closes)
        self.market = Market(settings.seed, start_ns, self.calendar, history, universe)
        self.exchange = Exchange(
            self.market,
            self.clock,
            self.calendar,
            self.faults,
            seed=settings.seed,
            daily_closes=history.daily_closes,
            past_symbols=known,
        )
        self.streams = DataStreams(self.market, self.faults, self._identify, self.clock.now_ns)
        self.exchange.listen(self._print_fill)
        self.account_streams = AccountStreams(self.exchange, self.faults)
        self.faults.on_change("account_cut", self.account_streams.cut)
        self.accounts = [SimAccount(a.name, a.key_id, a.secret) for a in self.exchange.accounts.values()]
        self.url = ""
        """Where it listens, ``http://127.0.0.1:PORT``; empty until started."""
        self.messages = 0
        """Messages generated since the start."""
        self._random = Random(f"{settings.seed}:server")
        self._tasks = Tasks()
        self._runner: web.AppRunner | None = None
        self._owed = 0.0

    def account(self, name: str) -> SimAccount:
        """Return the keys of the account ``name``. Raises KeyError."""
        return {account.name: account for account in self.accounts}[name]

    # ------------------------------------------------------------ life

    async def start(self) -> None:
        """Listen and let the market run. Raises AddressInUse."""
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            await web.TCPSite(runner, HOST, self.settings.port).start()
        except OSError as error:
            await runner.cleanup()
            raise AddressInUse(
                f"port {self.settings.port} cannot be used: {error.strerror}", "choose another --port"
            ) from None
        self._runner = runner
        self.url = f"http://{HOST}:{runner.addresses[0][1]}"
        if self.settings.speed:
            self._tasks.start(self._run_market(), "market")
            self._tasks.start(self.exchange.run(), "exchange")

    async def stop(self) -> None:
        """Stop the market, end all connections and free the port."""
        await self._tasks.aclose()
        await self.account_streams.aclose()
        await self.streams.aclose()
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> "Simulator":
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    # ------------------------------------------------------------ time

    async def _run_market(self) -> None:
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            now = loop.time()
            self.tick(min(now - last, MOST_STEP_S))
            last = now
            await asyncio.sleep(max(0.0, STEP_S - (loop.time() - now)))

    def tick(self, real_s: float) -> None:
        """Let the market do what ``real_s`` of real time bring, up to the present simulated time."""
        self._owed += self.settings.rate * real_s
        count = int(self._owed)
        self._owed -= count
        self._step(count)
        if self._random.random() < self.faults.random_cut_per_minute * real_s / 60:
            self.streams.cut()

    def advance(self, sim_seconds: float, count: int) -> None:
        """Move a clock that stands still by ``sim_seconds`` and let ``count`` things happen in the market meanwhile."""
        self.clock.advance(sim_seconds)
        self._step(count)

    def _step(self, count: int) -> None:
        now = self.clock.now_ns()
        events = self.market.step(now, count)
        self.messages += len(events)
        self.streams.publish(events)
        self.exchange.on_market({event.symbol for event in events}, now)

    def _print_fill(self, _account: str, update: dict[str, Any]) -> None:
        """Let an execution appear on the tape, where the tape can show it."""
        if update["event"] in ("fill", "partial_fill"):
            self.market.print_fill(update["order"]["symbol"], Decimal(update["price"]), Decimal(update["qty"]))

    # ------------------------------------------------------------ HTTP

    def _application(self) -> web.Application:
        app = web.Application(middlewares=[self._upgrades])
        add_control_routes(app, self)
        add_trading_routes(app, self.exchange, self.faults)
        self.account_streams.add_to(app)
        add_data_routes(app, self.market, self._identify, self.faults, self.clock.now_ns)
        return app

    @web.middleware
    async def _upgrades(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return await handler(request)
        if endpoint := self.streams.endpoint(request.path):
            return await self.streams.handle(request, endpoint)
        if resolve(request.path) is not ACCOUNT:
            return await handler(request)
        self.streams.registry.opened(ACCOUNT.path)
        try:
            return await handler(request)
        finally:
            self.streams.registry.closed(ACCOUNT.path)

    def _identify(self, key_id: str, secret: str) -> str | None:
        account = self.exchange.authenticate(key_id, secret)
        return account.name if account else None
