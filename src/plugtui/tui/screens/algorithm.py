"""One algorithm: who it is, what it gets, how it keeps up, what it trades."""

from typing import ClassVar

from textual.binding import Binding, BindingType

from plugtui.control.messages import AlgoState
from plugtui.tui.charts import Series, chart
from plugtui.tui.model.algos import AlgoHistory
from plugtui.tui.screens.algorithm_lines import facts, order_lines, spark_lines, subscription_lines
from plugtui.tui.screens.base import LinesWindow, heading
from plugtui.tui.screens.facts import columns
from plugtui.tui.widgets.painted import Line, Run

_ORDERS = 60
_CHART_ROWS = 7
_HALF_NS = 500_000_000


class AlgorithmScreen(LinesWindow[None]):
    """Live detail of an algorithm."""

    size_class = "-tall"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "pause", "pause", id="algo-pause", tooltip="Refuse its new orders, or accept them again"),
        Binding("d", "disconnect", "disconnect", id="algo-disconnect", tooltip="Close its connections"),
        Binding("x", "revoke", "revoke", id="algo-revoke", tooltip="Make its key pair void"),
        Binding("f", "fills", "its fills", id="algo-fills", tooltip="Show its executions in the fills pane"),
    ]

    def __init__(self, name: str) -> None:
        super().__init__()
        self._who = name
        self._half = 0

    def paint_screen(self, now_ns: int) -> None:
        """Draw twice a second."""
        if now_ns // _HALF_NS != self._half:
            self._half = now_ns // _HALF_NS
            self.world.algos.rebuild(now_ns)
            self.redraw()

    def title_text(self) -> str:
        """Name the algorithm."""
        state = self._state()
        return f"Algorithm {self._who}: {state.status}" if state else f"Algorithm {self._who}"

    def _state(self) -> AlgoState | None:
        return self.world.algos.state(self._who)

    def lines(self, width: int) -> list[Line]:
        """Write the algorithm."""
        state = self._state()
        if state is None:
            return [(Run("the engine no longer knows this algorithm", "warn"),)]
        world, now = self.world, self.dashboard.now_ns()
        history = world.algos.history.get(self._who) or AlgoHistory()
        rows = 3 if self.size.height >= 30 else 1
        return [
            *columns(facts(world, state, now), width),
            (Run(""),),
            heading("last two minutes", width),
            *spark_lines(state, history, width, rows),
            (Run(""),),
            heading("P&L since this dashboard started", width),
            *self._pnl(history, state, now, width),
            (Run(""),),
            heading("subscriptions", width),
            *subscription_lines(state, width),
            (Run(""),),
            heading("orders and fills, the newest first", width),
            *order_lines(world, self._who, width, _ORDERS),
        ]

    def _pnl(self, history: AlgoHistory, state: AlgoState, now_ns: int, width: int) -> list[Line]:
        """Draw the samples, which are seconds apart, and what it is now: the curve ends at the number above it."""
        rows = _CHART_ROWS if self.size.height >= 45 else _CHART_ROWS - 2
        points = [*history.pnl, (now_ns, float(state.realized_pnl + state.unrealized_pnl))]
        times, values = [at for at, _ in points], [value for _, value in points]
        if len(history.pnl) < 2:
            # As high as the curve, so that nothing moves when it begins.
            return [(Run("the curve begins in a moment", "dim"),), *[(Run(""),)] * (rows - 1)]
        return chart(Series(times, values, base=0.0), width, rows, self.world.zone)

    def action_pause(self) -> None:
        """Pause or resume."""
        state = self._state()
        if state:
            self.dashboard.desk.pause_or_resume(state)

    def action_disconnect(self) -> None:
        """Disconnect."""
        state = self._state()
        if state:
            self.dashboard.desk.disconnect(state)

    def action_revoke(self) -> None:
        """Revoke."""
        state = self._state()
        if state:
            self.dashboard.desk.revoke(state)

    def action_fills(self) -> None:
        """Go to its executions."""
        self.dismiss(None)
        self.dashboard.filter_fills(self._who)
