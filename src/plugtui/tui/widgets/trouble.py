"""The card in the middle of the panes that says what is wrong and what to do.

It takes no keys, so that those of the app work.
"""

from plugtui.tui.model.trouble import Trouble
from plugtui.tui.widgets.painted import Painted, Run


class TroubleCard(Painted):
    """Shown while there is trouble."""

    def show(self, trouble: Trouble | None) -> None:
        """Show the trouble, or nothing."""
        self.display = trouble is not None
        if trouble is None:
            return
        self.border_title = trouble.title
        width = max(20, min(64, self.app.size.width - 10))
        self.paint([(Run(text, tone),) for text, tone in trouble.lines(width)])
