"""Read equity curves, return series and lists of fills from CSV text, and say precisely what is wrong with a bad one."""

import csv
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

import numpy as np

from plugtui.errors import PlugtuiError
from plugtui.performance.curve import Curve, Movement, close_ns, curve_of_days
from plugtui.performance.history import inspect
from plugtui.performance.returns import Returns, settle_flows

CURVE_COLUMNS = ("date", "equity", "flow")
RETURN_COLUMNS = ("date", "return")
FILL_COLUMNS = ("time", "symbol", "side", "qty", "price", "fee")

_SHAPES = "date,equity[,flow]  or  date,return  or  time,symbol,side,qty,price[,fee]"
_MISSING = frozenset({"", "nan", "null", "none", "na", "n/a"})
_SIDES = {"buy": 1, "buy_to_cover": 1, "cover": 1, "sell": -1, "sell_short": -1, "short": -1}


class FileError(PlugtuiError):
    """A file that cannot be analysed: line, what was found, what was expected."""

    def __init__(self, name: str, line: int, found: str, expected: str) -> None:
        super().__init__(f"{name}, line {line}: {found}", f"expected {expected}")
        self.line = line


@dataclass(frozen=True)
class Fill:
    """One execution of a list of fills."""

    time_ns: int
    symbol: str
    side: str
    """``buy`` or ``sell``."""
    qty: Decimal
    """Positive."""
    price: Decimal
    fee: Decimal = Decimal(0)

    @property
    def signed_qty(self) -> Decimal:
        """Negative when sold."""
        return self.qty if self.side == "buy" else -self.qty


Table = Curve | Returns | list[Fill]


@dataclass(frozen=True)
class _Row:
    """One line of the file."""

    file: str
    line: int
    cells: dict[str, str]

    def wrong(self, column: str, expected: str) -> FileError:
        return FileError(self.file, self.line, f'{column} was "{self.cells[column]}"', expected)

    def missing(self, column: str) -> bool:
        return self.cells.get(column, "").lower() in _MISSING

    def number(self, column: str, expected: str = "a number such as 10250.75") -> Decimal:
        try:
            value = Decimal(self.cells[column])
        except InvalidOperation:
            raise self.wrong(column, expected) from None
        if not value.is_finite() or not math.isfinite(float(value)):
            raise self.wrong(column, expected)
        return value

    def day(self, column: str = "date") -> date:
        text = self.cells[column]
        try:
            return datetime.fromisoformat(text).date()
        except ValueError:
            raise self.wrong(column, "a date such as 2024-01-31") from None

    def moment(self, column: str = "time") -> int:
        text = self.cells[column]
        try:
            value = datetime.fromisoformat(text)
        except ValueError:
            raise self.wrong(column, "a time such as 2024-01-31T14:30:00Z (UTC where it names no zone)") from None
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        since = aware - datetime(1970, 1, 1, tzinfo=UTC)
        return (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1_000


def read_table(lines: Iterable[str], name: str) -> Table:
    """Read a file by its header line.

    Args:
        lines: the text.
        name: of the file, for errors.

    Returns:
        A :class:`Curve` for ``date,equity[,flow]``, :class:`Returns` for ``date,return``, else a list of :class:`Fill`.
        Columns may come in any order; others are passed over.

    Raises:
        FileError: with the line, what was found and what was expected.
    """
    reader = csv.reader(lines)
    try:
        cells = [(reader.line_num, line) for line in reader]
    except csv.Error as error:
        raise FileError(name, reader.line_num, str(error), "comma-separated values") from None
    header = [cell.strip().lower().lstrip("\ufeff") for cell in cells[0][1]] if cells else []
    return _reader_for(header, name)(list(_rows(cells[1:], header, name)), name)


def _reader_for(header: list[str], name: str) -> Callable[[list[_Row], str], Table]:
    columns = set(header)
    for needed, read in (
        ({"date", "equity"}, _read_curve),
        ({"date", "return"}, _read_returns),
        (set(FILL_COLUMNS) - {"fee"}, _read_fills),
    ):
        if needed <= columns:
            doubled = next((column for column in header if column and header.count(column) > 1), None)
            if doubled:
                raise FileError(name, 1, f'the column "{doubled}" stands twice in the header', "each column once")
            return read
    found = f'the header was "{",".join(header)}"' if any(header) else "the file has no header"
    raise FileError(name, 1, found, _SHAPES)


def _rows(lines: list[tuple[int, list[str]]], header: list[str], name: str) -> Iterator[_Row]:
    for line, cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            raise FileError(name, line, f"{len(cells)} values were there", f"{len(header)}: {','.join(header)}")
        yield _Row(name, line, {c: v.strip() for c, v in zip(header, cells, strict=True)})


def _rising(rows: list[_Row], name: str) -> list[date]:
    if not rows:
        raise FileError(name, 2, "no rows were there", "at least one below the header")
    days: list[date] = []
    for row in rows:
        day = row.day()
        if days and day <= days[-1]:
            raise row.wrong("date", f"a date after {days[-1]}: one row a period, the oldest first")
        days.append(day)
    return days


def _read_curve(rows: list[_Row], name: str) -> Curve:
    days = _rising(rows, name)
    points = [(day, row.number("equity")) for day, row in zip(days, rows, strict=True) if not row.missing("equity")]
    if not points:
        raise FileError(name, rows[0].line, "no row has an equity", "at least one number")
    movements = [
        Movement(day, row.number("flow", "a payment such as 500 or -250, or nothing"), not row.missing("equity"))
        for day, row in zip(days, rows, strict=True)
        if not row.missing("flow")
    ]
    return inspect(settle_flows(curve_of_days(points, [m for m in movements if m.amount])))


def _read_returns(rows: list[_Row], name: str) -> Returns:
    days = _rising(rows, name)
    expected = "a simple return of -1 or more, such as 0.012 for 1.2 %"
    values = []
    for row in rows:
        value = math.nan if row.missing("return") else float(row.number("return", expected))
        if value < -1.0:
            raise row.wrong("return", expected)
        values.append(value)
    return Returns(np.array([close_ns(day) for day in days], np.int64), np.array(values, np.float64))


def _read_fills(rows: list[_Row], name: str) -> list[Fill]:
    if not rows:
        raise FileError(name, 2, "no rows were there", "at least one below the header")
    fills: list[Fill] = []
    for row in rows:
        time_ns = row.moment()
        if fills and time_ns < fills[-1].time_ns:
            raise row.wrong(
                "time", f'a time that is not before "{rows[len(fills) - 1].cells["time"]}": the oldest fill first'
            )
        symbol = row.cells["symbol"].upper()
        if not symbol:
            raise row.wrong("symbol", "a symbol such as AAPL")
        sign = _SIDES.get(row.cells["side"].lower().replace(" ", "_"))
        if sign is None:
            raise row.wrong("side", "buy or sell (or sell_short, buy_to_cover)")
        qty, price = row.number("qty"), row.number("price")
        if qty <= 0:
            raise row.wrong("qty", "a quantity above 0; the side tells the direction")
        if price < 0:
            raise row.wrong("price", "a price of 0 or more")
        fee = Decimal(0) if row.missing("fee") else row.number("fee", "a fee such as 0.35, or nothing")
        fills.append(Fill(time_ns, symbol, "buy" if sign > 0 else "sell", qty, price, fee))
    return fills
