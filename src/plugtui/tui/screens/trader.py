"""A trader's profile: record per window, curve in per cent, trades. Never an amount."""

import textwrap
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Size

from plugtui.control.messages import Figures, TraderState, TraderTrade
from plugtui.errors import PlugtuiError
from plugtui.tui import format as fmt
from plugtui.tui.charts import Series, chart
from plugtui.tui.model.performance import WINDOWS, Curve
from plugtui.tui.model.traders import BADGES, TraderProfile, cut, unranked_because
from plugtui.tui.screens.base import LinesWindow, Scroll, heading
from plugtui.tui.screens.facts import Fact, columns
from plugtui.tui.widgets.painted import Line, Run

_RELOAD_NS = 30_000_000_000
_TRADES = 60
_FALLS = 3
_BUYS = frozenset({"bought", "covered"})


class TraderScreen(LinesWindow[None]):
    """The record of a plugged account."""

    size_class = "-tall"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "follow", "follow", id="trader-follow", tooltip="Follow, or no longer"),
        Binding("w", "window(1)", "window", id="trader-window", tooltip="Curve of the next longer window"),
        Binding(
            "W", "window(-1)", "Shorter", id="trader-shorter", show=False, tooltip="Curve of the next shorter window"
        ),
    ]

    def __init__(self, name: str) -> None:
        super().__init__()
        self._who = name
        self._window = "ALL"
        self._profile: TraderProfile | None = None
        self._problem = ""
        self._seen: object = None
        self._loaded_ns = 0

    def on_mount(self) -> None:
        """Ask the engine for the record."""
        super().on_mount()
        self._reload(self.dashboard.now_ns())

    def _reload(self, now_ns: int) -> None:
        self._loaded_ns = now_ns
        self.run_worker(self._load())

    async def _load(self) -> None:
        try:
            answer = await self.dashboard.command("trader", name=self._who)
        except PlugtuiError as error:
            self._problem = str(error)
        else:
            self._profile = TraderProfile.of(answer if isinstance(answer, Mapping) else {})
            self._problem = ""
        self.redraw()

    def paint_screen(self, now_ns: int) -> None:
        """Draw when the trader's state changed and once a second for the ages; ask again now and then."""
        state = self.world.traders.state(self._who)
        seen = (state, len(self.world.traders.feed), now_ns // 1_000_000_000)
        if seen != self._seen:
            self._seen = seen
            self.redraw()
        if now_ns - self._loaded_ns > _RELOAD_NS:
            self._reload(now_ns)

    def title_text(self) -> str:
        """Name the trader."""
        state = self.world.traders.state(self._who)
        return f"Trader {self._who}{' ★' if state and state.followed else ''}"

    def lines(self, width: int) -> list[Line]:
        """Write the profile."""
        state = self.world.traders.state(self._who)
        if state is None:
            return [(Run("this account is no longer plugged in", "warn"),)]
        now, zone = self.dashboard.now_ns(), self.world.zone
        lines = columns(self._facts(state, now), width)
        of = state.figures.get(self._window) or Figures()
        curve, window = Curve(), self._window
        if self._profile:
            curve, window = cut(self._profile.curve, self._window, of.total_return)
        span = "since the start" if window == "ALL" else f"of the window {window}"
        lines += [(Run(""),), heading(f"growth {span}, deposits taken out", width)]
        rows = max(8, min(18, self.query_one(Scroll).size.height - 20))
        lines += growth_lines(curve, width, rows, zone) or [(Run(self._problem or "no curve yet", "dim"),)]
        lines += [(Run(""),), heading("record", width), *record_lines(state.figures)]
        lines += [(Run(""),), heading("rank", width), *self._rank(state, width)]
        if self._profile and self._profile.drawdowns:
            lines += [(Run(""),), heading("deepest falls", width), *fall_lines(self._profile, self.world.zone)]
        lines += [(Run(""),), heading("trades", width), *self._trades()]
        return lines

    def _facts(self, state: TraderState, now: int) -> list[Fact]:
        stream = f"{state.stream}: {state.detail}" if state.detail else state.stream
        profile = self._profile or TraderProfile()
        return [
            ("badge", BADGES.get(state.badge, state.badge), "up" if state.badge == "verified" else ""),
            ("followed", "★ yes" if state.followed else "no: space follows", "" if state.followed else "dim"),
            ("stream", stream, "" if state.stream in ("live", "quiet", "idle") else "warn"),
            ("trades", f"{state.trades:,}", ""),
            ("last trade", f"{fmt.age(state.last_trade_ns, now)} ago" if state.last_trade_ns else "none", ""),
            ("score", fmt.ratio(state.score) if state.score is not None else "none yet, see rank", "strong"),
            ("deployed", fmt.percent(profile.exposure, 0, sign=False) if profile.exposure is not None else "", ""),
            ("turnover", f"{profile.turnover:,.1f} a year" if profile.turnover is not None else "", ""),
        ]

    def _rank(self, state: TraderState, width: int) -> list[Line]:
        """Write the formula, and why there is no score when there is none."""
        why = unranked_because(state)
        words = self.world.traders.formula.split("\n")
        lines: list[Line] = [(Run(row, "dim"),) for part in words for row in textwrap.wrap(part, width)]
        return [(Run(f"not ranked: {why}", "warn"),), *lines] if why else lines

    def _trades(self) -> list[Line]:
        seen = {
            row.key: (row.time_ns, row.side, row.symbol, fmt.price(row.price))
            for row in self.world.traders.feed.rows()
            if row.trader == self._who
        }
        for trade in self._profile.trades if self._profile else ():
            seen.setdefault(_trade_key(trade), (trade.time_ns, trade.side, trade.symbol, fmt.price(trade.price)))
        rows = sorted(seen.values(), reverse=True)[:_TRADES]
        return [
            (
                Run(fmt.stamp(time_ns, self.world.zone)[:19], "dim"),
                Run(f"  {side:<11}", "up" if side in _BUYS else "down"),
                Run(f"{symbol:<10}"),
                Run(f"{price:>11}"),
            )
            for time_ns, side, symbol, price in rows
        ] or [(Run("none yet", "dim"),)]

    def action_follow(self) -> None:
        """Follow or not."""
        state = self.world.traders.state(self._who)
        if state:
            self.dashboard.desk.follow(state)

    def action_window(self, by: int) -> None:
        """Show the curve of another window."""
        self._window = WINDOWS[(WINDOWS.index(self._window) + by) % len(WINDOWS)]
        self.redraw()


def _trade_key(trade: TraderTrade) -> str:
    return f"{trade.trader}/{trade.trade_id}"


def growth_lines(curve: Curve, width: int, rows: int, zone: tzinfo | None) -> list[Line]:
    """Draw growth in per cent above its drawdown; nothing where there is no curve."""
    if len(curve) < 2:
        return []
    below = max(2, rows // 4) if rows >= 8 else 0
    growth = Series(curve.times_ns, [value - 1 for value in curve.index], "percent")
    lines = chart(growth, width, rows - below, zone)
    if below:
        fall = Series(curve.times_ns, curve.drawdown, "percent", "fall", filled=True)
        lines += chart(fall, width, below, zone, dates=False)
    return lines


def record_lines(figures: Mapping[str, Figures]) -> list[Line]:
    """Write a line of figures for each window."""
    titles = f"{'':<5}{'return':>11}{'max DD':>10}{'vol':>9}{'Sharpe':>8}{'Sortino':>9}{'win':>6}{'days':>6}"
    lines: list[Line] = [(Run(titles, "header"),)]
    for window in WINDOWS:
        of = figures.get(window)
        if of is None:
            continue
        lines.append(
            (
                Run(f"{window:<5}", "dim"),
                Run(f"{fmt.percent(of.total_return):>11}", _tone(of.total_return)),
                Run(f"{fmt.percent(of.max_drawdown, 1):>10}{fmt.percent(of.volatility, 1, sign=False):>9}"),
                Run(f"{fmt.ratio(of.sharpe):>8}{fmt.ratio(of.sortino):>9}"),
                Run(f"{fmt.percent(of.win_rate, 0, sign=False):>6}{of.days:>6}", "dim"),
            )
        )
    return lines


def fall_lines(profile: TraderProfile, zone: tzinfo | None) -> list[Line]:
    """Write the deepest drawdowns with their dates."""

    def day(time_ns: int | None) -> str:
        return f"{fmt.when(time_ns, zone):%Y-%m-%d}" if time_ns is not None else "before the record"

    return [
        (
            Run(f"{fmt.percent(fall.depth, 1):>8}", "down"),
            Run(f"   {day(fall.peak_ns)} to {day(fall.valley_ns)}, "),
            Run(f"recovered {day(fall.recovery_ns)}" if fall.recovery_ns else "not recovered yet", "dim"),
        )
        for fall in profile.drawdowns[:_FALLS]
    ]


def card(
    state: TraderState, profile: TraderProfile | None, window: str, size: Size, zone: tzinfo | None, now_ns: int
) -> list[Line]:
    """Write a trader's record into ``size`` cells: curve in per cent, figures of the window; the same lines for everyone."""
    figures = state.figures.get(window) or Figures()
    curve, shown = cut(profile.curve, window, figures.total_return) if profile else (Curve(), window)
    facts = _card_facts(state, figures, now_ns)
    below = -(-len(facts) // 2) + 1
    rows = max(4, size.height - below - 1)
    span = "since the start" if shown == "ALL" else shown
    lines = [heading(f"{state.name}, growth {span}", size.width)]
    drawn = growth_lines(curve, size.width, rows, zone)
    if not drawn:
        word: Line = (Run(("no curve yet" if profile else "…").center(size.width), "dim"),)
        drawn = [*[(Run(""),)] * (rows // 2), word]
    lines += [*drawn, *[(Run(""),)] * (rows - len(drawn)), (Run(""),)]
    half = size.width // 2
    for left, right in zip(facts[::2], facts[1::2], strict=True):
        lines.append((*_fact(left, half - 2), Run("  "), *_fact(right, size.width - half)))
    return lines


def _fact(fact: Fact, width: int) -> Sequence[Run]:
    name, text, tone = fact
    return Run(f"{name:<11}", "dim"), Run(fmt.fit(text, max(1, width - 11), "right"), tone)


def _card_facts(state: TraderState, of: Figures, now_ns: int) -> list[Fact]:
    last = f"{fmt.age(state.last_trade_ns, now_ns)} ago" if state.last_trade_ns else "none"
    return [
        ("return", fmt.percent(of.total_return), _tone(of.total_return)),
        ("max DD", fmt.percent(of.max_drawdown, 1), ""),
        ("Sharpe", fmt.ratio(of.sharpe), ""),
        ("Sortino", fmt.ratio(of.sortino), ""),
        ("volatility", fmt.percent(of.volatility, 1, sign=False), ""),
        ("win rate", fmt.percent(of.win_rate, 0, sign=False), ""),
        ("score", fmt.ratio(state.score), "strong"),
        ("trades", f"{state.trades:,}", ""),
        ("days", f"{of.days:,}", ""),
        ("last trade", last, ""),
    ]


def _tone(value: float | None) -> str:
    return "up" if value and value > 0 else "down" if value and value < 0 else "dim"
