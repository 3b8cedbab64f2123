"""Pane 2: how the account is doing."""

from bisect import bisect
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from plugtui.tui import format as fmt
from plugtui.tui.charts import Beside, ChartView, Flow, Series, chart
from plugtui.tui.model.performance import VIEWS, Curve, Performance, benchmark_texts, figure_texts, short_texts
from plugtui.tui.panes import performance_views as views
from plugtui.tui.panes.base import Pane, waiting_lines
from plugtui.tui.panes.month_bars import month_bars
from plugtui.tui.panes.traders import window_runs
from plugtui.tui.screens.base import Form, Scroll, heading
from plugtui.tui.widgets.painted import Line, Painted, Run

_BESIDE = 150
"""From this width on figures and P&L stand beside the curve."""

_SIDE = 62
_TABS = 60
_PLOT_EVERY_NS = 1_000_000_000
_SECOND = "╌╌"
_TALLEST_BARS, _TALLEST_FALL = 18, 32
"""Lines of a chart beside a table; more would tell no more."""


class PerformanceChart(ChartView, can_focus=True):
    """The curves; holds the focus of the pane."""


class PerformancePane(Pane):
    """Equity or growth, drawdown, figures with their definitions, months, drawdowns, P&L per algorithm and symbol."""

    number = 2
    name_shown = "Performance"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w,right_square_bracket", "window(1)", "window", id="longer", tooltip="Next longer window"),
        Binding(
            "W,left_square_bracket", "window(-1)", "Shorter", id="shorter", show=False, tooltip="Next shorter window"
        ),
        Binding("v", "view(1)", "view", id="view", tooltip="Next view: figures, months, drawdowns, P&L"),
        Binding("V", "view(-1)", "View before", id="view-before", show=False, tooltip="The view before"),
        Binding("i", "index", "growth", id="index", tooltip="Money, or growth without deposits beside the benchmark"),
        Binding("b", "benchmark", "benchmark", id="benchmark", tooltip="Compare with another symbol"),
        Binding("full_stop", "point(1)", "Point on", id="point-on", show=False, tooltip="Read the curve one step on"),
        Binding(
            "comma", "point(-1)", "Point back", id="point-back", show=False, tooltip="Read the curve one step back"
        ),
        Binding("enter", "definitions", "definitions", id="definitions", tooltip="Every figure with its definition"),
    ]

    filterable = False

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.view = VIEWS[0]
        self._as_index = False
        self._figures_of: tuple[object, ...] = ()
        self._curves_of: tuple[object, ...] = ()
        self._plotted_ns = 0

    def compose_body(self) -> ComposeResult:
        """Yield the tabs, the overview, and the lines of the other views."""
        yield Painted(id="perf-tabs")
        with Horizontal(id="perf-overview"):
            with Vertical(id="perf-left"):
                yield PerformanceChart(id="perf-chart")
                yield Painted(id="perf-figures")
            yield Painted(id="perf-side")
        with Scroll(id="perf-scroll"):
            yield Painted(id="perf-lines")

    def main(self) -> Widget:
        """The curves, or the lines of another view, take the focus."""
        return self.query_one(PerformanceChart) if self.view == VIEWS[0] else self.query_one("#perf-scroll", Scroll)

    # ------------------------------------------------------------ the head

    def head_left(self) -> list[Run]:
        """Say what the curve is, as far as there is room beside the windows."""
        performance = self.world.performance
        room = self.size.width - 22 - len(self.name_shown) - 10
        runs = self._read_point(performance) or self._what(performance)
        if performance.loaded != performance.window and performance.loaded:
            runs.append(Run(" …", "warn"))
        while runs and sum(len(run.text) for run in runs) > room:
            runs.pop()
        return runs

    def _what(self, performance: Performance) -> list[Run]:
        """Name the view, or what is drawn."""
        against = performance.told.benchmark
        if self.view != VIEWS[0]:
            return [] if self._tabbed() else [Run(f" {self.view}", "accent")]
        if self._as_index:
            runs = [Run(" growth", "dim")]
            if against is not None and not self._tabbed() and self._beside(performance.curve):
                runs.append(Run(f" {_SECOND} {against.symbol}", "second"))
            return runs
        if performance.told.flows and not self._tabbed():
            return [Run(" ▴▾", "accent"), Run(" payments", "dim")]
        return []

    def _read_point(self, performance: Performance) -> list[Run]:
        """Write what the curve was at the moment that is pointed at."""
        moment, curve = self.query_one(PerformanceChart).pointed_ns, performance.curve
        if self.view != VIEWS[0] or moment is None or len(curve) < 2:
            return []
        at = min(max(0, bisect(curve.times_ns, moment) - 1), len(curve) - 1)
        if at + 1 < len(curve) and curve.times_ns[at + 1] - moment < moment - curve.times_ns[at]:
            at += 1
        form = "%H:%M" if performance.loaded == "1D" else "%d %b %Y" if self._tabbed() else "%d %b"
        value = fmt.percent(curve.index[at] - 1) if self._as_index else fmt.thousands(curve.equity[at], 0)
        return [
            Run(" " + fmt.when(curve.times_ns[at], self.world.zone).strftime(form), "strong"),
            Run(f" {value:>9}" if self._tabbed() else f" {value}", "chart"),
            Run(f"  drawdown {fmt.percent(curve.drawdown[at]):>8}", "fall"),
        ]

    def head_right(self) -> list[Run]:
        """Offer the windows."""
        return window_runs(self.world.performance.window, "window")

    def _tabbed(self) -> bool:
        return self.screen.has_class("-single") and self.size.width >= _TABS

    def _tabs(self) -> list[Line]:
        runs: list[Run] = []
        for name in VIEWS:
            chosen = name == self.view
            runs += [Run(f" {name} ", "chosen" if chosen else "dim", f"app.performance_view('{name}')"), Run(" ")]
        legend = self._legend() if self.view == VIEWS[0] else []
        used = sum(len(run.text) for run in (*runs, *legend))
        room = self.query_one("#perf-tabs", Painted).size.width
        while legend and used > room:
            used -= len(legend.pop().text)
        return [(*runs, Run(" " * max(0, room - used)), *legend)]

    def _legend(self) -> list[Run]:
        told = self.world.performance.told
        runs = [Run("━ growth " if self._as_index else "━ equity ", "chart")]
        if told.benchmark is not None and self._beside(self.world.performance.curve):
            runs.append(Run(f" {_SECOND} {told.benchmark.symbol} ", "second"))
        if any(amount > 0 for _, amount in told.flows):
            runs.append(Run(" ▴ paid in ", "accent"))
        if any(amount < 0 for _, amount in told.flows):
            runs.append(Run(" ▾ paid out ", "accent"))
        return runs

    # ------------------------------------------------------------ drawing

    def paint_pane(self, now_ns: int) -> None:
        """Draw what has changed. The curves come with an answer of the engine, which is asked for every few seconds."""
        self.paint_head()
        performance, account = self.world.performance, self.world.account
        overview, tabbed = self.view == VIEWS[0], self._tabbed()
        side = overview and tabbed and self.size.width >= _BESIDE and self.size.height >= 30
        self.query_one("#perf-tabs").display = tabbed
        self.query_one("#perf-overview").display = overview
        self.query_one("#perf-side").display = side
        self.query_one("#perf-scroll").display = not overview
        state = (performance.version, self.view, self._as_index, tabbed, side, self.size, self.world.link.state)
        parts = ("#perf-left", "#perf-scroll", "#perf-tabs")
        room = tuple(self.query_one(part).size for part in parts)
        if (*state, room, account) != self._figures_of:
            self._figures_of = (*state, room, account)
            self._paint_words(performance, side=side)
        chart_size = self.query_one(PerformanceChart).size
        curves = (*state, chart_size, account.equity if account else None)
        due = self._curves_of[:-1] != curves[:-1] or now_ns - self._plotted_ns >= _PLOT_EVERY_NS
        if overview and curves != self._curves_of and due:
            self._curves_of, self._plotted_ns = curves, now_ns
            self._paint_curves(performance)

    def _paint_curves(self, performance: Performance) -> None:
        view, curve = self.query_one(PerformanceChart), performance.live_curve(self.world.account)
        if len(curve) < 2:
            view.say(self._words(performance))
            return
        told = performance.told
        lower = Series(curve.times_ns, curve.drawdown, "percent", "fall", filled=True)
        flows = [Flow(time_ns, amount > 0) for time_ns, amount in told.flows]
        view.draw(self._upper(curve), lower, self.world.zone, self._curves_of, beside=self._beside(curve), flows=flows)

    def _beside(self, curve: Curve) -> Beside | None:
        """Return the benchmark's curve; within a day there are no closes of it to draw."""
        against = self.world.performance.told.benchmark
        if not self._as_index or against is None or not len(curve):
            return None
        kept = [point for point in against.curve if point[0] >= curve.times_ns[0]]
        return Beside([time_ns for time_ns, _ in kept], [growth - 1 for _, growth in kept]) if len(kept) > 1 else None

    def _upper(self, curve: Curve) -> Series:
        if self._as_index:
            return Series(curve.times_ns, [value - 1 for value in curve.index], "percent", base=0.0)
        start = curve.equity[0] if self.world.performance.loaded == "1D" else None
        return Series(curve.times_ns, curve.equity, base=start)

    def _words(self, performance: Performance) -> list[str]:
        """Say why there is no curve."""
        if performance.problem:
            return [performance.problem]
        if self.world.link.state != "connected":
            return waiting_lines(self.world.link)
        if performance.told.progress:
            return [performance.told.progress + " …"]
        if performance.loaded:
            return ["no history in this window yet", "w: another window"]
        return ["reading the account's history …"]

    def _paint_words(self, performance: Performance, *, side: bool) -> None:
        self.query_one("#perf-tabs", Painted).paint(self._tabs())
        grid = self.query_one("#perf-figures", Painted)
        width = self.query_one("#perf-left").size.width or self.size.width - 4
        if self.view != VIEWS[0]:
            lines = self.query_one("#perf-lines", Painted)
            lines.paint(
                self._view_lines(performance, self.query_one("#perf-scroll", Scroll).scrollable_content_region.width)
            )
        elif side:
            self.query_one("#perf-side", Painted).paint(self._side_lines(performance))
            grid.paint(self._below(performance, width))
        else:
            height = self.size.height
            rows = 3 if height < 14 else 4 if height < 16 else 5
            grid.paint(views.figure_grid(short_texts(performance, self.world.account), width, rows))

    def _view_lines(self, performance: Performance, width: int) -> list[Line]:
        told, account, zone = performance.told, self.world.account, self.world.zone
        width = max(24, width)
        match self.view:
            case "figures":
                return views.figures_view(performance, account, width, zone)
            case "months":
                table = [*views.months_view(told.calendar, width), (Run(""),), _ALL_HISTORY]
                bars = month_bars(told.calendar, width, min(_TALLEST_BARS, self._room() - len(table) - 1))
                return [*table, *([(Run(""),), *bars] if bars else [])]
            case "drawdowns":
                table = views.drawdowns_view(told.drawdowns, width, zone)
                height = max(self._room() // 2, self._room() - len(table) - 1)
                return [*self._under_water(performance, width, min(height, _TALLEST_FALL)), *table]
            case _:
                return views.pnl_view(performance, account, width, zone)

    def _room(self) -> int:
        """Lines of a view that are seen without scrolling."""
        return self.query_one("#perf-scroll", Scroll).size.height

    def _under_water(self, performance: Performance, width: int, height: int) -> list[Line]:
        """Draw the drawdown over time where there is room above its table."""
        curve = performance.curve
        if height < 6 or len(curve) < 2:
            return []
        fall = Series(curve.times_ns, curve.drawdown, "percent", "fall", filled=True)
        return [*chart(fall, width, height, self.world.zone), (Run(""),)]

    def _side_lines(self, performance: Performance) -> list[Line]:
        account, width = self.world.account, _SIDE - 2
        figures = figure_texts(performance, account)
        lines = views.figure_table(figures, width, before=True, words=False)
        head = f"{'':<14}{performance.window:>13}" + (f"{'before':>13}" if performance.told.before else "")
        compared = views.figure_table(benchmark_texts(performance), width, before=False, words=False)
        return [
            (Run(head, "header"),),
            *lines,
            *([(Run(""),), heading("beside the benchmark", width), *compared] if compared else []),
            (Run(""),),
            *views.algo_lines(performance.by_algo, width),
            (Run(""),),
            *views.symbol_lines(performance.by_symbol, account, width),
        ]

    def _below(self, performance: Performance, width: int) -> list[Line]:
        """Write months and drawdowns below the curve."""
        told, months = performance.told, 88
        left = views.months_view(told.calendar[-6:], months)
        if width < months + 4 + 33:
            return [(Run(""),), *left]
        right = views.drawdowns_view(told.drawdowns[: max(3, len(left) - 1)], width - months - 4, self.world.zone)
        return [(Run(""),), *views.beside(left, right, months)]

    # ------------------------------------------------------------ actions

    def action_window(self, by: int) -> None:
        """Choose the next window."""
        self.world.performance.step(by)
        self.dashboard.load_performance()

    def action_index(self) -> None:
        """Money or growth."""
        self._as_index = not self._as_index

    def action_view(self, by: int) -> None:
        """Go to the next view."""
        self.show_view(VIEWS[(VIEWS.index(self.view) + by) % len(VIEWS)])

    def show_view(self, name: str) -> None:
        """Show a view, from its first line on."""
        focused = self.has_focus_within
        self.view = name
        self.query_one("#perf-overview").display = name == VIEWS[0]
        scroll = self.query_one("#perf-scroll", Scroll)
        scroll.display = name != VIEWS[0]
        scroll.scroll_home(animate=False)
        if focused:
            self.main().focus()
        self.call_after_refresh(self.paint_pane, self.dashboard.now_ns())

    def action_point(self, by: int) -> None:
        """Read the curve one step on or back."""
        self.query_one(PerformanceChart).step(by)

    @on(ChartView.Pointed)
    def _pointed(self, event: ChartView.Pointed) -> None:
        event.stop()
        self.paint_head()

    def action_definitions(self) -> None:
        """Show every figure with its definition, in the whole terminal; again: back to the curve."""
        if self.view == "figures":
            self.show_view(VIEWS[0])
            return
        if not self.screen.has_class("-single"):
            self.dashboard.action_zoom()
        self.show_view("figures")

    def clear_filter(self) -> bool:
        """Point at nothing, then go back to the curve, when the reader steps back."""
        chart_view = self.query_one(PerformanceChart)
        if self.view == VIEWS[0] and chart_view.pointed_ns is None:
            return False
        chart_view.point(None)
        self.show_view(VIEWS[0])
        return True

    def action_benchmark(self) -> None:
        """Ask for a symbol."""
        performance = self.world.performance
        told = performance.told.benchmark
        text = ["A stock, a fund or a crypto pair, such as SPY, QQQ or BTC/USD.", "Empty: no comparison.", ""]

        async def submit(fields: dict[str, str]) -> None:
            symbol = fields["symbol"].upper()
            await self.dashboard.command("performance", window=performance.window, benchmark=symbol)
            performance.symbol = symbol
            if self.dashboard.options.save_benchmark:
                self.dashboard.options.save_benchmark(symbol)
            self._as_index = bool(symbol)
            self.dashboard.load_performance()

        field = ("symbol", "symbol", told.symbol if told else "", False)
        self.dashboard.push_screen(Form("Compare with", text, [field], submit, verb="Compare"))


_ALL_HISTORY: Line = (Run("deposits and withdrawals taken out; the whole history, whatever the window", "dim"),)
