"""The programs of the demo end with it, however it ends."""

import os
import signal
import sys
import textwrap
from pathlib import Path

import pytest

from plugtui.demo.programs import ProgramGroup
from plugtui.errors import PlugtuiError
from tests.support import eventually, eventually_sync, process, process_exists

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = [
    *(sys.executable, "-c"),
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('{}', flush=True); time.sleep(600)",
]
OWNER = textwrap.dedent(
    f"""
    import asyncio, os
    from plugtui.demo.programs import ProgramGroup

    async def main():
        async with ProgramGroup() as group:
            first = await group.start("first", {SLEEPER!r}, os.environ)
            second = await group.start("second", {STUBBORN!r}, os.environ, pipe=True)
            await second.ready_line(20)
            print(first.process.pid, second.process.pid, group.group, group.directory, flush=True)
            await asyncio.sleep(600)

    asyncio.run(main())
    """
)


async def test_a_program_runs_in_the_group_and_ends_with_it():
    async with ProgramGroup() as group:
        program = await group.start("sleeper", SLEEPER, os.environ)
        assert os.getpgid(program.process.pid) == group.group
        assert group.directory.is_dir()
        pid, directory = program.process.pid, group.directory
    assert not process_exists(pid)
    assert not process_exists(group.group)
    assert not directory.exists()


async def test_what_a_program_prints_is_kept_and_its_ready_line_read():
    code = "import sys; print('{\"url\": 1}', flush=True); print('more', file=sys.stderr); sys.stdin.read()"
    async with ProgramGroup() as group:
        program = await group.start("one", [sys.executable, "-c", code], os.environ, pipe=True)
        assert await program.ready_line(20) == {"url": 1}
        await eventually(lambda: program.said() == "more")


async def test_a_program_that_fails_says_why():
    async with ProgramGroup() as group:
        program = await group.start(
            "broken", [sys.executable, "-c", "raise SystemExit('no way')"], os.environ, pipe=True
        )
        with pytest.raises(PlugtuiError, match="no way"):
            await program.ready_line(20)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_left_when_the_owner_is_killed(number):
    with process([sys.executable, "-c", OWNER]) as owner:
        first, second, group, directory = owner.stdout.readline().split()
        assert Path(directory).is_dir()
        owner.send_signal(number)
        owner.wait(20)
    eventually_sync(lambda: not Path(directory).exists())
    for pid in (first, second, group):
        assert not process_exists(int(pid))
