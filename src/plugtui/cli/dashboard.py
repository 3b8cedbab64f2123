"""``plugtui`` without a command, ``plugtui attach`` and the dashboard of ``plugtui demo``."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from plugtui.cli.options import THEME, paths_of, profile_option
from plugtui.errors import ConfigError, ControlError, NotRunning, PlugtuiError
from plugtui.secrets import Secret
from plugtui.tasks import Tasks

if TYPE_CHECKING:
    from plugtui.control.client import ControlClient
    from plugtui.demo.world import DemoOptions, Told
    from plugtui.engine.supervisor import EngineInfo, EngineProcess
    from plugtui.paths import Paths
    from plugtui.tui.options import Options, Outcome

_GOING_AWAY = 1001
_PATIENCE_S = 3.0
_RESTART_S = 15.0
_LOOK_EVERY_S = 0.05
_KEY_VARIABLES = {"APCA_API_KEY_ID", "APCA_API_SECRET_KEY", "APCA_API_OAUTH_TOKEN"}
_NO_TERMINAL = "the dashboard needs a terminal, and this is none"


class Host:
    """The engine behind the dashboard: found, or started as a child in a session of its own, and started again when it died.

    Args:
        paths: of the profile.
    """

    def __init__(self, paths: "Paths") -> None:
        self._paths = paths
        self._started: EngineProcess | None = None
        self._info: EngineInfo | None = None
        self._client: ControlClient | None = None
        self._start_again = False

    async def open(self) -> "ControlClient":
        """Make a link to the engine; start one when there is none.

        Raises:
            PlugtuiError: it does not start, or was stopped on purpose.
        """
        from plugtui.control.client import ControlClient
        from plugtui.engine.supervisor import running_engine, start_engine

        info = running_engine(self._paths)
        if info is None:
            self._refuse_when_stopped()
            self._started = await start_engine(self._paths)
            info = self._started.info
        self._info, self._start_again = info, False
        self._client = ControlClient(info.url, info.token)
        return self._client

    def _refuse_when_stopped(self) -> None:
        """An engine that said goodbye was stopped by somebody: only an engine that died is started again unasked."""
        if self._client is not None and self._client.close_code == _GOING_AWAY and not self._start_again:
            raise NotRunning("the engine was stopped", "press r to start it again")

    def start_again(self) -> None:
        """Start the engine at the next attempt also when it was stopped on purpose."""
        self._start_again = True

    async def restart(self) -> None:
        """End the engine, and have the next attempt start another one, with the keys that are kept by then.

        Raises:
            ControlError: it does not end.
        """
        from plugtui.engine.supervisor import running_engine

        info = running_engine(self._paths)
        if info is not None:
            await _stop(info)
            try:
                async with asyncio.timeout(_RESTART_S):
                    while running_engine(self._paths) is not None:  # noqa: ASYNC110 - another process
                        await asyncio.sleep(_LOOK_EVERY_S)
            except TimeoutError as error:
                raise ControlError(f"the engine (pid {info.pid}) does not end", "end it, then press r") from error
        self.start_again()

    def must_stop(self, outcome: "Outcome") -> bool:
        """Say whether the engine is to end with the dashboard."""
        return outcome.stop_engine and (outcome.asked or self._started is not None)

    async def leave(self, outcome: "Outcome") -> str:
        """Do with the engine what the reader wants, and say in a line what became of it."""
        info = self._info
        if info is None:
            return ""
        if not self.must_stop(outcome) or (not outcome.asked and await _is_watched(info)):
            return f"the engine keeps running: {info.url} (pid {info.pid}); `plugtui` attaches to it again"
        if self._started is not None and self._started.exit_code is None:
            await self._started.stop()
            return "the engine has ended"
        return await _stop(info)

    def abandon(self, outcome: "Outcome") -> None:
        """Do it without waiting."""
        if self.must_stop(outcome) and self._info is not None:
            os.kill(self._info.pid, signal.SIGTERM)


async def _is_watched(info: "EngineInfo") -> bool:
    """Say whether another dashboard is connected to the engine; this one has left."""
    from plugtui.control.client import ControlClient

    try:
        async with ControlClient(info.url, info.token) as client:
            await client.connect(states=False)
            status = await client.command("status", timeout_s=_PATIENCE_S)
    except ControlError:
        return False
    return int(status.get("dashboards", 1)) > 1


async def _stop(info: "EngineInfo") -> str:
    from plugtui.control.client import ControlClient

    try:
        async with ControlClient(info.url, info.token) as client:
            await client.connect(states=False)
            await client.command("stop")
    except ControlError as error:
        return f"the engine could not be stopped: {error.title}"
    return "the engine ends"


# ---------------------------------------------------------------- plugtui


def open_dashboard(profile: str | None, theme: str | None) -> int:
    """Show the dashboard on the profile's engine; returns the exit code."""
    from plugtui.config import load_settings
    from plugtui.logs import set_up_logging

    _require_terminal()
    paths = paths_of(profile).ensure()
    settings = load_settings({}, os.environ, paths)
    set_up_logging(paths, settings.log_level, to_stderr=False)
    host = Host(paths)
    options = replace(_options(paths, theme, host), address=settings.upstream.trading_url)
    outcome = asyncio.run(_show(host, options))
    if outcome.demo:
        from plugtui.demo.world import DemoOptions

        return open_demo(DemoOptions(), theme)
    _tell(f"log: {paths.log_file}")
    return 1 if outcome.crashed else 0


async def _show(host: Host, options: "Options") -> "Outcome":
    from plugtui.tui.run import run_dashboard

    outcome = await run_dashboard(host.open, options, abandon=host.abandon)
    if line := await host.leave(outcome):
        _tell(line)
    return outcome


def _tell(line: str) -> None:
    """Say something on the way out, unless the terminal has been closed."""
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr)


def _options(paths: "Paths", theme: str | None, host: Host | None, on_quit: str | None = None) -> "Options":
    from plugtui.tui import contexts, preferences
    from plugtui.tui.options import Options

    file = paths.config_file.with_name("dashboard.toml")
    chosen = preferences.load(file)
    contexts.check_keys(chosen.keys, f"{file}, [keys]")

    async def check(key_id: str, secret: Secret, base_url: str) -> None:
        await check_keys(paths, key_id, secret, base_url)

    return Options(
        theme=theme or chosen.theme or None,
        keys=chosen.keys,
        on_quit=on_quit or chosen.on_quit,
        save_on_quit=lambda choice: preferences.save(file, on_quit=choice),
        benchmark="" if chosen.benchmark == "none" else chosen.benchmark or None,
        save_benchmark=lambda symbol: preferences.save(file, benchmark=symbol or "none"),
        check_keys=check if host else None,
        keys_from="the environment" if os.environ.keys() & _KEY_VARIABLES else "",
        restart=host.restart if host else None,
        on_retry=host.start_again if host else None,
        may_stop=host is not None,
    )


async def check_keys(paths: "Paths", key_id: str, secret: Secret, base_url: str) -> None:
    """Prove the keys against the account, and keep them.

    Raises:
        PlugtuiError: they were refused, the host does not answer, or they cannot be kept.
    """
    from plugtui.brokers.alpaca import AlpacaBroker
    from plugtui.brokers.port import Credentials
    from plugtui.credentials import keep_credentials
    from plugtui.vault import Vault

    if not key_id or not secret:
        raise PlugtuiError("Both the key id and the secret key are needed.")
    broker = AlpacaBroker(Credentials(key_id=key_id, secret=secret, base_url=base_url.rstrip("/")))
    try:
        await broker.account()
    finally:
        await broker.aclose()
    keep_address(paths, base_url.rstrip("/"))
    await keep_credentials(Vault(paths), key_id, secret)


def keep_address(paths: "Paths", base_url: str) -> None:
    """Write the trading host into the configuration when it is not the one that is configured; nothing else is touched.

    Raises:
        ConfigError: the profile has a section of its own already, which only its owner should change.
    """
    from plugtui.config import load_settings

    if load_settings({}, os.environ, paths).upstream.trading_url == base_url:
        return
    file, section = paths.config_file, f"[profiles.{paths.profile}.upstream]"
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    if section in before:
        raise ConfigError(f"{file} names another trading host", f'set trading_url = "{base_url}" below {section}')
    file.parent.mkdir(parents=True, exist_ok=True)
    blank = "\n" if before and not before.endswith("\n") else ""
    file.write_text(f'{before}{blank}\n{section}\ntrading_url = "{base_url}"\n', encoding="utf-8")


def _require_terminal(
    instead: str = "`plugtui serve` runs the engine without one, `plugtui status` says how it is",
) -> None:
    if not served() and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise PlugtuiError(_NO_TERMINAL, instead)


def served() -> bool:
    """Say whether the dashboard is shown in a browser (`textual serve`): no terminal, but Textual speaks to the server."""
    return "TEXTUAL_DRIVER" in os.environ


# ---------------------------------------------------------------- plugtui attach


@click.command()
@click.argument("url")
@click.option(
    "--token", metavar="T", help="Of the engine, from its engine.json (default: PLUGTUI_TOKEN, else asked for)."
)
@click.option(
    "--token-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Read the token from there each time it is needed: the engine's engine.json, or a file with nothing else in it.",
)
@click.option("--theme", type=THEME, metavar="NAME", help="dark, light, contrast or mono.")
@profile_option
def attach(url: str, token: str | None, token_file: Path | None, theme: str | None, profile: str | None) -> int:
    """Show the dashboard of an engine that runs elsewhere. It is never started, and never stopped by leaving."""
    from plugtui.logs import set_up_logging

    if token and token_file:
        raise click.UsageError("--token and --token-file exclude each other")
    _require_terminal()
    remote = Remote(url, token, token_file)
    paths = paths_of(profile).ensure()
    set_up_logging(paths, "INFO", to_stderr=False)
    options = replace(_options(paths, theme, None, on_quit="leave"), new_token=remote.new_token, may_stop=True)
    outcome = asyncio.run(_attached(remote, options))
    _tell(f"log: {paths.log_file}")
    return 1 if outcome.crashed else 0


class Remote:
    """An engine that runs elsewhere.

    Args:
        url: of its gateway; ``http://`` may be left out.
        token: as given on the command line; else from the file, the environment, or asked for.
        file: where the token is read from at every attempt: an engine that starts again writes a new one there.

    Raises:
        PlugtuiError: the address or the file cannot be used.
    """

    def __init__(self, url: str, token: str | None, file: Path | None) -> None:
        from plugtui.control.client import control_url

        self._url = url if "://" in url else f"http://{url}"
        self._file = file
        control_url(self._url)
        self._token = (
            _read_token(file) if file else Secret(token or os.environ.pop("PLUGTUI_TOKEN", "") or _ask_for_token())
        )
        self.new_token = None if file else self._take

    def _take(self, token: Secret) -> None:
        self._token = token

    async def open(self) -> "ControlClient":
        """Make a link that is not connected yet. Raises PlugtuiError when the token's file cannot be read."""
        from plugtui.control.client import ControlClient
        from plugtui.logs import masker

        if self._file:
            self._token = _read_token(self._file)
        masker.learn(self._token)
        return ControlClient(self._url, self._token)


def _ask_for_token() -> str:
    if served():
        raise PlugtuiError(
            "there is no token, and nobody who could be asked", "set PLUGTUI_TOKEN, or name --token-file"
        )
    return str(click.prompt("token", hide_input=True, err=True)).strip()


def _read_token(file: Path) -> Secret:
    """Read an ``engine.json``, or a file that holds the token alone. Raises ConfigError."""
    try:
        text = file.read_text(encoding="utf-8").strip()
        token = json.loads(text)["token"] if text.startswith("{") else text
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the token cannot be read from {file}: {getattr(error, 'strerror', error)}") from error
    except (ValueError, KeyError) as error:
        raise ConfigError(
            f"there is no token in {file}", "expected the engine's engine.json, or the token alone"
        ) from error
    if not token:
        raise ConfigError(f"{file} is empty", "expected the engine's engine.json, or the token alone")
    return Secret(str(token))


async def _attached(remote: Remote, options: "Options") -> "Outcome":
    """Prove address and token before the screen is taken, so that a mistake is told where it was made."""
    from plugtui.tui.run import run_dashboard

    async with await remote.open() as link:
        await link.connect(states=False)
    return await run_dashboard(remote.open, options)


# ---------------------------------------------------------------- plugtui demo


def open_demo(demo: "DemoOptions", theme: str | None) -> int:
    """Show the dashboard on the demo; everything ends with it. Returns the exit code."""
    _require_terminal("`plugtui demo --headless` runs the demo without one")
    return asyncio.run(_demo(demo, theme))


async def _demo(demo: "DemoOptions", theme: str | None) -> int:
    """Open the dashboard at once; the demo's world comes up behind it."""
    from plugtui.control.client import ControlClient
    from plugtui.demo.world import DemoWorld
    from plugtui.tui.run import run_dashboard

    steps = ["starting the demo"]
    world = DemoWorld(demo, steps.append)
    tasks = Tasks()
    start = tasks.start(world.__aenter__(), "start the demo")

    async def open_link() -> ControlClient:
        await asyncio.shield(start)
        await world.revive_engine()
        info = world.engine.info
        return ControlClient(info.url, info.token)

    async def tend() -> None:
        await asyncio.shield(start)
        await world.tend()

    def news() -> "list[Told]":
        return [world.told.popleft() for _ in range(len(world.told))]

    tasks.start(tend(), "tend the demo")
    options = replace(_options(paths_of(None), theme, None, on_quit="leave"), progress=lambda: steps[-1], news=news)
    try:
        outcome = await run_dashboard(open_link, options)
    finally:
        # What has not come up yet cleans up after itself when it is cancelled.
        await tasks.aclose()
        if start.done() and not start.cancelled() and start.exception() is None:
            await world.__aexit__(None, None, None)
    return 1 if outcome.crashed else 0
