"""The account stream, over real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import WSMsgType

from plugtui.wire.account import DEPRECATION, auth_request, listen_request
from tests.sim.server import TradingServer, trading_server
from tests.support import eventually

WAIT_S = 20.0


@pytest.fixture
async def server() -> AsyncIterator[TradingServer]:
    async with trading_server(mode="always") as running:
        yield running


class Client:
    """A client that says what a test wants and reads one message at a time."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self.kinds: list[WSMsgType] = []

    async def ask(self, request: str | bytes) -> Any:
        """Send a request and return the answer."""
        await (self.ws.send_str(request) if isinstance(request, str) else self.ws.send_bytes(request))
        return await self.read()

    async def read(self) -> Any:
        """Return the next message."""
        message = await self.ws.receive(timeout=WAIT_S)
        self.kinds.append(message.type)
        if message.type is WSMsgType.TEXT:
            return json.loads(message.data)
        if message.type is WSMsgType.BINARY:
            packed = message.data[:1] not in (b"{", b"[")
            return msgspec.msgpack.decode(message.data) if packed else json.loads(message.data)
        return message.type

    async def event(self) -> tuple[str, str]:
        """Return name and symbol of the next event."""
        message = await self.read()
        assert message["stream"] == "trade_updates"
        return message["data"]["event"], message["data"]["order"]["symbol"]


async def connect(server: TradingServer, path: str = "/stream", **headers: str) -> Client:
    return Client(await server.http.ws_connect(server.url + path, headers=headers))


async def login(server: TradingServer, name: str = "demo", **headers: str) -> Client:
    client = await connect(server, **headers)
    account = server.account(name)
    answer = await client.ask(auth_request(account.key_id, account.secret.reveal()))
    assert answer["data"]["status"] == "authorized"
    await client.ask(listen_request())
    return client


async def test_both_forms_are_accepted_and_the_old_one_is_told_to_change(server: TradingServer) -> None:
    server.bench.faults.account_sessions = 0
    account = server.account()
    client = await connect(server)
    new = await client.ask(auth_request(account.key_id, account.secret.reveal()))
    old = await client.ask(auth_request(account.key_id, account.secret.reveal(), legacy=True))
    assert new == {"stream": "authorization", "data": {"action": "authenticate", "status": "authorized"}}
    assert old["data"]["message"] == DEPRECATION
    assert old["data"]["status"] == "authorized"


async def test_an_oauth_token_is_accepted(server: TradingServer) -> None:
    client = await connect(server)
    answer = await client.ask(auth_request("oauth", server.account().token.reveal(), legacy=True))
    assert answer["data"]["status"] == "authorized"


async def test_wrong_keys_are_unauthorized_and_the_connection_stays(server: TradingServer) -> None:
    client = await connect(server)
    answer = await client.ask(auth_request("PKNOBODY", "x"))
    assert answer["data"] == {
        "action": "authenticate",
        "message": "access key verification failed",
        "status": "unauthorized",
    }
    assert (await client.ask(listen_request()))["data"] == {"status": "unauthorized", "action": "listen"}


async def test_listen_replaces(server: TradingServer) -> None:
    client = await login(server)
    assert (await client.ask(listen_request(["odd", "trade_updates"])))["data"] == {"streams": ["trade_updates"]}
    assert (await client.ask(listen_request([])))["data"] == {"streams": []}
    await server.order()
    server.bench.pass_time()
    assert (await client.ask(listen_request()))["stream"] == "listening", "no event came before"


async def test_events_come_in_binary_frames_and_in_order(server: TradingServer) -> None:
    client = await login(server)
    await server.order()
    server.bench.pass_time()
    assert [await client.event(), await client.event()] == [("new", "AAPL"), ("fill", "AAPL")]
    assert set(client.kinds) == {WSMsgType.BINARY}


async def test_frames_can_be_text(server: TradingServer) -> None:
    server.bench.faults.binary_frames = False
    client = await login(server)
    assert set(client.kinds) == {WSMsgType.TEXT}


async def test_messagepack_when_the_upgrade_asks_for_it(server: TradingServer) -> None:
    client = await connect(server, "//stream/", **{"Content-Type": "application/msgpack"})
    account = server.account()
    request = {"action": "auth", "key": account.key_id, "secret": account.secret.reveal()}
    answer = await client.ask(msgspec.msgpack.encode(request))
    assert answer["data"]["status"] == "authorized"


async def test_an_account_sees_its_own_events_only(server: TradingServer) -> None:
    demo, reserve = await login(server), await login(server, "reserve")
    server.bench.account("reserve")
    await server.order("reserve", symbol="C")
    await server.order("demo")
    server.bench.pass_time()
    assert await demo.event() == ("new", "AAPL")
    assert await reserve.event() == ("new", "C")


async def test_nothing_is_replayed_after_a_reconnect(server: TradingServer) -> None:
    client = await login(server)
    await client.ws.close()
    await eventually(lambda: len(server.streams) == 0)
    await server.order()
    server.bench.pass_time()
    client = await login(server)
    await server.order(symbol="C")
    server.bench.pass_time()
    assert await client.event() == ("new", "C")


async def test_a_second_session_of_an_account_is_refused(server: TradingServer) -> None:
    first = await login(server)
    second = await connect(server)
    account = server.account()
    answer = await second.ask(auth_request(account.key_id, account.secret.reveal()))
    assert answer == {"action": "error", "data": {"error_message": "connection limit exceeded"}}
    assert await second.read() is WSMsgType.CLOSE
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await connect(server, **server.keys())
    assert refused.value.status == 429
    assert server.streams.refused == 2
    await first.ws.close()
    await eventually(lambda: len(server.streams) == 0)
    await login(server)


async def test_upgrades_can_be_refused(server: TradingServer) -> None:
    server.bench.faults.account_refuse = True
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await connect(server)
    assert refused.value.status == 429


async def test_sessions_can_be_unlimited(server: TradingServer) -> None:
    server.bench.faults.account_sessions = 0
    clients = [await login(server) for _ in range(3)]
    await server.order()
    server.bench.pass_time()
    assert [await client.event() for client in clients] == [("new", "AAPL")] * 3


async def test_a_cut_leaves_no_close_frame_and_may_hold_the_slot(server: TradingServer) -> None:
    server.bench.faults.account_linger_s = 3600
    client = await login(server)
    server.streams.cut()
    assert await client.read() in (WSMsgType.CLOSED, WSMsgType.ERROR, WSMsgType.CLOSING)
    assert client.ws.close_code in (None, 1006)
    await eventually(lambda: len(server.streams) == 0)
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await connect(server, **server.keys())
    server.bench.faults.account_linger_s = 0
    await login(server)


async def test_a_muted_stream_stays_up_and_says_nothing(server: TradingServer) -> None:
    client = await login(server)
    server.bench.faults.account_mute = True
    await server.order()
    server.bench.pass_time()
    server.bench.faults.account_mute = False
    await server.order(symbol="C")
    server.bench.pass_time()
    assert await client.event() == ("new", "C")


async def test_events_can_come_twice(server: TradingServer) -> None:
    server.bench.faults.duplicate_events = 1.0
    client = await login(server)
    await server.order()
    server.bench.pass_time()
    assert [(await client.event())[0] for _ in range(4)] == ["new", "new", "fill", "fill"]


async def test_events_can_change_places_and_none_is_lost(server: TradingServer) -> None:
    server.bench.faults.disorder_events = 0.5
    client = await login(server)
    for _ in range(20):
        await server.order()
        server.bench.pass_time()
    ids = [(await client.read())["data"]["event_id"] for _ in range(40)]
    assert len(set(ids)) == 40
    assert ids != sorted(ids)


async def test_garbage_is_answered_with_an_error_object(server: TradingServer) -> None:
    client = await connect(server)
    for request in ("{", '{"action":"dance"}'):
        answer = await client.ask(request)
        assert answer["action"] == "error"
        assert isinstance(answer["data"], dict)


async def test_a_plain_request_is_refused(server: TradingServer) -> None:
    async with server.http.get(server.url + "/stream") as response:
        assert response.status == 400


async def test_the_stream_closes_with_a_close_frame_when_the_server_stops() -> None:
    async with trading_server() as server:
        client = await login(server)
        closing = server.streams.aclose()
        reading = client.read()
        kinds = await asyncio.gather(closing, reading)
        assert kinds[1] is WSMsgType.CLOSE
