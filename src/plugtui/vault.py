"""Where secrets are kept: the system's keyring when one works, else a file that only its owner can read."""

import asyncio
import contextlib
import fcntl
import logging
import os
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

from plugtui.errors import CredentialsError
from plugtui.logs import masker
from plugtui.paths import Paths, write_private
from plugtui.secrets import Secret

log = logging.getLogger(__name__)
T = TypeVar("T")

_KEYRING_PATIENCE_S = 10.0
"""A locked keyring asks its user for a password; after this time the file is used."""


class Vault:
    """Secrets of one profile by name.

    With ``PLUGTUI_HOME`` set everything is below that directory, so that the keyring is left alone.

    Args:
        paths: of the profile.
        use_keyring: ``None``: yes, unless ``PLUGTUI_HOME`` is set.
    """

    def __init__(self, paths: Paths, use_keyring: bool | None = None) -> None:
        self._paths = paths
        self._service = f"plugtui:{paths.profile}"
        self._use_keyring = paths.home is None if use_keyring is None else use_keyring

    async def put(self, name: str, value: Secret) -> str:
        """Keep a value under a name, and return where: ``keyring`` or the file's path.

        Raises:
            CredentialsError: the file cannot be written.
        """
        masker.learn(value)
        if self._use_keyring and await _within_patience(lambda: self._keyring_put(name, value), False):
            await asyncio.to_thread(self._file_change, name, None)
            return "keyring"
        await asyncio.to_thread(self._file_change, name, value)
        return str(self._paths.secrets_file)

    async def get(self, name: str) -> Secret | None:
        """Return the value, or ``None`` when there is none under this name."""
        found: Secret | None = None
        if self._use_keyring:
            found = await _within_patience(lambda: self._keyring_get(name), None)
        if found is None:
            found = (await asyncio.to_thread(self._file_read)).get(name)
        if found is not None:
            masker.learn(found)
        return found

    async def delete(self, name: str) -> None:
        """Forget the value, wherever it is kept."""
        if self._use_keyring:
            await _within_patience(lambda: self._keyring_delete(name), None)
        await asyncio.to_thread(self._file_change, name, None)

    # ------------------------------------------------------------ keyring

    def _keyring_put(self, name: str, value: Secret) -> bool:
        import keyring  # here: it imports D-Bus and costs 0.1 s

        keyring.set_password(self._service, name, value.reveal())
        # The null backend takes everything and keeps nothing.
        return keyring.get_password(self._service, name) == value.reveal()

    def _keyring_get(self, name: str) -> Secret | None:
        import keyring

        text = keyring.get_password(self._service, name)
        return None if text is None else Secret(text)

    def _keyring_delete(self, name: str) -> None:
        import keyring

        if keyring.get_password(self._service, name) is not None:
            keyring.delete_password(self._service, name)

    # ------------------------------------------------------------ file

    def _file_read(self) -> dict[str, Secret]:
        file = self._paths.secrets_file
        try:
            data = file.read_bytes()
            if file.stat().st_mode & 0o077:
                file.chmod(0o600)
                log.warning("%s could be read by others; corrected to 0600", file)
            entries = msgspec.json.decode(data, type=dict[str, str])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError) as error:
            raise CredentialsError(f"{file} cannot be read: {error}", "repair or remove the file") from error
        return {name: Secret(text) for name, text in entries.items()}

    def _file_change(self, name: str, value: Secret | None) -> None:
        if value is None and not self._paths.secrets_file.exists():
            return
        self._paths.ensure()
        with self._file_locked():
            entries = self._file_read()
            if value is None:
                if entries.pop(name, None) is None:
                    return
            else:
                entries[name] = value
            plain = {entry: secret.reveal() for entry, secret in entries.items()}
            try:
                write_private(self._paths.secrets_file, msgspec.json.encode(plain))
            except OSError as error:
                raise CredentialsError(f"{self._paths.secrets_file} cannot be written: {error.strerror}") from error

    @contextlib.contextmanager
    def _file_locked(self) -> Iterator[None]:
        """Keep two processes from losing each other's change."""
        lock = self._paths.secrets_file.with_suffix(".lock")
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


async def _within_patience(work: Callable[[], T], otherwise: T) -> T:
    """Run a keyring call in a thread of its own; a keyring that is missing, refuses or hangs is no error.

    The thread is a daemon: one that waits for a password for ever must not hold up the end of the program.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def finish(value: T) -> None:
        if not done.done():
            done.set_result(value)

    def run() -> None:
        value = otherwise
        try:
            value = work()
        except Exception as error:  # noqa: BLE001 - each backend raises errors of its own kind
            log.info("the system's keyring cannot be used: %s: %s", type(error).__name__, error)
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(finish, value)

    threading.Thread(target=run, name="keyring", daemon=True).start()
    try:
        return await asyncio.wait_for(done, _KEYRING_PATIENCE_S)
    except TimeoutError:
        log.warning("the system's keyring did not answer within %g s; using the file", _KEYRING_PATIENCE_S)
        return otherwise
