"""P&L per algorithm and symbol: strategies and unattributed always add up to the account."""

from decimal import Decimal

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from plugtui.ledger.executions import Execution
from plugtui.ledger.pnl import Opening, Pnl, PnlBook, account_trips, openings_of


def execution(n: int, algo: str | None, symbol: str, side: str, qty: str, price: str) -> Execution:
    return Execution(
        execution_id=f"e{n}", order_id=f"o{n}", symbol=symbol, side=side, qty=Decimal(qty), price=Decimal(price),
        cum_qty=Decimal(qty), time_ns=n, algo=algo,
    )  # fmt: skip


executions = st.lists(
    st.builds(
        execution,
        st.integers(1, 10**6),
        st.sampled_from(["meanrev", "momentum", None]),
        st.sampled_from(["AAPL", "BTC/USD"]),
        st.sampled_from(["buy", "sell"]),
        st.decimals("0.000000001", "100", places=9).map(lambda d: format(d, "f")).filter(lambda t: Decimal(t) > 0),
        st.decimals("0.01", "70000", places=6).map(lambda d: format(d, "f")),
    ),
    max_size=30,
    unique_by=lambda e: e.execution_id,
)
PRICES = {"AAPL": Decimal("189.5"), "BTC/USD": Decimal("61000.25")}


@given(executions)
@settings(max_examples=150, deadline=None)
def test_strategies_and_unattributed_add_up_to_the_account(known: list[Execution]) -> None:
    book = PnlBook.of(known)
    total = book.total(PRICES)
    assert sum(book.by_algo(PRICES).values(), Pnl()) == total
    assert sum(book.by_symbol(PRICES).values(), Pnl()) == total
    cash = sum((-e.signed_qty * e.price for e in known), Decimal(0))
    held = sum((e.signed_qty * PRICES[e.symbol] for e in known), Decimal(0))
    assert total.total == cash + held
    assert total.fills == len(known)


@given(executions, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_books_built_anew_are_the_same_whatever_came_first(known: list[Execution], chance: object) -> None:
    in_order = PnlBook.of(known)
    shuffled = list(known)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    book = PnlBook()
    late = {e.symbol for e in shuffled if not book.add(e)}
    for symbol in late:
        book.replace(symbol, [e for e in known if e.symbol == symbol])
    assert book.by_algo(PRICES) == in_order.by_algo(PRICES)
    assert book.trips("meanrev") == in_order.trips("meanrev")


def test_a_late_attribution_moves_a_result_and_leaves_the_sum() -> None:
    before = [execution(1, None, "AAPL", "buy", "2", "10"), execution(2, None, "AAPL", "sell", "2", "15")]
    book = PnlBook.of(before)
    assert book.by_algo({}) == {None: Pnl(Decimal(10), Decimal(0), 2)}
    book.replace("AAPL", [msgspec.structs.replace(e, algo="meanrev") for e in before])
    assert book.by_algo({}) == {"meanrev": Pnl(Decimal(10), Decimal(0), 2)}
    assert book.position("meanrev", "AAPL") == 0
    assert [trip.pnl for trip in book.trips("meanrev")] == [10]


def test_two_algorithms_against_each_other_are_flat_for_the_account() -> None:
    known = [execution(1, "a", "AAPL", "buy", "2", "10"), execution(2, "b", "AAPL", "sell", "2", "12")]
    book = PnlBook.of(known)
    assert book.total({"AAPL": Decimal(20)}) == Pnl(Decimal(0), Decimal(4), 2)
    assert book.by_algo({"AAPL": Decimal(20)})["a"].unrealized == 20
    assert [trip.pnl for trip in account_trips(known)] == [4]


def test_a_symbol_without_a_price_is_valued_at_its_last_execution() -> None:
    book = PnlBook.of([execution(1, "a", "AAPL", "buy", "2", "10"), execution(2, "a", "AAPL", "buy", "1", "13")])
    assert book.by_algo({})["a"].unrealized == 6


def test_what_was_held_before_is_what_is_held_less_what_was_traded() -> None:
    known = [
        execution(5, "a", "AAPL", "sell", "3", "12"),
        execution(6, "a", "BTC/USD", "buy", "0.5", "60000"),
    ]
    held = {
        "AAPL": (Decimal(-1), Decimal(11)),
        "BTCUSD": (Decimal("0.5"), Decimal(60000)),
        "F": (Decimal(7), Decimal(9)),
    }
    openings = openings_of(held, known, since_ns=1)
    assert openings == [
        Opening("AAPL", Decimal(2), Decimal(12), 4),
        Opening("F", Decimal(7), Decimal(9), 1),
    ]
    book = PnlBook.of(known, openings)
    assert {symbol: book.held(symbol) for symbol in ("AAPL", "BTC/USD", "F")} == {
        "AAPL": -1, "BTC/USD": Decimal("0.5"), "F": 7,
    }  # fmt: skip
    assert book.by_algo({"F": Decimal(10), "AAPL": Decimal(12)})[None] == Pnl(Decimal(0), Decimal(7), 0)
    book.replace("AAPL", known[:1])
    assert book.held("AAPL") == -1
    assert account_trips(known, openings)[0].qty == 2
