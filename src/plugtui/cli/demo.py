"""``plugtui demo``: everything at work on a built-in exchange."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from typing import Any

import click

from plugtui.cli.options import json_option

_STARTED = time.monotonic()


@click.command()
@click.option("--headless", is_flag=True, help="Without the dashboard: run, then print what was counted.")
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    metavar="N",
    help="Headless: end after N seconds (else: Ctrl-C).",
)
@click.option(
    "--seed", type=int, default=1, show_default=True, metavar="S", help="Prices, keys and histories follow from it."
)
@click.option(
    "--algos", type=click.IntRange(0, 50), default=3, show_default=True, metavar="N", help="How many algorithms trade."
)
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=0, metavar="P", help="Gateway port (default: any free one)."
)
@json_option
def demo(headless: bool, seconds: float | None, seed: int, algos: int, port: int, as_json: bool) -> int:
    """Show everything at work: an exchange, the engine, sample algorithms and two traders, each a real process.

    Needs no account and no network. When it ends, nothing is left: no process, no port, no file.
    """
    from plugtui.demo.world import DemoOptions

    if not headless:
        if seconds is not None or as_json:
            raise click.UsageError("--seconds and --json go with --headless")
        from plugtui.cli.dashboard import open_demo

        theme = click.get_current_context().find_root().params.get("theme")
        return open_demo(DemoOptions(seed=seed, algos=algos, port=port), theme)
    return asyncio.run(_run(DemoOptions(seed=seed, algos=algos, port=port), seconds, as_json))


async def _run(options: Any, seconds: float | None, as_json: bool) -> int:
    from plugtui.demo.headless import run_headless

    stop = asyncio.Event()

    def progress(line: str) -> None:
        # Without a reader of these lines the result is still wanted.
        with contextlib.suppress(BrokenPipeError):
            print(line, file=sys.stderr, flush=True)

    def interrupted() -> None:
        if stop.is_set():
            # The guardian ends what is left.
            os._exit(130)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, interrupted)
    try:
        report = await run_headless(options, seconds, stop, lambda: time.monotonic() - _STARTED, progress)
    except asyncio.CancelledError:
        return 130
    _print(report, as_json)
    return 130 if stop.is_set() and seconds is not None else 0


def _print(report: dict[str, Any], as_json: bool) -> None:
    import msgspec

    if as_json:
        print(msgspec.json.Encoder(decimal_format="number").encode(report).decode(), flush=True)
        return
    from plugtui.cli.text import count, money, table

    rows = [
        (algo["name"], count(algo["messages"]), algo["orders"], algo["fills"], money(algo["pnl"], signed=True))
        for algo in report["algos"]
    ]
    print(table(("algorithm", "messages", "orders", "fills", "P&L"), rows, "lrrrr"))
    traders = [(trader["name"], trader["badge"], trader["trades"]) for trader in report["traders"]]
    print("\n" + table(("trader", "badge", "trades"), traders, "llr"))
    verdict = "agrees with" if report["consistent"] else "DIFFERS FROM"
    print(
        f"\n{report['orders']} orders, {report['fills']} fills, {count(report['deliveries'])} messages delivered,"
        f" {report['gaps']} gaps; equity {money(report['equity'])}\nThe ledger {verdict} the exchange's own book."
    )
