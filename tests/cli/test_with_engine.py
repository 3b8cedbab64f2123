"""Commands that talk to a running engine."""

import asyncio
import json
import subprocess

import pytest

from plugtui.engine.supervisor import start_engine
from plugtui.paths import Paths
from plugtui.sim.server import SimSettings, Simulator
from tests.support import eventually, run_plugtui


@pytest.fixture
async def exchange(monkeypatch):
    async with Simulator(SimSettings(seed=5)) as simulator:
        account = simulator.accounts[0]
        monkeypatch.setenv("APCA_API_KEY_ID", account.key_id)
        monkeypatch.setenv("APCA_API_SECRET_KEY", account.secret.reveal())
        for name in ("APCA_API_BASE_URL", "APCA_API_DATA_URL", "APCA_API_STREAM_URL"):
            monkeypatch.setenv(name, simulator.url)
        yield simulator


@pytest.fixture
async def engine(exchange):
    running = await start_engine(Paths(), ["--port", "0"])
    yield running
    await running.stop()


async def run(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(run_plugtui, *arguments, stdin=stdin)


async def run_json(*arguments: str):
    done = await run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def test_status_shows_engine_streams_and_account(engine):
    async def account_read() -> bool:
        return (await run_json("status"))["account"] is not None

    await eventually(account_read, poll=0.3)
    status = await run_json("status")
    assert status["running"] is True
    assert status["engine"]["gateway_url"] == engine.info.url
    assert float(status["account"]["equity"]) > 0
    text = (await run("status")).stdout
    assert engine.info.url in text
    assert "equity" in text
    assert engine.info.token.reveal() not in text + json.dumps(status)


async def test_keys_are_issued_paused_resumed_and_revoked_by_the_running_engine(engine):
    issued = await run_json("algos", "add", "meanrev")
    assert issued.keys() == {"name", "key_id", "secret_key"}

    async def status() -> str:
        return next(algo["status"] for algo in await run_json("algos", "list") if algo["name"] == "meanrev")

    assert await status() == "new"
    assert (await run("algos", "pause", "meanrev", "--cancel-orders")).returncode == 0
    assert await status() == "paused"
    assert (await run("algos", "resume", "meanrev")).returncode == 0
    assert (await run("algos", "revoke", "meanrev")).returncode == 0
    assert await status() == "revoked"
    refused = await run("algos", "revoke", "nobody")
    assert refused.returncode == 1
    assert "nobody" in refused.stderr


async def test_howto_shows_the_address_of_the_running_engine(engine):
    done = await run("algos", "howto", "--sdk", "plain")
    assert engine.info.url.removeprefix("http") in done.stdout


async def test_a_trader_is_plugged_followed_and_unplugged_with_its_secret_on_stdin(exchange, engine):
    account = next(account for account in exchange.accounts if account.name == "northstar")
    plug = ("traders", "plug", "northstar", "--key-id", account.key_id, "--base-url", exchange.url)
    wrong = await run(*plug, stdin="not-the-secret\n")
    assert wrong.returncode != 0
    assert "not-the-secret" not in wrong.stderr
    nothing = await run(*plug[:3], stdin="")
    assert nothing.returncode == 1
    assert "half of the key is missing" in nothing.stderr
    both = f"{account.key_id}\n{account.secret.reveal()}\n"
    done = await run("traders", "plug", "northstar", "--base-url", exchange.url, stdin=both)
    assert done.returncode == 0, done.stderr
    again = await run(*plug, stdin=account.secret.reveal() + "\n")
    assert again.returncode == 1
    assert "already" in again.stderr
    assert (await run("traders", "follow", "northstar")).returncode == 0
    (trader,) = await run_json("traders", "list")
    assert (trader["name"], trader["followed"]) == ("northstar", True)
    assert "northstar" in (await run("traders", "list")).stdout
    assert (await run("traders", "unplug", "northstar")).returncode == 0
    assert await run_json("traders", "list") == []
