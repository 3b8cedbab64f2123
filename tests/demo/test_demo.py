"""The demo as its user runs it."""

import json
import os
import signal
import uuid
from pathlib import Path

import psutil
import pytest

from tests.support import eventually_sync, plugtui_command, process

MARK = "PLAIN_MARK_OF_THIS_TEST"


@pytest.fixture
def marked(tmp_path):
    """Environment by which everything that the demo starts and makes can be found."""
    return {MARK: uuid.uuid4().hex, "TMPDIR": str(tmp_path)}


def still_running(mark: str) -> list[str]:
    found = []
    for one in psutil.process_iter():
        try:
            if one.status() != psutil.STATUS_ZOMBIE and one.environ().get(MARK) == mark:
                found.append(f"{one.pid} {one.cmdline()}")
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def leftovers(environment: dict[str, str]) -> list[str]:
    files = [entry.name for entry in Path(environment["TMPDIR"]).iterdir() if entry.name.startswith("plugtui-demo-")]
    return still_running(environment[MARK]) + files


def demo(*arguments: str) -> list[str]:
    return plugtui_command("demo", "--headless", *arguments)


@pytest.mark.timeout(180)
def test_everything_trades_is_counted_and_agrees_with_the_exchange(marked):
    with process(demo("--json", "--seed", "4"), env=marked) as running:
        # However slow the machine is: until everything is alive, and two lines of progress more.
        err, lines = "", 0
        while lines < 3:
            line = running.stderr.readline()
            assert line, err
            err += line
            lines += line.startswith("everything is alive") or bool(lines)
        running.send_signal(signal.SIGINT)
        out, rest = running.communicate(timeout=60)
        err += rest
    assert running.returncode == 0, err
    report = json.loads(out)
    assert report["consistent"] is True
    assert report["alive_s"] is not None, err
    assert report["fills"] > 0
    assert report["orders"] >= report["fills"] / 10
    assert {algo["name"] for algo in report["algos"]} >= {"meanrev", "pairs"}
    assert all(algo["messages"] > 0 for algo in report["algos"])
    assert report["unattributed"] == 0, err
    assert sum(algo["fills"] for algo in report["algos"]) == report["fills"]
    assert {trader["name"] for trader in report["traders"]} == {"northstar", "riverbend"}
    assert all(trader["trades"] > 0 for trader in report["traders"])
    assert report["deliveries"] >= sum(algo["messages"] for algo in report["algos"])
    assert report["equity"] > 0
    assert report["gaps"] == 0
    assert leftovers(marked) == []


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "moment", ["starting the exchange", "starting the engine", "starting algorithms", "everything is"]
)
def test_ctrl_c_at_any_moment_leaves_nothing(marked, moment):
    with process(demo("--seconds", "100", "--json"), env=marked) as running:
        while not (line := running.stderr.readline()).startswith(moment):
            assert line, "the demo ended before"
        running.send_signal(signal.SIGINT)
        running.stderr.read()
        assert running.wait(60) == 130
    assert leftovers(marked) == []


@pytest.mark.timeout(180)
@pytest.mark.parametrize("moment", ["starting the engine", "everything is"])
def test_a_demo_that_is_killed_takes_everything_with_it(marked, moment):
    with process(demo("--seconds", "100"), env=marked) as running:
        while not (line := running.stderr.readline()).startswith(moment):
            assert line, "the demo ended before"
        os.kill(running.pid, signal.SIGKILL)
        running.wait(20)
    eventually_sync(lambda: not leftovers(marked), what="nothing is left")
