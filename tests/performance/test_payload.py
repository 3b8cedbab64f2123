"""The answer to ``performance`` on the control link."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import msgspec
import pytest

from plugtui.control.messages import Figures
from plugtui.performance.curve import Mark, close_ns, curve_of_days, finer
from plugtui.performance.curve_json import Book, Prices, performance_payload
from plugtui.performance.exposure import Trade
from plugtui.performance.reconcile import reconcile
from plugtui.performance.returns import daily_returns, time_weighted
from plugtui.performance.windows import WINDOWS
from tests.performance.support import curve_of, days_from

MINUTE = 60 * 10**9


@dataclass
class Closed:
    pnl: Decimal
    closed_ns: int


YEAR = curve_of([10_000 + 10 * i + (120 if i % 3 == 0 else 0) for i in range(366)], {100: 5, 200: -7})


@pytest.mark.parametrize("name", WINDOWS)
def test_it_is_plain_json_for_every_window(name: str) -> None:
    book = Book([Closed(Decimal("10.5"), int(YEAR.time_ns[-1]))])
    payload = msgspec.json.decode(msgspec.json.encode(performance_payload(YEAR, name, book)))
    assert payload["window"] == name
    assert msgspec.convert(payload["figures"], Figures, strict=False).days == len(payload["curve"]) - 1
    assert payload["figures"]["round_trips"] == 1


def test_an_account_without_a_history_has_one_too() -> None:
    payload = performance_payload(curve_of([]), "1M", benchmark=Prices("SPY"))
    assert payload["curve"] == []
    assert payload["figures"]["undefined"]["total_return"] == "no returns yet"
    assert payload["benchmark"]["problem"]


def test_an_account_with_large_holes_in_its_history_has_figures() -> None:
    days = days_from("2024-01-01", 60)[::15]
    curve = curve_of_days([(day, Decimal(100 + i)) for i, day in enumerate(days)])
    assert performance_payload(curve, "ALL")["figures"]["days"] == 3


def test_it_compares_with_a_benchmark_over_the_same_days() -> None:
    closes = [(day, 50.0 + i) for i, day in enumerate(days_from("2024-01-01", 366))]
    found = performance_payload(YEAR, "1M", benchmark=Prices("SPY", closes))["benchmark"]
    assert (found["symbol"], found["problem"], found["periods"]) == ("SPY", "", 31)
    assert found["relative"]["value"] is not None
    assert len(found["curve"]) == 32
    assert found["curve"][0][1] == 1.0
    assert found["curve"][-1][1] - 1 == pytest.approx(found["benchmark"]["value"])
    assert performance_payload(YEAR, "1M")["benchmark"] is None


def test_a_benchmark_without_prices_says_why() -> None:
    found = performance_payload(YEAR, "1M", benchmark=Prices("SPY", (), "the data host does not answer"))["benchmark"]
    assert found == {"symbol": "SPY", "problem": "the data host does not answer", "curve": []}


def test_the_window_before_has_figures_of_its_own() -> None:
    trips = [Closed(Decimal(1), int(YEAR.time_ns[n])) for n in (-70, -40, -10, -5)]
    payload = performance_payload(YEAR, "1M", Book(trips))
    before = payload["before"]
    assert before["to_ns"] == payload["curve"][0][0]
    assert (before["figures"]["round_trips"], payload["figures"]["round_trips"]) == (1, 2)
    assert before["figures"]["total_return"] == pytest.approx(time_weighted(daily_returns(YEAR).values[-62:-31]))
    assert performance_payload(YEAR, "ALL", Book(trips))["before"] is None


def test_payments_of_the_window_are_listed() -> None:
    assert performance_payload(YEAR, "ALL")["flows"] == [(int(YEAR.time_ns[100]), 5.0), (int(YEAR.time_ns[200]), -7.0)]
    assert performance_payload(YEAR, "1M")["flows"] == []


def test_the_calendar_is_of_the_whole_history_whatever_the_window() -> None:
    assert performance_payload(YEAR, "1W")["calendar"] == performance_payload(YEAR, "ALL")["calendar"]


def test_a_window_that_begins_before_the_known_fills_says_so() -> None:
    trade = Trade(int(YEAR.time_ns[300]), "AAPL", Decimal(1), Decimal(100))
    book = Book((), [trade], int(YEAR.time_ns[290]))
    whole = performance_payload(YEAR, "ALL", book)
    assert whole["more"]["exposure"]["reason"].startswith("fills are known since 2024-10-17")
    assert [mark["kind"] for mark in whole["marks"]] == ["fills"]
    month = performance_payload(YEAR, "1M", book)
    assert month["more"]["exposure"]["value"] > 0
    assert month["marks"] == []


def test_marks_of_the_window_travel_along() -> None:
    marked = YEAR.marked(Mark(int(YEAR.time_ns[3]), "gap", "no equity"), Mark(int(YEAR.time_ns[-2]), "spike", "+50 %"))
    assert [mark["kind"] for mark in performance_payload(marked, "1W")["marks"]] == ["spike"]


# ---------------------------------------------------------------- within the day


def test_today_is_drawn_from_its_readings_and_starts_at_the_last_close() -> None:
    curve = curve_of([100, 110], first="2024-01-03")
    noon = close_ns(date(2024, 1, 4)) - 240 * MINUTE
    samples = [(noon, Decimal(104)), (noon + MINUTE, Decimal(99)), (noon + 2 * MINUTE, Decimal(110))]
    payload = performance_payload(curve, "1D", samples=samples)
    points = payload["curve"]
    assert [point[1] for point in points] == [100.0, 104.0, 99.0, 110.0]
    assert points[0][0] == noon - MINUTE
    assert points[-1][2] == pytest.approx(1.1)
    assert payload["figures"]["max_drawdown"] == payload["drawdowns"][0]["depth"] == pytest.approx(99 / 104 - 1)


def test_a_deposit_within_the_day_is_laid_where_the_equity_jumps() -> None:
    curve = curve_of([1000, 1510], {1: 500}, first="2024-01-03")
    noon = close_ns(date(2024, 1, 4)) - 240 * MINUTE
    samples = [(noon + n * MINUTE, Decimal(e)) for n, e in enumerate([1001, 1005, 1506, 1510])]
    found = finer(curve, samples)
    assert found.flow.tolist() == [0, 0, 0, 500, 0]
    assert max(abs(daily_returns(found).values)) < 0.005


def test_an_account_on_its_first_day_is_drawn_from_its_readings_alone() -> None:
    curve = curve_of([100], first="2024-01-03")
    at = close_ns(date(2024, 1, 3)) - MINUTE
    found = finer(curve, [(at - MINUTE, Decimal(100)), (at, Decimal("100.5"))])
    assert found.equity.tolist() == [100, 100.5]
    assert len(finer(curve_of([]), [(at, Decimal(1))])) == 0


def test_days_without_readings_keep_their_close() -> None:
    curve = curve_of([100, 101, 102, 103], first="2024-01-02")
    at = close_ns(date(2024, 1, 4)) - MINUTE
    found = finer(curve, [(at - MINUTE, Decimal(105)), (at, Decimal("102.5"))])
    assert found.equity.tolist() == [100, 101, 105, 102.5, 103]
    assert found.days == [date(2024, 1, 2), date(2024, 1, 3), date(2024, 1, 4), date(2024, 1, 4), date(2024, 1, 5)]


# ---------------------------------------------------------------- beside the broker's numbers


def test_the_books_are_reconciled_with_the_broker_from_the_close_before_the_first_fill() -> None:
    curve = curve_of([1000, 1100, 1150, 1700], {3: 500}, first="2024-01-02")
    income = [(date(2024, 1, 2), Decimal(9)), (date(2024, 1, 4), Decimal("2.5")), (date(2024, 1, 5), Decimal(-1))]
    found = reconcile(curve, close_ns(date(2024, 1, 4)), Decimal(95), income)
    assert found.base_ns == close_ns(date(2024, 1, 3))
    assert (found.broker, found.income, found.difference) == (Decimal(100), Decimal("1.5"), Decimal("3.5"))


def test_without_a_close_before_the_first_fill_nothing_is_claimed() -> None:
    found = reconcile(curve_of([1000, 1100], first="2024-01-02"), close_ns(date(2024, 1, 2)), Decimal(95), [])
    assert (found.broker, found.difference) == (None, None)
