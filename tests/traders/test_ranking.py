"""Who stands where on the leaderboard, and why."""

import pytest

from plugtui.control.messages import Figures, TraderState
from plugtui.performance.ratios import Undefined
from plugtui.traders.ranking import FORMULA, SORTS, badge_of, eligible, rank, score

GOOD = Figures(days=60, round_trips=20, sortino=2.0, max_drawdown=-0.1, total_return=0.2)


def like_good(**changes: object) -> Figures:
    return Figures(
        **{"days": 60, "round_trips": 20, "sortino": 2.0, "max_drawdown": -0.1, "total_return": 0.2, **changes}
    )  # type: ignore[arg-type]


def test_sixty_days_halve_the_sortino() -> None:
    assert score(GOOD, 0.5) == pytest.approx(1.0)


def test_a_longer_history_is_believed_more() -> None:
    short, long = score(like_good(days=30), 0.5), score(like_good(days=600), 0.5)
    assert isinstance(short, float) and isinstance(long, float) and short < long < 2.0


def test_the_sortino_is_capped_and_counts_in_full_when_negative() -> None:
    assert score(like_good(sortino=100.0), 0.5) == pytest.approx(2.5)
    assert score(like_good(sortino=-3.0), 0.5) == pytest.approx(-1.5)


def test_a_drawdown_beyond_twenty_percent_costs() -> None:
    assert score(like_good(max_drawdown=-0.20), 0.5) == pytest.approx(1.0)
    assert score(like_good(max_drawdown=-0.30), 0.5) == pytest.approx(0.5)


def test_without_losses_a_gain_counts_as_the_cap_and_no_gain_as_nothing() -> None:
    assert score(like_good(sortino=None), 0.5) == pytest.approx(2.5)
    assert score(like_good(sortino=None, total_return=0.0), 0.5) == Undefined("neither gains nor losses")


@pytest.mark.parametrize(
    ("figures", "deployed", "reason"),
    [
        (like_good(days=29), 0.5, "29 of 30 days of history"),
        (like_good(round_trips=9), 0.5, "9 of 10 round trips"),
        (GOOD, 0.009, "0.9% deployed, 1% needed"),
        (GOOD, Undefined("no capital"), "no capital"),
    ],
)
def test_who_is_not_eligible_is_told_why(figures: Figures, deployed: float | Undefined, reason: str) -> None:
    assert eligible(figures, deployed) == Undefined(reason)
    assert score(figures, deployed) == Undefined(reason)


def test_the_formula_on_the_screen_names_its_numbers() -> None:
    for word in ("Sortino,5", "n/(n+60)", "20%", "30 days", "10 round trips", "1%"):
        assert word in FORMULA


def test_the_formula_itself_is_one_line_that_stands_in_half_of_a_normal_terminal() -> None:
    assert len(FORMULA.split("\n")[0]) <= 55


@pytest.mark.parametrize(
    ("url", "key", "badge"),
    [
        ("https://api.alpaca.markets", "AKXYZ", "verified"),
        ("https://paper-api.alpaca.markets", "PKXYZ", "paper"),
        ("https://paper-api.alpaca.markets", "oauth", "paper"),
        ("http://127.0.0.1:9000", "PKXYZ", "paper"),
        ("http://127.0.0.1:9000", "AKXYZ", "self-reported"),
        ("https://api.alpaca.markets.example.com", "AKXYZ", "self-reported"),
    ],
)
def test_the_badge_says_where_a_record_comes_from(url: str, key: str, badge: str) -> None:
    assert badge_of(url, key) == badge


def trader(name: str, badge: str = "paper", points: float | None = None, total: float | None = None) -> TraderState:
    figures = {"1M": Figures(total_return=total)}
    return TraderState(name=name, followed=False, badge=badge, stream="live", score=points, figures=figures)


def test_badges_never_mix() -> None:
    states = [
        trader("a", "paper", 9.0),
        trader("b", "self-reported", 8.0),
        trader("c", "verified", 1.0),
        trader("d", "verified"),
    ]
    assert [state.name for state in rank(states)] == ["c", "d", "a", "b"]


def test_who_has_no_figure_stands_last_and_equals_stand_by_name() -> None:
    states = [trader("b", points=1.0), trader("z"), trader("a", points=1.0), trader("c", points=2.0)]
    assert [state.name for state in rank(states)] == ["c", "a", "b", "z"]


def test_a_sort_uses_the_window_that_was_chosen() -> None:
    states = [trader("a", total=0.1), trader("b", total=0.3), trader("c")]
    assert [state.name for state in rank(states, "return", "1M")] == ["b", "a", "c"]
    assert [state.name for state in rank(states, "return", "1Y")] == ["a", "b", "c"]


@pytest.mark.parametrize("sort", SORTS)
def test_every_sort_works_on_traders_without_a_record(sort: str) -> None:
    assert len(rank([trader("a"), trader("b")], sort)) == 2


def test_an_unknown_sort_is_named_with_what_was_expected() -> None:
    with pytest.raises(ValueError, match="sort was 'luck', expected one of score, return"):
        rank([], "luck")
