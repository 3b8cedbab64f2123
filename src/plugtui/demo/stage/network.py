"""A network in memory: listening addresses, connections, and the time that each piece of data takes."""

import asyncio
import itertools
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NamedTuple

Address = tuple[str, int]

FIRST_PORT = 50_001
"""Of the clients' ends, and of servers that ask for any port."""

dialling: ContextVar[Any] = ContextVar("dialling", default=None)
"""Who makes connections in this context; :meth:`Network.dialler` tells it afterwards."""


class _Piece(NamedTuple):
    data: bytes
    last: bool = False


class Network:
    """All servers and connections of one loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, delay_s: Callable[[Address], float]) -> None:
        self._loop = loop
        self._delay_s = delay_s
        self._servers: dict[Address, Server] = {}
        self._ports = itertools.count(FIRST_PORT)
        self._dialled: dict[Any, Address] = {}
        self._diallers: dict[Address, Any] = {}

    def listen(self, make: Callable[[], asyncio.BaseProtocol], host: str, port: int) -> "Server":
        """Accept connections to an address. Raises OSError."""
        address = (host, port or next(self._ports))
        if address in self._servers:
            raise OSError(98, f"{address} is taken")
        server = self._servers[address] = Server(self, make, address)
        return server

    def forget(self, address: Address) -> None:
        """Refuse connections from now on."""
        self._servers.pop(address, None)

    def dial(self, sock: Any, address: Address) -> None:
        """Note where a socket is to lead. Raises ConnectionRefusedError."""
        self._server(address)
        self._dialled[sock] = address

    def dialled(self, sock: Any) -> Address:
        """Return where a socket was to lead, and let go of it."""
        address = self._dialled.pop(sock)
        sock.close()
        return address

    def dialler(self, address: Address) -> Any:
        """Return who has opened the connection from this address."""
        return self._diallers.get(address)

    def _server(self, address: Address) -> "Server":
        server = self._servers.get(address)
        if server is None:
            raise ConnectionRefusedError(111, f"nobody listens on {address[0]}:{address[1]}")
        return server

    async def connect(
        self, make: Callable[[], asyncio.BaseProtocol], address: Address
    ) -> tuple["Transport", asyncio.BaseProtocol]:
        """Connect to a server. Raises ConnectionRefusedError."""
        await asyncio.sleep(self._delay_s(address))
        server = self._server(address)
        own = ("127.0.0.1", next(self._ports))
        self._diallers[own] = dialling.get()
        client = Transport(self._loop, own, address, lambda: self._delay_s(address))
        remote = Transport(self._loop, address, own, lambda: self._delay_s(address))
        client.peer, remote.peer = remote, client
        remote.begin(server.make())
        protocol = make()
        client.begin(protocol)
        return client, protocol


class _Listening:
    """What a server says about its socket."""

    def __init__(self, address: Address) -> None:
        self._address = address

    def getsockname(self) -> Address:
        """Return the address."""
        return self._address


class Server:
    """A listening address: what aiohttp uses of ``asyncio.Server``."""

    def __init__(self, network: Network, make: Callable[[], asyncio.BaseProtocol], address: Address) -> None:
        self.make = make
        self.sockets = (_Listening(address),)
        self._network = network
        self._address = address

    def close(self) -> None:
        """Stop listening; connections stay."""
        self._network.forget(self._address)


class Transport(asyncio.Transport):
    """One end of a connection. What is written arrives in order, each piece after the network's delay.

    The wire has room for everything on its way; what a reader that paused has not taken yet counts as the writer's buffer.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, own: Address, other: Address, delay_s: Callable[[], float]
    ) -> None:
        super().__init__({"sockname": own, "peername": other})
        self.peer: Transport
        self._loop = loop
        self._delay_s = delay_s
        self._protocol: asyncio.BaseProtocol | None = None
        self._on_the_way: deque[_Piece] = deque()
        self._arrived: deque[_Piece] = deque()
        self._arrives_at = 0.0
        self._reading = True
        self._closing = False
        self._ended = False

    def begin(self, protocol: asyncio.BaseProtocol) -> None:
        """Give the connection to its protocol."""
        self._protocol = protocol
        protocol.connection_made(self)

    # ------------------------------------------------------------ writing

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send data; after the end it is dropped, as by a real one."""
        if data and not self._closing:
            self._put(_Piece(bytes(data)))

    def _put(self, piece: _Piece) -> None:
        self._on_the_way.append(piece)
        self._arrives_at = max(self._arrives_at, self._loop.time() + self._delay_s())
        self._loop.call_at(self._arrives_at, self._deliver)

    def _deliver(self) -> None:
        if self._on_the_way:
            self.peer.arrive(self._on_the_way.popleft())

    def get_write_buffer_size(self) -> int:
        """Return how many bytes the other side has not taken although they have arrived."""
        return sum(len(piece.data) for piece in self.peer._arrived)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nobody is told to pause: the wire has room."""

    def can_write_eof(self) -> bool:
        """Connections are closed as a whole."""
        return False

    # ------------------------------------------------------------ reading

    def arrive(self, piece: _Piece) -> None:
        """Take what the other end has sent."""
        self._arrived.append(piece)
        self._hand_over()

    def _hand_over(self) -> None:
        while self._arrived and self._reading and not self._ended:
            piece = self._arrived.popleft()
            if piece.last:
                self._over()
            elif isinstance(self._protocol, asyncio.Protocol):
                self._protocol.data_received(piece.data)

    def _over(self) -> None:
        if isinstance(self._protocol, asyncio.Protocol) and not self._closing:
            self._protocol.eof_received()
        self.close()

    def is_reading(self) -> bool:
        """Tell whether what arrives is handed on."""
        return self._reading and not self._closing

    def pause_reading(self) -> None:
        """Keep what arrives."""
        self._reading = False

    def resume_reading(self) -> None:
        """Hand on what has arrived, soon."""
        if not self._reading:
            self._reading = True
            self._loop.call_soon(self._hand_over)

    # ------------------------------------------------------------ the end

    def is_closing(self) -> bool:
        """Tell whether the end has begun."""
        return self._closing

    def close(self) -> None:
        """Send what is left, then the end."""
        if not self._closing:
            self._closing = True
            self._put(_Piece(b"", last=True))
            self._loop.call_soon(self._lose)

    def abort(self) -> None:
        """End at once; what is on its way is lost."""
        if not self._closing:
            self._on_the_way.clear()
            self.close()

    def _lose(self) -> None:
        self._ended = True
        self._arrived.clear()
        if self._protocol is not None:
            self._protocol.connection_lost(None)

    # ------------------------------------------------------------ protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Give the connection to another protocol."""
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol."""
        assert self._protocol is not None
        return self._protocol
