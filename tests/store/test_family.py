"""Which orders belong together: replacements before and after, a bracket's entry and its legs."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from plugtui.ledger.book import Changes
from plugtui.ledger.orders import OrderRecord
from plugtui.store import ledger_rows
from plugtui.store.store import Store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(tmp_path / "ledger.sqlite3")
    yield store
    await store.aclose()


async def keep(store: Store, *orders: tuple[str, dict[str, Any]]) -> None:
    changes = Changes()
    for at, (name, relations) in enumerate(orders):
        changes.orders[name] = OrderRecord(order_id=name, submitted_ns=at, updated_ns=at, **relations)
    await store.write(*ledger_rows.statements(changes))


async def names(store: Store, order_id: str) -> str:
    return " ".join(str(row["order_id"]) for row in await ledger_rows.family(store, order_id))


@pytest.mark.parametrize("asked", ["a", "b", "c"])
async def test_a_chain_of_replacements_is_found_from_any_of_its_orders(store: Store, asked: str) -> None:
    await keep(
        store,
        ("x", {}),
        ("a", {"replaced_by": "b"}),
        ("b", {"replaces": "a", "replaced_by": "c"}),
        ("c", {"replaces": "b"}),
    )
    assert await names(store, asked) == "a b c"


@pytest.mark.parametrize("asked", ["entry", "gain", "loss", "loss2"])
async def test_a_bracket_is_found_from_the_entry_and_from_each_leg_also_one_that_was_replaced(
    store: Store, asked: str
) -> None:
    await keep(
        store,
        ("entry", {}),
        ("gain", {"parent_id": "entry"}),
        ("loss", {"parent_id": "entry", "replaced_by": "loss2"}),
        ("loss2", {"replaces": "loss"}),
        ("other", {"parent_id": "another"}),
    )
    assert await names(store, asked) == "entry gain loss loss2"


async def test_an_order_alone_is_its_own_family_and_an_unknown_one_has_none(store: Store) -> None:
    await keep(store, ("a", {}))
    assert await names(store, "a") == "a"
    assert await names(store, "nobody") == ""


async def test_a_chain_without_end_is_cut_and_keeps_the_order_asked_for(store: Store) -> None:
    chain = [(f"o{n:03}", {"replaces": f"o{n - 1:03}" if n else None}) for n in range(400)]
    await keep(store, *chain)
    found = (await names(store, "o200")).split()
    assert "o200" in found
    assert len(found) < 60
