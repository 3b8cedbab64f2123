"""What is told of a trade, and what is not."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugtui.control.messages import TraderTrade, encode
from plugtui.traders.redaction import position_key, redact, redact_all, side_of, trade_id
from tests.traders.support import execution


@pytest.mark.parametrize(
    ("qty", "before", "said"),
    [
        (5, 0, "bought"),
        (5, 10, "bought"),
        (5, -10, "covered"),
        (5, -2, "covered"),
        (-5, 10, "sold"),
        (-5, 2, "sold"),
        (-5, 0, "sold short"),
        (-5, -3, "sold short"),
    ],
)
def test_the_sign_of_the_position_says_what_was_done(qty: int, before: int, said: str) -> None:
    assert side_of(Decimal(qty), Decimal(before)) == said
    assert redact("ann", execution(qty, 10, held=before + qty)).side == said
    assert redact_all("ann", [execution(qty, 10)], {"AAPL": Decimal(before + qty)})[0].side == said


def test_without_a_known_position_a_sale_is_a_sale() -> None:
    assert redact("ann", execution(-5, 10)).side == "sold"
    assert redact("ann", execution(5, 10)).side == "bought"


def test_a_trade_tells_no_quantity_no_position_and_no_order() -> None:
    secret = execution(12345, "10.5", order="904837e3-3b76-47ec-b432-046db621571b", held=67890)
    told = encode(redact("ann", secret)).decode()
    assert set(json.loads(told)) == {"type", "trader", "trade_id", "symbol", "side", "price", "time_ns", "recovered"}
    for word in ("12345", "67890", "904837e3", "mine"):
        assert word not in told


def test_a_trade_of_twice_the_size_looks_the_same() -> None:
    assert redact("ann", execution(5, 10, held=5)) == redact("ann", execution(10, 10, held=10))


def test_partial_fills_of_an_order_are_one_trade_with_the_first_price() -> None:
    parts = [execution(2, 10, at=1), execution(3, 11, at=2), execution(1, 12, order="o2", at=3)]
    trades = redact_all("ann", reversed(parts), {"AAPL": Decimal(6)})
    assert [(t.price, t.time_ns) for t in trades] == [(Decimal(10), 1), (Decimal(12), 3)]


def test_the_id_is_the_same_for_each_part_and_another_for_another_trader() -> None:
    assert redact("ann", execution(2, 10, at=1)).trade_id == redact("ann", execution(3, 11, at=2)).trade_id
    assert trade_id("ann", "o1") != trade_id("bob", "o1")


def test_crypto_is_never_sold_short_nor_covered_whatever_the_fees_took() -> None:
    bought = redact_all("ann", [execution(1, 10, symbol="BTC/USD")], {"BTCUSD": Decimal("0.9975")})
    assert bought[0].side == "bought"
    sold = redact_all("ann", [execution(-1, 10, symbol="BTC/USD")], {})
    assert sold[0].side == "sold"
    assert position_key("BTC/USD") == "BTCUSD"


STEPS = st.lists(st.integers(-9, 9).filter(bool), min_size=1, max_size=30)


@given(STEPS, st.integers(-9, 9))
def test_worked_out_backwards_every_side_is_what_it_was_forwards(steps: list[int], start: int) -> None:
    position, executions, expected = start, [], []
    for at, step in enumerate(steps):
        expected.append(side_of(Decimal(step), Decimal(position)))
        position += step
        executions.append(execution(step, 10, order=f"o{at}", at=at))
    trades: list[TraderTrade] = redact_all("ann", executions, {"AAPL": Decimal(position)})
    assert [trade.side for trade in trades] == expected
