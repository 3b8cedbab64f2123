"""Everything that happened, for the events screen, and the few things that deserve a toast."""

from collections import deque
from dataclasses import dataclass, replace
from datetime import tzinfo

from plugtui.control.messages import (
    ClientJoined,
    ClientLeft,
    Fact,
    FactBody,
    Fill,
    Gap,
    Imported,
    Notice,
    OrderEvent,
    StreamChanged,
    TraderTrade,
)
from plugtui.tui import format as fmt
from plugtui.tui.model.fills import REFUSED
from plugtui.tui.model.table import Cell, Column, Table

_NS = 1_000_000_000
_SAME_TOAST_NS = 120 * _NS
_TOASTS_REMEMBERED = 50


@dataclass(frozen=True, slots=True)
class EventRow:
    """One line of the events screen."""

    seq: int
    time_ns: int
    level: str
    """``info``, ``warning`` or ``error``."""
    kind: str
    text: str
    hint: str = ""
    order_id: str = ""
    algo: str = ""
    times: int = 1
    """How often it was so in a row: attempts at a host that is down."""
    last_ns: int = 0
    """When it was so for the last time."""


@dataclass(frozen=True, slots=True)
class Toast:
    """Something that should be seen at once."""

    level: str
    title: str
    text: str


class EventLog:
    """Bounded log of what a person may want to look up; executions and plain order steps have places of their own."""

    def __init__(self, zone: tzinfo | None = None, limit: int = 2000) -> None:
        self.zone = zone
        self.table: Table[EventRow] = Table(
            self._columns(),
            key=lambda row: str(row.seq),
            words=lambda row: f"{row.level} {row.kind} {row.text} {row.hint} {row.algo}",
            limit=limit,
            newest_first=True,
        )
        self.toasts: deque[Toast] = deque(maxlen=100)
        self._toasted: dict[tuple[str, str], int] = {}
        self._of_stream: dict[str, EventRow] = {}
        self._local = 0

    def add(self, fact: Fact, *, toast: bool) -> None:
        """Take a fact; with ``toast`` also tell the reader at once when it matters."""
        row = event_row(fact)
        if row is None:
            return
        if isinstance(fact.body, StreamChanged):
            row = self._counted(fact.body.name, row)
        self.table.put(row)
        if toast and row.level != "info":
            self._toast(row)

    def tell(self, level: str, kind: str, text: str, time_ns: int, hint: str = "", *, toast: bool = True) -> None:
        """Add something that the dashboard itself noticed."""
        self._local -= 1
        row = EventRow(self._local, time_ns, level, kind, text, hint)
        self.table.put(row)
        if toast:
            self._toast(row)

    def _counted(self, stream: str, row: EventRow) -> EventRow:
        """Return the row of the stream's last change, with one time more, when this is the same again."""
        before = self._of_stream.get(stream)
        if before is not None and (before.level, before.text) == (row.level, row.text):
            row = replace(before, times=before.times + 1, last_ns=row.time_ns)
        self._of_stream[stream] = row
        return row

    def _toast(self, row: EventRow) -> None:
        """Tell the reader at once; the same thing over and over, such as a host that is down, only now and then."""
        now_ns = row.last_ns or row.time_ns
        before = self._toasted.pop((row.kind, row.text), None)
        self._toasted[row.kind, row.text] = now_ns
        if len(self._toasted) > _TOASTS_REMEMBERED:
            del self._toasted[next(iter(self._toasted))]
        if before is not None and row.kind == "stream" and now_ns - before < _SAME_TOAST_NS:
            return
        self.toasts.append(Toast(row.level, row.kind, f"{row.text}\n{row.hint}" if row.hint else row.text))

    def _columns(self) -> list[Column[EventRow]]:
        def time(row: EventRow) -> Cell:
            return Cell(fmt.clock(row.time_ns, self.zone), "dim")

        def short_time(row: EventRow) -> Cell:
            return Cell(fmt.clock(row.time_ns, self.zone, millis=False), "dim")

        def text(row: EventRow) -> Cell:
            last = fmt.clock(row.last_ns, self.zone, millis=False)
            often = f" ({row.times} times, last at {last})" if row.times > 1 else ""
            return Cell(row.text + often + (f". {row.hint}" if row.hint else ""))

        return [
            Column("time", "time", time, least=12, most=12, short=short_time, short_width=8),
            Column("level", "", _level, lambda r: _LEVELS.index(r.level), least=1, most=1, descending=True),
            Column("kind", "what", lambda r: Cell(r.kind, _STYLES[r.level]), lambda r: r.kind, least=12, most=14),
            Column("text", "details", text, least=60, most=180),
        ]


_PLAIN = frozenset({"new", "pending_new", "accepted", "pending_cancel", "pending_replace", "calculated", "held"})
"""Steps of every order; the order's own screen has them."""

_LEVELS = ["info", "warning", "error"]
_STYLES = {"info": "", "warning": "warn", "error": "bad"}


def _level(row: EventRow) -> Cell:
    return Cell({"info": "·", "warning": "!", "error": "✗"}[row.level], _STYLES[row.level])


def event_row(fact: Fact) -> EventRow | None:
    """Word a fact for the log; ``None`` for what is shown elsewhere."""
    body = fact.body
    if isinstance(body, Fill | TraderTrade) or (isinstance(body, OrderEvent) and body.event in _PLAIN):
        return None
    level, kind, text, hint = _words(body)
    return EventRow(
        fact.seq,
        fact.time_ns,
        level,
        kind,
        text,
        hint,
        order_id=getattr(body, "order_id", ""),
        algo=getattr(body, "algo", None) or "",
    )


def _words(body: FactBody) -> tuple[str, str, str, str]:
    match body:
        case OrderEvent():
            return _order_words(body)
        case ClientJoined():
            program = f" ({body.program} {body.pid})" if body.program else ""
            return "info", "joined", f"{body.algo}{program} on {body.endpoint} from {body.address}", ""
        case ClientLeft():
            return _left_words(body)
        case Gap():
            return _gap_words(body)
        case StreamChanged():
            level = {"failed": "error", "waiting": "warning", "stale": "warning"}.get(body.state, "info")
            detail = f": {body.detail}" if body.detail else ""
            return level, "stream", f"{body.name} {body.state}{detail}", ""
        case Imported():
            text = f"{body.executions:,} executions and {body.orders:,} orders of the account's past taken in"
            return "info", "imported", text, ""
        case Notice():
            level = body.level if body.level in _LEVELS else "info"
            return level, "notice", body.text, body.hint
    raise TypeError(f"no words for {type(body).__name__}")


def _order_words(body: OrderEvent) -> tuple[str, str, str, str]:
    amount = f" {fmt.quantity(body.qty)}" if body.qty is not None else ""
    by = f" ({body.algo})" if body.algo else ""
    reason = f": {body.reason}" if body.reason else ""
    text = f"{body.side} {body.symbol}{amount} {body.order_type}{by}{reason}"
    return ("error" if body.event in REFUSED else "info"), body.event.replace("_", " "), text, ""


def _left_words(body: ClientLeft) -> tuple[str, str, str, str]:
    expected = body.reason in ("closed", "shutdown", "revoked", "disconnected")
    pending = f", {fmt.size(body.pending_bytes)} unsent" if body.pending_bytes else ""
    text = f"{body.algo} left {body.endpoint}: {body.reason}, {fmt.compact(body.messages)} messages{pending}"
    hint = "it does not read fast enough; subscribe to less" if body.reason == "slow client" else ""
    return ("info" if expected else "warning"), body.reason if not expected else "left", text, hint


def _gap_words(body: Gap) -> tuple[str, str, str, str]:
    reason = f": {body.reason}" if body.reason else ""
    if body.to_ns is None:
        return "warning", "gap", f"{body.stream} is down{reason}", ""
    span = fmt.duration((body.to_ns - body.from_ns) / _NS)
    got = f", {body.recovered} executions recovered" if body.recovered else ""
    lost = f", lost: {body.lost}" if body.lost else ", nothing lost"
    return ("warning" if body.lost else "info"), "gap closed", f"{body.stream} was down for {span}{got}{lost}", ""
