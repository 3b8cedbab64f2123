"""The engine's side of the control link, over real sockets."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from plugtui.control.messages import Fact, Facts, Notice, Snapshot, States, decode_from_engine
from plugtui.engine import control
from plugtui.engine.control import PATH
from plugtui.errors import ControlError
from plugtui.secrets import Secret
from tests.engine.control_kit import ENGINE, TOKEN, Link, account, control_link
from tests.support import eventually

AUTH = {"Authorization": f"Bearer {TOKEN.reveal()}"}


@pytest.fixture
async def link(tmp_path: Path) -> AsyncIterator[Link]:
    async with control_link(tmp_path) as link:
        yield link


@contextlib.asynccontextmanager
async def dialled(link: Link, hello: str | None = '{"type":"hello"}') -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(link.url.rstrip("/") + PATH, headers=AUTH, max_msg_size=0) as socket,
    ):
        if hello is not None:
            await socket.send_str(hello)
        yield socket


def text_of(fact: Fact) -> str:
    assert isinstance(fact.body, Notice)
    return fact.body.text


async def test_a_dashboard_gets_the_whole_picture_first(link: Link) -> None:
    await link.tell("one", "two")
    link.states.of_account = account(100)
    async with link.client() as client:
        snapshot = await client.connect()
    assert snapshot.engine == ENGINE
    assert snapshot.account == account(100)
    assert (snapshot.seq, snapshot.truncated) == (2, False)
    assert [text_of(fact) for fact in snapshot.facts] == ["one", "two"]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN.reveal()}])
async def test_without_the_token_nothing_is_told(link: Link, headers: dict[str, str]) -> None:
    async with aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(link.url.rstrip("/") + PATH, headers=headers)
    assert refused.value.status == 401


@pytest.mark.parametrize(
    "hello", ["{}", "garbage", '{"type":"command","id":1,"name":"echo"}', '{"type":"hello","resume":"x"}']
)
async def test_a_link_that_does_not_begin_with_a_hello_is_closed(link: Link, hello: str) -> None:
    async with dialled(link, hello) as socket:
        message = await socket.receive(timeout=10)
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert message.data == aiohttp.WSCloseCode.PROTOCOL_ERROR


async def test_a_dashboard_that_resumes_gets_exactly_what_it_missed(link: Link) -> None:
    await link.tell(*"abcdef")
    async with link.client() as client:
        snapshot = await client.connect(resume=4)
        assert [fact.seq for fact in snapshot.facts] == [5, 6]
        assert not snapshot.truncated
    async with link.client() as client:
        snapshot = await client.connect(resume=6)
        assert (snapshot.facts, snapshot.truncated, snapshot.seq) == ([], False, 6)


async def test_a_hole_in_what_was_missed_is_told(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "MAX_RESUMED", 3)
    await link.tell(*"abcdef")
    async with link.client() as client:
        snapshot = await client.connect(resume=1)
        assert [fact.seq for fact in snapshot.facts] == [4, 5, 6]
        assert snapshot.truncated
    async with link.client() as client:
        from_another_ledger = await client.connect(resume=900)
        assert from_another_ledger.truncated
        assert len(from_another_ledger.facts) == 6


async def test_facts_reach_every_dashboard_in_order_and_once(link: Link) -> None:
    async def follow(count: int) -> list[str]:
        async with link.client() as client:
            await client.connect(states=False)
            texts: list[str] = []
            async for message in client:
                if isinstance(message, Facts):
                    texts += map(text_of, message.facts)
                if len(texts) == count:
                    break
            return texts

    async with asyncio.TaskGroup() as group:
        followers = [group.create_task(follow(300)) for _ in range(3)]
        await eventually(lambda: link.server.dashboards == 3)
        for number in range(100):
            await link.tell(f"{number}a", f"{number}b", f"{number}c")
    expected = [f"{number}{letter}" for number in range(100) for letter in "abc"]
    assert [follower.result() for follower in followers] == [expected] * 3


async def test_facts_that_come_together_travel_in_one_message_and_a_lone_one_at_once(link: Link) -> None:
    async with dialled(link) as socket:
        await socket.receive_str()
        await link.tell("alone")
        first = decode_from_engine(await socket.receive_str(timeout=10))
        assert isinstance(first, Facts)
        assert [text_of(fact) for fact in first.facts] == ["alone"]
        for number in range(30):
            await link.tell(f"{number}a", f"{number}b")
        messages: list[int] = []
        while sum(messages) < 60:
            message = decode_from_engine(await socket.receive_str(timeout=10))
            if isinstance(message, Facts):
                messages.append(len(message.facts))
        assert len(messages) < 30


async def test_a_message_holds_no_more_than_its_bound_of_bytes(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "BATCH_BYTES", 1_000)
    async with dialled(link) as socket:
        await socket.receive_str()
        texts = ["x" * size for size in (300, 300, 300, 300, 5_000, 10)]
        await link.tell(*texts)
        seen: list[list[str]] = []
        while sum(map(len, seen)) < len(texts):
            message = decode_from_engine(await socket.receive_str(timeout=10))
            if isinstance(message, Facts):
                seen.append([text_of(fact) for fact in message.facts])
        assert [text for texts in seen for text in texts] == texts
        assert [len(texts) for texts in seen] == [2, 2, 1, 1]


async def test_only_topics_that_changed_are_sent(link: Link) -> None:
    async with dialled(link) as socket:
        assert isinstance(decode_from_engine(await socket.receive_str()), Snapshot)
        link.states.of_account = account(5)
        states = decode_from_engine(await socket.receive_str(timeout=10))
        assert states == States(account=account(5))


async def test_states_are_conflated_to_ten_a_second(link: Link) -> None:
    got: list[int] = []
    async with dialled(link) as socket:
        await socket.receive_str()
        last = 2_000
        started = asyncio.get_running_loop().time()
        for number in range(1, last + 1):
            link.states.of_engine = msgspec.structs.replace(ENGINE, deliveries=number)
            if number % 100 == 0:
                await asyncio.sleep(0.01)
        while not got or got[-1] != last:
            states = decode_from_engine(await socket.receive_str(timeout=10))
            assert isinstance(states, States) and states.engine
            got.append(states.engine.deliveries)
        elapsed = asyncio.get_running_loop().time() - started
    assert got == sorted(set(got))
    assert len(got) <= elapsed * 10 + 2


async def test_nobody_looks_and_no_state_is_taken(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "STATES_EVERY_S", 0.0)  # then every turn of the loop is a tick
    async with link.client() as client:
        await client.connect()
        await eventually(lambda: link.states.taken > 3)
    await eventually(lambda: link.server.dashboards == 0)
    taken = link.states.taken
    for _ in range(100):
        await asyncio.sleep(0)
    assert link.states.taken == taken


async def test_a_command_is_answered_with_its_own_number(link: Link) -> None:
    async with link.client() as client:
        await client.connect()
        slow = asyncio.get_running_loop().create_task(client.command("wait", text="slow"))
        assert await client.command("echo", text="a", times=2, name="any") == ["a", "a"]
        assert not slow.done()
        link.hold.set()
        assert await slow == "slow"


@pytest.mark.parametrize(
    ("name", "args", "error", "hint"),
    [
        ("nothing", {}, "no command 'nothing'", "break, echo, refuse, wait"),
        ("echo", {}, "missing required field `text`", "text, [times], [name]"),
        ("echo", {"text": 1}, "Expected `str`, got `int`", "text, [times], [name]"),
        ("echo", {"text": "x", "more": 1}, "unknown field `more`", "text, [times], [name]"),
        ("refuse", {"text": "x"}, "not now", "Try later."),
        ("break", {"text": "x"}, "failed inside the engine", "log"),
    ],
)
async def test_a_command_that_cannot_be_done_is_refused_with_a_hint(
    link: Link, name: str, args: dict[str, Any], error: str, hint: str
) -> None:
    async with link.client() as client:
        await client.connect()
        with pytest.raises(ControlError) as refused:
            await client.command(name, **args)
        assert error in refused.value.title
        assert hint in refused.value.hint
        assert await client.command("echo", text="still here") == ["still here"]


async def test_too_many_commands_at_once_are_refused(link: Link) -> None:
    async with dialled(link, '{"type":"hello","states":false}') as socket:
        await socket.receive_str()
        for number in range(control.MAX_COMMANDS + 1):
            command = {"type": "command", "id": number, "name": "wait", "args": {"text": "x"}}
            await socket.send_str(json.dumps(command))
        reply = json.loads(await socket.receive_str(timeout=10))
        assert (reply["id"], reply["ok"]) == (control.MAX_COMMANDS, False)


async def test_commands_without_end_are_cut_off(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "MAX_REPLIES", 0)
    async with dialled(link) as socket:
        await socket.receive_str()
        await socket.send_str('{"type":"command","id":1,"name":"echo","args":{"text":"x"}}')
        while (message := await socket.receive(timeout=10)).type is aiohttp.WSMsgType.TEXT:
            pass
        assert message.data == aiohttp.WSCloseCode.POLICY_VIOLATION


async def test_a_dashboard_that_does_not_read_is_cut_and_holds_up_nobody(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "STALL_S", 0.3)
    async with dialled(link) as stuck, link.client() as client:
        await stuck.receive_str()
        await client.connect(states=False)
        assert stuck._conn and stuck._conn.transport
        stuck._conn.transport.pause_reading()  # type: ignore[attr-defined]
        await eventually(lambda: link.server.dashboards == 2)
        received = 0

        async def follow() -> None:
            nonlocal received
            async for message in client:
                received += len(message.facts) if isinstance(message, Facts) else 0

        follower = asyncio.get_running_loop().create_task(follow())
        big = "x" * 100_000
        sent = 0
        while link.server.dashboards == 2:
            await link.tell(*[big] * 10)
            sent += 10
            assert sent < 3_000
        await eventually(lambda: received == sent)
        assert link.server.dashboards == 1
        follower.cancel()
        stuck._conn.transport.abort()


async def test_one_that_is_too_many_facts_behind_is_told_to_resume(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "MAX_BEHIND", 5)
    async with dialled(link, '{"type":"hello","states":false}') as socket:
        await socket.receive_str()
        await link.tell(*"abcdefghij")
        while (message := await socket.receive(timeout=10)).type is aiohttp.WSMsgType.TEXT:
            pass
        assert message.data == aiohttp.WSCloseCode.TRY_AGAIN_LATER
        assert "resume" in message.extra


async def test_the_end_of_the_engine_is_said_to_all(link: Link) -> None:
    async with link.client() as client:
        await client.connect()
        await eventually(lambda: link.server.dashboards == 1)
        await link.server.aclose()
        async for _ in client:
            pass
        assert client.close_code == 1001
        assert "engine ends" in client.close_reason
    with pytest.raises(ControlError):
        await link.client().connect()


async def test_a_wrong_token_is_told_as_such(link: Link) -> None:
    with pytest.raises(ControlError, match="refused the token"):
        await link.client(Secret("other")).connect()
