"""``plugtui traders``: plugged accounts and followed traders. They live in the running engine."""

import json
import sys
from typing import TYPE_CHECKING

import click

from plugtui.cli.options import json_option, paths_of, profile_option

if TYPE_CHECKING:
    from plugtui.control.messages import TraderState


@click.group()
def traders() -> None:
    """Accounts that you plug in, and traders that you follow (needs a running engine)."""


@traders.command("list")
@profile_option
@json_option
def list_traders(profile: str | None, as_json: bool) -> None:
    """List the plugged accounts with their record. No amounts, only ratios."""
    import msgspec

    from plugtui.cli.link import snapshot

    found = snapshot(paths_of(profile)).traders
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(found)))
    elif found:
        click.echo(_trader_table(found))
    else:
        click.echo("No traders yet: `plugtui traders plug NAME` plugs an account in.")


@traders.command()
@click.argument("name")
@click.option(
    "--key-id", metavar="ID", help="Key id of the account; 'oauth' for an OAuth token. Asked for when not given."
)
@click.option("--base-url", metavar="URL", help="Trading host of the account (default: Alpaca's paper host).")
@click.option("--follow", is_flag=True, help="Follow it as well.")
@profile_option
def plug(name: str, key_id: str | None, base_url: str | None, follow: bool, profile: str | None) -> None:
    """Plug in an account under NAME.

    The secret is asked for without showing it, or read from stdin (`plugtui traders plug NAME --key-id ID < FILE`; without
    --key-id the first line is the key id); it is checked against the account, then kept in the keyring or a file that only
    you can read.
    """
    from plugtui.cli.link import command, require_engine

    paths = paths_of(profile)
    require_engine(paths)
    key_id = key_id or _asked("Key id")
    # Never as an argument: other users of the machine can see those.
    secret = _asked("Secret", hide=True)
    place = {"base_url": base_url} if base_url else {}
    command(paths, "traders.plug", name=name, key_id=key_id, secret_key=secret, follow=follow, **place)
    click.echo(f"{name} is plugged in{' and followed' if follow else ''}.")


def _asked(what: str, *, hide: bool = False) -> str:
    """Ask at the terminal, else read a line; empty at the end of the input."""
    if sys.stdin.isatty():
        return str(click.prompt(what, hide_input=hide, err=True))
    return sys.stdin.readline().strip()


def _simple(name: str, words: str, help_text: str) -> None:
    """Add a command that takes a trader's name and nothing else."""

    @traders.command(name, help=help_text)
    @click.argument("trader", metavar="NAME")
    @profile_option
    def run(trader: str, profile: str | None) -> None:
        from plugtui.cli.link import command

        command(paths_of(profile), f"traders.{name}", name=trader)
        click.echo(words.format(trader))


_simple("unplug", "{} is unplugged; its keys are forgotten.", "Let go of the account NAME and forget its keys.")
_simple("follow", "You follow {}.", "Show the trades of NAME as they happen.")
_simple("unfollow", "You no longer follow {}.", "Stop showing the trades of NAME.")


def _trader_table(found: list["TraderState"]) -> str:
    from plugtui.cli.text import NONE, count, percent, table

    def row(state: "TraderState") -> list[object]:
        month = state.figures.get("1M")
        figures = (
            percent(month.total_return if month else None),
            percent(month.max_drawdown if month else None),
            NONE if month is None or month.sharpe is None else f"{month.sharpe:.2f}",
        )
        star = "★" if state.followed else " "
        return [star, state.name, state.badge, state.stream, *figures, count(state.trades)]

    headers = ("", "name", "badge", "stream", "1M", "max DD", "Sharpe", "trades")
    return table(headers, [row(state) for state in found], "llllrrrr")
