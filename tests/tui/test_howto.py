"""How to connect: every SDK's lines are whole at eighty columns, and the clipboard gets them unbroken."""

import pytest

from plugtui.control.howto import recipes
from plugtui.tui.screens.howto import HowToScreen
from tests.tui.pilot import Stage, on_stage

URL = "http://127.0.0.1:38765"
SDKS = range(len(recipes(URL)))


async def opened(stage: Stage, number: int) -> HowToScreen:
    screen = HowToScreen(URL, "iex")
    await stage.app.push_screen(screen)
    await stage.settle()
    screen.action_choose(number)
    await stage.settle()
    return screen


@pytest.mark.parametrize("number", SDKS)
@pytest.mark.parametrize("width", [56, 73, 120])
def test_every_line_of_every_sdk_fits_and_nothing_of_it_is_lost(number: int, width: int) -> None:
    screen = HowToScreen(URL, "iex")
    screen._at = number
    texts = ["".join(run.text for run in line) for line in screen.lines(width)]
    assert all(len(text) <= width for text in texts)
    shown = "".join(texts).replace("↪", "").replace(" ", "")
    assert recipes(URL)[number].code.replace("\n", "").replace(" ", "") in shown
    assert not any("…" in text for text in texts)


async def test_copying_takes_the_lines_as_they_are_and_the_address_alone() -> None:
    async with on_stage(size=(80, 24)) as stage:
        await opened(stage, 1)
        await stage.press("c")
        assert stage.app.clipboard == recipes(URL)[1].code
        await stage.press("a")
        assert stage.app.clipboard == URL


async def test_at_eighty_columns_no_line_is_cut_at_the_edge() -> None:
    async with on_stage(size=(80, 24)) as stage:
        screen = await opened(stage, 0)
        texts = ["".join(run.text for run in line) for line in screen.lines(73)]
        shown = stage.text()
        assert all(text.strip() in shown for text in texts[:14])
