"""Orders, order events and fills as Alpaca sends them, decoded tolerantly (protocol §2.4, §2.5, §3.6).

Quantities and prices come as strings or null and become ``Decimal``; times come as RFC 3339 with ``Z`` or an offset and become
nanoseconds. Unknown keys are ignored, absent optional ones are None: fields come and go with Alpaca's releases.
"""

from decimal import Decimal
from typing import Any

import msgspec

from plugtui.errors import WireError
from plugtui.wire.codec import UNREADABLE
from plugtui.wire.times import rfc3339_to_ns


def _ns(text: str | None) -> int | None:
    return rfc3339_to_ns(text) if text else None


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order as REST and the account stream give it."""

    id: str
    client_order_id: str = ""
    symbol: str | None = ""
    side: str | None = ""
    status: str = ""
    type: str | None = ""
    order_type: str | None = ""
    order_class: str | None = ""
    time_in_force: str | None = ""
    qty: Decimal | None = None
    notional: Decimal | None = None
    filled_qty: Decimal | None = None
    filled_avg_price: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    created_at: str | None = None
    submitted_at: str | None = None
    updated_at: str | None = None
    filled_at: str | None = None
    replaces: str | None = None
    replaced_by: str | None = None
    legs: list["Order"] | None = None

    @property
    def kind(self) -> str:
        """``market``, ``limit``, …: two keys carry it."""
        return self.order_type or self.type or ""

    @property
    def submitted_ns(self) -> int | None:
        """When it was submitted."""
        return _ns(self.submitted_at or self.created_at)

    @property
    def updated_ns(self) -> int | None:
        """When it last changed."""
        return _ns(self.updated_at or self.submitted_at or self.created_at)


class TradeUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """An order event of the account stream."""

    event: str
    order: Order
    timestamp: str | None = None
    at: str | None = None
    event_id: str | None = None
    execution_id: str | None = None
    price: Decimal | None = None
    """Of this execution."""
    qty: Decimal | None = None
    """Of this execution."""
    position_qty: Decimal | None = None
    """After the event; negative is short."""

    @property
    def is_execution(self) -> bool:
        """It reports a fill or a partial fill."""
        return self.event in ("fill", "partial_fill")

    @property
    def time_ns(self) -> int | None:
        """When it happened, by the best of the times that it carries."""
        return _ns(self.timestamp or self.at or self.order.updated_at)


class RestFill(msgspec.Struct, frozen=True, kw_only=True):
    """A FILL item of the account activities."""

    id: str
    """``YYYYMMDDHHMMSSmmm::uuid``."""
    order_id: str
    symbol: str
    side: str
    """``buy``, ``sell`` or ``sell_short``."""
    qty: Decimal
    price: Decimal
    transaction_time: str
    cum_qty: Decimal | None = None
    leaves_qty: Decimal | None = None
    type: str | None = None
    order_status: str | None = None

    @property
    def uuid(self) -> str:
        """The part of the id after the stamp; the execution's id, as far as it is known (not documented)."""
        return self.id.rpartition("::")[2]

    @property
    def time_ns(self) -> int:
        """When it was executed."""
        return rfc3339_to_ns(self.transaction_time)


class AccountMessage(msgspec.Struct, frozen=True):
    """Any message of the account stream; ``data`` stays encoded until the stream's name is known."""

    stream: str = ""
    data: msgspec.Raw = msgspec.Raw(b"{}")
    action: str = ""


class Authorization(msgspec.Struct, frozen=True):
    """The data of an ``authorization`` message."""

    status: str = ""
    action: str = ""
    message: str = ""


_envelope = msgspec.json.Decoder(AccountMessage)
_authorization = msgspec.json.Decoder(Authorization)
_update = msgspec.json.Decoder(TradeUpdate)
_order = msgspec.json.Decoder(Order)


def decode_account_message(data: bytes | str) -> AccountMessage:
    """Read the envelope of an account-stream message. Raises WireError."""
    try:
        return _envelope.decode(data)
    except UNREADABLE as problem:
        raise WireError(f"was not an account-stream message: {problem}") from None


def decode_authorization(data: bytes | msgspec.Raw) -> Authorization:
    """Read the data of an ``authorization`` message. Raises WireError."""
    try:
        return _authorization.decode(data)
    except UNREADABLE as problem:
        raise WireError(f"was not an authorization: {problem}") from None


def decode_trade_update(data: bytes | str | msgspec.Raw) -> TradeUpdate:
    """Read the data of a ``trade_updates`` message. Raises WireError."""
    try:
        return _update.decode(data)
    except UNREADABLE as problem:
        raise WireError(f"was not an order event: {problem}") from None


def decode_order(data: bytes | str) -> Order:
    """Read an order from JSON. Raises WireError."""
    try:
        return _order.decode(data)
    except UNREADABLE as problem:
        raise WireError(f"was not an order: {problem}") from None


def order_from(value: Any) -> Order:
    """Read an order from decoded JSON. Raises WireError."""
    try:
        return msgspec.convert(value, Order, strict=False)
    except msgspec.ValidationError as problem:
        raise WireError(f"was not an order: {problem}") from None


def fill_from(value: Any) -> RestFill:
    """Read a FILL activity from decoded JSON. Raises WireError."""
    try:
        return msgspec.convert(value, RestFill, strict=False)
    except msgspec.ValidationError as problem:
        raise WireError(f"was not a FILL activity: {problem}") from None
