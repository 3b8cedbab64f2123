"""Figures, curves and views of the performance pane."""

from datetime import UTC
from decimal import Decimal
from typing import Any

import pytest

from plugtui.performance.figures import DEFINITIONS
from plugtui.tui.model.performance import (
    NOT_OURS,
    VIEWS,
    Performance,
    benchmark_texts,
    curve_of,
    figure_texts,
    more_texts,
    shares_of,
    short_texts,
    total_of,
)
from plugtui.tui.palette import Commands
from plugtui.tui.panes import performance_views as views
from plugtui.tui.panes.performance import PerformanceChart, PerformancePane
from plugtui.tui.screens.base import Scroll
from plugtui.tui.widgets.painted import Line, Painted
from tests.support import eventually
from tests.tui.fake_performance import rest_of_answer
from tests.tui.fakes import BY_ALGO, BY_SYMBOL, FIGURES, NOW, FakeEngine, S, account, curve
from tests.tui.pilot import Stage, on_stage


def text_of(lines: list[Line]) -> list[str]:
    return ["".join(run.text for run in line).rstrip() for line in lines]


def answered(**changes: Any) -> Performance:
    """Return the pane's knowledge after a whole answer."""
    performance = Performance()
    answer = {"window": "1M", "figures": FIGURES, "curve": curve(), "by_algo": BY_ALGO, "by_symbol": BY_SYMBOL}
    performance.take({**answer, **rest_of_answer(curve(), FIGURES), **changes})
    return performance


# ---------------------------------------------------------------- what the engine answers


def test_an_answer_for_another_window_is_too_late() -> None:
    performance = Performance()
    performance.choose("1Y")
    performance.take({"window": "1M", "figures": FIGURES, "curve": curve()})
    assert performance.loaded == ""
    performance.take({"window": "1Y", "figures": FIGURES, "curve": curve()})
    assert performance.loaded == "1Y"
    assert performance.figures.pnl == Decimal("4204.11")


def test_windows_end_at_both_ends() -> None:
    performance = Performance(window="1D")
    assert [performance.step(-1), performance.step(1)] == ["1D", "1W"]
    assert [performance.step(1) for _ in range(6)][-1] == "ALL"


def test_the_engines_benchmark_holds_until_the_reader_chooses_one() -> None:
    assert Performance().question() == {"window": "1M"}
    assert Performance(symbol="QQQ").question() == {"window": "1M", "benchmark": "QQQ"}
    assert Performance(symbol="").question() == {"window": "1M", "benchmark": ""}


def test_points_without_an_equity_are_left_out_and_drawdowns_are_never_positive() -> None:
    found = curve_of([[1, "100.5", 1.0, 0.02], [2, None, None, None], [3, 101, 1.1, None]])
    assert (list(found.times_ns), list(found.equity), list(found.drawdown)) == ([1, 3], [100.5, 101.0], [-0.02, 0.0])


def test_contributions_are_read_from_lists_and_mappings_largest_first() -> None:
    assert [share.name for share in shares_of(BY_ALGO)] == ["pairs", "meanrev", "momentum", "unattributed"]
    assert [share.pnl for share in shares_of({"a": "1.5", "b": {"realized": "3", "unrealized": "-1"}})] == [
        Decimal(2),
        Decimal("1.5"),
    ]
    assert shares_of(None) == []


def test_the_curve_ends_in_the_newest_equity() -> None:
    performance = Performance()
    performance.take({"window": "1M", "curve": [[1, 100, 1.0, 0], [2, 110, 1.1, 0], [3, 99, 0.99, -0.1]]})
    live = performance.live_curve(account(equity=Decimal(88), as_of_ns=7))
    assert (live.times_ns[-1], live.equity[-1]) == (7, 88.0)
    assert (live.index[-1], live.drawdown[-1]) == (pytest.approx(0.88), pytest.approx(-0.2))
    assert performance.live_curve(account(equity=Decimal(88), as_of_ns=2)) is performance.curve
    assert performance.live_curve(account(equity=Decimal(99), as_of_ns=7)) is performance.curve
    assert performance.live_curve(None) is performance.curve


def test_an_answer_of_an_older_engine_is_enough() -> None:
    performance = Performance()
    performance.take({"window": "1M", "figures": FIGURES, "curve": curve(), "by_algo": {}, "by_symbol": {}})
    assert benchmark_texts(performance) == more_texts(performance) == []
    assert len(short_texts(performance, account())) == 14


# ---------------------------------------------------------------- figures


def test_every_figure_has_the_engines_definition_and_undefined_ones_their_reason() -> None:
    performance = answered()
    figures = [*figure_texts(performance, account()), *more_texts(performance), *benchmark_texts(performance)]
    assert all(figure.definition == DEFINITIONS[figure.key].partition(": ")[2] for figure in figures)
    assert all(figure.definition for figure in figures)
    lines = text_of(views.figures_view(performance, account(), 140, UTC))
    assert any("Calmar" in line and "–" in line and "undefined: less than a year" in line for line in lines)
    assert any("VaR 5 %" in line and "undefined: needs 20 returns" in line for line in lines)


def test_a_figure_stands_beside_that_of_the_window_before() -> None:
    lines = text_of(views.figures_view(answered(), account(), 140, UTC))
    assert any(line.split()[:4] == ["return", "+4.21", "%", "-0.63"] for line in lines)
    assert "before: " in lines[0]


def test_what_makes_the_figures_doubtful_is_said() -> None:
    performance = answered(marks=[{"time_ns": NOW, "kind": "spike", "text": "+50.0% on 2026-03-02; a split, perhaps"}])
    lines = text_of(views.figures_view(performance, account(), 100, UTC))
    assert lines[-1] == "02 Mar 2026  +50.0% on 2026-03-02; a split, perhaps"


def test_a_benchmark_that_is_not_available_says_why() -> None:
    performance = answered(benchmark={"symbol": "SPY", "problem": "the data host does not answer", "curve": []})
    texts = benchmark_texts(performance)
    assert {figure.why for figure in texts} == {"the data host does not answer"}
    assert {figure.value.text for figure in texts} == {"–"}


@pytest.mark.parametrize("width", [34, 56, 76, 116, 196])
def test_no_view_is_wider_than_its_room(width: int) -> None:
    performance = answered()
    told, state = performance.told, account()
    for lines in (
        views.figures_view(performance, state, width, UTC),
        views.months_view(told.calendar, width),
        views.pnl_view(performance, state, width, UTC),
        views.drawdowns_view(told.drawdowns, width, UTC),
    ):
        assert max(map(len, text_of(lines))) <= width


def test_a_grid_of_figures_cuts_nothing_at_any_width() -> None:
    performance = answered(figures={"pnl": "-1234567.89", "total_return": 0.5})
    figures = short_texts(performance, account())
    for width in range(30, 120, 5):
        lines = text_of(views.figure_grid(figures, width, 3))
        assert len(lines) <= 3
        assert not any("…" in line for line in lines)
        assert all(len(line) <= width for line in lines)


# ---------------------------------------------------------------- months, drawdowns, P&L


def test_months_stand_beside_each_other_or_below_each_other_where_it_is_narrow() -> None:
    years = answered().told.calendar
    wide = text_of(views.months_view(years, 110))
    assert wide[1].split()[:4] == ["2026", "-0.2", "+2.3", "+0.8"] and wide[1].endswith("+2.9")
    assert wide[2].split()[0] == "2025" and wide[2].endswith("+26.0")
    narrow = text_of(views.months_view(years, 54))
    assert narrow[0].split() == ["%", "2025", "2026"]
    assert narrow[9].split() == ["Sep", "+10.6", "·"]
    assert any("best" in line and "+10.60 %" in line and "Sep 2025" in line for line in wide)


def test_a_drawdown_that_lasts_says_so() -> None:
    lines = text_of(views.drawdowns_view(answered().told.drawdowns, 80, UTC))
    assert lines[1].split() == [
        "-3.12",
        "%",
        "11",
        "Feb",
        "2026",
        "14",
        "Feb",
        "2026",
        "18",
        "Feb",
        "2026",
        "3",
        "d",
        "7",
        "d",
    ]
    assert "not yet" in lines[2]
    assert "never below" in text_of(views.drawdowns_view([], 80, UTC))[0]


def test_strategies_sum_to_the_account_and_the_difference_to_the_broker_is_shown() -> None:
    performance = answered()
    lines = text_of(views.pnl_view(performance, account(), 116, UTC))
    total = total_of(performance.by_algo, "").pnl
    assert any(line.startswith("all together") and f"{total:+,.2f}" in line for line in lines)
    assert any(line.startswith("account, by the broker") and "+4,204.11" in line for line in lines)
    assert any(line.startswith("difference") and "-56.76" in line for line in lines)
    assert any(line.startswith(NOT_OURS) and "-59.74" in line for line in lines)
    assert not any("unattributed" in line for line in lines)
    assert any("AAPL" in line and "25 @ 188.10" in line for line in lines)


def test_without_fills_there_is_no_table() -> None:
    assert text_of(views.pnl_view(Performance(), account(), 116, UTC)) == ["no fill yet"]


# ---------------------------------------------------------------- the pane


def pane_of(stage: Stage) -> PerformancePane:
    pane = stage.pane(2)
    assert isinstance(pane, PerformancePane)
    return pane


def shown(stage: Stage) -> str:
    return pane_of(stage).query_one("#perf-lines", Painted).text


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_views_follow_each_other(size: tuple[int, int]) -> None:
    async with on_stage(size=size) as stage:
        await stage.press("2")
        for name, words in zip(VIEWS[1:], ("Sharpe", "Feb", "trough", "P&L by algorithm"), strict=True):
            await stage.press("v")
            assert pane_of(stage).view == name
            assert words in shown(stage)
            assert stage.app.focused is pane_of(stage).query_one(Scroll)
        await stage.press("v")
        assert stage.app.focused is pane_of(stage).query_one(PerformanceChart)
        await stage.press("V")
        assert pane_of(stage).view == "P&L"


async def test_escape_goes_back_to_the_curve_before_it_leaves_the_zoom() -> None:
    async with on_stage() as stage:
        await stage.press("2", "z", "v", "escape")
        assert (pane_of(stage).view, stage.app.panes.zoomed) == ("overview", True)
        await stage.press("escape")
        assert not stage.app.panes.zoomed


async def test_enter_shows_every_definition_and_goes_back() -> None:
    async with on_stage() as stage:
        await stage.press("2", "enter")
        assert (pane_of(stage).view, stage.app.panes.zoomed) == ("figures", True)
        assert "downside deviation; MAR is 0" in shown(stage)
        await stage.press("enter")
        assert pane_of(stage).view == "overview"


async def test_a_click_on_a_tab_shows_its_view() -> None:
    async with on_stage() as stage:
        await stage.press("2", "z")
        tabs = pane_of(stage).query_one("#perf-tabs", Painted)
        await stage.pilot.click(tabs, offset=(tabs.text.index("months") + 1, 0))
        await stage.settle()
        assert pane_of(stage).view == "months"


async def test_the_palette_leads_to_every_view_from_another_pane() -> None:
    async with on_stage() as stage:
        entries = {title: call for title, _, call in Commands(stage.app.screen)._entries()}
        entries["Performance months"]()
        await stage.settle()
        assert (pane_of(stage).view, stage.app.panes.active) == ("months", 2)
        assert {f"Performance {view}" for view in VIEWS} <= set(entries)


async def test_the_large_curve_takes_most_of_the_zoomed_pane() -> None:
    async with on_stage() as stage:
        await stage.press("2", "z")
        assert pane_of(stage).query_one(PerformanceChart).size.height >= 24


async def test_the_curve_is_read_point_by_point_with_keys_and_mouse() -> None:
    async with on_stage() as stage:
        await stage.press("2", "z", "full_stop")
        view = pane_of(stage).query_one(PerformanceChart)
        assert "02 Mar 2026   103,8" in stage.head(2)
        assert "│" in view.render_line(3).text
        await stage.press(*["comma"] * 30)
        assert "22 Feb 2026" in stage.head(2) and "drawdown  -0.43 %" in stage.head(2)
        assert "[1M]" in stage.head(2)
        await stage.press("escape")
        assert "drawdown" not in stage.head(2) and "│" not in view.render_line(3).text
        assert stage.app.panes.zoomed
        await stage.pilot.hover(view, offset=(0, 3))
        await stage.settle()
        assert "31 Jan 2026" in stage.head(2)


async def test_growth_is_drawn_beside_the_benchmark_with_a_legend() -> None:
    async with on_stage() as stage:
        await stage.press("2", "z", "i")
        tabs = pane_of(stage).query_one("#perf-tabs", Painted).text
        assert "━ growth" in tabs and "╌╌ SPY" in tabs and "▴ paid in" in tabs
        view = pane_of(stage).query_one(PerformanceChart)
        assert {"second", "chart", "mark"} <= {run.tone for line in view._lines for run in line}
        assert "%" in view.text.splitlines()[0]


async def test_within_a_day_no_benchmark_is_drawn() -> None:
    async with on_stage() as stage:
        stage.engine.answers["performance"] = lambda args: {
            **rest_of_answer(curve(), FIGURES),
            "window": args["window"],
            "curve": [[NOW - (60 - n) * S, 100_000 + n, 1 + n / 1e5, 0] for n in range(60)],
            "benchmark": {"symbol": "SPY", "curve": [[NOW - 86_400 * S, 1.0], [NOW, 1.01]]},
        }
        await stage.press("2", "z", "i", "W", "W")
        await eventually(lambda: stage.app.world.performance.loaded == "1D")
        await stage.settle()
        assert "SPY" not in pane_of(stage).query_one("#perf-tabs", Painted).text


async def test_another_benchmark_is_asked_for_and_kept() -> None:
    kept: list[str] = []
    async with on_stage(save_benchmark=kept.append) as stage:
        await stage.press("2", "b")
        await stage.press(*["backspace"] * 3, *"qqq", "enter")
        await eventually(lambda: stage.window == "MainScreen")
        assert kept == ["QQQ"]
        assert stage.app.world.performance.symbol == "QQQ"
        assert ("performance", {"window": "1M", "benchmark": "QQQ"}) in stage.engine.asked


async def test_a_benchmark_chosen_before_is_asked_for_from_the_start() -> None:
    async with on_stage(benchmark="IWM") as stage:
        assert ("performance", {"window": "1M", "benchmark": "IWM"}) in stage.engine.asked


async def test_an_empty_account_says_what_is_being_read() -> None:
    engine = FakeEngine(empty=True)
    engine.answers["performance"] = lambda args: {
        "window": args["window"],
        "progress": "reading the account's daily equity",
    }
    async with on_stage(engine) as stage:
        assert "reading the account's daily equity …" in stage.text()
        engine.answers["performance"] = lambda args: {"window": args["window"]}
        stage.app.load_performance()
        await eventually(lambda: stage.app.world.performance.told.progress == "")
        await stage.settle()
        assert "no history in this window yet" in stage.text()


async def test_the_curve_moves_with_the_account_at_most_once_a_second() -> None:
    now = [NOW]
    async with on_stage(now_ns=lambda: now[0]) as stage:
        view = pane_of(stage).query_one(PerformanceChart)
        stage.app.world.account = account(equity=Decimal("104990.10"), as_of_ns=NOW + 1)
        now[0] += S // 2
        await stage.settle()
        assert "104,990" not in view.text
        now[0] += S
        await stage.settle()
        assert "104,990" in view.text
