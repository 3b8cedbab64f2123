"""``plugtui screenshots``: SVGs of every screen, from the real app on the demo exchange."""

import asyncio
import sys
from pathlib import Path

import click


@click.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--seed", type=int, default=1, show_default=True, metavar="S", help="Of the demo's prices and histories.")
@click.option("--warm-up", type=float, default=12.0, show_default=True, metavar="S", help="Seconds of trading before.")
def screenshots(directory: Path, seed: int, warm_up: float) -> None:
    """Start the demo, let it trade for a while, and write a picture of every screen, size and theme into DIRECTORY."""
    asyncio.run(_take(directory, seed, warm_up))


async def _take(directory: Path, seed: int, warm_up: float) -> None:
    from plugtui.control.client import ControlClient
    from plugtui.demo.world import DemoOptions, DemoWorld
    from plugtui.tui.screenshots import take_all

    def progress(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    async with DemoWorld(DemoOptions(seed=seed), progress) as world:
        await asyncio.sleep(warm_up)
        info = world.engine.info

        async def open_link() -> ControlClient:
            return ControlClient(info.url, info.token)

        files = await take_all(open_link, directory, progress)
    print(f"{len(files)} pictures in {directory}")
