"""A program for the terminal tests: the dashboard on the scripted engine, flooded with executions."""

import asyncio
import logging
import sys
from datetime import UTC

from plugtui.tasks import Tasks
from plugtui.tui.options import Options
from plugtui.tui.run import run_dashboard
from tests.tui.fakes import FakeEngine, fill


async def main(rate: float, crash: bool) -> int:
    """Show the dashboard; print the outcome when it has been left."""
    engine = FakeEngine()

    async def flood() -> None:
        n = 1000
        while rate:
            engine.record(fill(n))
            n += 1
            await asyncio.sleep(1 / rate)

    if crash:
        engine.answers["performance"] = broken
    tasks = Tasks()
    tasks.start(flood(), "flood")
    outcome = await run_dashboard(engine.open, Options(zone=UTC, theme="dark"))
    await tasks.aclose()
    print(outcome)
    return 1 if outcome.crashed else 0


def broken(args: dict[str, object]) -> object:
    """Fail in a way that nobody expects, with something secret at hand."""
    key = "".join(["TOP", "SECRET", "VALUE"])
    raise RuntimeError(f"{len(key)} characters")


logging.getLogger().addHandler(logging.NullHandler())
sys.exit(asyncio.run(main(float(sys.argv[1]), "crash" in sys.argv)))
