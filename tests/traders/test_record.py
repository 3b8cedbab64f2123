"""The record of a trader holds no amounts."""

from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pytest

from plugtui.performance.curve import Mark
from plugtui.performance.ratios import Undefined
from plugtui.performance.windows import WINDOWS
from plugtui.traders.record import day_rows, kept_record, make_record, profile_of
from tests.performance.support import curve_of
from tests.traders.support import execution


def lived(size: int) -> tuple[Any, list[Any]]:
    """Curve and executions of a year of an account of some size."""
    curve = curve_of(
        [size * (1000 + i + (40 if i % 4 == 0 else 0) + (300 if i >= 50 else 0)) for i in range(366)],
        {50: 300 * size},
        first="2023-01-01",
    )
    day_ns = 86_400 * 10**9
    executions = [
        execution(size if i % 2 == 0 else -size, 100 + i, order=f"o{i}", at=int(curve.time_ns[0]) + i * 9 * day_ns)
        for i in range(30)
    ]
    return curve.marked(Mark(int(curve.time_ns[50]), "flow moved", f"flow of {300 * size}")), executions


def test_a_record_has_figures_for_every_window_and_a_score() -> None:
    record = make_record(*lived(1))
    assert set(record.figures) == set(WINDOWS)
    assert isinstance(record.score, float)
    assert record.figures["ALL"].round_trips == 15
    assert record.figures["3M"].round_trips < 15


def test_an_account_a_thousand_times_as_large_has_the_same_record() -> None:
    small, large = profile_of(make_record(*lived(1)), 100), profile_of(make_record(*lived(1000)), 100)
    assert str(small["score"])[:10] == str(large["score"])[:10]
    assert np.allclose(np.array(small["curve"]), np.array(large["curve"]))
    for name in WINDOWS:
        for key, value in small["figures"][name].items():
            assert value == large["figures"][name][key] or pytest.approx(value) == large["figures"][name][key]


def test_a_profile_is_plain_json_without_amounts() -> None:
    text = msgspec.json.encode(profile_of(make_record(*lived(7919)), 100)).decode()
    assert "flow of" not in text
    for amount in ("7919000", str(7919 * 300), "2375700"):
        assert amount not in text
    assert msgspec.json.decode(text)["figures"]["ALL"]["pnl"] is None


def test_a_new_account_has_no_record_and_says_so() -> None:
    record = make_record(curve_of([100]), [])
    assert record.score == Undefined("no history yet")
    assert profile_of(record, 100)["curve"] == []


def test_the_reason_for_a_missing_score_stands_beside_the_others() -> None:
    record = make_record(curve_of([100, 101, 100, 103]), [])
    assert record.figures["ALL"].undefined["score"] == "3 of 30 days of history"


def test_what_is_kept_gives_the_same_figures_without_the_broker() -> None:
    record = make_record(*lived(3))
    kept = kept_record(day_rows(record))
    for name in WINDOWS:
        for figure in ("total_return", "volatility", "sharpe", "sortino", "max_drawdown", "days"):
            assert getattr(kept.figures[name], figure) == pytest.approx(getattr(record.figures[name], figure)), (
                name,
                figure,
            )
    assert kept.figures["ALL"].win_rate is None
    assert kept_record([]).figures == {}


def test_the_price_of_an_execution_is_no_amount_but_its_profit_is() -> None:
    record = make_record(*lived(1))
    assert all(f.expectancy is None and f.pnl is None and f.net_flow is None for f in record.figures.values())
    assert Decimal(0) == sum((f.pnl or Decimal(0)) for f in record.figures.values())
