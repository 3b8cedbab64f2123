"""The traders pane: leaderboard of the plugged accounts, and the feed of followed traders' trades (never an amount)."""

from dataclasses import dataclass
from datetime import tzinfo

from plugtui.control.messages import Figures, TraderState, TraderTrade
from plugtui.tui import format as fmt
from plugtui.tui.model.table import Cell, Column, Table

_NONE = Figures()

BADGES = {"verified": "✔ verified", "paper": "paper", "self-reported": "self-rep."}
"""How much a record can be trusted, in a word."""


@dataclass(frozen=True, slots=True)
class TraderRow:
    """A trader in the chosen window."""

    state: TraderState
    figures: Figures


@dataclass(frozen=True, slots=True)
class TradeRow:
    """A trade of a followed trader."""

    key: str
    trader: str
    symbol: str
    side: str
    price: str
    time_ns: int
    recovered: bool


class TraderBoard:
    """Leaderboard and feed."""

    def __init__(self, zone: tzinfo | None = None, limit: int = 2000) -> None:
        self.window = "1M"
        self.states: list[TraderState] = []
        self.zone = zone
        self.board: Table[TraderRow] = Table(_BOARD, key=lambda row: row.state.name, words=_words)
        self.feed: Table[TradeRow] = Table(
            self._feed_columns(),
            key=lambda row: row.key,
            words=lambda row: f"{row.trader} {row.side} {row.symbol}",
            limit=limit,
            newest_first=True,
        )

    def update(self, states: list[TraderState]) -> None:
        """Take the traders as the engine ranks them."""
        self.states = states
        self._rebuild()

    def choose(self, window: str) -> None:
        """Show the figures of another window."""
        self.window = window
        self._rebuild()

    def state(self, name: str) -> TraderState | None:
        """Return the trader with that name."""
        return next((state for state in self.states if state.name == name), None)

    def add(self, trade: TraderTrade) -> None:
        """Take a trade; the same one again changes nothing."""
        self.feed.put(
            TradeRow(
                key=f"{trade.trader}/{trade.trade_id}",
                trader=trade.trader,
                symbol=trade.symbol,
                side=trade.side,
                price=fmt.price(trade.price),
                time_ns=trade.time_ns,
                recovered=trade.recovered,
            )
        )

    def _rebuild(self) -> None:
        ranked = sorted(self.states, key=lambda s: (s.score is None, -(s.score or 0.0), s.name))
        self.board.set_all(TraderRow(state, state.figures.get(self.window, _NONE)) for state in ranked)

    def _feed_columns(self) -> list[Column[TradeRow]]:
        def time(row: TradeRow) -> Cell:
            return Cell(fmt.clock(row.time_ns, self.zone, millis=False), "dim")

        def short_time(row: TradeRow) -> Cell:
            return Cell(fmt.clock(row.time_ns, self.zone, millis=False)[:5], "dim")

        return [
            Column("time", "time", time, least=8, most=8, short=short_time, short_width=5),
            Column("trader", "trader", lambda r: Cell(r.trader, "accent"), least=8, most=16, elastic=True),
            Column("side", "did", _side, least=7, most=12, short=_short_side, short_width=7),
            Column("symbol", "symbol", lambda r: Cell(r.symbol), least=4, most=10),
            Column("price", "at", lambda r: Cell(r.price), None, "right", least=6, most=11),
        ]


def _side(row: TradeRow) -> Cell:
    return Cell(row.side + (" ↺" if row.recovered else ""), "up" if row.side in ("bought", "covered") else "down")


def _short_side(row: TradeRow) -> Cell:
    side = {"sold short": "short", "covered": "cover"}.get(row.side, row.side)
    return Cell(side + ("↺" if row.recovered else ""), _side(row).style)


def _star(row: TraderRow) -> Cell:
    return Cell("★", "warn") if row.state.followed else Cell("☆", "dim")


def _return(row: TraderRow) -> Cell:
    value = row.figures.total_return
    return Cell(fmt.percent(value), "up" if value and value > 0 else "down" if value and value < 0 else "dim")


def _short_return(row: TraderRow) -> Cell:
    cell = _return(row)
    return Cell(fmt.percent(row.figures.total_return, 1).replace(" ", ""), cell.style)


def _drawdown(row: TraderRow) -> Cell:
    return Cell(fmt.percent(row.figures.max_drawdown, 1))


def _short_drawdown(row: TraderRow) -> Cell:
    return Cell(_drawdown(row).text.replace(" ", ""))


def _badge(row: TraderRow) -> Cell:
    badge = row.state.badge
    return Cell(BADGES.get(badge, badge), "up" if badge == "verified" else "dim")


def _stream(row: TraderRow) -> Cell:
    state = row.state.stream
    text = state if not row.state.detail else f"{state}: {row.state.detail}"
    return Cell(text, "dim" if state in ("live", "idle", "quiet") else "warn")


def _mark(row: TraderRow) -> Cell:
    marks = {"live": ("●", "up"), "quiet": ("●", "dim"), "idle": ("·", "dim"), "failed": ("✗", "bad")}
    mark, style = marks.get(row.state.stream, ("◌", "warn"))
    return Cell(mark, style)


def _words(row: TraderRow) -> str:
    followed = "followed" if row.state.followed else ""
    return f"{row.state.name} {row.state.badge} {row.state.stream} {followed}"


_BOARD: list[Column[TraderRow]] = [
    Column("star", "★", _star, lambda r: r.state.followed, least=1, most=1, descending=True),
    Column("live", "", _mark, least=1, most=1, rank=3),
    Column("name", "name", lambda r: Cell(r.state.name, "accent"), lambda r: r.state.name, least=9, most=20),
    Column("return", "return", _return, lambda r: r.figures.total_return, "right", least=9, most=11,
           short=_short_return, short_width=7, descending=True),
    Column("drawdown", "max DD", _drawdown, lambda r: r.figures.max_drawdown, "right", least=7, most=9,
           short=_short_drawdown, short_width=6, descending=True),
    Column("sharpe", "Sharpe", lambda r: Cell(fmt.ratio(r.figures.sharpe)), lambda r: r.figures.sharpe, "right",
           least=6, most=7, rank=1, descending=True),
    Column("sortino", "Sortino", lambda r: Cell(fmt.ratio(r.figures.sortino)), lambda r: r.figures.sortino, "right",
           least=7, most=7, rank=6, descending=True),
    Column("win", "win", lambda r: Cell(fmt.percent(r.figures.win_rate, 0, sign=False)), lambda r: r.figures.win_rate,
           "right", least=5, most=6, rank=7, descending=True),
    Column("trades", "trades", lambda r: Cell(fmt.compact(r.state.trades)), lambda r: r.state.trades, "right",
           least=6, most=6, rank=4, descending=True),
    Column("score", "score", lambda r: Cell(fmt.ratio(r.state.score)), lambda r: r.state.score, "right",
           least=6, most=7, rank=5, descending=True),
    Column("badge", "badge", _badge, lambda r: r.state.badge, least=10, most=13, rank=2),
    Column("stream", "stream", _stream, lambda r: r.state.stream, least=8, most=34, rank=8),
]  # fmt: skip
