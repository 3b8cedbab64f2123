"""The simulator as a whole: start, stop, one port, the command line."""

import json
import os
import re
import signal
import urllib.request
from pathlib import Path

import aiohttp
import pytest

from plugtui.errors import AddressInUse, ConfigError
from plugtui.sim.server import SimSettings, Simulator
from tests.sim.raw import logged_in, simulator
from tests.support import eventually, plugtui_command, process, run_plugtui


async def test_one_port_of_this_machine_serves_everything() -> None:
    async with simulator() as sim, aiohttp.ClientSession() as http:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", sim.url)
        account = sim.account("demo")
        headers = {"APCA-API-KEY-ID": account.key_id, "APCA-API-SECRET-KEY": account.secret.reveal()}
        for path in ("/v2/account", "/v2/clock", "/v2/assets/AAPL", "/v2/stocks/AAPL/snapshot", "/sim/balances"):
            async with http.get(sim.url + path, headers=headers) as response:
                assert response.status == 200, path
        async with http.get(f"{sim.url}/v2/stocks/nothing/here", headers=headers) as response:
            assert response.status == 404


async def test_accounts_have_the_same_keys_for_the_same_seed() -> None:
    first, again, other = Simulator(SimSettings(seed=4)), Simulator(SimSettings(seed=4)), Simulator(SimSettings(seed=5))
    assert [account.name for account in first.accounts] == ["demo", "northstar", "riverbend", "reserve"]
    assert (
        [a.key_id for a in first.accounts] == [a.key_id for a in again.accounts] != [a.key_id for a in other.accounts]
    )


async def test_it_stops_with_clients_connected_and_frees_the_port() -> None:
    async with simulator() as sim:
        port = int(sim.url.rsplit(":", 1)[1])
        async with logged_in(sim) as client:
            await sim.stop()
            assert await client.closed() == 1006
    async with simulator(port=port):
        pass


async def test_a_taken_port_is_an_error_that_says_so() -> None:
    async with simulator() as sim:
        with pytest.raises(AddressInUse, match="cannot be used"):
            await Simulator(SimSettings(port=int(sim.url.rsplit(":", 1)[1]))).start()


async def test_the_rate_is_about_what_was_asked_for() -> None:
    async with simulator(rate=0, speed=0) as sim:
        sim.settings = SimSettings(rate=1000)
        before = sim.messages
        for _ in range(50):
            sim.tick(0.02)
        assert 1000 <= sim.messages - before < 1300


async def test_an_execution_shows_on_the_tape() -> None:
    async with simulator("partial_fill_probability=0", rate=0) as sim, logged_in(sim) as client:
        await client.subscribe(trades=["AAPL"])
        account = sim.exchange.accounts["northstar"]
        order = {"symbol": "AAPL", "qty": "3", "side": "buy", "type": "market", "time_in_force": "day"}
        sim.exchange.submit(account, order)
        trade = await client.data(lambda m: m["T"] == "t")
        assert (trade["S"], trade["s"]) == ("AAPL", 3)


async def test_real_closes_become_the_past(tmp_path: Path) -> None:
    file = tmp_path / "closes.csv"
    file.write_text("Date,AAPL\n2014-03-10,530.44\n2014-03-11,530.92\n")
    sim = Simulator(SimSettings(history=file))
    assert str(sim.market.previous_close("AAPL")) == "530.92"
    assert 450 < sim.market.top("AAPL").bid < 620
    file.write_text("Date,UNHEARDOF\n2014-03-10,530.44\n")
    with pytest.raises(ConfigError, match="no column"):
        Simulator(SimSettings(history=file))


def test_the_command_prints_where_it_listens_and_ends_cleanly_on_a_signal() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        with process(plugtui_command("sim", "--json", "--seed", "7", "--fault", "mute=on", "--rate", "50")) as child:
            assert child.stdout is not None
            ready = json.loads(child.stdout.readline())
            assert ready["accounts"][0]["name"] == "demo"
            assert ready["accounts"][0].keys() == {"name", "key_id", "secret_key"}
            with urllib.request.urlopen(f"{ready['url']}/sim/faults", timeout=20) as response:
                assert json.load(response)["mute"] is True
            os.kill(child.pid, number)
            assert child.wait(20) == 0


def test_the_command_refuses_an_unknown_fault() -> None:
    done = run_plugtui("sim", "--fault", "gremlins=1")
    assert done.returncode == 2
    assert "gremlins" in done.stderr


async def test_it_says_how_it_runs() -> None:
    async with simulator() as sim, aiohttp.ClientSession() as http:
        await eventually(lambda: sim.messages > 0)
        async with http.get(f"{sim.url}/sim/status") as response:
            status = await response.json()
        assert status["messages"] > 0
        assert status["symbols"] == len(sim.market.instruments)
