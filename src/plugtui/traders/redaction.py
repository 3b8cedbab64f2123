"""Turn executions into trades that tell no amount (rows T5, T8). Pure.

What leaves: trader, symbol, what was done, price, time. What does not: quantity, position, order and client order id, account
number. An order is one trade, however many executions filled it: it is told at its first execution, with that execution's price
and time. A mean price would be known only when the order is done, and the number of executions tells about the size.
"""

import hashlib
from collections.abc import Iterable, Mapping
from decimal import Decimal

from plugtui.control.messages import TraderTrade
from plugtui.ledger.executions import Execution

_ZERO = Decimal(0)


def trade_id(trader: str, order_id: str) -> str:
    """Return the id of a trade: the same for every execution of an order, and not the order's id."""
    return hashlib.blake2b(f"{trader}\0{order_id}".encode(), digest_size=10).hexdigest()


def position_key(symbol: str) -> str:
    """Return the symbol as positions spell it: ``BTC/USD`` is ``BTCUSD`` there (protocol §3.4)."""
    return symbol.replace("/", "")


def side_of(signed_qty: Decimal, before: Decimal) -> str:
    """Say what an execution did to a position.

    Args:
        signed_qty: negative when sold.
        before: the position before it, negative when short.

    Returns:
        ``bought``, ``sold``, ``sold short`` or ``covered``. One that crosses zero is named for its first part.
    """
    if signed_qty > 0:
        return "covered" if before < 0 else "bought"
    return "sold" if before > 0 else "sold short"


def redact(trader: str, execution: Execution, before: Decimal | None = None, recovered: bool = False) -> TraderTrade:
    """Return the trade that an execution belongs to.

    Args:
        trader: its name.
        execution: with the position after it, where known.
        before: the position before it, when the execution does not tell; ``None``: unknown, a sale counts as ``sold``.
        recovered: not heard on the stream.
    """
    if execution.position_qty is not None:
        before = execution.position_qty - execution.signed_qty
    if before is None:
        before = Decimal(0) if execution.signed_qty > 0 else execution.qty
    if "/" in execution.symbol:
        # Crypto is never sold short, and fees taken in coin make the sum of the fills differ from the position.
        before = max(before, Decimal(0)) if execution.signed_qty > 0 else execution.qty
    return TraderTrade(
        trader=trader,
        trade_id=trade_id(trader, execution.order_id),
        symbol=execution.symbol,
        side=side_of(execution.signed_qty, before),
        price=execution.price,
        time_ns=execution.time_ns,
        recovered=recovered,
    )


def redact_all(
    trader: str, executions: Iterable[Execution], held: Mapping[str, Decimal], recovered: bool = True
) -> list[TraderTrade]:
    """Return the trades of all executions since some moment, one an order, in the order of time.

    Args:
        trader: its name.
        executions: all of them since that moment, in any order.
        held: the positions after the last of them, :func:`position_key` → quantity. From there the positions before each
            execution are worked out backwards.
        recovered: whether they were fetched instead of heard.
    """
    ordered = sorted(executions, key=lambda e: (e.time_ns, e.order_id, e.cum_qty))
    position = dict(held)
    for execution in ordered:
        key = position_key(execution.symbol)
        position[key] = position.get(key, _ZERO) - execution.signed_qty
    trades: dict[str, TraderTrade] = {}
    for execution in ordered:
        key = position_key(execution.symbol)
        trade = redact(trader, execution, position[key], recovered)
        trades.setdefault(trade.trade_id, trade)
        position[key] += execution.signed_qty
    return list(trades.values())
