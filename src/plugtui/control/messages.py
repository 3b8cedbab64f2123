"""The messages of the control link, as typed structs. JSON, one object a WebSocket message, tagged by ``type``.

A dashboard dials ``/plugtui/control`` with ``Authorization: Bearer TOKEN`` and sends one :class:`Hello`. The engine answers
with a :class:`Snapshot`, then :class:`Facts` (numbered, never dropped; those that wait travel together) and :class:`States`
(conflated, at most ten a second, only the topics that changed). With ``Hello.resume`` the snapshot's ``facts`` start after that
number; when so many were missed that the engine no longer lists them all, ``Snapshot.truncated`` says so. A :class:`Command` is
answered by one :class:`Reply` with the same ``id``.

What the ledger knows from before the numbered facts (the account's past, taken in at the first start) is no fact: a dashboard
that starts anew asks for it with the command ``fills``, and again when an :class:`Imported` fact says that there is more.

Quantities, prices and money are ``Decimal`` (strings in JSON), times integer nanoseconds UTC, ratios floats
(0.0117 is 1.17 %), a figure that is undefined is ``None``.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

PROTOCOL_VERSION = 2


class _Struct(msgspec.Struct, frozen=True, kw_only=True):
    pass


# ---------------------------------------------------------------- states (conflated)


class EngineState(_Struct, frozen=True, kw_only=True):
    """Who the engine is."""

    engine_id: str
    pid: int
    version: str
    profile: str
    environment: str
    """``live``, ``paper`` or ``demo``."""
    account_number: str
    """Masked; empty until the account was read."""
    gateway_url: str
    """``http://127.0.0.1:8765``: one address for REST and, with ``ws``, for streams."""
    feed: str
    started_ns: int
    rest_per_minute: int = 0
    """REST requests that all algorithms together may send in a minute."""
    clients: int = 0
    deliveries: int = 0
    """Messages handed to algorithms since the start."""
    problem: str = ""
    """Why the account could not be read yet; empty when it was read, or nothing went wrong so far."""
    hint: str = ""
    """What to do about it."""


class StreamState(_Struct, frozen=True, kw_only=True):
    """One upstream connection."""

    name: str
    """``data iex``, ``data crypto``, ``account``."""
    endpoint: str
    """Upstream path, ``/v2/iex``."""
    state: str
    """``idle`` (nobody wants it), ``connecting``, ``live``, ``quiet`` (market closed), ``stale``, ``waiting`` (before the
    next attempt), ``failed`` (will not be tried again without a change)."""
    since_ns: int
    detail: str = ""
    """Why, for a person: "another program holds the connection"."""
    retry_at_ns: int | None = None
    lag_ms: float | None = None
    """Median of (arrival − event time) over the last second with data."""
    last_message_ns: int | None = None
    messages: int = 0
    rate: float = 0.0
    """Messages a second, over the last second."""
    reconnects: int = 0
    subscriptions: int = 0
    """(channel, symbol) pairs subscribed upstream."""


class MarketState(_Struct, frozen=True, kw_only=True):
    """The broker's clock."""

    is_open: bool
    next_open_ns: int
    next_close_ns: int


class PositionState(_Struct, frozen=True, kw_only=True):
    symbol: str
    qty: Decimal
    """Negative when short."""
    avg_entry_price: Decimal
    market_value: Decimal
    unrealized_pnl: Decimal
    current_price: Decimal | None = None


class AccountState(_Struct, frozen=True, kw_only=True):
    """The account as the broker states it."""

    equity: Decimal
    last_equity: Decimal
    cash: Decimal
    buying_power: Decimal
    day_pnl: Decimal
    """equity − last_equity − external flows of today."""
    day_return: float | None
    """Deposit-neutral return of the day."""
    as_of_ns: int
    currency: str = "USD"
    positions: list[PositionState] = []
    market: MarketState | None = None
    problem: str = ""
    """Why these numbers are old, when they are: "trading host does not answer"."""
    blocked: str = ""
    """Why the broker takes no orders; empty when it does."""


class AlgoState(_Struct, frozen=True, kw_only=True):
    """One algorithm: everything under one issued key, or one program that runs with the engine's own keys (row A1)."""

    name: str
    status: str
    """``new`` (its key was never used), ``connected``, ``gone``, ``paused`` (connected or not), ``revoked``."""
    issued: bool
    """It uses a key pair of its own."""
    program: str = ""
    pid: int | None = None
    sdk: str = ""
    address: str = ""
    since_ns: int | None = None
    connections: int = 0
    streams: list[str] = []
    """Endpoints it is connected to: ``/v2/iex``, ``account``."""
    subscriptions: dict[str, list[str]] = {}
    """Channel → symbols, over its connections."""
    messages: int = 0
    bytes: int = 0
    rate: float = 0.0
    """Messages a second."""
    byte_rate: float = 0.0
    queue_bytes: int = 0
    lag_ms: float | None = None
    """How long the oldest byte that is still unsent has waited; 0 when nothing waits."""
    conflated: int = 0
    """Quotes and order books replaced by a newer one because the client was slow."""
    orders: int = 0
    """Accepted ones, over all runs of the engine."""
    rejects: int = 0
    fills: int = 0
    requests: int = 0
    """REST requests."""
    throttled: int = 0
    """REST requests refused because the shared budget was used up."""
    realized_pnl: Decimal = Decimal(0)
    unrealized_pnl: Decimal = Decimal(0)
    last_seen_ns: int | None = None


class Figures(_Struct, frozen=True, kw_only=True):
    """Performance figures of one window; ``None`` is undefined, with the reason in ``undefined``."""

    total_return: float | None = None
    cagr: float | None = None
    volatility: float | None = None
    sharpe: float | None = None
    sortino: float | None = None
    calmar: float | None = None
    max_drawdown: float | None = None
    win_rate: float | None = None
    profit_factor: float | None = None
    expectancy: float | None = None
    pnl: Decimal | None = None
    """Change of equity − net external flow."""
    net_flow: Decimal | None = None
    days: int = 0
    round_trips: int = 0
    undefined: dict[str, str] = {}


class TraderState(_Struct, frozen=True, kw_only=True):
    """A plugged account."""

    name: str
    followed: bool
    badge: str
    """``verified`` (broker data, live), ``paper``, ``self-reported``."""
    stream: str
    """State as in :class:`StreamState`."""
    detail: str = ""
    trades: int = 0
    score: float | None = None
    figures: dict[str, Figures] = {}
    """Window (``1D`` … ``ALL``) → figures; ``pnl`` and ``net_flow`` are always ``None`` here: no amounts."""
    last_trade_ns: int | None = None


class States(_Struct, frozen=True, kw_only=True, tag="states"):
    """What changed since the last message of this kind; a topic that is ``None`` did not change."""

    engine: EngineState | None = None
    streams: list[StreamState] | None = None
    account: AccountState | None = None
    algos: list[AlgoState] | None = None
    traders: list[TraderState] | None = None


# ---------------------------------------------------------------- facts (numbered)
#
# gc=False: they hold plain values only, and at thousands a second the collector would look through all that are kept.


class Fill(_Struct, frozen=True, kw_only=True, tag="fill", gc=False):
    """One execution, exactly once. A later fact with the same ``execution_id`` only adds the attribution."""

    execution_id: str
    order_id: str
    client_order_id: str
    symbol: str
    side: str
    """``buy`` or ``sell``."""
    qty: Decimal
    price: Decimal
    cum_qty: Decimal
    """Filled of this order up to and with this execution."""
    order_qty: Decimal | None
    time_ns: int
    algo: str | None
    """``None``: not attributed (``manual`` when known to come from elsewhere)."""
    recovered: bool = False
    """Not heard on the stream but fetched afterwards."""
    imported: bool = False
    """Of the time before the engine's first start."""
    position_qty: Decimal | None = None


class OrderEvent(_Struct, frozen=True, kw_only=True, tag="order", gc=False):
    """A step in the life of an order that is not an execution."""

    order_id: str
    client_order_id: str
    symbol: str
    side: str
    event: str
    """``new``, ``canceled``, ``rejected``, … (protocol §2.4)."""
    status: str
    order_type: str
    qty: Decimal | None
    limit_price: Decimal | None
    stop_price: Decimal | None
    filled_qty: Decimal
    time_ns: int
    algo: str | None
    reason: str = ""
    recovered: bool = False


class ClientJoined(_Struct, frozen=True, kw_only=True, tag="client_joined", gc=False):
    algo: str
    endpoint: str
    address: str
    program: str = ""
    pid: int | None = None


class ClientLeft(_Struct, frozen=True, kw_only=True, tag="client_left", gc=False):
    algo: str
    endpoint: str
    reason: str
    """``closed``, ``vanished`` (no close frame), ``slow client``, ``revoked``, ``disconnected``, ``shutdown``."""
    messages: int = 0
    pending_bytes: int = 0


class Gap(_Struct, frozen=True, kw_only=True, tag="gap", gc=False):
    """A stream was down. Sent when it opens (``to_ns`` is ``None``) and again, with the same ``gap_id``, when it is closed."""

    gap_id: int
    stream: str
    from_ns: int
    to_ns: int | None = None
    reason: str = ""
    recovered: int = 0
    """Executions fetched afterwards."""
    lost: str = ""
    """What cannot be had again: "market data of 12 s"."""


class StreamChanged(_Struct, frozen=True, kw_only=True, tag="stream", gc=False):
    """A stream changed its state in a way that a person wants to know."""

    name: str
    state: str
    detail: str = ""
    retry_at_ns: int | None = None


class TraderTrade(_Struct, frozen=True, kw_only=True, tag="trader_trade", gc=False):
    """A trade of a plugged account, without amounts."""

    trader: str
    trade_id: str
    symbol: str
    side: str
    """``bought``, ``sold``, ``sold short``, ``covered``."""
    price: Decimal
    time_ns: int
    recovered: bool = False


class Imported(_Struct, frozen=True, kw_only=True, tag="imported", gc=False):
    """The account's past was taken into the ledger, at the first start: ask for it with the command ``fills``."""

    executions: int
    orders: int
    since_ns: int
    """How far back it goes."""


class Notice(_Struct, frozen=True, kw_only=True, tag="notice", gc=False):
    """Something that a person should know and that has no message of its own."""

    level: str
    """``info``, ``warning``, ``error``."""
    text: str
    hint: str = ""
    algo: str | None = None


FactBody = Fill | OrderEvent | ClientJoined | ClientLeft | Gap | StreamChanged | TraderTrade | Imported | Notice


class Fact(_Struct, frozen=True, kw_only=True, gc=False):
    """A numbered fact. Numbers rise by one and go on across restarts of the engine."""

    seq: int
    time_ns: int
    body: FactBody


class Facts(_Struct, frozen=True, kw_only=True, tag="facts"):
    """Facts in order, at least one. Several travel in one message when several wait: a message costs more than a fact."""

    facts: list[Fact]


# ---------------------------------------------------------------- conversation


class Hello(_Struct, frozen=True, kw_only=True, tag="hello"):
    """First message of a dashboard."""

    resume: int | None = None
    """The number of the last fact it has; ``None`` on a fresh start."""
    states: bool = True
    """False for a script that only sends commands."""


class Snapshot(_Struct, frozen=True, kw_only=True, tag="snapshot"):
    """The whole picture: all states, and recent facts in order (all after ``Hello.resume`` when given)."""

    version: int
    seq: int
    """Number of the newest fact."""
    engine: EngineState
    streams: list[StreamState]
    account: AccountState | None
    algos: list[AlgoState]
    traders: list[TraderState]
    facts: list[Fact]
    truncated: bool = False
    formula: str = ""
    """How traders are ranked: the formula on the first line, what it means below."""


class Command(_Struct, frozen=True, kw_only=True, tag="command"):
    """Ask the engine. Names and arguments stand in ``docs`` of :mod:`plugtui.engine.control`.

    ``status``; ``algos.list``, ``algos.add name``, ``algos.revoke name``, ``algos.pause name [cancel_orders]``,
    ``algos.resume name``, ``algos.disconnect name``; ``traders.list``, ``traders.plug name key_id secret_key [base_url]``,
    ``traders.unplug name``, ``traders.follow name``, ``traders.unfollow name``; ``performance [window]`` → ``{"window",
    "figures": Figures, "curve": [[time_ns, equity, index, drawdown], …], "by_algo": …, "by_symbol": …}``;
    ``order id`` → the life of an order; ``fills [limit]`` → :class:`Past`; ``trader name`` → its record and curve; ``retry`` →
    what waits for the broker is tried now; ``stop`` → the engine ends.
    """

    id: int
    name: str
    args: dict[str, Any] = {}


class Past(_Struct, frozen=True, kw_only=True):
    """What the ledger holds: the newest executions, and rejects and ends of orders since the oldest of them, oldest first."""

    fills: list[Fill]
    events: list[OrderEvent]
    executions: int
    """In the whole ledger."""


class Reply(_Struct, frozen=True, kw_only=True, tag="reply"):
    """The answer to the command with the same ``id``."""

    id: int
    ok: bool
    result: Any = None
    error: str = ""
    hint: str = ""


FromEngine = Snapshot | Facts | States | Reply
FromDashboard = Hello | Command

_encoder = msgspec.json.Encoder(decimal_format="string")
_engine_decoder: msgspec.json.Decoder[FromEngine] = msgspec.json.Decoder(FromEngine)
_dashboard_decoder: msgspec.json.Decoder[FromDashboard] = msgspec.json.Decoder(FromDashboard)
_body_decoder: msgspec.json.Decoder[FactBody] = msgspec.json.Decoder(FactBody)


def encode(message: FromEngine | FromDashboard | FactBody) -> bytes:
    """Encode a message, or a fact's body alone."""
    return _encoder.encode(message)


def encode_facts(facts: Sequence[Fact], max_bytes: int) -> tuple[bytes, int]:
    """Encode a :class:`Facts` message with as many of the facts as fit, one at least; return it and how many these are."""
    parts: list[bytes] = []
    size = 0
    for fact in facts:
        part = _encoder.encode(fact)
        size += len(part) + 1
        if parts and size > max_bytes:
            break
        parts.append(part)
    return b'{"type":"facts","facts":[' + b",".join(parts) + b"]}", len(parts)


def decode_from_engine(data: bytes | str) -> FromEngine:
    """Decode what an engine sent. Raises msgspec.DecodeError."""
    return _engine_decoder.decode(data)


def decode_from_dashboard(data: bytes | str) -> FromDashboard:
    """Decode what a dashboard sent. Raises msgspec.DecodeError."""
    return _dashboard_decoder.decode(data)


def decode_body(data: bytes | str) -> FactBody:
    """Decode a fact's body. Raises msgspec.DecodeError."""
    return _body_decoder.decode(data)
