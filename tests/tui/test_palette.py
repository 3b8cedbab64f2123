"""The command palette: everything that can be done, and everyone who is there."""

import time

from plugtui.tui.app import Dashboard
from plugtui.tui.palette import Commands
from tests.support import eventually
from tests.tui.fakes import fill
from tests.tui.pilot import Stage, on_stage


async def choose(stage: Stage, words: str, title: str) -> None:
    """Open the palette, type, and take the first hit."""
    await stage.pilot.press("ctrl+p", *words)
    await eventually(lambda: title in stage.text())
    await stage.press("enter")


def titles(stage: Stage) -> list[str]:
    """Return everything that the palette offers."""
    return [title for title, _, _ in Commands(stage.app.screen)._entries()]


async def test_it_offers_actions_traders_algorithms_symbols_windows_and_themes() -> None:
    async with on_stage(save_on_quit=lambda choice: None) as stage:
        offered = titles(stage)
        for title in (
            "Leave", "Show only rows with these words", "Sort by the next column", "Next theme",
            "Algorithm meanrev", "Pause meanrev", "Trader riverbend", "Follow riverbend", "Unfollow northstar", "Fills of NVDA",
            "Performance window 3M", "Theme contrast", "When leaving: ask what becomes of the engine",
        ):  # fmt: skip
            assert title in offered, title
        assert len(offered) == len(set(offered))


async def test_in_a_window_it_offers_what_can_be_done_there() -> None:
    async with on_stage() as stage:
        await stage.press("4", "down", "enter")
        await choose(stage, "close its conn", "Close its connections")
        await eventually(lambda: stage.window == "Question")
        await stage.settle()
        assert "Disconnect momentum?" in stage.text()


async def test_fills_of_a_symbol_are_shown_from_within_a_window_too() -> None:
    async with on_stage() as stage:
        await stage.press("4", "enter")
        await choose(stage, "fills of nvda", "Fills of NVDA")
        await eventually(lambda: stage.window == "MainScreen" and stage.app.world.fills.table.filter == "NVDA")
        assert stage.app.panes.active == 1


async def test_the_answer_to_leaving_is_made_the_default_and_unmade_there() -> None:
    kept: list[str] = []
    async with on_stage(on_quit="keep", save_on_quit=kept.append) as stage:
        await choose(stage, "leaving: ask", "When leaving: ask")
        await eventually(lambda: kept == ["ask"])
        await stage.press("q")
        assert stage.window == "LeaveQuestion"


async def test_five_hundred_symbols_do_not_make_it_slow() -> None:
    async with on_stage() as stage:
        for n in range(500):
            stage.app.world.apply_fact(stage.engine.record(fill(n + 1000, symbol=f"SYM{n}")))
        await eventually(lambda: len(stage.app.world.symbols) >= 500)
        before = time.perf_counter()
        assert sum(title.startswith("Fills of SYM") for title in titles(stage)) == 500
        assert time.perf_counter() - before < 1
        await choose(stage, "SYM377", "Fills of SYM377")
        await eventually(lambda: stage.app.world.fills.table.filter == "SYM377")


def test_every_action_of_a_binding_exists() -> None:
    from plugtui.tui.contexts import contexts

    for _, bindings in contexts():
        for binding in bindings:
            if binding.action.startswith("app."):
                assert hasattr(Dashboard, f"action_{binding.action.removeprefix('app.').split('(')[0]}"), binding
