"""An event loop with a time of its own, which stands still while anything is to be done and jumps when nothing is."""

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any, TypeVar

from plugtui.demo.stage.jobs import Job
from plugtui.demo.stage.network import Address, Network, Server, Transport

T = TypeVar("T")

NS = 1_000_000_000
BEGINNING_S = 10_000.0
"""Of the loop's time: not 0, since programs may take that for "never"."""


class NothingLeft(RuntimeError):
    """Everything waits, and nothing will ever happen."""


class VirtualLoop(asyncio.BaseEventLoop):
    """Run tasks in virtual time, over a network that is only this process's memory.

    No socket, no thread that runs beside it, no real clock: what happens follows from what was started alone. Calls for worker
    threads are made one at a time while the loop stands still.

    Args:
        start_ns: the wall clock at the beginning, UTC nanoseconds.
        delay_s: asked for each piece that crosses the network: how long it takes, by the address of the server's end.
    """

    def __init__(self, start_ns: int, delay_s: Callable[[Address], float] = lambda _: 0.0) -> None:
        super().__init__()
        self._start_ns = start_ns
        self._now_s = BEGINNING_S
        self.network = Network(self, delay_s)
        self._selector = self  # what BaseEventLoop asks for news from outside; there is none

    # ------------------------------------------------------------ time

    def time(self) -> float:
        """Return the virtual seconds; they do not pass while anything can run."""
        return self._now_s

    def now_ns(self) -> int:
        """Return the virtual wall clock, UTC nanoseconds."""
        return self._start_ns + self.ticks_ns() - int(BEGINNING_S * NS)

    def ticks_ns(self) -> int:
        """Return :meth:`time` in nanoseconds."""
        return round(self._now_s * NS)

    def select(self, timeout: float | None) -> list[Any]:
        """Jump to the next timer instead of waiting for it: ``BaseEventLoop`` calls this when nothing can run.

        Raises:
            NothingLeft: there is no timer either.
        """
        if timeout is None:
            raise NothingLeft("every task waits, and no timer will wake one")
        self._now_s += timeout
        return []

    def _process_events(self, event_list: list[Any]) -> None:
        """Nothing comes from outside."""

    def _write_to_self(self) -> None:
        """Nobody needs to be woken: the loop never waits."""

    # ------------------------------------------------------------ network

    async def create_server(  # type: ignore[override]
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], host: str, port: int = 0, **_: Any
    ) -> Server:
        """Listen on the network of this process; port 0 is any free one."""
        return self.network.listen(protocol_factory, host, port)

    async def create_connection(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: str | None = None,
        port: int | None = None,
        *,
        sock: Any = None,
        **_: Any,
    ) -> tuple[Transport, asyncio.BaseProtocol]:
        """Connect to a server of this process. Raises ConnectionRefusedError."""
        address = self.network.dialled(sock) if sock is not None else (str(host), int(port or 0))
        return await self.network.connect(protocol_factory, address)

    async def sock_connect(self, sock: Any, address: Any) -> None:
        """Note where a socket is to lead; it is never used itself. Raises ConnectionRefusedError."""
        self.network.dial(sock, (address[0], address[1]))

    # ------------------------------------------------------------ worker threads

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        """Make a blocking call while the loop stands still; the executor is not used."""
        job = Job(self, lambda: func(*args), contextvars.copy_context())
        self.call_soon(job.go_on)
        return job.future
