"""The leaderboard's lists and ranks, why one is not ranked, the record as the engine tells it, curves of a window."""

import pytest

from plugtui.control.messages import TraderState
from plugtui.tui.model.performance import Curve
from plugtui.tui.model.table import Sort
from plugtui.tui.model.traders import TraderBoard, TraderProfile, cut, list_of, unranked_because
from tests.tui.fakes import NOW, S, curve, figures, trade, trader

DAY = 86_400 * S
WHY = "12 of 30 days of history"


def young(name: str, badge: str = "verified") -> TraderState:
    """A trader without a score."""
    return trader(name, badge=badge, score=None, figures={"ALL": figures(undefined={"score": WHY})})


def board(*states: TraderState) -> TraderBoard:
    made = TraderBoard()
    made.update(list(states))
    return made


def mixed() -> TraderBoard:
    """As the engine ranks: by badge, then by score."""
    return board(
        trader("a", badge="verified", score=1.0),
        young("b"),
        trader("c", badge="paper", score=9.0),
        trader("d", badge="paper", score=2.0),
        trader("e", badge="self-reported", score=5.0),
    )


def shown(of: TraderBoard) -> str:
    return "".join(row.state.name for row in of.board.view())


def test_a_better_score_never_lifts_a_record_into_the_list_of_another_badge() -> None:
    assert shown(mixed()) == "abcde"
    assert [row.rank for row in mixed().board.view()] == [1, None, 1, 2, 1]
    assert [heading for _, heading in mixed().board.headings()] == [
        list_of("verified"), list_of("paper"), list_of("self-reported"),
    ]  # fmt: skip


@pytest.mark.parametrize("key", ["score", "return", "name", "sharpe", "trades"])
@pytest.mark.parametrize("descending", [True, False])
def test_no_sort_mixes_the_lists_and_the_rank_stays_that_of_the_formula(key: str, descending: bool) -> None:
    of = mixed()
    of.board.sort = Sort(key, descending)
    assert sorted(shown(of)[:2]) == ["a", "b"]
    assert sorted(shown(of)[2:4]) == ["c", "d"]
    assert shown(of)[4] == "e"
    assert {row.state.name: row.rank for row in of.board.view()} == {"a": 1, "b": None, "c": 1, "d": 2, "e": 1}


def test_who_is_not_ranked_says_why() -> None:
    assert unranked_because(young("b")) == WHY
    assert unranked_because(trader("a")) == ""
    assert unranked_because(trader("x", score=None, figures={}, detail="its key is gone")) == "its key is gone"
    assert mixed().board.view()[1].why == WHY


def test_a_badge_that_is_not_known_has_a_list_of_its_own() -> None:
    of = board(trader("a", badge="verified"), trader("z", badge="ownership-proved"))
    assert [heading for _, heading in of.board.headings()] == [list_of("verified"), "ownership-proved"]


def test_a_record_reads_what_an_older_engine_leaves_out_as_nothing() -> None:
    assert len(TraderProfile.of({}).curve) == 0
    assert TraderProfile.of({}).trades == []


def test_a_record_has_its_curve_its_trades_and_its_falls() -> None:
    first = trade(1)
    profile = TraderProfile.of(
        {
            "curve": [[t, index, drawdown] for t, _, index, drawdown in curve(50)],
            "trades": [{"trader": "northstar", "trade_id": "t1", "symbol": first.symbol, "side": first.side,
                        "price": str(first.price), "time_ns": first.time_ns, "recovered": False}],
            "drawdowns": [{"depth": -0.2, "peak_ns": None, "valley_ns": NOW, "recovery_ns": None, "days": 4}],
            "exposure": 0.7,
        }
    )  # fmt: skip
    assert len(profile.curve) == 50
    assert profile.trades == [first]
    assert profile.drawdowns[0].depth == -0.2
    assert profile.exposure == 0.7


def test_a_window_of_a_curve_grows_from_one_and_falls_from_its_own_peak() -> None:
    times = [NOW - n * 10 * DAY for n in range(9, -1, -1)]
    index = [1.0, 2.0, 4.0, 3.0, 1.0, 2.0, 4.0, 5.0, 4.0, 6.0]
    whole = Curve(times, index, index, [0.0] * 10)
    part, name = cut(whole, "1M")
    assert name == "1M"
    assert list(part.index) == [1.0, 1.25, 1.0, 1.5]
    assert list(part.drawdown) == pytest.approx([0.0, 0.0, -0.2, 0.0])


def test_the_curve_of_a_window_ends_at_the_return_that_the_figures_tell() -> None:
    times = [NOW - n * 10 * DAY for n in range(9, -1, -1)]
    whole = Curve(times, times, [1 + n / 10 for n in range(10)], [0.0] * 10)
    part, _ = cut(whole, "1M", 0.25)
    assert part.index[-1] == pytest.approx(1.25)
    assert part.index[1] / part.index[0] == pytest.approx(1.7 / 1.6)


@pytest.mark.parametrize("window", ["1D", "1W", "ALL"])
def test_a_window_with_hardly_a_point_shows_the_whole_record(window: str) -> None:
    times = [NOW - n * 10 * DAY for n in range(9, -1, -1)]
    whole = Curve(times, times, [1.0] * 10, [0.0] * 10)
    assert cut(whole, window) == (whole, "ALL")
    assert cut(Curve(), window) == (Curve(), "ALL")
