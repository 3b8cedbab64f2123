"""How to point an algorithm at this engine, per SDK, ready to copy."""

import textwrap
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content

from plugtui.control.howto import KEY_PLACEHOLDER, SECRET_PLACEHOLDER, Recipe, recipes
from plugtui.secrets import Secret
from plugtui.tui import format as fmt
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
        Binding("c,y", "copy", "copy", id="how-to-copy", tooltip="Copy the lines to the clipboard"),
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
        with Vertical(classes="window"):
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
        if not self.is_mounted:
            return
        self.query_one(".window").border_title = Content(self.title_text())  # type: ignore[assignment]
        width = max(20, self.query_one(Scroll).scrollable_content_region.width)
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
        self.query_one("#how-to-lines", Painted).paint(self.lines(width))

    def lines(self, width: int) -> list[Line]:
        """Write the chosen recipe."""
        recipe = self._recipes()[self._at]
        lines: list[Line] = [heading(recipe.title, width), (Run("change ", "dim"), Run(recipe.setting)), (Run(""),)]
        rows = ["  " + row for row in recipe.code.splitlines()]
        lines += [(Run(fmt.fit(row, width) if len(row) > width else row, "accent"),) for row in rows]
        if any(len(row) > width for row in rows):
            lines += [(Run("c copies the lines whole", "warn"),)]
        if recipe.note:
            lines += [(Run(""),), *((Run(row, "dim"),) for row in textwrap.wrap(recipe.note, width))]
        lines += [(Run(""),), heading("keys", width)]
        if self._secret:
            lines += [
                (
                    Run(f"These keys are for {self._algo} alone. ", ""),
                    Run("The secret is shown this once: copy it now.", "warn"),
                ),
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
