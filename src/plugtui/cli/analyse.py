"""``plugtui analyse``: the performance figures of a file, as the dashboard computes them."""

import json
import shutil
import sys
import textwrap
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from plugtui.cli.options import json_option
from plugtui.errors import PlugtuiError

if TYPE_CHECKING:
    from plugtui.performance.analysis import Figure, Report

_PERCENT = frozenset({
    "total_return", "cagr", "volatility", "downside_deviation", "max_drawdown", "win_rate", "winning_days",
    "value_at_risk", "expected_shortfall",
})  # fmt: skip
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--periods",
    type=click.IntRange(min=1),
    metavar="N",
    help="Returns a year (default: 252, or 52 or 12 by the spacing of the dates).",
)
@json_option
def analyse(file: str, periods: int | None, as_json: bool) -> None:
    """Print the performance figures of FILE, a CSV file (- for stdin), as the dashboard computes them.

    The header tells what it is:

    \b
      date,equity[,flow]                      an equity curve; flow: deposits, withdrawals negative
      date,return                             simple returns, 0.012 for 1.2 %; empty where there is none
      time,symbol,side,qty,price[,fee]        fills, the oldest first

    A deposit counts at the start of its day, a withdrawal at the end; in a row without an equity, by its part of the
    period (Modified Dietz). A figure that is not defined says why.
    """
    from plugtui.performance import analysis
    from plugtui.performance.files import read_table

    name = "stdin" if file == "-" else file
    table = read_table(_lines(file, name), name)
    try:
        report = analysis.analyse(table, periods)
    except ValueError as error:
        raise PlugtuiError(f"{name}: {error}", "Say how many periods a year has, with --periods N.") from None
    if as_json:
        click.echo(json.dumps({"file": name, **analysis.as_json(report)}, allow_nan=False))
    else:
        click.echo("\n".join(_text(report, name)))


def _lines(file: str, name: str) -> list[str]:
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise PlugtuiError(f"{name} cannot be read: {error.strerror}") from None
    try:
        return data.decode("utf-8-sig").splitlines(keepends=True)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PlugtuiError(
            f"{name}, line {line}: the byte {data[error.start]:#04x}", "expected text in UTF-8"
        ) from None


def _text(report: "Report", name: str) -> list[str]:
    spacing = f", {report.periods:g} periods a year" if report.periods else ""
    lines = [f"{name}: {report.kind}, {report.first} to {report.last}{spacing}", ""]
    width = min(max(shutil.get_terminal_size((100, 24)).columns, 60), 120)
    for key, value in report.figures.items():
        lines += _figure("realized_pnl" if key == "pnl" and report.kind == "fills" else key, value, width)
    if report.drawdowns:
        lines += ["", "Deepest drawdowns"]
        for fall in report.drawdowns:
            end = f"recovered {fall['recovery']}" if fall["recovery"] else "not recovered"
            start = fall["peak"] or "the start"
            lines.append(f"  {fall['depth']:>9.2%}   from {start} to {fall['valley']}, {end}")
    lines += _calendar(report)
    if report.by_symbol:
        lines += ["", "  Symbol            P&L   Trips   Still open"]
        lines += [
            f"  {symbol:<10} {Decimal(row['pnl']):>+12,.2f} {row['round_trips']:>7} {row['open_qty']:>12}"
            for symbol, row in report.by_symbol.items()
        ]
    return [*lines, *([""] if report.notes else []), *(f"Note: {note}" for note in report.notes)]


def _figure(key: str, value: "Figure", width: int) -> list[str]:
    from plugtui.performance.figures import DEFINITIONS
    from plugtui.performance.ratios import Undefined

    label, _, definition = DEFINITIONS[key].partition(": ")
    if isinstance(value, Undefined):
        definition = f"undefined: {value.reason}. {definition}"
    head = f"  {label:<20} {_shown(key, value):>14}   "
    return textwrap.wrap(definition, width, initial_indent=head, subsequent_indent=" " * len(head))


def _shown(key: str, value: "Figure") -> str:
    from plugtui.performance.ratios import Undefined

    if isinstance(value, Undefined):
        return "–"
    if isinstance(value, Decimal):
        return f"{value:,.2f}" if key == "fees" else f"{value:+,.2f}"
    if isinstance(value, int):
        return str(value)
    if key in _PERCENT:
        return f"{value:+.2%}" if key in ("total_return", "cagr") else f"{value:.2%}"
    return f"{value:,.3f}"


def _calendar(report: "Report") -> list[str]:
    if not report.calendar:
        return []
    lines = [
        "",
        "  Year" + "".join(f"{month:>7}" for month in _MONTHS) + "    Year",
    ]
    for row in report.calendar:
        cells = "".join("       " if value is None else f"{value * 100:>+7.1f}" for value in row["months"])
        lines.append(f"  {row['year']}{cells}{row['total'] * 100:>+8.1f} %")
    return lines
