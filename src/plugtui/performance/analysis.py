"""Everything that can be said about a file of equity, returns or fills: the report of ``plugtui analyse``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from plugtui.ledger.round_trips import Trip, TripBook
from plugtui.performance.curve import Curve, day_of
from plugtui.performance.drawdown import top_drawdowns
from plugtui.performance.figures import ANNUAL_DAYS, money, periods_per_year, return_values, span_days, trip_values
from plugtui.performance.files import Fill, Table
from plugtui.performance.ratios import Undefined, Value, known
from plugtui.performance.returns import Returns, daily_returns
from plugtui.performance.windows import calendar_table

Figure = Value | Decimal | int


@dataclass(frozen=True)
class Report:
    """Figures by name, in the order to show them, and the tables that belong to them."""

    kind: str
    """``equity curve``, ``returns`` or ``fills``."""
    first: date
    last: date
    figures: dict[str, Figure]
    periods: float | None = None
    """Periods a year; ``None`` for fills."""
    drawdowns: list[dict[str, Any]] = field(default_factory=list)
    calendar: list[dict[str, Any]] = field(default_factory=list)
    trips: list[Trip] = field(default_factory=list)
    by_symbol: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def analyse(table: Table, periods: float | None = None) -> Report:
    """Report on a file that :func:`plugtui.performance.files.read_table` read.

    Args:
        table: what was read.
        periods: returns a year; by default from the spacing of the dates.

    Raises:
        ValueError: when ``periods`` is not given and the spacing is neither days nor weeks nor months.
    """
    if isinstance(table, Curve):
        return _of_curve(table, periods)
    if isinstance(table, Returns):
        return _of_returns(table, periods)
    return _of_fills(table)


def _of_curve(curve: Curve, periods: float | None) -> Report:
    report = _of_returns(daily_returns(curve), periods, curve)
    pnl, net_flow = money(curve)
    report.figures.update(pnl=pnl, net_flow=net_flow)
    report.notes.extend(mark.text for mark in curve.marks)
    return report


def _of_returns(returns: Returns, periods: float | None, curve: Curve | None = None) -> Report:
    yearly = periods if periods is not None else periods_per_year(returns)
    times = curve.time_ns if curve is not None else returns.time_ns
    found: dict[str, Figure] = {**return_values(returns, yearly), "days": len(known(returns.values))}
    notes = []
    if span_days(returns) < ANNUAL_DAYS:
        notes.append(f"under {ANNUAL_DAYS} days of history: CAGR and Calmar say little, the dashboard leaves them out")
    missing = len(returns) - len(known(returns.values))
    if missing:
        notes.append(f"{missing} period{'s' if missing > 1 else ''} without a return: counted as time only")
    return Report(
        "equity curve" if curve is not None else "returns",
        day_of(int(times[0])),
        day_of(int(times[-1])),
        found,
        yearly,
        drawdowns=[
            {
                "depth": fall.depth,
                "peak": _text(fall.peak_ns),
                "valley": _text(fall.valley_ns),
                "recovery": _text(fall.recovery_ns),
            }
            for fall in top_drawdowns(returns)
        ],
        calendar=[
            {"year": row.year, "months": list(row.months), "total": row.total} for row in calendar_table(returns)
        ],
        notes=notes,
    )


def _text(time_ns: int | None) -> str | None:
    return None if time_ns is None else day_of(time_ns).isoformat()


def _of_fills(fills: Sequence[Fill]) -> Report:
    books: dict[str, TripBook] = {}
    for fill in fills:
        books.setdefault(fill.symbol, TripBook(fill.symbol)).fill(fill.signed_qty, fill.price, fill.time_ns, fill.fee)
    trips = sorted(
        (trip for book in books.values() for trip in book.trips()), key=lambda t: (t.closed_ns, t.opened_ns, t.symbol)
    )
    found: dict[str, Figure] = {
        "pnl": sum((book.realized for book in books.values()), Decimal(0)),
        **trip_values(trips),
        "round_trips": len(trips),
        "fees": sum((fill.fee for fill in fills), Decimal(0)),
    }
    still_open = sorted(symbol for symbol, book in books.items() if book.qty)
    notes = [f"still open, not in the P&L: {', '.join(still_open)}"] if still_open else []
    return Report(
        "fills",
        day_of(fills[0].time_ns),
        day_of(fills[-1].time_ns),
        found,
        trips=trips,
        by_symbol={symbol: _book(book) for symbol, book in sorted(books.items())},
        notes=notes,
    )


def _book(book: TripBook) -> dict[str, Any]:
    return {"pnl": plain(book.realized), "open_qty": plain(book.qty), "round_trips": len(book.trips())}


def plain(value: Decimal) -> str:
    """Write a decimal without exponent and without zeros at its end, but with cents where it has a fraction."""
    text = format(value, "f")
    if "." in text:
        whole, fraction = text.rstrip("0").split(".")
        text = f"{whole}.{fraction.ljust(2, '0')}" if fraction else whole
    return "0" if text in ("-0", "") else text


def as_json(report: Report) -> dict[str, Any]:
    """Return the report as plain data: ratios as numbers, money as decimal strings, undefined figures as ``None``."""
    undefined = {name: value.reason for name, value in report.figures.items() if isinstance(value, Undefined)}
    figures: Mapping[str, Any] = {
        name: None if isinstance(value, Undefined) else plain(value) if isinstance(value, Decimal) else value
        for name, value in report.figures.items()
    }
    return {
        "kind": report.kind,
        "from": report.first.isoformat(),
        "to": report.last.isoformat(),
        "periods": report.periods,
        "figures": figures,
        "undefined": undefined,
        "drawdowns": report.drawdowns,
        "calendar": report.calendar,
        "trips": [_trip(trip) for trip in report.trips],
        "by_symbol": report.by_symbol,
        "notes": report.notes,
    }


def _trip(trip: Trip) -> dict[str, Any]:
    return {
        "symbol": trip.symbol,
        "long": trip.long,
        "qty": plain(trip.qty),
        "entry_price": plain(trip.entry_price),
        "exit_price": plain(trip.exit_price),
        "pnl": plain(trip.pnl),
        "return": trip.ret,
        "opened_ns": trip.opened_ns,
        "closed_ns": trip.closed_ns,
    }
