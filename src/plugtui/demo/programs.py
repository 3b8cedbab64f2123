"""Programs of the demo: started in one process group that a guardian ends, whatever becomes of the demo itself."""

import asyncio
import contextlib
import json
import logging
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from plugtui.errors import PlugtuiError

log = logging.getLogger(__name__)

_STOP_PATIENCE_S = 10.0
_OUTPUT_SHOWN = 2_000
_LINE_LIMIT_BYTES = 1024 * 1024


class Program:
    """One running program; what it prints goes to a file."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, output: Path) -> None:
        self.name = name
        self.process = process
        self.output = output

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process.returncode is None

    def said(self) -> str:
        """Return the end of what it printed."""
        return self.output.read_text(encoding="utf-8", errors="replace").strip()[-_OUTPUT_SHOWN:]

    async def stop(self) -> None:
        """Send SIGTERM, wait, and kill it when that takes too long."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), _STOP_PATIENCE_S)
            except TimeoutError:
                log.warning("%s did not end within %g s and is killed", self.name, _STOP_PATIENCE_S)
                with contextlib.suppress(ProcessLookupError):
                    self.process.kill()
        await self.process.wait()

    async def ready_line(self, timeout_s: float) -> dict[str, object]:
        """Wait for the one line of JSON by which a program of ours says that it is ready.

        Raises:
            PlugtuiError: no such line in time, with what the program said.
        """
        if self.process.stdout is None:
            raise PlugtuiError(f"{self.name} was started without a pipe for its output")
        try:
            line = await asyncio.wait_for(self.process.stdout.readline(), timeout_s)
            ready = json.loads(line)
        except (TimeoutError, json.JSONDecodeError) as error:
            raise PlugtuiError(f"{self.name} did not become ready within {timeout_s:g} s", self.said()) from error
        if not isinstance(ready, dict):
            raise PlugtuiError(f"{self.name} wrote {ready!r}, expected one JSON object", self.said())
        return ready


class ProgramGroup:
    """A directory and a process group that both go when this object's owner goes, even by kill -9.

    Use as an async context manager.
    """

    def __init__(self) -> None:
        self.directory = Path()
        self._guardian: asyncio.subprocess.Process | None = None
        self._programs: list[Program] = []

    @property
    def group(self) -> int:
        """Number of the process group."""
        if self._guardian is None:
            raise PlugtuiError("the demo's process group is used outside its context")
        return self._guardian.pid

    async def __aenter__(self) -> "ProgramGroup":
        self.directory = Path(tempfile.mkdtemp(prefix="plugtui-demo-"))
        script = Path(__file__).with_name("guardian.py")
        try:
            self._guardian = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(script), str(self.directory)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                process_group=0,
            )
        except BaseException:
            shutil.rmtree(self.directory, ignore_errors=True)
            raise
        return self

    async def start(
        self, name: str, command: list[str], environ: Mapping[str, str], *, pipe: bool = False, given: str = ""
    ) -> Program:
        """Start a program in the group.

        Args:
            name: for messages and its output file.
            command: program and arguments.
            environ: its whole environment.
            pipe: keep its stdout for :meth:`Program.ready_line` instead of sending it to the file.
            given: text for its input.
        """
        output = self.directory / f"{name}.out"
        with output.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE if given else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if pipe else file,
                stderr=file,
                env=dict(environ),
                process_group=self.group,
                limit=_LINE_LIMIT_BYTES,
            )
        program = Program(name, process, output)
        self._programs.append(program)
        if process.stdin is not None:
            process.stdin.write(given.encode())
            process.stdin.close()
        return program

    async def stop_all(self) -> None:
        """End all programs at once."""
        await asyncio.gather(*(program.stop() for program in self._programs))

    async def __aexit__(self, *_: object) -> None:
        try:
            await self.stop_all()
        finally:
            await self._dismiss()

    async def _dismiss(self) -> None:
        """Let the guardian clean up what is left; its output ends when it has."""
        guardian = self._guardian
        if guardian is None or guardian.stdin is None or guardian.stdout is None:
            return
        guardian.stdin.close()
        await guardian.stdout.read()
        await guardian.wait()
