"""Answer the control link's questions about performance and orders from the account's record (rows P1 to P6)."""

import asyncio
import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from plugtui.control.messages import AccountState
from plugtui.engine.account.account import Account
from plugtui.engine.account.benchmark import Benchmarks
from plugtui.engine.account.intraday import Intraday
from plugtui.engine.control import Commands
from plugtui.errors import ControlError
from plugtui.ledger.pnl import Pnl, account_trips
from plugtui.performance.curve import Curve, with_live
from plugtui.performance.curve_json import Book, Prices, performance_payload
from plugtui.performance.exposure import Trade
from plugtui.performance.flows import external_flows
from plugtui.performance.history import from_points
from plugtui.performance.reconcile import reconcile
from plugtui.performance.windows import WINDOWS

UNATTRIBUTED = "unattributed"
"""How what nobody claimed is listed among the algorithms."""

_SYMBOL = re.compile(r"[A-Z][A-Z0-9]{0,9}([./][A-Z0-9]{1,6})?")


class Window(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which window, and what to compare with."""

    window: str = "1M"
    benchmark: str | None = None
    """A symbol; empty: no comparison; ``None``: the one of the settings."""


class OrderId(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which order."""

    id: str


@dataclass(frozen=True, slots=True)
class _Pnl:
    by_algo: dict[str, Any]
    by_symbol: dict[str, Any]
    total: Decimal


class PerformanceQuery:
    """``performance`` and ``order``.

    Args:
        account: the user's account.
        benchmarks: closes to compare with.
        intraday: equity within the days.
        symbol: benchmark of the settings; empty: none.
    """

    def __init__(self, account: Account, benchmarks: Benchmarks, intraday: Intraday, symbol: str) -> None:
        self._account = account
        self._benchmarks = benchmarks
        self._intraday = intraday
        self._symbol = symbol
        self._book: tuple[object, Book] | None = None

    def offer(self, commands: Commands) -> None:
        """Add the commands to the registry."""
        commands.add("performance", Window, self._performance)
        commands.add("order", OrderId, self._order)

    async def _performance(self, args: Window) -> dict[str, Any]:
        if args.window not in WINDOWS:
            raise ControlError(f"there is no window '{args.window}'", f"There are: {', '.join(WINDOWS)}.")
        # Years of history take tens of milliseconds: the event loop has data to route meanwhile.
        curve = await asyncio.to_thread(self._curve, self._account.state)
        book = await self._known_book()
        pnl = await self._pnl()
        samples = await self._intraday.samples(args.window, curve)
        prices = self._prices(args.benchmark)
        answer = await asyncio.to_thread(
            performance_payload,
            curve,
            args.window,
            book,
            by_algo=pnl.by_algo,
            by_symbol=pnl.by_symbol,
            samples=samples,
            benchmark=prices,
        )
        return {**answer, "reconcile": self._reconcile(curve, pnl.total), "progress": self._progress()}

    def _curve(self, state: AccountState | None) -> Curve:
        watch = self._account.watch
        curve = from_points(watch.points, watch.activities)
        if state is None:
            return curve
        today = [
            {"activity_type": a.type, "id": a.id, "date": a.day, "net_amount": a.net_amount} for a in watch.activities
        ]
        return with_live(curve, state.as_of_ns, state.equity, external_flows(today).movements)

    async def _known_book(self) -> Book:
        """Return fills and round trips; they are worked out again only when there are new ones."""
        key = await self._account.executions_version()
        if self._book is None or self._book[0] != key:
            executions, openings = await self._account.executions(), list(self._account.journal.openings)

            def build() -> Book:
                trades = [Trade(e.time_ns, e.symbol, e.signed_qty, e.price) for e in executions]
                # What was held before the first fill that is known makes exposure and turnover a guess.
                since_ns = executions[0].time_ns if openings and executions else None
                return Book(account_trips(executions, openings), trades, since_ns)

            self._book = key, await asyncio.to_thread(build)
        return self._book[1]

    async def _pnl(self) -> _Pnl:
        by_algo = await self._account.pnl()
        by_symbol = await self._account.pnl_by_symbol()
        return _Pnl(
            {name or UNATTRIBUTED: _shown(pnl) for name, pnl in by_algo.items()},
            {symbol: _shown(pnl) for symbol, pnl in by_symbol.items()},
            sum((pnl.total for pnl in by_algo.values()), Decimal(0)),
        )

    def _prices(self, asked: str | None) -> Prices | None:
        symbol = (self._symbol if asked is None else asked).strip().upper()
        if not symbol:
            return None
        if not _SYMBOL.fullmatch(symbol):
            raise ControlError(f"'{symbol}' is no symbol to compare with", "Such as SPY, BRK.B or BTC/USD.")
        known = self._benchmarks.of(symbol)
        return Prices(symbol, known.closes, known.problem)

    def _reconcile(self, curve: Curve, trading: Decimal) -> dict[str, Any] | None:
        known = self._book[1] if self._book else Book()
        starts = [opening.time_ns for opening in self._account.journal.openings]
        starts += [trade.time_ns for trade in known.trades[:1]]
        if not starts or not len(curve):
            return None
        income = [(date.fromisoformat(a.day), a.net_amount) for a in self._account.watch.activities if not a.external]
        found = reconcile(curve, min(starts), trading, income)
        return {
            "since_ns": found.since_ns,
            "base_ns": found.base_ns,
            "trading": found.trading,
            "income": found.income,
            "broker": found.broker,
            "difference": found.difference,
            "held_before": len(self._account.journal.openings),
        }

    def _progress(self) -> str:
        """Say what is still being read of the account's past; empty when nothing is."""
        watch = self._account.watch
        if not watch.history_read:
            return watch.problem or "reading the account's daily equity"
        return ""

    async def _order(self, args: OrderId) -> dict[str, Any]:
        life = await self._account.order_life(args.id)
        if life is None:
            raise ControlError(
                f"there is no order '{args.id}' in the ledger", "Its id stands in the fill or order event."
            )
        return life


def _shown(pnl: Pnl) -> dict[str, Any]:
    return {"realized": pnl.realized, "unrealized": pnl.unrealized, "fills": pnl.fills}
