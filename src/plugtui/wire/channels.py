"""Which channels a market-data feed has, and which channel a message belongs to (protocol §1.6, §1.10)."""

import re
from enum import Enum

TRADES, QUOTES, BARS, UPDATED_BARS, DAILY_BARS = "trades", "quotes", "bars", "updatedBars", "dailyBars"
STATUSES, LULDS, IMBALANCES = "statuses", "lulds", "imbalances"
CORRECTIONS, CANCEL_ERRORS = "corrections", "cancelErrors"
ORDERBOOKS, NEWS, PRICING = "orderbooks", "news", "pricing"

ANY = "*"
"""The wildcard: every symbol of a channel."""

CONFLATABLE = frozenset({QUOTES, ORDERBOOKS})
"""Channels whose older message is worthless once a newer one is there (row G10)."""


class Family(Enum):
    """A kind of market-data feed: its acknowledgement's keys in order, and the channels that follow ``trades``."""

    STOCK = (
        (TRADES, QUOTES, BARS, UPDATED_BARS, DAILY_BARS, STATUSES, LULDS, CORRECTIONS, CANCEL_ERRORS),
        (IMBALANCES,),
        {
            "t": TRADES, "q": QUOTES, "b": BARS, "u": UPDATED_BARS, "d": DAILY_BARS, "s": STATUSES, "l": LULDS,
            "i": IMBALANCES, "c": CORRECTIONS, "x": CANCEL_ERRORS,
        },
        r"[A-Z][A-Z0-9]{0,9}(?:[./-][A-Z0-9]{1,5})?",
    )  # fmt: skip
    TEST = ((TRADES, QUOTES, BARS), (), {"t": TRADES, "q": QUOTES, "b": BARS}, r"[A-Z][A-Z0-9]{0,9}")
    CRYPTO = (
        (TRADES, QUOTES, ORDERBOOKS, BARS, UPDATED_BARS, DAILY_BARS),
        (PRICING,),
        {"t": TRADES, "q": QUOTES, "o": ORDERBOOKS, "b": BARS, "u": UPDATED_BARS, "d": DAILY_BARS, "p": PRICING},
        r"[A-Z0-9]{1,15}/?[A-Z0-9]{1,10}(?:-PERP)?",
    )
    NEWS = ((NEWS,), (), {"n": NEWS}, r"[A-Z0-9][A-Z0-9./-]{0,14}")
    OPTION = ((TRADES, QUOTES), (), {"t": TRADES, "q": QUOTES}, r"[A-Z0-9]{1,6}\d{6}[CP]\d{8}")

    def __init__(
        self, ack_keys: tuple[str, ...], extra: tuple[str, ...], channel_of_type: dict[str, str], symbol: str
    ) -> None:
        self.ack_keys = ack_keys
        """Keys of an acknowledgement, in the server's order."""
        self.extra_keys = extra
        """Channels that may be asked for but stand in an acknowledgement only when used (imbalances, [U])."""
        self.channels = frozenset(ack_keys + extra) - {CORRECTIONS, CANCEL_ERRORS}
        """Channels that a client may name in a request."""
        self.channel_of_type = channel_of_type
        """Message type ``T`` → channel."""
        self._symbol = re.compile(symbol)

    __hash__ = object.__hash__

    @property
    def automatic(self) -> tuple[str, ...]:
        """Channels that follow ``trades`` without being asked for."""
        return (CORRECTIONS, CANCEL_ERRORS) if CORRECTIONS in self.ack_keys else ()

    def valid_symbol(self, symbol: object) -> bool:
        """Tell whether a symbol is well formed: a badly formed one refuses the whole request (400)."""
        return isinstance(symbol, str) and (symbol == ANY or self._symbol.fullmatch(symbol) is not None)


def channel_of(family: Family, message_type: str) -> str | None:
    """Return the channel of a data message's ``T``; None for a type that the family does not have."""
    return family.channel_of_type.get(message_type)
