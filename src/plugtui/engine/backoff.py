"""How long to wait before the next upstream attempt, by the class of what went wrong (architecture §5)."""

from collections.abc import Callable
from enum import Enum


class Trouble(Enum):
    """Classes of upstream trouble."""

    FATAL = "fatal"
    """402, 409, 411, HTTP 401/403/404 on the upgrade: trying again changes nothing until somebody changes something."""
    OCCUPIED = "occupied"
    """406: another program, or our own session that the server has not given up yet, holds the connection."""
    THROTTLED = "throttled"
    """HTTP 429 on the upgrade."""
    NETWORK = "network"
    """404, 407, 500, no answer, connection lost."""


OCCUPIED_S = (1.0, 2.0, 5.0, 30.0)
THROTTLED_MIN_S = 5.0
NETWORK_FACTOR = 1.6
MAX_S = 60.0
RESET_AFTER_NS = 30_000_000_000
LINGER_NS = 120_000_000_000
"""For so long a session that was not closed cleanly may hold the slot (protocol §6)."""

_BY_CODE = {402: Trouble.FATAL, 409: Trouble.FATAL, 411: Trouble.FATAL, 406: Trouble.OCCUPIED}
_BY_STATUS = {401: Trouble.FATAL, 403: Trouble.FATAL, 404: Trouble.FATAL, 429: Trouble.THROTTLED}

HINTS = {
    402: "the keys were refused: check that they belong to this account and were not regenerated",
    406: "another program holds the connection",
    409: "the account's plan does not include this feed: choose another feed, such as iex",
    411: "the OAuth token lacks the scope 'data'",
}


def trouble_of_code(code: int) -> Trouble:
    """Class a stream error by its code (protocol §1.7)."""
    return _BY_CODE.get(code, Trouble.NETWORK)


def trouble_of_status(status: int) -> Trouble:
    """Class the HTTP status that refused an upgrade (protocol §1.1)."""
    return _BY_STATUS.get(status, Trouble.NETWORK)


class Backoff:
    """Count failures and say how long to wait; forgets them after 30 s of a connection that was up.

    Args:
        random: returns floats in [0, 1), for the jitter.
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._failures: dict[Trouble, int] = {}
        self._up_since_ns: int | None = None

    def up(self, now_ns: int) -> None:
        """Note that the connection works since ``now_ns``."""
        self._up_since_ns = now_ns

    def failed(self, trouble: Trouble, now_ns: int) -> float:
        """Note a failure; return the seconds to wait. Fatal trouble waits the longest: the caller decides whether at all."""
        if self._up_since_ns is not None and now_ns - self._up_since_ns >= RESET_AFTER_NS:
            self._failures.clear()
        self._up_since_ns = None
        count = self._failures.get(trouble, 0)
        self._failures[trouble] = count + 1
        match trouble:
            case Trouble.FATAL:
                return MAX_S
            case Trouble.OCCUPIED:
                return OCCUPIED_S[min(count, len(OCCUPIED_S) - 1)]
            case Trouble.THROTTLED:
                return min(MAX_S, THROTTLED_MIN_S * 2.0 ** min(count, 10)) * (1 + 0.25 * self._random())
            case Trouble.NETWORK:
                return min(MAX_S, NETWORK_FACTOR ** min(count, 20) * self._random() if count else self._random())
