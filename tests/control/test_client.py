"""The client of the control link, against a real server."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import unused_port

from plugtui.control import client as client_module
from plugtui.control.client import ControlClient, control_url
from plugtui.control.messages import Facts
from plugtui.errors import ControlError
from plugtui.secrets import Secret
from tests.engine.control_kit import TOKEN, Link, account, control_link
from tests.support import eventually


@pytest.fixture
async def link(tmp_path: Path) -> AsyncIterator[Link]:
    async with control_link(tmp_path) as link:
        yield link


class Relay:
    """A TCP relay in front of the engine that can be cut."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writers: list[asyncio.StreamWriter] = []
        self.url = ""

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers += [writer, far_writer]
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, far_writer))
                group.create_task(self._pump(far_reader, writer))
        except* OSError:
            pass

    @staticmethod
    async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()


async def test_after_a_cut_the_client_resumes_without_a_hole_or_a_double(link: Link) -> None:
    relay = Relay(int(link.url.rstrip("/").rsplit(":", 1)[1]))
    server = await relay.start()
    seen: list[int] = []
    total = 200

    async def tell_all() -> None:
        for number in range(total):
            await link.tell(str(number))
            if number % 25 == 24:
                await eventually(lambda number=number: len(seen) > number - 20)
                relay.cut()

    async def follow() -> None:
        last: int | None = 0
        while len(seen) < total:
            async with ControlClient(relay.url, TOKEN) as client:
                snapshot = await client.connect(resume=last)
                assert not snapshot.truncated
                seen.extend(fact.seq for fact in snapshot.facts)
                messages = aiter(client)
                while len(seen) < total:
                    message = await anext(messages, None)
                    if message is None:
                        break
                    if isinstance(message, Facts):
                        seen.extend(fact.seq for fact in message.facts)
                last = seen[-1] if seen else 0

    async with asyncio.TaskGroup() as group:
        group.create_task(tell_all())
        group.create_task(follow())
    assert seen == list(range(1, total + 1))
    server.close()


async def test_a_command_in_flight_fails_when_the_link_breaks(link: Link) -> None:
    relay = Relay(int(link.url.rstrip("/").rsplit(":", 1)[1]))
    server = await relay.start()
    async with ControlClient(relay.url, TOKEN) as client:
        await client.connect()
        waiting = asyncio.get_running_loop().create_task(client.command("wait", text="x"))
        await asyncio.sleep(0)
        relay.cut()
        with pytest.raises(ControlError, match=r"broke|down"):
            await waiting
        async for _ in client:
            pass
        with pytest.raises(ControlError, match="down"):
            await client.command("echo", text="x")
    server.close()


async def test_a_command_that_takes_too_long_is_given_up(link: Link) -> None:
    async with link.client() as client:
        await client.connect()
        with pytest.raises(ControlError, match="did not answer 'wait'"):
            await client.command("wait", timeout_s=0.05, text="x")
        link.hold.set()
        assert await client.command("echo", text="on") == ["on"]


async def test_states_that_nobody_took_are_merged_into_one(link: Link) -> None:
    async with link.client() as client:
        await client.connect()
        for equity in (1, 2, 3):
            link.states.of_account = account(equity)
            await eventually(lambda equity=equity: client._states and client._states.account == account(equity))
        async for message in client:
            assert message.account == account(3)  # type: ignore[union-attr]
            break


async def test_one_who_never_takes_facts_loses_the_link_and_not_the_memory(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "MAX_WAITING", 50)
    async with link.client() as client:
        await client.connect(states=False)
        await link.tell(*(str(number) for number in range(100)))
        await eventually(lambda: client.close_code == 1008)
        taken = [fact.seq async for message in client if isinstance(message, Facts) for fact in message.facts]
        assert taken == list(range(1, len(taken) + 1))
        assert client.seq == taken[-1]


async def test_where_no_engine_is_the_error_says_so(link: Link) -> None:
    with pytest.raises(ControlError, match="does not answer"):
        await ControlClient(f"http://127.0.0.1:{unused_port()}", TOKEN).connect()
    with pytest.raises(ControlError, match="no plugtui engine answers"):
        await ControlClient(link.url + "elsewhere", TOKEN).connect()
    with pytest.raises(ControlError, match="not the address"):
        ControlClient("127.0.0.1:8765", TOKEN)


async def test_the_token_is_in_no_text_of_the_client(link: Link) -> None:
    client = ControlClient(link.url, Secret("very-secret"))
    with pytest.raises(ControlError) as refused:
        await client.connect()
    assert "very-secret" not in f"{refused.value!r} {refused.value} {vars(client)!r}"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8765", "ws://127.0.0.1:8765/plugtui/control"),
        ("https://desk.example/", "wss://desk.example/plugtui/control"),
        ("ws://127.0.0.1:1/plugtui/control", "ws://127.0.0.1:1/plugtui/control"),
    ],
)
def test_the_gateways_address_is_enough(url: str, expected: str) -> None:
    assert control_url(url) == expected


def test_the_client_brings_no_engine_along() -> None:
    code = (
        "import sys, plugtui.control.client\n"
        "foreign = ('plugtui.engine', 'plugtui.store', 'aiohttp', 'aiosqlite', 'alpaca')\n"
        "bad = [name for name in sys.modules if name.startswith(foreign)]\n"
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
