"""What the dashboard costs: share of a core under facts, key to paint, first paint, memory.

Run it by hand::

    python -m tests.benchmarks.bench_dashboard [--seconds 10] [--facts 1000000]

The facts come over the real control link from a process of their own (``fact_source``). The share of a core is that of
``plugtui attach`` in a pseudo-terminal of 120×36, read by nobody who looks; the delay of keys is measured on the same app with
a headless terminal. Nothing is asserted: look at the ratios to the idle dashboard, not at the absolute times. With
``--profile RATE`` it prints instead where the time goes.
"""

import argparse
import asyncio
import contextlib
import cProfile
import json
import os
import pstats
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import psutil

from plugtui.control.client import ControlClient
from plugtui.secrets import Secret
from tests.tui.terminal_kit import Terminal

RATES = (0, 100, 1_000, 5_000)
_SIZE = (120, 36)
_WARM_UP_S = 3.0


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def spent_s(pid: int) -> float:
    """Return the processor time of a process so far."""
    return sum(psutil.Process(pid).cpu_times()[:2])


@contextlib.contextmanager
def facts_at(rate: float) -> Iterator[tuple[str, str]]:
    """Run a source of facts; yield its address and token."""
    command = [sys.executable, "-m", "tests.benchmarks.fact_source", str(rate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            ready = json.loads(child.stdout.readline())
            yield ready["url"], ready["token"]
        finally:
            child.terminate()


def in_terminal(rate: float, seconds: float) -> dict[str, float]:
    """Run ``plugtui attach`` in a pseudo-terminal; return what it costs there."""
    with facts_at(rate) as (url, token), tempfile.TemporaryDirectory() as home:
        began = time.perf_counter()
        environ = {**os.environ, "PLUGTUI_HOME": home, "PLUGTUI_TOKEN": token}
        terminal = Terminal(["-m", "plugtui", "attach", url], environ, _SIZE)
        pid = terminal.process.pid
        try:
            while b"meanrev" not in terminal.seen:
                time.sleep(0.002)
            first = time.perf_counter() - began
            time.sleep(_WARM_UP_S)
            before, written, at, small = spent_s(pid), len(terminal.seen), time.perf_counter(), memory_mb(pid)
            time.sleep(seconds)
            spent = time.perf_counter() - at
            return {
                "first_s": first,
                "share": (spent_s(pid) - before) / spent,
                "kb_s": (len(terminal.seen) - written) / spent / 1000,
                "mb_before": small,
                "mb": memory_mb(pid),
            }
        finally:
            terminal.close()


@contextlib.asynccontextmanager
async def headless(url: str, token: str) -> AsyncIterator[tuple[Any, Any]]:
    """Run the app on the link with a headless terminal."""
    from plugtui.tui.app import Dashboard
    from plugtui.tui.options import Options

    async def open_link() -> ControlClient:
        return ControlClient(url, Secret(token))

    app = Dashboard(open_link, Options(zone=UTC, theme="dark"))
    async with app.run_test(size=_SIZE) as pilot:
        await pilot.pause(_WARM_UP_S)
        yield app, pilot


async def key_delays(rate: float, presses: int = 200) -> tuple[float, float]:
    """Press keys under load; return median and 95th percentile of the milliseconds until the cursor has moved and its lines
    are marked for the next frame, which is at most 17 ms away."""
    from textual import events

    from plugtui.tui.widgets.lines import LineTable

    found: list[float] = []
    with facts_at(rate) as (url, token):
        async with headless(url, token) as (app, _):
            table = app.screen.query_one("#algos-table", LineTable)
            app.panes.go(4)
            for i in range(presses):
                await asyncio.sleep(0.037)
                row, at = table.selected, time.perf_counter()
                app.post_message(events.Key("down" if i % 2 == 0 else "up", None))
                while table.selected is row:  # noqa: ASYNC110 - the point is to notice at the next turn of the loop
                    await asyncio.sleep(0)
                found.append((time.perf_counter() - at) * 1000)
    return statistics.median(found), statistics.quantiles(found, n=20)[-1]


async def profile(rate: float, seconds: float) -> None:
    """Print where the dashboard's time goes."""
    with facts_at(rate) as (url, token):
        async with headless(url, token) as (_, pilot):
            profiler = cProfile.Profile()
            profiler.enable()
            await pilot.pause(seconds)
            profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(45)


def flat(facts: int) -> dict[str, Any]:
    """Apply many facts to a world; return the memory after a tenth and after all."""
    from plugtui.control.messages import Fact
    from plugtui.tui.model.world import World
    from tests.tui.fakes import NOW, fill, order

    world, sizes, spent = World(UTC), [], 0.0
    for start in range(0, facts, 100):
        made = [
            Fact(seq=n + 1, time_ns=NOW, body=order(n, "rejected", "rejected") if n % 50 == 0 else fill(n))
            for n in range(start, start + 100)
        ]
        began = time.process_time()
        world.apply_facts(made)
        spent += time.process_time() - began
        if start + 100 in (facts // 10, facts):
            sizes.append(memory_mb(os.getpid()))
    return {"tenth_mb": sizes[0], "all_mb": sizes[-1], "us_per_fact": spent / facts * 1e6}


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--facts", type=int, default=1_000_000)
    parser.add_argument("--profile", type=float, metavar="RATE", help="print where the time goes at this rate")
    parser.add_argument("--keys", type=float, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.profile is not None:
        asyncio.run(profile(given.profile, given.seconds))
        return
    if given.keys is not None:
        print(json.dumps(asyncio.run(key_delays(given.keys))))
        return
    print(f"{'facts/s':>8} {'of a core':>10} {'written':>10} {'memory':>18} {'key p50':>9} {'key p95':>9} {'first':>7}")
    for rate in RATES:
        of = in_terminal(rate, given.seconds)
        command = [sys.executable, "-m", "tests.benchmarks.bench_dashboard", "--keys", str(rate)]
        p50, p95 = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(
            f"{rate:>8,.0f} {of['share']:>10.1%} {of['kb_s']:>5.0f} kB/s {of['mb_before']:>6.0f} to {of['mb']:>4.0f} MB"
            f" {p50:>6.1f} ms {p95:>6.1f} ms {of['first_s']:>5.2f} s",
            flush=True,
        )
    memory = flat(given.facts)
    print(
        f"a world after {given.facts // 10:,} facts {memory['tenth_mb']:.0f} MB, after {given.facts:,}"
        f" {memory['all_mb']:.0f} MB; {memory['us_per_fact']:.1f} µs a fact"
    )


if __name__ == "__main__":
    main()
