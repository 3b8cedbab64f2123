"""Market data through the gateway, from the simulator to raw clients: who gets what, and what they notice of trouble."""

import asyncio
import json
import time

import pytest
import websockets
from aiohttp import web

from plugtui.config import SlowClientSettings
from plugtui.sim.faults import Faults
from plugtui.sim.server import SimSettings
from tests.engine.streams import Bench, streams
from tests.support import eventually


def sessions_of(bench: Bench, endpoint: str = "/v2/iex") -> dict[str, int]:
    return bench.simulator.streams.registry.report(0.0)[endpoint]


async def test_a_client_is_welcomed_authenticated_and_acknowledged_as_alpaca_does() -> None:
    async with streams() as bench, bench.client() as client:
        await client.log_in()
        answer = await client.subscribe(trades=["AAPL"], bars=["*"])
        assert answer == {
            "T": "subscription", "trades": ["AAPL"], "quotes": [], "bars": ["*"], "updatedBars": [], "dailyBars": [],
            "statuses": [], "lulds": [], "corrections": ["AAPL"], "cancelErrors": ["AAPL"],
        }  # fmt: skip
        assert (await client.unsubscribe(trades=["AAPL"]))["trades"] == []


async def test_bad_keys_are_refused_and_the_socket_stays_usable() -> None:
    async with streams() as bench, bench.client() as client:
        await client.read()
        refused = await client.ask({"action": "auth", "key": "PKWRONG", "secret": "wrong"})
        assert refused == {"T": "error", "code": 402, "msg": "auth failed"}
        answer = await client.ask({"action": "auth", "key": client.keys[0], "secret": client.keys[1]})
        assert answer["msg"] == "authenticated"


async def test_many_clients_in_both_codecs_share_one_upstream_session() -> None:
    async with streams() as bench:
        clients = [bench.client(codec=codec) for codec in ("json", "msgpack", "json", "msgpack")]
        for client in clients:
            await client.__aenter__()
            await client.log_in()
            await client.subscribe(quotes=["*"], trades=["*"])
            client.collect()
        await eventually(lambda: all(len(client.messages) > 100 for client in clients))
        by_key = [{(m["T"], m["S"], m.get("i"), str(m["t"])[:19]) for m in client.messages} for client in clients]
        assert len(by_key[0] & by_key[2]) > 50
        upstream = sessions_of(bench)
        assert upstream["open"] == upstream["most_at_a_time"] == 1
        for client in clients:
            await client.__aexit__()


async def test_a_leaving_client_disturbs_nobody_and_its_symbols_are_given_back() -> None:
    async with streams(unsubscribe_delay_s=0.2) as bench, bench.client() as stays:
        await stays.log_in()
        await stays.subscribe(quotes=["AAPL"])
        async with bench.client() as leaves:
            await leaves.log_in()
            await leaves.subscribe(quotes=["AAPL", "MSFT"])
            await eventually(lambda: bench.state().subscriptions == 2)
        await eventually(lambda: bench.state().subscriptions == 1)
        stays.collect()
        await eventually(lambda: any(m["S"] == "AAPL" for m in stays.messages))
        assert {m["S"] for m in stays.messages} == {"AAPL"}


async def test_nobody_left_means_no_upstream_session_left() -> None:
    async with streams(unsubscribe_delay_s=0.1) as bench:
        async with bench.client() as client:
            await client.log_in()
            await client.subscribe(trades=["AAPL"])
            assert sessions_of(bench)["open"] == 1
        await eventually(lambda: sessions_of(bench)["open"] == 0)
        await eventually(lambda: bench.state().state == "idle")


async def test_a_refusal_reaches_only_the_client_that_caused_it() -> None:
    async with (
        streams(SimSettings(faults=Faults(symbol_limit=2))) as bench,
        bench.client() as fine,
        bench.client() as greedy,
    ):
        await fine.log_in()
        await greedy.log_in()
        assert (await fine.subscribe(trades=["AAPL"]))["T"] == "subscription"
        refused = await greedy.subscribe(trades=["MSFT", "TSLA", "NVDA"])
        assert refused == {"T": "error", "code": 405, "msg": "symbol limit exceeded"}
        assert (await greedy.subscribe(trades=["MSFT"]))["trades"] == ["MSFT"]
        fine.collect()
        await eventually(lambda: len(fine.messages) > 0)
        assert not [m for m in fine.messages if m["T"] == "error"]


async def test_a_feed_outside_the_plan_is_refused_to_whoever_asks_for_it_while_others_go_on() -> None:
    async with (
        streams(SimSettings(faults=Faults(plan="free"))) as bench,
        bench.client("/v2/sip") as sip,
        bench.client() as iex,
    ):
        await iex.log_in()
        await iex.subscribe(quotes=["AAPL"])
        await sip.log_in()
        assert (await sip.subscribe(quotes=["AAPL"]))["code"] == 409
        iex.collect()
        await eventually(lambda: iex.messages)


async def test_local_clients_stay_connected_when_the_upstream_is_cut_and_data_goes_on() -> None:
    async with streams() as bench, bench.client(codec="msgpack") as client:
        await client.log_in()
        await client.subscribe(quotes=["*"])
        client.collect()
        await eventually(lambda: client.messages)
        for round_ in range(1, 4):
            bench.simulator.streams.cut()
            await eventually(lambda round_=round_: bench.events.gaps.count(("restored", "data iex")) == round_ + 1)  # type: ignore[misc]
            before = len(client.messages)
            await eventually(lambda before=before: len(client.messages) > before)  # type: ignore[misc]
        assert client.socket.open
        assert sessions_of(bench)["most_at_a_time"] == 1
        assert bench.events.gaps == [("restored", "data iex"), *[("lost", "data iex"), ("restored", "data iex")] * 3]


async def test_406_is_waited_out_and_never_told_to_a_client() -> None:
    async with streams() as bench, bench.client() as client:
        bench.simulator.faults.update({"refuse_406_s": 1.0})
        await client.log_in()
        answer = await client.subscribe(quotes=["*"])
        assert answer["T"] == "subscription"
        client.collect()
        await eventually(lambda: client.messages)
        assert ("data iex", "waiting", "another program holds the connection (406)") in bench.events.states
        assert not [m for m in client.messages if m["T"] == "error"]


async def test_a_burst_of_requests_does_not_hold_up_pongs_while_the_upstream_is_away() -> None:
    """The SDKs for JavaScript ask for one channel at a time, and leave when a pong takes more than 5 s (protocol §5.3)."""
    channels = ("trades", "quotes", "bars", "updatedBars", "dailyBars", "statuses", "lulds")
    async with streams() as bench, bench.client() as client:
        bench.simulator.faults.update({"refuse_406_s": 60.0})
        await client.log_in()
        for channel in channels:
            await client.socket.send(json.dumps({"action": "subscribe", channel: ["AAPL"]}))
        await asyncio.wait_for(await client.socket.ping(), 5.0)
        answers = [await client.answer() for _ in channels]
        assert [answers[-1][channel] for channel in channels] == [["AAPL"]] * len(channels)


async def test_our_own_session_that_lingers_is_named_as_the_reason_for_406() -> None:
    async with streams() as bench, bench.client() as client:
        await client.log_in()
        await client.subscribe(quotes=["*"])
        bench.simulator.faults.update({"linger_s": 1.0, "cut": True})
        await eventually(lambda: bench.state().state == "waiting" and "406" in bench.state().detail)
        assert bench.state().detail == "the server still holds our last session (406)"
        await eventually(lambda: bench.state().state == "live")


async def test_garbage_from_upstream_costs_one_frame_and_no_connection() -> None:
    async with streams() as bench, bench.client() as client:
        await client.log_in()
        await client.subscribe(quotes=["*"])
        client.collect()
        await eventually(lambda: client.messages)
        bench.simulator.faults.update({"garbage": True})
        before = len(client.messages)
        await eventually(lambda: len(client.messages) > before + 20)
        assert client.socket.open


async def test_a_mute_upstream_is_noticed_and_dialled_anew() -> None:
    async with streams(stale_after_s=0.5, reconnect_after_s=1.5) as bench, bench.client() as client:
        await client.log_in()
        await client.subscribe(quotes=["*"])
        client.collect()
        await eventually(lambda: client.messages)
        bench.simulator.faults.update({"mute": True})
        await eventually(lambda: bench.state().state == "stale")
        await eventually(lambda: ("lost", "data iex") in bench.events.gaps)
        bench.simulator.faults.update({"mute": False})
        before = len(client.messages)
        await eventually(lambda: len(client.messages) > before)


async def test_a_wall_clock_that_jumps_costs_no_connection_and_delays_no_alarm() -> None:
    jumps = [0]
    patience = {"stale_after_s": 0.5, "reconnect_after_s": 600.0}
    async with streams(clock=lambda: time.time_ns() + jumps[-1], **patience) as bench, bench.client() as client:
        await client.log_in()
        await client.subscribe(quotes=["*"])
        client.collect()
        await eventually(lambda: client.messages)
        for jump in (3_600 * 10**9, -3_600 * 10**9):
            jumps.append(jump)
            before = len(client.messages)
            await eventually(lambda before=before: len(client.messages) > before + 200)  # type: ignore[misc]
            assert bench.state().state == "live" and ("lost", "data iex") not in bench.events.gaps
        bench.simulator.faults.update({"mute": True})
        await eventually(lambda: bench.state().state == "stale")


async def test_silence_of_a_closed_market_is_quiet_and_no_fault() -> None:
    settings = SimSettings(faults=Faults(mute=True))
    patience = {"stale_after_s": 0.2, "reconnect_after_s": 0.5}
    async with streams(settings, market_open=lambda: False, **patience) as bench, bench.client() as client:
        await client.log_in()
        await client.subscribe(quotes=["*"])
        await eventually(lambda: bench.state().state == "quiet")
        assert bench.state().detail == "market closed" and ("lost", "data iex") not in bench.events.gaps


async def test_a_client_that_does_not_read_is_cut_and_the_others_get_everything() -> None:
    limits = SlowClientSettings(soft_bytes=16_384, hard_bytes=262_144, stall_s=1.0, kernel_bytes=4_096)
    async with streams(SimSettings(rate=10_000), slow=limits) as bench, bench.client() as reads:
        await reads.log_in()
        async with bench.client(receive_buffer_bytes=4096) as stuck:
            await stuck.log_in()
            await stuck.subscribe(trades=["*"], quotes=["*"])
            stuck.socket.transport.pause_reading()
            await reads.subscribe(trades=["*"])
            reads.collect()
            await eventually(lambda: bench.directory.left == ["slow client"])
            before = len(reads.messages)
            await eventually(lambda: len(reads.messages) > before + 100)
            assert reads.socket.open


async def test_who_joins_a_crypto_order_book_late_starts_from_a_whole_one() -> None:
    async with streams() as bench, bench.client("/v1beta3/crypto/us") as first:
        await first.log_in()
        await first.subscribe(orderbooks=["BTC/USD"])
        first.collect()
        await eventually(lambda: any(m.get("r") for m in first.messages) and len(first.messages) > 2)
        async with bench.client("/v1beta3/crypto/us", codec="msgpack") as late:
            await late.log_in()
            await late.subscribe(orderbooks=["BTC/USD"])
            late.collect()
            await eventually(lambda: late.messages)
            assert late.messages[0]["r"] is True and late.messages[0]["b"] and late.messages[0]["a"]


async def test_a_fragmented_request_with_an_empty_last_frame_is_understood() -> None:
    async with streams() as bench, bench.client() as client:
        await client.log_in()

        async def pieces():  # type: ignore[no-untyped-def]
            request = json.dumps({"action": "subscribe", "trades": ["AAPL"]})
            yield request[:10]
            yield request[10:]
            yield ""

        await client.socket.send(pieces())
        assert (await client.answer())["trades"] == ["AAPL"]


async def test_json_in_binary_frames_and_two_requests_in_one_message_are_answered_in_order() -> None:
    async with streams() as bench, bench.client() as client:
        await client.log_in()
        two = json.dumps({"action": "subscribe", "trades": ["AAPL"]}) + json.dumps(
            {"action": "subscribe", "bars": ["MSFT"]}
        )
        await client.socket.send(two.encode())
        first, second = await client.answer(), await client.answer()
        assert (first["bars"], second["bars"]) == ([], ["MSFT"])


@pytest.mark.parametrize("path", ["/v2/nothing", "/v1beta3/crypto/moon"])
async def test_an_unknown_path_is_refused_with_404(path: str) -> None:
    async with streams() as bench:
        with pytest.raises(websockets.InvalidStatusCode) as refused:
            async with bench.client(path):
                pass
        assert refused.value.status_code == 404


async def test_a_browser_page_is_refused() -> None:
    async with streams() as bench:
        url = bench.gateway.url.replace("http", "ws") + "/v2/iex"
        with pytest.raises(websockets.InvalidStatusCode) as refused:
            await websockets.connect(url, origin="https://evil.example")
        assert refused.value.status_code == 403


async def test_the_gateway_says_goodbye_with_1001() -> None:
    async with streams() as bench, bench.client() as client:
        await client.log_in()
        closing = asyncio.get_running_loop().create_task(bench.gateway.aclose())
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await client.read()
        assert closed.value.code == 1001
        await closing


async def test_at_the_end_the_clients_answers_to_the_goodbye_are_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    # The server reads nothing more once it is taken down; before that, each client had its time-out to itself.
    async with streams() as bench, bench.client() as client:
        await client.log_in()
        client.collect()
        left = []
        take_down = web.AppRunner.cleanup

        async def cleanup(runner: web.AppRunner) -> None:
            left.append(bench.gateway.clients)
            await take_down(runner)

        monkeypatch.setattr(web.AppRunner, "cleanup", cleanup)
        await bench.gateway.aclose()
        assert left == [0]
