"""What the demo counts: everything from the engine's control link, and the comparison with the exchange's own book."""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec

from plugtui.control.messages import (
    AccountState,
    AlgoState,
    EngineState,
    Fact,
    Facts,
    Fill,
    Gap,
    OrderEvent,
    Snapshot,
    States,
    StreamState,
    TraderState,
    TraderTrade,
)

_LIVE = ("live", "quiet")
_CENT = Decimal("0.01")


class Execution(msgspec.Struct, frozen=True):
    """One execution in the exchange's own book (``GET /sim/executions``); unknown keys are left out."""

    execution_id: str
    order_id: str
    symbol: str
    side: str
    qty: Decimal
    price: Decimal
    cum_qty: Decimal


class Tally:
    """Take in what the control link sends, and say what was counted."""

    def __init__(self) -> None:
        self.fills: dict[str, Fill] = {}
        """By execution id."""
        self.orders: set[str] = set()
        """Ids of all orders that events or executions told of."""
        self.gaps: set[int] = set()
        self.trades: dict[str, set[str]] = {}
        """Trader → ids of the trades heard."""
        self.engine: EngineState | None = None
        self.streams: list[StreamState] = []
        self.account: AccountState | None = None
        self.algos: list[AlgoState] = []
        self.traders: list[TraderState] = []

    def observe(self, message: Snapshot | States | Facts) -> None:
        """Take in one message."""
        if isinstance(message, Facts):
            for fact in message.facts:
                self._fact(fact)
            return
        self.engine = message.engine or self.engine
        self.account = message.account or self.account
        for topic in ("streams", "algos", "traders"):
            value = getattr(message, topic)
            if value is not None:
                setattr(self, topic, value)
        if isinstance(message, Snapshot):
            for fact in message.facts:
                self._fact(fact)

    def _fact(self, fact: Fact) -> None:
        body = fact.body
        if isinstance(body, Fill):
            self.fills[body.execution_id] = body
            self.orders.add(body.order_id)
        elif isinstance(body, OrderEvent):
            self.orders.add(body.order_id)
        elif isinstance(body, Gap):
            self.gaps.add(body.gap_id)
        elif isinstance(body, TraderTrade):
            self.trades.setdefault(body.trader, set()).add(body.trade_id)

    def alive(self, algos: int, traders: int) -> bool:
        """Tell whether all four panes of a dashboard would have something to show.

        Args:
            algos: how many algorithms there are; each must have received something, and one must have an execution.
            traders: how many traders there are; of each a trade must have been heard.
        """
        receiving = sum(1 for algo in self.algos if algo.messages)
        streams_live = bool(self.streams) and all(
            stream.state in _LIVE for stream in self.streams if stream.state != "idle"
        )
        traders_heard = len(self.trades) >= traders
        return bool(self.fills) and self.account is not None and receiving >= algos and traders_heard and streams_live

    def agrees_with(self, book: Iterable[Execution]) -> bool:
        """Tell whether the executions heard are exactly those in the exchange's book, with quantity and price.

        An execution is the same by its id, or by how far it filled its order.
        """
        ours = sorted(_essence(fill) for fill in self.fills.values())
        return ours == sorted(_essence(execution) for execution in book)

    def unattributed(self) -> list[Fill]:
        """Return the executions that are of none of the algorithms."""
        names = {algo.name for algo in self.algos}
        return [fill for fill in self.fills.values() if fill.algo not in names]

    def counters_agree(self) -> bool:
        """Tell whether the algorithms' own counters, which the engine brings up to date now and then, name all executions."""
        heard = Counter(fill.algo for fill in self.fills.values())
        return all(algo.fills == heard[algo.name] for algo in self.algos)

    def report(self, **further: Any) -> dict[str, Any]:
        """Return the JSON object of the demo; money as ``Decimal``, P&L to the cent.

        Args:
            further: keys that are added as they are.
        """
        return {
            "fills": len(self.fills),
            "orders": len(self.orders),
            "algos": [
                {
                    "name": algo.name,
                    "messages": algo.messages,
                    "orders": algo.orders,
                    "fills": algo.fills,
                    "pnl": (algo.realized_pnl + algo.unrealized_pnl).quantize(_CENT),
                }
                for algo in self.algos
            ],
            "traders": [
                {
                    "name": trader.name,
                    "followed": trader.followed,
                    "badge": trader.badge,
                    "trades": len(self.trades.get(trader.name, ())),
                }
                for trader in self.traders
            ],
            "deliveries": self.engine.deliveries if self.engine else 0,
            "equity": self.account.equity if self.account else None,
            "gaps": len(self.gaps),
            "unattributed": len(self.unattributed()),
            **further,
        }


def _essence(execution: Fill | Execution) -> tuple[str, Decimal, str, str, Decimal, Decimal]:
    return (
        execution.order_id,
        execution.cum_qty,
        execution.symbol,
        execution.side,
        execution.qty,
        execution.price,
    )
