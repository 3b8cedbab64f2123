"""Background tasks end when their owner does, and their failures are heard of."""

import asyncio

from plugtui import tasks
from plugtui.tasks import Tasks


async def test_a_task_that_loses_its_cancellation_is_cancelled_again(monkeypatch):
    monkeypatch.setattr(tasks, "CANCEL_AGAIN_S", 0.01)
    cancellations = 0

    async def deaf_at_first() -> None:
        nonlocal cancellations
        while cancellations < 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancellations += 1

    owner = Tasks()
    owner.start(deaf_at_first(), "deaf")
    await asyncio.sleep(0)
    await owner.aclose()
    assert cancellations == 2
    assert len(owner) == 0


async def test_a_task_is_given_time_to_tidy_up():
    tidy = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            tidy.set()

    owner = Tasks()
    owner.start(work(), "work")
    await asyncio.sleep(0)
    await owner.aclose()
    assert tidy.is_set()


async def test_a_failure_is_handed_to_the_owner():
    heard = []
    owner = Tasks(lambda name, error: heard.append((name, str(error))))

    async def fail() -> None:
        raise ValueError("broken")

    task = owner.start(fail(), "failing")
    await asyncio.wait([task])
    await asyncio.sleep(0)
    assert heard == [("failing", "broken")]


async def test_closing_without_tasks_is_no_error():
    await Tasks().aclose()
