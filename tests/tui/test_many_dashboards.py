"""Several dashboards on one engine, over the real control link: each has its own place, and none disturbs another."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from datetime import UTC
from pathlib import Path

import pytest

from plugtui.control.client import ControlClient
from plugtui.engine import control
from plugtui.tui.link import Follower
from plugtui.tui.model.world import World
from tests.engine.control_kit import TOKEN, Link, control_link
from tests.support import cancelled_at_end, eventually


@pytest.fixture
async def link(tmp_path: Path) -> AsyncIterator[Link]:
    async with control_link(tmp_path) as link:
        yield link


class Reader:
    """A dashboard without a screen, that remembers how often it had to connect."""

    def __init__(self, link: Link) -> None:
        self.world = World(UTC)
        self._url = link.url
        self.clients: list[ControlClient] = []
        self.follower = Follower(self.open, self.world, now_ns=time.time_ns, first_pause_s=0.01)

    async def open(self) -> ControlClient:
        self.clients.append(ControlClient(self._url, TOKEN))
        return self.clients[-1]

    @property
    def texts(self) -> list[str]:
        """What it was told, oldest first; its own remarks left out."""
        return [row.text for row in self.world.events.table.rows() if row.kind == "notice"]

    def transport(self) -> asyncio.Transport:
        socket = self.clients[-1]._socket
        assert socket is not None
        transport = socket.transport
        assert isinstance(transport, asyncio.Transport)
        return transport


@contextlib.asynccontextmanager
async def three(link: Link) -> AsyncIterator[list[Reader]]:
    readers = [Reader(link) for _ in range(3)]
    async with contextlib.AsyncExitStack() as stack:
        for reader in readers:
            await stack.enter_async_context(cancelled_at_end(reader.follower.run()))
        await eventually(lambda: link.server.dashboards == 3)
        yield readers


async def test_three_dashboards_are_told_the_same_and_one_that_is_cut_resumes_alone(link: Link) -> None:
    await link.tell("before")
    async with three(link) as readers:
        for number in range(60):
            await link.tell(f"{number}a", f"{number}b")
            if number % 20 == 10:
                dialled = len(readers[1].clients)
                readers[1].transport().abort()
                await eventually(lambda n=dialled: len(readers[1].clients) > n and readers[1].follower.connected)
        expected = ["before", *(f"{number}{letter}" for number in range(60) for letter in "ab")]
        await eventually(lambda: all(reader.texts == expected for reader in readers))
        assert [len(reader.clients) for reader in readers] == [1, 4, 1]
        assert all(reader.world.seq == link.facts.seq for reader in readers)


async def test_a_stalled_dashboard_is_cut_off_and_resumes_while_the_others_hear_everything_at_once(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "STALL_S", 0.3)
    async with three(link) as readers:
        stalled = readers[0]
        stalled.transport().pause_reading()
        told = 0
        big = "x" * 50_000
        while link.server.dashboards == 3:
            await link.tell(*(f"{told + n} {big}" for n in range(10)))
            told += 10
            assert told < 3_000
            await eventually(lambda wanted=told: all(len(reader.texts) == wanted for reader in readers[1:]))
        stalled.transport().resume_reading()
        await eventually(lambda: len(stalled.texts) == told)
        numbers = [int(text.split()[0]) for text in stalled.texts]
        assert numbers == list(range(told))
        assert [len(reader.clients) for reader in readers[1:]] == [1, 1]


async def test_one_that_falls_too_far_behind_is_asked_to_dial_again_and_misses_nothing(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "MAX_BEHIND", 50)
    async with three(link) as readers:
        await link.tell(*(str(number) for number in range(400)))
        expected = [str(number) for number in range(400)]
        await eventually(lambda: all(reader.texts == expected for reader in readers))
        assert all(len(reader.clients) == 2 for reader in readers)
