"""How traders are ranked: the formula, what it means, and who is not ranked for which reason."""

import textwrap

from plugtui.tui import format as fmt
from plugtui.tui.model.traders import list_of, unranked_because
from plugtui.tui.screens.base import LinesWindow, heading
from plugtui.tui.widgets.painted import Line, Run

_NAME = 18


class FormulaScreen(LinesWindow[None]):
    """The words under the board, whole, and each trader's score."""

    size_class = "-fit"

    def title_text(self) -> str:
        """Say what this is."""
        return "How traders are ranked"

    def paint_screen(self, now_ns: int) -> None:
        """Follow the scores; equal lines cost nothing."""
        self.redraw()

    def lines(self, width: int) -> list[Line]:
        """Write the formula, then the lists."""
        board = self.world.traders
        first, *rest = board.formula.split("\n") if board.formula else ["the engine has not told its formula"]
        lines: list[Line] = [(Run(row, "strong"),) for row in textwrap.wrap(first, width)]
        for part in rest:
            lines += [(Run(""),), *((Run(row),) for row in textwrap.wrap(part, width))]
        for badge in dict.fromkeys(state.badge for state in board.states):
            lines += [(Run(""),), heading(list_of(badge), width)]
            place = 0
            for state in board.states:
                if state.badge != badge:
                    continue
                why = unranked_because(state)
                place += not why
                lines.append(
                    (
                        Run(f"{'–' if why else place:>2}  ", "dim"),
                        Run(fmt.fit(state.name, _NAME), "accent"),
                        Run("" if why else f"{fmt.ratio(state.score):>8}", "strong"),
                        Run(f"  {why}" if why else "", "warn"),
                    )
                )
        return lines
