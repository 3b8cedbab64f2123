"""Logging: a rotating file and the newest lines in memory; stderr only for a headless engine. Secrets are masked."""

import logging
import logging.handlers
import os
import re
import sys
import time
from collections import deque
from collections.abc import Callable

from plugtui.errors import ConfigError
from plugtui.paths import Paths
from plugtui.secrets import Secret

MASK = "••••"
_FILE_BYTES = 5_000_000
_FILES_KEPT = 3
_RING_LINES = 2_000
_SHORTEST_SECRET = 8
"""Shorter values would blank out ordinary words."""

_LOOKS_SECRET = re.compile(
    r"""(?ix)
    ( (?: secret(?:[-_]key)? | password | token ) ["']? \s* [:=] \s* ["']?
    | \bbearer\s+
    | \bbasic\s+ )
    [A-Za-z0-9+/_.=-]{8,}
    """
)


class Masker:
    """Replace known secrets, and what stands where secrets stand, by a mask."""

    def __init__(self) -> None:
        self._known: set[Secret] = set()

    def learn(self, secret: Secret) -> None:
        """Mask this value from now on wherever it appears."""
        if len(secret.reveal()) >= _SHORTEST_SECRET:
            self._known.add(secret)

    def mask(self, text: str) -> str:
        """Return the text without secrets."""
        for secret in self._known:
            text = text.replace(secret.reveal(), MASK)
        return _LOOKS_SECRET.sub(rf"\1{MASK}", text)


masker = Masker()
"""The one masker of this process."""


class _Formatter(logging.Formatter):
    """UTC times with milliseconds; masks after formatting, so that tracebacks are masked too."""

    converter = time.gmtime  # type: ignore[assignment]
    default_msec_format = "%s.%03dZ"
    default_time_format = "%Y-%m-%dT%H:%M:%S"

    def format(self, record: logging.LogRecord) -> str:
        return masker.mask(super().format(record))


class RingBuffer(logging.Handler):
    """Keep the newest formatted lines in memory, for a screen or a bug report."""

    def __init__(self, lines: int = _RING_LINES) -> None:
        super().__init__()
        self.lines: deque[str] = deque(maxlen=lines)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


class NotAgain(logging.Filter):
    """Let the same line of a library through once in a while: out of descriptors, asyncio says so hundreds of times a second.

    Args:
        every_s: how long a line is held back after it was shown.
        clock: seconds that only grow.
    """

    def __init__(self, every_s: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._every_s = every_s
        self._clock = clock
        self._shown: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        now = self._clock()
        self._shown = {line: at for line, at in self._shown.items() if now - at < self._every_s}
        line = str(record.msg)
        if line in self._shown:
            return False
        self._shown[line] = now
        return True


class _PrivateFile(logging.handlers.RotatingFileHandler):
    """A rotating file that only its owner can read."""

    def _open(self):  # type: ignore[no-untyped-def]
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")


def set_up_logging(paths: Paths, level: str, *, to_stderr: bool) -> RingBuffer:
    """Send all logging to the profile's file and a ring buffer, and to stderr when there is no screen to spoil.

    Raises:
        ConfigError: the file cannot be written.
    """
    formatter = _Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    ring = RingBuffer()
    try:
        file = _PrivateFile(paths.log_file, maxBytes=_FILE_BYTES, backupCount=_FILES_KEPT)
    except OSError as error:
        raise ConfigError(f"the log {paths.log_file} cannot be written: {error.strerror}") from error
    handlers: list[logging.Handler] = [ring, file]
    if to_stderr:
        handlers.append(logging.StreamHandler(sys.stderr))
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
        handler.close()
    for handler in handlers:
        handler.setFormatter(formatter)
        root.addHandler(handler)
    root.setLevel(level)
    # Their DEBUG shows whole frames and headers with keys in them.
    for chatty in ("websockets", "aiohttp", "urllib3", "asyncio", "aiosqlite"):
        logging.getLogger(chatty).setLevel(max(logging.getLevelName(level), logging.INFO))
    chatterbox = logging.getLogger("asyncio")
    for earlier in list(chatterbox.filters):
        chatterbox.removeFilter(earlier)
    chatterbox.addFilter(NotAgain())
    return ring
