"""The traders pane: leaderboard of the plugged accounts, and the feed of followed traders' trades (never an amount).

The engine ranks; the board shows its order as it comes, each kind of record in a list of its own. A sort by another column
orders the rows within these lists and never mixes them.
"""

from collections.abc import Mapping
from datetime import tzinfo
from decimal import Decimal
from typing import Any

import msgspec

from plugtui.control.messages import Figures, TraderState, TraderTrade
from plugtui.tui import format as fmt
from plugtui.tui.model.performance import Curve, curve_of
from plugtui.tui.model.table import Cell, Column, Table

_NONE = Figures()
_DAY_NS = 86_400_000_000_000
_WINDOW_DAYS = {"1W": 7, "1M": 31, "3M": 92, "1Y": 366}
_FEWEST_POINTS = 3

BADGES = {"verified": "✔ verified", "paper": "paper", "self-reported": "self-reported"}
"""How much a record can be trusted, in a word."""

LISTS = {
    "verified": "✔ verified: read from the broker, real money",
    "paper": "paper: read from the broker, play money",
    "self-reported": "self-reported: from a host that is not the broker's",
}
"""The headings of the ranked lists, a list for each badge."""


class TraderRow(msgspec.Struct, frozen=True):
    """A trader in the chosen window."""

    state: TraderState
    figures: Figures
    rank: int | None
    """Place in the list of its badge; ``None``: not ranked yet."""

    @property
    def why(self) -> str:
        """Why it has no rank."""
        return unranked_because(self.state)


class TradeRow(msgspec.Struct, frozen=True):
    """A trade of a followed trader."""

    key: str
    trader: str
    symbol: str
    side: str
    price: Decimal
    time_ns: int
    recovered: bool


def unranked_because(state: TraderState) -> str:
    """Say why a trader has no score; empty when it has one."""
    if state.score is not None:
        return ""
    whole = state.figures.get("ALL")
    return (whole.undefined.get("score", "") if whole else "") or state.detail or "no record yet"


def list_of(badge: str) -> str:
    """Return the heading of the list in which records with that badge are ranked."""
    return LISTS.get(badge, badge)


class TraderBoard:
    """Leaderboard and feed."""

    def __init__(self, zone: tzinfo | None = None, limit: int = 2000) -> None:
        self.window = "1M"
        self.formula = ""
        """How the engine ranks: the formula on the first line, what it means below."""
        self.states: list[TraderState] = []
        self.zone = zone
        self.board: Table[TraderRow] = Table(
            _BOARD, key=lambda row: row.state.name, words=_words, group=lambda row: list_of(row.state.badge)
        )
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
                price=trade.price,
                time_ns=trade.time_ns,
                recovered=trade.recovered,
            )
        )

    def _rebuild(self) -> None:
        ranked: dict[str, int] = {}
        rows: list[TraderRow] = []
        for state in self.states:
            place = None
            if state.score is not None:
                place = ranked[state.badge] = ranked.get(state.badge, 0) + 1
            rows.append(TraderRow(state, state.figures.get(self.window, _NONE), place))
        self.board.set_all(rows)

    def _feed_columns(self) -> list[Column[TradeRow]]:
        def time(row: TradeRow) -> Cell:
            return Cell(fmt.clock(row.time_ns, self.zone, millis=False), "dim")

        return [
            Column("time", "time", time, least=8, most=8),
            Column("trader", "trader", lambda r: Cell(r.trader, "accent"), least=8, most=20, elastic=True),
            Column("side", "did", _side, least=12, most=12, short=_short_side, short_width=7),
            Column("symbol", "symbol", lambda r: Cell(r.symbol), least=7, most=21, elastic=True),
            Column("price", "at", lambda r: Cell(fmt.price(r.price)), None, "right", least=9, most=11,
                   short=_short_price, short_width=7),
        ]  # fmt: skip


class Fall(msgspec.Struct, frozen=True):
    """A drawdown of a record."""

    depth: float
    """Negative."""
    peak_ns: int | None
    """``None``: before the record begins."""
    valley_ns: int
    recovery_ns: int | None
    """``None``: not recovered yet."""


class TraderProfile(msgspec.Struct, frozen=True):
    """A trader's record as the engine tells it when asked."""

    curve: Curve = Curve()
    trades: list[TraderTrade] = []
    exposure: float | None = None
    turnover: float | None = None
    drawdowns: list[Fall] = []

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> "TraderProfile":
        """Read the engine's answer to ``trader``; what an older engine does not tell is left out."""
        return cls(
            curve=_index_curve(answer),
            trades=msgspec.convert(answer.get("trades") or [], list[TraderTrade], strict=False),
            exposure=answer.get("exposure"),
            turnover=answer.get("turnover"),
            drawdowns=msgspec.convert(answer.get("drawdowns") or [], list[Fall]),
        )


def _index_curve(answer: Mapping[str, Any]) -> Curve:
    """Read a trader's curve: points ``[time_ns, index, drawdown]``, or those of an account without equity."""
    points = answer.get("curve") or []
    if points and len(points[0]) == 3:
        return curve_of([[point[0], point[1], point[1], point[2]] for point in points])
    return curve_of([[point[0], point[2], point[2], point[3]] for point in points if len(point) >= 4])


def cut(curve: Curve, window: str, growth: float | None = None) -> tuple[Curve, str]:
    """Return the part of a curve that lies in the window, growing from 1, and what to call it.

    A window with hardly a point in it (today) shows the whole record instead.

    Args:
        growth: the window's return by the figures. The curve has fewer points than the record and may begin a day beside
            the window's own beginning; it ends where the figure says.
    """
    days = _WINDOW_DAYS.get(window)
    if days is None or not len(curve):
        return curve, "ALL"
    start = curve.times_ns[-1] - days * _DAY_NS
    first = next(i for i, time_ns in enumerate(curve.times_ns) if time_ns >= start)
    if len(curve) - first < _FEWEST_POINTS:
        return curve, "ALL"
    base = curve.index[first] if growth is None or growth <= -1 else curve.index[-1] / (1 + growth)
    index = [value / base for value in curve.index[first:]]
    peak, falls = 0.0, []
    for value in index:
        peak = max(peak, value)
        falls.append(value / peak - 1)
    return Curve(times_ns=curve.times_ns[first:], equity=index, index=index, drawdown=falls), window


def _side(row: TradeRow) -> Cell:
    return Cell(row.side + (" ↺" if row.recovered else ""), "up" if row.side in ("bought", "covered") else "down")


def _short_side(row: TradeRow) -> Cell:
    side = {"sold short": "short", "covered": "cover"}.get(row.side, row.side)
    return Cell(side + ("↺" if row.recovered else ""), _side(row).style)


def _short_price(row: TradeRow) -> Cell:
    places = next((n for n in (4, 2, 1) if len(fmt.thousands(row.price, n)) <= 7), 0)
    return Cell(min(fmt.price(row.price), fmt.thousands(row.price, places), key=len))


def _rank(row: TraderRow) -> Cell:
    return Cell(str(row.rank), "strong" if row.rank == 1 else "") if row.rank else Cell(fmt.UNDEFINED, "dim")


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


def _score(row: TraderRow) -> Cell:
    return Cell(fmt.ratio(row.state.score), "strong" if row.rank else "dim")


def _note(row: TraderRow) -> Cell:
    """Why it is not ranked, else what its stream is doing when that is not the usual."""
    state = row.state
    if row.why:
        return Cell(row.why, "warn")
    if state.stream in ("live", "idle", "quiet"):
        return Cell(state.stream, "dim")
    return Cell(f"{state.stream}: {state.detail}" if state.detail else state.stream, "warn")


def _short_note(row: TraderRow) -> Cell:
    return Cell(row.why or row.state.stream, _note(row).style)


def _mark(row: TraderRow) -> Cell:
    marks = {"live": ("●", "up"), "quiet": ("●", "dim"), "idle": ("·", "dim"), "failed": ("✗", "bad")}
    mark, style = marks.get(row.state.stream, ("◌", "warn"))
    return Cell(mark, style)


def _words(row: TraderRow) -> str:
    followed = "followed" if row.state.followed else ""
    return f"{row.state.name} {row.state.badge} {row.state.stream} {followed}"


_BOARD: list[Column[TraderRow]] = [
    Column("rank", "#", _rank, None, "right", least=2, most=2),
    Column("star", "★", _star, lambda r: r.state.followed, least=1, most=1, descending=True),
    Column("live", "", _mark, least=1, most=1, rank=3),
    Column("name", "name", lambda r: Cell(r.state.name, "accent"), lambda r: r.state.name, least=9, most=20,
           elastic=True),
    Column("return", "return", _return, lambda r: r.figures.total_return, "right", least=9, most=11,
           short=_short_return, short_width=7, descending=True),
    Column("drawdown", "max DD", _drawdown, lambda r: r.figures.max_drawdown, "right", least=7, most=9,
           short=_short_drawdown, short_width=6, descending=True),
    Column("sharpe", "Sharpe", lambda r: Cell(fmt.ratio(r.figures.sharpe)), lambda r: r.figures.sharpe, "right",
           least=6, most=8, rank=1, descending=True),
    Column("sortino", "Sortino", lambda r: Cell(fmt.ratio(r.figures.sortino)), lambda r: r.figures.sortino, "right",
           least=7, most=8, rank=6, descending=True),
    Column("volatility", "vol", lambda r: Cell(fmt.percent(r.figures.volatility, 1, sign=False)),
           lambda r: r.figures.volatility, "right", least=7, most=8, rank=8),
    Column("win", "win", lambda r: Cell(fmt.percent(r.figures.win_rate, 0, sign=False)), lambda r: r.figures.win_rate,
           "right", least=5, most=6, rank=7, descending=True),
    Column("trades", "trades", lambda r: Cell(fmt.compact(r.state.trades)), lambda r: r.state.trades, "right",
           least=6, most=6, rank=4, descending=True),
    Column("score", "score", _score, lambda r: r.state.score, "right", least=6, most=7, rank=2, descending=True),
    Column("note", "note", _note, lambda r: r.state.stream, least=24, most=60, rank=5, short=_short_note, short_width=24),
]  # fmt: skip
