"""``performance`` on the control link, from a simulated account."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from plugtui.control.messages import Command
from plugtui.engine.account.benchmark import Benchmarks
from plugtui.engine.account.intraday import Intraday
from plugtui.engine.account.queries import PerformanceQuery
from plugtui.engine.control import Commands
from plugtui.errors import ControlError
from plugtui.sim.server import SimSettings, Simulator
from plugtui.tasks import Tasks
from tests.engine.account_kit import Rig, credentials, rig
from tests.support import eventually


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(SimSettings(seed=7, rate=50)) as simulator:
        simulator.faults.update({"rate_limit": 0})
        yield simulator


class Asked:
    """The command ``performance`` over an account."""

    def __init__(self, made: Rig, simulator: Simulator, tasks: Tasks) -> None:
        watch = made.account.watch
        benchmarks = Benchmarks(made.broker, simulator.url, tasks, today=watch.today, first_day=watch.first_day)
        self.commands = Commands()
        PerformanceQuery(made.account, benchmarks, Intraday(watch, made.broker, tasks), "SPY").offer(self.commands)

    async def performance(self, **args: Any) -> dict[str, Any]:
        answer: dict[str, Any] = await self.commands.run(Command(id=1, name="performance", args=args))
        return answer


@pytest.fixture
async def asked(simulator: Simulator, tmp_path: Path) -> AsyncIterator[Asked]:
    tasks = Tasks()
    async with rig(tmp_path / "l.sqlite3", credentials(simulator)) as made:
        await eventually(lambda: made.account.watch.points and made.account.journal.openings and made.account.state)
        yield Asked(made, simulator, tasks)
        await tasks.aclose()


async def test_the_account_is_compared_with_the_symbol_of_the_settings_or_another(asked: Asked) -> None:
    async def closes(symbol: str, **args: Any) -> bool:
        against = (await asked.performance(window="1Y", **args))["benchmark"]
        assert against["symbol"] == symbol
        return len(against["curve"]) > 200 and not against["problem"]

    await eventually(lambda: closes("SPY"))
    await eventually(lambda: closes("QQQ", benchmark="qqq"))
    assert (await asked.performance(benchmark=""))["benchmark"] is None
    against = (await asked.performance(window="1Y"))["benchmark"]
    assert abs(against["beta"]["value"]) < 3
    assert against["tracking_error"]["value"] > 0


async def test_what_is_no_symbol_is_refused(asked: Asked) -> None:
    with pytest.raises(ControlError, match="no symbol"):
        await asked.performance(benchmark="not a symbol!")


async def test_a_symbol_that_nobody_trades_has_a_reason(asked: Asked) -> None:
    async def told() -> bool:
        found = (await asked.performance(benchmark="ZZZZ"))["benchmark"]
        return bool(found["problem"] == "no prices of ZZZZ" and found["curve"] == [])

    await eventually(told)


async def test_the_day_is_drawn_from_what_the_broker_and_we_have_read(asked: Asked) -> None:
    async def fine() -> bool:
        answer = await asked.performance(window="1D")
        return len(answer["curve"]) > 20

    await eventually(fine)
    assert len((await asked.performance(window="1M"))["curve"]) < 30


async def test_the_books_are_laid_beside_the_brokers_numbers(asked: Asked) -> None:
    answer = await asked.performance(window="ALL")
    told = answer["reconcile"]
    by_algo = sum((row["realized"] + row["unrealized"] for row in answer["by_algo"].values()), Decimal(0))
    assert told["trading"] == by_algo
    assert told["difference"] == told["broker"] - told["trading"] - told["income"]
    assert told["held_before"] > 0
    assert answer["progress"] == ""
    assert answer["definitions"]["sharpe"].startswith("Sharpe: mean(r − rf)")
