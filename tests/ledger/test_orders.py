"""Merging statements about one order: independent of what came first."""

from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from plugtui.ledger.orders import OrderRecord, event_key, family, merge
from tests.ledger.support import START_NS, order_json

STATUSES = ["new", "accepted", "partially_filled", "pending_cancel", "filled", "canceled", "replaced"]


def record(status: str, filled: int, at: int) -> OrderRecord:
    return next(family(order_json("a", status, str(filled), START_NS + at), time_ns=START_NS))


records = st.builds(record, st.sampled_from(STATUSES), st.integers(0, 10), st.integers(0, 5))


@given(st.lists(records, min_size=1, max_size=4))
@settings(max_examples=200, deadline=None)
def test_the_outcome_does_not_depend_on_order_or_repetition(statements: list[OrderRecord]) -> None:
    outcomes = set()
    for order in permutations(statements):
        known: OrderRecord | None = None
        for statement in [*order, *order]:
            known = merge(known, statement)
        assert known is not None
        outcomes.add((known.status, known.filled_qty, known.updated_ns, known.raw))
    assert len(outcomes) == 1


def test_a_late_older_event_takes_no_order_back() -> None:
    canceled = record("canceled", 3, 5)
    assert merge(canceled, record("new", 0, 1)) == canceled
    assert merge(canceled, record("partially_filled", 3, 9)).status == "canceled"
    filled = merge(record("partially_filled", 5, 2), record("new", 0, 3))
    assert (filled.status, filled.filled_qty) == ("new", 5)


def test_events_that_happen_once_are_named_by_order_and_event() -> None:
    assert event_key("a", "canceled", 1, "x") == event_key("a", "canceled", 2)
    assert event_key("a", "pending_cancel", 1) != event_key("a", "pending_cancel", 2)
