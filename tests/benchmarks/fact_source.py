"""A process with the real control link on a port of its own, and a script that makes facts and states at a given rate.

Everything between the ledger's facts and the dashboard is the engine's own: the numbered log in its database, the server, the
messages. Only what happens is made up. It prints one line of JSON with ``url`` and ``token`` when it is ready, and makes facts
from then on until it is ended::

    python -m tests.benchmarks.fact_source RATE
"""

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from plugtui.engine.control import Commands
from plugtui.engine.facts import FactLog
from tests.engine.control_kit import TOKEN, States, control_link
from tests.tui import fakes

BUNDLES = 100
"""Times a second at which facts are committed, as many as are due: about as often as the account's worker gets its turn."""


class Anything(msgspec.Struct, frozen=True):
    """Arguments of a command that is answered whatever they are."""

    window: str = "1M"


def scripted(states: States) -> None:
    """Give the states of a busy day."""
    states.of_engine = fakes.engine(started_ns=time.time_ns())
    states.of_streams = [fakes.stream("data iex"), fakes.stream("account", lag_ms=None)]
    states.of_account = fakes.account(as_of_ns=time.time_ns())
    states.of_algos = [fakes.algo(name) for name in fakes.ALGOS]
    states.of_traders = [fakes.trader("northstar"), fakes.trader("riverbend")]


def offer(commands: Commands) -> None:
    """Answer what the dashboard asks by itself."""
    answers = fakes.FakeEngine(empty=False).answers
    for name in ("performance", "fills"):

        async def answer(args: Anything, name: str = name) -> Any:
            return answers[name]({"window": args.window}) if name in answers else {}

        commands.add(name, Anything, answer)


def wiggle(states: States, tick: int) -> None:
    """Change what changes ten times a second in an engine at work."""
    replace = msgspec.structs.replace
    states.of_algos = [
        replace(algo, rate=algo.rate + tick % 7, messages=algo.messages + 100, lag_ms=0.4 + tick % 3 / 10)
        for algo in states.of_algos
    ]
    states.of_streams = [
        replace(one, messages=one.messages + 150, lag_ms=0.4 + tick % 5 / 10) for one in states.of_streams
    ]
    if tick % 10 == 0:
        states.of_account = fakes.account(as_of_ns=time.time_ns())


async def make(facts: FactLog, states: States, rate: float) -> None:
    """Commit facts at that rate, and change the states."""
    started, made, tick = time.perf_counter(), 0, 0
    while True:
        at = time.perf_counter() - started
        due = int(rate * at) - made
        now_ns = time.time_ns()
        if due:
            await facts.record(*(fakes.fill(made + n, time_ns=now_ns) for n in range(due)), time_ns=now_ns)
            made += due
        if at * 10 > tick:
            tick += 1
            wiggle(states, tick)
        await asyncio.sleep(1 / BUNDLES)


async def main(rate: float) -> None:
    """Serve until ended."""
    with tempfile.TemporaryDirectory() as folder:
        async with control_link(Path(folder)) as link:
            scripted(link.states)
            offer(link.commands)
            for n in range(200):
                await link.facts.record(fakes.fill(1_000_000 + n, time_ns=time.time_ns()), time_ns=time.time_ns())
            print(json.dumps({"url": link.url.rstrip("/"), "token": TOKEN.reveal()}), flush=True)
            await make(link.facts, link.states, rate)


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
