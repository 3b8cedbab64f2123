"""The errors that plugtui raises.

::

    PlugtuiError                 what a user reads: a title, a hint and an exit code
    ├── ConfigError              a setting is missing or wrong (exit 2)
    ├── CredentialsError         the keys are missing or cannot be read (exit 3)
    ├── AlreadyRunning           another engine of this profile holds the lock (exit 4)
    ├── AddressInUse             the gateway port is taken (exit 5)
    ├── NotRunning               no engine of this profile is running (exit 6)
    ├── BrokerError              the broker's REST API refused or failed
    │   ├── BrokerUnavailable    no answer, 5xx, or 429: worth another try
    │   └── BrokerRefused        4xx: will be refused again
    ├── WireError                a frame breaks the protocol
    ├── StoreError               the ledger's database cannot be read or written (exit 7)
    └── ControlError             a command of the control link was refused
        └── TokenRefused         the engine knows another token
"""

import errno
import os
import socket

_OF_THE_NETWORK = frozenset(
    {errno.ECONNREFUSED, errno.ECONNRESET, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT, errno.EPIPE}
)


def describe(error: BaseException) -> str:
    """Word an error of a connection in one line for a person: ``connection refused`` rather than what asyncio makes of it."""
    # Not any errno: errors of TLS number theirs otherwise.
    if isinstance(error, socket.gaierror):
        return "the host's name is not known (DNS)"
    if isinstance(error, OSError) and error.errno in _OF_THE_NETWORK:
        return os.strerror(error.errno).lower()
    return str(error) or type(error).__name__


class PlugtuiError(Exception):
    """Base of all errors whose text is meant for a user.

    Args:
        title: what is wrong, in one sentence ("was X, expected Y").
        hint: what to do about it; may be empty.
    """

    exit_code = 1

    def __init__(self, title: str, hint: str = "") -> None:
        super().__init__(title)
        self.title = title
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.title}\n  {self.hint}" if self.hint else self.title


class ConfigError(PlugtuiError):
    """A setting is missing or wrong."""

    exit_code = 2


class CredentialsError(PlugtuiError):
    """The brokerage keys are missing, or the place where they are kept cannot be read or written."""

    exit_code = 3


class AlreadyRunning(PlugtuiError):
    """Another engine of this profile holds the lock."""

    exit_code = 4


class AddressInUse(PlugtuiError):
    """The gateway's port is taken by another program."""

    exit_code = 5


class NotRunning(PlugtuiError):
    """No engine of this profile is running."""

    exit_code = 6


class BrokerError(PlugtuiError):
    """The broker's REST API refused or failed.

    Args:
        status: HTTP status, 0 when there was no answer.
    """

    def __init__(self, title: str, hint: str = "", status: int = 0) -> None:
        super().__init__(title, hint)
        self.status = status


class BrokerUnavailable(BrokerError):
    """No answer, 5xx or 429: the same call may succeed later."""


class BrokerRefused(BrokerError):
    """4xx: the same call will be refused again."""


class WireError(PlugtuiError):
    """A frame breaks the protocol."""


class StoreError(PlugtuiError):
    """The ledger's database cannot be opened, read or written."""

    exit_code = 7


class ControlError(PlugtuiError):
    """A command of the control link was refused."""


class TokenRefused(ControlError):
    """The engine knows another token than the one it was given."""
