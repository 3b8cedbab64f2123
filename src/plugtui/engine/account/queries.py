"""Answer the control link's questions about performance and orders from the account's record (rows P1 to P5)."""

import asyncio
from typing import Any

import msgspec

from plugtui.control.messages import AccountState
from plugtui.engine.account.account import Account
from plugtui.engine.control import Commands
from plugtui.errors import ControlError
from plugtui.ledger.executions import Execution
from plugtui.ledger.pnl import Opening, Pnl, account_trips
from plugtui.performance.curve import Curve, curve_of_samples, with_live
from plugtui.performance.curve_json import performance_payload
from plugtui.performance.exposure import Trade
from plugtui.performance.flows import external_flows
from plugtui.performance.history import from_points
from plugtui.performance.windows import WINDOWS, window

UNATTRIBUTED = "unattributed"
"""How what nobody claimed is listed among the algorithms."""


class Window(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which window."""

    window: str = "1M"


class OrderId(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which order."""

    id: str


class PerformanceQuery:
    """``performance`` and ``order``.

    Args:
        account: the user's account.
    """

    def __init__(self, account: Account) -> None:
        self._account = account

    def offer(self, commands: Commands) -> None:
        """Add the commands to the registry."""
        commands.add("performance", Window, self._performance)
        commands.add("order", OrderId, self._order)

    async def _performance(self, args: Window) -> dict[str, Any]:
        if args.window not in WINDOWS:
            raise ControlError(f"there is no window '{args.window}'", f"There are: {', '.join(WINDOWS)}.")
        account = self._account
        samples = [(at, equity) for at, equity, _ in await account.history("1D")]
        executions = await account.executions()
        openings = list(account.journal.openings)
        by_algo = {name or UNATTRIBUTED: _shown(pnl) for name, pnl in (await account.pnl()).items()}
        by_symbol = {symbol: _shown(pnl) for symbol, pnl in (await account.pnl_by_symbol()).items()}
        # A year of history takes tens of milliseconds: the event loop has data to route meanwhile.
        return await asyncio.to_thread(
            _payload, args.window, self._curve(account.state), executions, openings, samples, by_algo, by_symbol
        )

    def _curve(self, state: AccountState | None) -> Curve:
        watch = self._account.watch
        curve = from_points(watch.points, watch.activities)
        if state is None:
            return curve
        today = [
            {"activity_type": a.type, "id": a.id, "date": a.day, "net_amount": a.net_amount} for a in watch.activities
        ]
        return with_live(curve, state.as_of_ns, state.equity, external_flows(today).movements)

    async def _order(self, args: OrderId) -> dict[str, Any]:
        life = await self._account.order_life(args.id)
        if life is None:
            raise ControlError(
                f"there is no order '{args.id}' in the ledger", "Its id stands in the fill or order event."
            )
        return life


def _shown(pnl: Pnl) -> dict[str, Any]:
    return {"realized": pnl.realized, "unrealized": pnl.unrealized, "fills": pnl.fills}


def _payload(
    name: str,
    curve: Curve,
    executions: list[Execution],
    openings: list[Opening],
    samples: list[tuple[int, Any]],
    by_algo: dict[str, Any],
    by_symbol: dict[str, Any],
) -> dict[str, Any]:
    cut = window(curve, name)
    start = int(cut.time_ns[0]) if len(cut) and name != "ALL" else -1
    trips = [trip for trip in account_trips(executions, openings) if trip.closed_ns > start]
    trades = [Trade(e.time_ns, e.symbol, e.signed_qty, e.price) for e in executions]
    return performance_payload(
        curve,
        name,
        trips=trips,
        trades=trades,
        # What was held before the first fill that is known makes exposure and turnover a guess.
        fills_since_ns=executions[0].time_ns if openings and executions else None,
        by_algo=by_algo,
        by_symbol=by_symbol,
        live=curve_of_samples(samples) if samples else None,
    )
