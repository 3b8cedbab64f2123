"""The world of the demo: exchange, engine, algorithms and traders as real processes that all end with it."""

import asyncio
import contextlib
import importlib.util
import os
import signal
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from plugtui.control.client import ControlClient
from plugtui.demo.programs import Program, ProgramGroup
from plugtui.engine.supervisor import EngineProcess, start_engine
from plugtui.errors import AddressInUse, PlugtuiError
from plugtui.paths import Paths

PROFILE = "demo"
TRADERS = ("northstar", "riverbend")
RATE = "600"
"""Market messages a second: lively to look at, a few percent of a core."""
_FAULTS = ("--fault", "linger_s=2")
"""Alpaca keeps a data stream that broke for a minute and a half; who kills the demo's engine need not wait so long."""
_START_PATIENCE_S = 30.0
_PAUSES_S = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Before an algorithm that ended by itself is started again; the last one over and over."""
_STEADY_S = 60.0
"""Who ran so long starts with the first pause again."""
_SAID = 200
_FOREIGN = ("APCA_", "ALPACA_", "PLUGTUI_")
_ALGORITHMS = Path(__file__).with_name("algorithms")
_NEEDS = {"meanrev": "alpaca_trade_api", "momentum": "alpaca", "pairs": "aiohttp"}
"""Sample algorithm → the module without which it cannot run."""


class DemoOptions(NamedTuple):
    """How the demo is set up."""

    seed: int = 1
    algos: int = 3
    port: int = 0
    """Of the gateway; 0: any free one."""


class SimAccount(msgspec.Struct, frozen=True):
    """An account of the exchange, as ``plugtui sim --json`` prints it. Made from the seed, worth nothing."""

    name: str
    key_id: str
    secret_key: str


class SimReady(msgspec.Struct, frozen=True):
    """The line by which the exchange says that it is ready."""

    url: str
    accounts: list[SimAccount]


def own_environ(more: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment without anybody's keys and settings, and with ``more``."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)} | dict(more)


def algorithm_names(count: int) -> list[tuple[str, str]]:
    """Return ``count`` pairs of a name and the sample that runs under it, of those whose SDK is installed."""
    samples = [sample for sample, module in _NEEDS.items() if importlib.util.find_spec(module)]
    rounds = [(number // len(samples) + 1, samples[number % len(samples)]) for number in range(count)]
    return [(sample if turn == 1 else f"{sample}-{turn}", sample) for turn, sample in rounds]


class Told(NamedTuple):
    """Something about the demo that the one who watches it should know."""

    level: str
    text: str
    hint: str = ""


class DemoWorld:
    """Start everything, and end everything, whatever happens in between.

    ::

        async with DemoWorld(DemoOptions()) as world:
            ControlClient(world.engine.info.url, world.engine.info.token)

    Raises:
        PlugtuiError: something did not start, with what it said.
    """

    def __init__(self, options: DemoOptions, progress: Callable[[str], None] = lambda _: None) -> None:
        self.options = options
        self.algorithms = algorithm_names(options.algos)
        self._progress = progress
        self._stack = AsyncExitStack()
        self._group = ProgramGroup()
        self._environ = own_environ({"PYTHONUNBUFFERED": "1"})
        self._traders: list[Program] = []
        self._keys: dict[str, Any] = {}
        self._market: Program
        self.programs: dict[str, Program] = {}
        """Name → algorithm."""
        self.told: deque[Told] = deque(maxlen=50)
        """What :meth:`tend` noticed and did, to be taken out."""
        self.exchange: SimReady
        self.engine: EngineProcess
        self.paths: Paths

    async def __aenter__(self) -> "DemoWorld":
        try:
            await self._stack.enter_async_context(self._group)
            self.exchange = await self._start_exchange()
            self.engine = await self._start_engine(self.options.port)
            self._stack.push_async_callback(self._stop_engine)
            await self._start_programs()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # Algorithms before the engine before the exchange: nobody sees the other one break.
        try:
            await self.stop_programs()
        finally:
            await self._stack.aclose()

    # ------------------------------------------------------------ starting

    async def _start_exchange(self) -> SimReady:
        self._progress("starting the exchange")
        command = [
            sys.executable,
            "-m",
            "plugtui",
            "sim",
            "--json",
            "--seed",
            str(self.options.seed),
            "--rate",
            RATE,
            *_FAULTS,
        ]
        program = await self._group.start("exchange", command, self._environ, pipe=True)
        self._market = program
        return msgspec.convert(await program.ready_line(_START_PATIENCE_S), SimReady)

    async def _stop_engine(self) -> None:
        await self.engine.stop()

    async def _start_engine(self, port: int) -> EngineProcess:
        self._progress("starting the engine")
        home = self._group.directory / "home"
        account = self.account("demo")
        environ = {
            **self._environ,
            "PLUGTUI_HOME": str(home),
            "APCA_API_KEY_ID": account.key_id,
            "APCA_API_SECRET_KEY": account.secret_key,
            "APCA_API_BASE_URL": self.exchange.url,
            "APCA_API_DATA_URL": self.exchange.url,
            "APCA_API_STREAM_URL": self.exchange.url,
        }
        self.paths = Paths(PROFILE, environ)
        return await start_engine(
            self.paths,
            ["--port", str(port)],
            environ=environ,
            timeout_s=_START_PATIENCE_S,
            process_group=self._group.group,
        )

    async def _start_programs(self) -> None:
        """Issue a key to each algorithm and start it; plug the traders in, follow them and let them trade."""
        self._progress("starting algorithms and traders")
        info = self.engine.info
        async with ControlClient(info.url, info.token) as control:
            await control.connect(states=False)
            await asyncio.gather(
                *(self._start_algorithm(control, name, sample) for name, sample in self.algorithms),
                *(self._plug(control, name) for name in TRADERS),
            )
        accounts = [msgspec.to_builtins(self.account(name)) for name in TRADERS]
        given = {"url": self.exchange.url, "accounts": accounts, "seed": self.options.seed}
        command = [sys.executable, "-m", "plugtui.demo.traders"]
        line = msgspec.json.encode(given).decode() + "\n"
        self._traders.append(await self._group.start("traders", command, self._environ, given=line))

    async def _start_algorithm(self, control: ControlClient, name: str, sample: str) -> None:
        self._keys[name] = await control.command("algos.add", name=name)
        await self._start_sample(name, sample)

    async def _start_sample(self, name: str, sample: str) -> None:
        issued, url = self._keys[name], self.engine.info.url
        environ = {
            **self._environ,
            "APCA_API_KEY_ID": issued["key_id"],
            "APCA_API_SECRET_KEY": issued["secret_key"],
            "APCA_API_BASE_URL": url,
            "APCA_API_DATA_URL": url,
            "APCA_API_STREAM_URL": url,
        }
        self.programs[name] = await self._group.start(
            name, [sys.executable, str(_ALGORITHMS / f"{sample}.py")], environ
        )

    async def _plug(self, control: ControlClient, name: str) -> None:
        account = self.account(name)
        await control.command(
            "traders.plug",
            name=name,
            key_id=account.key_id,
            secret_key=account.secret_key,
            base_url=self.exchange.url,
            follow=True,
        )

    # ------------------------------------------------------------ running

    async def revive_engine(self) -> None:
        """Start the engine again when it has ended: on its port, which the algorithms know, or else with them anew.

        Raises:
            PlugtuiError: it does not start.
        """
        if self.engine.exit_code is None:
            return
        try:
            self.engine = await self._start_engine(urlsplit(self.engine.info.url).port or 0)
        except AddressInUse:
            self.engine = await self._start_engine(0)
            self.told.append(Told("warning", f"the engine's port was taken: it is at {self.engine.info.url} now"))
            await asyncio.gather(*(self.programs[name].stop() for name, _ in self.algorithms))
            await asyncio.gather(*(self._start_sample(name, sample) for name, sample in self.algorithms))

    async def tend(self) -> None:
        """Start algorithms again that end by themselves, and say what else has ended, until cancelled.

        One that somebody has killed stays away: whoever does that wants to see what becomes of it.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch_market(), name="demo-market")
            for name, sample in self.algorithms:
                group.create_task(self._tend_algorithm(name, sample), name=f"demo-{name}")

    async def _watch_market(self) -> None:
        await self._market.process.wait()
        self.told.append(
            Told(
                "error",
                f"the demo's exchange has ended (exit code {self._market.process.returncode})",
                "nothing more will happen: leave with q, and start the demo again",
            )
        )

    async def _tend_algorithm(self, name: str, sample: str) -> None:
        clock, ended = asyncio.get_running_loop().time, 0
        while True:
            program, since = self.programs[name], clock()
            await program.process.wait()
            if program is not self.programs[name]:
                continue
            code = program.process.returncode or 0
            if code in (-signal.SIGKILL, -signal.SIGTERM):
                self.told.append(Told("warning", f"{name} was killed from outside, and stays away"))
                return
            ended = 0 if clock() - since >= _STEADY_S else ended
            pause_s = _PAUSES_S[min(ended, len(_PAUSES_S) - 1)]
            ended += 1
            said = program.said().splitlines()[-1:] or ["it said nothing"]
            self.told.append(
                Told("warning", f"{name} ended with exit code {code}; started again in {pause_s:g} s", said[0][:_SAID])
            )
            await asyncio.sleep(pause_s)
            await self._start_sample(name, sample)

    def account(self, name: str) -> SimAccount:
        """Return an account of the exchange.

        Raises:
            PlugtuiError: the exchange has none of this name.
        """
        for account in self.exchange.accounts:
            if account.name == name:
                return account
        raise PlugtuiError(f"the exchange has no account {name!r}")

    def ended_early(self) -> str:
        """Name a program that ended by itself, with what it said; empty when all run."""
        programs = [*self.programs.values(), *self._traders]
        failed = [program for program in programs if not program.running]
        lines = [
            f"{program.name} ended with exit code {program.process.returncode}: {program.said()}" for program in failed
        ]
        if self.engine.exit_code is not None:
            lines.append(f"the engine ended with exit code {self.engine.exit_code}")
        return "\n".join(lines)

    async def stop_programs(self) -> None:
        """End algorithms and traders; exchange and engine go on."""
        await asyncio.gather(*(program.stop() for program in [*self.programs.values(), *self._traders]))


async def settled(condition: Callable[[], Awaitable[bool]], patience_s: float, pause_s: float = 0.1) -> bool:
    """Wait until the condition holds, and return whether it did in time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience_s):
            while not await condition():  # noqa: ASYNC110
                await asyncio.sleep(pause_s)
            return True
    return False
