"""Pane 2: how the account is doing."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget

from plugtui.control.messages import AccountState
from plugtui.tui import format as fmt
from plugtui.tui.charts import ChartView, Series
from plugtui.tui.model.performance import FigureText, Performance, Share, figure_texts
from plugtui.tui.panes.base import Pane
from plugtui.tui.panes.traders import window_runs
from plugtui.tui.widgets.painted import Line, Painted, Run

_GAP = 2
_NUMBER = 7


class PerformanceChart(ChartView, can_focus=True):
    """The curves; holds the focus of the pane."""


class PerformancePane(Pane):
    """Equity, drawdown, figures; zoomed also their definitions, and P&L per algorithm and symbol."""

    number = 2
    name_shown = "Performance"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w,right_square_bracket", "window(1)", "window", id="longer", tooltip="Next longer window"),
        Binding(
            "W,left_square_bracket", "window(-1)", "Shorter", id="shorter", show=False, tooltip="Next shorter window"
        ),
        Binding("i", "index", "index", id="index", tooltip="Money, or growth without deposits"),
        Binding(
            "enter", "app.zoom", "definitions", id="definitions", tooltip="Enlarge, with the definition of every figure"
        ),
    ]

    filterable = False

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._as_index = False
        self._figures_of: tuple[object, ...] = ()
        self._curves_of: tuple[object, ...] = ()

    def compose_body(self) -> ComposeResult:
        """Yield curves, figures and tables."""
        yield PerformanceChart(id="perf-chart")
        yield Painted(id="perf-figures")
        yield Painted(id="perf-tables")

    def main(self) -> Widget:
        """The curves take the focus."""
        return self.query_one(PerformanceChart)

    def head_left(self) -> list[Run]:
        """Say what the curve is."""
        return [Run(" growth of 1", "dim")] if self._as_index else []

    def head_right(self) -> list[Run]:
        """Offer the windows."""
        return window_runs(self.world.performance.window, "window")

    def paint_pane(self, now_ns: int) -> None:
        """Draw what has changed. The curves come with an answer of the engine, which is asked for once a second at most."""
        self.paint_head()
        performance, account = self.world.performance, self.world.account
        zoomed = self.screen.has_class("-single")
        curves = (performance.version, self._as_index, zoomed, self.size, self.world.link.state)
        figures = (*curves, account)
        if figures != self._figures_of:
            self._figures_of = figures
            self._paint_figures(performance, zoomed)
        if curves != self._curves_of:
            self._curves_of = curves
            self._paint_curves(performance)

    def _paint_curves(self, performance: Performance) -> None:
        view, curve = self.query_one(PerformanceChart), performance.curve
        if len(curve) < 2:
            view.say(self._words(performance))
            return
        upper = Series(curve.times_ns, curve.index if self._as_index else curve.equity)
        lower = Series(curve.times_ns, curve.drawdown, "percent", "fall", filled=True)
        view.draw(upper, lower, self.world.zone, self._curves_of)

    def _words(self, performance: Performance) -> list[str]:
        """Say why there is no curve."""
        if performance.problem:
            return [performance.problem]
        if self.world.link.state != "connected":
            return ["waiting for the engine"]
        if performance.loaded:
            return ["no history in this window yet", "w: another window"]
        return ["reading the account's history …"]

    def _paint_figures(self, performance: Performance, zoomed: bool) -> None:
        figures = figure_texts(performance.figures, self.world.account)
        view, tables = self.query_one("#perf-figures", Painted), self.query_one("#perf-tables", Painted)
        width = self.query_one(PerformanceChart).size.width or self.size.width
        if zoomed and self.size.height >= 22:
            view.paint(definition_lines(figures, width))
            room = max(0, self.size.height // 4)
            tables.paint(share_lines(performance, self.world.account, width, room))
        else:
            rows = 3 if self.size.height < 14 else 4 if self.size.height < 22 else 5
            view.paint(figure_grid(figures, width, rows))
            tables.paint([])

    def action_window(self, by: int) -> None:
        """Choose the next window."""
        self.world.performance.step(by)
        self.dashboard.load_performance()

    def action_index(self) -> None:
        """Money or growth."""
        self._as_index = not self._as_index


def figure_grid(figures: Sequence[FigureText], width: int, rows: int) -> list[Line]:
    """Lay the figures out in columns, the most important first, at most ``rows`` lines; nothing is cut."""
    for columns in range(6, 0, -1):
        shown = figures[: rows * columns]
        widths = [max(_needed(figure) for figure in shown[i::columns]) for i in range(min(columns, len(shown)))]
        spare = width - sum(widths) - _GAP * (len(widths) - 1)
        if spare >= 0:
            break
    widths = [cells + max(0, spare) // len(widths) for cells in widths]
    lines: list[Line] = []
    for start in range(0, len(shown), columns):
        line: list[Run] = []
        for figure, cells in zip(shown[start : start + columns], widths, strict=False):
            value = fmt.fit(figure.value.text, max(1, cells - len(figure.title) - 1), "right")
            line += [Run(" " * _GAP)] if line else []
            line += [Run(figure.title + " ", "dim"), Run(value, figure.value.style or "strong")]
        lines.append(tuple(line))
    return lines


def _needed(figure: FigureText) -> int:
    return len(figure.title) + 1 + max(_NUMBER, len(figure.value.text))


def definition_lines(figures: Sequence[FigureText], width: int) -> list[Line]:
    """Write every figure with its definition, or why it is undefined."""
    lines: list[Line] = []
    for figure in figures:
        words = f"undefined: {figure.why}" if figure.why else figure.definition
        lines.append(
            (
                Run(fmt.fit(figure.title, 14), "dim"),
                Run(fmt.fit(figure.value.text, 14, "right"), figure.value.style or "strong"),
                Run("  " + fmt.fit(words, max(1, width - 30)), "warn" if figure.why else "dim"),
            )
        )
    return lines


def share_lines(performance: Performance, account: AccountState | None, width: int, room: int) -> list[Line]:
    """Write P&L per algorithm beside P&L per symbol, with the position held."""
    half = (width - 4) // 2
    held = (
        {p.symbol: f"{fmt.quantity(p.qty)} @ {fmt.price(p.avg_entry_price)}" for p in account.positions}
        if account
        else {}
    )
    left = _share_column("P&L by algorithm", performance.by_algo, half, {})
    right = _share_column("P&L by symbol", performance.by_symbol, half, held)
    if account:
        money = f"cash {fmt.thousands(account.cash)}   buying power {fmt.thousands(account.buying_power)}"
        left += [(Run(fmt.fit("", half)),), (Run(fmt.fit(money, half), "dim"),)]
    count = min(max(len(left), len(right)), room)
    blank: Line = (Run(" " * half),)
    if not (performance.by_algo or performance.by_symbol):
        return []
    rows = [(left[i] if i < len(left) else blank, right[i] if i < len(right) else blank) for i in range(count)]
    return [(Run(""),), *((*one, Run("    "), *other) for one, other in rows)]


def _share_column(title: str, shares: Sequence[Share], width: int, notes: Mapping[str, str]) -> list[Line]:
    name_width = min(14, width - 28) if notes else width - 28
    note_width = width - 28 - name_width
    head = (
        fmt.fit(title, width - 28)
        if note_width < 9
        else fmt.fit(title, name_width) + fmt.fit("position", note_width, "right")
    )
    lines: list[Line] = [(Run(head + f"{'realised':>14}{'unrealised':>14}", "header"),)]
    for share in shares:
        tone = "up" if share.pnl > 0 else "down" if share.pnl < 0 else "dim"
        money = f"{fmt.signed(share.realized):>14}{fmt.signed(share.unrealized):>14}"
        note = fmt.fit(notes.get(share.name, ""), note_width, "right") if note_width >= 9 else " " * note_width
        lines.append((Run(fmt.fit(share.name, name_width), "accent"), Run(note, "dim"), Run(money, tone)))
    return lines
