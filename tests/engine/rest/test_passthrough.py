"""REST through the gateway port, against a host that says what it got."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError, web
from aiohttp.test_utils import TestServer, unused_port
from yarl import URL

from plugtui.engine.rest.passthrough import orders_in
from plugtui.engine.rest.submission import with_id
from tests.engine.rest_kit import Kit, gateway
from tests.support import eventually

ORDER = {"symbol": "AAPL", "qty": "1", "side": "buy", "type": "market", "time_in_force": "day"}


class Host:
    """One of Alpaca's hosts: remembers requests, answers as told."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.requests: list[tuple[web.BaseRequest, bytes]] = []
        self.orders: dict[str, dict[str, Any]] = {}
        self.mode = ""
        self.sending = 0
        self.hold = asyncio.Event()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self.server = TestServer(app)

    @property
    def url(self) -> str:
        return str(self.server.make_url("/")).rstrip("/")

    @property
    def last(self) -> web.BaseRequest:
        return self.requests[-1][0]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.requests.append((request, body))
        path = request.path
        if path.endswith("/events/trades"):
            return await self._events(request)
        if path == "/v2/orders" and request.method == "POST":
            return await self._order(request, body)
        if path == "/v2/orders:by_client_order_id":
            order = self.orders.get(request.query["client_order_id"])
            return web.json_response(
                order or {"code": 40410000, "message": "order not found"}, status=200 if order else 404
            )
        if path == "/v2/large":
            return web.Response(body=b"x" * 3_000_000)
        if path == "/v2/endless":
            return await self._endless(request)
        if path == "/v2/zipped":
            return web.Response(body=gzip.compress(b'{"a":1}'), headers={"Content-Encoding": "gzip"})
        if path == "/v2/refused":
            return web.json_response(
                {"code": 42210000, "message": "no"}, status=422, headers={"X-RateLimit-Limit": "200"}
            )
        if path == "/v2/slow":
            await self.hold.wait()
        if path == "/v2/torn":
            response = web.StreamResponse(headers={"Content-Length": "100"})
            await response.prepare(request)
            await response.write(b"half")
            assert request.transport
            request.transport.abort()
            return response
        if path == "/v2/positions" and request.method == "DELETE":
            closed = [{"symbol": "A", "status": 200, "body": {"id": "o1"}}, {"symbol": "B", "status": 500, "body": {}}]
            return web.json_response(closed, status=207)
        if path.startswith("/v2/orders/") and request.method == "PATCH":
            return web.json_response({"id": "new", "client_order_id": "c", "replaces": "old"})
        return web.json_response({"host": self.name}, headers={"X-RateLimit-Remaining": "150", "Set-Cookie": "a=b"})

    async def _order(self, request: web.Request, body: bytes) -> web.StreamResponse:
        if self.mode == "refuse":
            return web.json_response({"code": 40310000, "message": "insufficient buying power"}, status=403)
        try:
            fields = json.loads(body)
        except ValueError:
            return web.json_response({"code": 40010000, "message": "request body format is invalid"}, status=400)
        order = {**fields, "id": f"id-{len(self.orders)}", "status": "accepted"}
        if self.mode not in ("lose", "lose and 504"):
            self.orders[fields.get("client_order_id", "")] = order
        if self.mode in ("drop", "lose"):
            assert request.transport
            request.transport.abort()
        if self.mode in ("504", "lose and 504"):
            return web.json_response({"message": "upstream request timeout"}, status=504)
        if self.mode == "silent":
            await self.hold.wait()
        return web.json_response(order)

    async def _endless(self, request: web.Request) -> web.StreamResponse:
        """Send more than any buffers hold, until nobody takes it any more."""
        response = web.StreamResponse()
        await response.prepare(request)
        self.sending += 1
        try:
            for _ in range(1_000):
                await response.write(b"x" * 1_000_000)
        finally:
            self.sending -= 1
        return response

    async def _events(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"data: 1\n\n")
        await self.hold.wait()
        await response.write(b"data: 2\n\n")
        await response.write_eof()
        return response


@pytest.fixture
async def trading() -> AsyncIterator[Host]:
    host = Host("trading")
    await host.server.start_server()
    yield host
    host.hold.set()
    await host.server.close()


@pytest.fixture
async def data() -> AsyncIterator[Host]:
    host = Host("data")
    await host.server.start_server()
    yield host
    await host.server.close()


@pytest.fixture
async def kit(tmp_path: Path, trading: Host, data: Host) -> AsyncIterator[Kit]:
    async with gateway(tmp_path, trading.url, data.url, timeout_s=1.0) as kit:
        kit.books.seen_by_broker = trading.requests
        yield kit


async def test_each_path_goes_to_its_host_with_the_query_exactly_as_sent(kit: Kit, trading: Host, data: Host) -> None:
    query = "symbols=BTC%2FUSD,A&start=2024-01-01T00:00:00%2B02:00&x=a%20b+c&empty="
    for path, host in (("/v2/account", trading), ("//v2/stocks/bars", data)):
        url = URL(f"{kit.url}{path}?{query}", encoded=True)
        async with kit.http.get(url, headers=kit.headers()) as answer:
            assert (await answer.json())["host"] == host.name
        assert host.last.raw_path == f"{path.replace('//', '/')}?{query}"


async def test_only_the_real_credentials_leave(tmp_path: Path, trading: Host, data: Host) -> None:
    async with gateway(tmp_path, trading.url, data.url) as kit:
        key, secret = await kit.keys.add("meanrev", 1)
        kit.directory.key_issued(key)
        for headers in (
            {"APCA-API-KEY-ID": key.key_id, "APCA-API-SECRET-KEY": secret.reveal()},
            {"Authorization": f"Bearer {secret.reveal()}"},
        ):
            more = {"Cookie": "x=1", "Proxy-Authorization": "Basic abc", "X-Mine": "kept", "User-Agent": "mine/1"}
            async with kit.http.get(f"{kit.url}/v2/account", headers={**headers, **more}) as answer:
                assert answer.status == 200
                assert "Set-Cookie" not in answer.headers
                assert answer.headers["X-RateLimit-Remaining"] == "150"
            got = trading.last.headers
            assert (got["APCA-API-KEY-ID"], got["APCA-API-SECRET-KEY"]) == ("PKOWN", "own-secret")
            assert not {"Authorization", "Cookie", "Proxy-Authorization"} & set(got)
            assert (got["X-Mine"], got["User-Agent"]) == ("kept", "mine/1")
            assert secret.reveal() not in str(got)


async def test_an_engine_with_a_token_sends_the_token(tmp_path: Path, trading: Host, data: Host) -> None:
    async with gateway(tmp_path, trading.url, data.url, key_id="oauth", secret="tok") as kit:
        async with kit.http.get(f"{kit.url}/v2/account", headers={"Authorization": "Bearer tok"}) as answer:
            assert answer.status == 200
        assert trading.last.headers["Authorization"] == "Bearer tok"
        assert "APCA-API-KEY-ID" not in trading.last.headers


async def test_strangers_and_pages_reach_nothing(kit: Kit, trading: Host) -> None:
    async with kit.http.get(f"{kit.url}/v2/account") as answer:
        assert (answer.status, (await answer.json())["code"]) == (401, 40110000)
    async with kit.http.get(f"{kit.url}/v2/account", headers=kit.headers(Origin="https://evil.example")) as answer:
        assert answer.status == 403
    async with kit.http.get(f"{kit.url}/favicon.ico", headers=kit.headers()) as answer:
        assert (answer.status, (await answer.json())["code"]) == (404, 40410000)
    assert not trading.requests


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "POST"])
async def test_every_method_goes_through_with_its_body(kit: Kit, trading: Host, method: str) -> None:
    body = b"\x00\xff raw" if method not in ("GET", "HEAD") else None
    async with kit.http.request(method, f"{kit.url}/v2/watchlists", headers=kit.headers(), data=body) as answer:
        assert answer.status == 200
        assert bool(await answer.read()) == (method != "HEAD")
        assert answer.headers["Content-Type"].startswith("application/json")
    assert trading.requests[-1][1] == (body or b"")
    assert trading.last.method == method


async def test_a_body_sent_in_pieces_and_a_large_answer_stream_through(kit: Kit, trading: Host) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield b"y" * 10_000

    async with kit.http.post(f"{kit.url}/v2/watchlists", headers=kit.headers(), data=pieces()) as answer:
        assert answer.status == 200
    assert len(trading.requests[-1][1]) == 500_000
    async with kit.http.get(f"{kit.url}/v2/large", headers=kit.headers()) as answer:
        assert len(await answer.read()) == 3_000_000
        assert answer.headers["Content-Length"] == "3000000"


async def test_a_compressed_answer_stays_as_it_is(kit: Kit) -> None:
    async with kit.http.get(f"{kit.url}/v2/zipped", headers=kit.headers()) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert await answer.json(content_type=None) == {"a": 1}


async def test_an_error_of_the_broker_is_passed_on_as_it_is(kit: Kit) -> None:
    async with kit.http.get(f"{kit.url}/v2/refused", headers=kit.headers()) as answer:
        assert answer.status == 422
        assert answer.headers["X-RateLimit-Limit"] == "200"
        assert await answer.json() == {"code": 42210000, "message": "no"}


async def test_an_offer_to_speak_http2_is_passed_over(kit: Kit, trading: Host) -> None:
    headers = kit.headers(Connection="Upgrade, HTTP2-Settings", Upgrade="h2c", **{"HTTP2-Settings": "AAMAAABkAAQ"})
    async with kit.http.get(f"{kit.url}/v2/account", headers=headers) as answer:
        assert answer.status == 200
    assert not {"Upgrade", "HTTP2-Settings"} & set(trading.last.headers)


async def test_events_arrive_as_they_come_and_outlast_the_time_out(kit: Kit, trading: Host) -> None:
    async with kit.http.get(f"{kit.url}/v2/events/trades", headers=kit.headers()) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert await answer.content.readuntil(b"\n\n") == b"data: 1\n\n"
        # a request that is not answered takes as long as a host may be silent elsewhere
        async with kit.http.get(f"{kit.url}/v2/slow", headers=kit.headers()) as unanswered:
            assert unanswered.status == 504
        trading.hold.set()
        assert await answer.content.readuntil(b"\n\n") == b"data: 2\n\n"


async def test_an_answer_that_breaks_off_breaks_off_for_the_client(kit: Kit) -> None:
    with pytest.raises(ClientError):
        async with kit.http.get(f"{kit.url}/v2/torn", headers=kit.headers()) as answer:
            await answer.read()


async def test_an_algorithm_that_does_not_read_its_answer_gives_the_connection_back(
    tmp_path: Path, trading: Host, data: Host
) -> None:
    async with gateway(tmp_path, trading.url, data.url, stall_s=0.2) as kit:
        answer = await kit.http.get(f"{kit.url}/v2/endless", headers=kit.headers())
        await eventually(lambda: trading.sending == 1)
        await eventually(lambda: trading.sending == 0)
        with pytest.raises(ClientError):
            await answer.read()


async def test_orders_and_reads_get_through_while_other_connections_are_used_up(
    tmp_path: Path, trading: Host, data: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plugtui.engine.rest.forward.MAX_CONNECTIONS", 2)
    async with gateway(tmp_path, trading.url, data.url) as kit, asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(_status_of(kit, "/v2/slow"))
        await eventually(lambda: len(trading.requests) == 2)
        async with kit.http.post(f"{kit.url}/v2/orders", json=ORDER, headers=kit.headers()) as answer:
            assert answer.status == 200
        assert await _status_of(kit, "/v2/stocks/AAPL/bars") == 200
        trading.hold.set()


async def _status_of(kit: Kit, path: str) -> int:
    async with kit.http.get(kit.url + path, headers=kit.headers()) as answer:
        await answer.read()
        return answer.status


async def test_a_host_that_is_not_there_is_502_and_a_silent_one_504(
    tmp_path: Path, trading: Host, data: Host, kit: Kit
) -> None:
    async with kit.http.get(f"{kit.url}/v2/slow", headers=kit.headers()) as answer:
        assert (answer.status, (await answer.json())["code"]) == (504, 50410000)
    folder = tmp_path / "other"
    async with gateway(folder, f"http://127.0.0.1:{unused_port()}", data.url) as lonely:
        for method, path in (("GET", "/v2/account"), ("POST", "/v2/orders"), ("DELETE", "/v2/positions")):
            async with lonely.http.request(
                method, f"{lonely.url}{path}", headers=lonely.headers(), json=ORDER if method == "POST" else None
            ) as answer:
                assert (answer.status, (await answer.json())["code"]) == (502, 50210000)
        async with lonely.http.get(f"{lonely.url}/v2/stocks/bars", headers=lonely.headers()) as answer:
            assert answer.status == 200


async def post(kit: Kit, body: Any = ORDER) -> tuple[int, Any]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with kit.http.post(
        f"{kit.url}/v2/orders", headers=kit.headers(**{"Content-Type": "application/json"}), data=raw
    ) as answer:
        return answer.status, await answer.json()


async def test_an_order_gets_an_id_that_is_claimed_before_the_broker_sees_it(kit: Kit, trading: Host) -> None:
    status, order = await post(kit)
    assert status == 200
    assert kit.books.claims == [(order["client_order_id"], "local", 0)]
    assert kit.books.orders == [(order["id"], "local")]
    assert json.loads(trading.requests[-1][1]) == {**ORDER, "client_order_id": order["client_order_id"]}
    assert kit.directory.states()[0].orders == 1


async def test_an_order_with_an_id_of_its_own_is_sent_byte_for_byte(kit: Kit, trading: Host) -> None:
    body = b'{ "symbol":"AAPL", "qty": 1.50, "client_order_id":"mine-1","limit_price":1e2 }'
    assert (await post(kit, body))[0] == 200
    assert trading.requests[-1][1] == body
    assert kit.books.claims == [("mine-1", "local", 0)]


@pytest.mark.parametrize("body", [b"{not json", b"[1]", b'"x"', b"", b"\xff\xfe", b'{"client_order_id": 7}'])
def test_what_cannot_be_understood_is_left_to_the_broker(body: bytes) -> None:
    assert with_id(body, lambda: "made") == (body, "")


def test_numbers_keep_their_digits_when_an_id_is_added() -> None:
    body, made = with_id(
        b'{"qty":0.1000000000000000055,"client_order_id":null,"n":12345678901234567890}', lambda: "made"
    )
    assert made == "made"
    assert body == b'{"qty":0.1000000000000000055,"client_order_id":"made","n":12345678901234567890}'


async def test_a_malformed_order_comes_back_with_the_brokers_own_words(kit: Kit) -> None:
    assert await post(kit, b"{oops") == (400, {"code": 40010000, "message": "request body format is invalid"})
    assert not kit.books.claims
    assert kit.directory.states()[0].rejects == 1


async def test_a_reject_is_counted_and_passed_on(kit: Kit, trading: Host) -> None:
    trading.mode = "refuse"
    status, body = await post(kit)
    assert (status, body["message"]) == (403, "insufficient buying power")
    assert kit.directory.states()[0].rejects == 1
    assert not kit.books.orders


@pytest.mark.parametrize("mode", ["drop", "504", "silent"])
async def test_an_order_that_is_not_answered_is_found_and_never_sent_again(kit: Kit, trading: Host, mode: str) -> None:
    trading.mode = mode
    status, order = await post(kit)
    assert (status, order["id"]) == (200, "id-0")
    assert sum(request.method == "POST" for request, _ in trading.requests) == 1
    assert kit.books.orders == [("id-0", "local")]
    assert kit.passthrough.submissions.unanswered == 1


@pytest.mark.parametrize("mode", ["lose", "lose and 504"])
async def test_an_order_that_cannot_be_found_is_told_to_be_unknown_in_a_way_that_no_sdk_retries(
    kit: Kit, trading: Host, mode: str
) -> None:
    trading.mode = mode
    status, body = await post(kit, {**ORDER, "client_order_id": "mine"})
    assert (status, body["client_order_id"]) == (500, "mine")
    assert "by_client_order_id?client_order_id=mine" in body["message"]
    assert sum(request.method == "POST" for request, _ in trading.requests) == 1
    assert kit.passthrough.submissions.unknown == 1


async def test_a_full_disk_does_not_keep_an_order_back(kit: Kit) -> None:
    kit.books.broken = True
    assert (await post(kit))[0] == 200


async def test_a_paused_algorithm_cannot_trade_but_cancel_and_read(kit: Kit, trading: Host) -> None:
    await post(kit)
    await kit.directory.pause("local")
    sent = len(trading.requests)
    for method, path in (
        ("POST", "/v2/orders"),
        ("PATCH", "/v2/orders/x"),
        ("DELETE", "/v2/positions/AAPL"),
        ("POST", "/v2/positions/AAPL/exercise"),
    ):
        async with kit.http.request(method, f"{kit.url}{path}", headers=kit.headers(), data=b"{}") as answer:
            assert answer.status == 403
            assert "paused" in (await answer.json())["message"]
    assert len(trading.requests) == sent
    for method, path in (("DELETE", "/v2/orders/x"), ("DELETE", "/v2/orders"), ("GET", "/v2/orders")):
        async with kit.http.request(method, f"{kit.url}{path}", headers=kit.headers()) as answer:
            assert answer.status == 200


async def test_orders_that_a_replacement_or_a_closing_makes_are_claimed(kit: Kit) -> None:
    body = json.dumps({"qty": "2", "client_order_id": "mine-2"})
    async with kit.http.patch(f"{kit.url}/v2/orders/old", headers=kit.headers(), data=body) as answer:
        assert (await answer.json())["id"] == "new"
    async with kit.http.delete(f"{kit.url}/v2/positions?cancel_orders=true", headers=kit.headers()) as answer:
        assert answer.status == 207
        assert len(await answer.json()) == 2
    assert kit.books.claims == [("mine-2", "local", 0)]
    assert kit.books.orders == [("new", "local"), ("o1", "local")]


def test_orders_are_found_in_every_shape_of_answer() -> None:
    assert orders_in(b"[]") == orders_in(b"{}") == orders_in(b"oops") == orders_in(b"") == []
    assert orders_in(b'{"id":"1","client_order_id":"c"}') == [b'{"id":"1","client_order_id":"c"}']


async def test_who_asks_too_much_gets_429_in_alpacas_form_and_the_other_is_served(
    tmp_path: Path, trading: Host, data: Host
) -> None:
    async with gateway(tmp_path, trading.url, data.url, per_minute=20) as kit:
        key, secret = await kit.keys.add("modest", 1)
        kit.directory.key_issued(key)
        modest = {"APCA-API-KEY-ID": key.key_id, "APCA-API-SECRET-KEY": secret.reveal()}
        refused = None
        for _ in range(20):
            async with kit.http.get(f"{kit.url}/v2/clock", headers=kit.headers()) as answer:
                if answer.status == 429:
                    refused = (dict(answer.headers), await answer.json())
                    break
        assert refused is not None
        headers, body = refused
        assert body["code"] == 42910000
        assert int(headers["Retry-After"]) >= 1
        assert headers["X-RateLimit-Remaining"] == "0"
        async with kit.http.get(f"{kit.url}/v2/clock", headers=modest) as answer:
            assert answer.status == 200
        local = kit.directory.get("local")
        assert local is not None and local.throttled == 1


async def test_a_client_that_leaves_an_event_stream_frees_it(kit: Kit, trading: Host) -> None:
    answer = await kit.http.get(f"{kit.url}/v2/events/trades", headers=kit.headers())
    await answer.content.readuntil(b"\n\n")
    assert kit.passthrough.event_streams == 1
    answer.close()
    await eventually(lambda: kit.passthrough.event_streams == 0, timeout=20)
