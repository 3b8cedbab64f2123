"""What is traded, and the view of the market that the trading half of the simulator needs."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

_ASSETS = uuid.UUID("b0b6dd9d-8b9b-48a9-ba46-b9d54906e415")


@dataclass(frozen=True, slots=True)
class Instrument:
    """A stock or crypto pair."""

    symbol: str
    """``AAPL`` or ``BTC/USD``."""
    name: str
    exchange: str
    """``NASDAQ``, ``NYSE``, ``CRYPTO``."""
    asset_class: str
    """``us_equity`` or ``crypto``."""
    tape: str
    price_increment: Decimal
    min_size: Decimal
    """Smallest quantity and step of a quantity."""
    shortable: bool
    fractionable: bool

    @property
    def is_crypto(self) -> bool:
        """Tell whether it trades around the clock, unmargined."""
        return self.asset_class == "crypto"

    @property
    def asset_id(self) -> str:
        """Return Alpaca's id of the asset: always the same for a symbol."""
        return str(uuid.uuid5(_ASSETS, self.symbol))


@dataclass(frozen=True, slots=True)
class Top:
    """Best bid and offer, sizes in units."""

    bid: Decimal
    bid_size: Decimal
    ask: Decimal
    ask_size: Decimal


class MarketView(Protocol):
    """What the market tells the exchange."""

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """All instruments by symbol."""
        ...

    def top(self, symbol: str) -> Top:
        """Return the best bid and offer."""
        ...

    def last(self, symbol: str) -> Decimal:
        """Return the price of the last trade."""
        ...

    def previous_close(self, symbol: str) -> Decimal:
        """Return the official close of the session before the present one."""
        ...
