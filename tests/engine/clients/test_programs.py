"""Which program is behind a connection."""

import asyncio
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest

from plugtui.engine.clients.programs import (
    UNKNOWN,
    Address,
    Program,
    Programs,
    better_label,
    program_name,
    sdk_label,
)
from tests.support import eventually

Ends = tuple[Address, Address]


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["/usr/bin/python3.11", "-u", "/home/me/algos/meanrev.py", "--fast"], "meanrev.py"),
        (["python3", "-X", "dev", "-W", "error", "momentum.py"], "momentum.py"),
        (["python", "-m", "strategies.pairs"], "strategies.pairs"),
        (["python", "/srv/breakout/__main__.py"], "breakout"),
        (["python", "-c", "import this"], "python"),
        (["python"], "python"),
        (["node", "--require", "dotenv/config", "bot.mjs"], "bot.mjs"),
        (["deno", "run", "--allow-net", "bot.ts"], "bot.ts"),
        (["java", "-cp", "lib", "-jar", "/opt/trader.jar"], "trader.jar"),
        (["C:\\Python311\\python.exe", "C:\\algos\\grid.py"], "grid.py"),
        (["/usr/local/bin/gobot", "-v"], "gobot"),
        ([], "kthread"),
    ],
)
def test_a_program_is_named_after_its_script(command: list[str], name: str) -> None:
    assert program_name(command, "kthread") == name


def test_a_dotted_module_keeps_its_name() -> None:
    assert Program("strategies.pairs").stem == "strategies.pairs"
    assert Program("meanrev.py").stem == "meanrev"


@pytest.mark.parametrize(
    ("agent", "content_type", "label"),
    [
        ("APCA-PY/0.43.2 Python/3.11.9", "", "alpaca-py 0.43.2"),
        ("APCA-TRADE-SDK-PY/3.2.0", "", "alpaca-trade-api 3.2.0"),
        ("Python/3.11 websockets/10.4", "application/msgpack", "alpaca-trade-api"),
        ("Python/3.11 websockets/10.4", "", "websockets 10.4"),
        ("python-requests/2.32.3", "", "requests 2.32.3"),
        ("Go-http-client/1.1", "", "go net/http 1.1"),
        ("MyBot/1.0 (x)", "", "MyBot/1.0"),
        ("", "", ""),
    ],
)
def test_the_sdk_is_known_by_its_user_agent(agent: str, content_type: str, label: str) -> None:
    assert sdk_label(agent, content_type) == label


def test_the_label_that_says_more_wins() -> None:
    assert better_label("websockets 10.4", "alpaca-py 0.43") == "alpaca-py 0.43"
    assert better_label("alpaca-py 0.43", "requests 2") == "alpaca-py 0.43"
    assert better_label("alpaca-trade-api 3.2.0", "alpaca-trade-api") == "alpaca-trade-api 3.2.0"
    assert better_label("", "curl 8") == "curl 8"


class Transport:
    """Stands for a connection."""


def ends(port: int) -> Ends:
    return ("127.0.0.1", port), ("127.0.0.1", 8765)


async def test_callers_that_wait_at_the_same_time_share_one_scan() -> None:
    scans: list[set[Ends]] = []
    go = threading.Event()

    def scan(wanted: Iterable[Ends], likely: Iterable[int]) -> dict[Ends, Program]:
        scans.append(set(wanted))
        go.wait(10)
        return {one: Program("a.py", one[0][1]) for one in wanted}

    programs = Programs(scan)
    try:
        connections = [Transport() for _ in range(20)]
        async with asyncio.TaskGroup() as group:
            found = [group.create_task(programs.find(one, *ends(n))) for n, one in enumerate(connections)]
            await eventually(lambda: scans)
            go.set()
        assert [task.result().pid for task in found] == list(range(20))
        assert len(scans) == 2
        assert (await programs.find(connections[3], *ends(3))).pid == 3
        assert len(scans) == 2
    finally:
        programs.aclose()


async def test_a_failed_or_slow_look_up_means_unknown_not_an_error() -> None:
    def refuse(wanted: Iterable[Ends], likely: Iterable[int]) -> dict[Ends, Program]:
        raise PermissionError("not allowed")

    programs = Programs(refuse)
    assert await programs.find(Transport(), *ends(1)) == UNKNOWN
    programs.aclose()

    go = threading.Event()

    def hang(wanted: Iterable[Ends], likely: Iterable[int]) -> dict[Ends, Program]:
        go.wait(10)
        return {}

    slow = Programs(hang, timeout_s=0.01)
    assert await slow.find(Transport(), *ends(1)) == UNKNOWN
    go.set()
    slow.aclose()
    assert await slow.find(Transport(), *ends(2)) == UNKNOWN


async def test_a_real_program_is_found_by_its_connection(tmp_path: Path) -> None:
    met: asyncio.Future[tuple[Address, Address]] = asyncio.get_running_loop().create_future()
    transports: list[asyncio.StreamWriter] = []

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        transports.append(writer)
        met.set_result((writer.get_extra_info("peername"), writer.get_extra_info("sockname")))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    script = tmp_path / "meanrev.py"
    script.write_text("import socket, sys\ns = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\ns.recv(1)\n")
    child = await asyncio.create_subprocess_exec(sys.executable, str(script), str(server.sockets[0].getsockname()[1]))
    programs = Programs(timeout_s=20)
    try:
        peer, local = await asyncio.wait_for(met, 20)
        program = await programs.find(Transport(), peer, local)
        assert (program.name, program.pid) == ("meanrev.py", child.pid)
        assert await programs.find(Transport(), peer, local, likely=[child.pid]) == program
    finally:
        programs.aclose()
        for writer in transports:
            writer.close()
        await child.wait()
        server.close()
