"""Money, clock and history, each read on its own, whatever the host does."""

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from plugtui.brokers.port import AccountInfo, Activity, BrokerClock, EquityPoint, SessionDay
from plugtui.config import AccountSettings
from plugtui.control.messages import AccountState, MarketState, PositionState
from plugtui.engine.account.watch import AccountWatch
from plugtui.errors import BrokerRefused, BrokerUnavailable
from plugtui.store.store import Store
from plugtui.wire.times import rfc3339_to_ns
from tests.support import cancelled_at_end, eventually

FRIDAY_NS = rfc3339_to_ns("2025-01-10T15:00:00-05:00")
MARKET = MarketState(is_open=True, next_open_ns=0, next_close_ns=0)


class Broker:
    """Answers what a test sets; a call named in ``broken`` fails."""

    def __init__(self) -> None:
        self.broken: dict[str, Exception] = {}
        self.info = AccountInfo("PA1", Decimal(1100), Decimal(1000), Decimal(500), Decimal(900))
        self.now_ns = FRIDAY_NS
        self.flows: list[Activity] = []
        self.points: list[EquityPoint] = []
        self.held: list[PositionState] = []
        self.asked: list[str] = []

    def _ask(self, name: str) -> None:
        self.asked.append(name)
        if name in self.broken:
            raise self.broken[name]

    async def account(self) -> AccountInfo:
        self._ask("account")
        return self.info

    async def positions(self) -> list[PositionState]:
        self._ask("positions")
        return self.held

    async def clock(self) -> BrokerClock:
        self._ask("clock")
        return BrokerClock(self.now_ns, MARKET)

    async def calendar(self, start: str, end: str) -> list[SessionDay]:
        self._ask("calendar")
        days = ["2025-01-07", "2025-01-08", "2025-01-10", "2025-01-13"]  # the 9th was a day of mourning
        return [SessionDay(day, "09:30", "16:00") for day in days if start <= day <= end]

    async def activities(self, since_day: str = "", limit: int = 0) -> list[Activity]:
        self._ask("activities")
        return [flow for flow in self.flows if flow.day >= since_day]

    async def portfolio_history(self, period: str = "", timeframe: str = "") -> list[EquityPoint]:
        self._ask(f"history {period}")
        if f"history {period}" in self.broken:
            raise self.broken[f"history {period}"]
        return self.points


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(tmp_path / "ledger.sqlite3")
    yield store
    await store.aclose()


def watch_of(broker: Broker, store: Store, **options: Any) -> AccountWatch:
    settings = AccountSettings(poll_s=0.02, history_poll_s=0.02)
    return AccountWatch(broker, store, settings, now_ns=lambda: FRIDAY_NS, **options)  # type: ignore[arg-type]


async def read_all(watch: AccountWatch) -> AccountState:
    await watch.read_clock()
    await watch.read_history()
    await watch.read_money()
    assert watch.state is not None
    return watch.state


def flow(day: str, amount: int, kind: str = "CSD") -> Activity:
    return Activity(f"{day}-{kind}-{amount}", kind, day, Decimal(amount))


async def test_a_deposit_of_today_is_no_profit(store: Store) -> None:
    broker = Broker()
    broker.flows = [flow("2025-01-10", 60), flow("2025-01-08", 500), flow("2025-01-10", 5, "DIV")]
    state = await read_all(watch_of(broker, store))
    assert state.day_pnl == 40
    assert state.day_return == pytest.approx(1100 / 1060 - 1)


async def test_a_withdrawal_counts_at_the_end_of_its_day(store: Store) -> None:
    broker = Broker()
    broker.info = AccountInfo("PA1", Decimal(900), Decimal(1000), Decimal(500), Decimal(900))
    broker.flows = [flow("2025-01-10", -200, "CSW")]
    state = await read_all(watch_of(broker, store))
    assert state.day_pnl == 100
    assert state.day_return == pytest.approx(0.1)


async def test_a_flow_on_a_day_without_a_session_belongs_to_the_next_one(store: Store) -> None:
    broker = Broker()
    broker.flows = [flow("2025-01-09", 60)]
    assert (await read_all(watch_of(broker, store))).day_pnl == 40


async def test_one_reading_that_fails_stops_no_other_and_is_named(store: Store) -> None:
    broker = Broker()
    broker.broken = {
        "clock": BrokerUnavailable("the trading host does not answer"),
        "activities": BrokerRefused("forbidden", status=403),
    }
    told: list[AccountState] = []
    watch = watch_of(broker, store, on_state=told.append)
    async with cancelled_at_end(watch.run()):
        await eventually(lambda: broker.asked.count("account") > 3 and len(watch._problems) == 2)
        assert watch.state is not None
        assert watch.state.problem in ("the trading host does not answer", "forbidden")
        assert watch.state.equity == 1100
        broker.broken = {}
        await eventually(lambda: watch.state is not None and watch.state.market == MARKET)
    assert told


async def test_numbers_stay_while_the_host_is_away_and_say_so(store: Store) -> None:
    broker = Broker()
    watch = watch_of(broker, store)
    async with cancelled_at_end(watch.run()):
        await eventually(lambda: watch.state)
        broker.broken = {"account": BrokerUnavailable("503")}
        await eventually(lambda: watch.problem == "503")
        assert watch.state is not None
        assert (watch.state.equity, watch.state.problem) == (1100, "503")
        broker.broken = {}
        await eventually(lambda: watch.problem == "")


async def test_a_broker_that_refuses_a_long_history_is_asked_for_a_shorter_one(store: Store) -> None:
    broker = Broker()
    broker.points = [EquityPoint(rfc3339_to_ns("2025-01-09T01:00:00Z"), Decimal(990))]
    broker.broken = {"history 10A": BrokerRefused("period too long", status=422)}
    watch = watch_of(broker, store)
    await watch.read_history()
    assert [point.equity for point in watch.points] == [990]


async def test_the_history_has_a_point_a_day_with_its_flows_and_ends_now(store: Store) -> None:
    broker = Broker()
    # 1D stamps are 20:00 New York of the day that they describe: the next day in UTC
    broker.points = [
        EquityPoint(rfc3339_to_ns(f"2025-01-0{day + 1}T01:00:00Z"), Decimal(900 + day)) for day in (6, 7, 8)
    ]
    broker.flows = [
        flow("2025-01-07", 10),
        flow("2025-01-09", 20),
        flow("2025-01-10", -5),
        flow("2025-01-07", 3, "INT"),
    ]
    watch = watch_of(broker, store)
    await read_all(watch)
    assert [point.equity for point in watch.points] == [906, 907, 908]
    assert [(a.day, a.net_amount) for a in watch.activities if a.external] == [
        ("2025-01-07", 10),
        ("2025-01-09", 20),
        ("2025-01-10", -5),
    ]
    again = watch_of(Broker(), store)
    await again.restore()
    assert [(point.time_ns, point.equity) for point in again.points] == [(p.time_ns, p.equity) for p in watch.points]
    assert again.activities == watch.activities


async def test_samples_are_written_in_batches_and_read_with_those_that_wait(store: Store) -> None:
    broker = Broker()
    now = [FRIDAY_NS]
    watch = AccountWatch(broker, store, AccountSettings(), now_ns=lambda: now[0])  # type: ignore[arg-type]
    for _ in range(25):
        now[0] += 10**9
        await watch.read_money()
    written = (await store.read("SELECT count(*) FROM equity_samples"))[0][0]
    assert 0 < written < 25
    assert len(await watch.samples(0)) == 25
    await watch.flush()
    assert (await store.read("SELECT count(*) FROM equity_samples"))[0][0] == 25
    of_five_seconds = [at for at, _ in await watch.samples(FRIDAY_NS + 5 * 10**9, 5 * 10**9)]
    assert of_five_seconds == [FRIDAY_NS + (5 * n - 1) * 10**9 for n in range(2, 6)] + [FRIDAY_NS + 25 * 10**9]


async def test_a_day_is_new_yorks_by_the_brokers_clock(store: Store) -> None:
    broker = Broker()
    broker.now_ns = rfc3339_to_ns("2025-01-14T03:00:00Z")
    watch = watch_of(broker, store)
    await watch.read_clock()
    assert watch.today() == date(2025, 1, 13)


async def test_crypto_prices_are_found_under_both_spellings(store: Store) -> None:
    broker = Broker()
    price = Decimal("61000.5")
    broker.held = [
        PositionState(
            symbol="BTCUSD", qty=Decimal(1), avg_entry_price=price, market_value=price, unrealized_pnl=Decimal(0),
            current_price=price,
        )
    ]  # fmt: skip
    watch = watch_of(broker, store)
    await watch.read_money()
    assert watch.prices == {"BTCUSD": price, "BTC/USD": price}
