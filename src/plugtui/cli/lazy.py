"""A click group that knows its commands by name and one line of help, and imports one only to run it."""

import importlib
from typing import NamedTuple

import click


class Lazy(NamedTuple):
    """Where a command is, and what ``--help`` of its group says about it."""

    target: str
    """``package.module:attribute``."""
    help: str


class LazyGroup(click.Group):
    """Group whose commands are imported when they are called.

    Args:
        commands: name → place and help, in the order of ``--help``.
    """

    def __init__(self, *args: object, lazy: dict[str, Lazy], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self._lazy.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.target.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry.target} is no click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in self._lazy.items()])
