"""Pictures of every screen, made from the real app without a terminal."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from textual.pilot import Pilot

from plugtui.tui.app import Dashboard
from plugtui.tui.link import LinkFactory
from plugtui.tui.options import Options, Outcome

_SIZES = {"large": (200, 60), "normal": (120, 36), "small": (80, 24), "smallest": (60, 16)}
_SCENES: list[tuple[str, tuple[str, ...]]] = [
    ("order", ("1", "enter")),
    ("performance", ("2", "z")),
    ("trader", ("3", "enter")),
    ("algorithm", ("4", "enter")),
    ("events", ("e",)),
    ("how-to-connect", ("H",)),
    ("help", ("question_mark",)),
    ("plug-in", ("3", "p")),
    ("quit", ("q",)),
]
_THEMES = ("light", "contrast", "mono")
_SETTLE_S = 1.2
"""Longer than the pause between two plots."""


async def take_all(open_link: LinkFactory, directory: Path, progress: Callable[[str], None]) -> list[Path]:
    """Make an SVG of every size, screen and theme, and return the files.

    Args:
        open_link: to an engine at work.
        directory: where the files go; made when it does not exist.
        progress: takes the name of each file.
    """
    await asyncio.to_thread(directory.mkdir, parents=True, exist_ok=True)
    made: list[Path] = []

    async def shoot(app: Dashboard, name: str) -> None:
        file = directory / f"{name}.svg"
        await asyncio.to_thread(file.write_text, app.export_screenshot(title="plugtui"), encoding="utf-8")
        made.append(file)
        progress(name)

    def one(name: str) -> Callable[[Dashboard, Pilot[Outcome]], Awaitable[None]]:
        return lambda app, _: shoot(app, name)

    for name, size in _SIZES.items():
        await _stage(open_link, Options(theme="dark"), size, one(f"dashboard-{name}"))
    for theme in _THEMES:
        await _stage(open_link, Options(theme=theme), _SIZES["normal"], one(f"theme-{theme}"))

    async def scenes(app: Dashboard, pilot: Pilot[Outcome]) -> None:
        for name, keys in _SCENES:
            await pilot.press(*keys)
            await pilot.pause(_SETTLE_S)
            await shoot(app, name)
            await pilot.press("escape")
            await pilot.pause()

    await _stage(open_link, Options(theme="dark"), _SIZES["normal"], scenes)
    return made


async def _stage(
    open_link: LinkFactory,
    options: Options,
    size: tuple[int, int],
    work: Callable[[Dashboard, Pilot[Outcome]], Awaitable[None]],
) -> None:
    app = Dashboard(open_link, options)
    async with app.run_test(size=size) as pilot:
        while not app.world.performance.loaded:
            await pilot.pause(0.1)
        await pilot.pause(_SETTLE_S)
        await work(app, pilot)
