"""A trader's profile: record per window, curve in per cent, trades. Never an amount."""

import textwrap
from collections.abc import Mapping
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from plugtui.control.messages import TraderState
from plugtui.errors import PlugtuiError
from plugtui.tui import format as fmt
from plugtui.tui.charts import Series, chart
from plugtui.tui.model.performance import WINDOWS, Curve, curve_of
from plugtui.tui.model.traders import BADGES
from plugtui.tui.screens.base import LinesWindow, heading, pairs
from plugtui.tui.widgets.painted import Line, Run

_RELOAD_NS = 30_000_000_000


class TraderScreen(LinesWindow[None]):
    """The record of a plugged account."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "follow", "follow", id="trader-follow", tooltip="Follow, or no longer"),
    ]

    def __init__(self, name: str) -> None:
        super().__init__()
        self._who = name
        self._curve = Curve()
        self._problem = ""
        self._formula = ""
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
            record = answer if isinstance(answer, Mapping) else {}
            self._curve = index_curve(record)
            self._formula = str(record.get("formula", ""))
            self._problem = ""
        self.redraw()

    def paint_screen(self, now_ns: int) -> None:
        """Draw when the trader's state changed; ask again now and then."""
        state = self.world.traders.state(self._who)
        seen = (state, len(self.world.traders.feed))
        if seen != self._seen:
            self._seen = seen
            self.redraw()
        if now_ns - self._loaded_ns > _RELOAD_NS:
            self._reload(now_ns)

    def title_text(self) -> str:
        """Name the trader."""
        state = self.world.traders.state(self._who)
        return f"Trader {self._who}{' ★' if state and state.followed else ''}"

    def hint(self) -> str:
        """Say what can be done."""
        return "space follow   esc close"

    def lines(self, width: int) -> list[Line]:
        """Write the profile."""
        state = self.world.traders.state(self._who)
        if state is None:
            return [(Run("this account is no longer plugged in", "warn"),)]
        now = self.dashboard.now_ns()
        stream = f"{state.stream}: {state.detail}" if state.detail else state.stream
        lines = pairs(
            [
                ("badge", BADGES.get(state.badge, state.badge), "up" if state.badge == "verified" else ""),
                ("stream", stream, "" if state.stream in ("live", "quiet", "idle") else "warn"),
                ("trades", f"{state.trades:,}", ""),
                ("score", fmt.ratio(state.score), "strong"),
                ("last trade", f"{fmt.age(state.last_trade_ns, now)} ago" if state.last_trade_ns else "none", ""),
                ("followed", "yes" if state.followed else "no: space follows", ""),
            ],
            width,
        )
        lines += [(Run(""),), heading("growth since the start, deposits taken out", width), *self._chart(width)]
        lines += [(Run(""),), heading("record", width), *self._record(state.figures)]
        lines += self._score(state, width)
        lines += [(Run(""),), heading("trades", width), *self._trades()]
        return lines

    def _score(self, state: TraderState, width: int) -> list[Line]:
        """Write the formula, and why there is no score when there is none."""
        whole = state.figures.get("ALL")
        why = whole.undefined.get("score", "") if whole else ""
        lines: list[Line] = [(Run(line, "dim"),) for line in textwrap.wrap(self._formula, max(20, width))]
        return [(Run(f"no score: {why}", "warn"),), *lines] if why else lines

    def _chart(self, width: int) -> list[Line]:
        if len(self._curve) < 2:
            return [(Run(self._problem or "no curve yet", "dim"),)]
        growth = Series(self._curve.times_ns, [value - 1 for value in self._curve.index], "percent")
        fall = Series(self._curve.times_ns, self._curve.drawdown, "percent", "fall", filled=True)
        return chart(growth, width, 9, self.world.zone) + chart(fall, width, 3, self.world.zone, dates=False)

    def _record(self, figures: Mapping[str, Any]) -> list[Line]:
        ratios = f"{'volatility':>12}{'Sharpe':>8}{'Sortino':>9}{'win rate':>10}{'days':>6}"
        lines: list[Line] = [(Run(f"{'':<7}{'return':>11}{'max DD':>10}{ratios}", "header"),)]
        for window in WINDOWS:
            of = figures.get(window)
            if of is None:
                continue
            tone = "up" if (of.total_return or 0) > 0 else "down" if (of.total_return or 0) < 0 else "dim"
            lines.append(
                (
                    Run(f"{window:<7}", "dim"),
                    Run(f"{fmt.percent(of.total_return):>11}", tone),
                    Run(f"{fmt.percent(of.max_drawdown, 1):>10}{fmt.percent(of.volatility, 1, sign=False):>12}"),
                    Run(f"{fmt.ratio(of.sharpe):>8}{fmt.ratio(of.sortino):>9}"),
                    Run(f"{fmt.percent(of.win_rate, 0, sign=False):>10}{of.days:>6}", "dim"),
                )
            )
        return lines

    def _trades(self) -> list[Line]:
        rows = [row for row in self.world.traders.feed.rows() if row.trader == self._who][-30:]
        return [
            (
                Run(fmt.stamp(row.time_ns, self.world.zone), "dim"),
                Run(f"  {row.side:<11}", "up" if row.side in ("bought", "covered") else "down"),
                Run(f"{row.symbol:<10}"),
                Run(f"@ {row.price}"),
            )
            for row in reversed(rows)
        ] or [(Run("none seen; the feed shows those of followed traders", "dim"),)]

    def action_follow(self) -> None:
        """Follow or not."""
        state = self.world.traders.state(self._who)
        if state:
            self.dashboard.desk.follow(state)


def index_curve(answer: Mapping[str, Any]) -> Curve:
    """Read a trader's curve: points ``[time_ns, index, drawdown]``, or those of an account without equity."""
    points = answer.get("curve") or []
    if points and len(points[0]) == 3:
        return curve_of([[point[0], point[1], point[1], point[2]] for point in points])
    return curve_of([[point[0], point[2], point[2], point[3]] for point in points if len(point) >= 4])
