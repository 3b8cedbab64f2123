"""What a scripted engine answers about performance."""

import math
from datetime import UTC, datetime
from typing import Any

from plugtui.performance.figures import DEFINITIONS

S = 1_000_000_000
DAY = 86_400 * S


def at(*moment: int) -> int:
    """Return nanoseconds UTC."""
    return int(datetime(*moment, tzinfo=UTC).timestamp()) * S  # type: ignore[misc,arg-type]


def value(number: float | None, reason: str = "") -> dict[str, Any]:
    """Write a figure, or why there is none."""
    return {"value": number, "reason": reason} if number is None else {"value": number}


def rest_of_answer(curve: list[list[Any]], figures: dict[str, Any]) -> dict[str, Any]:
    """Return what comes with curve, figures and P&L."""
    before = {**figures, "total_return": -0.0063, "pnl": "-582.04", "sharpe": -1.06, "max_drawdown": -0.016}
    return {
        "more": {
            "exposure": value(0.62),
            "turnover": value(8.1),
            "value_at_risk": value(None, "needs 20 returns"),
            "omega": value(1.4),
        },
        "flows": [[curve[60][0], 10_000.0], [curve[200][0], -2_500.0]],
        "before": {"from_ns": curve[0][0] - 30 * DAY, "to_ns": curve[0][0], "figures": before},
        "benchmark": {
            "symbol": "SPY",
            "problem": "",
            "curve": [[point[0], 1 + 0.02 * n / len(curve) + 0.01 * math.sin(n / 40)] for n, point in enumerate(curve)],
            "benchmark": value(0.0233),
            "relative": value(0.0184),
            "beta": value(0.32),
            "alpha": value(0.29),
            "correlation": value(0.56),
            "tracking_error": value(0.172),
        },
        "drawdowns": [
            {
                "depth": -0.0312,
                "peak_ns": at(2026, 2, 11),
                "valley_ns": at(2026, 2, 14),
                "recovery_ns": at(2026, 2, 18),
            },
            {"depth": -0.0204, "peak_ns": at(2026, 2, 22), "valley_ns": at(2026, 2, 27), "recovery_ns": None},
        ],
        "calendar": [
            {"year": 2025, "months": [None] * 7 + [0.0262, 0.106, -0.0049, 0.0007, 0.073], "total": 0.2602},
            {"year": 2026, "months": [-0.0024, 0.0234, 0.0077] + [None] * 9, "total": 0.0288},
        ],
        "definitions": DEFINITIONS,
        "reconcile": {
            "since_ns": at(2025, 12, 3),
            "base_ns": at(2025, 12, 2),
            "trading": "4179.24",
            "income": "81.63",
            "broker": "4204.11",
            "difference": "-56.76",
            "held_before": 2,
        },
        "progress": "",
    }
