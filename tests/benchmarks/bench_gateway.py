"""Deliveries and latency of the gateway, beside a ``websockets.broadcast`` relay and one that looks at nothing.

``python -m tests.benchmarks.bench_gateway [--quick]`` prints one table. Every relay is a process of its own, the gateway
``plugtui serve`` with its ledger, limits and counters, against the same feeder and the same clients; ratios are to be trusted,
absolute figures depend on the machine. Sends over loopback only, and ends by itself.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator

import psutil

from tests.benchmarks.wire_peer import CountingClient, Feeder, connect, quiet_environment, symbols

KEY = ("PKBENCHMARK", "benchmark-secret")
RELAYS = ("plugtui", "broadcast", "blind")


@contextlib.asynccontextmanager
async def process(*arguments: str, **environment: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Run a program; yield it with the first line that it prints."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=asyncio.subprocess.PIPE, env=quiet_environment(**environment)
    )
    assert child.stdout is not None
    try:
        yield child, (await child.stdout.readline()).decode().strip()
    finally:
        child.terminate()
        await child.wait()


@contextlib.asynccontextmanager
async def relay(kind: str, feeder_url: str, trading_url: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Run one of the relays; yield it with its URL."""
    if kind != "plugtui":
        async with process("-m", "tests.benchmarks.relays", kind, feeder_url) as (child, port):
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
        async with process("-m", "plugtui", "serve", "--port", "0", "--json", "--quiet", **environment) as (
            child,
            line,
        ):
            yield child, json.loads(line)["gateway"]


WINDOW = 20_000
"""Messages on their way to each client: enough to keep every process busy, far below the limit of a slow client."""


async def measure(
    kind: str, clients: int, partial: bool, total: int, rate: float, trading_url: str
) -> dict[str, float]:
    """Return deliveries a second, lags and the relay's memory for one case; the feeder and the clients run in this process."""
    names = symbols(500 if partial else 100)
    wanted = [names[(n * 40) % 400 :][:100] if partial else names for n in range(clients)]
    each = clients if kind == "blind" else sum(map(len, wanted)) / len(names)
    readers: list[CountingClient] = []
    feeder = Feeder(names, total, rate, lambda sent: WINDOW - sent + int(sum(r.messages for r in readers) / each))
    port = await feeder.serve()
    async with relay(kind, f"http://127.0.0.1:{port}", trading_url) as (child, url):
        readers += [await connect(url, KEY, mine, timed=bool(rate)) for mine in wanted]
        begin = time.monotonic()
        feeder.ready.set()
        async with asyncio.timeout(120):
            while sum(reader.messages for reader in readers) < total * each:  # noqa: ASYNC110 - clients only count
                await asyncio.sleep(0.01)
        seconds = max(reader.last_at for reader in readers) - begin
        memory = psutil.Process(child.pid).memory_info().rss / 2**20
        for reader in readers:
            reader.transport.close()
    await feeder.close()
    lags = sorted(lag for reader in readers for lag in reader.lags_ms)
    figures = {"deliveries": total * each, "seconds": seconds, "memory": memory}
    if lags:
        figures |= {"p50": lags[len(lags) // 2], "p99": lags[int(len(lags) * 0.99)]}
    return figures


async def compare(quick: bool) -> None:
    """Print the table."""
    scale = 4 if quick else 1
    cases = [
        ("10 clients, all of 100 symbols", 10, False, 2_000_000 // scale, {"broadcast": 20}),
        ("10 clients, 100 of 500 symbols each", 10, True, 1_000_000 // scale, {"broadcast": 10}),
        ("100 clients, all of 100 symbols", 100, False, 400_000 // scale, {"broadcast": 20}),
        ("100 clients, 100 of 500 symbols each", 100, True, 200_000 // scale, {"broadcast": 10}),
    ]
    async with process("-m", "plugtui", "sim", "--port", "0", "--rate", "1", "--json") as (_, line):
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
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a quarter of the messages")
    asyncio.run(compare(parser.parse_args().quick))


if __name__ == "__main__":
    main()
