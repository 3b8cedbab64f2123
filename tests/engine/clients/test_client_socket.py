"""When a local client counts as slow, and when it does not."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from plugtui.config import SlowClientSettings
from plugtui.engine.clients.client_socket import ClientSocket

LIMITS = SlowClientSettings(soft_bytes=1_000, hard_bytes=10_000, stall_s=5.0)


class Transport:
    """A transport whose client reads when told."""

    def __init__(self) -> None:
        self.waiting = 0
        self.ended = False

    def get_extra_info(self, name: str) -> None:
        return None

    def write(self, data: bytes) -> None:
        self.waiting += len(data)

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def close(self) -> None:
        self.ended = True

    abort = close


class Loop:
    """A clock that goes when told, and forgets what is to be called later."""

    def __init__(self) -> None:
        self.now = 100.0

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, action: Any) -> None:
        """Nothing is called."""


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    loop = Loop()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: loop)
    return loop


def client() -> tuple[ClientSocket, Transport]:
    transport = Transport()
    request: Any = SimpleNamespace(transport=transport)
    return ClientSocket(request, "/v2/iex", LIMITS, binary=False, farewell=b"slow"), transport


def look(socket: ClientSocket, loop: Loop, seconds: float, every_s: float = 0.5) -> None:
    for _ in range(int(seconds / every_s)):
        loop.now += every_s
        socket.check_progress()


def test_a_client_that_reads_nothing_for_the_stall_time_is_cut(loop: Loop) -> None:
    socket, _ = client()
    socket.write(b"x" * 100, 1)
    look(socket, loop, 5.0)
    assert not socket.closing
    look(socket, loop, 1.5)
    assert socket.left_reason == "slow client"


def test_a_client_that_reads_a_little_stays(loop: Loop) -> None:
    socket, transport = client()
    for _ in range(20):
        socket.write(b"x" * 100, 1)
        look(socket, loop, 2.0)
        transport.waiting -= 90
    assert not socket.closing


def test_a_client_that_only_asks_and_never_reads_is_cut_for_the_stall(loop: Loop) -> None:
    socket, _ = client()
    for _ in range(12):
        socket.send(b"answer")
        look(socket, loop, 0.5)
    assert socket.left_reason == "slow client"


def test_answers_count_towards_the_hard_limit(loop: Loop) -> None:
    socket, transport = client()
    for _ in range(100_000):
        socket.send(b"answer")
    assert socket.left_reason == "slow client"
    assert transport.waiting < LIMITS.hard_bytes + 100


def test_pongs_that_wait_beside_our_frames_are_no_progress(loop: Loop) -> None:
    socket, transport = client()
    socket.write(b"x" * 100, 1)
    for _ in range(12):
        transport.waiting += 10  # the HTTP server writes these by itself
        look(socket, loop, 0.5)
    assert socket.left_reason == "slow client"


def test_a_stopped_engine_does_not_blame_its_clients(loop: Loop) -> None:
    socket, transport = client()
    socket.write(b"x" * 100, 1)
    look(socket, loop, 1.0)
    loop.now += 3_600.0
    socket.check_progress()
    assert not socket.closing
    transport.waiting = 0
    look(socket, loop, 10.0)
    assert not socket.closing
