"""The headless engine as a process: start, second start, end."""

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import urllib.request

import psutil
import pytest

from plugtui.engine.supervisor import running_engine, start_engine
from plugtui.errors import AlreadyRunning
from plugtui.paths import Paths
from plugtui.sim.server import SimSettings, Simulator
from tests.support import eventually, plugtui_command, process, process_exists, run_plugtui


@pytest.fixture
async def exchange(monkeypatch):
    """An exchange, and an environment with the keys of its first account."""
    async with Simulator(SimSettings(seed=5)) as simulator:
        account = simulator.accounts[0]
        monkeypatch.setenv("APCA_API_KEY_ID", account.key_id)
        monkeypatch.setenv("APCA_API_SECRET_KEY", account.secret.reveal())
        for name in ("APCA_API_BASE_URL", "APCA_API_DATA_URL", "APCA_API_STREAM_URL"):
            monkeypatch.setenv(name, simulator.url)
        yield simulator


@pytest.fixture
def nowhere(monkeypatch):
    """An environment whose hosts do not answer."""
    monkeypatch.setenv("APCA_API_KEY_ID", "PKNOWHERE")
    monkeypatch.setenv("APCA_API_SECRET_KEY", "a-secret-that-opens-nothing")
    for name in ("APCA_API_BASE_URL", "APCA_API_DATA_URL", "APCA_API_STREAM_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


def test_it_does_not_dial_itself_where_algorithms_are_pointed_at_it(nowhere, monkeypatch):
    monkeypatch.setenv("APCA_API_BASE_URL", "http://127.0.0.1:8765")
    done = run_plugtui("serve", "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "APCA_API_BASE_URL points algorithms at the gateway" in done.stderr


def test_it_accepts_clients_also_while_no_upstream_host_answers_and_ends_on_sigterm(nowhere):
    with process(plugtui_command("serve", "--port", "0", "--json", "--quiet")) as engine:
        ready = json.loads(engine.stdout.readline())
        assert ready.keys() == {"gateway", "pid", "profile"}
        assert ready["pid"] == engine.pid
        assert ready["profile"] == "default"
        info = running_engine(Paths())
        assert (info.url, info.pid) == (ready["gateway"], engine.pid)
        with urllib.request.urlopen(ready["gateway"] + "/healthz", timeout=10) as answer:
            assert answer.status == 200
        engine.send_signal(signal.SIGTERM)
        assert engine.wait(20) == 0
        assert engine.stdout.read() == ""
    assert not Paths().engine_file.exists()


def test_it_takes_as_many_descriptors_as_it_may(nowhere):
    few = ["sh", "-c", 'ulimit -Sn 64; exec "$0" "$@"', *plugtui_command("serve", "--port", "0", "--quiet")]
    with process(few) as engine:
        assert "accepts algorithms" in engine.stdout.readline()
        soft, hard = psutil.Process(engine.pid).rlimit(psutil.RLIMIT_NOFILE)
        assert soft == (16_384 if hard == -1 else min(hard, 16_384))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_it_ends_cleanly_on_other_signals_too(nowhere, number):
    with process(plugtui_command("serve", "--port", "0", "--quiet")) as engine:
        assert "accepts algorithms" in engine.stdout.readline()
        engine.send_signal(number)
        assert engine.wait(20) == 0
        assert engine.stderr.read() == ""


def test_a_second_start_says_which_engine_runs_and_leaves_it_alone(nowhere):
    with process(plugtui_command("serve", "--port", "0", "--json", "--quiet")) as first:
        url = json.loads(first.stdout.readline())["gateway"]
        second = run_plugtui("serve", "--port", "0", "--json")
        assert second.returncode == 4
        assert second.stdout == ""
        assert f"{url} (pid {first.pid})" in second.stderr
        assert first.poll() is None


def test_a_port_that_is_taken_is_exit_code_5_with_a_hint(nowhere):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = run_plugtui("serve", "--port", str(port))
    assert done.returncode == 5
    assert str(port) in done.stderr
    assert "--port" in done.stderr or "PLUGTUI_GATEWAY_PORT" in done.stderr
    assert not Paths().engine_file.exists()


@pytest.mark.parametrize(
    ("signals", "code"),
    [
        (("SIGINT", "SIGINT"), 130),
        (("SIGTERM", "SIGINT"), 0),
        (("SIGHUP", "SIGINT"), 0),
        (("SIGINT", "SIGTERM"), 0),
        (("SIGTERM", "SIGTERM"), 0),
    ],
)
def test_only_a_second_ctrl_c_ends_it_at_once(signals, code):
    """A terminal that closes, or a parent that ends its group, may send several signals: those are one wish to end."""
    program = textwrap.dedent(
        """
        import asyncio, sys
        from plugtui.cli.serve import _stopped_by_signals
        async def main():
            stop = asyncio.Event()
            with _stopped_by_signals(stop):
                print("ready", flush=True)
                await stop.wait()
                print("closing", flush=True)
                await asyncio.to_thread(sys.stdin.readline)
        asyncio.run(main())
        """
    )
    with process([sys.executable, "-c", program], stdin=subprocess.PIPE) as child:
        for line, name in zip(("ready\n", "closing\n"), signals, strict=True):
            assert child.stdout.readline() == line
            child.send_signal(signal.Signals[name])
        if code == 0:
            child.stdin.write("go on\n")
            child.stdin.flush()
        assert child.wait(20) == code


async def test_the_supervisor_starts_an_engine_that_outlives_it_and_stops_it(exchange):
    engine = await start_engine(Paths(), ["--port", "0"])
    assert os.getsid(engine.info.pid) == engine.info.pid
    assert running_engine(Paths()) == engine.info
    with pytest.raises(AlreadyRunning):
        await start_engine(Paths(), ["--port", "0"])
    assert engine.exit_code is None
    assert await engine.stop() == 0
    assert running_engine(Paths()) is None


async def test_an_engine_that_was_killed_can_be_started_again(exchange):
    engine = await start_engine(Paths(), ["--port", "0"])
    os.kill(engine.info.pid, signal.SIGKILL)
    assert await engine.wait() == -signal.SIGKILL
    assert running_engine(Paths()) is None
    again = await start_engine(Paths(), ["--port", "0"])
    assert again.info.token != engine.info.token
    await again.stop()


async def test_a_start_that_is_broken_off_leaves_no_engine(exchange):
    task = asyncio.get_running_loop().create_task(start_engine(Paths(), ["--port", "0"]))

    def begun() -> bool:
        return Paths().lock.exists()

    await eventually(begun)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert running_engine(Paths()) is None


async def test_what_the_engine_keeps_is_the_owners_only(exchange):
    engine = await start_engine(Paths(), ["--port", "0"])
    try:
        paths = Paths()
        assert stat.S_IMODE(paths.state_dir.stat().st_mode) == 0o700
        for file in [*paths.state_dir.iterdir(), paths.log_file]:
            assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file
        secret = os.environ["APCA_API_SECRET_KEY"]
        for file in [*paths.state_dir.iterdir(), paths.log_file]:
            assert secret.encode() not in file.read_bytes(), file
    finally:
        await engine.stop()
    assert not process_exists(engine.info.pid)
