"""The demo without a screen: run for a while, then say what was counted."""

import asyncio
import contextlib
import urllib.request
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec

from plugtui.control.client import ControlClient
from plugtui.control.messages import Snapshot
from plugtui.demo.tally import Execution, Tally
from plugtui.demo.world import TRADERS, DemoOptions, DemoWorld, settled
from plugtui.errors import ControlError, PlugtuiError
from plugtui.tasks import Tasks

_LOOK_EVERY_S = 0.05
_SETTLE_S = 5.0
_PROGRESS_EVERY_S = 5.0


async def run_headless(
    options: DemoOptions,
    seconds: float | None,
    stop: asyncio.Event,
    clock: Callable[[], float],
    progress: Callable[[str], None],
) -> dict[str, Any]:
    """Run the demo, and return its JSON object.

    Args:
        options: seed and size.
        seconds: how long it runs from when everything was started; ``None``: until ``stop``.
        stop: set when the user has had enough.
        clock: seconds since the command was given.
        progress: takes a line for people now and then.

    Raises:
        PlugtuiError: something did not start or ended by itself.
        CancelledError: ``stop`` was set before everything was started.
    """
    async with contextlib.AsyncExitStack() as stack:
        async with _cancelled_by(stop):
            world = await stack.enter_async_context(DemoWorld(options, progress))
            tally = await stack.enter_async_context(_following(world))
        alive_s = await _run(world, tally, seconds, stop, clock, progress)
        # Nothing may be under way when ledger and exchange are compared.
        await world.stop_programs()

        async def agreed() -> bool:
            tally.observe(await _picture(world))
            return tally.counters_agree() and tally.agrees_with(await asyncio.to_thread(_book, world))

        consistent = await settled(agreed, _SETTLE_S)
        for fill in tally.unattributed():
            progress(f"of no algorithm: {fill}")
        return tally.report(seconds=round(clock(), 1), alive_s=alive_s, consistent=consistent)


async def _run(
    world: DemoWorld,
    tally: Tally,
    seconds: float | None,
    stop: asyncio.Event,
    clock: Callable[[], float],
    progress: Callable[[str], None],
) -> float | None:
    """Let it run; return after how many seconds everything was alive, ``None`` when it never was."""
    started = clock()
    alive_s: float | None = None
    told = started
    while not stop.is_set() and (seconds is None or clock() - started < seconds):
        if alive_s is None and tally.alive(len(world.algorithms), len(TRADERS)):
            alive_s = round(clock(), 2)
            progress(f"everything is alive after {alive_s:.1f} s; gateway {world.engine.info.url}")
        if problem := world.ended_early():
            raise PlugtuiError("a program of the demo ended by itself", problem)
        if clock() - told >= _PROGRESS_EVERY_S:
            told = clock()
            progress(_line(tally, told))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _LOOK_EVERY_S)
    return alive_s


def _line(tally: Tally, at_s: float) -> str:
    equity = f"{tally.account.equity:,.2f}" if tally.account else "–"
    deliveries = tally.engine.deliveries if tally.engine else 0
    return f"{at_s:4.0f} s  {len(tally.orders)} orders  {len(tally.fills)} fills  {deliveries:,} deliveries  equity {equity}"


@contextlib.asynccontextmanager
async def _following(world: DemoWorld) -> AsyncIterator[Tally]:
    """Keep a tally of what the engine's control link says."""
    tally = Tally()
    tasks = Tasks()
    async with ControlClient(world.engine.info.url, world.engine.info.token) as control:
        tally.observe(await control.connect())

        async def follow() -> None:
            async for message in control:
                tally.observe(message)
            raise ControlError("the control link broke: what follows is not counted", control.close_reason)

        tasks.start(follow(), "demo-tally")
        try:
            yield tally
        finally:
            await tasks.aclose()


@contextlib.asynccontextmanager
async def _cancelled_by(stop: asyncio.Event) -> AsyncIterator[None]:
    """Cancel the body when ``stop`` is set meanwhile: a start can be broken off at any moment."""
    body = asyncio.current_task()
    tasks = Tasks()

    async def watch() -> None:
        await stop.wait()
        if body is not None:
            body.cancel()

    tasks.start(watch(), "demo-start")
    try:
        yield
    finally:
        await tasks.aclose()


async def _picture(world: DemoWorld) -> Snapshot:
    """Return the engine's states of this moment, not those of its last turn."""
    async with ControlClient(world.engine.info.url, world.engine.info.token) as control:
        return await control.connect(states=False)


def _book(world: DemoWorld) -> list[Execution]:
    """Return the exchange's own list of the account's executions."""
    url = f"{world.exchange.url}/sim/executions?account=demo"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return msgspec.json.decode(answer.read(), type=list[Execution])
