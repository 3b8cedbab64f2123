"""The dashboard's end of the control link: one connection, and the follower that keeps one up.

A :class:`Link` is one connection to an engine. :class:`Follower` opens links one after the other, applies what they say to
the :class:`~plugtui.tui.model.world.World`, and after a loss goes on from the last fact; a fact is never applied twice.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol

import msgspec

from plugtui.control.messages import Facts, Past, Snapshot, States
from plugtui.errors import ConfigError, ControlError, CredentialsError, NotRunning, PlugtuiError, describe
from plugtui.tasks import Tasks
from plugtui.tui.model.status import LinkStatus
from plugtui.tui.model.world import World

log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 10.0
_LOOK_AGAIN_S = 2.0
_STEADY_NS = 10_000_000_000
"""Who has lived so long did not die of its start."""


class Link(Protocol):
    """One connection to an engine."""

    async def connect(self, resume: int | None) -> Snapshot:
        """Dial and return the whole picture, with facts after ``resume``. Raises PlugtuiError or OSError."""
        ...

    def __aiter__(self) -> AsyncIterator[Facts | States]:
        """Iterate over what the engine tells, until the connection ends."""
        ...

    async def command(self, name: str, /, **args: Any) -> Any:
        """Ask the engine and return the result. Raises ControlError when it refuses."""
        ...

    async def aclose(self) -> None:
        """Close the connection."""
        ...


LinkFactory = Callable[[], Awaitable[Link]]
"""Find or start the engine, and make a link to it that is not connected yet. Raises PlugtuiError or OSError."""


class Follower:
    """Keep the world up to date for as long as the dashboard runs.

    Args:
        open_link: called for every attempt; starts the engine again when it is gone.
        on_ready: called after every snapshot.
        now_ns: the clock.
        first_pause_s: wait after the first failure; doubles up to ten seconds.
    """

    def __init__(
        self,
        open_link: LinkFactory,
        world: World,
        *,
        now_ns: Callable[[], int],
        on_ready: Callable[[], None] | None = None,
        first_pause_s: float = _FIRST_PAUSE_S,
    ) -> None:
        self._open, self._world, self._now_ns = open_link, world, now_ns
        self._on_ready = on_ready
        self._first_pause_s = first_pause_s
        self._link: Link | None = None
        self._retry = asyncio.Event()
        self._engine_id = ""
        self._newborn = False
        self._since_ns = 0
        self.error: PlugtuiError | None = None
        """Why the last attempt failed, when it was an error meant for a person."""

    @property
    def connected(self) -> bool:
        """A link is up."""
        return self._link is not None

    async def run(self) -> None:
        """Follow until cancelled."""
        pause = self._first_pause_s
        while True:
            started = False
            try:
                started = await self._follow()
                detail, hint = "it closed the connection", ""
                self.error = None
            except PlugtuiError as error:
                self.error = error
                detail, hint = error.title, error.hint
            except (OSError, TimeoutError) as error:
                self.error = None
                detail, hint = describe(error), ""
            started = started or self._world.link.state == "connected"
            # An engine that dies as soon as it was started would be started over and over.
            dies = self._newborn and self._now_ns() - self._since_ns < _STEADY_NS
            pause = self._first_pause_s if started and not dies else min(pause * 2, _LONGEST_PAUSE_S)
            if isinstance(self.error, NotRunning):
                await self._wait_for_reader(detail, hint, lost=started)
                continue
            # Missing keys and wrong settings do not mend themselves.
            hopeless = isinstance(self.error, CredentialsError | ConfigError)
            await self._wait(detail, hint, None if hopeless else pause, lost=started)

    async def _follow(self) -> bool:
        """Open one link and apply what it says until it ends."""
        link = await self._open()
        try:
            snapshot = await link.connect(self._world.resume)
            self._world.begin(snapshot, self._now_ns())
            self._world.link = LinkStatus("connected")
            self._newborn = self._engine_id not in ("", snapshot.engine.engine_id)
            self._engine_id, self._since_ns = snapshot.engine.engine_id, self._now_ns()
            self._link, self.error = link, None
            if self._on_ready:
                self._on_ready()
            await self._apply(link)
        finally:
            self._link = None
            with contextlib.suppress(OSError, PlugtuiError):
                await link.aclose()
        return True

    async def _apply(self, link: Link) -> None:
        tasks = Tasks()
        try:
            self._look_back(link, tasks)
            async for message in link:
                if isinstance(message, Facts):
                    self._world.apply_facts(message.facts)
                    self._look_back(link, tasks)
                    # A message may hold hundreds of facts, and the next one may be here already: keys come between.
                    await asyncio.sleep(0)
                else:
                    self._world.apply_states(message, self._now_ns())
        finally:
            await tasks.aclose()

    def _look_back(self, link: Link, tasks: Tasks) -> None:
        if self._world.wants_past:
            self._world.wants_past = False
            tasks.start(self._take_past(link), "take-past")

    async def _take_past(self, link: Link) -> None:
        """Ask for what the ledger holds of the time before the facts; without an answer it is asked on the next link."""
        try:
            past = msgspec.convert(await link.command("fills"), Past)
        except (PlugtuiError, OSError, msgspec.ValidationError) as error:
            self._world.wants_past = True
            log.warning("the ledger's past is not shown: %s", error)
        else:
            self._world.take_past(past)

    async def _wait(self, detail: str, hint: str, pause: float | None, *, lost: bool) -> None:
        now = self._now_ns()
        log.warning("control link: %s; next attempt %s", detail, "on request" if pause is None else f"in {pause:.1f} s")
        self._world.link = LinkStatus("lost", detail, hint, None if pause is None else now + int(pause * 1e9))
        self._world.failure = self._world.link
        if lost:
            self._world.as_of_ns = now
            self._world.events.tell("error", "engine", f"the connection to the engine ended: {detail}", now, hint)
        await self._pause(pause)
        self._world.link = LinkStatus("starting", "connecting to the engine")

    async def _wait_for_reader(self, detail: str, hint: str, *, lost: bool) -> None:
        """Somebody has stopped the engine: it is for the reader to start it again; one that is started elsewhere is noticed."""
        before, after = self._world.link, LinkStatus("lost", detail, hint)
        if before != after:
            log.warning("control link: %s", detail)
            self._world.link = self._world.failure = after
            if lost:
                self._world.as_of_ns = self._now_ns()
        if await self._pause(_LOOK_AGAIN_S):
            self._world.link = LinkStatus("starting", "connecting to the engine")

    async def _pause(self, seconds: float | None) -> bool:
        """Wait; return whether the reader wants another attempt."""
        self._retry.clear()
        try:
            await asyncio.wait_for(self._retry.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def retry_now(self) -> None:
        """Do not wait for the next attempt."""
        self._retry.set()

    async def command(self, name: str, /, **args: Any) -> Any:
        """Ask the engine. Raises ControlError when it refuses or is not there."""
        if self._link is None:
            raise ControlError("There is no connection to the engine", "Wait until the status bar says so, or press r.")
        try:
            return await self._link.command(name, **args)
        except OSError as error:
            raise ControlError(f"The engine did not answer: {error}") from error
