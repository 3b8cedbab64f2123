"""Fault knobs of the simulator: what goes wrong on command, while it runs (protocol §7.1).

Knobs are set by ``plugtui sim --fault NAME=VALUE`` and by ``POST /sim/faults`` with ``{name: value}``.
Everything that misbehaves reads the one :class:`Faults` object; knobs that act once call the functions
registered with :meth:`Faults.on_change`.
"""

import dataclasses
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from plugtui.errors import ConfigError

_TRUE = {"true", "yes", "on", "1", "now"}
_FALSE = {"false", "no", "off", "0"}
_EXPECTED = {"bool": "true or false", "int": "a whole number", "float": "a number", "tuple": "LOW,HIGH or one number"}


def _knob(
    default: bool | int | float | str | tuple[float, float],
    doc: str,
    *,
    low: float = 0,
    high: float = float("inf"),
    choices: tuple[str, ...] = (),
    one_shot: bool = False,
) -> Any:
    metadata = {"doc": doc, "low": low, "high": high, "choices": choices, "one_shot": one_shot}
    return field(default=default, metadata=metadata)


@dataclass
class Faults:
    """Hold the value of every knob.

    A knob whose name ends in ``_s`` and that describes a *spell* (``refuse_406_s``, ``upgrade_429_s``) counts from
    the moment it is set: ask :meth:`active`. One-shot knobs act when set to true and read as false afterwards.
    """

    # market-data streams
    cut: bool = _knob(False, "abort every data session at once, without a close frame", one_shot=True)
    half_open: bool = _knob(False, "data sessions neither read nor write while their TCP connections stay open")
    mute: bool = _knob(False, "data sessions stay up and answer pings, but no market data is sent")
    garbage: bool = _knob(False, "send one frame that cannot be decoded to every data session", one_shot=True)
    refuse_406_s: float = _knob(0.0, "answer every data login with 406 for so many seconds from now")
    upgrade_429_s: float = _knob(0.0, "answer every data upgrade with HTTP 429 for so many seconds from now")
    upgrade_attempts: int = _knob(0, "answer HTTP 429 after so many data upgrades in 10 s (0: never)")
    symbol_limit: int = _knob(0, "most (channel, symbol) pairs over trades and quotes of a session, then 405 (0: none)")
    linger_s: float = _knob(90.0, "how long a data session that broke without a close frame holds its slot")
    auth_timeout_s: float = _knob(10.0, "time to log in to a data stream before 404 and close", low=0.01)
    omit_empty_acks: bool = _knob(False, "leave empty lists out of acknowledgements in MessagePack, as production does")
    max_frame_bytes: int = _knob(32_768, "largest frame that a data client may send, then close 1009", low=1)
    slow_client_bytes: int = _knob(8_388_608, "bytes kept for a data client that does not read, then 407", low=1)
    ping_interval_s: float = _knob(9.0, "time between the data server's own pings", low=0.01)
    internal_error: bool = _knob(False, "send 500 to every data session and close it", one_shot=True)
    scope_missing: bool = _knob(False, "OAuth tokens lack the scope for market data: 411")
    plan: str = _knob("paid", "market-data plan of all accounts: free refuses sip with 409", choices=("free", "paid"))
    random_cut_per_minute: float = _knob(0.0, "data sessions are cut at random so many times a minute")
    # account stream
    account_cut: bool = _knob(
        False, "abort every account session at once; its events meanwhile are lost", one_shot=True
    )
    account_mute: bool = _knob(False, "account sessions stay up, but no event is sent")
    account_refuse: bool = _knob(False, "answer every upgrade of an account stream with HTTP 429")
    duplicate_events: float = _knob(0.0, "probability that an account event is sent twice", high=1)
    disorder_events: float = _knob(0.0, "probability that an account event changes places with the next", high=1)
    account_linger_s: float = _knob(0.0, "how long an account session that broke without a close frame holds its slot")
    account_sessions: int = _knob(1, "most account sessions of an account, then HTTP 429 (0: no limit)")
    binary_frames: bool = _knob(True, "account events come in binary frames, as on the paper host")
    partial_fill_probability: float = _knob(0.2, "probability that an execution fills a part only", high=1)
    halted: str = _knob("", "symbols, separated by commas, whose orders the exchange rejects when they reach it")
    fill_latency_ms: tuple[float, float] = _knob(
        (2.0, 20.0), "simulated time from acceptance to the exchange, uniformly between two values (LOW,HIGH or one)"
    )
    activity_ids: str = _knob(
        "execution",
        "ids of FILL activities: made from the stream's execution id, or opaque",
        choices=("execution", "opaque"),
    )
    # REST
    rest_delay_s: float = _knob(0.0, "extra time before every REST answer")
    rest_status: int = _knob(0, "answer every REST call with this HTTP status (0: off)", high=599)
    rate_limit: int = _knob(200, "REST calls a minute and key before 429 (0: no limit)")

    def __post_init__(self) -> None:
        self._fields = {item.name: item for item in dataclasses.fields(self)}
        self._set_at: dict[str, float] = {}
        self._listeners: dict[str, list[Callable[[], None]]] = {}

    def on_change(self, name: str, action: Callable[[], None]) -> None:
        """Call ``action`` whenever ``name`` is set; a one-shot knob calls it when set to true."""
        self._listeners.setdefault(name, []).append(action)

    @property
    def rest_limit(self) -> int:
        """Return ``rate_limit`` under the name that the trading half reads."""
        return self.rate_limit

    def active(self, name: str) -> bool:
        """Tell whether the spell that ``name`` (a knob in seconds) started when it was set still lasts."""
        started = self._set_at.get(name)
        return started is not None and time.monotonic() < started + float(getattr(self, name))

    def update(self, values: Mapping[str, Any]) -> None:
        """Set several knobs: all of them, or none when one is wrong.

        Raises:
            ConfigError: a name is unknown or a value is outside what the knob takes.
        """
        checked = {name: self._coerce(name, value) for name, value in values.items()}
        for name, value in checked.items():
            self._apply(name, value)

    def set_text(self, assignment: str) -> None:
        """Set one knob from ``NAME=VALUE`` (the command line's form).

        Raises:
            ConfigError: see :meth:`update`.
        """
        name, separator, value = assignment.partition("=")
        if not separator:
            raise ConfigError(f"fault was {assignment!r}, expected NAME=VALUE", f"known: {', '.join(self._fields)}")
        self.update({name.strip(): value.strip()})

    def as_dict(self) -> dict[str, Any]:
        """Return the value of every knob."""
        return {name: getattr(self, name) for name in self._fields}

    def describe(self) -> dict[str, dict[str, Any]]:
        """Return value, type and meaning of every knob (``GET /sim/faults?doc=1``)."""
        return {
            name: {
                "value": getattr(self, name),
                "type": type(item.default).__name__,
                "doc": item.metadata["doc"],
                "one_shot": item.metadata["one_shot"],
                **({"choices": list(item.metadata["choices"])} if item.metadata["choices"] else {}),
            }
            for name, item in self._fields.items()
        }

    def _apply(self, name: str, value: Any) -> None:
        one_shot = self._fields[name].metadata["one_shot"]
        if not one_shot:
            setattr(self, name, value)
        self._set_at[name] = time.monotonic()
        if value or not one_shot:
            for action in self._listeners.get(name, ()):
                action()

    def _coerce(self, name: str, value: Any) -> Any:
        item = self._fields.get(name)
        if item is None:
            raise ConfigError(f"fault knob was {name!r}, which does not exist", f"known: {', '.join(self._fields)}")
        try:
            result = _convert(type(item.default), value)
        except (TypeError, ValueError, OverflowError):
            kind = type(item.default).__name__
            raise ConfigError(
                f"fault knob {name} was {value!r}, expected {_EXPECTED.get(kind, kind)}", item.metadata["doc"]
            ) from None
        self._check_range(item, value, result)
        return result

    @staticmethod
    def _check_range(item: "dataclasses.Field[Any]", value: Any, result: Any) -> None:
        choices, low, high = item.metadata["choices"], item.metadata["low"], item.metadata["high"]
        if choices and result not in choices:
            raise ConfigError(f"fault knob {item.name} was {value!r}, expected one of {', '.join(choices)}")
        numbers = result if isinstance(result, tuple) else (result,)
        if any(isinstance(number, int | float) and not low <= number <= high for number in numbers):
            raise ConfigError(
                f"fault knob {item.name} was {value!r}, expected {low:g} to {high:g}", item.metadata["doc"]
            )


def _convert(kind: type, value: Any) -> Any:
    if kind is bool:
        return _to_bool(value)
    if kind is tuple:
        parts = value.split(",") if isinstance(value, str) else value if isinstance(value, list | tuple) else [value]
        low, high = (float(part) for part in (parts if len(parts) > 1 else [parts[0]] * 2))
        return (min(low, high), max(low, high))
    if isinstance(value, bool) and kind is not str:
        value = int(value) if kind is float else "a truth value"
    if kind is str and not isinstance(value, str):
        raise TypeError
    result = kind(value)
    if kind is int and float(value) != result:
        raise ValueError
    return result


def _to_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(value)
