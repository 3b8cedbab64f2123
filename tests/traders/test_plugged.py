"""Plugged accounts against the exchange simulator, over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from plugtui.brokers.alpaca import AlpacaBroker
from plugtui.brokers.port import AccountInfo, Credentials
from plugtui.control.messages import Command
from plugtui.engine.control import Commands
from plugtui.errors import BrokerUnavailable, ControlError
from plugtui.performance.windows import WINDOWS
from plugtui.secrets import Secret
from plugtui.sim.server import SimSettings, Simulator
from plugtui.traders.commands import TraderCommands
from tests.support import eventually
from tests.traders.support import Desk, open_desk


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(SimSettings(seed=11)) as simulator:
        yield simulator


@pytest.fixture
async def desk(sim: Simulator, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(sim, tmp_path) as desk:
        yield desk


# ---------------------------------------------------------------- record


async def test_a_plugged_account_shows_its_record_without_amounts(desk: Desk) -> None:
    await desk.plug("northstar")
    state = desk.state("northstar")
    assert (state.badge, state.stream, state.followed) == ("paper", "live", True)
    assert set(state.figures) == set(WINDOWS)
    whole = state.figures["ALL"]
    assert whole.days > 400 and whole.round_trips > 10 and whole.total_return is not None
    assert all(f.pnl is None and f.net_flow is None and f.expectancy is None for f in state.figures.values())


async def test_the_return_is_that_of_the_simulators_account_without_its_deposits(desk: Desk) -> None:
    await desk.plug("riverbend")
    account = desk.sim.exchange.accounts["riverbend"]
    days = desk.sim.exchange.days["riverbend"]
    paid: dict[Any, float] = {}
    for item in account.activities:
        json_item: dict[str, Any] = item.to_activity(False)
        if json_item["activity_type"] in ("CSD", "CSW", "JNLC", "ACATC"):
            paid[json_item["date"]] = paid.get(json_item["date"], 0.0) + float(json_item["net_amount"])
    grown, equity = 1.0, None
    for day in days:
        flow = paid.get(day.day.isoformat(), 0.0)
        if equity is not None:
            grown *= (float(day.equity) - min(flow, 0.0)) / (equity + max(flow, 0.0))
        equity = float(day.equity)
    curve = desk.traders._accounts["riverbend"].record.curve
    assert curve.equity[curve.days.index(days[-1].day)] == pytest.approx(grown, rel=1e-9)


async def test_a_profile_holds_curve_and_trades_and_is_plain_json(desk: Desk) -> None:
    await desk.plug("northstar")
    profile = msgspec.json.decode(msgspec.json.encode(await desk.traders.profile("northstar")))
    assert profile["curve"][0][1:] == [100.0, 1.0, 0.0]
    assert len(profile["trades"]) > 50
    assert profile["score"] == desk.state("northstar").score
    assert "Sortino" in profile["formula"]
    text = msgspec.json.encode(profile).decode()
    account = desk.sim.exchange.accounts["northstar"]
    for word in (account.number, account.key_id, account.secret.reveal(), "qty", "position", "account_number"):
        assert word not in text


async def test_nothing_in_the_database_tells_a_secret_or_an_account_number(desk: Desk, tmp_path: Path) -> None:
    await desk.plug("northstar")
    account = desk.sim.exchange.accounts["northstar"]
    kept = await asyncio.to_thread(lambda: b"".join(file.read_bytes() for file in tmp_path.glob("ledger.sqlite3*")))
    assert b"northstar" in kept
    assert account.secret.reveal().encode() not in kept
    assert account.number.encode() not in kept


# ---------------------------------------------------------------- trades


async def test_a_followed_traders_order_is_told_once_without_amounts(desk: Desk) -> None:
    desk.sim.faults.update({"partial_fill_probability": 1.0, "duplicate_events": 1.0})
    await desk.plug("northstar")
    await desk.order("northstar", "MSFT", 37)
    await desk.order("northstar", "PEP", 5)
    told = await eventually(lambda: _at_least(desk, 2))
    assert [(trade.trader, trade.symbol, trade.side, trade.recovered) for trade in told] == [
        ("northstar", "MSFT", "bought", False),
        ("northstar", "PEP", "bought", False),
    ]
    assert desk.state("northstar").last_trade_ns == told[-1].time_ns


async def _at_least(desk: Desk, count: int) -> list[Any]:
    told = await desk.told()
    return told if len(told) >= count else []


async def test_history_is_kept_and_not_told(desk: Desk) -> None:
    await desk.plug("northstar")
    assert desk.state("northstar").trades > 100
    assert await desk.told() == []


async def test_who_is_not_followed_is_kept_and_not_told_until_he_is(desk: Desk) -> None:
    await desk.plug("northstar", follow=False)
    before = desk.state("northstar").trades
    await desk.order("northstar", "MSFT", 1)
    await eventually(lambda: desk.state("northstar").trades == before + 1)
    assert (await desk.traders.follow("northstar")).followed
    await desk.order("northstar", "PEP", 1)
    assert [trade.symbol for trade in await eventually(lambda: _at_least(desk, 1))] == ["PEP"]
    assert not (await desk.traders.unfollow("northstar")).followed
    await desk.order("northstar", "MSFT", 1)
    await eventually(lambda: desk.state("northstar").trades == before + 3)
    assert len(await desk.told()) == 1


async def test_a_trade_missed_while_the_stream_was_down_is_recovered_once(desk: Desk) -> None:
    await desk.plug("northstar")
    desk.sim.faults.update({"account_mute": True})
    await desk.order("northstar", "MSFT", 3)
    assert await desk.told() == []
    desk.sim.faults.update({"account_mute": False, "account_cut": True})
    told = await eventually(lambda: _at_least(desk, 1))
    assert [(trade.symbol, trade.side, trade.recovered) for trade in told] == [("MSFT", "bought", True)]
    await eventually(lambda: desk.state("northstar").stream == "live")
    await desk.order("northstar", "PEP", 3)
    told = await eventually(lambda: _at_least(desk, 2))
    assert [(trade.symbol, trade.recovered) for trade in told] == [("MSFT", True), ("PEP", False)]


async def test_a_trade_that_a_living_stream_lost_is_recovered_at_the_next_refresh(
    sim: Simulator, tmp_path: Path
) -> None:
    async with open_desk(sim, tmp_path, refresh_s=0.5) as desk:
        await desk.plug("riverbend")
        sim.faults.update({"account_mute": True})
        await desk.order("riverbend", "JPM", 2)
        told = await eventually(lambda: _at_least(desk, 1))
        assert [(trade.symbol, trade.recovered) for trade in told] == [("JPM", True)]


async def test_after_a_restart_only_what_was_missed_is_told(sim: Simulator, tmp_path: Path) -> None:
    async with open_desk(sim, tmp_path) as desk:
        await desk.plug("northstar")
        await desk.order("northstar", "MSFT", 3)
        await eventually(lambda: _at_least(desk, 1))
        known = desk.state("northstar").trades
    async with open_desk(sim, tmp_path) as desk:
        assert desk.state("northstar").trades == known
        assert set(desk.state("northstar").figures) == set(WINDOWS), "the kept record shows at once"
        await desk.settled("northstar")
    await desk.order("northstar", "PEP", 2)
    async with open_desk(sim, tmp_path) as desk:
        told = await eventually(lambda: _at_least(desk, 2))
        assert [(trade.symbol, trade.recovered) for trade in told] == [("MSFT", False), ("PEP", True)]


# ---------------------------------------------------------------- plugging in and out


async def test_a_refused_key_is_told_and_nothing_is_kept(desk: Desk) -> None:
    account = desk.sim.account("northstar")
    with pytest.raises(ControlError, match="the broker refused the key"):
        await desk.traders.plug("northstar", account.key_id, Secret("wrong"), desk.sim.url)
    assert desk.traders.states() == []
    assert await desk.vault.get("trader:northstar") is None


async def test_the_engines_own_key_is_not_a_trader(desk: Desk) -> None:
    own = desk.sim.account("demo")
    with pytest.raises(ControlError, match="belongs to the account that this engine trades with"):
        await desk.traders.plug("me", own.key_id, own.secret, desk.sim.url)


async def test_another_key_of_the_engines_account_is_not_a_trader_either(sim: Simulator, tmp_path: Path) -> None:
    async with open_desk(sim, tmp_path, own_number=sim.exchange.accounts["northstar"].number) as desk:
        with pytest.raises(ControlError, match="belongs to the account that this engine trades with"):
            await desk.plug("northstar", wait=False)
        assert desk.traders.states() == []


async def test_an_account_is_plugged_in_once_and_a_name_used_once(desk: Desk) -> None:
    await desk.plug("northstar", wait=False)
    account, other = desk.sim.account("northstar"), desk.sim.account("riverbend")
    with pytest.raises(ControlError, match="plugged in already, as 'northstar'"):
        await desk.traders.plug("again", account.key_id, account.secret, desk.sim.url)
    with pytest.raises(ControlError, match="there is a trader 'northstar' already"):
        await desk.traders.plug("northstar", other.key_id, other.secret, desk.sim.url)


@pytest.mark.parametrize("name", ["", "two words", "-x", "x" * 41])
async def test_a_name_that_cannot_be_one_is_refused(desk: Desk, name: str) -> None:
    with pytest.raises(ControlError, match="cannot be the name of a trader"):
        await desk.traders.plug(name, "PK1", Secret("s"), desk.sim.url)


async def test_an_address_that_is_none_is_refused(desk: Desk) -> None:
    with pytest.raises(ControlError, match=r"the address was 'api\.alpaca\.markets'"):
        await desk.traders.plug("ann", "PK1", Secret("s"), "api.alpaca.markets")


async def test_a_host_that_does_not_answer_is_told_and_nothing_is_kept(desk: Desk) -> None:
    with pytest.raises(ControlError, match="the key could not be checked") as caught:
        await desk.traders.plug("ann", "PK1", Secret("s"), "http://127.0.0.1:9")
    assert "try again" in caught.value.hint
    assert desk.traders.states() == []


async def test_unplugging_forgets_key_trades_and_record_and_frees_the_stream(desk: Desk) -> None:
    await desk.plug("northstar")
    await desk.traders.unplug("northstar")
    assert desk.traders.states() == []
    assert await desk.vault.get("trader:northstar") is None
    for table, column in (("traders", "name"), ("trader_trades", "trader"), ("trader_daily", "trader")):
        assert await desk.store.read(f"SELECT * FROM {table} WHERE {column} = 'northstar'") == []
    await desk.plug("northstar")
    with pytest.raises(ControlError, match="there is no trader 'ann'"):
        await desk.traders.unplug("ann")


async def test_a_trader_whose_key_is_gone_is_shown_and_can_be_plugged_in_again(sim: Simulator, tmp_path: Path) -> None:
    async with open_desk(sim, tmp_path) as desk:
        await desk.plug("northstar")
        await desk.vault.delete("trader:northstar")
    async with open_desk(sim, tmp_path) as desk:
        state = desk.state("northstar")
        assert state.stream == "failed" and "key is gone" in state.detail
        with pytest.raises(ControlError, match="the key of 'northstar' is gone"):
            await desk.traders.follow("northstar")
        await desk.plug("northstar")


# ---------------------------------------------------------------- trouble


class BrokenBroker(AlpacaBroker):
    """Answers when the key is checked, and never again; its history is a crash."""

    asked = 0

    async def account(self) -> AccountInfo:
        self.asked += 1
        if self.asked > 1:
            raise BrokerUnavailable("the trading host is down")
        return await super().account()


class CrashingBroker(AlpacaBroker):
    """Raises what nobody expects."""

    async def portfolio_history(self, period: str = "1A", timeframe: str = "1D") -> list[Any]:
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("broken", "stream", "detail"),
    [(BrokenBroker, "live", "the trading host is down"), (CrashingBroker, "failed", "ZeroDivisionError")],
)
async def test_one_traders_trouble_stays_with_that_trader(
    sim: Simulator, tmp_path: Path, broken: type[AlpacaBroker], stream: str, detail: str
) -> None:
    bad = sim.account("northstar").key_id

    def connect(credentials: Credentials) -> AlpacaBroker:
        return broken(credentials) if credentials.key_id == bad else AlpacaBroker(credentials)

    async with open_desk(sim, tmp_path, connect=connect) as desk:
        await desk.plug("northstar", wait=False)
        await desk.plug("riverbend")
        await eventually(lambda: detail in desk.state("northstar").detail)
        await eventually(lambda: desk.state("northstar").stream == stream)
        await desk.order("riverbend", "JPM", 2)
        assert [trade.trader for trade in await eventually(lambda: _at_least(desk, 1))] == ["riverbend"]


async def test_a_rest_host_that_fails_for_a_while_is_asked_again(desk: Desk) -> None:
    await desk.plug("northstar", wait=False)
    desk.sim.faults.update({"rest_status": 503})
    account = next(iter(desk.traders._accounts.values()))
    with pytest.raises(BrokerUnavailable):
        await account.refresh()
    desk.sim.faults.update({"rest_status": 0})
    await desk.settled("northstar")


async def test_closing_ends_everything_in_the_middle_of_work(sim: Simulator, tmp_path: Path) -> None:
    async with asyncio.timeout(20):
        async with open_desk(sim, tmp_path) as desk:
            await desk.plug("northstar", wait=False)
            await desk.plug("riverbend", wait=False)


async def test_a_start_that_is_overtaken_by_the_end_begins_nothing(sim: Simulator, tmp_path: Path) -> None:
    async with open_desk(sim, tmp_path) as desk:
        await desk.plug("northstar")
        await desk.plug("riverbend")
    async with open_desk(sim, tmp_path, start=False) as desk:
        starting = asyncio.gather(desk.traders.start())
        await asyncio.sleep(0)
        await desk.traders.aclose()
        await starting
        assert desk.traders.states() == []


# ---------------------------------------------------------------- commands of the control link


async def test_the_commands_of_the_control_link_do_the_same(desk: Desk) -> None:
    commands = Commands()
    TraderCommands(desk.traders).offer(commands)
    account = desk.sim.account("northstar")
    args = {"name": "north", "key_id": account.key_id, "secret_key": account.secret.reveal(), "base_url": desk.sim.url}

    async def run(command: str, **arguments: Any) -> Any:
        return await commands.run(Command(id=1, name=command, args=arguments))

    assert (await run("traders.plug", **args)).name == "north"
    assert (await run("traders.follow", name="north")).followed
    assert [state.name for state in (await run("traders.list"))["traders"]] == ["north"]
    assert (await run("trader", name="north"))["badge"] == "paper"
    assert not (await run("traders.unfollow", name="north")).followed
    assert await run("traders.unplug", name="north") == {"name": "north"}
    with pytest.raises(ControlError, match="there is no trader"):
        await run("trader", name="north")
