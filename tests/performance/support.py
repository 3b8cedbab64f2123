"""Short ways to write curves and return series."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from plugtui.performance.curve import NEW_YORK, Curve, Movement, close_ns, curve_of_days
from plugtui.performance.returns import Returns


def days_from(first: str, count: int) -> list[date]:
    """``count`` consecutive calendar days."""
    start = date.fromisoformat(first)
    return [start + timedelta(days=i) for i in range(count)]


def returns_of(values: Sequence[float], first: str = "2000-01-30") -> Returns:
    """A daily return series without a known start."""
    days = days_from(first, len(values))
    return Returns(np.array([close_ns(day) for day in days], np.int64), np.array(values, np.float64))


def curve_of(
    equity: Sequence[float | str], flows: dict[int, float | str] | None = None, first: str = "2024-01-01"
) -> Curve:
    """A curve of consecutive calendar days; ``flows``: index of the point → amount."""
    days = days_from(first, len(equity))
    moves = [Movement(days[i], Decimal(str(amount))) for i, amount in (flows or {}).items()]
    return curve_of_days([(day, Decimal(str(e))) for day, e in zip(days, equity, strict=True)], moves)


def session_end(day: date) -> int:
    """Alpaca's 1D timestamp: 20:00 New York of the day, epoch seconds."""
    return int(datetime(day.year, day.month, day.day, 20, tzinfo=NEW_YORK).timestamp())


def history_of(equity: Sequence[float | None], first: str = "2024-01-01") -> dict[str, Any]:
    """A portfolio history as Alpaca sends it, of consecutive calendar days."""
    days = days_from(first, len(equity))
    return {
        "timestamp": [session_end(day) for day in days],
        "equity": list(equity),
        "profit_loss": [None] * len(days),
        "profit_loss_pct": [None] * len(days),
        "base_value": None,
        "timeframe": "1D",
    }


def activity(kind: str, day: str, amount: str | None, **more: Any) -> dict[str, Any]:
    """A non-trade activity as Alpaca sends it."""
    item = {
        "activity_type": kind,
        "id": f"{day.replace('-', '')}000000000::{kind}{amount}",
        "date": day,
        "net_amount": amount,
        "status": "executed",
    }
    return {**item, **more}
