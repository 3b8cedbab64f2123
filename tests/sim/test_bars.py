"""Bars as sums, and the places where they begin."""

from datetime import UTC, datetime

import pytest

from plugtui.sim.bars import Sums, bar_fields, bucket, regroup
from plugtui.sim.calendar import to_ns


def ns(*moment: int) -> int:
    return to_ns(datetime(*moment, tzinfo=UTC))  # type: ignore[arg-type, misc]


def test_a_bar_is_the_sum_of_its_trades() -> None:
    sums = Sums()
    assert not sums
    for price, size in ((1_005_000, 10), (1_010_000, 30), (1_000_000, 60)):
        sums.trade(price, size)
    assert bar_fields(sums, 10_000, 1) == {
        "o": 100.5, "h": 101.0, "l": 100.0, "c": 100.0, "v": 100, "n": 3, "vw": 100.35,
    }  # fmt: skip


def test_a_mid_price_moves_a_bar_without_a_trade() -> None:
    sums = Sums()
    sums.touch(5)
    assert (bar_fields(sums, 1, 10**9)["v"], sums.n, bar_fields(sums, 1, 10**9)["vw"], sums.c) == (0.0, 0, 0.0, 5)


@pytest.mark.parametrize(
    ("amount", "unit", "crypto", "moment", "start"),
    [
        (5, "Min", False, ns(2026, 3, 11, 14, 33, 59), ns(2026, 3, 11, 14, 30)),
        (1, "Hour", False, ns(2026, 3, 11, 14, 33), ns(2026, 3, 11, 14)),
        (1, "Day", False, ns(2026, 3, 11, 3, 59), ns(2026, 3, 10, 4)),
        (1, "Day", False, ns(2026, 1, 11, 4, 59), ns(2026, 1, 10, 5)),
        (1, "Day", True, ns(2026, 3, 11, 3, 59), ns(2026, 3, 11)),
        (1, "Week", False, ns(2026, 3, 11, 14), ns(2026, 3, 9, 4)),
        (1, "Month", True, ns(2026, 3, 11, 14), ns(2026, 3, 1)),
        (3, "Month", False, ns(2026, 6, 30, 14), ns(2026, 4, 1, 4)),
        (12, "Month", True, ns(2026, 6, 30, 14), ns(2026, 1, 1)),
    ],
)
def test_a_bar_begins_where_the_market_says(amount: int, unit: str, crypto: bool, moment: int, start: int) -> None:
    assert bucket(amount, unit, crypto)(moment) == start


def test_regrouping_keeps_order_and_sums() -> None:
    rows = [
        (minute * 60 * 10**9, Sums(minute + 1, minute + 2, minute + 1, minute + 2, 10, 1, 15)) for minute in range(7)
    ]
    grouped = regroup(rows, bucket(5, "Min", True))
    assert [(at // 10**9, sums.v, sums.o, sums.c, sums.h) for at, sums in grouped] == [
        (0, 50, 1, 6, 6),
        (300, 20, 6, 8, 8),
    ]
