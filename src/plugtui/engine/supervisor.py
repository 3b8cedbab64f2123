"""One engine a profile: the lock, the file that says where it is, starting one and finding the one that runs."""

import asyncio
import contextlib
import fcntl
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from plugtui.errors import AddressInUse, AlreadyRunning, ConfigError, CredentialsError, PlugtuiError, StoreError
from plugtui.logs import masker
from plugtui.paths import Paths, write_private
from plugtui.secrets import Secret

log = logging.getLogger(__name__)

_LOCK_PATIENCE_S = 0.5
"""Who looks whether an engine runs holds the lock for an instant; a start must not stumble over that."""

_STOP_PATIENCE_S = 15.0
_STDERR_SHOWN = 2_000
_ABORT_PATIENCE_S = 3.0
_POLL_S = 0.02


@dataclass(frozen=True)
class EngineInfo:
    """Where a running engine is, and what opens its control link."""

    pid: int
    url: str
    """``http://127.0.0.1:8765``."""
    token: Secret
    engine_id: str
    started_ns: int
    profile: str


class _EngineFile(msgspec.Struct, frozen=True):
    """``engine.json`` (0600)."""

    pid: int
    url: str
    token: str
    engine_id: str
    started_ns: int
    profile: str


class ProfileLock:
    """Held by the one engine of a profile from before it opens the ledger until it has closed it."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    def announce(self, info: EngineInfo) -> None:
        """Write ``engine.json``: the engine accepts clients from now on. Raises StoreError."""
        plain = _EngineFile(
            pid=info.pid,
            url=info.url,
            token=info.token.reveal(),
            engine_id=info.engine_id,
            started_ns=info.started_ns,
            profile=info.profile,
        )
        with _usable(self._paths.engine_file):
            write_private(self._paths.engine_file, msgspec.json.encode(plain))


@contextlib.contextmanager
def hold_profile(paths: Paths) -> Iterator[ProfileLock]:
    """Be the one engine of the profile. The kernel frees the lock whatever way the process ends.

    Raises:
        AlreadyRunning: another engine holds the lock; it is left alone.
        StoreError: the profile's files cannot be used.
    """
    paths.ensure()
    with _usable(paths.lock):
        descriptor = os.open(paths.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _lock(descriptor, _LOCK_PATIENCE_S):
            raise _already_running(paths)
        # What lies there is left over from an engine that was killed.
        _remove(paths.engine_file)
        try:
            yield ProfileLock(paths)
        finally:
            _remove(paths.engine_file)
    finally:
        os.close(descriptor)


def _remove(file: Path) -> None:
    with _usable(file):
        file.unlink(missing_ok=True)


@contextlib.contextmanager
def _usable(file: Path) -> Iterator[None]:
    """Say which file it was that could not be opened, written or removed. Raises StoreError."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{file} cannot be used: {error.strerror}",
            "check its permissions and the disk's free space, or set PLUGTUI_HOME to another directory",
        ) from error


def _lock(descriptor: int, patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        else:
            return True


def _already_running(paths: Paths) -> AlreadyRunning:
    info = _read_engine_file(paths)
    if info is None:
        return AlreadyRunning(
            f"another engine of profile {paths.profile!r} is just starting or ending", "wait a moment, then try again"
        )
    return AlreadyRunning(
        f"an engine of profile {paths.profile!r} runs already: {info.url} (pid {info.pid})",
        "it was left alone; `plugtui status` shows it, `--profile NAME` starts one for another account",
    )


def _read_engine_file(paths: Paths) -> EngineInfo | None:
    try:
        plain = msgspec.json.decode(paths.engine_file.read_bytes(), type=_EngineFile)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise StoreError(
            f"{paths.engine_file} cannot be read: {error}", "remove the file when no engine runs"
        ) from error
    token = Secret(plain.token)
    masker.learn(token)
    return EngineInfo(plain.pid, plain.url, token, plain.engine_id, plain.started_ns, plain.profile)


def running_engine(paths: Paths) -> EngineInfo | None:
    """Return the engine of this profile that accepts clients, or ``None``.

    A file without a holder of the lock was left by an engine that was killed, and counts as none.

    Raises:
        StoreError: a file is there and cannot be read.
    """
    info = _read_engine_file(paths)
    if info is None:
        return None
    with _usable(paths.lock):
        try:
            descriptor = os.open(paths.lock, os.O_RDONLY)
        except FileNotFoundError:
            return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return info
    finally:
        os.close(descriptor)
    return None


# ---------------------------------------------------------------- an engine as a child process


class EngineProcess:
    """An engine that this process has started; it lives on when this object is forgotten."""

    def __init__(self, process: subprocess.Popen[bytes], info: EngineInfo) -> None:
        self._process = process
        self.info = info

    @property
    def exit_code(self) -> int | None:
        """``None`` while it runs."""
        return self._process.poll()

    async def wait(self) -> int:
        """Wait until the engine has ended, and return its exit code."""
        return await _ended(self._process)

    async def stop(self, patience_s: float = _STOP_PATIENCE_S) -> int:
        """Let the engine close cleanly; kill it when that takes too long. Return its exit code."""
        return await _end(self._process, patience_s)


async def _ended(process: subprocess.Popen[bytes]) -> int:
    # Looked at, not awaited: asyncio's own transport would kill the engine when the event loop of a dashboard closes.
    while (code := process.poll()) is None:  # noqa: ASYNC110
        await asyncio.sleep(_POLL_S)
    return code


async def _end(process: subprocess.Popen[bytes], patience_s: float) -> int:
    if process.poll() is None:
        process.terminate()
        try:
            return await asyncio.wait_for(_ended(process), patience_s)
        except TimeoutError:
            log.warning("engine %d did not end within %g s and is killed", process.pid, patience_s)
            process.kill()
    return await _ended(process)


async def start_engine(
    paths: Paths,
    arguments: Sequence[str] = (),
    *,
    environ: Mapping[str, str] | None = None,
    timeout_s: float = 30.0,
    process_group: int | None = None,
) -> EngineProcess:
    """Start ``plugtui serve`` as a child, and wait until it accepts clients.

    It logs to its file only, so that neither a full pipe nor the end of this process can hold it up.

    Args:
        paths: of the profile.
        arguments: further flags of ``serve``.
        environ: the child's environment; ``None``: this process's.
        timeout_s: how long it may take to accept clients.
        process_group: join this process group; ``None``: a session of its own, so that Ctrl-C and the end of the terminal
            do not reach it.

    Raises:
        PlugtuiError: as the engine's exit code says (AlreadyRunning, CredentialsError, …), with what it wrote to stderr.
    """
    paths.ensure()
    command = [sys.executable, "-m", "plugtui", "serve", "--json", "--quiet", "--profile", paths.profile, *arguments]
    stderr = os.open(paths.state_dir / "engine.stderr", os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        process = _spawn(command, stderr, environ, process_group)
        try:
            return EngineProcess(process, await asyncio.wait_for(_accepting(process, paths), timeout_s))
        except TimeoutError as error:
            await _end(process, _ABORT_PATIENCE_S)
            raise PlugtuiError(f"the engine did not accept clients within {timeout_s:g} s", _said(stderr)) from error
        except _EndedEarly as error:
            raise _start_failed(error.code, _said(stderr)) from None
        except BaseException:
            await _end(process, _ABORT_PATIENCE_S)
            raise
    finally:
        os.close(stderr)


def _spawn(
    command: list[str], stderr: int, environ: Mapping[str, str] | None, process_group: int | None
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        env=None if environ is None else dict(environ),
        start_new_session=process_group is None,
        process_group=process_group,
    )


class _EndedEarly(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


async def _accepting(process: subprocess.Popen[bytes], paths: Paths) -> EngineInfo:
    """Wait until the child itself, not a predecessor, has said where it is."""
    while True:
        info = running_engine(paths)
        if info is not None and info.pid == process.pid:
            return info
        if (code := process.poll()) is not None:
            raise _EndedEarly(code)
        await asyncio.sleep(_POLL_S)


def _said(stderr: int) -> str:
    return os.pread(stderr, 1 << 20, 0).decode(errors="replace").strip()[-_STDERR_SHOWN:]


_KINDS: dict[int, type[PlugtuiError]] = {
    kind.exit_code: kind for kind in (ConfigError, CredentialsError, AlreadyRunning, AddressInUse, StoreError)
}


def _start_failed(code: int, said: str) -> PlugtuiError:
    """Turn the child's exit code and stderr into the error that it had."""
    worded = said.rpartition("plugtui: ")[2] if "plugtui: " in said else ""
    title, _, hint = worded.partition("\n")
    if not title:
        return PlugtuiError(f"the engine ended at its start with exit code {code}", said)
    kind = _KINDS.get(code, PlugtuiError)
    return kind(title, hint.strip())
