"""What the views of the performance pane write: figures with definitions, months, drawdowns, P&L per algorithm and symbol."""

import textwrap
from collections.abc import Mapping, Sequence
from datetime import tzinfo

from plugtui.control.messages import AccountState
from plugtui.tui import format as fmt
from plugtui.tui.model.performance import (
    NOT_OURS,
    UNATTRIBUTED,
    Fall,
    FigureText,
    Performance,
    Share,
    Year,
    benchmark_texts,
    figure_texts,
    more_texts,
    total_of,
)
from plugtui.tui.screens.base import heading
from plugtui.tui.widgets.painted import Line, Run

_GAPS = (3, 2)
_NUMBER = 7
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONEY = 12
_DAY_NS = 86_400_000_000_000
_BLANK: Line = (Run(""),)


# ---------------------------------------------------------------- figures


def figure_grid(figures: Sequence[FigureText], width: int, rows: int) -> list[Line]:
    """Lay the figures out in columns, the most important first, at most ``rows`` lines; nothing is cut."""
    for columns, gap in ((columns, gap) for columns in range(6, 0, -1) for gap in _GAPS):
        shown = figures[: rows * columns]
        widths = [max(_needed(figure) for figure in shown[i::columns]) for i in range(min(columns, len(shown)))]
        spare = width - sum(widths) - gap * (len(widths) - 1)
        if spare >= 0:
            break
    widths = [cells + max(0, spare) // len(widths) for cells in widths]
    lines: list[Line] = []
    for start in range(0, len(shown), columns):
        line: list[Run] = []
        for figure, cells in zip(shown[start : start + columns], widths, strict=False):
            value = fmt.fit(figure.value.text, max(1, cells - len(figure.title) - 1), "right")
            line += [Run(" " * gap)] if line else []
            line += [Run(figure.title + " ", "dim"), Run(value, figure.value.style or "strong")]
        lines.append(tuple(line))
    return lines


def _needed(figure: FigureText) -> int:
    return len(figure.title) + 1 + max(_NUMBER, len(figure.value.text))


def figure_table(figures: Sequence[FigureText], width: int, *, before: bool, words: bool = True) -> list[Line]:
    """Write every figure with its value, that of the window before, and its definition or why it is undefined."""
    title_width = 14
    past_width = 13 if before and width >= 40 and any(figure.before for figure in figures) else 0
    left = title_width + 13 + past_width + 2
    lines: list[Line] = []
    for figure in figures:
        runs = [
            Run(fmt.fit(figure.title, title_width), "dim"),
            Run(fmt.fit(figure.value.text, 13, "right"), figure.value.style or "strong"),
        ]
        if past_width:
            runs.append(Run(fmt.fit(figure.before, past_width, "right"), "dim"))
        lines += _with_words(figure, runs, left, width) if words else [tuple(runs)]
    return lines


def _with_words(figure: FigureText, runs: list[Run], left: int, width: int) -> list[Line]:
    words = f"undefined: {figure.why}" if figure.why else figure.definition
    tone = "warn" if figure.why else "dim"
    if width - left < 24:  # the words go below the figure
        return [tuple(runs), *((Run("  " + line, tone),) for line in textwrap.wrap(words, max(16, width - 2)))]
    wrapped = textwrap.wrap(words, width - left) or [""]
    first: Line = (*runs, Run("  " + wrapped[0], tone))
    return [first, *((Run(" " * left + line, tone),) for line in wrapped[1:])]


def figures_view(performance: Performance, account: AccountState | None, width: int, zone: tzinfo | None) -> list[Line]:
    """Write all figures and the comparison with their definitions."""
    before = performance.told.before
    lines: list[Line] = []
    if before is not None:
        span = f"{fmt.when(before.from_ns, zone):%d %b} to {fmt.when(before.to_ns, zone):%d %b %Y}"
        heads = f"{'':<14}{performance.window:>13}{'before':>13}" if width >= 40 else ""
        note = f"before: {span}"
        if len(heads) + 2 + len(note) <= width:
            lines.append((Run(heads + "  ", "header"), Run(note, "dim")))
        else:
            lines += [(Run(fmt.fit(note, width), "dim"),), *([(Run(heads, "header"),)] if heads else [])]
    lines += figure_table(figure_texts(performance, account), width, before=before is not None)
    compared = benchmark_texts(performance)
    if compared:
        lines += [_BLANK, heading("beside the benchmark", width), *figure_table(compared, width, before=False)]
    more = more_texts(performance)
    if more:
        lines += [_BLANK, heading("risk and use of the capital", width), *figure_table(more, width, before=False)]
    if performance.told.marks:
        lines += [_BLANK, heading("to mind", width)]
        remarks = [f"{fmt.when(mark.time_ns, zone):%d %b %Y}  {mark.text}" for mark in performance.told.marks]
        lines += [(Run(line, "warn"),) for text in remarks for line in textwrap.wrap(text, max(16, width))]
    return lines


# ---------------------------------------------------------------- months


def months_view(years: Sequence[Year], width: int) -> list[Line]:
    """Write the return of each month and year, in per cent, deposits taken out."""
    if not years:
        return [(Run("no month yet", "dim"),)]
    cell = 7 if width >= 6 + 12 * 7 + 9 else 6
    if width < 6 + 12 * cell + 9:
        return _months_down(years, width)
    lines: list[Line] = [(Run(f"{'%':<6}" + "".join(f"{m:>{cell}}" for m in _MONTHS) + f"{'year':>9}", "header"),)]
    for row in reversed(years):
        runs = [Run(f"{row.year:<6}", "dim"), *(_month(value, cell) for value in row.months), _month(row.total, 9)]
        lines.append(tuple(runs))
    return [*lines, _BLANK, *_best_and_worst(years)]


def _months_down(years: Sequence[Year], width: int) -> list[Line]:
    shown = list(years)[-max(1, (width - 6) // 8) :]
    lines: list[Line] = [(Run(f"{'%':<6}" + "".join(f"{row.year:>8}" for row in shown), "header"),)]
    for at, name in enumerate(_MONTHS):
        lines.append((Run(f"{name:<6}", "dim"), *(_month(row.months[at], 8) for row in shown)))
    lines.append((Run(f"{'year':<6}", "header"), *(_month(row.total, 8) for row in shown)))
    return [*lines, _BLANK, *_best_and_worst(years)]


def _month(value: float | None, cells: int) -> Run:
    if value is None:
        return Run(f"{'·':>{cells}}", "line")
    text = fmt.signed(value * 100, 1)
    return Run(f"{text:>{cells}}", "dim" if text == "0.0" else "up" if value > 0 else "down")


def _best_and_worst(years: Sequence[Year]) -> list[Line]:
    found = [
        (value, f"{_MONTHS[at]} {row.year}")
        for row in years
        for at, value in enumerate(row.months)
        if value is not None
    ]
    if not found:
        return []
    best, worst = max(found), min(found)
    gains = sum(value > 0 for value, _ in found)
    return [
        (Run("best   ", "dim"), Run(f"{fmt.percent(best[0]):>10}", _tone(best[0])), Run(f"  {best[1]}", "dim")),
        (Run("worst  ", "dim"), Run(f"{fmt.percent(worst[0]):>10}", _tone(worst[0])), Run(f"  {worst[1]}", "dim")),
        (Run("gains  ", "dim"), Run(f"{gains:>3} of {len(found)}", "strong"), Run("  months", "dim")),
    ]


# ---------------------------------------------------------------- drawdowns


def drawdowns_view(falls: Sequence[Fall], width: int, zone: tzinfo | None) -> list[Line]:
    """Write the deepest falls below a peak, the deepest first, with their dates."""
    if not falls:
        return [(Run("never below its peak in this window", "dim"),)]
    wide = width >= 66
    cells = 13 if wide else 12
    head = f"{'depth':>9}{'peak':>{cells}}{'trough':>{cells}}"
    head += f"{'recovered':>13}{'down':>8}{'in all':>8}" if wide else ""
    lines: list[Line] = [(Run(head, "header"),)]
    for fall in falls:
        end = _day(fall.recovery_ns, zone, wide) if fall.recovery_ns else "not yet"
        runs = [
            Run(f"{fmt.percent(fall.depth):>9}", "down"),
            Run(f"{_day(fall.peak_ns, zone, wide):>{cells}}{_day(fall.valley_ns, zone, wide):>{cells}}"),
        ]
        if wide:
            runs.append(Run(f"{end:>13}", "dim" if fall.recovery_ns else "warn"))
            runs.append(
                Run(f"{_days(fall.peak_ns, fall.valley_ns):>8}{_days(fall.peak_ns, fall.recovery_ns):>8}", "dim")
            )
        lines.append(tuple(runs))
    return lines


def _day(time_ns: int | None, zone: tzinfo | None, wide: bool) -> str:
    return fmt.UNDEFINED if time_ns is None else fmt.when(time_ns, zone).strftime("%d %b %Y" if wide else "%d %b %y")


def _days(from_ns: int | None, to_ns: int | None) -> str:
    return fmt.UNDEFINED if from_ns is None or to_ns is None else f"{round((to_ns - from_ns) / _DAY_NS)} d"


# ---------------------------------------------------------------- P&L


def pnl_view(performance: Performance, account: AccountState | None, width: int, zone: tzinfo | None) -> list[Line]:
    """Write P&L per algorithm with its sum beside the broker's numbers, and P&L per symbol with the position held."""
    if not (performance.by_algo or performance.by_symbol):
        return [(Run("no fill yet", "dim"),)]
    half = max(54, (width - 4) * 9 // 20) if width >= 112 else width
    left = [*algo_lines(performance.by_algo, half), *reconcile_lines(performance, half, zone)]
    if account:
        money = f"cash {fmt.thousands(account.cash)}   buying power {fmt.thousands(account.buying_power)}"
        left += [_BLANK, (Run(fmt.fit(money, half), "dim"),)]
    right = symbol_lines(performance.by_symbol, account, width if half == width else width - half - 4)
    if half == width:
        return [*left, _BLANK, *right]
    return beside(left, right, half)


def beside(left: Sequence[Line], right: Sequence[Line], width: int) -> list[Line]:
    """Put two columns of lines side by side; the left one is ``width`` cells wide."""
    lines = []
    for at in range(max(len(left), len(right))):
        one = left[at] if at < len(left) else _BLANK
        used = sum(len(run.text) for run in one)
        lines.append((*one, Run(" " * (width - used + 4)), *(right[at] if at < len(right) else _BLANK)))
    return lines


def algo_lines(shares: Sequence[Share], width: int) -> list[Line]:
    """Write P&L per algorithm and the sum."""
    named = [
        Share(NOT_OURS if share.name == UNATTRIBUTED else share.name, share.realized, share.unrealized, share.fills)
        for share in shares
    ]
    return [
        *_share_lines("P&L by algorithm", named, width),
        _share_line(total_of(named, "all together"), width, "strong"),
    ]


def symbol_lines(shares: Sequence[Share], account: AccountState | None, width: int) -> list[Line]:
    """Write P&L per symbol with the position held."""
    held = (
        {p.symbol: f"{fmt.quantity(p.qty)} @ {fmt.thousands(p.avg_entry_price)}" for p in account.positions}
        if account
        else {}
    )
    return _share_lines("P&L by symbol", shares, width, held)


def _share_lines(title: str, shares: Sequence[Share], width: int, notes: Mapping[str, str] | None = None) -> list[Line]:
    name, columns = _columns(width)
    head = fmt.fit(title, name) + "".join(f"{column:>{_MONEY}}" for column in columns)
    if notes is not None and name >= len(title) + 9:
        head = fmt.fit(title, name - 9) + f"{'position':>9}" + head[name:]
    return [(Run(head, "header"),), *(_share_line(share, width, "accent", notes) for share in shares)]


def _columns(width: int) -> tuple[int, list[str]]:
    """Return the width of the name and the columns that there is room for."""
    for columns in (["realised", "unrealised", "total"], ["unrealised", "total"], ["total"]):
        if width - _MONEY * len(columns) >= 18:
            return width - _MONEY * len(columns), columns
    return max(1, width - _MONEY), ["total"]


def _share_line(share: Share, width: int, tone: str, notes: Mapping[str, str] | None = None) -> Line:
    name, columns = _columns(width)
    amounts = {"realised": share.realized, "unrealised": share.unrealized, "total": share.pnl}
    note = ""
    if notes is None and name >= 32 and share.fills:
        note = f"{share.fills:,} fills"
    elif notes is not None:
        note = notes.get(share.name, "")
    note = note if len(note) + len(share.name) < name else ""
    runs = [Run(fmt.fit(share.name, name - len(note)), tone), Run(note, "dim")]
    runs += [Run(f"{fmt.signed(amounts[column]):>{_MONEY}}", _tone(amounts[column]) or "dim") for column in columns]
    return tuple(runs)


def reconcile_lines(performance: Performance, width: int, zone: tzinfo | None) -> list[Line]:
    """Lay the sum of the books beside what the broker states, and show the difference."""
    found = performance.told.reconcile
    lines: list[Line] = []
    if found is not None:
        since = fmt.when(found.since_ns, zone)
        amounts = [("dividends and fees", fmt.signed(found.income))]
        if found.broker is not None:
            amounts += [
                ("account, by the broker", fmt.signed(found.broker)),
                ("difference", fmt.signed(found.difference)),
            ]
        for title, text in amounts:
            tone = "warn" if title == "difference" and text.strip("0.,+-") else "dim"
            lines.append((Run(fmt.fit(title, width - _MONEY), "dim"), Run(f"{text:>{_MONEY}}", tone)))
        words = [f"Counted from {since:%d %b %Y} on, when the known fills begin, whatever the window."]
        if found.broker is None:
            words.append("The broker's daily history begins later: there is nothing to compare with.")
        elif found.difference and found.held_before:
            words.append(
                f"{found.held_before} positions were held before that day: they count from their entry or from the first "
                "known fill, the broker counts from the close before. Hence the difference."
            )
    else:
        words = []
    if any(share.name == UNATTRIBUTED for share in performance.by_algo):
        words.append(f"{NOT_OURS}: no algorithm sent the order; by hand, in another app, or before plugtui ran.")
    return [*lines, _BLANK, *((Run(line, "dim"),) for text in words for line in textwrap.wrap(text, max(20, width)))]


def _tone(value: object) -> str:
    if not value:
        return ""
    return "up" if value > 0 else "down"  # type: ignore[operator]
