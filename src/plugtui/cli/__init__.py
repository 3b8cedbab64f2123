"""The command line. Each command's module is imported when the command is called, so that ``--help`` costs nothing."""

from plugtui.cli.root import main

__all__ = ["main"]
