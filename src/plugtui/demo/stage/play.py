"""A play on the stage as dashboards see it: what they were told, and an engine that stands still and still answers."""

import asyncio
import contextlib
import random
import tempfile
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

from plugtui.control.client import ControlClient
from plugtui.control.messages import Facts, Snapshot, States
from plugtui.demo.stage.loop import VirtualLoop
from plugtui.demo.stage.stage import START_NS, Stage, Wires
from plugtui.errors import PlugtuiError
from plugtui.tasks import Tasks

T = TypeVar("T")

WINDOW = "1M"
"""Of the figures that a dashboard asks for at first."""
_ASK_EVERY_S = 5.0


class Play:
    """Let everybody play for some virtual seconds, then stand still until the end of the context.

    The stage's loop lives in a thread of its own, and runs only while this object waits for it.

    Args:
        seed: everything follows from it.
        seconds: of the play, virtual ones; a twentieth of it in real ones.
    """

    def __init__(self, seed: int, seconds: float) -> None:
        self.history: list[tuple[int, Snapshot | Facts | States]] = []
        """What a dashboard was told that watched from the first moment, and when."""
        self._seed = seed
        self._seconds = seconds
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="stage")
        self._stack = ExitStack()
        self._wires = Wires(seed)
        self._now_ns = START_NS
        self._errands = 0
        self._stage: Stage
        self._runner: asyncio.Runner

    async def __aenter__(self) -> "Play":
        try:
            await self._in_thread(self._perform)
        except BaseException:
            await self._in_thread(self._stack.close)
            self._thread.shutdown()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._in_thread(self._stack.close)
        self._thread.shutdown()

    async def _in_thread(self, call: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def _perform(self) -> None:
        stack = self._stack
        # What is left to chance, such as the pauses before another attempt, is thrown with these dice.
        stack.callback(random.setstate, random.getstate())
        random.seed(self._seed)
        home = stack.enter_context(tempfile.TemporaryDirectory(prefix="plugtui-stage-"))
        self._runner = stack.enter_context(
            asyncio.Runner(loop_factory=lambda: VirtualLoop(START_NS, self._wires.delay_s))
        )
        self._runner.run(self._play(Path(home)))

    async def _play(self, home: Path) -> None:
        self._stage = await Stage(self._seed, home, self._wires).__aenter__()
        self._stack.callback(lambda: self._runner.run(self._stage.__aexit__()))
        audience = self._stage.client()
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.history.append((loop.now_ns(), await audience.connect()))
        self._stack.callback(lambda: self._runner.run(audience.aclose()))

        async def watch() -> None:
            async for message in audience:
                self.history.append((loop.now_ns(), message))

        async def ask() -> None:
            # As a dashboard does: the engine fetches some of what it needs for an answer after it was first asked.
            while True:
                with contextlib.suppress(PlugtuiError):
                    await audience.command("performance", window=WINDOW)
                await asyncio.sleep(_ASK_EVERY_S)

        tasks = Tasks()
        tasks.start(watch(), "audience watches")
        tasks.start(ask(), "audience asks")
        await self._stage.play(self._seconds)
        await tasks.aclose()
        self._now_ns = loop.now_ns()

    # ------------------------------------------------------------ after the play

    def now_ns(self) -> int:
        """Return the moment in which everything stands still."""
        return self._now_ns

    @property
    def busy(self) -> bool:
        """Somebody waits for an answer."""
        return self._errands > 0

    async def on_stage(self, errand: Coroutine[Any, Any, T]) -> T:
        """Do something on the stage's loop; it takes none of its time."""
        self._errands += 1
        try:
            result: T = await self._in_thread(lambda: self._runner.run(errand))
            return result
        finally:
            self._errands -= 1

    async def open_link(self) -> "FrozenLink":
        """Return a link to the engine, for a dashboard on an ordinary loop."""
        return FrozenLink(self, self._stage.client())


class FrozenLink:
    """A link to an engine that stands still: it answers, and has nothing to tell (:class:`plugtui.tui.link.Link`)."""

    def __init__(self, play: Play, client: ControlClient) -> None:
        self._play = play
        self._client = client

    async def connect(self, resume: int | None) -> Snapshot:
        """Dial and return the whole picture."""
        return await self._play.on_stage(self._client.connect(resume))

    async def __aiter__(self) -> AsyncIterator[Facts | States]:
        await asyncio.Event().wait()
        for _ in ():
            yield States()

    async def command(self, name: str, /, **args: Any) -> Any:
        """Ask the engine. Raises ControlError."""
        return await self._play.on_stage(self._client.command(name, **args))

    async def aclose(self) -> None:
        """Close the connection."""
        await self._play.on_stage(self._client.aclose())
