"""The directory of algorithms."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web

from plugtui.control.messages import ClientJoined, ClientLeft, Notice
from plugtui.engine.clients.access import Identity
from plugtui.engine.clients.algos import KEEP_GONE_NS, MAX_GONE, Algo, AlgoDirectory
from plugtui.engine.clients.programs import UNKNOWN, Address, Program, Programs
from plugtui.engine.clients.sessions import SessionJournal
from plugtui.engine.facts import FactLog
from plugtui.errors import ControlError, StoreError
from plugtui.store.keys import KeyStore
from plugtui.store.store import Store
from tests.support import cancelled_at_end, eventually

SECOND = 1_000_000_000


class FakePrograms(Programs):
    """Answers by the port of the client."""

    def __init__(self) -> None:
        super().__init__(lambda wanted, likely: {})
        self.by_port: dict[int, Program] = {}
        self.running: set[int] = set()

    async def find(self, connection: object, peer: Address, local: Address, likely: Iterable[int] = ()) -> Program:
        return self.by_port.get(peer[1], UNKNOWN)

    def alive(self, pid: int | None) -> bool:  # type: ignore[override]
        return pid in self.running


class Connection:
    """A stream as the directory sees it."""

    def __init__(self, endpoint: str = "/v2/iex", subscriptions: Mapping[str, Sequence[str]] | None = None) -> None:
        self.endpoint = endpoint
        self.messages = self.bytes = self.pending_bytes = self.conflated = 0
        self.lag_ms: float | None = 0.0
        self.subscriptions = subscriptions or {}
        self.closed: tuple[int, str] | None = None

    def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)


class Desk:
    """A directory with everything that it stands on."""

    def __init__(self, store: Store, facts: FactLog, keys: KeyStore) -> None:
        self.store, self.facts, self.keys = store, facts, keys
        self.now = 1_000 * SECOND
        self.programs = FakePrograms()
        self.journal = SessionJournal(facts)
        self.directory = AlgoDirectory(
            keys, self.journal, self.programs, lambda name: (Decimal(len(name)), Decimal("0.5")), lambda: self.now
        )
        self._ports = iter(range(50_000, 60_000))

    async def admit(self, program: Program = UNKNOWN, key: str | None = None, agent: str = "") -> Algo:
        port = next(self._ports)
        self.programs.by_port[port] = program
        if program.pid is not None:
            self.programs.running.add(program.pid)
        ends = {"peername": ("127.0.0.1", port), "sockname": ("127.0.0.1", 8765)}
        headers = {"User-Agent": agent, "Upgrade": "websocket"}
        transport = SimpleNamespace(get_extra_info=ends.get)
        request = SimpleNamespace(transport=transport, remote="127.0.0.1", headers=headers)
        identity = Identity(self.keys.named(key) if key else None)
        return await self.directory.admit(identity, cast(web.BaseRequest, request))

    async def bodies(self) -> list[Any]:
        await self.journal.flush()
        return [fact.body for fact in await self.facts.since(0)]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    store = await Store.open(tmp_path / "ledger.sqlite3")
    facts = await FactLog.open(store)
    desk = Desk(store, facts, KeyStore(store))
    yield desk
    await desk.directory.aclose()
    await facts.aclose()
    await store.aclose()


def meanrev(pid: int = 10) -> Program:
    return Program("meanrev.py", pid, float(pid))


async def test_all_connections_of_one_program_are_one_algorithm(desk: Desk) -> None:
    first = await desk.admit(meanrev(), agent="Python/3.11 websockets/10.4")
    second = await desk.admit(meanrev(), agent="APCA-PY/0.43.2")
    assert first is second
    first.attach(Connection("/v2/iex", {"trades": ["AAPL"], "quotes": []}))
    first.attach(Connection("account", {"trade_updates": ["*"]}))
    [state] = desk.directory.states()
    assert (state.name, state.pid, state.program, state.sdk) == ("meanrev", 10, "meanrev.py", "alpaca-py 0.43.2")
    assert state.streams == ["/v2/iex", "account"]
    assert state.subscriptions == {"trades": ["AAPL"], "trade_updates": ["*"]}
    assert (state.status, state.connections, state.issued) == ("connected", 2, False)
    assert state.realized_pnl == Decimal(7)


async def test_two_programs_of_one_script_get_names_of_their_own(desk: Desk) -> None:
    assert (await desk.admit(meanrev(10))).name == "meanrev"
    assert (await desk.admit(meanrev(11))).name == "meanrev-2"
    assert (await desk.admit(meanrev(10))).name == "meanrev"


async def test_a_program_that_is_started_again_goes_on_under_its_name(desk: Desk) -> None:
    algo = await desk.admit(meanrev(10))
    connection = Connection()
    algo.attach(connection)
    connection.messages = 5
    algo.detach(connection, "vanished")
    desk.programs.running.clear()
    again = await desk.admit(meanrev(20))
    assert again is algo
    assert (again.pid, again.messages) == (20, 5)


async def test_a_program_that_only_paused_between_connections_keeps_its_name_from_another(desk: Desk) -> None:
    algo = await desk.admit(meanrev(10))
    connection = Connection()
    algo.attach(connection)
    algo.detach(connection, "closed")
    assert (await desk.admit(meanrev(20))).name == "meanrev-2"


async def test_a_pid_that_now_belongs_to_another_program_is_another_algorithm(desk: Desk) -> None:
    assert (await desk.admit(Program("meanrev.py", 10, 1.0))).name == "meanrev"
    assert (await desk.admit(Program("momentum.py", 10, 2.0))).name == "momentum"


async def test_programs_that_cannot_be_told_are_one_algorithm_per_place(desk: Desk) -> None:
    assert await desk.admit() is await desk.admit()
    assert (await desk.admit()).name == "local"


async def test_everything_under_one_issued_key_is_one_algorithm_whatever_program(desk: Desk) -> None:
    key, _ = await desk.keys.add("grid", 1)
    desk.directory.key_issued(key)
    assert await desk.admit(meanrev(1), "grid") is await desk.admit(Program("other.js", 2), "grid")
    assert (await desk.admit(Program("grid.py", 3))).name == "grid-2"


async def test_a_key_is_not_issued_under_the_name_of_a_running_program(desk: Desk) -> None:
    algo = await desk.admit(meanrev())
    algo.attach(connection := Connection())
    with pytest.raises(ControlError, match="running with the engine's own keys"):
        desk.directory.check_free("meanrev")
    algo.detach(connection, "closed")
    desk.directory.check_free("meanrev")


async def test_joining_and_leaving_become_facts_and_rows(desk: Desk) -> None:
    algo = await desk.admit(meanrev())
    connection = Connection()
    algo.attach(connection)
    desk.now += SECOND
    connection.messages, connection.bytes, connection.pending_bytes = 7, 700, 70
    algo.detach(connection, "vanished")
    algo.detach(connection, "closed")
    joined, left = await desk.bodies()
    assert joined == ClientJoined(
        algo="meanrev", endpoint="/v2/iex", address="127.0.0.1:50000", program="meanrev.py", pid=10
    )
    assert left == ClientLeft(algo="meanrev", endpoint="/v2/iex", reason="vanished", messages=7, pending_bytes=70)
    [row] = await desk.store.read("SELECT * FROM sessions")
    assert (row["algo"], row["messages"], row["bytes"], row["reason"]) == ("meanrev", 7, 700, "vanished")
    assert row["to_ns"] - row["from_ns"] == SECOND
    [state] = desk.directory.states()
    assert (state.status, state.messages, state.bytes) == ("gone", 7, 700)


async def test_sessions_that_a_dead_engine_left_open_are_closed(desk: Desk) -> None:
    (await desk.admit(meanrev())).attach(Connection())
    await desk.journal.flush()
    await SessionJournal.close_dangling(desk.store, 5)
    [row] = await desk.store.read("SELECT to_ns, reason FROM sessions")
    assert (row["to_ns"], row["reason"]) == (5, "engine ended")


async def test_a_full_disk_delays_facts_and_loses_none(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*bodies: object, **_: object) -> None:
        raise StoreError("no room left")

    algo = await desk.admit(meanrev())
    with monkeypatch.context() as broken:
        broken.setattr(desk.facts, "record", full)
        for _ in range(300):
            algo.attach(connection := Connection())
            algo.detach(connection, "closed")
        with pytest.raises(StoreError):
            await desk.journal.flush()
    assert [type(body) for body in await desk.bodies()] == [ClientJoined, ClientLeft] * 300


async def test_rates_are_those_of_the_last_second(desk: Desk) -> None:
    algo = await desk.admit(meanrev())
    algo.attach(connection := Connection())
    desk.directory.sample()
    connection.messages, connection.bytes = 50, 5_000
    desk.now += SECOND // 2
    desk.directory.sample()
    [state] = desk.directory.states()
    assert (state.rate, state.byte_rate) == (100.0, 10_000.0)
    desk.now += SECOND
    desk.directory.sample()
    assert desk.directory.states()[0].rate == 0


async def test_falling_behind_is_told_once_until_it_has_caught_up(desk: Desk) -> None:
    algo = await desk.admit(meanrev())
    algo.attach(connection := Connection())
    for lag_ms in (100.0, 2500.0, 3000.0, 2500.0, 10.0, 4000.0):
        connection.lag_ms = lag_ms
        desk.directory.sample()
    notices = [body for body in await desk.bodies() if isinstance(body, Notice)]
    assert [notice.text for notice in notices] == ["meanrev is 2.5 s behind", "meanrev is 4.0 s behind"]


async def test_one_that_only_sends_rest_requests_is_connected_for_a_minute(desk: Desk) -> None:
    algo = await desk.admit(meanrev())
    algo.requested()
    assert desk.directory.states()[0].status == "connected"
    desk.now += 61 * SECOND
    assert desk.directory.states()[0].status == "gone"
    assert desk.directory.states()[0].requests == 1


async def test_one_whose_last_stream_has_ended_is_gone_at_once_until_it_asks_again(desk: Desk) -> None:
    algo = await desk.admit(meanrev())
    algo.attach(connection := Connection())
    algo.requested()
    algo.detach(connection, "vanished")
    assert desk.directory.states()[0].status == "gone"
    algo.requested()
    assert desk.directory.states()[0].status == "connected"


async def test_an_issued_key_is_new_until_it_is_used_and_stays_used_after_a_restart(desk: Desk) -> None:
    for name in ("streamer", "caller", "idle"):
        key, _ = await desk.keys.add(name, 1)
        desk.directory.key_issued(key)
    streamer, caller, _ = desk.directory.all()
    assert {state.status for state in desk.directory.states()} == {"new"}
    streamer.attach(connection := Connection())
    streamer.detach(connection, "closed")
    caller.requested()
    desk.now += 61 * SECOND
    expected = {"caller": "gone", "idle": "new", "streamer": "gone"}
    assert {state.name: state.status for state in desk.directory.states()} == expected
    await desk.journal.flush()
    keys = KeyStore(desk.store)
    await keys.load()
    restarted = AlgoDirectory(keys, desk.journal, desk.programs)
    assert {state.name: state.status for state in restarted.states()} == expected


async def test_pause_is_shown_kept_for_issued_keys_and_undone(desk: Desk) -> None:
    key, _ = await desk.keys.add("grid", 1)
    desk.directory.key_issued(key)
    await desk.admit(meanrev())
    for name in ("grid", "meanrev"):
        await desk.directory.pause(name)
    assert [state.status for state in desk.directory.states()] == ["paused", "paused"]
    kept = desk.keys.named("grid")
    assert kept is not None and kept.paused
    assert (await desk.admit(key="grid")).paused
    await desk.directory.resume("grid")
    assert not (await desk.admit(key="grid")).paused
    with pytest.raises(ControlError, match="no algorithm 'nobody'"):
        await desk.directory.pause("nobody")


async def test_revoking_closes_the_streams_with_that_reason(desk: Desk) -> None:
    key, _ = await desk.keys.add("grid", 1)
    desk.directory.key_issued(key)
    algo = await desk.admit(key="grid")
    algo.attach(connection := Connection())
    assert await desk.directory.revoke("grid") == 1
    assert connection.closed == (1008, "key revoked")
    algo.detach(connection, "closed")
    left = (await desk.bodies())[-1]
    assert isinstance(left, ClientLeft) and left.reason == "revoked"
    assert desk.directory.states()[0].status == "revoked"
    await desk.admit(meanrev())
    with pytest.raises(ControlError, match="cannot be revoked"):
        await desk.directory.revoke("meanrev")


async def test_disconnecting_closes_every_stream(desk: Desk) -> None:
    algo = await desk.admit(meanrev())
    streams = [Connection(), Connection("account")]
    for stream in streams:
        algo.attach(stream)
    assert desk.directory.disconnect("meanrev") == 2
    assert all(stream.closed for stream in streams)


async def test_who_left_stays_listed_for_a_day_and_not_in_any_number(desk: Desk) -> None:
    for number in range(MAX_GONE + 50):
        await desk.admit(Program(f"bot{number}.py", number + 1, 1.0))
    desk.directory.sample()
    assert len(desk.directory.states()) == MAX_GONE
    key, _ = await desk.keys.add("grid", 1)
    desk.directory.key_issued(key)
    await desk.directory.pause("bot0")
    desk.now += KEEP_GONE_NS + SECOND
    desk.directory.sample()
    assert [state.name for state in desk.directory.states()] == ["bot0", "grid"]


async def test_names_are_kept_over_a_restart_of_the_engine(desk: Desk) -> None:
    for pid in (10, 11):
        (await desk.admit(meanrev(pid))).attach(Connection())
    await desk.journal.flush()
    restarted = Desk(desk.store, desk.facts, desk.keys)
    await restarted.directory.recall_recent(desk.store)
    assert (await restarted.admit(meanrev(11))).name == "meanrev-2"
    assert (await restarted.admit(meanrev(10))).name == "meanrev"
    restarted.programs.aclose()


async def test_orders_are_counted_over_all_runs_of_the_engine(desk: Desk) -> None:
    await desk.keys.add("grid", 1)
    insert = (
        "INSERT INTO orders (order_id, client_order_id, symbol, side, type, tif, status, filled_qty, updated_ns, parent_id,"
        " algo, raw) VALUES (?, ?, 'AAPL', 'buy', 'limit', 'day', 'new', '0', 1, ?, ?, '{}')"
    )
    rows = [("a", None, "grid"), ("leg", "a", "grid"), ("b", None, "grid"), ("c", None, None), ("d", None, "long-gone")]
    await desk.store.write(*((insert, (order, order, parent, algo)) for order, parent, algo in rows))
    restarted = Desk(desk.store, desk.facts, desk.keys)
    await restarted.directory.recall_recent(desk.store)
    assert [(state.name, state.orders) for state in restarted.directory.states()] == [("grid", 2)]
    restarted.programs.aclose()


async def test_the_directory_writes_by_itself_while_it_runs(desk: Desk) -> None:
    async with cancelled_at_end(desk.directory.run()):
        (await desk.admit(meanrev())).attach(Connection())
        await eventually(lambda: desk.facts.seq == 1)
