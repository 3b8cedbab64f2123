"""Options that several commands share."""

import os
from collections.abc import Callable
from typing import TypeVar

import click

from plugtui.paths import Paths, chosen_profile

F = TypeVar("F", bound=Callable[..., object])

THEME = click.Choice(["dark", "light", "contrast", "mono"])
"""The dashboard's themes, named here so that a wrong name is told before anything of the dashboard is imported."""


def profile_option(command: F) -> F:
    """``--profile NAME``, handed on as ``profile: str | None``."""
    return click.option(
        "--profile",
        metavar="NAME",
        help="Which account's engine and ledger (default: PLUGTUI_PROFILE, else 'default').",
    )(command)


def json_option(command: F) -> F:
    """``--json``, handed on as ``as_json: bool``."""
    return click.option("--json", "as_json", is_flag=True, help="JSON on stdout, for scripts.")(command)


def paths_of(profile: str | None) -> Paths:
    """Return the paths of the profile that flag and environment choose."""
    return Paths(chosen_profile(profile, os.environ))
