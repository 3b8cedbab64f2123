"""What the dashboard costs: share of a core under facts, key to paint, first paint, memory.

Run it by hand::

    python -m tests.benchmarks.bench_dashboard [--seconds 5] [--facts 1000000]

Each rate runs in a process of its own, on a scripted engine in the same process, with a headless terminal of 120×36. The
engine's share (making the facts) is measured first, without a dashboard, and taken off. Nothing is asserted: look at the
ratios to the idle dashboard, not at the absolute times.
"""

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from datetime import UTC
from pathlib import Path
from typing import Any

RATES = (0, 100, 1_000, 5_000)
_TURNS = 20
"""Bundles a second in which facts arrive, as they do from a socket."""


def cpu_s() -> float:
    """Return the processor time of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def memory_mb() -> float:
    """Return the resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def feed(engine: Any, rate: float, seconds: float) -> None:
    """Record facts at that rate."""
    from tests.tui.fakes import fill

    n, started = 1_000_000, time.perf_counter()
    engine.facts = engine.facts[-1:]
    while (now := time.perf_counter() - started) < seconds:
        while n - 1_000_000 < rate * now:
            engine.record(fill(n))
            engine.facts = engine.facts[-1:]
            n += 1
        await asyncio.sleep(1 / _TURNS)


async def measure(rate: float, seconds: float) -> dict[str, Any]:
    """Run one dashboard under one rate."""
    from plugtui.tui.app import Dashboard
    from plugtui.tui.options import Options
    from tests.tui.fakes import FakeEngine

    alone = FakeEngine()
    before = cpu_s()
    await feed(alone, rate, min(2.0, seconds))
    making = (cpu_s() - before) / min(2.0, seconds)

    engine = FakeEngine()
    app = Dashboard(engine.open, Options(zone=UTC, theme="dark"))
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause(2.0)
        before, at = cpu_s(), time.perf_counter()
        await feed(engine, rate, seconds)
        share = (cpu_s() - before) / (time.perf_counter() - at) - making
        delays = await key_delays(app, engine, rate)
    return {"rate": rate, "share": share, "p50_ms": delays[0], "p95_ms": delays[1]}


async def key_delays(app: Any, engine: Any, rate: float) -> tuple[float, float]:
    """Press keys under load; return median and 95th percentile of the time until the cursor has moved and its lines are
    marked for the next frame, which is at most 17 ms away."""
    from textual import events

    from plugtui.tui.widgets.lines import LineTable

    table = app.screen.query_one("#algos-table", LineTable)
    app.panes.go(4)
    load = asyncio.get_running_loop().create_task(feed(engine, rate, 60), name="load")
    found: list[float] = []
    for i in range(60):
        await asyncio.sleep(0.037)
        row, at = table.selected, time.perf_counter()
        key = "down" if i % 2 == 0 else "up"
        app.post_message(events.Key(key, None))
        while table.selected is row:  # noqa: ASYNC110 - the point is to notice at the next turn of the loop
            await asyncio.sleep(0)
        found.append((time.perf_counter() - at) * 1000)
    load.cancel()
    return statistics.median(found), statistics.quantiles(found, n=20)[-1]


async def flat(facts: int) -> dict[str, Any]:
    """Apply many facts to a world; return the memory after a tenth and after all."""
    from plugtui.control.messages import Fact
    from plugtui.tui.model.world import World
    from tests.tui.fakes import NOW, fill, order

    world, sizes = World(UTC), []
    began = cpu_s()
    for n in range(facts):
        body = order(n, "rejected", "rejected") if n % 50 == 0 else fill(n)
        world.apply_fact(Fact(seq=n + 1, time_ns=NOW, body=body))
        if n + 1 in (facts // 10, facts):
            sizes.append(memory_mb())
    return {"tenth_mb": sizes[0], "all_mb": sizes[-1], "us_per_fact": (cpu_s() - began) / facts * 1e6}


def in_terminal(rate: float, seconds: float) -> dict[str, float]:
    """Run the dashboard in a pseudo-terminal; return the seconds to the first paint, its share of a core and what it writes.

    The share includes making the facts.
    """
    import psutil

    from tests.tui.terminal_kit import Terminal

    began = time.perf_counter()
    terminal = Terminal(["-m", "tests.tui.fake_dashboard", str(rate)], os.environ, (120, 36))
    try:
        while b"meanrev" not in terminal.seen:
            time.sleep(0.002)
        first = time.perf_counter() - began
        time.sleep(2)
        child = psutil.Process(terminal.process.pid)
        before, written, at = sum(child.cpu_times()[:2]), len(terminal.seen), time.perf_counter()
        time.sleep(seconds)
        spent = time.perf_counter() - at
        share = (sum(child.cpu_times()[:2]) - before) / spent
        return {"first_s": first, "share": share, "kb_s": (len(terminal.seen) - written) / spent / 1000}
    finally:
        terminal.close()


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--facts", type=int, default=1_000_000)
    parser.add_argument("--rate", type=float, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.rate is not None:
        print(json.dumps(asyncio.run(measure(given.rate, given.seconds))))
        return
    rows = []
    for rate in RATES:
        command = [
            sys.executable,
            "-m",
            "tests.benchmarks.bench_dashboard",
            "--rate",
            str(rate),
            "--seconds",
            str(given.seconds),
        ]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        rows.append(json.loads(done.stdout))
    idle = max(rows[0]["share"], 1e-9)
    print(f"{'facts/s':>8} {'of a core':>10} {'× idle':>7} {'key p50':>9} {'key p95':>9}")
    for row in rows:
        print(
            f"{row['rate']:>8,.0f} {row['share']:>9.1%} {row['share'] / idle:>7.1f}"
            f" {row['p50_ms']:>6.1f} ms {row['p95_ms']:>6.1f} ms"
        )
    shown = [in_terminal(rate, given.seconds) for rate in RATES]
    print("in a pseudo-terminal, making the facts included:")
    for rate, of in zip(RATES, shown, strict=True):
        print(f"{rate:>8,.0f} {of['share']:>9.1%} {of['kb_s']:>6.0f} kB/s written")
    print(f"first paint, from the start of Python: {min(of['first_s'] for of in shown):.2f} s (aim 0.8 s)")
    memory = asyncio.run(flat(given.facts))
    print(
        f"memory after {given.facts // 10:,} facts {memory['tenth_mb']:.0f} MB, after {given.facts:,}"
        f" {memory['all_mb']:.0f} MB; {memory['us_per_fact']:.1f} µs a fact, making it included"
    )


if __name__ == "__main__":
    main()
