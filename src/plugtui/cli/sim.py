"""``plugtui sim``: the exchange simulator alone."""

import asyncio
import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from plugtui.cli.options import json_option

if TYPE_CHECKING:
    from plugtui.sim.server import SimSettings, Simulator


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=0, metavar="P", help="Port to listen on (default: any free one)."
)
@click.option("--seed", type=int, default=1, show_default=True, metavar="S", help="Everything follows from it.")
@click.option(
    "--speed",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    show_default=True,
    metavar="X",
    help="Simulated seconds per second.",
)
@click.option(
    "--rate", type=click.FloatRange(0), default=200.0, show_default=True, metavar="N", help="Market messages a second."
)
@click.option("--fault", "assignments", multiple=True, metavar="NAME=VALUE", help="Set a fault knob; may be repeated.")
@click.option(
    "--history",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE.csv",
    help="Real daily closes for the past: a date column and one column per symbol.",
)
@click.option(
    "--hours",
    type=click.Choice(["always", "nyse"]),
    default="always",
    show_default=True,
    help="When stocks trade: around the clock, or as on the New York Stock Exchange.",
)
@json_option
def sim(
    port: int, seed: int, speed: float, rate: float, assignments: tuple[str, ...], history: Path | None, hours: str,
    as_json: bool,
) -> None:  # fmt: skip
    """Run an exchange that speaks Alpaca's protocols: market data, account stream and REST on one port.

    Prints one line when it is ready, with --json an object with the address and the accounts' keys. SIGTERM and Ctrl-C end it.
    GET /sim/faults?doc=1 lists the fault knobs, POST /sim/faults sets them; GET /sim/executions?account=NAME, /sim/balances
    and /sim/sessions tell the truth that tests compare with.
    """
    from plugtui.sim.faults import Faults
    from plugtui.sim.server import SimSettings

    faults = Faults()
    for assignment in assignments:
        faults.set_text(assignment)
    settings = SimSettings(
        port=port, seed=seed, speed=speed, rate=rate, hours=hours, history=history, faults=faults
    )  # fmt: skip
    asyncio.run(_serve(settings, as_json))


async def _serve(settings: "SimSettings", as_json: bool) -> None:
    from plugtui.sim.server import Simulator

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    async with Simulator(settings) as simulator:
        click.echo(_ready(simulator, as_json))
        await stop.wait()


def _ready(simulator: "Simulator", as_json: bool) -> str:
    if as_json:
        accounts = [
            {"name": account.name, "key_id": account.key_id, "secret_key": account.secret.reveal()}
            for account in simulator.accounts
        ]
        return json.dumps({"url": simulator.url, "accounts": accounts})
    names = ", ".join(account.name for account in simulator.accounts)
    return f"plugtui: simulator at {simulator.url}, accounts {names} (keys: --json); Ctrl-C ends it"
