"""Every fault of the data streams, on command, while the simulator runs."""

import asyncio

import aiohttp
import msgspec
import pytest
import websockets

from plugtui.sim.server import Simulator
from plugtui.wire.marketdata import ERRORS
from tests.sim.raw import connected, logged_in, simulator
from tests.support import eventually


async def set_faults(sim: Simulator, expected: int = 200, **values: object) -> dict[str, object]:
    async with aiohttp.ClientSession() as http, http.post(f"{sim.url}/sim/faults", json=values) as response:
        assert response.status == expected
        return await response.json()


def refusal(code: int) -> dict[str, object]:
    return {"T": "error", "code": code, "msg": ERRORS[code]}


async def test_the_control_route_shows_and_sets_knobs_and_names_what_is_wrong() -> None:
    async with simulator() as sim, aiohttp.ClientSession() as http:
        assert (await set_faults(sim, linger_s=1.5, mute=True))["linger_s"] == 1.5
        assert sim.faults.mute
        assert "no_such" in str((await set_faults(sim, 400, no_such=1, mute=False))["message"])
        assert sim.faults.mute
        assert "expected" in str((await set_faults(sim, 400, linger_s="soon"))["message"])
        async with http.get(f"{sim.url}/sim/faults?doc=1") as response:
            assert (await response.json())["mute"]["value"] is True
        async with http.post(f"{sim.url}/sim/faults", data="[1]") as response:
            assert response.status == 400


async def test_cut_aborts_without_a_close_frame_and_the_slot_lingers() -> None:
    async with (
        simulator("linger_s=3600") as sim,
        logged_in(sim) as client,
        logged_in(sim, "/v1beta3/crypto/us") as other,
    ):
        await set_faults(sim, cut=True)
        assert (await client.closed(), await other.closed()) == (1006, 1006)
        async with connected(sim) as again:
            assert await again.auth(sim.account("demo")) == refusal(406)
            await set_faults(sim, linger_s=0)
            assert (await again.auth(sim.account("demo")))["msg"] == "authenticated"


async def test_half_open_goes_silent_while_the_connection_stays_and_resumes() -> None:
    async with simulator() as sim, logged_in(sim) as client:
        await client.subscribe(quotes=["*"])
        await set_faults(sim, half_open=True)
        with pytest.raises(TimeoutError):
            while True:  # what was on its way still arrives
                await asyncio.wait_for(client.ws.recv(), 0.3)
        pong = await client.ws.ping()
        assert sim.streams.registry.count("/v2/iex").open == 0
        assert client.ws.open
        assert not pong.done()
        await set_faults(sim, half_open=False)
        await asyncio.wait_for(pong, 20)
        await client.receive()


async def test_a_new_connection_is_half_open_too() -> None:
    async with simulator("half_open=on") as sim, websockets.connect(sim.url.replace("http", "ws") + "/v2/iex") as ws:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ws.recv(), 0.1)
        await set_faults(sim, half_open=False)
        assert "connected" in await asyncio.wait_for(ws.recv(), 20)


async def test_mute_sends_no_data_but_answers_pings_and_requests() -> None:
    async with simulator() as sim, logged_in(sim) as client:
        await set_faults(sim, mute=True)
        await client.subscribe(quotes=["*"])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.ws.recv(), 0.2)
        await asyncio.wait_for(await client.ws.ping(), 20)
        await set_faults(sim, mute=False)
        await client.data(lambda m: m["T"] == "q")


@pytest.mark.parametrize("msgpack", [False, True])
async def test_garbage_is_one_frame_that_cannot_be_decoded(msgpack: bool) -> None:
    async with simulator(rate=0) as sim, logged_in(sim, msgpack=msgpack) as client:
        await set_faults(sim, garbage=True)
        with pytest.raises((ValueError, msgspec.DecodeError)):
            await client.receive()
        assert (await client.subscribe(trades=["AAPL"]))["T"] == "subscription"


async def test_logins_are_refused_with_406_for_a_while() -> None:
    async with simulator("refuse_406_s=3600") as sim, connected(sim) as client:
        assert await client.auth(sim.account("demo")) == refusal(406)
        await set_faults(sim, refuse_406_s=0)
        assert (await client.auth(sim.account("demo")))["msg"] == "authenticated"


async def upgrade_status(sim: Simulator) -> int:
    try:
        async with connected(sim):
            return 101
    except websockets.InvalidStatusCode as refused:
        return refused.status_code


async def test_upgrades_are_refused_with_429_for_a_while() -> None:
    async with simulator("upgrade_429_s=3600") as sim:
        assert await upgrade_status(sim) == 429
        await set_faults(sim, upgrade_429_s=0)
        assert await upgrade_status(sim) == 101


async def test_too_many_attempts_are_refused_with_429() -> None:
    async with simulator("upgrade_attempts=3") as sim:
        assert [await upgrade_status(sim) for _ in range(4)] == [101, 101, 101, 429]


async def test_an_internal_error_is_announced_and_closes() -> None:
    async with simulator(rate=0) as sim, logged_in(sim) as client:
        await set_faults(sim, internal_error=True)
        assert await client.control() == refusal(500)
        await client.closed()


async def test_random_cuts_come_by_themselves() -> None:
    async with simulator("random_cut_per_minute=3000", "linger_s=0") as sim, logged_in(sim) as client:
        assert await client.closed() == 1006


async def test_the_account_stream_is_cut_on_its_own() -> None:
    async with simulator() as sim, logged_in(sim):
        async with websockets.connect(sim.url.replace("http", "ws") + "/stream") as ws:
            await eventually(lambda: len(sim.account_streams) == 1)
            await set_faults(sim, account_cut=True)
            with pytest.raises(websockets.ConnectionClosed):
                await asyncio.wait_for(ws.recv(), 20)
        assert len(sim.streams._sessions) == 1
