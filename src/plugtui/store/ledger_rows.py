"""How the ledger lies in the database: changes become statements, rows become the ledger again."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from plugtui.ledger.attribution import ORDER
from plugtui.ledger.book import Changes, Ledger, LoggedEvent
from plugtui.ledger.executions import REMEMBERED, Execution
from plugtui.ledger.orders import FINAL, OrderRecord
from plugtui.ledger.pnl import Opening
from plugtui.store.store import Row, Statement, Store

_EXECUTION = (
    "INSERT OR IGNORE INTO executions (execution_id, order_id, client_order_id, symbol, side, qty, price, cum_qty,"
    " position_qty, order_qty, time_ns, algo, source, recovered, activity_id) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
)
# The guard keeps an order that the memory has forgotten from being taken back by a late, older statement.
_ORDER = (
    "INSERT INTO orders (order_id, client_order_id, symbol, side, type, tif, qty, limit_price, stop_price, status,"
    " filled_qty, filled_avg_price, submitted_ns, updated_ns, replaced_by, replaces, parent_id, algo, raw)"
    " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (order_id) DO UPDATE SET"
    " client_order_id=excluded.client_order_id, symbol=excluded.symbol, side=excluded.side, type=excluded.type,"
    " tif=excluded.tif, qty=excluded.qty, limit_price=excluded.limit_price, stop_price=excluded.stop_price,"
    " status=excluded.status, filled_qty=excluded.filled_qty, filled_avg_price=excluded.filled_avg_price,"
    " submitted_ns=excluded.submitted_ns, updated_ns=excluded.updated_ns, replaced_by=excluded.replaced_by,"
    " replaces=excluded.replaces, parent_id=excluded.parent_id, algo=COALESCE(excluded.algo, algo), raw=excluded.raw"
    f" WHERE status NOT IN ({','.join(repr(status) for status in sorted(FINAL))})"
    f" OR excluded.status IN ({','.join(repr(status) for status in sorted(FINAL))})"
)
_EVENT = "INSERT OR IGNORE INTO order_events (event_key, order_id, event, time_ns, raw, recovered) VALUES (?,?,?,?,?,?)"
_MAX_NS = 2**63 - 1
_ATTRIBUTE = "UPDATE executions SET algo = ? WHERE execution_id = ?"
_CLAIM = (
    "INSERT INTO claims (kind, id, algo, time_ns) VALUES (?,?,?,?)"
    " ON CONFLICT (kind, id) DO UPDATE SET algo = excluded.algo, time_ns = excluded.time_ns"
)


def statements(changes: Changes) -> list[Statement]:
    """Return what commits the changes, grouped so that each table costs one hop."""
    return [
        *((_EXECUTION, _execution_values(execution)) for execution in changes.executions),
        *((_ORDER, _order_values(record)) for record in changes.orders.values()),
        *((_EVENT, _event_values(event)) for event in changes.log),
        *((_ATTRIBUTE, (execution.algo, execution.execution_id)) for execution in changes.attributed),
    ]


def claim(kind: str, name: str, algo: str, time_ns: int) -> Statement:
    """Return what commits a claim."""
    return (_CLAIM, (kind, name, algo, time_ns))


def _execution_values(e: Execution) -> Sequence[object]:
    return (
        *(e.execution_id, e.order_id, e.client_order_id, e.symbol, e.side, e.qty, e.price, e.cum_qty),
        *(e.position_qty, e.order_qty, _stored(e.time_ns), e.algo, e.source, int(e.recovered), e.activity_id),
    )


def _order_values(o: OrderRecord) -> Sequence[object]:
    return (
        *(o.order_id, o.client_order_id, o.symbol, o.side, o.type, o.tif, o.qty, o.limit_price, o.stop_price),
        *(
            o.status,
            o.filled_qty,
            o.filled_avg_price,
            _stored(o.submitted_ns),
            _stored(o.updated_ns),
            o.replaced_by,
            o.replaces,
        ),
        *(o.parent_id, o.algo, o.raw),
    )


def _event_values(event: LoggedEvent) -> Sequence[object]:
    return (event.key, event.order_id, event.event, _stored(event.time_ns), event.raw, int(event.recovered))


def _stored(time_ns: int | None) -> int | None:
    """Fit a time into 64 bits: an absurd date in one event must not keep the others from being written."""
    return None if time_ns is None else max(-_MAX_NS, min(_MAX_NS, time_ns))


def decimal_of(text: str | None) -> Decimal | None:
    """Read an amount's column; ``None`` where there is none."""
    return None if text is None else Decimal(text)


_RELATED = (
    "SELECT order_id, symbol, side, type, tif, qty, limit_price, stop_price, status, filled_qty, filled_avg_price,"
    " submitted_ns, replaced_by, replaces, parent_id FROM orders"
    " WHERE order_id = ?1 OR parent_id = ?1 OR replaces = ?1 OR replaced_by = ?1"
)
_MOST_RELATED = 50


async def family(store: Store, order_id: str) -> list[dict[str, object]]:
    """Return an order with all that it replaced, that replaced it, its bracket's entry and legs, the oldest first.

    A chain without end is cut after the orders nearest to this one. Raises StoreError.
    """
    found: dict[str, dict[str, object]] = {}
    asked: set[str] = set()
    queue = [order_id]
    while queue and len(found) < _MOST_RELATED:
        asked.add(wanted := queue.pop(0))
        for row in await store.read(_RELATED, (wanted,)):
            found.setdefault(row["order_id"], dict(row))
            near = (row["order_id"], row["parent_id"], row["replaces"], row["replaced_by"])
            queue += [name for name in near if name and name not in asked and name not in queue]
    return sorted(found.values(), key=lambda row: (row["submitted_ns"] or 0, row["parent_id"] or "", row["order_id"]))


def execution_of(row: Row) -> Execution:
    """Read an execution's row."""
    return Execution(
        execution_id=row["execution_id"],
        order_id=row["order_id"],
        client_order_id=row["client_order_id"],
        symbol=row["symbol"],
        side=row["side"],
        qty=Decimal(row["qty"]),
        price=Decimal(row["price"]),
        cum_qty=Decimal(row["cum_qty"]),
        position_qty=decimal_of(row["position_qty"]),
        order_qty=decimal_of(row["order_qty"]),
        time_ns=row["time_ns"],
        algo=row["algo"],
        source=row["source"],
        recovered=bool(row["recovered"]),
        activity_id=row["activity_id"],
    )


def order_of(row: Row) -> OrderRecord:
    """Read an order's row."""
    return OrderRecord(
        order_id=row["order_id"],
        client_order_id=row["client_order_id"],
        symbol=row["symbol"],
        side=row["side"],
        type=row["type"],
        tif=row["tif"],
        qty=decimal_of(row["qty"]),
        limit_price=decimal_of(row["limit_price"]),
        stop_price=decimal_of(row["stop_price"]),
        status=row["status"],
        filled_qty=Decimal(row["filled_qty"]),
        filled_avg_price=decimal_of(row["filled_avg_price"]),
        submitted_ns=row["submitted_ns"],
        updated_ns=row["updated_ns"],
        replaced_by=row["replaced_by"],
        replaces=row["replaces"],
        parent_id=row["parent_id"],
        algo=row["algo"],
        raw=row["raw"],
    )


async def executions(store: Store, where: str = "1", params: Sequence[object] = ()) -> list[Execution]:
    """Return the executions that meet an SQL condition, oldest first."""
    rows = await store.read(f"SELECT * FROM executions WHERE {where} ORDER BY time_ns, order_id", params)
    return [execution_of(row) for row in rows]


def opening(held: Opening) -> Statement:
    """Return what commits an opening."""
    return ("INSERT OR REPLACE INTO openings VALUES (?,?,?,?)", (held.symbol, held.qty, held.price, held.time_ns))


async def openings(store: Store) -> list[Opening]:
    """Return what was held before the ledger's first execution."""
    rows = await store.read("SELECT * FROM openings ORDER BY symbol")
    return [Opening(row["symbol"], Decimal(row["qty"]), Decimal(row["price"]), row["time_ns"]) for row in rows]


async def executions_of_orders(store: Store, order_ids: Iterable[str]) -> list[Execution]:
    """Return the executions of some orders."""
    found: list[Execution] = []
    names = sorted(order_ids)
    for start in range(0, len(names), 500):
        part = names[start : start + 500]
        found += await executions(store, f"order_id IN ({','.join('?' * len(part))})", part)
    return found


async def load(store: Store) -> Ledger:
    """Build the ledger's memory from the database: all open orders, and the newest of the rest."""
    ledger = Ledger()
    newest = await store.read(
        f"SELECT execution_id, order_id, cum_qty FROM executions ORDER BY time_ns DESC LIMIT {REMEMBERED // 2}"
    )
    for row in reversed(newest):
        ledger.executions.add_names(row["execution_id"], row["order_id"], Decimal(row["cum_qty"]))
    for row in reversed(await store.read("SELECT kind, id, algo FROM claims ORDER BY time_ns DESC LIMIT 200000")):
        ledger.attribution.claim(row["kind"], row["id"], row["algo"])
    marks = ",".join("?" * len(FINAL))
    for row in await store.read(
        f"SELECT * FROM (SELECT * FROM orders WHERE status NOT IN ({marks}) UNION"
        " SELECT * FROM (SELECT * FROM orders ORDER BY updated_ns DESC LIMIT 20000)) ORDER BY updated_ns",
        sorted(FINAL),
    ):
        record = order_of(row)
        ledger.restore_order(record)
        ledger.attribution.relate(
            record.order_id,
            client_order_id=record.client_order_id,
            replaces=record.replaces,
            parent_id=record.parent_id,
        )
        if record.replaced_by:
            ledger.attribution.relate(record.replaced_by, replaces=record.order_id)
        if record.algo:
            ledger.attribution.claim(ORDER, record.order_id, record.algo)
    for row in reversed(await store.read("SELECT event_key FROM order_events ORDER BY time_ns DESC LIMIT 100000")):
        ledger.restore_event(row["event_key"])
    return ledger
