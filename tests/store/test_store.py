"""The database: what is acknowledged stays, what fails says what to do."""

import asyncio
import sqlite3
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from plugtui.errors import StoreError
from plugtui.store.schema import MIGRATIONS, VERSION
from plugtui.store.store import Store
from tests.support import eventually_sync, process

SAMPLE = "INSERT INTO equity_samples VALUES (?, ?, ?)"


async def test_what_was_written_is_read_at_once(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "ledger.sqlite3")
    await store.write((SAMPLE, (1, Decimal("104231.550"), Decimal("1E+2"))))
    rows = await store.read("SELECT * FROM equity_samples")
    assert [tuple(row) for row in rows] == [(1, "104231.550", "100")]
    await store.aclose()


async def test_a_transaction_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "ledger.sqlite3")
    with pytest.raises(StoreError, match="UNIQUE"):
        await store.write((SAMPLE, (1, "1", "1")), (SAMPLE, (2, "2", "2")), (SAMPLE, (1, "3", "3")))
    assert await store.read("SELECT * FROM equity_samples") == []
    with pytest.raises(OverflowError):
        await store.write((SAMPLE, (1, "1", "1")), (Store.put("x", "y")), (SAMPLE, (2**70, "2", "2")))
    await store.write((SAMPLE, (1, "1", "1")))
    assert len(await store.read("SELECT * FROM equity_samples")) == 1
    await store.aclose()


async def test_a_cancelled_writer_leaves_no_open_transaction(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "ledger.sqlite3")
    for n in range(20):
        writing = asyncio.get_running_loop().create_task(store.write((SAMPLE, (n, "1", "1"))))
        await asyncio.sleep(0)
        writing.cancel()
    await store.write((SAMPLE, (100, "1", "1")))
    assert (await store.read("SELECT count(*) FROM equity_samples WHERE time_ns = 100"))[0][0] == 1
    await store.aclose()


async def test_the_file_and_its_companions_are_private(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "ledger.sqlite3"
    store = await Store.open(path)
    await store.write((SAMPLE, (1, "1", "1")))
    assert {file.name: oct(file.stat().st_mode & 0o777) for file in path.parent.iterdir()} == {
        "ledger.sqlite3": "0o600",
        "ledger.sqlite3-wal": "0o600",
        "ledger.sqlite3-shm": "0o600",
    }
    await store.aclose()


async def test_small_values_are_kept_and_replaced(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "ledger.sqlite3")
    assert await store.get("heard") is None
    await store.write(Store.put("heard", "1"))
    await store.write(Store.put("heard", "2"))
    assert await store.get("heard") == "2"
    await store.aclose()


async def test_an_older_schema_is_migrated_and_a_newer_one_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    await (await Store.open(path)).aclose()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(StoreError, match="schema") as caught:
        await Store.open(path)
    assert "newer plugtui" in caught.value.hint


async def test_a_file_that_is_no_database_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    path.write_bytes(b"certainly not a database" * 100)
    with pytest.raises(StoreError, match="not a database") as caught:
        await Store.open(path)
    assert "Move the file away" in caught.value.hint


async def test_a_directory_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot open the ledger") as caught:
        await Store.open(tmp_path / "file" / "ledger.sqlite3")
    assert "PLUGTUI_HOME" in caught.value.hint


async def test_a_locked_database_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugtui.store.store.BUSY_TIMEOUT_S", 0.05)
    path = tmp_path / "ledger.sqlite3"
    store = await Store.open(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"):
        await store.write((SAMPLE, (1, "1", "1")))
    other.execute("ROLLBACK")
    other.close()
    await store.write((SAMPLE, (1, "1", "1")))
    await store.aclose()


async def test_a_full_disk_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    store = await Store.open(path)
    await store._writer.execute("PRAGMA max_page_count = 80")
    acknowledged = 0
    with pytest.raises(StoreError, match="no room left") as caught:
        for acknowledged in range(10_000):
            await store.write((SAMPLE, (acknowledged, "1" * 500, "1")))
    assert acknowledged > 50
    assert "Free space" in caught.value.hint
    assert (await store.read("SELECT count(*) FROM equity_samples"))[0][0] == acknowledged
    await store._writer.execute("PRAGMA max_page_count = 100000")
    await store.write((SAMPLE, (acknowledged, "1", "1")))
    await store.aclose()
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM equity_samples").fetchone() == (acknowledged + 1,)


_WRITER = """
import asyncio, sys
from plugtui.store.store import Store

async def main():
    store = await Store.open(sys.argv[1])
    n = 0
    while True:
        rows = [("INSERT INTO equity_samples VALUES (?, '1', '1')", (n * 50 + k,)) for k in range(50)]
        await store.write(*rows)
        n += 1
        print(n * 50, flush=True)

asyncio.run(main())
"""


async def test_a_killed_writer_leaves_every_acknowledged_row_and_no_half_batch(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    with process([sys.executable, "-c", _WRITER, str(path)]) as child:
        assert child.stdout is not None
        while int(child.stdout.readline()) < 1_000:
            pass
        child.kill()
        acknowledged = max([1_000, *(int(line) for line in child.stdout.read().split("\n")[:-1])])
        eventually_sync(lambda: child.poll() is not None)
    store = await Store.open(path)
    count = (await store.read("SELECT count(*) FROM equity_samples"))[0][0]
    assert count >= acknowledged
    assert count % 50 == 0
    assert [row[0] for row in await store.read("PRAGMA integrity_check")] == ["ok"]
    await store.aclose()


async def test_a_disk_limit_of_the_process_is_an_error_that_says_so(tmp_path: Path) -> None:
    script = """
import asyncio, resource, sys
from plugtui.store.store import Store
from plugtui.errors import StoreError

async def main():
    store = await Store.open(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
    n = 0
    try:
        while n < 10_000:
            await store.write(("INSERT INTO equity_samples VALUES (?, ?, '1')", (n, "1" * 2000)))
            n += 1
    except StoreError as error:
        print(n, error.title)
        print(len(await store.read("SELECT time_ns FROM equity_samples")))
    await store.aclose()

asyncio.run(main())
"""
    path = tmp_path / "ledger.sqlite3"
    with process([sys.executable, "-c", script, str(path)]) as child:
        out, err = child.communicate(timeout=60)
    lines = out.splitlines()
    assert len(lines) == 2, err
    acknowledged = int(lines[0].split()[0])
    assert 0 < acknowledged < 10_000
    assert int(lines[1]) == acknowledged
    store = await Store.open(path)
    assert (await store.read("SELECT count(*) FROM equity_samples"))[0][0] == acknowledged
    await store.aclose()


@pytest.mark.parametrize("version", range(VERSION))
async def test_each_old_schema_is_brought_up_to_date_with_its_rows(tmp_path: Path, version: int) -> None:
    path, fresh = tmp_path / "old.sqlite3", tmp_path / "fresh.sqlite3"
    with sqlite3.connect(path) as connection:
        for statements in MIGRATIONS[:version]:
            for statement in statements:
                connection.execute(statement)
        if version:
            connection.execute("INSERT INTO facts VALUES (7, 1, 'notice', '{}')")
        connection.execute(f"PRAGMA user_version = {version}")
    layouts = []
    for name in (path, fresh):
        store = await Store.open(name)
        layouts.append(
            [row[0] for row in await store.read("SELECT sql FROM sqlite_master WHERE sql != '' ORDER BY name")]
        )
        if name is path and version:
            assert (await store.read("SELECT seq FROM facts"))[0]["seq"] == 7
        await store.aclose()
    assert layouts[0] == layouts[1]


async def test_a_key_of_an_older_ledger_counts_as_used_when_it_had_a_session(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite3"
    with sqlite3.connect(path) as connection:
        for statements in MIGRATIONS[:2]:
            for statement in statements:
                connection.execute(statement)
        for name, created_ns in (("ran", 5), ("issued-anew", 50), ("never", 5)):
            connection.execute("INSERT INTO algo_keys VALUES (?, ?, '', ?, NULL, 0)", (name, name, created_ns))
        for name in ("ran", "issued-anew"):
            connection.execute("INSERT INTO sessions (algo, endpoint, from_ns) VALUES (?, '/v2/iex', 20)", (name,))
        connection.execute("PRAGMA user_version = 2")
    store = await Store.open(path)
    rows = await store.read("SELECT name, used_ns FROM algo_keys")
    assert {row["name"]: row["used_ns"] for row in rows} == {"ran": 20, "issued-anew": None, "never": None}
    await store.aclose()
