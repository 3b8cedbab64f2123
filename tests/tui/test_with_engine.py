"""The dashboard over a real engine and the exchange simulator: ``plugtui`` as a person starts it."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import msgspec
import psutil
import pytest
from websockets.client import connect

from plugtui.control.client import ControlClient
from plugtui.credentials import keep_credentials
from plugtui.engine.supervisor import EngineInfo, running_engine
from plugtui.paths import Paths
from plugtui.secrets import mask
from plugtui.sim.server import SimSettings, Simulator
from plugtui.tasks import Tasks
from plugtui.tui.app import Dashboard
from plugtui.tui.options import Options
from plugtui.vault import Vault
from tests.support import eventually, process_exists
from tests.tui.terminal_kit import LEAVE_SCREEN, Terminal


@pytest.fixture
async def exchange(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Simulator]:
    async with Simulator(SimSettings(seed=5)) as simulator:
        account = simulator.accounts[0]
        monkeypatch.setenv("PLUGTUI_GATEWAY_PORT", "0")
        monkeypatch.setenv("APCA_API_KEY_ID", account.key_id)
        monkeypatch.setenv("APCA_API_SECRET_KEY", account.secret.reveal())
        for name in ("APCA_API_BASE_URL", "APCA_API_DATA_URL", "APCA_API_STREAM_URL"):
            monkeypatch.setenv(name, simulator.url)
        yield simulator


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.close()


@pytest.fixture(autouse=True)
def no_engine_survives() -> Iterator[None]:
    yield
    info = running_engine(Paths())
    if info is not None:
        os.kill(info.pid, signal.SIGTERM)


async def started(terminals: list[Terminal]) -> tuple[Terminal, EngineInfo]:
    terminal = Terminal(["-m", "plugtui"], os.environ)
    terminals.append(terminal)
    info = await eventually(lambda: running_engine(Paths()))
    assert info is not None
    await eventually(lambda: b"account" in terminal.seen or b"acct" in terminal.seen)
    return terminal, info


class Algorithm:
    """A program that counts the messages it gets."""

    messages = 0


@asynccontextmanager
async def algorithm(info: EngineInfo, exchange: Simulator) -> AsyncIterator[Algorithm]:
    """Receive all trades over the gateway, as an unmodified SDK would."""
    account, counter, tasks = exchange.accounts[0], Algorithm(), Tasks()

    async with connect(info.url.replace("http", "ws") + "/v2/iex") as socket:

        async def count() -> None:
            async for _ in socket:
                counter.messages += 1

        for request in (
            {"action": "auth", "key": account.key_id, "secret": account.secret.reveal()},
            {"action": "subscribe", "trades": ["*"], "quotes": ["*"]},
        ):
            await socket.send(msgspec.json.encode(request).decode())
        tasks.start(count(), "algorithm")
        await eventually(lambda: counter.messages > 5)
        yield counter
        await tasks.aclose()


async def test_it_starts_an_engine_and_ends_it_when_nobody_uses_it(
    exchange: Simulator, terminals: list[Terminal]
) -> None:
    terminal, info = await started(terminals)
    terminal.type("q")
    await eventually(lambda: terminal.process.poll() is not None)
    assert terminal.process.returncode == 0
    assert not process_exists(info.pid)
    assert b"the engine has ended" in terminal.seen
    assert str(Paths().log_file).encode() in terminal.seen


async def test_a_stalled_terminal_and_its_end_do_not_disturb_the_algorithms(
    exchange: Simulator, terminals: list[Terminal]
) -> None:
    terminal, info = await started(terminals)
    async with algorithm(info, exchange) as counter:
        await eventually(lambda: terminal.find("1 on"))
        terminal.stall()
        before = counter.messages
        await eventually(lambda: counter.messages > before + 20)
        terminal.process.send_signal(signal.SIGTERM)
        await eventually(lambda: terminal.process.poll() is not None)
        before = counter.messages
        await eventually(lambda: counter.messages > before + 20)
        assert process_exists(info.pid)
    again, same = await started(terminals)
    assert same.pid == info.pid
    again.type("q")
    await eventually(lambda: LEAVE_SCREEN in again.seen)
    assert process_exists(info.pid), "an engine that ran before is left alone"


@pytest.mark.parametrize("used", [True, False])
async def test_a_window_that_is_closed_leaves_an_engine_only_to_algorithms(
    exchange: Simulator, terminals: list[Terminal], used: bool
) -> None:
    terminal, info = await started(terminals)
    if used:
        async with algorithm(info, exchange) as counter:
            await eventually(lambda: terminal.find("1 on"))
            terminal.hang_up()
            await eventually(lambda: terminal.process.poll() is not None)
            before = counter.messages
            await eventually(lambda: counter.messages > before + 20)
            assert process_exists(info.pid)
    else:
        terminal.hang_up()
        await eventually(lambda: terminal.process.poll() is not None)
        await eventually(lambda: not process_exists(info.pid))
        assert running_engine(Paths()) is None


CRASHING = """
from plugtui.cli.root import main
from plugtui.tui.app import Dashboard
def crash(self):
    raise RuntimeError("on purpose")
Dashboard.action_help = crash
main([])
"""


async def test_a_crash_tells_no_secret_says_where_the_log_is_and_leaves_no_orphan(
    exchange: Simulator, terminals: list[Terminal]
) -> None:
    terminal = Terminal(["-c", CRASHING], os.environ)
    terminals.append(terminal)
    info = await eventually(lambda: running_engine(Paths()))
    assert info is not None
    await eventually(lambda: terminal.find("PAPER") or terminal.find("DEMO"))
    terminal.type("?")
    await eventually(lambda: terminal.process.poll() is not None)
    assert terminal.process.returncode == 1
    after = terminal.seen.rpartition(LEAVE_SCREEN)[2].decode()
    for words in ("RuntimeError", "on purpose", f"log: {Paths().log_file}", "the engine has ended"):
        assert words in after
    for secret in (exchange.accounts[0].secret, info.token):
        assert secret.reveal().encode() not in terminal.seen
        assert secret.reveal() not in Paths().log_file.read_text()
    assert terminal.state() == terminal.before
    assert not process_exists(info.pid)


async def test_an_engine_that_died_is_started_again(exchange: Simulator, terminals: list[Terminal]) -> None:
    terminal, info = await started(terminals)
    os.kill(info.pid, signal.SIGKILL)
    await eventually(lambda: (found := running_engine(Paths())) is not None and found.pid != info.pid)
    terminal.type("q")
    await eventually(lambda: terminal.process.poll() is not None)
    assert running_engine(Paths()) is None


async def test_an_engine_that_was_stopped_stays_stopped_until_r(exchange: Simulator, terminals: list[Terminal]) -> None:
    terminal, info = await started(terminals)
    async with ControlClient(info.url, info.token) as control:
        await control.connect(states=False)
        await control.command("stop")
    await eventually(lambda: b"was stopped" in terminal.seen)
    await eventually(lambda: not process_exists(info.pid))
    assert running_engine(Paths()) is None
    terminal.type("r")
    await eventually(lambda: running_engine(Paths()) is not None)
    terminal.type("q")
    await eventually(lambda: terminal.process.poll() is not None)


async def test_other_keys_are_asked_for_proved_kept_and_used_by_a_new_engine(
    exchange: Simulator, terminals: list[Terminal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("APCA_API_KEY_ID")
    monkeypatch.delenv("APCA_API_SECRET_KEY")
    mine, other = exchange.accounts[:2]
    await keep_credentials(Vault(Paths()), mine.key_id, mine.secret)
    terminal, info = await started(terminals)
    terminal.type("K")
    await eventually(lambda: terminal.find("Check and keep"))
    terminal.type(other.key_id + "\t" + other.secret.reveal() + "\r")
    again = await eventually(lambda: (found := running_engine(Paths())) and found.pid != info.pid and found)
    assert not process_exists(info.pid)
    async with ControlClient(again.url, again.token) as control:
        await control.connect(states=False)
        number = mask(exchange.exchange.accounts[other.name].number)

        async def it_is_the_other_account() -> bool:
            return bool((await control.command("status"))["engine"]["account_number"] == number)

        await eventually(it_is_the_other_account)
    terminal.type("q")
    await eventually(lambda: terminal.process.poll() is not None)
    assert other.secret.reveal().encode() not in terminal.seen


async def test_attach_looks_at_an_engine_and_leaves_it_alone(exchange: Simulator, terminals: list[Terminal]) -> None:
    _, info = await started(terminals)
    remote = Terminal(["-m", "plugtui", "attach", info.url, "--token", info.token.reveal()], os.environ)
    terminals.append(remote)
    await eventually(lambda: b"acct" in remote.seen or b"account" in remote.seen)
    remote.type("q")
    await eventually(lambda: remote.process.poll() is not None)
    assert remote.process.returncode == 0
    assert process_exists(info.pid)
    assert info.token.reveal().encode() not in remote.seen


async def test_the_demo_is_alive_in_all_panes_and_leaves_nothing_behind(terminals: list[Terminal]) -> None:
    terminal = Terminal(["-m", "plugtui", "demo"], os.environ, (120, 36))
    terminals.append(terminal)
    await eventually(lambda: b"starting the exchange" in terminal.seen)
    for sign in (b"DEMO", b"northstar", b"meanrev", b"SELL", b"max DD"):
        await eventually(lambda sign=sign: sign in terminal.seen, timeout=60)
    children = psutil.Process(terminal.process.pid).children(recursive=True)
    assert len(children) >= 5
    terminal.type("q")
    await eventually(lambda: terminal.process.poll() is not None, timeout=60)
    assert terminal.process.returncode == 0
    await eventually(
        lambda: not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)
    )


async def test_a_demo_that_is_left_while_it_starts_leaves_nothing_behind(terminals: list[Terminal]) -> None:
    terminal = Terminal(["-m", "plugtui", "demo"], os.environ, (120, 36))
    terminals.append(terminal)
    await eventually(lambda: b"starting the engine" in terminal.seen)
    children = psutil.Process(terminal.process.pid).children(recursive=True)
    terminal.type("q")
    await eventually(lambda: terminal.process.poll() is not None, timeout=60)
    await eventually(
        lambda: not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)
    )


async def test_two_dashboards_see_the_same_over_one_engine(exchange: Simulator, terminals: list[Terminal]) -> None:
    _, info = await started(terminals)

    async def open_link() -> ControlClient:
        return ControlClient(info.url, info.token)

    app = Dashboard(open_link, Options(on_quit="leave"))
    async with app.run_test(size=(120, 36)):
        await eventually(lambda: app.world.account is not None and app.world.performance.loaded)
        await app.command("algos.add", name="second")
        await eventually(lambda: app.world.algos.state("second") is not None)
        await eventually(lambda: len(app.world.performance.curve) > 2)
    other = Dashboard(open_link, Options(on_quit="leave"))
    async with other.run_test(size=(80, 24)):
        await eventually(lambda: other.world.algos.state("second") is not None)
