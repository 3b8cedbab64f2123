"""``plugtui export``: the ledger as data, also while an engine writes it."""

import csv
import json
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from plugtui.cli.options import paths_of, profile_option

_FILLS = """
    SELECT time_ns AS time, symbol, side, qty, price, algo, order_id, client_order_id, execution_id, cum_qty, position_qty,
           recovered
    FROM executions WHERE :algo IS NULL OR algo = :algo ORDER BY time_ns, execution_id
"""
_ORDERS = """
    SELECT submitted_ns AS time, symbol, side, qty, type, tif, limit_price, stop_price, status, filled_qty, filled_avg_price,
           algo, order_id, client_order_id, updated_ns AS updated, replaced_by, replaces, parent_id
    FROM orders WHERE :algo IS NULL OR algo = :algo ORDER BY submitted_ns, order_id
"""
_EQUITY = "SELECT time_ns, equity FROM equity_days ORDER BY time_ns"
_ACTIVITIES = "SELECT activity_id, type, day, net_amount FROM activities ORDER BY day, activity_id"
_TIMES = {"time", "updated"}


@click.group()
def export() -> None:
    """Print the ledger as CSV or JSON, the oldest first."""


def _add(name: str, query: str, help_text: str) -> None:
    @export.command(name, help=help_text)
    @click.option("--csv", "form", flag_value="csv", default=True, help="Comma-separated, with a header (the default).")
    @click.option("--json", "form", flag_value="json", help="One JSON array; quantities and prices are exact strings.")
    @click.option("--algo", metavar="NAME", help="Those of one algorithm only.")
    @profile_option
    def run(form: str, algo: str | None, profile: str | None) -> None:
        rows = _rows(paths_of(profile).ledger, query, algo)
        (_write_json if form == "json" else _write_csv)(rows)
        # What is buffered must fail here, where it is handled, and not at the interpreter's end.
        sys.stdout.flush()


@export.command("performance")
@click.option("--csv", "form", flag_value="csv", default=True, help="Comma-separated, with a header (the default).")
@click.option("--json", "form", flag_value="json", help="One JSON array; equity and flow are exact strings.")
@profile_option
def performance(form: str, profile: str | None) -> None:
    """The account day by day: equity, deposits and withdrawals, and the growth without them.

    `plugtui analyse -` reads it.
    """
    rows = _days(paths_of(profile).ledger)
    (_write_json if form == "json" else _write_csv)(rows)
    sys.stdout.flush()


def _days(ledger: Path) -> Iterator[tuple[object, ...]]:
    """Make the daily curve of what the broker told, as the dashboard does. Raises StoreError."""
    from decimal import Decimal

    from plugtui.brokers.port import Activity, EquityPoint
    from plugtui.performance.curve_json import curve_points
    from plugtui.performance.history import from_points

    points = [EquityPoint(int(str(at)), Decimal(str(equity))) for at, equity in _found(ledger, _EQUITY)]
    paid = [
        Activity(str(name), str(kind), str(day), Decimal(str(amount)))
        for name, kind, day, amount in _found(ledger, _ACTIVITIES)
    ]
    curve = from_points(points, paid)
    yield "date", "equity", "flow", "growth", "drawdown"
    shown = curve_points(curve, max(4, 2 * len(curve)))
    for day, flow, (_, equity, index, below) in zip(curve.days, curve.flow.tolist(), shown, strict=True):
        yield day.isoformat(), _plain(equity), _plain(flow), index, below


def _found(ledger: Path, query: str) -> list[tuple[object, ...]]:
    rows = _rows(ledger, query, None)
    next(rows)
    return list(rows)


def _plain(amount: float) -> str:
    from decimal import Decimal

    return format(Decimal(repr(amount)), "f").removesuffix(".0")


_add("fills", _FILLS, "Each execution once, with the algorithm whose order it was.")
_add("orders", _ORDERS, "Each order as it stands now.")


def _rows(ledger: Path, query: str, algo: str | None) -> Iterator[tuple[object, ...]]:
    """Read the names of the columns, then row by row, through a connection that cannot write.

    Raises:
        StoreError: there is no ledger, or it cannot be read.
    """
    from plugtui.errors import StoreError
    from plugtui.wire.times import ns_to_rfc3339

    if not ledger.exists():
        raise StoreError(f"there is no ledger at {ledger}", "it begins with the first `plugtui serve` of this profile")
    convert: dict[str, Callable[[int], object]] = dict.fromkeys(_TIMES, ns_to_rfc3339) | {"recovered": bool}
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True)
        found = connection.execute(query, {"algo": algo})
        names = tuple(column[0] for column in found.description)
        yield names
        for row in found:
            yield tuple(
                convert[name](value) if name in convert and value is not None else value
                for name, value in zip(names, row, strict=True)
            )
    except sqlite3.Error as error:
        raise StoreError(f"the ledger {ledger} cannot be read: {error}") from error
    finally:
        if connection is not None:
            connection.close()


def _write_csv(rows: Iterator[tuple[object, ...]]) -> None:
    csv.writer(sys.stdout, lineterminator="\n").writerows(rows)


def _write_json(rows: Iterator[tuple[object, ...]]) -> None:
    names = next(rows)
    separator = "[\n"
    for row in rows:
        click.echo(separator + json.dumps(dict(zip(names, row, strict=True))), nl=False)
        separator = ",\n"
    click.echo("[]" if separator == "[\n" else "\n]")
