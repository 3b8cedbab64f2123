"""How commands reach the running engine."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from plugtui.paths import Paths

if TYPE_CHECKING:
    from plugtui.control.client import ControlClient
    from plugtui.control.messages import Snapshot
    from plugtui.engine.supervisor import EngineInfo

T = TypeVar("T")


def require_engine(paths: Paths) -> "EngineInfo":
    """Return where the engine of this profile is.

    Raises:
        NotRunning: there is none.
    """
    from plugtui.engine.supervisor import running_engine
    from plugtui.errors import NotRunning

    info = running_engine(paths)
    if info is None:
        raise NotRunning(f"no engine of profile {paths.profile!r} is running", "start one with `plugtui serve`")
    return info


def ask_engine(paths: Paths, work: Callable[["ControlClient", "Snapshot"], Awaitable[T]]) -> T:
    """Connect to the running engine, and return what ``work`` makes of the link and the first picture.

    Raises:
        NotRunning: there is none.
        ControlError: it does not answer, or refused a command.
    """
    from plugtui.control.client import ControlClient

    info = require_engine(paths)

    async def run() -> T:
        async with ControlClient(info.url, info.token) as client:
            snapshot = await client.connect(states=False)
            return await work(client, snapshot)

    return asyncio.run(run())


def command(paths: Paths, name: str, /, **arguments: Any) -> Any:
    """Send one command to the running engine and return its result.

    Raises:
        NotRunning: there is none.
        ControlError: it does not answer, or refused.
    """

    async def work(client: "ControlClient", _: "Snapshot") -> Any:
        return await client.command(name, **arguments)

    return ask_engine(paths, work)


def snapshot(paths: Paths) -> "Snapshot":
    """Return the whole picture of the running engine.

    Raises:
        NotRunning: there is none.
        ControlError: it does not answer.
    """

    async def work(_: "ControlClient", picture: "Snapshot") -> "Snapshot":
        return picture

    return ask_engine(paths, work)
