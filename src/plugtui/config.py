"""Settings: what can be configured, and its defaults. Read with :func:`load_settings`."""

import difflib
import ipaddress
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import urlsplit

import msgspec

from plugtui.errors import ConfigError
from plugtui.paths import Paths


class GatewaySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The port that algorithms connect to."""

    host: str = "127.0.0.1"
    port: int = 8765
    root_path_feed: str = ""
    """Endpoint served on ``/`` (protocol §5.1 leaves it open); empty: the stock feed."""
    replay_recovered: bool = True
    """Send executions that were recovered from REST to listening algorithms as ``trade_updates``."""


class UpstreamSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where Alpaca is, and how it is spoken to."""

    trading_url: str = "https://paper-api.alpaca.markets"
    data_url: str = "https://data.alpaca.markets"
    stream_url: str = "wss://stream.data.alpaca.markets"
    feed: str = "iex"
    codec: str = "msgpack"
    connect_timeout_s: float = 10.0
    unsubscribe_delay_s: float = 10.0
    """How long a symbol that nobody wants any more stays subscribed upstream."""
    stale_after_s: float = 30.0
    reconnect_after_s: float = 60.0


class SlowClientSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a client that does not read is conflated, and when it is cut (row G10)."""

    soft_bytes: int = 1024 * 1024
    hard_bytes: int = 8 * 1024 * 1024
    stall_s: float = 5.0
    kernel_bytes: int = 256 * 1024
    """Send buffer of each client's socket: what waits beyond it waits where quotes can still be conflated."""


class RestSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """REST calls to the broker."""

    requests_per_minute: int = 200
    timeout_s: float = 10.0


class AccountSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often the account is read, and how far back a recovery looks."""

    poll_s: float = 5.0
    history_poll_s: float = 60.0
    recovery_overlap_s: float = 300.0
    reconcile_s: float = 60.0
    benchmark: str = "SPY"
    """Symbol that the account is compared with; empty: none."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings of one profile. Flags win over environment, environment over file."""

    profile: str = "default"
    gateway: GatewaySettings = GatewaySettings()
    upstream: UpstreamSettings = UpstreamSettings()
    slow_client: SlowClientSettings = SlowClientSettings()
    rest: RestSettings = RestSettings()
    account: AccountSettings = AccountSettings()
    log_level: str = "INFO"


# ---------------------------------------------------------------- keys and what they accept

Value: TypeAlias = str | int | float | bool


class Key(NamedTuple):
    """One setting, by its dotted name."""

    name: str
    """``gateway.port``; ``log_level`` for a setting without a section."""
    type: type
    default: Value

    @property
    def variable(self) -> str:
        """Environment variable: ``PLUGTUI_GATEWAY_PORT``."""
        return "PLUGTUI_" + self.name.replace(".", "_").upper()


class _Check(NamedTuple):
    passes: Callable[[Any], bool]
    expected: str


RESERVED_VARIABLES = frozenset({"PLUGTUI_HOME", "PLUGTUI_PROFILE", "PLUGTUI_TOKEN"})
"""Variables that begin like a setting and are none: which files are read, and what opens a remote engine."""

ALPACA_VARIABLES = {
    "APCA_API_BASE_URL": "upstream.trading_url",
    "APCA_API_DATA_URL": "upstream.data_url",
    "APCA_API_STREAM_URL": "upstream.stream_url",
}
"""The SDKs' own variables (protocol §5.2); a ``PLUGTUI_`` variable for the same key wins."""

FEEDS = ("iex", "sip", "delayed_sip", "boats", "overnight", "otc", "test")
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def keys() -> list[Key]:
    """List every setting that the file, the environment and flags may carry, in the order of the structs."""
    found: list[Key] = []
    for field in msgspec.structs.fields(Settings):
        if field.name == "profile":
            continue
        section = field.default
        if isinstance(section, msgspec.Struct):
            found += [
                Key(f"{field.name}.{inner.name}", inner.type, inner.default)
                for inner in msgspec.structs.fields(section)
            ]
        else:
            found.append(Key(field.name, field.type, field.default))
    return found


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_url(*schemes: str) -> Callable[[str], bool]:
    def passes(text: str) -> bool:
        try:
            parts = urlsplit(text)
            _ = parts.port  # checked only when it is asked for
        except ValueError:
            return False
        return parts.scheme in schemes and bool(parts.hostname)

    return passes


def _one_of(*choices: str) -> _Check:
    return _Check(lambda text: text in choices, "one of " + ", ".join(repr(choice) for choice in choices))


_POSITIVE = _Check(lambda number: 0 < number < 1e9, "a number above 0 and below 1,000,000,000")
_CHECKS: dict[str, _Check] = {
    "gateway.host": _Check(_is_loopback, "an address of this machine only, such as 127.0.0.1"),
    "gateway.port": _Check(lambda port: 0 <= port <= 65535, "a port from 0 to 65535 (0: any free one)"),
    "gateway.root_path_feed": _one_of("", *FEEDS),
    "upstream.trading_url": _Check(_is_url("http", "https"), "a URL that begins with https:// or http://"),
    "upstream.data_url": _Check(_is_url("http", "https"), "a URL that begins with https:// or http://"),
    "upstream.stream_url": _Check(_is_url("ws", "wss"), "a URL that begins with wss:// or ws://"),
    "upstream.feed": _one_of(*FEEDS),
    "upstream.codec": _one_of("msgpack", "json"),
    "upstream.unsubscribe_delay_s": _Check(lambda s: 0 <= s < 1e9, "a number of seconds, 0 or more"),
    "account.recovery_overlap_s": _Check(lambda s: 0 <= s < 1e9, "a number of seconds, 0 or more"),
    "log_level": _one_of(*_LEVELS),
}
_TYPE_NAMES: dict[type, str] = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def _expected(key: Key) -> str:
    check = _CHECKS.get(key.name)
    return check.expected if check else _POSITIVE.expected if key.type in (int, float) else _TYPE_NAMES[key.type]


# ---------------------------------------------------------------- one value


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)  # as TOML spells it


def _refuse(where: str, key: Key, value: object) -> ConfigError:
    return ConfigError(
        f"{where}: {key.name} was {_shown(value)}, expected {_expected(key)}",
        f"the default is {_shown(key.default)}; the environment variable for it is {key.variable}",
    )


def _convert(where: str, key: Key, value: object) -> Value:
    """Bring a value of a TOML file, a variable or a flag into the key's type, and check it."""
    converted = _from_text(key, value) if isinstance(value, str) else _from_typed(key, value)
    if isinstance(converted, str):
        converted = _normal(key.name, converted)
    check = _CHECKS.get(key.name, _POSITIVE if key.type in (int, float) else None)
    if converted is None or (check and not check.passes(converted)):
        raise _refuse(where, key, value)
    return converted


def _from_text(key: Key, text: str) -> Value | None:
    if key.type is str:
        return text
    lowered = text.strip().lower()
    if key.type is bool:
        return True if lowered in _TRUE else False if lowered in _FALSE else None
    try:
        return int(lowered.replace("_", "")) if key.type is int else float(lowered)
    except ValueError:
        return None


def _from_typed(key: Key, value: object) -> Value | None:
    if key.type is bool or isinstance(value, bool):
        return value if key.type is bool and isinstance(value, bool) else None
    if key.type is float and isinstance(value, (int, float)):
        return float(value)
    return value if key.type is int and isinstance(value, int) else None


def _normal(name: str, text: str) -> str:
    """Accept the spellings that SDKs accept: a trailing ``/`` or ``/v2``, ``http`` for ``ws``, any case of a level."""
    if name == "log_level":
        return text.upper()
    if not name.endswith("_url"):
        return text
    text = text.rstrip("/")
    if name == "upstream.stream_url":
        text = re.sub(r"^http(s?)://", r"ws\1://", text)
    return text.removesuffix("/v2")


# ---------------------------------------------------------------- the three sources


_OF_THE_DASHBOARD = ("keys", "theme", "on_quit", "benchmark")


def _nearest(name: str, known: list[str]) -> str:
    if name.partition(".")[0] in _OF_THE_DASHBOARD:
        return "what the dashboard looks like and its keys stand in dashboard.toml beside this file"
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"the nearest known one is {near[0]}" if near else "known ones: " + ", ".join(known)


def _flatten(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _collect(where: str, entries: Iterator[tuple[str, object]], known: dict[str, Key]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for name, value in entries:
        key = known.get(name)
        if key is None:
            raise ConfigError(
                f"{where}: there is no setting {name!r} (its value was {value!r})", _nearest(name, list(known))
            )
        values[name] = _convert(where, key, value)
    return values


def _from_file(paths: Paths, known: dict[str, Key]) -> dict[str, Value]:
    """Read the file: keys for all profiles, then those below ``[profiles.NAME]`` for this one."""
    file = paths.config_file
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{file} is not valid TOML: {error}", "correct that line; the file was left as it is"
        ) from error
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}", "check its permissions") from error
    profiles = table.pop("profiles", {})
    if not isinstance(profiles, dict) or not all(isinstance(entry, dict) for entry in profiles.values()):
        raise ConfigError(f"{file}: profiles was {profiles!r}, expected tables such as [profiles.live.upstream]")
    values = _collect(str(file), _flatten(table), known)
    for name, entry in profiles.items():
        of_profile = _collect(f"{file}, profile {name}", _flatten(entry), known)
        if name == paths.profile:
            values |= of_profile
    return values


def _from_environment(environ: Mapping[str, str], known: dict[str, Key]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for variable, name in ALPACA_VARIABLES.items():
        if text := environ.get(variable):
            values[name] = _convert(f"environment variable {variable}", known[name], text)
    by_variable = {key.variable: key for key in known.values()}
    for variable, text in environ.items():
        if not variable.startswith("PLUGTUI_") or variable in RESERVED_VARIABLES:
            continue
        key = by_variable.get(variable)
        if key is None:
            raise ConfigError(
                f"environment variable {variable} names no setting (its value was {text!r})",
                _nearest(variable, list(by_variable)),
            )
        values[key.name] = _convert(f"environment variable {variable}", key, text)
    return values


def load_settings(flags: Mapping[str, object], environ: Mapping[str, str], paths: Paths) -> Settings:
    """Read the settings of a profile. The file is only ever read.

    Args:
        flags: dotted key → value of a command-line flag; ``None`` means that the flag was not given.
        environ: usually ``os.environ``; ``PLUGTUI_GATEWAY_PORT`` and so on, and the SDKs' own ``APCA_API_*_URL``.
        paths: whose profile, and so which file and which ``[profiles.NAME]`` in it.

    Raises:
        ConfigError: a key that does not exist or a value that does not fit, with its place and what was expected.
    """
    known = {key.name: key for key in keys()}
    values = _from_file(paths, known) | _from_environment(environ, known)
    given = ((name, value) for name, value in flags.items() if value is not None)
    values |= _collect("command line", given, known)
    _check_together(values)
    tree: dict[str, Any] = {"profile": paths.profile}
    for name, value in values.items():
        section, _, leaf = name.rpartition(".")
        (tree.setdefault(section, {}) if section else tree)[leaf] = value
    return msgspec.convert(tree, Settings)


def refuse_own_gateway(settings: Settings) -> None:
    """Make sure that the engine would not dial itself, as when it is started where algorithms are pointed at it.

    Raises:
        ConfigError: an upstream address is that of the gateway.
    """
    variables = {name: variable for variable, name in ALPACA_VARIABLES.items()}
    for name in variables:
        url = getattr(settings.upstream, name.removeprefix("upstream."))
        parts = urlsplit(url)
        if parts.port and parts.port == settings.gateway.port and _is_loopback(parts.hostname or ""):
            raise ConfigError(
                f"{name} was {url!r}, which is the gateway's own address, expected Alpaca's",
                f"{variables[name]} points algorithms at the gateway; start plugtui where it is not set",
            )


def _check_together(values: Mapping[str, Value]) -> None:
    soft = values.get("slow_client.soft_bytes", SlowClientSettings().soft_bytes)
    hard = values.get("slow_client.hard_bytes", SlowClientSettings().hard_bytes)
    if isinstance(soft, int) and isinstance(hard, int) and soft > hard:
        raise ConfigError(
            f"slow_client.soft_bytes was {soft}, expected at most slow_client.hard_bytes ({hard})",
            "a slow client is conflated at the soft limit and cut at the hard one",
        )
