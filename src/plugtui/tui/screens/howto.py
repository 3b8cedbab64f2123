"""How to point an algorithm at this engine, per SDK, ready to copy."""

import textwrap
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content

from plugtui.control.howto import KEY_PLACEHOLDER, SECRET_PLACEHOLDER, Recipe, recipes
from plugtui.secrets import Secret
from plugtui.tui.screens.base import LinesWindow, Scroll, heading
from plugtui.tui.widgets.painted import Line, Painted, Run

_OWN_KEYS = (
    "A program with the account's own keys is accepted at once. With a key pair of its own (n in the algorithms pane, or "
    "plugtui algos add NAME) it has a name here, can be paused or revoked, and never holds the brokerage keys."
)


class HowToScreen(LinesWindow[None]):
    """One recipe at a time; left and right choose the SDK.

    Args:
        gateway_url: this engine's address.
        feed: its stock feed.
        name: of the algorithm that a key pair was just issued for.
        key_id, secret: the pair; shown this once.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l,tab", "step(1)", "next SDK", id="how-to-next", tooltip="Next SDK"),
        Binding("left,h,shift+tab", "step(-1)", "previous SDK", id="how-to-previous", tooltip="Previous SDK"),
        Binding("c,y", "copy", "copy lines", id="how-to-copy", tooltip="Copy the lines to the clipboard"),
        Binding("a", "copy_address", "copy address", id="how-to-copy-address", tooltip="Copy this engine's address"),
    ]

    def __init__(
        self, gateway_url: str, feed: str, name: str = "", key_id: str = "", secret: Secret | None = None
    ) -> None:
        super().__init__()
        self._url, self._feed, self._algo = gateway_url, feed, name
        self._key_id, self._secret = key_id, secret
        self._at = 0

    def compose(self) -> ComposeResult:
        """Lay out the SDKs above the recipe."""
        with Vertical(classes="window -tall"):
            yield Painted(id="how-to-names", classes="lines")
            with Scroll():
                yield Painted(id="how-to-lines", classes="lines")

    def title_text(self) -> str:
        """Say for whom."""
        return f"How to connect {self._algo}" if self._algo else "How to connect an algorithm"

    def _recipes(self) -> list[Recipe]:
        secret = self._secret.reveal() if self._secret else SECRET_PLACEHOLDER
        return recipes(self._url, self._key_id or KEY_PLACEHOLDER, secret, self._feed)

    def redraw(self) -> None:
        """Draw names and recipe."""
        width = self.query_one(Scroll).scrollable_content_region.width if self.is_mounted else 0
        if not width:
            return
        self.query_one(".window").border_title = Content(self.title_text())
        found = self._recipes()
        names: list[Line] = []
        line: list[Run] = []
        for index, recipe in enumerate(found):
            tone = "chosen" if index == self._at else "dim"
            if line and sum(len(run.text) for run in line) + len(recipe.sdk) + 3 > width:
                names.append(tuple(line))
                line = []
            line += [Run(f" {recipe.sdk} ", tone, f"screen.choose({index})"), Run(" ")]
        names.append(tuple(line))
        self.query_one("#how-to-names", Painted).paint([*names, (Run(""),)])
        self.query_one("#how-to-lines", Painted).paint(self.lines(max(20, width)))

    def lines(self, width: int) -> list[Line]:
        """Write the chosen recipe."""
        recipe = self._recipes()[self._at]
        lines: list[Line] = [
            (Run("address ", "dim"), Run(self._url, "strong"), Run("  of this engine", "dim")),
            (Run(""),),
            *_titled(recipe.title, width),
            *((Run(row),) for row in textwrap.wrap(f"change {recipe.setting}", width)),
            (Run(""),),
        ]
        for row in recipe.code.splitlines():
            lines += _code_lines(row, width)
        if recipe.note:
            lines += [(Run(""),), *((Run(row, "dim"),) for row in textwrap.wrap(recipe.note, width))]
        lines += [(Run(""),), heading("keys", width)]
        if self._secret:
            lines += [
                (Run(f"These keys are for {self._algo} alone."),),
                (Run("The secret is shown this once: copy it now.", "warn"),),
                (Run("key id  ", "dim"), Run(self._key_id, "strong")),
                (Run("secret  ", "dim"), Run(self._secret.reveal(), "strong")),
            ]
        else:
            lines += [(Run(row),) for row in textwrap.wrap(_OWN_KEYS, width)]
        return lines

    def action_step(self, by: int) -> None:
        """Show another SDK."""
        self.action_choose((self._at + by) % len(self._recipes()))

    def action_choose(self, index: int) -> None:
        """Show that SDK."""
        self._at = index
        self.redraw()

    def action_copy(self) -> None:
        """Copy the recipe."""
        recipe = self._recipes()[self._at]
        self.app.copy_to_clipboard(recipe.code)
        self.notify(f"The lines for {recipe.sdk} are in the clipboard, if this terminal allows it.", timeout=4)

    def action_copy_address(self) -> None:
        """Copy the engine's address."""
        self.app.copy_to_clipboard(self._url)
        self.notify(f"{self._url} is in the clipboard, if this terminal allows it.", timeout=4)


def _titled(text: str, width: int) -> list[Line]:
    """Make a heading, over several lines where it is too long for one."""
    *before, last = textwrap.wrap(text, width - 1)
    return [*((Run(row, "title"),) for row in before), heading(last, width)]


def _code_lines(row: str, width: int) -> list[Line]:
    """Write a line of code; what is too long goes on below, with a mark, and is copied whole."""
    if cell_len(row) <= width:
        return [(Run(row, "accent"),)]
    parts = textwrap.wrap(row, width - 2, break_on_hyphens=False, drop_whitespace=False)
    first: Line = (Run(parts[0].rstrip(), "accent"),)
    return [first, *((Run("↪ ", "dim"), Run(part.strip(), "accent")) for part in parts[1:])]
