"""The algorithms pane's table (row A1), with what is new and what has vanished."""

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal

from plugtui.control.messages import AlgoState
from plugtui.tui import format as fmt
from plugtui.tui.format import sparkline
from plugtui.tui.model.table import Cell, Column, Table

NEW_FOR_NS = 8_000_000_000
"""How long a newcomer is marked."""

HISTORY = 240
"""Samples kept per algorithm for its sparklines."""

_SAMPLE_NS = 500_000_000
_SPARK = 20

_LETTERS = {
    "trades": "t", "quotes": "q", "bars": "b", "updatedBars": "u", "dailyBars": "d", "statuses": "s", "lulds": "l",
    "orderbooks": "o", "news": "n", "imbalances": "i", "corrections": "c", "cancelErrors": "x",
}  # fmt: skip


@dataclass(slots=True)
class AlgoHistory:
    """What an algorithm did over the last two minutes."""

    rate: deque[float] = field(default_factory=lambda: deque(maxlen=HISTORY))
    lag_ms: deque[float] = field(default_factory=lambda: deque(maxlen=HISTORY))
    queue_bytes: deque[float] = field(default_factory=lambda: deque(maxlen=HISTORY))
    sampled_ns: int = 0


@dataclass(frozen=True, slots=True)
class AlgoRow:
    """An algorithm and how long the dashboard has known its state."""

    state: AlgoState
    new: bool
    changed_ns: int
    """When its status last changed."""
    now_ns: int
    recent: str = ""
    """Messages a second over the last minutes, as blocks."""

    @property
    def pnl(self) -> Decimal:
        """Realised and unrealised."""
        return self.state.realized_pnl + self.state.unrealized_pnl


def streams_text(state: AlgoState) -> str:
    """Summarise subscriptions: letters of the channels and the number of symbols (``tq 12``), ``acct`` for the account."""
    letters = "".join(letter for channel, letter in _LETTERS.items() if state.subscriptions.get(channel))
    symbols = {s for channel, listed in state.subscriptions.items() if channel in _LETTERS for s in listed}
    count = "*" if "*" in symbols else str(len(symbols)) if symbols else ""
    account = "acct" if any(stream == "account" or stream.endswith("/stream") for stream in state.streams) else ""
    return " ".join(part for part in (letters, count, account) if part)


def program_text(state: AlgoState) -> str:
    """Name the program and its process (``python (4121)``)."""
    if not state.program:
        return ""
    return f"{state.program} ({state.pid})" if state.pid else state.program


class AlgoBoard:
    """Everything known about the connected algorithms."""

    def __init__(self) -> None:
        self.table: Table[AlgoRow] = Table(_COLUMNS, key=lambda row: row.state.name, words=_words)
        self.history: dict[str, AlgoHistory] = {}
        self._first_ns: dict[str, int] = {}
        self._status: dict[str, tuple[str, int]] = {}
        self._states: list[AlgoState] = []
        self._started = False

    def update(self, states: list[AlgoState], now_ns: int) -> None:
        """Take the algorithms as the engine states them now."""
        for state in states:
            self._first_ns.setdefault(state.name, now_ns if self._started else 0)
            if self._status.get(state.name, ("", 0))[0] != state.status:
                self._status[state.name] = (state.status, state.last_seen_ns or now_ns)
            self._sample(state, now_ns)
        self._started = True
        self._states = sorted(states, key=_rank)
        self._prune()
        self.rebuild(now_ns)

    def rebuild(self, now_ns: int) -> None:
        """Make the rows again, because time has passed."""
        self.table.set_all(
            AlgoRow(
                state,
                new=state.status == "connected" and now_ns - self._first_ns[state.name] < NEW_FOR_NS,
                changed_ns=self._status[state.name][1],
                now_ns=now_ns // 1_000_000_000 * 1_000_000_000,
                recent=sparkline(self.history[state.name].rate, _SPARK),
            )
            for state in self._states
        )

    def _sample(self, state: AlgoState, now_ns: int) -> None:
        history = self.history.setdefault(state.name, AlgoHistory())
        if now_ns - history.sampled_ns >= _SAMPLE_NS:
            history.sampled_ns = now_ns
            history.rate.append(state.rate)
            history.lag_ms.append(state.lag_ms or 0.0)
            history.queue_bytes.append(float(state.queue_bytes))

    def _prune(self) -> None:
        names = {state.name for state in self._states}
        for kept in (self.history, self._first_ns, self._status):
            for name in [name for name in kept if name not in names]:
                del kept[name]

    @property
    def states(self) -> list[AlgoState]:
        """The algorithms, connected ones first."""
        return self._states

    @property
    def connected(self) -> int:
        """How many are connected now."""
        return sum(1 for state in self._states if state.connections > 0 or state.status == "connected")

    def state(self, name: str) -> AlgoState | None:
        """Return the algorithm with that name."""
        return next((state for state in self._states if state.name == name), None)


def _rank(state: AlgoState) -> tuple[int, str]:
    order = {"connected": 0, "paused": 1, "gone": 2, "new": 3, "revoked": 4}
    return order.get(state.status, 5), state.name


def _mark(row: AlgoRow) -> Cell:
    status = row.state.status
    if status == "connected":
        return Cell("+", "accent") if row.new else Cell("●", "up")
    marks = {
        "paused": Cell("‖", "warn"),
        "gone": Cell("○", "bad"),
        "new": Cell("○", "dim"),
        "revoked": Cell("✗", "dim"),
    }
    return marks.get(status, Cell("?"))


def _name(row: AlgoRow) -> Cell:
    return Cell(row.state.name, "dim" if row.state.status == "revoked" else "accent")


def _state(row: AlgoRow) -> Cell:
    since = fmt.age(row.changed_ns, row.now_ns) if row.changed_ns else ""
    if row.state.status == "connected":
        return Cell("new", "accent") if row.new else Cell(fmt.age(row.state.since_ns, row.now_ns), "dim")
    if row.state.status == "new":
        return Cell("never", "dim")
    word = {"gone": "gone", "paused": "paused", "revoked": "revoked"}.get(row.state.status, row.state.status)
    return Cell(f"{word} {since}".strip(), "bad" if word == "gone" else "warn")


def _short_state(row: AlgoRow) -> Cell:
    cell = _state(row)
    return Cell(cell.text.replace(" ", "") if cell.style == "dim" else cell.text.split()[0], cell.style)


def _streams(row: AlgoRow) -> Cell:
    return Cell(streams_text(row.state), "dim" if not row.state.connections else "")


def _lag(row: AlgoRow) -> Cell:
    lag = row.state.lag_ms
    return Cell(fmt.lag(lag), "bad" if lag and lag >= 1000 else "warn" if lag and lag >= 100 else "")


def _short_lag(row: AlgoRow) -> Cell:
    cell = _lag(row)
    return Cell(cell.text.replace(" ", ""), cell.style)


def _queue(row: AlgoRow) -> Cell:
    queued = row.state.queue_bytes
    return Cell(fmt.size(queued), "warn" if queued >= 1 << 20 else "")


def _count(value: int, style: str = "") -> Cell:
    return Cell(fmt.compact(value), style if value else "dim")


def _pnl(row: AlgoRow) -> Cell:
    pnl = row.pnl
    return Cell(fmt.signed(pnl), "up" if pnl > 0 else "down" if pnl < 0 else "dim")


def _short_pnl(row: AlgoRow) -> Cell:
    cell = _pnl(row)
    pnl = row.pnl
    text = fmt.signed(pnl, 0) if abs(pnl) < 100_000 else ("+" if pnl > 0 else "") + fmt.compact(float(pnl))
    return Cell(text, cell.style)


def _words(row: AlgoRow) -> str:
    state = row.state
    symbols = " ".join(symbol for listed in state.subscriptions.values() for symbol in listed)
    return f"{state.name} {state.program} {state.sdk} {state.address} {state.status} {symbols}"


_COLUMNS: list[Column[AlgoRow]] = [
    Column("mark", "", _mark, least=1, most=1),
    Column("name", "name", _name, lambda r: r.state.name, least=8, most=18, elastic=True),
    Column("state", "for", _state, lambda r: r.state.since_ns, least=6, most=16, rank=5,
           short=_short_state, short_width=6, short_rank=7),
    Column("program", "program", lambda r: Cell(program_text(r.state)), lambda r: r.state.program,
           least=13, most=22, rank=6),
    Column("sdk", "sdk", lambda r: Cell(r.state.sdk, "dim"), lambda r: r.state.sdk, least=9, most=20, rank=9),
    Column("address", "address", lambda r: Cell(r.state.address, "dim"), lambda r: r.state.address,
           least=15, most=22, rank=12),
    Column("streams", "streams", _streams, None, least=7, most=14, rank=4),
    Column("rate", "msg/s", lambda r: _count(round(r.state.rate)), lambda r: r.state.rate, "right",
           least=5, most=7, descending=True),
    Column("recent", "last 10 s", lambda r: Cell(r.recent, "chart"), None, least=_SPARK, most=_SPARK, rank=8),
    Column("bytes", "B/s", lambda r: Cell(fmt.size(r.state.byte_rate)), lambda r: r.state.byte_rate, "right",
           least=7, most=8, rank=8, descending=True),
    Column("lag", "lag", _lag, lambda r: r.state.lag_ms, "right", least=6, most=8, rank=1,
           short=_short_lag, short_width=5, short_rank=7, descending=True),
    Column("queue", "queue", _queue, lambda r: r.state.queue_bytes, "right", least=6, most=8, rank=7, descending=True),
    Column("conflated", "confl", lambda r: _count(r.state.conflated, "warn"), lambda r: r.state.conflated, "right",
           least=5, most=7, rank=11, descending=True),
    Column("orders", "orders", lambda r: _count(r.state.orders), lambda r: r.state.orders, "right",
           least=6, most=7, rank=10, descending=True),
    Column("rejects", "rej", lambda r: _count(r.state.rejects, "bad"), lambda r: r.state.rejects, "right",
           least=3, most=6, rank=10, descending=True),
    Column("fills", "fills", lambda r: _count(r.state.fills), lambda r: r.state.fills, "right",
           least=5, most=6, rank=2, descending=True),
    Column("pnl", "P&L", _pnl, lambda r: r.pnl, "right", least=9, most=13, short=_short_pnl, short_width=6, short_rank=7,
           descending=True),
]  # fmt: skip
