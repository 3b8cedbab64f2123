"""The themes: every text can be read, and no sign is by colour alone."""

import pytest
from rich.color import Color
from rich.segment import Segment
from textual.widgets import Input

from plugtui.tui import themes
from tests.support import eventually
from tests.tui.pilot import Stage, on_stage

READABLE = 4.5
"""WCAG 2 AA for text."""

VISIBLE = 3.0
"""WCAG 2 AA for graphics."""

NAMES = ["dark", "light", "contrast", "mono"]
TEXTS = ("up", "down", "dim", "warn", "bad", "accent2", "strong")
GROUNDS = ("background", "surface", "panel", "row")


def luminance(colour: str) -> float:
    """Return the relative luminance of ``#rrggbb``."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def colours_of(name: str) -> dict[str, str]:
    """Return every colour of a theme by its role."""
    theme = next(theme for theme in themes.THEMES if theme.name == f"plugtui-{name}")
    roles = {key.removeprefix("pt-"): value for key, value in theme.variables.items()}
    plain = {key: getattr(theme, key) for key in ("primary", "foreground", "background", "surface", "panel")}
    return {**roles, **plain}


@pytest.mark.parametrize("name", NAMES)
def test_texts_can_be_read_on_every_ground(name: str) -> None:
    colour = colours_of(name)
    pairs = [(text, ground) for text in (*TEXTS, "primary", "foreground") for ground in GROUNDS]
    pairs += [("axis", "background"), ("axis", "surface")]
    pairs += [("background", "primary"), ("background", "up")]
    for text, ground in pairs:
        assert contrast(colour[text], colour[ground]) >= READABLE, (text, ground)
    assert contrast("#ffffff", colour["live"]) >= READABLE


@pytest.mark.parametrize("name", NAMES)
def test_curves_and_the_frame_of_the_focus_can_be_seen(name: str) -> None:
    colour = colours_of(name)
    for role in ("chart", "fall", "line-focus"):
        assert contrast(colour[role], colour["background"]) >= VISIBLE, role


def unreadable(stage: Stage) -> set[str]:
    """Return what stands in the window on top, or on the panes, with too little contrast."""
    found: set[str] = set()
    frames = stage.app.screen.query(".window")
    region = frames.first().region if frames else stage.app.screen.region
    strips = stage.app.screen._compositor.render_strips()
    for strip in strips[region.y : region.bottom]:
        for segment in strip.crop(region.x, region.right):
            ratio = contrast_of(segment)
            if ratio is not None and ratio < READABLE:
                found.add(f"{segment.text.strip()[:20]} {ratio:.1f}")
    return found


def contrast_of(segment: Segment) -> float | None:
    """Return the contrast of a piece of text; ``None`` for graphics."""
    style = segment.style
    if style is None or not any(character.isalnum() for character in segment.text):
        return None
    if style.color is None or style.bgcolor is None:
        return None
    return contrast(rgb(style.color), rgb(style.bgcolor))


def rgb(colour: Color) -> str:
    """Return ``#rrggbb``."""
    return str(colour.get_truecolor().hex)


@pytest.mark.parametrize("name", NAMES)
async def test_every_text_on_every_screen_can_be_read(name: str) -> None:
    async with on_stage(theme=name, save_on_quit=lambda choice: None) as stage:
        assert not unreadable(stage)
        for keys in (["1", "enter"], ["3", "enter"], ["4", "enter"], ["question_mark"], ["e"], ["H"], ["q"]):
            await stage.press(*keys)
            assert not unreadable(stage), keys
            await stage.press("escape")
        await stage.press("4", "n")
        await eventually(lambda: isinstance(stage.app.focused, Input))
        assert not unreadable(stage)


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"TERM": "xterm-256color"}, "dark"), ({"TERM": "screen"}, "dark"), ({}, "dark"), ({"TERM": "linux"}, "dark"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, "mono"), ({"TERM": "dumb"}, "mono"), ({"TERM": "xterm-mono"}, "mono"),
        ({"TERM": "vt220"}, "mono"),
    ],
)  # fmt: skip
def test_a_terminal_without_colours_gets_none(environ: dict[str, str], name: str) -> None:
    assert themes.choose(None, environ) == f"plugtui-{name}"
    assert themes.choose("light", environ) == "plugtui-light"


async def test_without_colours_the_selected_row_is_reversed_and_signs_tell_up_from_down() -> None:
    async with on_stage(theme="mono") as stage:
        table = stage.table("#fills-table")
        assert all(segment.style.reverse for segment in table.render_line(1) if segment.style and segment.text.strip())
        assert not any(segment.style.reverse for segment in table.render_line(2) if segment.style)
        text = stage.text()
        for sign in ("▲ +1,204.11", "-3.12 %", "SELL", "BUY", "-28.77"):
            assert sign in text
