"""The performance pane: windows, figures with their definitions, and the curves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from plugtui.control.messages import AccountState, Figures
from plugtui.tui import format as fmt
from plugtui.tui.model.table import Cell

WINDOWS = ("1D", "1W", "1M", "3M", "1Y", "ALL")


@dataclass(frozen=True, slots=True)
class Curve:
    """Aligned series of one window."""

    times_ns: Sequence[int] = ()
    equity: Sequence[float] = ()
    index: Sequence[float] = ()
    """Deposit-neutral growth, 1.0 at the start."""
    drawdown: Sequence[float] = ()
    """Zero or negative."""

    def __len__(self) -> int:
        return len(self.times_ns)


@dataclass(frozen=True, slots=True)
class Share:
    """What one algorithm or symbol contributed."""

    name: str
    realized: Decimal
    unrealized: Decimal
    fills: int = 0

    @property
    def pnl(self) -> Decimal:
        """Realised and unrealised."""
        return self.realized + self.unrealized


@dataclass(slots=True)
class Performance:
    """Figures and curves of the chosen window."""

    window: str = "1M"
    figures: Figures = field(default_factory=Figures)
    curve: Curve = field(default_factory=Curve)
    by_algo: list[Share] = field(default_factory=list)
    by_symbol: list[Share] = field(default_factory=list)
    loaded: str = ""
    """The window that the figures belong to; empty before the first answer."""
    problem: str = ""
    version: int = 0

    def choose(self, window: str) -> None:
        """Ask for another window; the old curve stays until the new one is here."""
        self.window = window
        self.version += 1

    def step(self, by: int) -> str:
        """Go to the next longer or shorter window, and return it."""
        at = WINDOWS.index(self.window) + by
        self.choose(WINDOWS[max(0, min(at, len(WINDOWS) - 1))])
        return self.window

    def take(self, result: Mapping[str, Any]) -> None:
        """Take the engine's answer to the command ``performance``; one for another window is too late and dropped."""
        window = str(result.get("window", self.window))
        if window != self.window:
            return
        self.figures = msgspec.convert(result.get("figures") or {}, Figures, strict=False)
        self.curve = curve_of(result.get("curve") or [])
        self.by_algo = shares_of(result.get("by_algo"))
        self.by_symbol = shares_of(result.get("by_symbol"))
        self.loaded, self.problem = window, ""
        self.version += 1

    def fail(self, problem: str) -> None:
        """Say why there are no figures."""
        self.problem = problem
        self.version += 1


def curve_of(points: Sequence[Sequence[Any]]) -> Curve:
    """Turn ``[[time_ns, equity, index, drawdown], …]`` into columns; points without an equity are left out."""
    whole = [point for point in points if len(point) >= 4 and point[1] is not None]
    return Curve(
        times_ns=[int(point[0]) for point in whole],
        equity=[float(point[1]) for point in whole],
        index=[float(point[2]) if point[2] is not None else 1.0 for point in whole],
        drawdown=[-abs(float(point[3])) if point[3] is not None else 0.0 for point in whole],
    )


def shares_of(raw: Any) -> list[Share]:
    """Read P&L per name, given as a mapping or as a list of objects; the largest contribution first."""
    items: list[tuple[str, Any]] = []
    if isinstance(raw, Mapping):
        items = [(str(name), value) for name, value in raw.items()]
    elif isinstance(raw, list):
        items = [(_name_of(value), value) for value in raw if isinstance(value, Mapping)]
    return sorted((_share(name, value) for name, value in items), key=lambda share: -share.pnl)


def _name_of(value: Mapping[str, Any]) -> str:
    for key in ("name", "algo", "symbol"):
        if key in value:
            return str(value[key] or "unattributed")
    return "unattributed"


def _share(name: str, value: Any) -> Share:
    if not isinstance(value, Mapping):
        return Share(name, Decimal(str(value)), Decimal(0))
    realized = value.get("realized_pnl", value.get("realized", value.get("pnl", 0)))
    unrealized = value.get("unrealized_pnl", value.get("unrealized", 0))
    return Share(name, Decimal(str(realized or 0)), Decimal(str(unrealized or 0)), int(value.get("fills", 0) or 0))


# ---------------------------------------------------------------- figures in words


@dataclass(frozen=True, slots=True)
class FigureText:
    """One figure, ready to be shown."""

    key: str
    title: str
    value: Cell
    definition: str
    why: str = ""
    """Why it is undefined."""


DEFINITIONS = {
    "total_return": "growth of one unit, deposits and withdrawals taken out (time-weighted)",
    "pnl": "change of equity − net deposits",
    "day_pnl": "equity − yesterday's close − today's net deposits",
    "max_drawdown": "deepest fall of the deposit-neutral index below its peak",
    "sharpe": "mean of the daily returns over their standard deviation, times √252",
    "sortino": "mean of the daily returns, times 252, over the downside deviation",
    "win_rate": "round trips closed with a gain, over all round trips",
    "volatility": "standard deviation of the daily returns, times √252",
    "cagr": "total return as a yearly rate",
    "calmar": "yearly rate of return over the maximum drawdown",
    "profit_factor": "gains of winning round trips over losses of losing ones",
    "expectancy": "mean P&L of a round trip",
    "net_flow": "deposits − withdrawals",
    "round_trips": "positions opened and closed again in the window",
}


def figure_texts(figures: Figures, account: AccountState | None) -> list[FigureText]:
    """Write all figures, the most important first."""
    day = account.day_pnl if account else None
    rows = [
        ("total_return", "return", fmt.percent(figures.total_return), _tone(figures.total_return)),
        ("pnl", "P&L", fmt.signed(figures.pnl), _tone(figures.pnl)),
        (
            "max_drawdown",
            "max DD",
            fmt.percent(_negative(figures.max_drawdown)),
            _tone(_negative(figures.max_drawdown)),
        ),
        ("day_pnl", "day P&L", fmt.signed(day), _tone(day)),
        ("sharpe", "Sharpe", fmt.ratio(figures.sharpe), ""),
        ("sortino", "Sortino", fmt.ratio(figures.sortino), ""),
        ("win_rate", "win rate", fmt.percent(figures.win_rate, 1, sign=False), ""),
        ("volatility", "volatility", fmt.percent(figures.volatility, 1, sign=False), ""),
        ("calmar", "Calmar", fmt.ratio(figures.calmar), ""),
        ("profit_factor", "profit factor", fmt.ratio(figures.profit_factor), ""),
        ("expectancy", "expectancy", fmt.signed(figures.expectancy), _tone(figures.expectancy)),
        ("cagr", "CAGR", fmt.percent(figures.cagr), _tone(figures.cagr)),
        ("net_flow", "net flow", fmt.signed(figures.net_flow), ""),
        ("round_trips", "round trips", f"{figures.round_trips:,}", ""),
    ]
    return [
        FigureText(key, title, Cell(text, style), DEFINITIONS[key], figures.undefined.get(key, ""))
        for key, title, text, style in rows
    ]


def _negative(value: float | None) -> float | None:
    return None if value is None else -abs(value)


def _tone(value: Decimal | float | None) -> str:
    if not value:
        return ""
    return "up" if value > 0 else "down"
