"""The order window: brackets and replacements reachable from one another, executions, price against the limit, messages."""

from decimal import Decimal
from typing import Any

import pytest

from plugtui.tui.model.order_family import Relative, family_of, role_of
from tests.support import eventually
from tests.tui.fakes import NOW, FakeEngine, S, fill, order
from tests.tui.pilot import on_stage


def related(order_id: str, **changes: Any) -> dict[str, Any]:
    """An order as the engine tells it."""
    return {
        "order_id": order_id, "symbol": "AAPL", "side": "buy", "type": "limit", "tif": "gtc", "qty": "10",
        "limit_price": "230.50", "stop_price": None, "status": "filled", "filled_qty": "10", "filled_avg_price": "228.22",
        "submitted_ns": NOW, "replaced_by": None, "replaces": None, "parent_id": None, **changes,
    }  # fmt: skip


LEG = {"side": "sell", "parent_id": "entry", "status": "new", "filled_qty": "0", "filled_avg_price": None}
BRACKET = [
    related("entry"),
    related("gain", limit_price="273.86", **LEG),
    related("loss", type="stop_limit", stop_price="182.58", limit_price="180.29", **LEG),
]


def life(order_id: str) -> dict[str, Any]:
    """The engine's answer for one of the bracket's orders."""
    own = next(row for row in BRACKET if row["order_id"] == order_id)
    row = {**own, "client_order_id": f"client-{order_id}", "updated_ns": NOW, "algo": "brackets",
           "raw": '{"expired_at": null, "legs": [{"held": true, "hwm": null}]}'}  # fmt: skip
    events = [{"event": "new", "time_ns": NOW - S, "recovered": 0, "raw": '{"event": "new"}'}]
    return {"order": row, "events": events, "executions": [], "family": BRACKET}


def engine_with_bracket() -> FakeEngine:
    engine = FakeEngine()
    engine.answers["order"] = lambda args: life(args["id"])
    return engine


def test_a_bracket_has_an_entry_and_two_legs() -> None:
    family = family_of({"family": BRACKET})
    assert [role_of(one, family) for one in family] == ["entry", "take profit", "stop loss"]
    assert [one.terms for one in family] == ["limit 230.50", "limit 273.86", "stop 182.58 limit 180.29"]


def test_a_chain_of_replacements_says_which_came_first() -> None:
    family = [Relative("a", replaced_by="b"), Relative("b", replaces="a", replaced_by="c"), Relative("c", replaces="b")]
    assert [role_of(one, family) for one in family] == ["first", "replacement", "replacement"]


@pytest.mark.parametrize(
    ("side", "limit", "paid", "said"),
    [
        ("buy", "10", "9.75", "0.25 better, +25.00"),
        ("sell", "10", "10.5", "0.50 better, +50.00"),
        ("buy", "10", "10", "at the limit"),
        ("buy", "10", "10.01", "0.01 worse, -1.00"),
        ("buy", None, "10", ""),
        ("buy", "10", None, ""),
    ],
)
def test_the_price_is_compared_with_the_limit(side: str, limit: str | None, paid: str | None, said: str) -> None:
    one = Relative("a", side=side, limit_price=limit and Decimal(limit), filled_qty=Decimal(100),
                   filled_avg_price=paid and Decimal(paid))  # type: ignore[arg-type]  # fmt: skip
    assert one.against_limit == said


def test_an_answer_of_an_older_engine_has_no_family() -> None:
    assert family_of({}) == []
    assert family_of({"family": [{"strange": 1}]}) == []


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_from_the_entry_one_key_leads_to_each_leg_and_back(size: tuple[int, int]) -> None:
    async with on_stage(engine_with_bracket(), size=size) as stage:
        stage.app.show_order("entry")
        await eventually(lambda: "▸" in stage.text() and "take profit" in stage.text())
        await stage.settle()
        text = stage.text()
        assert "limit 230.50, gtc" in text and "2.28 better, +22.80" in text
        assert "stop 182.58 limit 180.29" in text and "next order" in text
        await stage.press("right")
        await eventually(lambda: "limit 273.86, gtc" in stage.text())
        await stage.press("right")
        await eventually(lambda: "stop loss, 3 orders" in stage.text())
        await stage.press("right")
        await eventually(lambda: "entry, 3 orders" in stage.text())
        await stage.press("left")
        await eventually(lambda: "stop loss, 3 orders" in stage.text())


async def test_an_order_that_stands_alone_offers_no_next_one() -> None:
    async with on_stage() as stage:
        await stage.press("1", "enter")
        assert "Order" in stage.text() and "next order" not in stage.text()
        await stage.press("right")
        assert "Order" in stage.text()


async def test_messages_are_shown_on_demand_without_empty_fields() -> None:
    async with on_stage(engine_with_bracket()) as stage:
        stage.app.show_order("entry")
        await eventually(lambda: "2 raw messages" in stage.text())
        await stage.press("m")
        text = stage.text()
        assert '"held": true' in text and "expired_at" not in text and "hwm" not in text
        await stage.press("m")
        assert '"held": true' not in stage.text()


async def test_partial_executions_stand_in_order_with_the_time_between_them_and_a_new_step_appears() -> None:
    async with on_stage(size=(80, 24)) as stage:
        about = {"order_id": "part", "symbol": "NVDA", "side": "buy", "order_qty": Decimal(90), "algo": "meanrev"}
        stage.engine.record(order(7, "new", "new", order_id="part", symbol="NVDA", side="buy", qty=Decimal(90)))
        stage.engine.record(fill(9001, execution_id="p1", qty=Decimal(18), cum_qty=Decimal(18), time_ns=NOW, **about))
        await eventually(lambda: stage.app.world.orders.get("part"))
        stage.app.show_order("part")
        await eventually(lambda: "18 in all" in stage.text())
        assert "partially filled" in stage.text()
        stage.engine.record(
            fill(9002, execution_id="p2", qty=Decimal(72), cum_qty=Decimal(90), time_ns=NOW + 15_000_000, **about)
        )
        await eventually(lambda: stage.app.tick() or "90 in all" in stage.text())
        assert "+15 ms" in stage.text()
