"""One algorithm with its connections and counters, and what a connection must offer to be counted."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from plugtui.control.messages import AlgoState, ClientLeft
from plugtui.engine.clients.programs import Program, better_label
from plugtui.engine.clients.sessions import SessionJournal
from plugtui.store.keys import AlgoKey

SECOND_NS = 1_000_000_000
REST_PRESENCE_NS = 60 * SECOND_NS
"""How long an algorithm without a stream counts as connected after its last REST request."""


class ClientConnection(Protocol):
    """A client's WebSocket, as far as the directory needs to know it. All counters only grow, except the pending ones."""

    @property
    def endpoint(self) -> str:
        """``/v2/iex``; ``account`` for the account stream."""

    @property
    def messages(self) -> int:
        """Messages handed to the client."""

    @property
    def bytes(self) -> int:
        """Bytes handed to the client's socket."""

    @property
    def pending_bytes(self) -> int:
        """Bytes that wait to be sent."""

    @property
    def lag_ms(self) -> float | None:
        """How long the oldest unsent byte has waited; 0 when nothing waits."""

    @property
    def conflated(self) -> int:
        """Quotes and books replaced by newer ones."""

    @property
    def subscriptions(self) -> Mapping[str, Sequence[str]]:
        """Channel → symbols."""

    def close(self, code: int, reason: str) -> None:
        """Begin to close, and return at once; the handler detaches when it ends."""


class AlgoPnl(Protocol):
    """Where P&L comes from: the ledger."""

    def __call__(self, name: str, /) -> tuple[Decimal, Decimal]:
        """Return realised and unrealised P&L of the algorithm."""


def no_pnl(name: str, /) -> tuple[Decimal, Decimal]:
    return Decimal(0), Decimal(0)


class Algo:
    """One algorithm. Made by :meth:`AlgoDirectory.admit`; counters are plain attributes that the gateway adds to."""

    def __init__(self, name: str, key: AlgoKey | None, journal: SessionJournal, now_ns: Callable[[], int]) -> None:
        self._journal = journal
        self._now_ns = now_ns
        self.name = name
        self.key = key
        self.paused = bool(key and key.paused)
        self._unused = key is not None and key.used_ns is None
        self.program = ""
        self.pid: int | None = None
        self.started = 0.0
        self.sdk = ""
        self.address = ""
        self.since_ns: int | None = None
        self.last_seen_ns: int | None = None
        self._last_request_ns: int | None = None
        self.created_ns = now_ns()
        self.orders = 0
        self.rejects = 0
        self.fills = 0
        self.requests = 0
        self.throttled = 0
        """REST requests refused because the budget was used up."""
        self.rate = 0.0
        self.byte_rate = 0.0
        self.behind = False
        self._sessions: dict[ClientConnection, int] = {}
        self._leaving: dict[ClientConnection, str] = {}
        self._past = [0, 0, 0]
        """Messages, bytes, conflated of connections that have ended."""
        self._sampled: tuple[int, int, int] | None = None

    @property
    def connections(self) -> list[ClientConnection]:
        """The open streams."""
        return list(self._sessions)

    @property
    def revoked(self) -> bool:
        """Whether its key is no longer valid."""
        return bool(self.key and self.key.revoked)

    @property
    def messages(self) -> int:
        """Messages handed to it over all its connections."""
        return self._past[0] + sum(connection.messages for connection in self._sessions)

    @property
    def bytes(self) -> int:
        """Bytes handed to it over all its connections."""
        return self._past[1] + sum(connection.bytes for connection in self._sessions)

    @property
    def conflated(self) -> int:
        """Quotes and books that newer ones replaced, over all its connections."""
        return self._past[2] + sum(connection.conflated for connection in self._sessions)

    @property
    def lag_ms(self) -> float | None:
        """The lag of its slowest connection; ``None`` without one."""
        lags = [lag for connection in self._sessions if (lag := connection.lag_ms) is not None]
        return max(lags, default=None)

    def attach(self, connection: ClientConnection) -> None:
        """Count an authenticated stream of this algorithm from now on; a fact and a session row follow."""
        now_ns = self._seen()
        self._sessions[connection] = self._journal.joined(self, connection.endpoint, now_ns)

    def detach(self, connection: ClientConnection, reason: str) -> None:
        """Keep the counters of a stream that has ended; detaching twice changes nothing.

        Args:
            connection: what was attached.
            reason: as in :class:`~plugtui.control.messages.ClientLeft`; where the user closed it, that reason wins.
        """
        session = self._sessions.pop(connection, None)
        if session is None:
            return
        now_ns = self.last_seen_ns = self._now_ns()
        if not self._sessions:
            # A program that was killed is gone at once, however lately it sent a request.
            self._last_request_ns = None
        reason = self._leaving.pop(connection, reason)
        sent_bytes = connection.bytes
        for index, count in enumerate((connection.messages, sent_bytes, connection.conflated)):
            self._past[index] += count
        fact = ClientLeft(
            algo=self.name,
            endpoint=connection.endpoint,
            reason=reason,
            messages=connection.messages,
            pending_bytes=connection.pending_bytes,
        )
        self._journal.left(session, fact, sent_bytes, now_ns)

    def close_all(self, code: int, text: str, reason: str) -> int:
        """Begin to close all its streams; return how many.

        Args:
            code: WebSocket close code.
            text: close reason on the wire.
            reason: for the fact that follows.
        """
        connections = self.connections
        for connection in connections:
            self._leaving[connection] = reason
            connection.close(code, text)
        return len(connections)

    def requested(self) -> None:
        """Count a REST request."""
        self._last_request_ns = self._seen()
        self.requests += 1

    def _seen(self) -> int:
        """Note that it is here now, and return the time."""
        now_ns = self._now_ns()
        if not self.present(now_ns):
            self.since_ns = now_ns
        self.last_seen_ns = now_ns
        if self._unused and self.key is not None:
            self._unused = False
            self._journal.used(self.key.key_id, now_ns)
        return now_ns

    def present(self, now_ns: int) -> bool:
        """Tell whether it is here: a stream is open, or it sent a REST request lately."""
        if self._sessions:
            return True
        return self._last_request_ns is not None and now_ns - self._last_request_ns < REST_PRESENCE_NS

    def met(self, program: Program, sdk: str, address: str) -> None:
        """Take over what a new connection or request tells about the program."""
        if program.pid is not None:
            self.program, self.pid, self.started = program.name, program.pid, program.started
        self.sdk = better_label(self.sdk, sdk)
        self.address = address or self.address

    def recall(self, program: str, pid: int | None, sdk: str, address: str, last_seen_ns: int) -> None:
        """Take over what an earlier run of the engine knew."""
        self.program, self.pid, self.sdk, self.address = program, pid, sdk, address
        self.last_seen_ns = last_seen_ns

    def sample(self, now_ns: int) -> None:
        """Work out the rates since the last sample."""
        messages, sent_bytes = self.messages, self.bytes
        if self._sampled and now_ns > self._sampled[0]:
            seconds = (now_ns - self._sampled[0]) / SECOND_NS
            self.rate = (messages - self._sampled[1]) / seconds
            self.byte_rate = (sent_bytes - self._sampled[2]) / seconds
        self._sampled = (now_ns, messages, sent_bytes)

    def status(self, now_ns: int) -> str:
        """Return the status of :class:`~plugtui.control.messages.AlgoState`."""
        if self.revoked:
            return "revoked"
        if self.paused:
            return "paused"
        if self.present(now_ns):
            return "connected"
        return "new" if self._unused else "gone"

    def state(self, now_ns: int, pnl: AlgoPnl) -> AlgoState:
        """Return what dashboards are told."""
        realized, unrealized = pnl(self.name)
        return AlgoState(
            name=self.name,
            status=self.status(now_ns),
            issued=self.key is not None,
            program=self.program,
            pid=self.pid,
            sdk=self.sdk,
            address=self.address,
            since_ns=self.since_ns,
            connections=len(self._sessions),
            streams=sorted({connection.endpoint for connection in self._sessions}),
            subscriptions=_merged(connection.subscriptions for connection in self._sessions),
            messages=self.messages,
            bytes=self.bytes,
            rate=round(self.rate, 1),
            byte_rate=round(self.byte_rate, 1),
            queue_bytes=sum(connection.pending_bytes for connection in self._sessions),
            lag_ms=self.lag_ms,
            conflated=self.conflated,
            orders=self.orders,
            rejects=self.rejects,
            fills=self.fills,
            requests=self.requests,
            throttled=self.throttled,
            realized_pnl=realized,
            unrealized_pnl=unrealized,
            last_seen_ns=self.last_seen_ns,
        )


def _merged(subscriptions: Iterable[Mapping[str, Sequence[str]]]) -> dict[str, list[str]]:
    merged: dict[str, set[str]] = {}
    for channels in subscriptions:
        for channel, symbols in channels.items():
            if symbols:
                merged.setdefault(channel, set()).update(symbols)
    return {channel: sorted(symbols) for channel, symbols in merged.items()}
