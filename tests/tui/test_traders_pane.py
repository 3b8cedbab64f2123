"""The traders pane as it is used: lists, formula, record beside the feed, 0 to 30 traders, at every size."""

from typing import Any

import pytest

from plugtui.control.messages import States, TraderState
from plugtui.errors import ControlError
from plugtui.tui.model.traders import list_of
from tests.support import eventually
from tests.tui.fakes import FakeEngine, figures, trade, trader
from tests.tui.pilot import Stage, on_stage

SIZES = [(80, 24), (120, 36), (200, 60), (60, 16)]
WHY = "12 of 30 days of history"


def engine_with(*traders: TraderState, **answers: Any) -> FakeEngine:
    engine = FakeEngine()
    engine.traders = list(traders)
    engine.answers.update(answers)
    return engine


def young(name: str, badge: str = "verified") -> TraderState:
    return trader(name, badge=badge, score=None, figures={"ALL": figures(undefined={"score": WHY})})


def many(count: int) -> list[TraderState]:
    half = count // 2
    return [
        trader(f"trader-{n:02}", badge="verified" if n < half else "paper", score=9 - n / 10, followed=not n)
        for n in range(count)
    ]


def names(stage: Stage) -> list[str]:
    """Return the first words of the board's lines after rank and star."""
    return [line for line in stage.lines(stage.table("#traders-board"))[1:] if line]


async def test_each_kind_of_record_stands_under_a_heading_of_its_own() -> None:
    board = [trader("a", score=1.0), trader("b", badge="paper", score=9.0), trader("c", badge="paper", score=2.0)]
    async with on_stage(engine_with(trader("northstar", score=1.2), *board[1:]), size=(120, 36)) as stage:
        lines = names(stage)
        assert lines[0].startswith(f"── {list_of('verified')} ─")
        assert lines[2].startswith(f"── {list_of('paper')} ─")
        assert [line.split()[0] for line in lines if "──" not in line] == ["1", "1", "2"]
        await stage.press("3", "s", "s", "s")
        assert [line for line in names(stage) if "──" in line] == [lines[0], lines[2]]


async def test_one_kind_of_record_is_named_in_the_head_instead() -> None:
    async with on_stage(engine_with(*many(2)[:1]), size=(80, 24)) as stage:
        assert "3 Traders ✔ verified" in stage.head(3) and "[1M]" in stage.head(3)
        assert not any("──" in line for line in names(stage))


@pytest.mark.parametrize("size", [(120, 36), (200, 60)])
async def test_the_formula_stands_under_the_board_where_there_is_room(size: tuple[int, int]) -> None:
    async with on_stage(size=size) as stage:
        assert "score = Sortino · n/(n+60)" in stage.text()


@pytest.mark.parametrize("size", SIZES)
async def test_the_formula_is_one_key_away_with_the_reasons_of_those_who_are_not_ranked(size: tuple[int, int]) -> None:
    async with on_stage(engine_with(trader("northstar"), young("late")), size=size) as stage:
        await stage.press("3", "i")
        text = stage.text()
        assert "How traders are ranked" in text and "score = Sortino · n/(n+60)" in text
        assert "n: days of history." in text and WHY in text


@pytest.mark.parametrize("size", SIZES)
async def test_who_is_not_ranked_says_why_in_the_pane(size: tuple[int, int]) -> None:
    async with on_stage(engine_with(trader("northstar"), young("late")), size=size) as stage:
        await stage.press("3", "down")
        assert stage.table("#traders-board").selected.state.name == "late"
        assert WHY in stage.text()


async def test_the_record_of_the_selected_trader_stands_beside_the_feed_and_nothing_jumps_with_the_selection() -> None:
    engine = engine_with(trader("northstar"), trader("riverbend", badge="verified", score=0.1, trades=97))
    async with on_stage(engine, size=(200, 60)) as stage:
        await stage.press("3")
        await eventually(lambda: stage.app.tick() or "northstar, growth 1M" in stage.text())
        before = stage.text().splitlines()
        await stage.press("down")
        await eventually(lambda: stage.app.tick() or "riverbend, growth 1M" in stage.text())
        after = stage.text().splitlines()
        for label in ("volatility", "last trade", "did "):
            place = [(y, line.find(label)) for y, line in enumerate(before) if label in line[:100]]
            assert place
            assert place == [(y, line.find(label)) for y, line in enumerate(after) if label in line[:100]]
        assert {args["name"] for command, args in engine.asked if command == "trader"} == {"northstar", "riverbend"}


async def test_a_record_that_cannot_be_had_is_no_trouble() -> None:
    engine = engine_with(trader("northstar"))
    engine.refuse["trader"] = ControlError("no")
    async with on_stage(engine, size=(200, 60)) as stage:
        await eventually(lambda: stage.app.tick() or "no curve yet" in stage.text())


@pytest.mark.parametrize(
    ("size", "count"), [((80, 24), 0), ((80, 24), 1), ((80, 24), 2), ((120, 36), 30), ((200, 60), 30), ((60, 16), 30)]
)
async def test_any_number_of_traders_fits_scrolls_and_keeps_the_cursor_on_its_row(
    size: tuple[int, int], count: int
) -> None:
    async with on_stage(engine_with(*many(count)), size=size) as stage:
        await stage.press("3")
        if not count:
            assert "p: plug in an account" in stage.text()
            return
        seen = sum("trader-" in line for line in names(stage))
        assert seen == count or f" {count - seen} more ↓ " in stage.text()
        await stage.press("G")
        board = stage.table("#traders-board")
        assert board.selected.state.name == f"trader-{count - 1:02}"
        assert any(f"trader-{count - 1:02}" in line for line in stage.lines(board))
        stage.engine.send(States(traders=[trader("another", badge="verified", score=99.0), *many(count)]))
        await eventually(lambda: len(stage.app.world.traders.states) == count + 1)
        await stage.settle()
        assert board.selected.state.name == f"trader-{count - 1:02}"
        await stage.press("f", "g")
        assert board.table.frozen and "frozen" in stage.head(3)


async def test_a_filter_keeps_the_lists_and_says_when_nothing_matches() -> None:
    async with on_stage(engine_with(*many(6)), size=(120, 36)) as stage:
        await stage.press("3", "slash", *"05", "enter")
        assert [line.split()[0] for line in names(stage)] == ["──", "3"]
        await stage.press("slash", "z", "enter")
        assert "nothing matches" in stage.text() and "esc clears the filter" in stage.text()


async def test_the_feed_says_what_to_press_until_somebody_is_followed() -> None:
    async with on_stage(engine_with(trader("x", followed=False)), size=(80, 24)) as stage:
        stage.app.world.traders.feed.clear()
        await stage.settle()
        assert "space: follow a trader" in stage.text()


async def test_the_profile_has_the_trades_that_the_engine_remembers_and_another_window_on_a_key() -> None:
    old = trade(3)
    answer = {
        "curve": [[n * 86_400_000_000_000, 1 + n / 100, 0.0] for n in range(60)],
        "trades": [{"trader": "northstar", "trade_id": "old", "symbol": "XOM", "side": "bought", "price": "101.5",
                    "time_ns": old.time_ns - 10**15, "recovered": False}],
        "drawdowns": [{"depth": -0.123, "peak_ns": None, "valley_ns": old.time_ns, "recovery_ns": None}],
    }  # fmt: skip
    async with on_stage(engine_with(trader("northstar"), trader=lambda args: answer), size=(120, 90)) as stage:
        await stage.press("3", "enter")
        await eventually(lambda: "XOM" in stage.text())
        assert "-12.3 %" in stage.text() and "growth since the start" in stage.text()
        await stage.press("W", "W")
        assert "growth of the window 3M" in stage.text() or "growth of the window 1Y" in stage.text()
