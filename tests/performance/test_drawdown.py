"""Drawdown against its definition."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from plugtui.performance.drawdown import drawdowns, max_drawdown, top_drawdowns, underwater
from plugtui.performance.returns import growth
from tests.performance.support import returns_of

CHANGES = st.lists(st.floats(-0.9, 2.0), min_size=1, max_size=40)


@given(CHANGES)
def test_drawdown_is_the_distance_from_the_running_peak(changes: list[float]) -> None:
    returns = returns_of(changes)
    index, peak, expected = growth(returns), 1.0, []
    for value in index:
        peak = max(peak, value)
        expected.append(value / peak - 1)
    np.testing.assert_allclose(underwater(returns), expected, atol=1e-11)
    assert max_drawdown(returns) == underwater(returns).min()


@given(CHANGES)
def test_drawdowns_do_not_overlap_and_the_deepest_is_the_max(changes: list[float]) -> None:
    found = drawdowns(returns_of(changes))
    for fall, following in pairwise(found):
        assert fall.recovery_ns is not None and following.valley_ns > fall.recovery_ns
    assert min((fall.depth for fall in found), default=0.0) == max_drawdown(returns_of(changes))


def test_a_loss_on_the_first_day_counts() -> None:
    returns = returns_of([-0.2, 0.1])
    assert round(max_drawdown(returns), 12) == -0.2
    assert drawdowns(returns)[0].peak_ns is None


def test_an_index_back_at_its_peak_has_recovered_in_spite_of_rounding() -> None:
    (fall,) = drawdowns(returns_of([0.1, -0.3, 1 / 0.7 - 1]))
    assert fall.recovery_ns is not None


def test_the_deepest_come_first_and_no_more_than_asked_for() -> None:
    depths = [fall.depth for fall in top_drawdowns(returns_of([-0.1, 0.5, -0.3, 1.0, -0.2, 1.0]), 2)]
    assert np.allclose(depths, [-0.3, -0.2])


def test_no_returns_have_no_drawdown() -> None:
    assert max_drawdown(returns_of([])) == 0.0
    assert drawdowns(returns_of([])) == []
