"""``plugtui screenshots``: SVGs of every screen, from the real app on the demo exchange."""

import asyncio
import logging
import os
import sys
import tempfile
from pathlib import Path

import click

from plugtui.errors import PlugtuiError


@click.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--seed", type=int, default=1, show_default=True, metavar="S", help="Of everything that is to be seen.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=20),
    default=150.0,
    show_default=True,
    metavar="S",
    help="Of trading before the pictures, on the exchange's clock.",
)
@click.option("--only", multiple=True, metavar="NAME", help="Make this picture only; may be given more than once.")
@click.option("--check", is_flag=True, help="Write nothing; name the pictures in DIRECTORY that are out of date.")
def screenshots(directory: Path, seed: int, seconds: float, only: tuple[str, ...], check: bool) -> None:
    """Write a picture of every screen, size and theme into DIRECTORY.

    They come from the real app, on the demo exchange with the sample algorithms, all in one process on a clock of its own:
    the same seed gives the same files, byte for byte, until plugtui itself or a library that it draws with changes.
    """
    if not check:
        files = asyncio.run(_take(directory, seed, seconds, only))
        print(f"{len(files)} pictures in {directory}")
        return
    with tempfile.TemporaryDirectory(prefix="plugtui-screenshots-") as fresh:
        files = asyncio.run(_take(Path(fresh), seed, seconds, only))
        stale = [file.stem for file in files if not _same(file, directory / file.name)]
    if stale:
        raise PlugtuiError(f"out of date in {directory}: {', '.join(stale)}", f"plugtui screenshots {directory}")
    print(f"{len(files)} pictures in {directory} are up to date")


def _same(fresh: Path, kept: Path) -> bool:
    return kept.is_file() and kept.read_bytes() == fresh.read_bytes()


async def _take(directory: Path, seed: int, seconds: float, only: tuple[str, ...]) -> list[Path]:
    # Settings of this terminal have no place in a picture; some are read when the libraries are imported.
    for name in [name for name in os.environ if name in ("NO_COLOR", "TERM") or name.startswith("TEXTUAL")]:
        del os.environ[name]
    from plugtui.demo.stage.play import Play
    from plugtui.tui.screenshots import NAMES, take

    if unknown := [name for name in only if name not in NAMES]:
        raise click.UsageError(f"there is no picture {unknown[0]!r}; there are {', '.join(NAMES)}")

    def progress(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    # What goes wrong on the stage is meant to, and is to be seen in the pictures.
    logging.getLogger().addHandler(logging.NullHandler())
    progress(f"{seconds:g} seconds of trading")
    async with Play(seed, seconds) as play:
        return await take(play, directory, only or NAMES, progress)
