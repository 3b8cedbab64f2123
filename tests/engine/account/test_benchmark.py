"""What is compared with: closes of a symbol, and equity within the day."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from plugtui.brokers.port import EquityPoint
from plugtui.engine.account.benchmark import MOST, Benchmarks
from plugtui.engine.account.intraday import Intraday, merged
from plugtui.engine.account.readings import Reading
from plugtui.errors import BrokerRefused, BrokerUnavailable
from plugtui.tasks import Tasks
from tests.performance.support import curve_of
from tests.support import eventually

CLOSES = [(date(2025, 1, 3), 590.5), (date(2025, 1, 6), 592.0)]
MINUTE = 60 * 10**9


class Host:
    """Gives closes and portfolio histories, or fails."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.error: Exception | None = None
        self.closes = CLOSES
        self.points: list[EquityPoint] = []
        self.open = asyncio.Event()
        self.open.set()

    async def daily_closes(self, *asked: Any) -> list[tuple[date, float]]:
        self.asked.append(asked)
        await self.open.wait()
        if self.error:
            raise self.error
        return self.closes

    async def portfolio_history(self, *asked: Any) -> list[EquityPoint]:
        self.asked.append(asked)
        return self.points


@pytest.fixture
async def tasks() -> AsyncIterator[Tasks]:
    tasks = Tasks()
    yield tasks
    await tasks.aclose()


def benchmarks_of(host: Host, tasks: Tasks, **options: Any) -> Benchmarks:
    given: dict[str, Any] = {
        "today": lambda: date(2025, 1, 7),
        "first_day": lambda: date(2024, 3, 1),
        "room": lambda: True,
        **options,
    }
    return Benchmarks(host, "https://data", tasks, **given)  # type: ignore[arg-type]


async def test_nobody_waits_for_the_closes_and_they_are_read_once(tasks: Tasks) -> None:
    host = Host()
    host.open.clear()
    found = benchmarks_of(host, tasks)
    assert found.of("SPY").problem == "reading the prices of SPY"
    host.open.set()
    await eventually(lambda: found.of("SPY").closes)
    assert found.of("SPY").problem == ""
    assert host.asked == [("SPY", "2024-02-20", "2025-01-07", "https://data")]


async def test_a_symbol_without_prices_says_so(tasks: Tasks) -> None:
    host = Host()
    host.closes = []
    found = benchmarks_of(host, tasks)
    await eventually(lambda: found.of("NOPE").problem == "no prices of NOPE")


async def test_a_refusal_is_told_and_not_repeated_at_once(tasks: Tasks) -> None:
    host = Host()
    host.error = BrokerRefused("the broker answered GET /stocks/bars with 403", status=403)
    found = benchmarks_of(host, tasks)
    await eventually(lambda: "403" in found.of("SPY").problem)
    for _ in range(20):
        found.of("SPY")
        await asyncio.sleep(0)
    assert len(host.asked) == 1


async def test_nothing_is_asked_before_the_history_is_known_or_while_the_algorithms_need_the_budget(
    tasks: Tasks,
) -> None:
    host = Host()
    assert benchmarks_of(host, tasks, first_day=lambda: None).of("SPY").problem == "the account's history is being read"
    benchmarks_of(host, tasks, room=lambda: False).of("SPY")
    await asyncio.sleep(0)
    assert host.asked == []


async def test_only_the_symbols_asked_for_last_are_kept(tasks: Tasks) -> None:
    host = Host()
    found = benchmarks_of(host, tasks)
    for n in range(MOST + 1):
        await eventually(lambda symbol=f"S{n}": found.of(symbol).closes)
    assert not found.of("S0").closes
    assert found.of(f"S{MOST}").closes


async def test_an_old_answer_stays_while_a_newer_one_fails(tasks: Tasks) -> None:
    host = Host()
    reading = Reading("test", host.daily_closes, 0.0, tasks)
    await eventually(reading.want)
    host.error = BrokerUnavailable("the data host does not answer")
    await eventually(lambda: reading.want() and reading.problem)
    assert reading.value == CLOSES


# ---------------------------------------------------------------- within the day


def test_the_brokers_readings_fill_what_we_have_not_seen() -> None:
    own = [(100 * MINUTE, Decimal(5)), (101 * MINUTE, Decimal(6)), (200 * MINUTE, Decimal(7))]
    kept = [(at * MINUTE, Decimal(1)) for at in (50, 95, 105, 150, 195, 205, 300)] + [(310 * MINUTE, Decimal(0))]
    assert [at // MINUTE for at, _ in merged(own, kept)] == [50, 100, 101, 150, 200]
    assert merged([], kept[:2]) == kept[:2]
    assert merged(own, []) == own


async def test_short_windows_have_samples_and_long_ones_have_none(tasks: Tasks) -> None:
    host = Host()
    curve = curve_of([100, 101, 102], first="2025-01-06")
    at = int(curve.time_ns[-1])
    host.points = [EquityPoint(at - 200 * MINUTE, Decimal(103)), EquityPoint(at - 5000 * MINUTE, Decimal(99))]

    async def samples(since_ns: int, every_ns: int) -> list[tuple[int, Decimal]]:
        return [(at, Decimal(102))]

    intraday = Intraday(SimpleNamespace(samples=samples), host, tasks)  # type: ignore[arg-type]
    assert await intraday.samples("1Y", curve) == []
    assert host.asked == []
    assert await intraday.samples("1D", curve) == [(at, Decimal(102))]
    await eventually(lambda: host.asked)
    assert await intraday.samples("1D", curve) == [(at - 200 * MINUTE, Decimal(103)), (at, Decimal(102))]
    assert host.asked == [("1D", "5Min")]
