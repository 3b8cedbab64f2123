"""A scripted engine for the dashboard's tests: no socket, a frozen clock, the same data every time."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from plugtui.control.messages import (
    PROTOCOL_VERSION,
    AccountState,
    AlgoState,
    ClientJoined,
    ClientLeft,
    EngineState,
    Fact,
    FactBody,
    Facts,
    Figures,
    Fill,
    Gap,
    MarketState,
    OrderEvent,
    Past,
    PositionState,
    Snapshot,
    States,
    StreamState,
    TraderState,
    TraderTrade,
)
from plugtui.errors import ControlError
from tests.tui.fake_performance import rest_of_answer

S = 1_000_000_000
NOW = int(datetime(2026, 3, 2, 18, 46, 12, tzinfo=UTC).timestamp()) * S
SYMBOLS = ["AAPL", "MSFT", "NVDA", "TSLA", "SPY", "BTC/USD"]
PRICES = ["189.415", "402.10", "492.1", "201.33", "510.275", "64210.5"]
ALGOS = ["meanrev", "momentum", "pairs"]


def fill(n: int, **changes: Any) -> Fill:
    """Make the n-th execution."""
    which = n % len(SYMBOLS)
    values: dict[str, Any] = {
        "execution_id": f"x{n}",
        "order_id": f"{n:08x}-order",
        "client_order_id": f"client-{n}",
        "symbol": SYMBOLS[which],
        "side": "buy" if n % 3 else "sell",
        "qty": Decimal("0.125") if which == 5 else Decimal(5 * (n % 7 + 1)),
        "price": Decimal(PRICES[which]) + Decimal(n % 9) / 100,
        "cum_qty": Decimal(5 * (n % 7 + 1)),
        "order_qty": Decimal(5 * (n % 7 + 1)),
        "time_ns": NOW - 600 * S + n * 1_370_000_000,
        "algo": ALGOS[n % 3] if n % 11 else None,
        "recovered": n % 13 == 0,
        "position_qty": Decimal(n % 50),
    }
    return Fill(**{**values, **changes})


def order(n: int, event: str, status: str, **changes: Any) -> OrderEvent:
    """Make an event of the n-th execution's order."""
    of = fill(n)
    values: dict[str, Any] = {
        "order_id": of.order_id,
        "client_order_id": of.client_order_id,
        "symbol": of.symbol,
        "side": of.side,
        "event": event,
        "status": status,
        "order_type": "limit",
        "qty": of.qty,
        "limit_price": of.price,
        "stop_price": None,
        "filled_qty": Decimal(0),
        "time_ns": of.time_ns - 40_000_000,
        "algo": of.algo,
    }
    return OrderEvent(**{**values, **changes})


def algo(name: str, **changes: Any) -> AlgoState:
    """Make an algorithm."""
    at = ALGOS.index(name) if name in ALGOS else 3
    values: dict[str, Any] = {
        "name": name,
        "status": "connected",
        "issued": at != 2,
        "program": ["python", "node", "python", "algo-go"][at],
        "pid": 4121 + 17 * at,
        "sdk": ["alpaca-py 0.43", "js 3.1.3", "alpaca-trade-api 3.2", "go 3.9"][at],
        "address": f"127.0.0.1:5{at}312",
        "since_ns": NOW - (at + 1) * 3671 * S,
        "connections": 2,
        "streams": ["/v2/iex", "account"],
        "subscriptions": {"trades": SYMBOLS[:5], "quotes": SYMBOLS[: 2 + at]} if at else {"bars": ["*"]},
        "messages": 1_204_000 + at,
        "bytes": 88_000_000,
        "rate": [1204.0, 618.0, 61.0, 5.0][at],
        "byte_rate": 118_000.0 / (at + 1),
        "queue_bytes": [0, 0, 2_400_000, 0][at],
        "lag_ms": [0.4, 0.6, 340.0, 0.2][at],
        "conflated": [0, 0, 812, 0][at],
        "orders": 40 - at,
        "rejects": at,
        "fills": 31 - at,
        "requests": 98,
        "realized_pnl": [Decimal("88.12"), Decimal("-41.07"), Decimal("1204.50"), Decimal(0)][at],
        "unrealized_pnl": Decimal("12.30"),
        "last_seen_ns": NOW,
    }
    return AlgoState(**{**values, **changes})


def figures(scale: float = 1.0, **changes: Any) -> Figures:
    """Make performance figures."""
    values: dict[str, Any] = {
        "total_return": 0.0421 * scale,
        "cagr": 0.31 * scale,
        "volatility": 0.182,
        "sharpe": 1.63 * scale,
        "sortino": 2.21 * scale,
        "calmar": None,
        "max_drawdown": -0.0312,
        "win_rate": 0.58,
        "profit_factor": 1.7,
        "expectancy": 14.2,
        "pnl": Decimal("4204.11"),
        "net_flow": Decimal("10000"),
        "days": 21,
        "round_trips": 117,
        "undefined": {"calmar": "less than a year of history"},
    }
    return Figures(**{**values, **changes})


def trader(name: str, **changes: Any) -> TraderState:
    """Make a plugged account."""
    first = name == "northstar"
    scale = 1.4 if first else -0.5
    of = {
        window: figures(scale * k, pnl=None, net_flow=None)
        for window, k in zip(WINDOWS, (0.1, 0.4, 1, 2, 3, 4), strict=True)
    }
    values: dict[str, Any] = {
        "name": name,
        "followed": first,
        "badge": "verified" if first else "paper",
        "stream": "live",
        "trades": 412 if first else 97,
        "score": 1.21 if first else 0.34,
        "figures": of,
        "last_trade_ns": NOW - 52 * S,
    }
    return TraderState(**{**values, **changes})


WINDOWS = ("1D", "1W", "1M", "3M", "1Y", "ALL")


def trade(n: int) -> TraderTrade:
    """Make a trader's trade."""
    did = ["bought", "sold", "sold short", "covered"][n % 4]
    return TraderTrade(
        trader="northstar", trade_id=f"t{n}", symbol=SYMBOLS[n % 5], side=did,
        price=Decimal(PRICES[n % 5]), time_ns=NOW - 300 * S + n * 11 * S, recovered=n % 7 == 3,
    )  # fmt: skip


def stream(name: str, state: str = "live", **changes: Any) -> StreamState:
    """Make an upstream connection."""
    values: dict[str, Any] = {
        "name": name, "endpoint": "/v2/iex", "state": state, "since_ns": NOW - 4000 * S,
        "lag_ms": 0.4 if name.startswith("data") else None, "last_message_ns": NOW - S // 10, "messages": 9_000_000,
        "rate": 1883.0,
    }  # fmt: skip
    return StreamState(**{**values, **changes})


def account(**changes: Any) -> AccountState:
    """Make the account."""
    market = MarketState(is_open=True, next_open_ns=NOW + 66_228 * S, next_close_ns=NOW + 8_040 * S)
    position = PositionState(
        symbol="AAPL", qty=Decimal(25), avg_entry_price=Decimal("188.1"), market_value=Decimal("4735"),
        unrealized_pnl=Decimal("32.875"), current_price=Decimal("189.4"),
    )  # fmt: skip
    values: dict[str, Any] = {
        "equity": Decimal("104231.55"), "last_equity": Decimal("103027.44"), "cash": Decimal("61020.10"),
        "buying_power": Decimal("208463.10"), "day_pnl": Decimal("1204.11"), "day_return": 0.0117, "as_of_ns": NOW,
        "positions": [position], "market": market,
    }  # fmt: skip
    return AccountState(**{**values, **changes})


def engine(**changes: Any) -> EngineState:
    """Make the engine."""
    values: dict[str, Any] = {
        "engine_id": "e1", "pid": 4100, "version": "0.1.0", "profile": "default", "environment": "paper",
        "account_number": "PA37…K2", "gateway_url": "http://127.0.0.1:8765", "feed": "iex", "started_ns": NOW - 4000 * S,
        "clients": 3, "deliveries": 12_000_000,
    }  # fmt: skip
    return EngineState(**{**values, **changes})


def history(fills: int = 120) -> list[Fact]:
    """Make the facts of a normal morning."""
    bodies: list[FactBody] = [
        ClientJoined(algo="meanrev", endpoint="/v2/iex", address="127.0.0.1:50312", program="python", pid=4121),
        ClientJoined(algo="momentum", endpoint="/v2/iex", address="127.0.0.1:51312", program="node", pid=4138),
    ]
    for n in range(fills):
        bodies += [order(n, "new", "new"), fill(n)]
        if n % 17 == 5:
            bodies.append(
                order(n + 100_000, "rejected", "rejected", reason="insufficient buying power", time_ns=fill(n).time_ns)
            )
        if n % 19 == 7:
            bodies.append(order(n + 200_000, "canceled", "canceled", time_ns=fill(n).time_ns))
    bodies += [trade(n) for n in range(24)]
    bodies += [
        Gap(gap_id=1, stream="data iex", from_ns=NOW - 300 * S, to_ns=NOW - 288 * S, reason="connection reset",
            lost="market data of 12 s"),
        ClientLeft(algo="scalper", endpoint="/v2/iex", reason="vanished", messages=88_213, pending_bytes=4096),
    ]  # fmt: skip
    return [
        Fact(seq=i + 1, time_ns=getattr(body, "time_ns", NOW - 200 * S), body=body) for i, body in enumerate(bodies)
    ]


def curve(points: int = 390) -> list[list[Any]]:
    """Make an equity curve with a visible drawdown."""
    top, rows = 0.0, []
    for i in range(points):
        index = 1 + 0.0421 * i / points + 0.011 * math.sin(i / 31) + 0.004 * math.sin(i / 5.3)
        top = max(top, index)
        rows.append([NOW - (points - i) * 6600 * S, 100_000 * index, index, index / top - 1])
    return rows


class FakeEngine:
    """Answers commands from a table, hands out links, remembers what was asked.

    ``down`` set to an exception makes every new connection fail with it.
    """

    def __init__(self, *, empty: bool = False) -> None:
        self.engine: EngineState = engine()
        self.streams = [stream("data iex"), stream("account", lag_ms=None)]
        self.account: AccountState | None = account()
        gone = algo("scalper", status="gone", connections=0, streams=[], subscriptions={}, rate=0.0, lag_ms=None)
        self.algos: list[AlgoState] = [] if empty else [*map(algo, ALGOS), gone]
        self.traders: list[TraderState] = [] if empty else [trader("northstar"), trader("riverbend")]
        self.facts: list[Fact] = [] if empty else history()
        self.formula = "score = Sortino · n/(n+60)\nn: days of history."
        self.past = Past(fills=[], events=[], executions=0)
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.refuse: dict[str, ControlError] = {}
        self.answers: dict[str, Callable[[dict[str, Any]], Any]] = {
            "performance": lambda args: {
                "window": args["window"], "figures": {} if empty else FIGURES, "curve": [] if empty else curve(),
                "by_algo": [] if empty else BY_ALGO, "by_symbol": [] if empty else BY_SYMBOL,
                **({} if empty else rest_of_answer(curve(), FIGURES)),
            },
            "order": lambda args: {"order": {"raw": '{"id": "1", "qty": "25"}'}, "events": []},
            "trader": lambda args: {
                "curve": [[t, index, drawdown] for t, _, index, drawdown in curve()], "formula": "score = Sortino · n/(n+60)",
            },
            "fills": lambda args: msgspec.to_builtins(self.past),
            "algos.add": lambda args: {"key_id": "PKLOCAL1", "secret_key": "s3cr3t"},
        }  # fmt: skip
        self.down: Exception | None = None
        self.opened = 0
        self.resumed: list[int | None] = []
        self.links: list[FakeLink] = []

    @property
    def seq(self) -> int:
        """Number of the newest fact."""
        return self.facts[-1].seq if self.facts else 0

    async def open(self) -> "FakeLink":
        """Open a link, as a link factory does."""
        self.opened += 1
        if self.down is not None:
            raise self.down
        link = FakeLink(self)
        self.links.append(link)
        return link

    def record(self, body: FactBody) -> Fact:
        """Number a fact and send it to all dashboards."""
        fact = Fact(seq=self.seq + 1, time_ns=getattr(body, "time_ns", NOW), body=body)
        self.facts.append(fact)
        self.send(fact)
        return fact

    def send(self, message: Fact | States) -> None:
        """Send a message to all dashboards."""
        for link in self.links:
            link.queue.put_nowait(Facts(facts=[message]) if isinstance(message, Fact) else message)

    def cut(self) -> None:
        """End all connections."""
        for link in self.links:
            link.queue.put_nowait(None)
        self.links.clear()


class FakeLink:
    """One connection to the scripted engine."""

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine
        self.queue: asyncio.Queue[Facts | States | None] = asyncio.Queue()
        self.closed = False

    async def connect(self, resume: int | None) -> Snapshot:
        """Give the whole picture."""
        of = self._engine
        of.resumed.append(resume)
        return Snapshot(
            version=PROTOCOL_VERSION, seq=of.seq, engine=of.engine, streams=of.streams, account=of.account,
            algos=of.algos, traders=of.traders, facts=[fact for fact in of.facts if fact.seq > (resume or 0)],
            formula=of.formula,
        )  # fmt: skip

    async def __aiter__(self) -> AsyncIterator[Facts | States]:
        """Give what was sent."""
        while (message := await self.queue.get()) is not None:
            yield message

    async def command(self, name: str, /, **args: Any) -> Any:
        """Answer from the table."""
        if name != "fills":
            self._engine.asked.append((name, args))
        if name in self._engine.refuse:
            raise self._engine.refuse[name]
        answer = self._engine.answers.get(name)
        return answer(args) if answer else {}

    async def aclose(self) -> None:
        """Note that it was closed."""
        self.closed = True


FIGURES: dict[str, Any] = {
    "total_return": 0.0421, "cagr": 0.31, "volatility": 0.182, "sharpe": 1.63, "sortino": 2.21, "calmar": None,
    "max_drawdown": -0.0312, "win_rate": 0.58, "profit_factor": 1.7, "expectancy": 14.2, "pnl": "4204.11",
    "net_flow": "10000", "days": 21, "round_trips": 117, "undefined": {"calmar": "less than a year of history"},
}  # fmt: skip
BY_ALGO = [
    {"name": "meanrev", "realized_pnl": "2088.12", "unrealized_pnl": "12.30", "fills": 31},
    {"name": "momentum", "realized_pnl": "-41.07", "unrealized_pnl": "12.30", "fills": 30},
    {"name": "pairs", "realized_pnl": "2204.50", "unrealized_pnl": "0", "fills": 29},
    {"name": "unattributed", "realized_pnl": "-59.74", "unrealized_pnl": "0", "fills": 2},
]
BY_SYMBOL = [
    {"name": symbol, "realized_pnl": str(900 - 250 * i), "unrealized_pnl": "3.1", "fills": 9}
    for i, symbol in enumerate(SYMBOLS)
]
