"""The loop with a time of its own: what it does takes none, what it waits for is over at once."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import pytest
from aiohttp import ClientSession, WSMsgType, web
from websockets.legacy.client import connect

from plugtui.demo.stage import jobs
from plugtui.demo.stage.loop import BEGINNING_S, NothingLeft, VirtualLoop

START_NS = 1_773_153_067_000_000_000


def play(work: Coroutine[Any, Any, Any], delay_s: float = 0.0) -> Any:
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(START_NS, lambda _: delay_s)) as runner:
        return runner.run(work)


def test_an_hour_passes_at_once_and_to_the_nanosecond():
    async def wait() -> tuple[float, int, int]:
        await asyncio.sleep(3_600)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        return loop.time(), loop.now_ns(), loop.ticks_ns()

    before = time.monotonic()
    assert play(wait()) == (BEGINNING_S + 3_600, START_NS + 3_600 * 10**9, int(BEGINNING_S + 3_600) * 10**9)
    assert time.monotonic() - before < 60


def test_no_time_passes_while_anything_can_run():
    async def work() -> float:
        for _ in range(1_000):
            await asyncio.sleep(0)
        return asyncio.get_running_loop().time()

    assert play(work()) == BEGINNING_S


def test_timers_go_off_in_their_order_at_their_times():
    async def work() -> list[tuple[str, float]]:
        loop, seen = asyncio.get_running_loop(), []
        for name, at in (("late", 2.0), ("early", 1.0), ("middle", 1.5)):
            loop.call_later(at, lambda name=name: seen.append((name, loop.time() - BEGINNING_S)))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.75):
                await asyncio.Event().wait()
        assert [name for name, _ in seen] == ["early", "middle"]
        await asyncio.sleep(1)
        return seen

    assert play(work()) == [("early", 1.0), ("middle", 1.5), ("late", 2.0)]


def test_a_wait_that_nothing_can_end_is_an_error_and_not_a_hang():
    async def work() -> None:
        await asyncio.Event().wait()

    with pytest.raises(NothingLeft):
        play(work())


async def serve(app: web.Application, port: int = 0) -> tuple[web.AppRunner, int]:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner, runner.addresses[0][1]


def test_http_and_websockets_cross_the_network_in_its_time():
    async def hello(request: web.Request) -> web.Response:
        return web.Response(text=f"{request.remote} {request.path}")

    async def echo(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            assert message.type is WSMsgType.TEXT
            await socket.send_str(message.data.upper())
        return socket

    async def work() -> list[object]:
        loop, seen = asyncio.get_running_loop(), []
        app = web.Application()
        app.add_routes([web.get("/hello", hello), web.get("/echo", echo)])
        runner, port = await serve(app, 8765)
        async with ClientSession() as http:
            async with http.get(f"http://127.0.0.1:{port}/hello") as answer:
                seen.append(await answer.text())
            # to dial, to ask, to answer
            seen.append(round(loop.time() - BEGINNING_S, 6))
            async with http.ws_connect(f"ws://127.0.0.1:{port}/echo") as socket:
                await socket.send_str("aiohttp")
                seen.append((await socket.receive()).data)
        async with connect(f"ws://127.0.0.1:{port}/echo") as other:
            await other.send("websockets")
            seen.append(await other.recv())
        await runner.cleanup()
        return seen

    assert play(work(), delay_s=0.25) == ["127.0.0.1 /hello", 0.75, "AIOHTTP", "WEBSOCKETS"]


def test_nobody_listens_means_refused():
    async def work() -> None:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", 1)
        runner, port = await serve(web.Application())
        with pytest.raises(OSError, match="taken"):
            await serve(web.Application(), port)
        await runner.cleanup()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)

    play(work())


class Slow(asyncio.Protocol):
    """A reader that can stop reading; keeps what it got and how it ended."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.ended = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.got.append(data)

    def eof_received(self) -> None:
        self.ended += "eof "

    def connection_lost(self, error: Exception | None) -> None:
        self.ended += "lost"


def test_what_a_reader_leaves_waits_at_the_writer_and_comes_in_order():
    async def work() -> None:
        loop = asyncio.get_running_loop()
        reader = Slow()
        await loop.create_server(lambda: reader, "127.0.0.1", 7)
        writer, _ = await loop.create_connection(Slow, "127.0.0.1", 7)
        reader.transport.pause_reading()  # type: ignore[attr-defined]
        for text in (b"one", b"two", b"three"):
            writer.write(text)
        await asyncio.sleep(1)
        assert (reader.got, writer.get_write_buffer_size()) == ([], 11)
        reader.transport.resume_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(0.1)
        assert (reader.got, writer.get_write_buffer_size()) == ([b"one", b"two", b"three"], 0)
        writer.write(b"four")
        writer.close()
        await asyncio.sleep(1)
        assert (reader.got[-1], reader.ended) == (b"four", "eof lost")

    play(work(), delay_s=0.01)


def test_what_is_on_its_way_is_lost_when_a_connection_is_aborted():
    async def work() -> None:
        loop = asyncio.get_running_loop()
        reader, own = Slow(), Slow()
        await loop.create_server(lambda: reader, "127.0.0.1", 7)
        writer, _ = await loop.create_connection(lambda: own, "127.0.0.1", 7)
        writer.write(b"never seen")
        writer.abort()
        await asyncio.sleep(1)
        assert (reader.got, reader.ended, own.ended) == ([], "eof lost", "lost")

    play(work(), delay_s=0.01)


def test_blocking_calls_take_turns_with_the_loop_and_none_of_its_time():
    seen: list[str] = []

    async def errand(name: str) -> str:
        seen.append(f"{name} asks")
        await asyncio.sleep(1)
        return name

    def block(name: str) -> str:
        seen.append(f"{name} begins")
        answer = jobs.current_job().wait_for(errand(name))
        seen.append(f"{name} ends")
        return answer.upper()

    async def work() -> tuple[list[str], float]:
        results = await asyncio.gather(*(asyncio.to_thread(block, name) for name in "abc"))
        return results, asyncio.get_running_loop().time() - BEGINNING_S

    assert play(work()) == (["A", "B", "C"], 1.0)
    assert seen == [
        *(f"{name} begins" for name in "abc"),
        *(f"{name} asks" for name in "abc"),
        *(f"{name} ends" for name in "abc"),
    ]


def test_a_blocking_call_that_fails_fails_where_it_is_awaited():
    def block() -> None:
        jobs.current_job().wait_for(refuse())

    async def refuse() -> None:
        raise ValueError("no")

    async def work() -> None:
        with pytest.raises(ValueError, match="no"):
            await asyncio.to_thread(block)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.to_thread(jobs.sleep, 10)
        # It ends all the same, when its time has come.
        await asyncio.sleep(10)

    play(work())


def test_outside_a_blocking_call_there_is_nothing_to_wait_with():
    with pytest.raises(RuntimeError, match="blocking call"):
        jobs.current_job()
    jobs.sleep(0.0)
