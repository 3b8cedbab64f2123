"""The fills pane's book: one row an execution, newest first, with rejects and cancels on demand."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal

import msgspec

from plugtui.control.messages import Fill, OrderEvent, Past
from plugtui.tui import format as fmt
from plugtui.tui.model.table import Cell, Column, Table

RECOVERED = "↺"
"""Marks what was not heard on the stream but fetched afterwards."""

REFUSED = frozenset({"rejected", "suspended", "order_replace_rejected", "order_cancel_rejected"})
ENDED = frozenset({"canceled", "expired", "done_for_day", "stopped"})
_ONCE = frozenset({"rejected", "canceled", "expired", "done_for_day"})
"""What happens once to an order, so that the ledger's time and the stream's may differ by a little."""

UNATTRIBUTED = "–"

_PRICE = 6
_QTY = 4
"""Cells of a price and of a quantity where it is tight."""


class FillRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An execution, or (``event`` set) a reject or cancel."""

    key: str
    order_id: str
    client_order_id: str
    symbol: str
    side: str
    qty: Decimal | None
    price: Decimal | None
    time_ns: int
    algo: str | None
    recovered: bool = False
    imported: bool = False
    cum_qty: Decimal | None = None
    order_qty: Decimal | None = None
    position_qty: Decimal | None = None
    event: str = ""
    reason: str = ""

    @property
    def value(self) -> Decimal | None:
        """Money that changed hands; ``None`` for a reject or cancel."""
        return None if self.event or self.qty is None or self.price is None else self.qty * self.price


def row_of_fill(fill: Fill) -> FillRow:
    """Make the row of an execution."""
    return FillRow(
        key=fill.execution_id,
        order_id=fill.order_id,
        client_order_id=fill.client_order_id,
        symbol=fill.symbol,
        side=fill.side,
        qty=fill.qty,
        price=fill.price,
        time_ns=fill.time_ns,
        algo=fill.algo,
        recovered=fill.recovered,
        imported=fill.imported,
        cum_qty=fill.cum_qty,
        order_qty=fill.order_qty,
        position_qty=fill.position_qty,
    )


def row_of_event(event: OrderEvent) -> FillRow:
    """Make the row of a reject or cancel."""
    return FillRow(
        key=f"{event.order_id}/{event.event}" + ("" if event.event in _ONCE else f"/{event.time_ns}"),
        order_id=event.order_id,
        client_order_id=event.client_order_id,
        symbol=event.symbol,
        side=event.side,
        qty=event.qty,
        price=event.limit_price or event.stop_price,
        time_ns=event.time_ns,
        algo=event.algo,
        recovered=event.recovered,
        cum_qty=event.filled_qty,
        order_qty=event.qty,
        event=event.event,
        reason=event.reason,
    )


class FillBook:
    """All executions that the dashboard keeps, and which of the order events stand between them."""

    def __init__(self, zone: tzinfo | None = None, limit: int = 5000) -> None:
        self.show_rejects = True
        self.show_cancels = False
        self.zone = zone
        self.executions = 0
        """Executions that are known of, also those that have left the table or never were in it."""
        self._today_ns = self._tomorrow_ns = 0
        self._more = False
        self.table: Table[FillRow] = Table(
            self._columns(),
            key=lambda row: row.key,
            words=_words,
            limit=limit,
            newest_first=True,
            shown=self._is_shown,
            place=_by_time,
        )

    @property
    def cut(self) -> bool:
        """The ledger has older executions than the table."""
        return self._more or self.table.dropped > 0

    def tell_time(self, now_ns: int) -> None:
        """Say how late it is: rows of another day show their date."""
        if self._today_ns <= now_ns < self._tomorrow_ns:
            return
        # Midnight as the calendar has it: a day of the change to summer time has 23 hours.
        start = fmt.when(now_ns, self.zone).date()
        self._today_ns, self._tomorrow_ns = self._midnight(start), self._midnight(start + timedelta(days=1))
        self.table.redress()

    def _midnight(self, day: date) -> int:
        return int(datetime.combine(day, time(), self.zone).timestamp()) * 1_000_000_000

    def add_fill(self, fill: Fill) -> bool:
        """Take an execution; the same one again only adds what was missing. Returns whether it was new."""
        new = fill.execution_id not in self.table
        self.executions += new
        self.table.put(row_of_fill(fill))
        return new

    def add_past(self, past: Past) -> None:
        """Take what the ledger holds; what was heard as a fact stays as it is, since nothing knows more."""
        told = {fill.execution_id for fill in past.fills}
        newest = past.fills[-1].time_ns if past.fills else 0
        # Committed, and told, after the ledger was read.
        later = sum(not row.event and row.time_ns > newest and row.key not in told for row in self.table.rows())
        self.executions = past.executions + later
        self._more = past.executions > len(past.fills)
        rows: Iterable[FillRow] = (*map(row_of_fill, past.fills), *map(row_of_event, past.events))
        for row in rows:
            known = self.table.get(row.key)
            if known is None:
                self.table.put(row, news=False)
            elif known.algo is None and row.algo is not None:
                self.table.put(msgspec.structs.replace(known, algo=row.algo), news=False)

    def add_event(self, event: OrderEvent) -> None:
        """Take an order's event; only rejects and ends get a row."""
        if event.event in REFUSED or event.event in ENDED:
            self.table.put(row_of_event(event))

    def toggle_rejects(self) -> None:
        """Show or hide what the broker refused."""
        self.show_rejects = not self.show_rejects
        self.table.changed()

    def toggle_cancels(self) -> None:
        """Show or hide what was canceled or ran out."""
        self.show_cancels = not self.show_cancels
        self.table.changed()

    def _is_shown(self, row: FillRow) -> bool:
        return not row.event or (self.show_rejects if row.event in REFUSED else self.show_cancels)

    def _columns(self) -> list[Column[FillRow]]:
        def time(row: FillRow) -> Cell:
            if row.time_ns < self._today_ns:
                return Cell(f"{fmt.when(row.time_ns, self.zone):%d %b %H:%M}", "dim")
            return Cell(fmt.clock(row.time_ns, self.zone), "dim" if row.event else "")

        def short_time(row: FillRow) -> Cell:
            if row.time_ns < self._today_ns:
                return Cell(f"{fmt.when(row.time_ns, self.zone):%d %b}", "dim")
            return Cell(fmt.clock(row.time_ns, self.zone, millis=False), "dim" if row.event else "")

        return [
            Column(
                "time",
                "time",
                time,
                _by_time,
                least=12,
                most=12,
                short=short_time,
                short_width=8,
                short_rank=2,
                descending=True,
            ),
            Column("symbol", "symbol", lambda r: Cell(r.symbol), lambda r: r.symbol, least=7, most=21, elastic=True),
            Column("side", "side", _side, lambda r: r.side, least=5, most=5),
            Column(
                "qty",
                "qty",
                _qty,
                lambda r: r.qty,
                "right",
                least=6,
                most=12,
                descending=True,
                short=_short_qty,
                short_width=_QTY,
                short_rank=2,
            ),
            Column(
                "price",
                "price",
                _price,
                lambda r: r.price,
                "right",
                least=9,
                most=12,
                descending=True,
                short=_short_price,
                short_width=_PRICE,
                short_rank=2,
            ),
            Column("algo", "algo", _algo, lambda r: r.algo or "~", least=8, most=18, rank=1, elastic=True),
            Column("value", "value", _value, lambda r: r.value, "right", least=11, most=14, rank=2, descending=True),
            Column("filled", "filled", _filled, None, "right", least=7, most=15, rank=3),
            Column("position", "position", _position, lambda r: r.position_qty, "right", least=8, most=12, rank=4),
            Column("note", "note", _note, None, least=9, most=40, rank=5, short=_short_note, short_width=9),
            Column("order", "order", lambda r: Cell(r.order_id[:8], "dim"), None, least=8, most=8, rank=6),
        ]


def _by_time(row: FillRow) -> int:
    return row.time_ns


def _mark(row: FillRow) -> str:
    if row.event:
        return "✗" if row.event in REFUSED else "×"
    return RECOVERED if row.recovered else ""


def _side(row: FillRow) -> Cell:
    tone = "bad" if row.event in REFUSED else "dim" if row.event else "up" if row.side.startswith("b") else "down"
    return Cell(f"{row.side.upper():<4}{_mark(row)}", tone)


def _qty(row: FillRow) -> Cell:
    return Cell(fmt.quantity(row.qty), "dim" if row.event else "")


def _price(row: FillRow) -> Cell:
    if row.event and row.price is None:
        return Cell("market", "dim")
    return Cell(fmt.price(row.price), "dim" if row.event else "")


def _short_price(row: FillRow) -> Cell:
    cell = _price(row)
    if row.price is None or len(cell.text) <= _PRICE:
        return cell
    places = next((n for n in (2, 1, 0) if len(fmt.thousands(row.price, n)) <= _PRICE), None)
    text = fmt.compact(float(row.price)) if places is None else fmt.thousands(row.price, places)
    return Cell(text, cell.style)


def _short_qty(row: FillRow) -> Cell:
    cell = _qty(row)
    if row.qty is None or len(cell.text) <= _QTY:
        return cell
    amount = abs(row.qty)
    if amount >= 10_000:
        factor, unit = (1_000_000, "M") if amount >= 999_500 else (1000, "k")
        return Cell(f"{row.qty / factor:.0f}{unit}", cell.style)
    if amount < Decimal("0.001"):
        return Cell("<.01", cell.style)
    places = next((n for n in (3, 2, 1) if len(f"{row.qty:.{n}f}".lstrip("0")) <= _QTY), 0)
    return Cell(f"{row.qty:.{places}f}".lstrip("0"), cell.style)


def _algo(row: FillRow) -> Cell:
    return Cell(row.algo, "dim" if row.algo == "manual" else "accent") if row.algo else Cell(UNATTRIBUTED, "dim")


def _value(row: FillRow) -> Cell:
    return Cell("" if row.value is None else fmt.thousands(row.value))


def _filled(row: FillRow) -> Cell:
    if row.cum_qty is None or row.order_qty is None:
        return Cell("")
    partial = row.cum_qty < row.order_qty
    return Cell(f"{fmt.quantity(row.cum_qty)}/{fmt.quantity(row.order_qty)}", "" if partial else "dim")


def _position(row: FillRow) -> Cell:
    return Cell("" if row.position_qty is None else fmt.quantity(row.position_qty))


def _note(row: FillRow) -> Cell:
    if row.event:
        reason = f": {row.reason}" if row.reason else ""
        return Cell(f"{row.event}{reason}", "bad" if row.event in REFUSED else "dim")
    if row.imported:
        return Cell("imported", "dim")
    return Cell("recovered", "warn") if row.recovered else Cell("")


def _short_note(row: FillRow) -> Cell:
    return Cell(row.event.split("_")[-1] or _note(row).text, _note(row).style)


def _words(row: FillRow) -> str:
    note = "imported" if row.imported else "recovered" if row.recovered else ""
    return f"{row.symbol} {row.side} {row.algo or 'unattributed'} {row.event} {row.reason} {note} {row.order_id}"
