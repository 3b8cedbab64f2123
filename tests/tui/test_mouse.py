"""The mouse: whatever names a key or a thing can be clicked, and the wheel scrolls what is under it."""

import pytest
from textual import events

from plugtui.tui.screens.base import Scroll
from plugtui.tui.widgets.lines import LineTable
from tests.support import eventually
from tests.tui.pilot import Stage, on_stage


async def turn_wheel(stage: Stage, selector: str) -> None:
    """Turn the wheel three notches down over a widget."""
    widget = stage.app.screen.query_one(selector)
    for _ in range(3):
        await stage.pilot._post_mouse_events([events.MouseScrollDown], widget, offset=(2, 3))
    await stage.settle()


# ---------------------------------------------------------------- the bars


@pytest.mark.parametrize(
    ("words", "window"), [("? help", "HelpScreen"), ("q quit", "LeaveQuestion"), ("enter detail", "OrderScreen")]
)
async def test_a_click_on_the_key_bar_is_the_key(words: str, window: str) -> None:
    async with on_stage() as stage:
        await stage.click(words)
        assert stage.window == window


async def test_a_click_on_the_key_bar_zooms_filters_and_goes_on() -> None:
    async with on_stage() as stage:
        await stage.click("z zoom")
        assert stage.app.panes.zoomed
        await stage.click("/ filter")
        assert stage.pane(1).query_one(".filter").has_focus
        await stage.press(*"tsla", "enter")
        await stage.click("/tsla")
        assert stage.app.world.fills.table.filter == ""
        await stage.click("1-4 pane")
        assert stage.app.panes.active == 2


async def test_a_click_on_a_stream_shows_its_events() -> None:
    async with on_stage() as stage:
        await stage.click("data iex 0.4 ms")
        assert stage.window == "EventsScreen"
        assert stage.table("#events-table").table.filter == "data iex"


async def test_the_other_words_of_the_status_bar_lead_somewhere_too() -> None:
    async with on_stage() as stage:
        await stage.click("PAPER")
        assert stage.window == "HowToScreen"
        await stage.press("escape")
        await stage.click("104,231.55")
        assert stage.app.panes.active == 2


async def test_a_click_on_a_title_goes_to_the_pane_and_a_double_click_zooms_it() -> None:
    async with on_stage() as stage:
        await stage.click("Algorithms")
        assert stage.app.panes.active == 4 and not stage.app.panes.zoomed
        await stage.click("Algorithms", times=2)
        assert stage.app.panes.zoomed
        await stage.click("Algorithms", times=2)
        assert not stage.app.panes.zoomed


# ---------------------------------------------------------------- windows


@pytest.mark.parametrize(
    ("keys", "words", "window"),
    [
        (["4", "enter"], "esc close", "MainScreen"),
        (["4", "enter"], "p pause", "Question"),
        (["4", "enter"], "d disconnect", "Question"),
        (["question_mark"], "esc close", "MainScreen"),
        (["e"], "enter detail", "OrderScreen"),
        (["3", "enter"], "esc close", "MainScreen"),
        (["4", "n"], "esc close", "MainScreen"),
        (["q"], "esc close", "MainScreen"),
    ],
)
async def test_the_keys_at_the_lower_edge_of_a_window_can_be_clicked(keys: list[str], words: str, window: str) -> None:
    async with on_stage() as stage:
        await stage.press(*keys)
        if window == "OrderScreen":
            await stage.press("slash", *"rejected", "enter")
        await stage.click(words)
        assert stage.window == window


async def test_a_click_on_an_sdk_shows_its_recipe() -> None:
    async with on_stage() as stage:
        await stage.press("H")
        await stage.click(" alpaca-py ")
        assert "url_override" in stage.text()


async def test_a_click_on_an_answer_gives_it() -> None:
    async with on_stage() as stage:
        await stage.press("4", "d")
        await stage.pilot.click("#yes")
        await eventually(lambda: ("algos.disconnect", {"name": "meanrev"}) in stage.engine.asked)


async def test_a_click_beside_a_window_closes_it() -> None:
    async with on_stage() as stage:
        await stage.press("question_mark")
        await stage.pilot.click(offset=(0, 20))
        await stage.settle()
        assert stage.window == "MainScreen"


@pytest.mark.parametrize("keys", [["1", "enter", "m"], ["3", "enter"], ["4", "enter"], ["question_mark"], ["H"]])
async def test_the_wheel_scrolls_every_window(keys: list[str]) -> None:
    async with on_stage(size=(80, 16)) as stage:
        await stage.press(*keys)
        view = stage.app.screen.query_one(Scroll)
        await eventually(lambda: view.max_scroll_y > 0)
        await turn_wheel(stage, "Scroll")
        await eventually(lambda: view.scroll_y > 0)


@pytest.mark.parametrize(
    ("keys", "selector"), [([], "#fills-table"), (["3", "z"], "#traders-feed"), (["e"], "#events-table")]
)
async def test_the_wheel_scrolls_every_table(keys: list[str], selector: str) -> None:
    async with on_stage(size=(80, 18)) as stage:
        await stage.press(*keys)
        await turn_wheel(stage, selector)
        table = stage.app.screen.query_one(selector, LineTable)
        await eventually(lambda: table.scroll_y > 0)


# ---------------------------------------------------------------- the palette


async def test_the_palette_is_chosen_from_by_mouse() -> None:
    async with on_stage() as stage:
        await stage.click("^p palette")
        await stage.pilot.press(*"trader river")
        await eventually(lambda: "Trader riverbend" in stage.text())
        await stage.click("Trader riverbend")
        await eventually(lambda: stage.window == "TraderScreen")
