"""Does a dashboard slow the algorithms down? Latency over the gateway with none, one that is open, and one that is stalled.

Run it by hand::

    python -m tests.benchmarks.bench_beside [--seconds 8]

The exchange simulator, the engine, the dashboard (in a pseudo-terminal) and this measuring client are processes of their own.
Latency is arrival here minus the time in the message, so it contains the simulator's own delay: compare the lines with
each other. Nothing is asserted.
"""

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

import msgspec
from websockets.client import connect

from plugtui.engine.supervisor import EngineInfo, start_engine
from plugtui.paths import Paths
from plugtui.wire.times import rfc3339_to_ns
from tests.tui.terminal_kit import Terminal


@contextlib.contextmanager
def exchange() -> Iterator[dict[str, object]]:
    """Run the simulator in a process of its own."""
    command = [sys.executable, "-m", "plugtui", "sim", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            yield json.loads(child.stdout.readline())
        finally:
            child.terminate()


async def latencies(info: EngineInfo, key_id: str, secret: str, seconds: float) -> list[float]:
    """Receive everything and return the latency of each message in milliseconds."""
    found: list[float] = []
    async with connect(info.url.replace("http", "ws") + "/v2/iex", max_queue=None) as socket:
        for request in (
            {"action": "auth", "key": key_id, "secret": secret},
            {"action": "subscribe", "trades": ["*"], "quotes": ["*"]},
        ):
            await socket.send(json.dumps(request))
        end = time.monotonic() + 1 + seconds
        while time.monotonic() < end:
            data = await socket.recv()
            now = time.time_ns()
            if time.monotonic() < end - seconds:
                continue
            found += [(now - rfc3339_to_ns(m["t"])) / 1e6 for m in msgspec.json.decode(data) if "t" in m]
    return found


def show(name: str, found: list[float], base: float | None) -> float:
    """Print a line; return the 99th percentile."""
    cuts = statistics.quantiles(found, n=100)
    ratio = f"{cuts[98] / base:>8.2f}" if base else f"{'':>8}"
    print(f"{name:<22} {len(found):>9,} {cuts[49]:>8.2f} ms {cuts[98]:>8.2f} ms {ratio}", flush=True)
    return cuts[98]


async def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=8.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, exchange() as sim:
        account = sim["accounts"][0]  # type: ignore[index]
        url = str(sim["url"])
        os.environ |= {
            "PLUGTUI_HOME": home, "PLUGTUI_GATEWAY_PORT": "0", "APCA_API_KEY_ID": account["key_id"],
            "APCA_API_SECRET_KEY": account["secret_key"], "APCA_API_BASE_URL": url, "APCA_API_DATA_URL": url,
            "APCA_API_STREAM_URL": url,
        }  # fmt: skip
        engine = await start_engine(Paths())
        terminal: Terminal | None = None
        print(f"{'dashboard':<22} {'messages':>9} {'p50':>11} {'p99':>11} {'× closed':>8}")
        base: float | None = None
        try:
            for name in ("closed", "open", "stalled", "closed again"):
                if name == "open":
                    terminal = Terminal(["-m", "plugtui"], os.environ, (120, 36))
                    await asyncio.sleep(3)
                elif name == "stalled" and terminal:
                    terminal.stall()
                elif terminal:
                    terminal.close()
                found = await latencies(engine.info, account["key_id"], account["secret_key"], given.seconds)
                p99 = show(name, found, base)
                base = base or p99
        finally:
            if terminal:
                terminal.close()
            await engine.stop()


if __name__ == "__main__":
    asyncio.run(main())
