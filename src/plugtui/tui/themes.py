"""The themes: the only place in Python that names colours."""

import os
import re
from collections.abc import Mapping

from textual.theme import Theme

DEFAULT = "plugtui-dark"
MONO = "plugtui-mono"

_ROLES = (
    "up",
    "down",
    "dim",
    "warn",
    "bad",
    "accent2",
    "strong",
    "chart",
    "fall",
    "axis",
    "line",
    "line-focus",
    "live",
    "row",
    "second",
    "chart-fill",
    "fall-fill",
)


def _theme(name: str, *, dark: bool, base: Mapping[str, str], roles: Mapping[str, str]) -> Theme:
    variables = dict(zip(_ROLES, (roles[role] for role in _ROLES), strict=True))
    return Theme(
        name=name,
        dark=dark,
        primary=base["primary"],
        secondary=base["secondary"],
        accent=base["primary"],
        foreground=base["foreground"],
        background=base["background"],
        surface=base["surface"],
        panel=base["panel"],
        success=roles["up"],
        warning=roles["warn"],
        error=roles["bad"],
        variables={
            **{f"pt-{role}": colour for role, colour in variables.items()},
            # Where there are no colours the selected row is told by what every terminal can do.
            "pt-row-style": "reverse" if name == MONO else "none",
            "pt-frame": "heavy" if name == MONO else "round",
            "border": roles["line-focus"],
            "border-blurred": roles["line"],
            "block-cursor-foreground": base["foreground"],
            "block-cursor-background": roles["row"],
            "input-cursor-background": base["foreground"],
            "input-cursor-foreground": base["background"],
            "scrollbar": roles["line"],
            "scrollbar-hover": roles["dim"],
            "scrollbar-active": roles["line-focus"],
            "scrollbar-background": base["background"],
            "scrollbar-background-hover": base["background"],
            "scrollbar-background-active": base["background"],
            "scrollbar-corner-color": base["background"],
            "footer-key-foreground": base["primary"],
        },
    )


DARK = _theme(
    DEFAULT,
    dark=True,
    base={
        "primary": "#6cb6ff", "secondary": "#a78bfa", "foreground": "#d5dde6", "background": "#0d1117",
        "surface": "#121821", "panel": "#1a222d",
    },
    roles={
        "up": "#4cc38a", "down": "#ff7b72", "dim": "#8b99a8", "warn": "#e3b341", "bad": "#ff6a69", "accent2": "#8cc8ff",
        "strong": "#f4f8fc", "chart": "#6cb6ff", "fall": "#d96a64", "axis": "#808e9e", "line": "#344152",
        "line-focus": "#6cb6ff", "live": "#d1242f", "row": "#172f4a",
        "second": "#e0a458", "chart-fill": "#1d3d5c", "fall-fill": "#5a2c2d",
    },
)  # fmt: skip

LIGHT = _theme(
    "plugtui-light",
    dark=False,
    base={
        "primary": "#0b62b8", "secondary": "#6639ba", "foreground": "#1c2530", "background": "#fbfcfd",
        "surface": "#f1f4f7", "panel": "#e6ebf0",
    },
    roles={
        "up": "#0e743d", "down": "#c1272d", "dim": "#56616d", "warn": "#8f5d00", "bad": "#b3141c", "accent2": "#0b5cab",
        "strong": "#05090e", "chart": "#0b62b8", "fall": "#c1272d", "axis": "#606b77", "line": "#b4bfca",
        "line-focus": "#0b62b8", "live": "#c1121f", "row": "#dcebfa",
        "second": "#9a5b00", "chart-fill": "#b9d4ee", "fall-fill": "#f0c4c2",
    },
)  # fmt: skip

CONTRAST = _theme(
    "plugtui-contrast",
    dark=True,
    base={
        "primary": "#ffff00", "secondary": "#00ffff", "foreground": "#ffffff", "background": "#000000",
        "surface": "#000000", "panel": "#1c1c1c",
    },
    roles={
        "up": "#5fff87", "down": "#ff8787", "dim": "#d0d0d0", "warn": "#ffd700", "bad": "#ff8787", "accent2": "#87d7ff",
        "strong": "#ffffff", "chart": "#ffff00", "fall": "#ff8787", "axis": "#ffffff", "line": "#bcbcbc",
        "line-focus": "#ffff00", "live": "#d70000", "row": "#003872",
        "second": "#00ffff", "chart-fill": "#5f5f00", "fall-fill": "#8a4545",
    },
)  # fmt: skip

MONOCHROME = _theme(
    MONO,
    dark=True,
    base={
        "primary": "#ffffff", "secondary": "#c8c8c8", "foreground": "#d8d8d8", "background": "#000000",
        "surface": "#0c0c0c", "panel": "#1e1e1e",
    },
    roles={
        "up": "#ffffff", "down": "#d8d8d8", "dim": "#a4a4a4", "warn": "#ffffff", "bad": "#ffffff", "accent2": "#ffffff",
        "strong": "#ffffff", "chart": "#e8e8e8", "fall": "#ababab", "axis": "#a0a0a0", "line": "#565656",
        "line-focus": "#ffffff", "live": "#5c5c5c", "row": "#343434",
        "second": "#9a9a9a", "chart-fill": "#3c3c3c", "fall-fill": "#4a4a4a",
    },
)  # fmt: skip

THEMES = (DARK, LIGHT, CONTRAST, MONOCHROME)

NAMES = {"dark": DARK.name, "light": LIGHT.name, "contrast": CONTRAST.name, "mono": MONO}
"""Short names, as in the configuration and on the command line."""


_COLOURLESS = re.compile(r"dumb|unknown|vt\d+.*|.*-m(ono)?")
"""Terminals without colours, by what they call themselves."""


def choose(name: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """Return the theme's full name: the chosen one, or the colourless one where ``NO_COLOR`` or the terminal asks for it."""
    if name:
        return NAMES.get(name, name)
    colourless = environ.get("NO_COLOR") or _COLOURLESS.fullmatch(environ.get("TERM", ""))
    return MONO if colourless else DEFAULT
