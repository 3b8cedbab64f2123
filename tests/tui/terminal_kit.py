"""A program in a pseudo-terminal: read what it shows, type, resize, stall, and see what it leaves behind."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
ENTER_SCREEN, LEAVE_SCREEN = b"\x1b[?1049h", b"\x1b[?1049l"


class Terminal:
    """Run a command in a terminal of its own.

    Args:
        command: of Python's arguments.
        size: columns and rows.
    """

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], size: tuple[int, int] = (100, 30)) -> None:
        self.master, slave = pty.openpty()
        self.resize(*size)
        self.before = termios.tcgetattr(slave)
        self._slave = slave
        self._seen = bytearray()
        self._reading = threading.Event()
        self._reading.set()
        # These two would win over the size of the terminal; a parallel test run sets them.
        own = {name: value for name, value in environ.items() if name not in ("COLUMNS", "LINES")}
        # Only an ioctl happens between fork and exec, no lock is taken.
        self.process = subprocess.Popen(
            [sys.executable, *command], stdin=slave, stdout=slave, stderr=slave, cwd=ROOT, start_new_session=True,
            env={**own, "TERM": "xterm-256color", "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
        )  # fmt: skip
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with suppress(OSError):
            while True:
                self._reading.wait()
                data = os.read(self.master, 65536)
                if not data:
                    return
                self._seen += data

    @property
    def seen(self) -> bytes:
        """Everything that was written to the terminal."""
        return bytes(self._seen)

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self.master, keys.encode())

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the window."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def stall(self) -> None:
        """Read nothing more."""
        self._reading.clear()

    def go_on(self) -> None:
        """Read again."""
        self._reading.set()

    def state(self) -> list[Any]:
        """Return the terminal's settings as they are now."""
        return termios.tcgetattr(self._slave)

    def hang_up(self) -> None:
        """Close the window: the program gets SIGHUP."""
        self._reading.set()
        os.close(self._slave)
        os.close(self.master)

    def close(self) -> None:
        """End everything."""
        self._reading.set()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for descriptor in (self._slave, self.master):
            with suppress(OSError):
                os.close(descriptor)
