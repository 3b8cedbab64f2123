"""Everything that the dashboard knows, fed with the control link's messages."""

from collections.abc import Iterable
from datetime import tzinfo

from plugtui.control.messages import (
    AccountState,
    EngineState,
    Fact,
    Fill,
    Imported,
    OrderEvent,
    Past,
    Snapshot,
    States,
    StreamState,
    TraderTrade,
)
from plugtui.tui.model.algos import AlgoBoard
from plugtui.tui.model.events import EventLog
from plugtui.tui.model.fills import FillBook
from plugtui.tui.model.orders import OrderBook
from plugtui.tui.model.performance import Performance
from plugtui.tui.model.status import LinkStatus
from plugtui.tui.model.traders import TraderBoard

_SYMBOLS = 1_000
"""Names offered by the palette, those that traded last."""


class World:
    """The dashboard's whole knowledge; panes read it, the link writes it.

    Args:
        zone: time zone of all times of day; ``None`` is this machine's.
        limit: executions kept for looking at; the engine's ledger keeps all.
    """

    def __init__(self, zone: tzinfo | None = None, limit: int = 5000) -> None:
        self.zone = zone
        self.seq = 0
        """Number of the newest fact applied."""
        self.link = LinkStatus()
        self.failure: LinkStatus | None = None
        """Why there is no link, from the first failure until there is one again."""
        self.as_of_ns: int | None = None
        """When the link was lost: everything here is of that moment. ``None`` while there is one."""
        self.engine: EngineState | None = None
        self.streams: list[StreamState] = []
        self.account: AccountState | None = None
        self.fills = FillBook(zone, limit)
        self.orders = OrderBook()
        self.algos = AlgoBoard()
        self.traders = TraderBoard(zone)
        self.events = EventLog(zone)
        self.performance = Performance()
        self.symbols: dict[str, None] = {}
        """Symbols on screen, for the palette; the newest last."""
        self.wants_past = False
        """The ledger holds executions that no fact told of: ask for them."""
        self._has_past = False

    @property
    def resume(self) -> int | None:
        """What to ask for on the next connection."""
        return self.seq or None

    def begin(self, snapshot: Snapshot, now_ns: int) -> None:
        """Take the whole picture at the start of a connection; facts known already are skipped."""
        self.failure = self.as_of_ns = None
        again = self.seq > 0
        if again and snapshot.seq < self.seq:
            self._forget()
            again = False
        if again and snapshot.truncated:
            text = "more happened while the connection was down than the engine still lists"
            self.events.tell("warning", "missed", text, now_ns, "The ledger has it all: plugtui export fills.")
        self.wants_past = not self._has_past or snapshot.truncated
        self.engine, self.streams = snapshot.engine, snapshot.streams
        if snapshot.account is None:
            self.account = None
        else:
            self._take_account(snapshot.account, now_ns)
        self.fills.tell_time(now_ns)
        self.apply_facts(snapshot.facts, toast=False)
        self.seq = max(self.seq, snapshot.seq)
        self.algos.update(snapshot.algos, now_ns)
        self.traders.formula = snapshot.formula
        self.traders.update(snapshot.traders)

    def _forget(self) -> None:
        """The engine counts from an earlier number: it is another ledger, whose facts must not mix with the old ones."""
        self.seq = 0
        self._has_past = False
        self.orders = OrderBook()
        for table in (self.fills.table, self.events.table, self.traders.feed):
            table.clear()

    def apply_facts(self, facts: Iterable[Fact], *, toast: bool = True) -> None:
        """Take facts in their order, each once."""
        for fact in facts:
            self.apply_fact(fact, toast=toast)

    def apply_fact(self, fact: Fact, *, toast: bool = True) -> bool:
        """Take a fact once; returns false for one that is known already."""
        if fact.seq <= self.seq:
            return False
        self.seq = fact.seq
        body = fact.body
        if isinstance(body, Fill):
            self.fills.add_fill(body)
            self.orders.add_fill(body)
            self._see(body.symbol)
        elif isinstance(body, TraderTrade):
            self.traders.add(body)
            self._see(body.symbol)
        else:
            if isinstance(body, OrderEvent):
                self.fills.add_event(body)
                self.orders.add_event(body)
            elif isinstance(body, Imported):
                self.wants_past = True
            self.events.add(fact, toast=toast)
        return True

    def take_past(self, past: Past) -> None:
        """Take what the ledger holds of the time before the facts; taken twice it changes nothing."""
        self._has_past = True
        self.fills.add_past(past)
        for fill in past.fills:
            self._see(fill.symbol)

    def apply_states(self, states: States, now_ns: int) -> None:
        """Take what changed."""
        self.fills.tell_time(now_ns)
        if states.engine is not None:
            self.engine = states.engine
        if states.streams is not None:
            self.streams = states.streams
        if states.account is not None:
            self._take_account(states.account, now_ns)
        if states.algos is not None:
            self.algos.update(states.algos, now_ns)
        if states.traders is not None:
            self.traders.update(states.traders)

    def _take_account(self, account: AccountState, now_ns: int) -> None:
        before = self.account.blocked if self.account else ""
        self.account = account
        if account.blocked and account.blocked != before:
            hint = "New orders will be refused: app.alpaca.markets says why."
            self.events.tell("error", "account", account.blocked, now_ns, hint)

    def _see(self, symbol: str) -> None:
        self.symbols.pop(symbol, None)
        self.symbols[symbol] = None
        if len(self.symbols) > _SYMBOLS:
            del self.symbols[next(iter(self.symbols))]
