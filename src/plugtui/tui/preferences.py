"""What the reader has chosen for the dashboard: ``dashboard.toml`` beside ``config.toml``.

::

    theme = "dark"        # dark, light, contrast, mono
    on_quit = "ask"       # ask, keep, stop: what becomes of the engine when the dashboard is left
    benchmark = "QQQ"     # symbol to compare the account with, "none"; left out: the engine's

    [keys]                # binding id = keys; the help (?) names the ids
    zoom = "z,f11"
"""

import tomllib
from pathlib import Path

import msgspec
import tomli_w

from plugtui.errors import ConfigError
from plugtui.paths import write_private
from plugtui.tui.themes import NAMES

_ON_QUIT = ("ask", "keep", "stop")


class Preferences(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The file's content."""

    theme: str = ""
    on_quit: str = "ask"
    benchmark: str = ""
    keys: dict[str, str] = {}


def load(file: Path) -> Preferences:
    """Read the preferences; no file means the defaults. Raises ConfigError."""
    try:
        found = msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), Preferences)
    except FileNotFoundError:
        return Preferences()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"{file} cannot be used: {error}", "correct that line, or remove the file") from error
    _check(file, "theme", found.theme, ("", *NAMES))
    _check(file, "on_quit", found.on_quit, _ON_QUIT)
    return found


def _check(file: Path, key: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        expected = ", ".join(repr(name) for name in known if name)
        raise ConfigError(f"{file}: {key} was {value!r}, expected one of {expected}")


def save(file: Path, **changes: str) -> None:
    """Change single preferences; the others stay. Raises ConfigError when the file cannot be written."""
    merged = msgspec.structs.replace(load(file), **changes)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_private(file, tomli_w.dumps(msgspec.to_builtins(merged)).encode())
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}") from error
