"""Figures and curves of the performance pane."""

from decimal import Decimal

from plugtui.control.messages import Figures
from plugtui.tui.model.performance import DEFINITIONS, Performance, curve_of, figure_texts, shares_of
from plugtui.tui.panes.performance import definition_lines, figure_grid, share_lines
from tests.tui.fakes import BY_ALGO, FIGURES, account, curve


def text_of(lines: object) -> list[str]:
    return ["".join(run.text for run in line) for line in lines]  # type: ignore[attr-defined]


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


def test_every_figure_has_a_definition_and_undefined_ones_their_reason() -> None:
    figures = figure_texts(Figures(undefined={"sharpe": "fewer than 20 days"}), account())
    assert {figure.key for figure in figures} == set(DEFINITIONS)
    lines = text_of(definition_lines(figures, 100))
    assert any("Sharpe" in line and "–" in line and "undefined: fewer than 20 days" in line for line in lines)


def test_a_grid_of_figures_cuts_nothing_at_any_width() -> None:
    figures = figure_texts(Figures(pnl=Decimal("-1234567.89"), total_return=0.5), account())
    for width in range(30, 120, 5):
        lines = text_of(figure_grid(figures, width, 3))
        assert len(lines) <= 3
        assert not any("…" in line for line in lines)
        assert all(len(line) <= width for line in lines)


def test_contributions_of_algorithms_and_symbols_stand_side_by_side() -> None:
    performance = Performance()
    performance.take({"window": "1M", "figures": {}, "curve": [], "by_algo": BY_ALGO, "by_symbol": {"AAPL": "12"}})
    lines = text_of(share_lines(performance, account(), 110, 10))
    assert any("pairs" in line and "+2,204.50" in line and "AAPL" in line and "25 @ 188.10" in line for line in lines)
