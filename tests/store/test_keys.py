"""Issued key pairs."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from plugtui.errors import ControlError
from plugtui.store.keys import KeyStore
from plugtui.store.store import Store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(tmp_path / "ledger.sqlite3")
    yield store
    await store.aclose()


async def test_an_issued_pair_is_accepted_and_a_wrong_secret_is_not(store: Store) -> None:
    keys = KeyStore(store)
    key, secret = await keys.add("meanrev", 1)
    assert key.key_id.startswith("PLUG")
    assert keys.with_id(key.key_id) == key
    assert key.accepts(secret.reveal())
    assert not key.accepts(secret.reveal() + "x")


async def test_the_secret_is_nowhere_in_the_database(store: Store) -> None:
    _, secret = await KeyStore(store).add("meanrev", 1)
    files = b"".join(path.read_bytes() for path in store.path.parent.glob("ledger.sqlite3*"))
    assert b"meanrev" in files
    assert secret.reveal().encode() not in files


async def test_pairs_outlive_the_engine(store: Store) -> None:
    key, secret = await KeyStore(store).add("meanrev", 7)
    again = KeyStore(store)
    assert await again.load() == [key]
    found = again.with_secret(secret.reveal())
    assert found is not None and found.name == "meanrev"


async def test_a_name_has_one_valid_pair_at_a_time(store: Store) -> None:
    keys = KeyStore(store)
    first, _ = await keys.add("meanrev", 1)
    with pytest.raises(ControlError, match="has a key already"):
        await keys.add("meanrev", 2)
    await keys.revoke("meanrev", 3)
    second, _ = await keys.add("meanrev", 4)
    assert keys.with_id(first.key_id) is None
    assert keys.with_id(second.key_id) == second


@pytest.mark.parametrize("name", ["", "a b", "-x", "x" * 41, "a/b", "manual", "Unattributed"])
async def test_names_that_would_confuse_are_refused(store: Store, name: str) -> None:
    with pytest.raises(ControlError):
        await KeyStore(store).add(name, 1)


async def test_pause_and_revocation_are_kept(store: Store) -> None:
    keys = KeyStore(store)
    await keys.add("a", 1)
    await keys.add("b", 1)
    await keys.set_paused("a", True)
    await keys.revoke("b", 9)
    again = KeyStore(store)
    await again.load()
    a, b = again.named("a"), again.named("b")
    assert a is not None and a.paused and not a.revoked
    assert b is not None and b.revoked_ns == 9


async def test_a_name_without_a_pair_is_told_with_those_that_have_one(store: Store) -> None:
    keys = KeyStore(store)
    await keys.add("meanrev", 1)
    with pytest.raises(ControlError) as refused:
        await keys.revoke("momentum", 2)
    assert "meanrev" in refused.value.hint
