"""The life of an order: events with their times, executions, attribution, raw messages."""

import json
from collections.abc import Mapping
from typing import Any

from plugtui.errors import PlugtuiError
from plugtui.tui import format as fmt
from plugtui.tui.model.orders import OrderLife, raw_of
from plugtui.tui.screens.base import LinesWindow, heading, pairs
from plugtui.tui.widgets.painted import Line, Run

_TONES = {"rejected": "bad", "canceled": "dim", "expired": "dim", "execution": "up", "replaced": "warn"}


class OrderScreen(LinesWindow[None]):
    """One order, first from what the dashboard saw, then completed by the engine's ledger."""

    def __init__(self, order_id: str) -> None:
        super().__init__()
        self._order_id = order_id
        self._answer: Mapping[str, Any] | None = None
        self._problem = ""
        self._seen: tuple[int, str] = (0, "")

    def on_mount(self) -> None:
        """Ask the engine for the rest."""
        super().on_mount()
        self.run_worker(self._load())

    async def _load(self) -> None:
        try:
            answer = await self.dashboard.command("order", id=self._order_id)
        except PlugtuiError as error:
            self._problem = str(error)
        else:
            self._answer = answer if isinstance(answer, Mapping) else None
        self.redraw()

    def paint_screen(self, now_ns: int) -> None:
        """Show further steps as they happen."""
        life = self.world.orders.get(self._order_id)
        seen = (len(life.steps), life.status) if life else (0, "")
        if seen != self._seen:
            self._seen = seen
            self.redraw()

    def title_text(self) -> str:
        """Name the order."""
        life = self.world.orders.get(self._order_id)
        return f"Order {life.side} {life.symbol}" if life else "Order"

    def lines(self, width: int) -> list[Line]:
        """Write the order."""
        life = self.world.orders.get(self._order_id) or OrderLife(self._order_id)
        lines = pairs(self._facts(life), width)
        lines += [(Run(""),), heading("what happened", width)]
        lines += self._steps(life)
        if self._problem:
            lines += [(Run(""),), (Run(f"the ledger did not answer: {self._problem}", "warn"),)]
        for title, raw in raw_of(self._answer or {}):
            lines += [(Run(""),), heading(title, width), *_json_lines(raw)]
        return lines

    def _facts(self, life: OrderLife) -> list[tuple[str, str, str]]:
        steps = life.in_order()
        filled = f"{fmt.quantity(life.filled_qty)} of {fmt.quantity(life.qty)}"
        return [
            ("status", life.status.replace("_", " "), _TONES.get(life.status, "strong")),
            ("filled", filled, "strong"),
            ("type", life.order_type, ""),
            ("day", fmt.stamp(steps[0].time_ns, self.world.zone)[:10] if steps else "", ""),
            ("algorithm", life.algo or "not attributed", "accent" if life.algo else "dim"),
            ("order", life.order_id, "dim"),
            ("client order", life.client_order_id, "dim"),
        ]

    def _steps(self, life: OrderLife) -> list[Line]:
        lines: list[Line] = []
        before = 0
        for step in life.in_order():
            waited = f"+{fmt.lag((step.time_ns - before) / 1e6)}" if before else ""
            before = step.time_ns
            mark = "↺ " if step.recovered else "  "
            lines.append(
                (
                    Run(fmt.clock(step.time_ns, self.world.zone), "dim"),
                    Run(f"{waited:>10} ", "dim"),
                    Run(mark, "warn"),
                    Run(f"{step.event.replace('_', ' '):<16}", _TONES.get(step.event, "strong")),
                    Run(step.text),
                )
            )
        return lines or [(Run("nothing seen since this dashboard started", "dim"),)]


def _json_lines(raw: Any) -> list[Line]:
    try:
        value = json.loads(raw) if isinstance(raw, str) else raw
    except ValueError:
        return [(Run(str(raw), "dim"),)]
    return [(Run(line, "dim"),) for line in json.dumps(value, indent=2, default=str).splitlines()]
