"""A program in a pseudo-terminal: read what it shows, type, resize, stall, and see what it leaves behind."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.cells import cell_len

ROOT = Path(__file__).parents[2]
_TOKEN = re.compile(r"\x1b\[([\d;]*)H|\x1b\[[<>=?]?[\d;$]*[a-zA-Z]|\x1b\][^\x07]*\x07|\x1b.|([^\x1b])", re.DOTALL)
"""Places of the cursor, other sequences, characters."""

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

    def lines(self) -> list[str]:
        """Return what the screen shows now: what the app has written, put where it belongs."""
        columns, rows = self._size
        grid = [[" "] * columns for _ in range(rows)]
        x = y = 0
        for place, character in _TOKEN.findall(self.seen.rpartition(ENTER_SCREEN)[2].decode(errors="replace")):
            if place:
                y, x = (int(number or 1) - 1 for number in place.split(";"))
            elif character == "\r":
                x = 0
            elif character == "\n":
                y += 1
            elif character:
                if 0 <= y < rows and 0 <= x < columns:
                    grid[y][x] = character
                x += cell_len(character)
        return ["".join(row) for row in grid]

    def find(self, words: str) -> tuple[int, int] | None:
        """Return column and row, from 1 on, of the first place with these words."""
        for y, line in enumerate(self.lines()):
            if words in line:
                return line.index(words) + 1, y + 1
        return None

    def click(self, column: int, row: int) -> None:
        """Press and release the left button, as a terminal reports it."""
        self.type(f"\x1b[<0;{column};{row}M\x1b[<0;{column};{row}m")

    def turn_wheel(self, column: int, row: int, notches: int = 1) -> None:
        """Turn the wheel towards the reader."""
        self.type(f"\x1b[<65;{column};{row}M" * notches)

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self.master, keys.encode())

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the window."""
        self._size = columns, rows
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
