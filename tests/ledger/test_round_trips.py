"""Round trips: known answers of others, and the sum that always holds."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugtui.ledger.round_trips import TripBook

# pyfolio-reloaded, tests/test_round_trips.py (Apache-2.0), as collected in domain/known_answers.json:
# fills as (signed quantity, price) and the trips that come of them as (pnl, return, long).
PYFOLIO = [
    ([(2, 10), (-2, 15)], [(10, 0.5, True)]),
    ([(2, 10), (2, 15), (-9, 10)], [(-10, -0.2, True)]),
    ([(2, 10), (-4, 15), (3, 20)], [(10, 0.5, True), (-10, -0.3333333333333333, False)]),
]


def played(fills: list[tuple[int, int]]) -> TripBook:
    book = TripBook("AAPL")
    for n, (qty, price) in enumerate(fills):
        book.fill(Decimal(qty), Decimal(price), n)
    return book


@pytest.mark.parametrize(("fills", "expected"), PYFOLIO)
def test_trips_are_those_of_pyfolio(fills: list[tuple[int, int]], expected: list[tuple[int, float, bool]]) -> None:
    trips = played(fills).trips()
    assert [(trip.pnl, trip.long) for trip in trips] == [(pnl, long) for pnl, _, long in expected]
    assert [trip.ret for trip in trips] == pytest.approx([ret for _, ret, _ in expected])


def test_an_exit_in_pieces_is_one_trip_at_its_average_price() -> None:
    (trip,) = played([(4, 10), (-1, 12), (-3, 16)]).trips()
    assert (trip.qty, trip.entry_price, trip.exit_price, trip.pnl) == (4, 10, 15, 20)
    assert (trip.opened_ns, trip.closed_ns) == (0, 2)


def test_entries_after_a_partial_exit_are_a_lot_of_their_own() -> None:
    book = played([(2, 10), (-1, 12), (1, 20), (-2, 20)])
    assert [(trip.qty, trip.pnl) for trip in book.trips()] == [(1, 2), (2, 10)]
    assert book.qty == 0


def test_fees_reduce_the_result_and_nothing_is_lost_of_them() -> None:
    book = TripBook("AAPL")
    book.fill(Decimal(3), Decimal(10), 0, fee=Decimal("0.10"))
    book.fill(Decimal(-1), Decimal(11), 1, fee=Decimal("0.05"))
    book.fill(Decimal(-2), Decimal(11), 2)
    assert book.realized == Decimal("3") - Decimal("0.15")
    assert sum(trip.pnl for trip in book.trips()) == book.realized


quantities = st.decimals(min_value="-1000", max_value="1000", places=9).filter(lambda q: q != 0)
prices = st.decimals(min_value="0.000000001", max_value="100000", places=9)


@given(st.lists(st.tuples(quantities, prices, st.decimals("0", "5", places=4)), max_size=40), prices)
@settings(max_examples=300, deadline=None)
def test_trips_and_open_result_are_the_cash_flows_and_what_is_held(
    fills: list[tuple[Decimal, Decimal, Decimal]], mark: Decimal
) -> None:
    book = TripBook("X")
    cash, held = Fraction(0), Fraction(0)
    for n, (qty, price, fee) in enumerate(fills):
        book.fill(qty, price, n, fee)
        cash -= Fraction(qty) * Fraction(price) + Fraction(fee)
        held += Fraction(qty)
    trips = sum((Fraction(trip.pnl) for trip in book.trips()), Fraction(0))
    assert trips + Fraction(book.unrealized(mark)) == cash + held * Fraction(mark)
    assert Fraction(book.realized) == trips
    assert Fraction(book.qty) == held
    assert Fraction(book.cash) == cash
    if not held:
        assert book.open_cash == 0
