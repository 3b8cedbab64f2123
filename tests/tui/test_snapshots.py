"""The screens as they were looked at and found good; ``UPDATE_SNAPSHOTS=1`` writes them anew.

Text snapshots hold what a terminal shows; theme snapshots hold each pair of colours with a sample of what is written in it.
Clock and data are frozen.
"""

import os
from pathlib import Path

import pytest

from plugtui.control.messages import StreamState
from tests.tui.fakes import NOW, FakeEngine, S, account, engine, stream
from tests.tui.pilot import Stage, on_stage

KEPT = Path(__file__).parent / "snapshots"
UPDATE = os.environ.get("UPDATE_SNAPSHOTS") == "1"


def compare(name: str, text: str) -> None:
    """Compare with the kept snapshot, or keep this one."""
    file = KEPT / f"{name}.txt"
    if UPDATE:
        KEPT.mkdir(exist_ok=True)
        file.write_text(text + "\n", encoding="utf-8")
    assert text + "\n" == file.read_text(encoding="utf-8"), f"{name} looks different; see the module's docstring"


def in_trouble() -> FakeEngine:
    """An engine whose streams are down, with a live account that is old."""
    troubled = FakeEngine()
    waiting = stream("data iex", "waiting", retry_at_ns=NOW + 25 * S, detail="another program holds the connection")
    stale: StreamState = stream("account", "stale", last_message_ns=NOW - 12 * S, lag_ms=None)
    troubled.streams = [waiting, stale]
    troubled.engine = engine(environment="live")
    troubled.account = account(problem="trading host does not answer", as_of_ns=NOW - 40 * S)
    return troubled


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_all_panes_at_three_sizes(size: tuple[int, int]) -> None:
    async with on_stage(size=size) as stage:
        compare(f"normal-{size[0]}x{size[1]}", stage.text())


async def test_empty_panes() -> None:
    async with on_stage(FakeEngine(empty=True), size=(80, 24)) as stage:
        compare("empty-80x24", stage.text())


async def test_streams_in_trouble() -> None:
    async with on_stage(in_trouble(), size=(120, 24)) as stage:
        compare("stale-120x24", stage.text())


@pytest.mark.parametrize("number", [1, 2, 3, 4])
async def test_each_pane_where_it_is_narrow(number: int) -> None:
    async with on_stage(size=(60, 16)) as stage:
        await stage.press(str(number))
        compare(f"narrow-{number}-60x16", stage.text())


@pytest.mark.parametrize("number", [2, 4])
async def test_zoomed_panes(number: int) -> None:
    async with on_stage(size=(100, 30)) as stage:
        await stage.press(str(number), "z")
        compare(f"zoomed-{number}-100x30", stage.text())


@pytest.mark.parametrize("name", ["dark", "light", "contrast", "mono"])
async def test_the_colours_of_each_theme(name: str) -> None:
    async with on_stage(in_trouble(), size=(120, 36), theme=name) as stage:
        compare(f"theme-{name}", colours(stage))


def colours(stage: Stage) -> str:
    """List each style on the screen with the first text that has it."""
    found: dict[str, str] = {}
    for strip in stage.app.screen._compositor.render_strips():
        for segment in strip:
            if segment.text.strip() and segment.style:
                found.setdefault(str(segment.style).split(" link")[0], segment.text.strip()[:24])
    return "\n".join(f"{style:<44} {sample}" for style, sample in sorted(found.items()))
