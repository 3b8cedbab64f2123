"""Deliveries and latency of the gateway, beside a ``websockets.broadcast`` relay and one that looks at nothing.

``python -m tests.benchmarks.bench_gateway [--quick]`` prints one table. Every relay is a process of its own, the gateway
``plugtui serve`` with its ledger, limits and counters, against the same feeder and the same clients; ratios are to be trusted,
absolute figures depend on the machine. Sends over loopback only, and ends by itself.
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
from urllib.request import Request, urlopen

import psutil

from tests.benchmarks.wire_peer import Feeder, connect, quiet_environment, symbols

KEY = ("PKBENCHMARK", "benchmark-secret")
RELAYS = ("plugtui", "broadcast", "blind")


@contextlib.contextmanager
def process(*arguments: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a program; yield it with the first line that it prints."""
    child = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, text=True, env=quiet_environment(**environment)
    )
    assert child.stdout is not None
    try:
        yield child, child.stdout.readline().strip()
    finally:
        child.terminate()
        child.wait(15)
        child.stdout.close()


@contextlib.contextmanager
def relay(kind: str, feeder_url: str, trading_url: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run one of the relays; yield it with its URL."""
    if kind != "plugtui":
        with process("-m", "tests.benchmarks.relays", kind, feeder_url) as (child, port):
            yield child, f"http://127.0.0.1:{port}"
        return
    with tempfile.TemporaryDirectory() as home:
        environment = {
            "PLUGTUI_HOME": home,
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            "APCA_API_KEY_ID": KEY[0],
            "APCA_API_SECRET_KEY": KEY[1],
            "APCA_API_BASE_URL": trading_url,
            "APCA_API_DATA_URL": trading_url,
            "APCA_API_STREAM_URL": feeder_url.replace("http", "ws"),
        }
        with process("-m", "plugtui", "serve", "--port", "0", "--json", "--quiet", **environment) as (child, line):
            yield child, json.loads(line)["gateway"]


def feeder_process(names: int, total: int, rate: float) -> contextlib.AbstractContextManager[tuple[object, str]]:
    """Run the feeder in a process of its own; it sends when it is told to go."""
    return process("-m", "tests.benchmarks.bench_gateway", "--feeder", str(names), str(total), str(rate))


async def run_feeder(names: int, total: int, rate: float) -> None:
    """Serve as the feeder until ended."""
    print(await Feeder(symbols(names), total, rate, asyncio.Event()).serve(), flush=True)
    await asyncio.Event().wait()


async def measure(
    kind: str, clients: int, partial: bool, total: int, rate: float, trading_url: str
) -> dict[str, float]:
    """Return deliveries a second, lags and the relay's memory for one case."""
    names = symbols(500 if partial else 100)
    with feeder_process(len(names), total, rate) as (_, port):
        feeder_url = f"http://127.0.0.1:{port}"
        with relay(kind, feeder_url, trading_url) as (child, url):
            wanted = [names[(n * 40) % 400 :][:100] if partial else names for n in range(clients)]
            readers = [await connect(url, KEY, mine, timed=bool(rate)) for mine in wanted]
            begin = time.monotonic()
            await asyncio.to_thread(urlopen, Request(f"{feeder_url}/go", method="POST"))
            await _until_quiet(readers, total / rate if rate else 0.0)
            memory = psutil.Process(child.pid).memory_info().rss / 2**20
            for reader in readers:
                reader.transport.close()
    seconds = max(reader.last_at for reader in readers) - begin
    lags = sorted(lag for reader in readers for lag in reader.lags_ms)
    figures = {"deliveries": float(sum(r.messages for r in readers)), "seconds": seconds, "memory": memory}
    if lags:
        figures |= {"p50": lags[len(lags) // 2], "p99": lags[int(len(lags) * 0.99)]}
    return figures


async def _until_quiet(readers: list[object], at_least_s: float) -> None:
    """Wait until nothing has arrived for a while."""
    await asyncio.sleep(at_least_s)
    before = -1
    while (now := sum(reader.messages for reader in readers)) != before:  # type: ignore[attr-defined]
        before = now
        await asyncio.sleep(0.5)


async def compare(quick: bool) -> None:
    """Print the table."""
    scale = 4 if quick else 1
    cases = [
        ("10 clients, all of 100 symbols", 10, False, 2_000_000 // scale, {"broadcast": 20}),
        ("10 clients, 100 of 500 symbols each", 10, True, 1_000_000 // scale, {"broadcast": 10}),
        ("100 clients, all of 100 symbols", 100, False, 400_000 // scale, {"broadcast": 20}),
        ("100 clients, 100 of 500 symbols each", 100, True, 200_000 // scale, {"broadcast": 10}),
    ]
    with process("-m", "plugtui", "sim", "--port", "0", "--rate", "1", "--json") as (_, line):
        trading_url = json.loads(line)["url"]
        print(
            f"{'deliveries a second':40}"
            + "".join(f"{kind:>14}" for kind in RELAYS)
            + f"{'to broadcast':>14}{'to blind':>10}{'MiB':>8}"
        )
        for title, clients, partial, total, less in cases:
            found = {
                kind: await measure(kind, clients, partial, total // less.get(kind, 1), 0.0, trading_url)
                for kind in RELAYS
            }
            rates = {kind: f["deliveries"] / f["seconds"] for kind, f in found.items()}
            shown = "".join(f"{rates[kind] / 1e6:12.2f} M" for kind in RELAYS)
            ratios = f"{rates['plugtui'] / rates['broadcast']:13.1f}x{rates['plugtui'] / rates['blind']:9.2f}x"
            print(f"{title:40}{shown}{ratios}{found['plugtui']['memory']:8.0f}", flush=True)
        print(f"\n{'latency at 1,000 messages a second':40}{'p50':>10}{'p99':>10}")
        total = 3_000 if quick else 10_000
        for clients in (10, 100):
            for kind in RELAYS:
                rounds = [
                    await measure(kind, clients, False, total, 1_000.0, trading_url) for _ in range(1 if quick else 3)
                ]
                p50, p99 = (statistics.median(r[p] for r in rounds) for p in ("p50", "p99"))
                print(f"{f'{kind}, {clients} clients':40}{p50:8.2f} ms{p99:7.2f} ms", flush=True)


def main() -> None:
    """Run a role or the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a quarter of the messages")
    parser.add_argument("--feeder", nargs=3, metavar=("SYMBOLS", "TOTAL", "RATE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.feeder:
        names, total, rate = options.feeder
        asyncio.run(run_feeder(int(names), int(total), float(rate)))
    else:
        os.environ.pop("PYTHONDEVMODE", None)
        asyncio.run(compare(options.quick))


if __name__ == "__main__":
    main()
