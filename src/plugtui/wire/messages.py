"""Market-data messages as typed structs, in the order of keys that the server prints (protocol §1.10).

``T`` comes first when encoded, as the Go SDK demands. Prices are floats here because they are floats on this wire; nothing
that is booked is taken from them.
"""

from typing import TypeAlias

import msgspec

from plugtui.wire.times import Timestamp


class StockTrade(msgspec.Struct, tag_field="T", tag="t"):
    """A stock trade: symbol, id, exchange, price, shares, conditions, tape, time."""

    S: str
    i: int
    x: str
    p: float
    s: int
    c: list[str]
    z: str
    t: Timestamp


class StockQuote(msgspec.Struct, tag_field="T", tag="q", rename={"as_": "as"}):
    """A stock quote: bid and ask with exchange, price and size in shares, conditions, tape, time."""

    S: str
    bx: str
    bp: float
    bs: int
    ax: str
    ap: float
    as_: int
    c: list[str]
    z: str
    t: Timestamp


class _Bar(msgspec.Struct, tag_field="T", tag="b"):
    S: str
    o: float
    h: float
    l: float  # noqa: E741 - the wire's name
    c: float
    v: int | float
    """Shares (int) for stocks, float for crypto."""
    t: Timestamp
    n: int
    vw: float


class Bar(_Bar, tag_field="T", tag="b"):
    """A minute bar; ``t`` is the start of its minute."""


class UpdatedBar(_Bar, tag_field="T", tag="u"):
    """A minute bar again, after a late trade."""


class DailyBar(_Bar, tag_field="T", tag="d"):
    """The day so far; ``t`` is midnight in New York."""


class Correction(msgspec.Struct, tag_field="T", tag="c"):
    """A trade was corrected: original and corrected id, price, size, conditions."""

    S: str
    x: str
    oi: int
    op: float
    os: int
    oc: list[str]
    ci: int
    cp: float
    cs: int
    cc: list[str]
    z: str
    t: Timestamp


class CancelError(msgspec.Struct, tag_field="T", tag="x"):
    """A trade was cancelled (``a`` C) or was an error (E)."""

    S: str
    i: int
    x: str
    p: float
    s: int
    a: str
    z: str
    t: Timestamp


class Luld(msgspec.Struct, tag_field="T", tag="l"):
    """Limit-up and limit-down prices."""

    S: str
    u: float
    d: float
    i: str
    t: Timestamp
    z: str


class Status(msgspec.Struct, tag_field="T", tag="s"):
    """A halt, resumption or other trading status."""

    S: str
    sc: str
    sm: str
    rc: str
    rm: str
    t: Timestamp
    z: str


class Imbalance(msgspec.Struct, tag_field="T", tag="i"):
    """An order imbalance, mostly during LULD halts."""

    S: str
    p: float
    z: str
    t: Timestamp


class CryptoTrade(msgspec.Struct, tag_field="T", tag="t"):
    """A crypto trade; ``tks`` is the taker's side, B or S."""

    S: str
    p: float
    s: float
    t: Timestamp
    i: int
    tks: str


class CryptoQuote(msgspec.Struct, tag_field="T", tag="q", rename={"as_": "as"}):
    """A crypto quote with float sizes."""

    S: str
    bp: float
    bs: float
    ap: float
    as_: float
    t: Timestamp


class Level(msgspec.Struct):
    """One price level of an order book; size 0 deletes it."""

    p: float
    s: float


class OrderBook(msgspec.Struct, tag_field="T", tag="o", omit_defaults=True):
    """A crypto order book: whole when ``r`` is true, else what changed."""

    S: str
    t: Timestamp
    b: list[Level]
    a: list[Level]
    r: bool = False


DataMessage: TypeAlias = (
    StockTrade | StockQuote | Bar | UpdatedBar | DailyBar | Correction | CancelError | Luld | Status | Imbalance
    | CryptoTrade | CryptoQuote | OrderBook
)  # fmt: skip
