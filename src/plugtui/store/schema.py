"""The tables of a profile's database, as migrations numbered by ``PRAGMA user_version``.

Quantities and money are TEXT (exact decimals), times INTEGER nanoseconds UTC. A migration is never changed once released: a new
one is added at the end.
"""

_FIRST = (
    # the control link's numbered facts
    """CREATE TABLE facts (
        seq INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL)""",
    # each execution once: by its id, and by how far it filled its order (a REST activity may carry another id)
    """CREATE TABLE executions (
        execution_id TEXT PRIMARY KEY, order_id TEXT NOT NULL, client_order_id TEXT NOT NULL, symbol TEXT NOT NULL,
        side TEXT NOT NULL, qty TEXT NOT NULL, price TEXT NOT NULL, cum_qty TEXT NOT NULL, position_qty TEXT,
        order_qty TEXT, time_ns INTEGER NOT NULL, algo TEXT, source TEXT NOT NULL, recovered INTEGER NOT NULL,
        activity_id TEXT NOT NULL DEFAULT '', UNIQUE (order_id, cum_qty))""",
    "CREATE INDEX executions_by_time ON executions (time_ns)",
    "CREATE INDEX executions_by_symbol ON executions (symbol)",
    """CREATE TABLE orders (
        order_id TEXT PRIMARY KEY, client_order_id TEXT NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL,
        type TEXT NOT NULL, tif TEXT NOT NULL, qty TEXT, limit_price TEXT, stop_price TEXT, status TEXT NOT NULL,
        filled_qty TEXT NOT NULL, filled_avg_price TEXT, submitted_ns INTEGER, updated_ns INTEGER NOT NULL,
        replaced_by TEXT, replaces TEXT, parent_id TEXT, algo TEXT, raw TEXT NOT NULL)""",
    "CREATE INDEX orders_by_client ON orders (client_order_id)",
    "CREATE INDEX orders_by_submission ON orders (submitted_ns)",
    """CREATE TABLE order_events (
        event_key TEXT PRIMARY KEY, order_id TEXT NOT NULL, event TEXT NOT NULL, time_ns INTEGER NOT NULL,
        raw TEXT NOT NULL, recovered INTEGER NOT NULL)""",
    "CREATE INDEX order_events_by_order ON order_events (order_id)",
    "CREATE INDEX order_events_by_time ON order_events (time_ns)",
    # whose order it is: kind 'client' (client_order_id) or 'order' (order_id)
    """CREATE TABLE claims (
        kind TEXT NOT NULL, id TEXT NOT NULL, algo TEXT NOT NULL, time_ns INTEGER NOT NULL,
        PRIMARY KEY (kind, id)) WITHOUT ROWID""",
    """CREATE TABLE algo_keys (
        name TEXT PRIMARY KEY, key_id TEXT NOT NULL UNIQUE, secret_hash TEXT NOT NULL, created_ns INTEGER NOT NULL,
        revoked_ns INTEGER, paused INTEGER NOT NULL DEFAULT 0)""",
    """CREATE TABLE sessions (
        id INTEGER PRIMARY KEY, algo TEXT NOT NULL, endpoint TEXT NOT NULL, address TEXT NOT NULL DEFAULT '',
        program TEXT NOT NULL DEFAULT '', pid INTEGER, sdk TEXT NOT NULL DEFAULT '', from_ns INTEGER NOT NULL,
        to_ns INTEGER, messages INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0,
        reason TEXT NOT NULL DEFAULT '')""",
    """CREATE TABLE gaps (
        gap_id INTEGER PRIMARY KEY, stream TEXT NOT NULL, from_ns INTEGER NOT NULL, to_ns INTEGER,
        reason TEXT NOT NULL DEFAULT '', recovered INTEGER NOT NULL DEFAULT 0, lost TEXT NOT NULL DEFAULT '')""",
    "CREATE TABLE equity_samples (time_ns INTEGER PRIMARY KEY, equity TEXT NOT NULL, cash TEXT NOT NULL)",
    # the broker's daily portfolio history, and what moved money besides trades: kept for when the broker is not reachable
    "CREATE TABLE equity_days (time_ns INTEGER PRIMARY KEY, equity TEXT NOT NULL)",
    """CREATE TABLE activities (
        activity_id TEXT PRIMARY KEY, type TEXT NOT NULL, day TEXT NOT NULL, net_amount TEXT NOT NULL,
        symbol TEXT NOT NULL DEFAULT '') WITHOUT ROWID""",
    """CREATE TABLE traders (
        name TEXT PRIMARY KEY, key_id TEXT NOT NULL, base_url TEXT NOT NULL, followed INTEGER NOT NULL DEFAULT 0,
        plugged_ns INTEGER NOT NULL, badge TEXT NOT NULL DEFAULT '')""",
    """CREATE TABLE trader_trades (
        trader TEXT NOT NULL, trade_id TEXT NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL, price TEXT NOT NULL,
        time_ns INTEGER NOT NULL, recovered INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (trader, trade_id)) WITHOUT ROWID""",
    "CREATE INDEX trader_trades_by_time ON trader_trades (trader, time_ns)",
    """CREATE TABLE trader_daily (
        trader TEXT NOT NULL, day TEXT NOT NULL, equity_index REAL NOT NULL, return REAL, exposure REAL,
        PRIMARY KEY (trader, day)) WITHOUT ROWID""",
    # small values that outlive the process, such as when the account stream was last heard
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
)

_SECOND = (
    # what was held before the ledger's first execution, so that P&L and positions agree with the broker's
    """CREATE TABLE openings (
        symbol TEXT PRIMARY KEY, qty TEXT NOT NULL, price TEXT NOT NULL, time_ns INTEGER NOT NULL) WITHOUT ROWID""",
)

_THIRD = (
    # when a key was first used, so that one that nobody has used yet is not taken for one whose program has gone
    "ALTER TABLE algo_keys ADD COLUMN used_ns INTEGER",
    """UPDATE algo_keys SET used_ns =
        (SELECT MIN(from_ns) FROM sessions WHERE algo = algo_keys.name AND from_ns >= algo_keys.created_ns)""",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST, _SECOND, _THIRD)
"""Statements of each version; the first brings an empty database to version 1."""

VERSION = len(MIGRATIONS)
