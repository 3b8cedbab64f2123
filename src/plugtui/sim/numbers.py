"""Decimals as Alpaca writes and reads them: plain strings, no exponent, no trailing zeros."""

from collections.abc import Iterable
from decimal import ROUND_DOWN, Decimal, InvalidOperation

ZERO = Decimal(0)
QTY_STEP = Decimal("0.000000001")
"""Alpaca keeps nine fractional digits of a quantity."""


def text(value: Decimal) -> str:
    """Format without exponent and without trailing zeros."""
    plain = format(value, "f")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain in ("-0", "") else plain


def text_or_none(value: Decimal | None) -> str | None:
    """Format, or pass None through."""
    return None if value is None else text(value)


def cents(value: Decimal) -> Decimal:
    """Round to the cent, half to even."""
    return value.quantize(Decimal("0.01"))


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """Round down to a multiple of ``step``."""
    return (value / step).to_integral_value(ROUND_DOWN) * step


def total(values: Iterable[Decimal]) -> Decimal:
    """Add up exactly."""
    return sum(values, ZERO)


def number(value: object) -> Decimal:
    """Read a number out of a request body, where strings and JSON numbers both occur. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"was {value!r}, expected a number")
    try:
        read = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"was {value!r}, expected a number") from None
    if not read.is_finite():
        raise ValueError(f"was {value!r}, expected a finite number")
    return read
