"""The market-data streams against the rules of protocol §1.3 to §1.9 and the checklist §7."""

import asyncio
import base64
import json
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import msgspec
import pytest
import websockets

from plugtui.sim.data_session import DataSession
from plugtui.sim.server import Simulator
from plugtui.wire.channels import Family
from plugtui.wire.marketdata import ERRORS
from tests.sim.raw import RawClient, connected, logged_in, simulator
from tests.support import eventually

STOCK_KEYS = [
    "T", "trades", "quotes", "bars", "updatedBars", "dailyBars", "statuses", "lulds", "corrections", "cancelErrors",
]  # fmt: skip
BOTH = pytest.mark.parametrize("msgpack", [False, True], ids=["json", "msgpack"])


def refusal(code: int) -> dict[str, object]:
    return {"T": "error", "code": code, "msg": ERRORS[code]}


# ------------------------------------------------------------------- handshake and login


async def test_an_unknown_path_is_refused_with_404() -> None:
    async with simulator() as sim:
        for path in ("/v2/us", "/stream/us", "/iex", "/", "/v2/nope"):
            with pytest.raises(websockets.InvalidStatusCode) as refused:
                await websockets.connect(sim.url.replace("http", "ws") + path)
            assert refused.value.status_code == 404


@pytest.mark.parametrize("path", ["/v2/iex", "//v2/iex", "/v2/iex/", "/v2/sip", "/v2/test", "/v1beta3/crypto/us"])
async def test_each_path_welcomes_and_logs_in(path: str) -> None:
    async with simulator() as sim, logged_in(sim, path):
        pass


@BOTH
async def test_wrong_keys_get_402_and_the_socket_stays_usable(msgpack: bool) -> None:
    async with simulator() as sim, connected(sim, msgpack=msgpack) as client:
        await client.send({"action": "auth", "key": "PKWRONG", "secret": "x"})
        assert await client.control() == refusal(402)
        assert (await client.auth(sim.account("demo")))["msg"] == "authenticated"


async def test_a_second_auth_gets_403() -> None:
    async with simulator() as sim, logged_in(sim) as client:
        assert await client.auth(sim.account("demo")) == refusal(403)


async def test_a_subscription_before_auth_gets_401() -> None:
    async with simulator() as sim, connected(sim) as client:
        assert await client.subscribe(trades=["AAPL"]) == refusal(401)


@BOTH
async def test_what_is_no_request_gets_400(msgpack: bool) -> None:
    async with simulator() as sim, logged_in(sim, msgpack=msgpack) as client:
        for garbage in ("{", '{"action":"dance"}', b"\xc1", '["auth"]', '{"action":"subscribe","trades":"AAPL"}'):
            await client.ws.send(garbage)
            assert await client.control() == refusal(400)
        assert await client.subscribe(trades=["not a symbol"]) == refusal(400)


def _header_forms(key_id: str, secret: str, token: str) -> dict[str, dict[str, str]]:
    basic = base64.b64encode(f"{key_id}:{secret}".encode()).decode()
    return {
        "keys": {"APCA-API-KEY-ID": key_id, "APCA-API-SECRET-KEY": secret},
        "bearer": {"Authorization": f"Bearer {token}"},
        "basic": {"Authorization": f"Basic {basic}"},
    }


@pytest.mark.parametrize("form", ["keys", "bearer", "basic"])
async def test_headers_log_in_with_a_second_message(form: str) -> None:
    async with simulator() as sim:
        account = sim.exchange.accounts["demo"]
        headers = _header_forms(account.key_id, account.secret.reveal(), account.token.reveal())[form]
        async with connected(sim, headers=headers) as client:
            assert await client.receive() == [{"T": "success", "msg": "authenticated"}]
            assert await client.auth(sim.account("demo")) == refusal(403)


async def test_bad_headers_get_402_after_the_welcome() -> None:
    async with simulator() as sim, connected(sim, headers={"Authorization": "Bearer nobody"}) as client:
        assert await client.control() == refusal(402)


async def test_an_oauth_token_logs_in_by_message_and_needs_its_scope() -> None:
    async with simulator("scope_missing=on") as sim, connected(sim) as client:
        request = {"action": "auth", "key": "oauth", "secret": sim.exchange.accounts["demo"].token.reveal()}
        await client.send(request)
        assert await client.control() == refusal(411)
        sim.faults.update({"scope_missing": False})
        await client.send(request)
        assert (await client.control())["msg"] == "authenticated"


async def test_who_does_not_log_in_gets_404_and_is_closed() -> None:
    async with simulator("auth_timeout_s=0.05") as sim, connected(sim) as client:
        assert await client.control() == refusal(404)
        assert await client.closed() == 1008


async def test_a_refused_login_does_not_stop_the_deadline() -> None:
    async with simulator("auth_timeout_s=0.3") as sim, connected(sim) as client:
        await client.send({"action": "auth", "key": "PKWRONG", "secret": "x"})
        assert await client.control() == refusal(402)
        assert await client.control() == refusal(404)


async def test_sip_needs_a_paid_plan() -> None:
    async with simulator("plan=free") as sim, connected(sim, "/v2/sip") as client:
        assert await client.auth(sim.account("demo")) == refusal(409)


# ------------------------------------------------------------------- one session per endpoint


async def test_a_second_session_gets_406_and_may_try_again_on_the_same_socket() -> None:
    async with simulator() as sim, connected(sim) as second:
        async with logged_in(sim) as first:
            assert await second.auth(sim.account("demo")) == refusal(406)
            assert (await first.subscribe(trades=["AAPL"]))["trades"] == ["AAPL"]
        await eventually(lambda: sim.streams.registry.report(90)["/v2/iex"]["accounts"]["demo"]["held"] == 0)
        assert (await second.auth(sim.account("demo")))["msg"] == "authenticated"


async def test_each_endpoint_and_each_account_has_a_slot_of_its_own() -> None:
    async with simulator() as sim, logged_in(sim, "/v2/iex"), logged_in(sim, "/v2/sip"), connected(sim) as other:
        assert (await other.auth(sim.account("northstar")))["msg"] == "authenticated"


async def test_a_session_that_broke_lingers_and_a_closed_one_does_not() -> None:
    async with simulator("linger_s=3600") as sim:
        async with logged_in(sim):
            pass
        async with logged_in(sim) as client:
            client.ws.transport.abort()
            await eventually(lambda: not sim.streams._sessions)
        async with connected(sim) as client:
            assert await client.auth(sim.account("demo")) == refusal(406)
            sim.faults.update({"linger_s": 0})
            assert (await client.auth(sim.account("demo")))["msg"] == "authenticated"


async def test_the_simulator_counts_sessions() -> None:
    async with simulator() as sim, aiohttp.ClientSession() as http:
        async with logged_in(sim), connected(sim):
            pass
        async with logged_in(sim), http.get(f"{sim.url}/sim/sessions") as response:
            count = (await response.json())["/v2/iex"]
            assert (count["total"], count["most_at_a_time"], count["open"]) == (3, 2, 1)


# ------------------------------------------------------------------- subscriptions


@BOTH
async def test_acknowledgements_list_the_whole_state_with_every_key_in_order(msgpack: bool) -> None:
    async with simulator(rate=0) as sim, logged_in(sim, msgpack=msgpack) as client:
        ack = await client.subscribe(trades=["AAPL"], quotes=["AMD", "MSFT"], bars=["*"])
        assert list(ack) == STOCK_KEYS
        assert ack["trades"] == ack["corrections"] == ack["cancelErrors"] == ["AAPL"]
        assert (set(ack["quotes"]), ack["bars"], ack["lulds"]) == ({"AMD", "MSFT"}, ["*"], [])
        again = await client.subscribe(trades=["AAPL", "SPY"], bars=[])
        assert set(again["trades"]) == {"AAPL", "SPY"}
        await client.send({"action": "unsubscribe", "bars": ["*"], "quotes": ["NOTHELD"], "trades": None})
        left = await client.control()
        assert (left["bars"], set(left["quotes"]), set(left["trades"])) == ([], {"AMD", "MSFT"}, {"AAPL", "SPY"})


@pytest.mark.parametrize(("path", "family"), [("/v2/test", Family.TEST), ("/v1beta3/crypto/us", Family.CRYPTO)])
async def test_each_feed_acknowledges_its_own_keys(path: str, family: Family) -> None:
    async with simulator(rate=0) as sim, logged_in(sim, path) as client:
        assert list(await client.subscribe(bars=["*"])) == ["T", *family.ack_keys]


async def test_a_channel_that_the_feed_lacks_gets_410_and_changes_nothing() -> None:
    async with simulator(rate=0) as sim, logged_in(sim) as client:
        assert await client.subscribe(trades=["AAPL"], orderbooks=["BTC/USD"]) == refusal(410)
        assert (await client.subscribe(orderbooks=[], quotes=["AAPL"]))["trades"] == []


async def test_the_symbol_limit_counts_pairs_of_trades_and_quotes_and_changes_nothing() -> None:
    async with simulator("symbol_limit=3", rate=0) as sim, logged_in(sim) as client:
        assert (await client.subscribe(trades=["A", "B"], bars=["*"]))["bars"] == ["*"]
        assert await client.subscribe(trades=["A"], quotes=["A", "B"]) == refusal(405)
        assert await client.subscribe(quotes=["*"]) == refusal(405)
        ack = await client.subscribe(quotes=["A"])
        assert (ack["trades"], ack["quotes"]) == (["A", "B"], ["A"])


@pytest.mark.parametrize("msgpack", [False, True])
async def test_empty_lists_are_left_out_of_msgpack_acks_on_request(msgpack: bool) -> None:
    async with simulator("omit_empty_acks=on", rate=0) as sim, logged_in(sim, msgpack=msgpack) as client:
        assert ("trades" not in await client.subscribe(quotes=["AAPL"])) is msgpack


async def test_requests_may_be_fragmented_concatenated_or_json_in_binary_frames() -> None:
    async with simulator(rate=0) as sim, logged_in(sim) as client:
        text = json.dumps({"action": "subscribe", "trades": ["AAPL"]})
        await client.ws.send([text[:5], text[5:], ""])
        assert (await client.control())["trades"] == ["AAPL"]
        await client.ws.send(text.encode())
        assert (await client.control())["trades"] == ["AAPL"]
        await client.ws.send((text + json.dumps({"action": "subscribe", "quotes": ["AMD"]})).encode())
        assert (await client.control())["quotes"] == []
        assert (await client.control())["quotes"] == ["AMD"]


async def test_a_frame_above_the_limit_is_closed_with_1009_but_fragments_below_it_are_fine() -> None:
    symbols = [f"S{n}" for n in range(9000)]
    request = json.dumps({"action": "subscribe", "trades": symbols})
    assert len(request) > 2 * 32_768
    pieces = [request[at : at + 32_768] for at in range(0, len(request), 32_768)]
    async with simulator(rate=0) as sim, logged_in(sim, compression=None) as client:
        await client.ws.send(pieces)
        assert len((await client.control())["trades"]) == len(symbols)
        await client.ws.send(request)
        assert await client.closed() == 1009


# ------------------------------------------------------------------- delivery


async def test_data_starts_after_the_acknowledgement_and_is_what_was_asked_for() -> None:
    async with simulator() as sim, logged_in(sim) as client:
        await client.send({"action": "subscribe", "trades": ["AAPL"], "quotes": ["SPY", "AAPL"]})
        assert (await client.receive())[0]["T"] == "subscription"
        seen = set()
        while len(seen) < 3:
            seen |= {(message["T"], message["S"]) for message in await client.receive() if message["T"] in "tq"}
        assert seen == {("t", "AAPL"), ("q", "SPY"), ("q", "AAPL")}


async def test_corrections_and_cancels_come_with_trades() -> None:
    async with simulator(rate=20_000) as sim, logged_in(sim, msgpack=True) as client:
        await client.subscribe(trades=["*"])
        kinds: set[str] = set()
        while not {"t", "c", "x"} <= kinds:
            kinds |= {message["T"] for message in await client.receive()}
        assert kinds == {"t", "c", "x"}


async def test_a_wildcard_beside_a_symbol_sends_each_message_once() -> None:
    async with simulator() as sim, logged_in(sim) as client:
        await client.subscribe(trades=["AAPL", "*"])
        ids = []
        while len(ids) < 200:
            ids += [(m["S"], m["i"]) for m in await client.receive() if m["T"] == "t"]
        assert len(set(ids)) == len(ids)


async def test_nothing_more_than_buffered_data_comes_after_unsubscribing() -> None:
    async with simulator() as sim, logged_in(sim) as client:
        await client.subscribe(quotes=["AAPL", "SPY"])
        await client.send({"action": "unsubscribe", "quotes": ["AAPL"]})
        await client.control()
        await client.receive()
        for _ in range(10):
            assert {message["S"] for message in await client.receive()} <= {"SPY"}


async def test_both_codecs_carry_the_same_messages_with_their_own_times() -> None:
    async with (
        simulator() as sim,
        logged_in(sim, "/v2/iex") as first,
        logged_in(sim, "/v2/sip", msgpack=True) as second,
    ):
        await first.subscribe(trades=["*"])
        await second.subscribe(trades=["*"])
        text = await first.data(lambda m: m["T"] == "t")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", text["t"])
        while True:
            raw = await asyncio.wait_for(second.ws.recv(), 20)
            for slice_ in msgspec.msgpack.decode(raw, type=list[msgspec.Raw]):
                keys = msgspec.msgpack.decode(slice_)
                if keys["T"] == "t" and (keys["S"], keys["i"]) >= (text["S"], text["i"]) and keys["S"] == text["S"]:
                    assert next(iter(keys)) == "T"
                    assert bytes(slice_).find(b"\xd7\xff") > 0 or bytes(slice_).find(b"\xd6\xff") > 0
                    assert type(keys["s"]) is int
                    assert type(keys["p"]) is float
                    return


async def test_minute_bars_arrive_with_a_fast_clock() -> None:
    async with simulator(speed=120) as sim, logged_in(sim) as client:
        await client.subscribe(bars=["*"], dailyBars=["AAPL"])
        bar = await client.data(lambda m: m["T"] == "b")
        assert bar["t"].endswith(":00Z")
        assert bar["l"] <= bar["vw"] <= bar["h"]
        day = await client.data(lambda m: m["T"] == "d")
        assert day["t"][10:] in ("T04:00:00Z", "T05:00:00Z")


@pytest.mark.parametrize("path", ["/v1beta3/crypto/us", "/v1beta2/crypto"])
async def test_an_order_book_begins_whole_for_each_subscriber_and_goes_on_with_deltas(path: str) -> None:
    async with simulator() as sim:
        for _ in range(2):
            async with logged_in(sim, path) as client:
                await client.subscribe(orderbooks=["BTC/USD"])
                await _follow(client)


async def _follow(client: RawClient) -> None:
    sides: dict[str, dict[float, float]] = {"b": {}, "a": {}}
    seen = 0
    while seen < 30:
        for message in await client.receive():
            assert message.get("r", False) is (seen == 0)
            for name, side in sides.items():
                side.update({level["p"]: level["s"] for level in message[name]})
            bids, asks = ([price for price, size in side.items() if size] for side in sides.values())
            assert max(bids) < min(asks)
            seen += 1


async def test_the_server_pings() -> None:
    async with simulator("ping_interval_s=0.02", rate=0) as sim, aiohttp.ClientSession() as http:
        ws = await http.ws_connect(f"{sim.url}/v2/iex", autoping=False)
        kinds = [(await ws.receive(20)).type for _ in range(4)]
        assert kinds[0] is aiohttp.WSMsgType.TEXT
        assert set(kinds[1:]) == {aiohttp.WSMsgType.PING}


async def test_client_pings_are_answered_at_any_time() -> None:
    async with simulator(rate=20_000) as sim, connected(sim) as client:
        await asyncio.wait_for(await client.ws.ping(), 20)
        await client.auth(sim.account("demo"))
        await client.subscribe(quotes=["*"])
        reader = asyncio.get_running_loop().create_task(client.data(lambda _: False))
        await asyncio.wait_for(await client.ws.ping(), 20)
        reader.cancel()


@asynccontextmanager
async def narrow(sim: Simulator) -> AsyncIterator[tuple[RawClient, DataSession]]:
    """Log in over a connection on which hardly anything fits, so that the server feels at once when nobody reads."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", int(sim.url.rsplit(":", 1)[1])))
    options = {"max_queue": 1, "read_limit": 1024, "compression": None, "close_timeout": 0.1, "sock": sock}
    async with logged_in(sim, msgpack=True, **options) as client:
        (session,) = sim.streams._sessions
        transport = session._request.transport
        assert transport is not None
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        await client.subscribe(quotes=["*"], trades=["*"])
        yield client, session


async def test_batches_grow_for_a_reader_that_pauses() -> None:
    async with simulator(rate=5000) as sim, narrow(sim) as (client, session):
        prompt = max([len(await client.receive()) for _ in range(20)])
        await eventually(lambda: len(session._slices) > 5 * prompt, timeout=60)
        while len(await client.receive()) <= 5 * prompt:
            pass


async def test_a_client_that_does_not_read_is_cut_with_407_and_frees_its_slot() -> None:
    async with simulator("slow_client_bytes=20000", rate=5000) as sim:
        async with narrow(sim) as (_, session):
            await eventually(lambda: session.ended == "slow client", timeout=60)
            await eventually(lambda: not sim.streams._sessions)
        async with logged_in(sim):
            pass


async def test_compression_is_negotiated_when_offered() -> None:
    async with simulator() as sim, logged_in(sim) as client:
        assert "permessage-deflate" in client.ws.response_headers.get("Sec-WebSocket-Extensions", "")
    async with simulator() as sim, logged_in(sim, compression=None) as client:
        assert "Sec-WebSocket-Extensions" not in client.ws.response_headers
