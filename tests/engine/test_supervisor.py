"""One engine a profile, and how it is found."""

import os
import stat
import subprocess
import sys
import textwrap

import pytest

from plugtui.engine.supervisor import EngineInfo, hold_profile, running_engine, start_engine
from plugtui.errors import AlreadyRunning, ConfigError, CredentialsError, StoreError
from plugtui.paths import Paths
from plugtui.secrets import Secret
from tests.support import process

HOLDER = textwrap.dedent(
    """
    import os, sys
    from plugtui.engine.supervisor import EngineInfo, hold_profile
    from plugtui.paths import Paths
    from plugtui.secrets import Secret
    with hold_profile(Paths()) as lock:
        if "announced" in sys.argv:
            lock.announce(EngineInfo(os.getpid(), "http://127.0.0.1:7", Secret("t" * 32), "e1", 1, "default"))
        print("held", flush=True)
        sys.stdin.read()
    """
)


def info(paths: Paths, pid: int = 1) -> EngineInfo:
    return EngineInfo(pid, "http://127.0.0.1:7", Secret("t" * 32), "e1", 1, paths.profile)


def test_the_engine_is_found_while_it_runs_and_not_after(isolated):
    paths = Paths()
    assert running_engine(paths) is None
    with hold_profile(paths) as lock:
        assert running_engine(paths) is None
        lock.announce(info(paths))
        assert running_engine(paths) == info(paths)
        assert stat.S_IMODE(paths.engine_file.stat().st_mode) == 0o600
    assert running_engine(paths) is None
    assert not paths.engine_file.exists()


@pytest.mark.parametrize("name", ["lock", "engine_file"])
def test_a_file_of_the_profile_that_cannot_be_used_is_named(isolated, name):
    paths = Paths().ensure()
    file = getattr(paths, name)
    file.mkdir()
    with pytest.raises(StoreError, match=file.name), hold_profile(paths):
        pytest.fail("the profile was held")
    file.rmdir()
    with hold_profile(paths):
        assert running_engine(paths) is None


def test_the_file_goes_also_when_the_engine_fails(isolated):
    paths = Paths()
    with pytest.raises(RuntimeError), hold_profile(paths) as lock:
        lock.announce(info(paths))
        raise RuntimeError
    assert not paths.engine_file.exists()


def holder(*arguments: str):
    command = [sys.executable, "-c", HOLDER, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_a_second_start_says_which_engine_runs_and_leaves_it_alone(isolated):
    with holder("announced") as first:
        assert first.stdout.readline() == "held\n"
        with pytest.raises(AlreadyRunning) as caught, hold_profile(Paths()):
            pass
        assert f"http://127.0.0.1:7 (pid {first.pid})" in str(caught.value)
        assert running_engine(Paths()).pid == first.pid
        first.stdin.close()
        assert first.wait(20) == 0


def test_a_second_start_while_the_first_is_starting_is_refused_too(isolated):
    with holder() as first:
        first.stdout.readline()
        with pytest.raises(AlreadyRunning, match="starting or ending"), hold_profile(Paths()):
            pass
        first.stdin.close()


def test_what_a_killed_engine_left_behind_misleads_nobody(isolated):
    paths = Paths()
    with holder("announced") as first:
        first.stdout.readline()
        first.kill()
        first.wait(20)
    assert paths.engine_file.exists()
    assert running_engine(paths) is None
    with hold_profile(paths):
        assert not paths.engine_file.exists()


def test_two_profiles_have_two_engines(isolated):
    with hold_profile(Paths("a")), hold_profile(Paths("b")):
        pass


async def test_a_start_that_fails_raises_the_engines_own_error(isolated):
    with pytest.raises(CredentialsError, match="no brokerage keys"):
        await start_engine(Paths(), ["--port", "0"])
    with pytest.raises(ConfigError, match=r"gateway\.port was 70000"):
        await start_engine(Paths(), ["--port", "70000"])


def test_the_token_is_not_shown(isolated):
    assert "tttt" not in repr(info(Paths()))


def test_looking_for_an_engine_does_not_stop_one_from_starting(isolated):
    paths = Paths().ensure()
    looker = (
        "from plugtui.paths import Paths; from plugtui.engine.supervisor import running_engine\n"
        "print('looking', flush=True)\nwhile True: running_engine(Paths())"
    )
    with hold_profile(paths) as lock:
        lock.announce(info(paths))
    paths.engine_file.write_text('{"pid":1,"url":"","token":"","engine_id":"","started_ns":1,"profile":"default"}')
    with process([sys.executable, "-c", looker], env=dict(os.environ)) as running:
        assert running.stdout.readline() == "looking\n"
        for _ in range(20):
            with hold_profile(paths):
                pass
            paths.engine_file.write_text(
                '{"pid":1,"url":"","token":"","engine_id":"","started_ns":1,"profile":"default"}'
            )
