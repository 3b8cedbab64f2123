"""Whether the engine before this one closed its streams, or may still be counted."""

from pathlib import Path

from plugtui.engine.previous import HEARD, broken_off_ns, end_tidily
from plugtui.store.store import Store


async def test_only_an_engine_that_broke_off_is_remembered(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "ledger.sqlite3")
    assert await broken_off_ns(store) is None
    await store.write(Store.put(HEARD, "77"))
    assert await broken_off_ns(store) == 77
    await end_tidily(store, lambda: 99)
    assert await broken_off_ns(store) is None
    assert await broken_off_ns(store) == 77
    await store.aclose()


async def test_a_ledger_that_is_closed_keeps_nobody_from_ending(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "ledger.sqlite3")
    await store.aclose()
    await end_tidily(store, lambda: 99)
