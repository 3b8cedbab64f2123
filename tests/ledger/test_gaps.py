"""Gaps: one open at a time for each stream, numbered on."""

from plugtui.control.messages import Gap
from plugtui.ledger.gaps import GapBook


def test_a_gap_opens_once_and_closes_with_what_was_recovered() -> None:
    book = GapBook(last_id=4)
    gap = book.plan_open("account", 10, "cut")
    assert book.current("account") is None
    book.apply(gap)
    assert book.plan_open("account", 12, "cut again") == gap
    closed = book.plan_close("account", 30, recovered=3, lost="")
    assert closed == Gap(gap_id=5, stream="account", from_ns=10, to_ns=30, reason="cut", recovered=3)
    book.apply(closed)
    assert book.plan_close("account", 31) is None
    assert book.plan_open("data iex", 40, "x").gap_id == 6


def test_a_gap_of_an_earlier_run_is_taken_up() -> None:
    book = GapBook(last_id=9)
    old = Gap(gap_id=7, stream="account", from_ns=1, reason="killed")
    book.restore(old)
    assert book.plan_open("account", 50, "the engine was not running") == old
