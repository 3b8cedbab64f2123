"""``plugtui``: the root of the command line, its exit codes, and how an error reaches the user."""

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from typing import Any

import click

from plugtui import __version__
from plugtui.cli.lazy import Lazy, LazyGroup
from plugtui.cli.options import THEME
from plugtui.errors import PlugtuiError

COMMANDS = {
    "attach": Lazy("plugtui.cli.dashboard:attach", "Show the dashboard of an engine that runs elsewhere."),
    "demo": Lazy("plugtui.cli.demo:demo", "Show everything at work on a built-in exchange: no account, no network."),
    "serve": Lazy("plugtui.cli.serve:serve", "Run the engine: the gateway that your algorithms connect to."),
    "status": Lazy("plugtui.cli.status:status", "Say how the running engine is."),
    "algos": Lazy("plugtui.cli.algos:algos", "Algorithms: keys of their own, pause, how to connect."),
    "traders": Lazy("plugtui.cli.traders:traders", "Accounts that you plug in and traders that you follow."),
    "export": Lazy("plugtui.cli.export:export", "Print fills or orders of the ledger as CSV or JSON."),
    "sim": Lazy("plugtui.cli.sim:sim", "Run the exchange simulator alone."),
    "screenshots": Lazy("plugtui.cli.screenshots:screenshots", "Make SVGs of every screen from the demo."),
    "analyse": Lazy("plugtui.cli.analyse:analyse", "Performance figures of an equity curve, returns or fills."),
}

EXIT_CODES = {
    0: "done, or closed on request",
    1: "an error that has no code of its own",
    2: "wrong use or a wrong setting",
    3: "brokerage keys missing or unreadable",
    4: "an engine of this profile runs already",
    5: "the port is taken",
    6: "no engine of this profile runs",
    7: "the ledger cannot be read or written",
    130: "interrupted by a (second) Ctrl-C",
}

_HELP = """One Alpaca connection, many algorithms, one terminal.

Without a command: the dashboard. It starts an engine for the profile, or attaches to the one that runs."""

_EPILOG = "\b\nExit codes:\n" + "\n".join(f"  {code:<4} {meaning}" for code, meaning in EXIT_CODES.items())


def _version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(f"plugtui {__version__}")
        ctx.exit()


_VERSION_OPTION = click.Option(
    ["--version"], is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Print the version."
)


def _dashboard(profile: str | None, theme: str | None) -> int:
    """Show the dashboard when no command was given; a profile named before a command is that command's."""
    if profile:
        os.environ["PLUGTUI_PROFILE"] = profile
    if click.get_current_context().invoked_subcommand is not None:
        return 0
    from plugtui.cli.dashboard import open_dashboard

    return open_dashboard(profile, theme)


@contextlib.contextmanager
def _until_the_reader_leaves() -> Iterator[None]:
    """End with 0 when the output is cut off: the reader has seen enough (`… | head`)."""
    try:
        yield
    except BrokenPipeError:
        # The interpreter's last flush must not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.exceptions.Exit(0) from None


class _Root(LazyGroup):
    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with _until_the_reader_leaves():  # --help prints while the arguments are read
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        with _until_the_reader_leaves():
            return super().invoke(ctx)


root = _Root(
    "plugtui",
    lazy=COMMANDS,
    help=_HELP,
    epilog=_EPILOG,
    params=[
        _VERSION_OPTION,
        click.Option(
            ["--profile"], metavar="NAME", help="Which account's engine (default: PLUGTUI_PROFILE, else 'default')."
        ),
        click.Option(["--theme"], type=THEME, metavar="NAME", help="Of the dashboard: dark, light, contrast or mono."),
    ],
    invoke_without_command=True,
    callback=_dashboard,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and end the process with its exit code."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code. Errors go to stderr: what is wrong, then what to do."""
    try:
        code = root.main(arguments, prog_name="plugtui", standalone_mode=False)
    except PlugtuiError as error:
        return _report(error)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return _report(PlugtuiError("there is no room left where this writes to", "make room, then try again"))
    except BaseExceptionGroup as group:
        known = group.subgroup(PlugtuiError)
        if known is None:
            raise
        return _report(_first(known))
    return code if isinstance(code, int) else 0


def _first(group: BaseExceptionGroup[PlugtuiError]) -> PlugtuiError:
    inner = group.exceptions[0]
    return inner if isinstance(inner, PlugtuiError) else _first(inner)


def _report(error: PlugtuiError) -> int:
    from plugtui.cli.text import plain

    click.echo(f"plugtui: {plain(str(error))}", err=True)
    return error.exit_code
