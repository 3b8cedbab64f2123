"""Servers that answer, but not as Alpaca does: no frame, redirect or silence of theirs ends a stream for good."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import msgpack
import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

from plugtui.brokers.port import Credentials
from plugtui.config import UpstreamSettings
from plugtui.control.messages import StreamState
from plugtui.engine.account.stream import AccountStream
from plugtui.engine.backoff import Trouble
from plugtui.engine.market import upstream as upstream_module
from plugtui.engine.market.upstream import Upstream
from plugtui.secrets import Secret
from plugtui.wire.paths import stock
from plugtui.wire.trading import TradeUpdate
from tests.engine.streams import Events
from tests.support import cancelled_at_end, eventually

KEYS = Credentials("PKTEST", Secret("hush"), "http://unused")
PAIRS = frozenset({("trades", "AAPL")})
BROKEN_TEXT = b"\xc1\xff"


class Host:
    """A server of both streams that does what ``nonsense`` says once it has let a client in."""

    def __init__(self) -> None:
        self.nonsense: list[bytes] = []
        """Frames that are sent, one to each connection that subscribes or listens, in this order."""
        self.redirects = 0
        self.answers = True
        self.connections = 0
        app = web.Application()
        app.router.add_get("/{path:.*}", self._handle)
        self.server = TestServer(app)

    @property
    def url(self) -> str:
        return str(self.server.make_url("")).rstrip("/").replace("http", "ws", 1)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if self.redirects:
            self.redirects -= 1
            raise web.HTTPFound("http://portal.invalid/login")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.connections += 1
        if request.path == "/v2/iex":
            await socket.send_bytes(msgpack.packb([{"T": "success", "msg": "connected"}]))
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                await self._data(socket, msgpack.unpackb(message.data))
            elif message.type is WSMsgType.TEXT:
                await self._account(socket, json.loads(message.data))
        return socket

    async def _data(self, socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        if request["action"] == "auth":
            await socket.send_bytes(msgpack.packb([{"T": "success", "msg": "authenticated"}]))
        elif self.nonsense:
            await socket.send_bytes(self.nonsense.pop(0))
        elif self.answers:
            await socket.send_bytes(msgpack.packb([{"T": "subscription", "trades": ["AAPL"]}]))

    async def _account(self, socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        if not self.answers:
            return
        if request["action"] == "listen":
            await socket.send_json({"stream": "listening", "data": request["data"]})
        elif self.nonsense:
            await socket.send_bytes(self.nonsense.pop(0))
        else:
            data = {"action": "authenticate", "status": "authorized"}
            await socket.send_json({"stream": "authorization", "data": data})


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    host = Host()
    await host.server.start_server()
    yield host
    await host.server.close()


@pytest.fixture
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugtui.engine.backoff.Backoff.failed", lambda self, trouble, now_ns: 0.0)


def data_stream(host: Host) -> tuple[Upstream, Events, list[int]]:
    """Return an upstream of which a client wants AAPL, what it tells, and the answers that the client got."""
    events, answers = Events(), []  # type: ignore[var-annotated]
    upstream = Upstream(stock("iex"), UpstreamSettings(stream_url=host.url), KEYS, events, lambda: True)
    upstream.hold(PAIRS, answers.append)
    return upstream, events, answers


def account_stream(host: Host, states: list[StreamState]) -> AccountStream:
    async def on_update(raw: bytes, update: TradeUpdate) -> None:
        raise AssertionError("no update was sent")

    return AccountStream(f"{host.url}/stream", KEYS, on_update=on_update, on_state=states.append, backoff=_NoWaits())


class _NoWaits:
    def up(self, now_ns: int) -> None:
        """Nothing to note."""

    def failed(self, trouble: Trouble, now_ns: int) -> float:
        return 0.0


def packed(message: dict[str, Any]) -> bytes:
    return bytes(msgpack.packb([message]))


@pytest.mark.parametrize(
    "frame",
    [
        packed({"T": "error", "code": "many", "msg": 5}),
        packed({"T": "subscription", "msg": [1]}),
        packed({"T": "success", "msg": "MARK"}).replace(b"MARK", BROKEN_TEXT * 2),
    ],
)
async def test_a_control_message_that_cannot_be_read_costs_one_reconnect(
    host: Host, no_waits: None, frame: bytes
) -> None:
    host.nonsense.append(frame)
    upstream, events, answers = data_stream(host)
    async with cancelled_at_end(upstream.run()):
        await eventually(lambda: upstream._book.confirmed >= PAIRS and upstream.state().state == "live")
        assert host.connections == 2
        assert any("nonsense" in detail for _, _, detail in events.states)
        assert answers == [0]


async def test_a_redirect_to_a_login_page_is_waited_out(host: Host, no_waits: None) -> None:
    host.redirects = 2
    upstream, _, answers = data_stream(host)
    async with cancelled_at_end(upstream.run()):
        await eventually(lambda: upstream.state().state == "live" and answers == [0])
        assert upstream.state().reconnects == 2


async def test_a_request_that_is_never_answered_makes_a_new_connection(
    host: Host, no_waits: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upstream_module, "_UNANSWERED_NS", 0)
    host.answers = False
    upstream, events, _ = data_stream(host)
    async with cancelled_at_end(upstream.run()):
        await eventually(lambda: host.connections > 1)
        host.answers = True
        await eventually(lambda: upstream._book.confirmed >= PAIRS)
        assert any("no answer to a request" in detail for _, _, detail in events.states)


@pytest.mark.parametrize(
    "frame",
    [
        b'{"stream":"authorization","data":{"status":7}}',
        b'{"stream":"authorization","data":{"status":"' + BROKEN_TEXT + b'"}}',
        b"[" * 5_000,
        BROKEN_TEXT,
    ],
)
async def test_an_answer_of_the_account_stream_that_cannot_be_read_costs_one_reconnect(
    host: Host, frame: bytes
) -> None:
    host.nonsense.append(frame)
    states: list[StreamState] = []
    stream = account_stream(host, states)
    async with cancelled_at_end(stream.run()):
        await eventually(lambda: stream.live)
        assert [state.state for state in states if state.state == "failed"] == []


async def test_a_host_that_lets_us_in_and_stays_silent_is_not_taken_for_one_that_refuses_the_keys(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plugtui.engine.account.stream.REPLY_S", 0.02)
    host.answers = False
    states: list[StreamState] = []
    stream = account_stream(host, states)
    async with cancelled_at_end(stream.run()):
        await eventually(lambda: host.connections > 1)
        monkeypatch.undo()
        host.answers = True
        await eventually(lambda: stream.live)
    assert "no answer to the authentication" in {state.detail for state in states}


async def test_cancelling_a_dial_at_any_moment_ends_it_at_once(host: Host) -> None:
    """The engine's end must not wait for a cancellation that a time-out swallowed."""
    for turns in range(60):
        upstream, _, _ = data_stream(host)
        for work in (upstream.run(), account_stream(host, []).run()):
            task = asyncio.get_running_loop().create_task(work)
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            done, _ = await asyncio.wait({task}, timeout=60)
            assert done, f"cancelled after {turns} turns, it went on"
