"""Which program is behind a local connection: its pid, the name of its script, and the SDK that it uses.

The operating system is asked through psutil in a worker thread (a scan of all sockets takes some ten milliseconds);
callers that wait at the same time share one scan, and an answer is kept as long as the connection is used. Where the
system does not tell (no permission, another network namespace, a remote client) the program is simply unknown.
"""

import asyncio
import logging
import re
import time
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePath

import msgspec
import psutil

log = logging.getLogger(__name__)

Address = tuple[str, int]
"""Host and port of one end of a connection."""

LOOKUP_TIMEOUT_S = 2.0


class Program(msgspec.Struct, frozen=True):
    """A program on this machine, as far as it is known."""

    name: str = ""
    """Script or executable, ``meanrev.py``; empty when unknown."""
    pid: int | None = None
    started: float = 0.0
    """Start of the process in epoch seconds: with the pid it names a process for good."""

    @property
    def stem(self) -> str:
        """The name without its suffix and path, fit to name an algorithm."""
        return PurePath(self.name).stem if self.name.endswith(_SCRIPT_SUFFIXES) else self.name


UNKNOWN = Program()

_SCRIPT_SUFFIXES = (
    ".py",
    ".pyw",
    ".pyz",
    ".js",
    ".mjs",
    ".cjs",
    ".ts",
    ".rb",
    ".jar",
    ".dll",
    ".exe",
    ".r",
    ".R",
    ".jl",
    ".sh",
)
_INTERPRETER = re.compile(
    r"(python|pypy|node|nodejs|deno|bun|ruby|java|dotnet|Rscript|julia|bash|sh|perl|php)[\d.]*(\.exe)?", re.IGNORECASE
)
_OPTIONS_WITH_VALUE = frozenset(
    {"-W", "-X", "-Q", "--check-hash-based-pycs", "-r", "--require", "--loader", "--import", "-cp"}
)
_SUBCOMMANDS = frozenset({"run", "exec", "test"})


def program_name(command: Sequence[str], executable: str = "") -> str:
    """Name a program after what a person calls it: the script rather than its interpreter.

    Args:
        command: the process's argument vector.
        executable: its name as the system has it, used when there is no argument vector.
    """
    if not command or not command[0]:
        return executable
    program = PurePath(command[0].replace("\\", "/")).name
    if not _INTERPRETER.fullmatch(program):
        return program
    return _script(command[1:]) or program


def _script(arguments: Sequence[str]) -> str:
    rest = iter(arguments)
    for argument in rest:
        if argument in ("-m", "--module"):
            return next(rest, "").removesuffix(".__main__")
        if argument in ("-c", "-e", "--eval", "-"):
            return ""
        if argument == "-jar":
            return PurePath(next(rest, "")).name
        if argument in _OPTIONS_WITH_VALUE:
            next(rest, None)
        elif not argument.startswith("-") and argument not in _SUBCOMMANDS:
            path = PurePath(argument.replace("\\", "/"))
            # `python -m package` and `python package/` show up as package/__main__.py
            return path.parent.name if path.name == "__main__.py" and path.parent.name else path.name
    return ""


_SDKS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), label)
    for pattern, label in (
        (r"APCA-PY/([\w.]+)", "alpaca-py"),
        (r"APCA-TRADE-SDK-PY/([\w.]+)", "alpaca-trade-api"),
        (r"APCA-GO/v?([\w.]+)", "alpaca-go"),
        (r"APCA-(?:JS|TRADE-SDK-JS)/([\w.]+)", "alpaca-js"),
        (r"Alpaca\.Markets[^/ ]*/([\w.]+)", "alpaca-csharp"),
        (r"alpaca-trade-api-js/([\w.]+)", "alpaca-js"),
        (r"websockets/([\w.]+)", "websockets"),
        (r"aiohttp/([\w.]+)", "aiohttp"),
        (r"python-requests/([\w.]+)", "requests"),
        (r"python-httpx/([\w.]+)", "httpx"),
        (r"Python-urllib/([\w.]+)", "urllib"),
        (r"Go-http-client/([\w.]+)", "go net/http"),
        (r"axios/([\w.]+)", "axios"),
        (r"node-fetch", "node-fetch"),
        (r"undici", "undici"),
        (r"curl/([\w.]+)", "curl"),
    )
)
_LIBRARY_LABELS = frozenset(label for _, label in _SDKS if not label.startswith("alpaca"))


def sdk_label(user_agent: str, content_type: str = "") -> str:
    """Return which SDK or library a client uses (``alpaca-py 0.43.2``); empty when it does not say.

    alpaca-trade-api's streams say only ``websockets``; together with the MessagePack header that no other library sets
    by itself they are taken for it (protocol §5.3).
    """
    for pattern, label in _SDKS:
        found = pattern.search(user_agent)
        if not found:
            continue
        if label == "websockets" and content_type.startswith("application/msgpack"):
            return "alpaca-trade-api"
        return f"{label} {found[1]}" if found.groups() else label
    return user_agent.split(" ", 1)[0][:40]


def better_label(present: str, new: str) -> str:
    """Choose between two labels of one algorithm: an SDK says more than a library, a version more than none."""
    if not new or not present:
        return new or present
    new_is_sdk, present_is_sdk = _is_sdk(new), _is_sdk(present)
    if new_is_sdk != present_is_sdk:
        return new if new_is_sdk else present
    return present if present.startswith(new) else new


def _is_sdk(label: str) -> bool:
    return label.startswith("alpaca")


def _plain(host: str) -> str:
    return host.removeprefix("::ffff:")


def _scan(wanted: Iterable[tuple[Address, Address]], likely: Iterable[int]) -> dict[tuple[Address, Address], Program]:
    """Find the processes at the far end of connections to this engine. Runs in the worker thread.

    Args:
        wanted: (client's end, engine's end) of each connection.
        likely: pids that are asked first: a known algorithm that opens one more connection costs no full scan.
    """
    missing = set(wanted)
    found: dict[tuple[Address, Address], Program] = {}
    for pid in likely:
        if not missing:
            break
        try:
            connections = psutil.Process(pid).net_connections(kind="tcp")
        except (psutil.Error, OSError):
            continue
        _match([(connection, pid) for connection in connections], missing, found)
    if missing:
        try:
            _match([(connection, connection.pid) for connection in psutil.net_connections(kind="tcp")], missing, found)
        except (psutil.Error, OSError, RuntimeError) as error:
            log.debug("the system does not list its connections: %s", error)
    return found


def _match(
    connections: Iterable[tuple[object, int | None]],
    missing: set[tuple[Address, Address]],
    found: dict[tuple[Address, Address], Program],
) -> None:
    for connection, pid in connections:
        local, remote = getattr(connection, "laddr", ()), getattr(connection, "raddr", ())
        if not local or not remote or pid is None:
            continue
        ends = ((_plain(local.ip), local.port), (_plain(remote.ip), remote.port))
        if ends in missing:
            missing.discard(ends)
            found[ends] = describe(pid)


def describe(pid: int) -> Program:
    """Describe a process; what may not be read stays empty."""
    name, started = "", 0.0
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            started = process.create_time()
            name = process.name()
            name = program_name(process.cmdline(), name)
    except (psutil.Error, OSError) as error:
        log.debug("process %d cannot be read: %s", pid, error)
    return Program(name=name, pid=pid, started=started)


class Programs:
    """Find the program behind a peer address; call :meth:`aclose` at the end.

    Args:
        scan: the blocking look-up; tests put a fake here.
        timeout_s: how long a caller waits before the program counts as unknown.
    """

    def __init__(
        self,
        scan: Callable[
            [Iterable[tuple[Address, Address]], Iterable[int]], Mapping[tuple[Address, Address], Program]
        ] = _scan,
        timeout_s: float = LOOKUP_TIMEOUT_S,
    ) -> None:
        self._scan = scan
        self._timeout_s = timeout_s
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="programs")
        self._known: weakref.WeakKeyDictionary[object, Program] = weakref.WeakKeyDictionary()
        self._waiting: dict[tuple[Address, Address], asyncio.Future[Program]] = {}
        self._scanning = False
        self._closed = False

    async def find(self, connection: object, peer: Address, local: Address, likely: Iterable[int] = ()) -> Program:
        """Return the program at ``peer`` of a connection to ``local``; :data:`UNKNOWN` when it cannot be told.

        Args:
            connection: the transport: the answer is kept as long as it lives, no longer, since its port may then belong
            to
                another program.
            peer: the client's end of the connection.
            local: the engine's end.
            likely: pids to ask first.
        """
        known = self._known.get(connection)
        if known is not None:
            return known
        program = await self._look_up(((_plain(peer[0]), peer[1]), (_plain(local[0]), local[1])), tuple(likely))
        self._known[connection] = program
        return program

    async def _look_up(self, ends: tuple[Address, Address], likely: tuple[int, ...]) -> Program:
        if self._closed:
            return UNKNOWN
        waiter = self._waiting.get(ends)
        if waiter is None:
            waiter = self._waiting[ends] = asyncio.get_running_loop().create_future()
        if not self._scanning:
            self._start(likely)
        try:
            return await asyncio.wait_for(asyncio.shield(waiter), self._timeout_s)
        except TimeoutError:
            log.debug("which program is behind port %d was not told within %.1f s", ends[0][1], self._timeout_s)
            return UNKNOWN

    def _start(self, likely: tuple[int, ...]) -> None:
        self._scanning = True
        batch, self._waiting = self._waiting, {}
        loop = asyncio.get_running_loop()
        started = time.monotonic()
        future = loop.run_in_executor(self._executor, self._scan, tuple(batch), likely)
        future.add_done_callback(lambda done: self._finished(done, batch, likely, started))

    def _finished(
        self,
        done: "asyncio.Future[Mapping[tuple[Address, Address], Program]]",
        batch: dict[tuple[Address, Address], asyncio.Future[Program]],
        likely: tuple[int, ...],
        started: float,
    ) -> None:
        self._scanning = False
        found: Mapping[tuple[Address, Address], Program] = {}
        if not done.cancelled():
            error = done.exception()
            if error is None:
                found = done.result()
            else:
                log.warning("looking for the programs behind %d connections failed", len(batch), exc_info=error)
        log.debug("looked up %d connections in %.0f ms", len(batch), (time.monotonic() - started) * 1000)
        for ends, waiter in batch.items():
            if not waiter.done():
                waiter.set_result(found.get(ends, UNKNOWN))
        if self._waiting and not self._closed:
            self._start(likely)

    @staticmethod
    def alive(pid: int | None) -> bool:
        """Tell whether a process with this pid runs."""
        return pid is not None and psutil.pid_exists(pid)

    def aclose(self) -> None:
        """Answer those who wait with "unknown" and let the worker thread end."""
        self._closed = True
        for waiter in self._waiting.values():
            if not waiter.done():
                waiter.set_result(UNKNOWN)
        self._waiting.clear()
        self._executor.shutdown(wait=False, cancel_futures=True)
