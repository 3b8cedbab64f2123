"""What plugtui asks of a brokerage, whichever it is."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

from plugtui.control.messages import MarketState, PositionState
from plugtui.performance.flows import is_external
from plugtui.secrets import Secret
from plugtui.wire.trading import RestFill


@dataclass(frozen=True, slots=True)
class Credentials:
    """The keys of one account and where it lives. ``key_id`` is ``oauth`` when the secret is an OAuth token."""

    key_id: str
    secret: Secret
    base_url: str
    """Trading REST, ``https://paper-api.alpaca.markets``, without ``/v2``."""

    @property
    def stream_url(self) -> str:
        """Return the URL of the account stream (protocol §2.1)."""
        return account_stream_url(self.base_url)


@dataclass(frozen=True, slots=True)
class AccountInfo:
    """The account's money as the broker states it."""

    account_number: str
    equity: Decimal
    last_equity: Decimal
    """At the close of the previous trading day."""
    cash: Decimal
    buying_power: Decimal
    currency: str = "USD"
    status: str = ""
    blocked: str = ""
    """Why no orders are taken, for a person; empty when they are."""


@dataclass(frozen=True, slots=True)
class Activity:
    """A non-trade activity: a deposit, a dividend, a fee."""

    id: str
    type: str
    day: str
    """``YYYY-MM-DD``, New York."""
    net_amount: Decimal
    symbol: str = ""

    @property
    def external(self) -> bool:
        """Money that came from outside or left, which is no performance."""
        return is_external(self.type)


@dataclass(frozen=True, slots=True)
class EquityPoint:
    """One point of the portfolio history."""

    time_ns: int
    equity: Decimal


@dataclass(frozen=True, slots=True)
class BrokerClock:
    """The broker's time and the state of the market."""

    now_ns: int
    market: MarketState


@dataclass(frozen=True, slots=True)
class SessionDay:
    """A trading day of the calendar: New York times as ``HH:MM``."""

    day: str
    open: str
    close: str


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order as REST gave it: decoded JSON with its numbers as strings or ``Decimal``."""

    raw: dict[str, Any] = field(repr=False)

    @property
    def id(self) -> str:
        """The broker's id of the order."""
        return str(self.raw.get("id", ""))


class Broker(Protocol):
    """REST calls to one account.

    Every call raises BrokerUnavailable (no answer, 5xx, 429: may succeed later) or BrokerRefused (4xx).
    """

    async def account(self) -> AccountInfo:
        """Read the account's money."""

    async def positions(self) -> list[PositionState]:
        """Read what is held."""

    async def orders(self, status: str = "all", after_ns: int | None = None, limit: int = 5_000) -> list[OrderRow]:
        """Read orders submitted after ``after_ns``, oldest first, bracket legs nested; all pages, up to ``limit``."""

    async def order(self, order_id: str) -> OrderRow:
        """Read one order with its legs."""

    async def fills(self, after_ns: int, limit: int = 10_000) -> list[RestFill]:
        """Read the executions since ``after_ns``, oldest first; of more than ``limit`` the newest."""

    async def activities(self, since_day: str = "", limit: int = 5_000) -> list[Activity]:
        """Read the non-trade activities since a day (``YYYY-MM-DD``), oldest first; canceled ones are left out."""

    async def portfolio_history(self, period: str = "1A", timeframe: str = "1D") -> list[EquityPoint]:
        """Read the equity curve as the broker has it, oldest first; only points without a value are left out."""

    async def clock(self) -> BrokerClock:
        """Read the broker's time, whether the market is open, and when that changes."""

    async def calendar(self, start: str, end: str) -> list[SessionDay]:
        """Read the trading days from ``start`` to ``end`` (``YYYY-MM-DD``)."""

    async def daily_closes(self, symbol: str, since_day: str, today: str, data_url: str) -> list[tuple[date, float]]:
        """Read a symbol's daily closes since a day, adjusted for splits and dividends, oldest first; today's so far too."""

    async def cancel_order(self, order_id: str) -> None:
        """Ask for the cancellation of an order."""

    async def aclose(self) -> None:
        """Let go of connections and threads; does not wait for a host that hangs."""


def account_stream_url(base_url: str) -> str:
    """Return ``wss://…/stream`` for a trading REST address."""
    return base_url.rstrip("/").replace("http", "ws", 1) + "/stream"
