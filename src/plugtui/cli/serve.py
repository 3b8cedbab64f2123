"""``plugtui serve``: the headless engine."""

import asyncio
import contextlib
import errno
import json
import os
import signal
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from plugtui.cli.options import json_option, paths_of, profile_option

if TYPE_CHECKING:
    from plugtui.config import Settings
    from plugtui.engine.supervisor import EngineInfo, ProfileLock
    from plugtui.paths import Paths


_DESCRIPTORS = 16_384


@click.command()
@click.option("--host", metavar="H", help="Address to listen on; this machine only (default: 127.0.0.1).")
@click.option("--port", type=int, metavar="P", help="Gateway port (default: 8765; 0: any free one).")
@profile_option
@json_option
@click.option("--quiet", is_flag=True, help="Log to the file only, not to stderr as well.")
def serve(host: str | None, port: int | None, profile: str | None, as_json: bool, quiet: bool) -> None:
    """Run the engine without a dashboard.

    Prints one line as soon as algorithms can connect, also while Alpaca does not answer. Ctrl-C, SIGTERM and SIGHUP close
    it cleanly; a second Ctrl-C ends it at once.
    """
    from plugtui.config import load_settings, refuse_own_gateway
    from plugtui.engine.supervisor import hold_profile
    from plugtui.logs import set_up_logging

    paths = paths_of(profile).ensure()
    settings = load_settings({"gateway.host": host, "gateway.port": port}, os.environ, paths)
    with hold_profile(paths) as lock:
        refuse_own_gateway(settings)
        set_up_logging(paths, settings.log_level, to_stderr=not quiet)
        _allow_descriptors()
        asyncio.run(_serve(settings, paths, lock, as_json=as_json))


async def _serve(settings: "Settings", paths: "Paths", lock: "ProfileLock", *, as_json: bool) -> None:
    from plugtui.credentials import find_credentials
    from plugtui.errors import AddressInUse
    from plugtui.vault import Vault

    stop = asyncio.Event()
    with _stopped_by_signals(stop):
        credentials = await find_credentials(settings, os.environ, Vault(paths))
        from plugtui.engine.engine import serve as run_engine

        def announce(info: "EngineInfo") -> None:
            lock.announce(info)
            _print_ready(info.url, info.pid, info.profile, as_json)

        try:
            await run_engine(settings, credentials, paths, announce=announce, stop=stop)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise AddressInUse(
                f"port {settings.gateway.port} of {settings.gateway.host} is taken by another program",
                "end that program, or choose another port with --port or PLUGTUI_GATEWAY_PORT (0: any free one)",
            ) from error


def _allow_descriptors() -> None:
    """Take as many descriptors as the system gives: some hand out 256 to begin with, and each client needs one."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # what there is must do then
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _print_ready(url: str, pid: int, profile: str, as_json: bool) -> None:
    if as_json:
        line = json.dumps({"gateway": url, "pid": pid, "profile": profile})
    else:
        line = f"plugtui: gateway {url} accepts algorithms (profile {profile}, pid {pid}); Ctrl-C ends it"
    print(line, flush=True)


@contextlib.contextmanager
def _stopped_by_signals(stop: asyncio.Event) -> Iterator[None]:
    """Set ``stop`` on the first signal; a second Ctrl-C ends the process on the spot."""
    loop = asyncio.get_running_loop()

    interruptions = 0

    def interrupted() -> None:
        nonlocal interruptions
        interruptions += 1
        if interruptions > 1:
            sys.stdout.flush()
            os._exit(130)
        stop.set()

    loop.add_signal_handler(signal.SIGINT, interrupted)
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGHUP, stop.set)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)
