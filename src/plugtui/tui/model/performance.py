"""The performance pane: windows, figures with their definitions, curves, comparisons, and whose P&L it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from plugtui.control.messages import AccountState, Figures
from plugtui.tui import format as fmt
from plugtui.tui.model.table import Cell

WINDOWS = ("1D", "1W", "1M", "3M", "1Y", "ALL")
VIEWS = ("overview", "figures", "months", "drawdowns", "P&L")

UNATTRIBUTED = "unattributed"
NOT_OURS = "elsewhere, earlier"
"""How fills that no algorithm sent are listed: orders placed by hand or in another app, or before plugtui ran."""


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


class Fall(msgspec.Struct, frozen=True):
    """One drawdown."""

    depth: float
    valley_ns: int
    peak_ns: int | None = None
    recovery_ns: int | None = None
    """``None``: not recovered yet."""


class Year(msgspec.Struct, frozen=True):
    """One year of the calendar table."""

    year: int
    months: list[float | None]
    """Twelve returns; ``None``: no history in that month."""
    total: float


class Value(msgspec.Struct, frozen=True):
    """A figure, or why there is none."""

    value: float | None = None
    reason: str = ""


class Before(msgspec.Struct, frozen=True):
    """The window of the same length that ended where this one begins."""

    from_ns: int
    to_ns: int
    figures: Figures


class Benchmark(msgspec.Struct, frozen=True):
    """A symbol over the same days."""

    symbol: str
    problem: str = ""
    curve: list[tuple[int, float]] = []
    """Growth of one."""
    benchmark: Value = Value()
    relative: Value = Value()
    beta: Value = Value()
    alpha: Value = Value()
    correlation: Value = Value()
    tracking_error: Value = Value()


class Reconciled(msgspec.Struct, frozen=True):
    """The P&L of all books beside the broker's numbers."""

    since_ns: int
    trading: Decimal
    income: Decimal
    base_ns: int | None = None
    broker: Decimal | None = None
    difference: Decimal | None = None
    held_before: int = 0


class Remark(msgspec.Struct, frozen=True):
    """Something that a person should know before he trusts the figures."""

    time_ns: int
    text: str


class _Answer(msgspec.Struct, frozen=True):
    """What the engine answers, as far as it has a fixed shape; an older engine leaves parts out."""

    figures: Figures = Figures()
    more: dict[str, Value] = {}
    flows: list[tuple[int, float]] = []
    before: Before | None = None
    benchmark: Benchmark | None = None
    drawdowns: list[Fall] = []
    calendar: list[Year] = []
    marks: list[Remark] = []
    definitions: dict[str, str] = {}
    reconcile: Reconciled | None = None
    progress: str = ""


@dataclass(slots=True)
class Performance:
    """Figures and curves of the chosen window."""

    window: str = "1M"
    symbol: str | None = None
    """The benchmark that the reader has chosen; empty: none; ``None``: the engine's."""
    figures: Figures = field(default_factory=Figures)
    curve: Curve = field(default_factory=Curve)
    by_algo: list[Share] = field(default_factory=list)
    by_symbol: list[Share] = field(default_factory=list)
    told: _Answer = field(default_factory=_Answer)
    """The rest of the last answer."""
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

    def question(self) -> dict[str, str]:
        """Return the arguments of the command ``performance``."""
        return {"window": self.window} if self.symbol is None else {"window": self.window, "benchmark": self.symbol}

    def take(self, result: Mapping[str, Any]) -> None:
        """Take the engine's answer to the command ``performance``; one for another window is too late and dropped."""
        window = str(result.get("window", self.window))
        if window != self.window:
            return
        self.told = msgspec.convert(result, _Answer, strict=False)
        self.figures = self.told.figures
        self.curve = curve_of(result.get("curve") or [])
        self.by_algo = shares_of(result.get("by_algo"))
        self.by_symbol = shares_of(result.get("by_symbol"))
        self.loaded, self.problem = window, ""
        self.version += 1

    def fail(self, problem: str) -> None:
        """Say why there are no figures."""
        self.problem = problem
        self.version += 1

    def live_curve(self, account: AccountState | None) -> Curve:
        """Return the curve with the account's newest equity at its end."""
        curve = self.curve
        if account is None or len(curve) < 2 or account.as_of_ns <= curve.times_ns[-1] or not curve.equity[-1]:
            return curve
        equity = float(account.equity)
        if equity == curve.equity[-1]:  # nothing has moved, as over a weekend: the time axis stays
            return curve
        index = curve.index[-1] * equity / curve.equity[-1]
        peak = max(curve.index)
        return Curve(
            [*curve.times_ns[:-1], account.as_of_ns],
            [*curve.equity[:-1], equity],
            [*curve.index[:-1], index],
            [*curve.drawdown[:-1], min(0.0, index / peak - 1) if peak > 0 else 0.0],
        )


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
            return str(value[key] or UNATTRIBUTED)
    return UNATTRIBUTED


def _share(name: str, value: Any) -> Share:
    if not isinstance(value, Mapping):
        return Share(name, Decimal(str(value)), Decimal(0))
    realized = value.get("realized_pnl", value.get("realized", value.get("pnl", 0)))
    unrealized = value.get("unrealized_pnl", value.get("unrealized", 0))
    return Share(name, Decimal(str(realized or 0)), Decimal(str(unrealized or 0)), int(value.get("fills", 0) or 0))


def total_of(shares: Sequence[Share], name: str) -> Share:
    """Sum the shares up."""
    return Share(
        name,
        sum((share.realized for share in shares), Decimal(0)),
        sum((share.unrealized for share in shares), Decimal(0)),
        sum(share.fills for share in shares),
    )


# ---------------------------------------------------------------- figures in words


@dataclass(frozen=True, slots=True)
class FigureText:
    """One figure, ready to be shown."""

    key: str
    title: str
    value: Cell
    definition: str = ""
    before: str = ""
    """The same figure of the window before."""
    why: str = ""
    """Why it is undefined."""


def _percent(value: Any) -> str:
    return fmt.percent(value)


def _share_of_one(value: Any) -> str:
    return fmt.percent(value, 1, sign=False)


_FORMS: list[tuple[str, str, Any, bool]] = [
    # key, title, how it is written, whether its sign has a tone
    ("total_return", "return", _percent, True),
    ("pnl", "P&L", fmt.signed, True),
    ("max_drawdown", "max DD", _percent, True),
    ("day_pnl", "day P&L", fmt.signed, True),
    ("sharpe", "Sharpe", fmt.ratio, False),
    ("sortino", "Sortino", fmt.ratio, False),
    ("win_rate", "win rate", _share_of_one, False),
    ("volatility", "volatility", _share_of_one, False),
    ("calmar", "Calmar", fmt.ratio, False),
    ("cagr", "CAGR", _percent, True),
    ("profit_factor", "profit factor", fmt.ratio, False),
    ("expectancy", "expectancy", fmt.signed, True),
    ("round_trips", "round trips", lambda n: f"{n:,}", False),
    ("net_flow", "net flow", fmt.signed, False),
]
_MORE_FORMS: list[tuple[str, str, Any, bool]] = [
    ("exposure", "exposure", _share_of_one, False),
    ("turnover", "turnover", fmt.ratio, False),
    ("winning_days", "winning days", _share_of_one, False),
    ("downside_deviation", "downside dev.", _share_of_one, False),
    ("value_at_risk", "VaR 5 %", _percent, True),
    ("expected_shortfall", "CVaR 5 %", _percent, True),
    ("stability", "stability", fmt.ratio, False),
    ("omega", "omega", fmt.ratio, False),
]
_BENCHMARK_FORMS: list[tuple[str, str, Any, bool]] = [
    ("benchmark", "{}", _percent, True),
    ("relative", "vs {}", _percent, True),
    ("beta", "beta", fmt.ratio, False),
    ("alpha", "alpha", _percent, True),
    ("correlation", "correlation", fmt.ratio, False),
    ("tracking_error", "tracking err.", _share_of_one, False),
]


def figure_texts(performance: Performance, account: AccountState | None) -> list[FigureText]:
    """Write the figures of the window, the most important first."""
    told, before = performance.told, performance.told.before
    rows = []
    for key, title, form, toned in _FORMS:
        if key == "day_pnl":
            value, past, why = account.day_pnl if account else None, "", ""
        else:
            value = _signed_fall(key, getattr(performance.figures, key))
            past = form(_signed_fall(key, getattr(before.figures, key))) if before else ""
            why = performance.figures.undefined.get(key, "")
        cell = Cell(form(value), _tone(value) if toned else "")
        rows.append(FigureText(key, title, cell, _definition(told, key), past, why))
    return rows


def more_texts(performance: Performance) -> list[FigureText]:
    """Write the figures for which there is room only where there is much."""
    more = performance.told.more
    return [
        _value_text(performance.told, key, title, more[key], form, toned)
        for key, title, form, toned in _MORE_FORMS
        if key in more
    ]


def benchmark_texts(performance: Performance) -> list[FigureText]:
    """Write the comparison with the benchmark; empty when there is none."""
    against = performance.told.benchmark
    if against is None:
        return []
    return [
        _value_text(
            performance.told,
            key,
            title.format(against.symbol),
            Value(None, against.problem) if against.problem and not against.curve else getattr(against, key),
            form,
            toned,
        )
        for key, title, form, toned in _BENCHMARK_FORMS
    ]


def short_texts(performance: Performance, account: AccountState | None) -> list[FigureText]:
    """Write the figures for the overview: after the first eight, how the window compares."""
    rows = figure_texts(performance, account)
    compared = benchmark_texts(performance)[1:2]
    if performance.told.before is not None:
        past = performance.told.before.figures.total_return
        words = performance.told.definitions.get("previous", "").partition(": ")[2]
        compared.insert(
            0, FigureText("previous", f"prev {performance.loaded}", Cell(fmt.percent(past), _tone(past)), words)
        )
    return [*rows[:8], *compared, *rows[8:]]


def _value_text(told: _Answer, key: str, title: str, found: Value, form: Any, toned: bool) -> FigureText:
    text = form(found.value) if found.value is not None else fmt.UNDEFINED
    return FigureText(
        key, title, Cell(text, _tone(found.value) if toned else ""), _definition(told, key), "", found.reason
    )


def _definition(told: _Answer, key: str) -> str:
    return told.definitions.get(key, "").partition(": ")[2]


def _signed_fall(key: str, value: Any) -> Any:
    return -abs(value) if key == "max_drawdown" and value is not None else value


def _tone(value: Decimal | float | None) -> str:
    if not value:
        return ""
    return "up" if value > 0 else "down"
