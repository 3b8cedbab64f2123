"""What a process has loaded: proved at run time, in a process of its own."""

import json
import subprocess
import sys

import pytest

SCREEN = {"textual", "rich", "plotext"}
HEAVY = {
    "aiohttp", "aiosqlite", "alpaca", "alpaca_trade_api", "keyring", "msgspec", "numpy", "pandas", "plotext",
    "requests", "rich", "textual", "websockets",
}  # fmt: skip


def loaded_after(statement: str) -> set[str]:
    """Return the names of the top-level packages that a fresh interpreter has loaded after the statement."""
    code = (
        f"import sys, json\n{statement}\nprint(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("module", ["plugtui.engine.engine", "plugtui.sim.server", "plugtui.engine.supervisor"])
def test_what_runs_without_a_screen_loads_no_screen(module):
    assert not loaded_after(f"import {module}") & SCREEN


@pytest.mark.parametrize(
    "module",
    [
        "plugtui.wire.codec",
        "plugtui.engine.market.router",
        "plugtui.engine.market.outbox",
        "plugtui.ledger",
        "plugtui.performance",
    ],
)
def test_a_pure_core_loads_no_network_and_no_database(module):
    assert not loaded_after(f"import {module}") & {"aiohttp", "websockets", "sqlite3", "textual"}


def run_help(*arguments: str) -> str:
    return (
        "import contextlib, io\nfrom plugtui.cli.root import run\n"
        f"with contextlib.redirect_stdout(io.StringIO()):\n    assert run({list(arguments)!r}) == 0"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("--version",),
        *((name, "--help") for name in ("serve", "demo", "status", "algos", "traders", "export")),
    ],
    ids=" ".join,
)
def test_help_loads_nothing_that_costs_time(arguments):
    assert not loaded_after(run_help(*arguments)) & HEAVY
