"""The algorithms pane's table (row A1), with what is new, what has vanished and what falls behind."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

from plugtui.control.messages import AlgoState
from plugtui.tui import format as fmt
from plugtui.tui.model import sparks
from plugtui.tui.model.table import Cell, Column, Table

NEW_FOR_NS = 10_000_000_000
"""How long a newcomer is marked."""

LOST_FOR_NS = 30_000_000_000
"""How long one that has just vanished is marked."""

HISTORY = 240
"""Samples kept per algorithm for its sparklines."""

HISTORY_MINUTES = 2
BEHIND_MS = 1000.0
BEHIND_BYTES = 1 << 20
"""From this lag or queue on an algorithm is shown as falling behind."""

_SAMPLE_NS = 500_000_000
_MINUTE = 120
"""Samples in a minute."""

_PNL_NS = 5_000_000_000
_PNL_POINTS = 1440
_STREAMS = 9
"""Cells of what an algorithm is connected to where it is tight."""
_SPARK = 20

_LETTERS = {
    "trades": "t", "quotes": "q", "bars": "b", "updatedBars": "u", "dailyBars": "d", "statuses": "s", "lulds": "l",
    "orderbooks": "o", "news": "n", "imbalances": "i", "corrections": "c", "cancelErrors": "x",
}  # fmt: skip


def _samples() -> deque[float]:
    return deque(maxlen=HISTORY)


@dataclass(slots=True)
class AlgoHistory:
    """What an algorithm did over the last two minutes, a sample each half second, and its P&L since the dashboard began."""

    rate: deque[float] = field(default_factory=_samples)
    lag_ms: deque[float] = field(default_factory=_samples)
    queue_bytes: deque[float] = field(default_factory=_samples)
    requests: deque[float] = field(default_factory=_samples)
    """REST requests so far."""
    pnl: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=_PNL_POINTS))
    """(time, realised and unrealised)."""
    taken: int = 0
    """Samples that there have been in all."""
    sampled_ns: int = 0

    def sample(self, state: AlgoState, now_ns: int) -> None:
        """Take what is true now; since nothing is told that does not change, the time until now was as it was last."""
        slots = (now_ns - self.sampled_ns) // _SAMPLE_NS if self.sampled_ns else 1
        if slots < 1:
            return
        self.sampled_ns = now_ns if slots > HISTORY or not self.sampled_ns else self.sampled_ns + slots * _SAMPLE_NS
        self.taken += slots
        for kept, value in (
            (self.rate, state.rate),
            (self.lag_ms, state.lag_ms or 0.0),
            (self.queue_bytes, float(state.queue_bytes)),
            (self.requests, float(state.requests)),
        ):
            kept.extend([kept[-1]] * min(slots - 1, HISTORY) if kept else [])
            kept.append(value)
        if not self.pnl or now_ns - self.pnl[-1][0] >= _PNL_NS:
            self.pnl.append((now_ns, float(state.realized_pnl + state.unrealized_pnl)))

    @property
    def requests_a_minute(self) -> int:
        """REST requests over the last minute, or since the algorithm was first seen."""
        if not self.requests:
            return 0
        return int(self.requests[-1] - self.requests[max(0, len(self.requests) - 1 - _MINUTE)])

    def request_rates(self) -> Sequence[float]:
        """Return the REST requests in each sample."""
        kept = list(self.requests)
        return [0.0, *(max(0.0, after - before) for before, after in pairwise(kept))] if kept else []


@dataclass(frozen=True, slots=True)
class AlgoRow:
    """An algorithm and how long the dashboard has known its state."""

    state: AlgoState
    new: bool
    changed_ns: int
    """When its status last changed."""
    now_ns: int
    recent: str = ""
    """Messages a second over the last ten seconds, as blocks."""
    rest: int = 0
    """REST requests over the last minute."""

    @property
    def pnl(self) -> Decimal:
        """Realised and unrealised."""
        return self.state.realized_pnl + self.state.unrealized_pnl

    @property
    def lost(self) -> bool:
        """It has vanished just now."""
        return self.state.status == "gone" and self.now_ns - self.changed_ns < LOST_FOR_NS


def falls_behind(state: AlgoState) -> bool:
    """Tell whether an algorithm does not keep up with what it receives."""
    return (state.lag_ms or 0.0) >= BEHIND_MS or state.queue_bytes >= BEHIND_BYTES


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
            before = self._status.get(state.name, ("", 0))[0]
            if before != state.status:
                self._status[state.name] = (state.status, state.last_seen_ns or now_ns)
                if state.status == "connected" and before:
                    self._first_ns[state.name] = now_ns
        self._started = True
        self._states = sorted(states, key=_rank)
        self._prune()
        self.rebuild(now_ns)

    def rebuild(self, now_ns: int) -> None:
        """Make the rows again, because time has passed."""
        rows: list[AlgoRow] = []
        for state in self._states:
            history = self.history.setdefault(state.name, AlgoHistory())
            history.sample(state, now_ns)
            rows.append(
                AlgoRow(
                    state,
                    new=state.status == "connected" and now_ns - self._first_ns[state.name] < NEW_FOR_NS,
                    changed_ns=self._status[state.name][1],
                    now_ns=now_ns // 1_000_000_000 * 1_000_000_000,
                    recent=_recent(history),
                    rest=history.requests_a_minute,
                )
            )
        self.table.set_all(rows)

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
    def arrived(self) -> int:
        """How many have connected just now."""
        return sum(row.new for row in self.table.rows())

    @property
    def lost(self) -> int:
        """How many have vanished just now."""
        return sum(row.lost for row in self.table.rows())

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


def _recent(history: AlgoHistory) -> str:
    newest = list(history.rate)[-_SPARK:]
    return sparks.bars([*[None] * (_SPARK - len(newest)), *newest], 1)[0]


def _mark(row: AlgoRow) -> Cell:
    status = row.state.status
    if status == "connected":
        return Cell("+", "accent") if row.new else Cell("!", "warn") if falls_behind(row.state) else Cell("●", "up")
    if row.lost:
        return Cell("−", "bad")
    marks = {
        "paused": Cell("‖", "warn"),
        "gone": Cell("○", "bad"),
        "new": Cell("·", "dim"),
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
    word = row.state.status
    return Cell(f"{word} {since}".strip(), "bad" if word == "gone" else "warn")


def _short_state(row: AlgoRow) -> Cell:
    cell = _state(row)
    return Cell(cell.text.replace(" ", "") if cell.style == "dim" else cell.text.split()[0], cell.style)


def _streams(row: AlgoRow) -> Cell:
    return Cell(streams_text(row.state), "dim" if not row.state.connections else "")


def _short_streams(row: AlgoRow) -> Cell:
    text = streams_text(row.state)
    parts = (text if len(text) <= _STREAMS else text.replace("acct", "a")).split(" ")
    if len(parts[0]) > 4:
        parts[0] = parts[0][:3] + "+"
    return Cell(" ".join(parts), _streams(row).style)


def _rate(row: AlgoRow) -> Cell:
    """The rate, or in its place why there is none, because it is never left out where it is tight."""
    words = {"gone": Cell("gone", "bad"), "new": Cell("never", "dim"), "revoked": Cell("void", "dim")}
    return words.get(row.state.status) or _count(round(row.state.rate))


def _lag(row: AlgoRow) -> Cell:
    lag = row.state.lag_ms
    return Cell(fmt.lag(lag), "bad" if lag and lag >= BEHIND_MS else "warn" if lag and lag >= 100 else "")


def _short_lag(row: AlgoRow) -> Cell:
    cell = _lag(row)
    return Cell(cell.text.replace(" ", ""), cell.style)


def _queue(row: AlgoRow) -> Cell:
    queued = row.state.queue_bytes
    return Cell(fmt.size(queued), "warn" if queued >= BEHIND_BYTES else "")


def _count(value: int, style: str = "") -> Cell:
    return Cell(fmt.compact(value), style if value else "dim")


def _rest(row: AlgoRow) -> Cell:
    return Cell(fmt.compact(row.rest), "warn" if row.state.throttled else "" if row.rest else "dim")


def _pnl(row: AlgoRow) -> Cell:
    pnl = row.pnl
    return Cell(fmt.signed(pnl), "up" if pnl > 0 else "down" if pnl < 0 else "dim")


def _short_pnl(row: AlgoRow) -> Cell:
    """With cents while six cells hold them, so that a small gain is no zero."""
    pnl = row.pnl
    text = next((t for places in (2, 0) if len(t := fmt.signed(pnl, places)) <= 6), "")
    return Cell(text or ("+" if pnl > 0 else "") + fmt.compact(float(pnl)), _pnl(row).style)


def _words(row: AlgoRow) -> str:
    state = row.state
    symbols = " ".join(symbol for listed in state.subscriptions.values() for symbol in listed)
    return f"{state.name} {state.program} {state.sdk} {state.address} {state.status} {symbols}"


_COLUMNS: list[Column[AlgoRow]] = [
    Column("mark", "", _mark, least=1, most=1),
    Column("name", "name", _name, lambda r: r.state.name, least=9, most=20, elastic=True),
    Column("state", "for", _state, lambda r: r.state.since_ns, least=8, most=15, rank=5,
           short=_short_state, short_width=6, short_rank=7),
    Column("program", "program", lambda r: Cell(program_text(r.state)), lambda r: r.state.program,
           least=19, most=26, rank=6, elastic=True),
    Column("sdk", "sdk", lambda r: Cell(r.state.sdk, "dim"), lambda r: r.state.sdk, least=22, most=24, rank=9,
           elastic=True),
    Column("address", "address", lambda r: Cell(r.state.address, "dim"), lambda r: r.state.address,
           least=15, most=22, rank=12, elastic=True),
    Column("streams", "streams", _streams, None, least=10, most=16, rank=4, short=_short_streams, short_width=_STREAMS),
    Column("rate", "msg/s", _rate, lambda r: r.state.rate, "right", least=5, most=7, descending=True),
    Column("recent", "last 10 s", lambda r: Cell(r.recent, "chart"), None, least=_SPARK, most=_SPARK, rank=10),
    Column("bytes", "B/s", lambda r: Cell(fmt.size(r.state.byte_rate)), lambda r: r.state.byte_rate, "right",
           least=7, most=8, rank=8, descending=True),
    Column("lag", "lag", _lag, lambda r: r.state.lag_ms, "right", least=6, most=8, rank=1,
           short=_short_lag, short_width=5, short_rank=7, descending=True),
    Column("queue", "queue", _queue, lambda r: r.state.queue_bytes, "right", least=7, most=8, rank=7, descending=True),
    Column("conflated", "confl", lambda r: _count(r.state.conflated, "warn"), lambda r: r.state.conflated, "right",
           least=5, most=7, rank=11, descending=True),
    Column("rest", "REST/m", _rest, lambda r: r.rest, "right", least=6, most=7, rank=11, descending=True),
    Column("orders", "orders", lambda r: _count(r.state.orders), lambda r: r.state.orders, "right",
           least=6, most=7, rank=9, descending=True),
    Column("rejects", "rej", lambda r: _count(r.state.rejects, "bad"), lambda r: r.state.rejects, "right",
           least=4, most=6, rank=11, descending=True),
    Column("fills", "fills", lambda r: _count(r.state.fills), lambda r: r.state.fills, "right",
           least=5, most=6, rank=2, descending=True),
    Column("pnl", "P&L", _pnl, lambda r: r.pnl, "right", least=10, most=13, short=_short_pnl, short_width=6, short_rank=7,
           descending=True),
]  # fmt: skip
