"""Where plugtui keeps things: one directory a profile, readable by its owner only."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import platformdirs

from plugtui.errors import ConfigError

DEFAULT_PROFILE = "default"
_PROFILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Paths:
    """The files of one profile.

    Args:
        profile: letters, digits, ``.``, ``_`` and ``-``; one account, one engine, one ledger.
        environ: ``PLUGTUI_HOME`` in it puts everything below one directory.

    Raises:
        ConfigError: the name cannot be a directory's.
    """

    def __init__(self, profile: str = DEFAULT_PROFILE, environ: Mapping[str, str] | None = None) -> None:
        if not _PROFILE.fullmatch(profile):
            raise ConfigError(
                f"profile was {profile!r}, expected letters, digits, '.', '_' or '-', beginning with a letter or digit"
            )
        home = (os.environ if environ is None else environ).get("PLUGTUI_HOME", "")
        self.profile = profile
        self.home: Path | None = Path(home).expanduser().absolute() if home else None
        config = self.home or platformdirs.user_config_path("plugtui")
        state = self.home / "state" if self.home else platformdirs.user_state_path("plugtui")
        logs = self.home / "log" if self.home else platformdirs.user_log_path("plugtui")
        self.config_file = config / "config.toml"
        self.state_dir = state / profile
        self.log_dir = logs
        self.ledger = self.state_dir / "ledger.sqlite3"
        self.lock = self.state_dir / "engine.lock"
        self.engine_file = self.state_dir / "engine.json"
        self.secrets_file = self.state_dir / "secrets.json"
        self.log_file = logs / f"{profile}.log"

    def ensure(self) -> "Paths":
        """Make the directories (0700) that do not exist yet, and return the paths themselves.

        Raises:
            ConfigError: a directory cannot be made.
        """
        for directory in (self.state_dir, self.log_dir):
            try:
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                directory.chmod(0o700)
            except OSError as error:
                raise ConfigError(
                    f"the directory {directory} cannot be made: {error.strerror}",
                    "set PLUGTUI_HOME to a directory that you may write to",
                ) from error
        return self


def chosen_profile(flag: str | None, environ: Mapping[str, str]) -> str:
    """Return the profile to use: the flag, else ``PLUGTUI_PROFILE``, else ``default``."""
    return flag or environ.get("PLUGTUI_PROFILE") or DEFAULT_PROFILE


def write_private(file: Path, data: bytes) -> None:
    """Write a file whole or not at all, readable by its owner only (0600)."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
