"""The commands about algorithms."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from plugtui.control.messages import Command
from plugtui.engine.clients.access import Identity
from plugtui.engine.clients.algos import AlgoDirectory
from plugtui.engine.clients.commands import AlgoCommands
from plugtui.engine.clients.sessions import SessionJournal
from plugtui.engine.control import Commands
from plugtui.engine.facts import FactLog
from plugtui.errors import ControlError
from plugtui.store.keys import KeyStore
from plugtui.store.store import Store
from tests.engine.rest_kit import NoPrograms


@dataclass
class Desk:
    commands: Commands
    directory: AlgoDirectory
    keys: KeyStore
    canceled: list[str]

    async def run(self, name: str, /, **args: Any) -> Any:
        return await self.commands.run(Command(id=1, name=name, args=args))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    store = await Store.open(tmp_path / "ledger.sqlite3")
    facts = await FactLog.open(store)
    keys = KeyStore(store)
    directory = AlgoDirectory(keys, SessionJournal(facts), NoPrograms())
    commands, canceled = Commands(), []

    async def cancel(name: str) -> int:
        canceled.append(name)
        return 3

    AlgoCommands(directory, keys, cancel, lambda: 5).offer(commands)
    yield Desk(commands, directory, keys, canceled)
    await directory.aclose()
    await facts.aclose()
    await store.aclose()


async def test_an_added_algorithm_is_listed_and_its_secret_is_told_once(desk: Desk) -> None:
    added = await desk.run("algos.add", name="meanrev")
    key = desk.keys.with_id(added["key_id"])
    assert key is not None and key.accepts(added["secret_key"])
    listed = await desk.run("algos.list")
    assert [algo.name for algo in listed["algos"]] == ["meanrev"]
    assert listed["keys"] == [
        {"name": "meanrev", "key_id": added["key_id"], "created_ns": 5, "revoked_ns": None, "paused": False}
    ]
    assert added["secret_key"] not in str(listed)


async def test_pause_cancels_open_orders_only_when_asked(desk: Desk) -> None:
    await desk.run("algos.add", name="meanrev")
    assert (await desk.run("algos.pause", name="meanrev"))["canceled"] == 0
    assert desk.canceled == []
    assert (await desk.run("algos.pause", name="meanrev", cancel_orders=True))["canceled"] == 3
    assert desk.canceled == ["meanrev"]
    assert desk.directory.require("meanrev").paused
    await desk.run("algos.resume", name="meanrev")
    assert not desk.directory.require("meanrev").paused


async def test_a_revoked_key_can_be_issued_anew(desk: Desk) -> None:
    first = await desk.run("algos.add", name="meanrev")
    assert (await desk.run("algos.revoke", name="meanrev"))["closed"] == 0
    assert desk.directory.states()[0].status == "revoked"
    second = await desk.run("algos.add", name="meanrev")
    assert second["key_id"] != first["key_id"]
    assert desk.directory.states()[0].status == "new"
    assert desk.directory.require("meanrev").key == desk.keys.named("meanrev")
    assert Identity(desk.keys.named("meanrev")).name == "meanrev"


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("algos.add", {"name": "not a name"}),
        ("algos.pause", {"name": "nobody"}),
        ("algos.resume", {"name": "nobody"}),
        ("algos.revoke", {"name": "nobody"}),
        ("algos.disconnect", {"name": "nobody"}),
        ("algos.pause", {"name": "nobody", "cancel_orders": "yes"}),
    ],
)
async def test_what_cannot_be_done_is_refused_with_a_hint(desk: Desk, name: str, args: dict[str, Any]) -> None:
    with pytest.raises(ControlError) as refused:
        await desk.run(name, **args)
    assert refused.value.hint
