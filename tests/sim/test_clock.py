"""The simulator's clock."""

import asyncio

import pytest

from plugtui.sim.clock import NS, SimClock


def test_a_still_clock_moves_only_when_it_is_advanced() -> None:
    clock = SimClock(speed=0, start_ns=5)
    assert clock.now_ns() == 5
    assert clock.advance(1.5) == 5 + 1_500_000_000
    assert clock.now_ns() == 5 + 1_500_000_000


async def test_sleepers_of_a_still_clock_wake_when_their_time_has_come() -> None:
    clock = SimClock(speed=0, start_ns=0)
    woken: list[str] = []

    async def wait(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(name)

    async with asyncio.TaskGroup() as group:
        group.create_task(wait("second", 2))
        group.create_task(wait("first", 1))
        await asyncio.sleep(0)
        clock.advance(1)
        for _ in range(3):
            await asyncio.sleep(0)
        assert woken == ["first"]
        clock.advance(1)
    assert woken == ["first", "second"]


def test_a_fast_clock_runs_ahead_of_real_time() -> None:
    clock = SimClock(speed=1_000_000, start_ns=0)
    while clock.now_ns() < NS:
        pass
    assert clock.now_ns() >= NS


async def test_sleep_on_a_fast_clock_takes_a_fraction_of_the_time() -> None:
    clock = SimClock(speed=100_000, start_ns=0)
    await asyncio.wait_for(clock.sleep(600), timeout=30)
    assert clock.now_ns() >= 600 * NS


def test_time_cannot_run_backwards() -> None:
    with pytest.raises(ValueError, match="expected 0 or more"):
        SimClock(speed=-1)
