"""Programs in Node.js with the unmodified SDKs for JavaScript: install them, start a program, talk to it."""

import asyncio
import contextlib
import fcntl
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import eventually

PROGRAMS = Path(__file__).parent / "javascript"
SDKS = {"alpaca-3": "npm:@alpacahq/alpaca-trade-api@3.1.3", "alpaca-4": "npm:@alpacahq/alpaca-trade-api@4.0.2"}
"""Both side by side, each under a name of its own."""

_OLDEST_NODE = 20
_INSTALL_TIMEOUT_S = 80.0


class NodeError(Exception):
    """What a command of a program failed with."""

    def __init__(self, status: int | None, message: str) -> None:
        super().__init__(message)
        self.status = status


def install(directory: Path) -> Path:
    """Install the SDKs and the programs into ``directory`` unless they are there; skips the test where that is impossible."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("Node.js with npm is not installed")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20).stdout.strip()
    if int(version.removeprefix("v").partition(".")[0] or 0) < _OLDEST_NODE:
        pytest.skip(f"the SDKs for JavaScript need Node.js {_OLDEST_NODE}, this is {version}")
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _install_sdks(npm, directory)
        for program in PROGRAMS.iterdir():
            copy = directory / program.name
            if not copy.exists() or copy.read_bytes() != program.read_bytes():
                shutil.copyfile(program, copy)
    return directory


def _install_sdks(npm: str, directory: Path) -> None:
    wanted = json.dumps({"private": True, "dependencies": SDKS})
    done = directory / "installed.json"
    if done.exists() and done.read_text() == wanted:
        return
    (directory / "package.json").write_text(wanted)
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    command = [npm, "install", *quiet, "--fetch-retries=1", "--fetch-retry-mintimeout=500"]
    try:
        subprocess.run(command, cwd=directory, check=True, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not install the SDKs for JavaScript within {_INSTALL_TIMEOUT_S:.0f} s")
    except subprocess.CalledProcessError as failure:
        reason = next((line for line in failure.stderr.splitlines() if "error" in line.lower()), failure.stderr[-200:])
        pytest.skip(f"npm cannot install the SDKs for JavaScript: {reason}")
    done.write_text(wanted)


class NodeProgram:
    """A running program: commands in, events out."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.events: list[dict[str, Any]] = []
        """Everything that it said, in order."""

    async def read(self) -> None:
        """Keep what the program says until it ends."""
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            self.events.append(json.loads(line))

    async def do(self, command: str, **args: Any) -> Any:
        """Have a command carried out and return its answer. Raises NodeError."""
        assert self._process.stdin is not None
        before = len(self.events)
        self._process.stdin.write(json.dumps({"do": command, **args}).encode() + b"\n")

        def answer() -> dict[str, Any] | None:
            found = (e for e in self.events[before:] if e["event"] in ("done", "failed") and e["of"] == command)
            return next(found, None)

        answered = await eventually(answer, what=f"{command} is answered")
        assert answered is not None
        if answered["event"] == "failed":
            raise NodeError(answered["status"], answered["error"])
        return answered["answer"]

    def heard(self, event: str, stream: str) -> list[Any]:
        """Return what every event of this kind carried: its data, error, state, close code or extensions."""
        kinds = {"error": "error", "state": "state", "closed": "code", "opened": "extensions"}
        return [e[kinds.get(event, "data")] for e in self.events if e["event"] == event and e.get("stream") == stream]


@contextlib.asynccontextmanager
async def node_program(directory: Path, script: str) -> AsyncIterator[NodeProgram]:
    """Run one of the programs, and end it by closing its input."""
    process = await asyncio.create_subprocess_exec(
        "node", script, cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=1 << 24
    )
    program = NodeProgram(process)
    reader = asyncio.get_running_loop().create_task(program.read())
    try:
        await eventually(lambda: program.events, what=f"{script} starts")
        yield program
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 10.0)
        except TimeoutError:
            process.kill()
            await process.wait()
        await reader
