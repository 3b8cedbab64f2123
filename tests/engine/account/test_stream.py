"""The account stream against a server that misbehaves."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from plugtui.brokers.port import Credentials
from plugtui.control.messages import StreamState
from plugtui.engine.account.stream import AccountStream
from plugtui.engine.backoff import Trouble
from plugtui.secrets import Secret
from plugtui.wire.trading import TradeUpdate
from tests.engine.account_server import AccountServer
from tests.support import cancelled_at_end, eventually


class Waits:
    """A back-off that waits for nothing and remembers why it was asked."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.troubles: list[Trouble] = []
        self.ups = 0

    def up(self, now_ns: int) -> None:
        self.ups += 1

    def failed(self, trouble: Trouble, now_ns: int) -> float:
        self.troubles.append(trouble)
        return self.seconds


class Listener:
    """Collects what a stream tells."""

    def __init__(self) -> None:
        self.updates: list[TradeUpdate] = []
        self.raws: list[bytes] = []
        self.states: list[StreamState] = []
        self.connected = 0
        self.lost: list[tuple[str, int]] = []

    async def on_update(self, raw: bytes, update: TradeUpdate) -> None:
        self.raws.append(raw)
        self.updates.append(update)

    async def on_connected(self) -> None:
        self.connected += 1

    async def on_lost(self, reason: str, since_ns: int) -> None:
        self.lost.append((reason, since_ns))

    def stream(self, server: AccountServer, **options: Any) -> AccountStream:
        credentials = Credentials("PKTEST", Secret("hush"), "http://unused")
        options.setdefault("backoff", Waits())
        return AccountStream(
            server.url,
            credentials,
            on_update=self.on_update,
            on_state=self.states.append,
            on_connected=self.on_connected,
            on_lost=self.on_lost,
            **options,
        )


@pytest.fixture
async def server() -> AsyncIterator[AccountServer]:
    server = AccountServer()
    await server.server.start_server()
    yield server
    await server.server.close()


def event(n: int) -> dict[str, Any]:
    return {
        "event": "new",
        "timestamp": "2025-01-21T07:32:40.70095Z",
        "order": {"id": f"order-{n}", "client_order_id": "c", "symbol": "AAPL", "status": "new"},
    }


async def test_it_authenticates_listens_and_hands_on_updates_as_they_came(server: AccountServer) -> None:
    listener = Listener()
    stream = listener.stream(server)
    async with cancelled_at_end(stream.run()):
        await eventually(lambda: listener.connected)
        assert stream.live
        await server.publish(event(1))
        await eventually(lambda: listener.updates)
    assert listener.updates[0].order.id == "order-1"
    assert listener.raws[0].startswith(b'{"stream": "trade_updates"')
    assert [state.state for state in listener.states] == ["connecting", "live", "idle"]
    assert server.requests[0] == {"action": "auth", "key": "PKTEST", "secret": "hush"}
    assert stream.state.messages == 1
    assert stream.state.lag_ms is not None


async def test_a_cancelled_stream_says_goodbye_with_a_close_frame(server: AccountServer) -> None:
    listener = Listener()
    async with cancelled_at_end(listener.stream(server).run()):
        await eventually(lambda: listener.connected)
    await eventually(lambda: server.closes)
    assert server.closes == [1000]
    assert listener.lost == []


async def test_a_server_that_knows_only_the_legacy_form_is_spoken_to_in_it(server: AccountServer) -> None:
    server.accept_forms = {"authenticate"}
    listener = Listener()
    stream = listener.stream(server)
    async with cancelled_at_end(stream.run()):
        await eventually(lambda: listener.connected)
        server.cut()
        await eventually(lambda: listener.connected == 2)
    assert [request["action"] for request in server.requests] == [
        *("auth", "authenticate", "listen"),
        *("authenticate", "listen"),
    ]
    assert server.upgrades == 2


async def test_refused_keys_are_told_once_with_what_to_do_and_tried_again_later(server: AccountServer) -> None:
    server.accept_keys = False
    listener, waits = Listener(), Waits()
    stream = listener.stream(server, backoff=waits)
    async with cancelled_at_end(stream.run()):
        await eventually(lambda: server.upgrades >= 4)
        assert stream.state.state == "failed"
        assert [state.state for state in listener.states] == ["connecting", "failed"]
        server.accept_keys = True
        await eventually(lambda: stream.live)
    assert set(waits.troubles) == {Trouble.FATAL}
    told = listener.states[1].detail
    assert "access key verification failed" in told
    assert "paper keys" in told
    assert "hush" not in repr(listener.states)


async def test_a_cut_is_told_and_the_stream_dials_again_one_connection_at_a_time(server: AccountServer) -> None:
    listener = Listener()
    stream = listener.stream(server)
    async with cancelled_at_end(stream.run()):
        for round_ in range(1, 21):
            await eventually(lambda: listener.connected == round_)  # noqa: B023
            await server.publish(event(round_))
            await eventually(lambda: len(listener.updates) == round_)  # noqa: B023
            server.cut()
        await eventually(lambda: len(listener.lost) == 20)
        await eventually(lambda: listener.connected == 21)
    assert server.most_open == 1
    assert all(since_ns > 0 and reason for reason, since_ns in listener.lost)
    assert stream.state.reconnects == 20


@pytest.mark.parametrize(
    ("status", "trouble"),
    [(429, Trouble.THROTTLED), (503, Trouble.NETWORK), (403, Trouble.FATAL), (404, Trouble.FATAL)],
)
async def test_a_refused_upgrade_waits_by_its_class_and_is_tried_again(
    server: AccountServer, status: int, trouble: Trouble
) -> None:
    server.refusals = [status]
    waits = Waits()
    listener = Listener()
    async with cancelled_at_end(listener.stream(server, backoff=waits).run()):
        await eventually(lambda: listener.connected)
    assert waits.troubles == [trouble]
    waiting = next(state for state in listener.states if state.state == "waiting")
    assert str(status) in waiting.detail
    assert waiting.retry_at_ns is not None
    assert listener.lost == []


async def test_retry_after_is_respected_and_a_person_can_cut_the_wait_short(server: AccountServer) -> None:
    server.refusals = [429]
    server.headers = {"Retry-After": "60"}
    listener = Listener()
    stream = listener.stream(server)
    async with cancelled_at_end(stream.run()):
        waiting = await eventually(lambda: next((s for s in listener.states if s.state == "waiting"), None))
        assert waiting.retry_at_ns is not None
        assert waiting.retry_at_ns - waiting.since_ns > 59 * 10**9
        stream.retry_now()
        await eventually(lambda: listener.connected)


async def test_a_host_that_does_not_answer_is_tried_again(server: AccountServer) -> None:
    url = server.url
    await server.server.close()
    waits = Waits(seconds=0.01)
    listener = Listener()
    credentials = Credentials("PKTEST", Secret("hush"), "http://unused")
    stream = AccountStream(url, credentials, on_update=listener.on_update, backoff=waits)
    async with cancelled_at_end(stream.run()):
        await eventually(lambda: len(waits.troubles) > 3)
    assert set(waits.troubles) == {Trouble.NETWORK}


async def test_a_host_that_accepts_and_says_nothing_is_given_up_without_a_socket_left(server: AccountServer) -> None:
    open_sockets: set[asyncio.StreamWriter] = set()
    most = 0

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal most
        open_sockets.add(writer)
        most = max(most, len(open_sockets))
        try:
            while await reader.read(1000):
                pass
        except OSError:
            writer.transport.abort()
        open_sockets.discard(writer)
        writer.close()

    host = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = host.sockets[0].getsockname()[1]
    waits = Waits(seconds=0.05)
    stream = AccountStream(
        f"ws://127.0.0.1:{port}/stream",
        Credentials("PKTEST", Secret("hush"), "http://unused"),
        on_update=Listener().on_update,
        backoff=waits,
        connect_timeout_s=0.1,
    )
    async with cancelled_at_end(stream.run()):
        await eventually(lambda: len(waits.troubles) > 2)
    await eventually(lambda: not open_sockets)
    assert most == 1
    host.close()


async def test_a_socket_on_which_nothing_is_heard_is_cut(server: AccountServer) -> None:
    server.mute = True
    listener = Listener()
    async with cancelled_at_end(listener.stream(server, silence_s=0.3).run()):
        await eventually(lambda: listener.connected == 2)
    assert len(listener.lost) >= 1


async def test_garbage_frames_are_skipped(server: AccountServer) -> None:
    listener = Listener()
    stream = listener.stream(server)
    async with cancelled_at_end(stream.run()):
        await eventually(lambda: listener.connected)
        (socket,) = server.sockets
        for nonsense in (b"\x01", b"[]", b"{", b'{"stream":"trade_updates","data":{}}', b"\xff\xfe"):
            await socket.send_bytes(nonsense)
        await server.publish(event(7))
        await eventually(lambda: listener.updates)
    assert [update.order.id for update in listener.updates] == ["order-7"]
    assert server.upgrades == 1


async def test_a_second_run_at_the_same_time_is_refused(server: AccountServer) -> None:
    listener = Listener()
    stream = listener.stream(server)
    async with cancelled_at_end(stream.run()):
        await eventually(lambda: listener.connected)
        with pytest.raises(RuntimeError):
            await stream.run()
    assert server.most_open == 1


async def test_an_update_with_broken_text_is_skipped_and_the_stream_goes_on(server: AccountServer) -> None:
    listener = Listener()
    stream = listener.stream(server)
    async with cancelled_at_end(stream.run()):
        await eventually(lambda: stream.live)
        await server.sockets[0].send_bytes(b'{"stream":"trade_updates","data":{"event":"\xff\xfe"}}')
        await server.publish(event(1))
        await eventually(lambda: len(listener.updates) == 1)
        assert server.upgrades == 1


async def test_a_slot_that_is_taken_is_blamed_on_another_program_only_if_it_cannot_be_our_own_session(
    server: AccountServer,
) -> None:
    server.occupied = 1
    listener = Listener()
    stream = listener.stream(server)
    async with cancelled_at_end(stream.run()):
        await eventually(lambda: stream.live)
        server.occupied = 1
        server.cut()
        await eventually(lambda: stream.live and server.upgrades == 4)
    reasons = [state.detail for state in listener.states if state.state == "waiting"]
    assert reasons[0] == "another program holds the connection"
    assert reasons[2] == "the server still holds our last session"
