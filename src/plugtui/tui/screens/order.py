"""The life of an order: events with their times, executions, attribution, the orders that belong to it, raw messages."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from plugtui.errors import PlugtuiError
from plugtui.tui import format as fmt
from plugtui.tui.model.order_family import Relative, family_of, role_of
from plugtui.tui.model.orders import OrderLife, Step, life_of, raw_of
from plugtui.tui.screens.base import LinesWindow, Scroll, heading
from plugtui.tui.screens.facts import Fact, columns, grid
from plugtui.tui.widgets.painted import Line, Run

_TONES = {"rejected": "bad", "canceled": "dim", "expired": "dim", "execution": "up", "filled": "up", "replaced": "warn",
          "partially_filled": "warn"}  # fmt: skip
_EXECUTIONS = frozenset({"fill", "partial_fill"})
"""Events that the executions tell better."""

_WIDE = 76


class OrderScreen(LinesWindow[None]):
    """One order, first from what the dashboard saw, then completed by the engine's ledger."""

    size_class = "-fit"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "right,l,n", "step(1)", "next order", id="order-next", tooltip="Next of the orders that belong together"
        ),
        Binding(
            "left,h,N",
            "step(-1)",
            "order before",
            id="order-before",
            tooltip="The one before of those that belong together",
        ),
        Binding("m", "messages", "raw messages", id="order-messages", tooltip="Show or hide the broker's own messages"),
    ]

    def __init__(self, order_id: str) -> None:
        super().__init__()
        self._order_id = order_id
        self._answer: Mapping[str, Any] = {}
        self._family: list[Relative] = []
        self._told: OrderLife | None = None
        self._problem = ""
        self._whole = False
        self._seen: tuple[int, str] = (0, "")

    def on_mount(self) -> None:
        """Ask the engine for the rest."""
        super().on_mount()
        self.run_worker(self._load(self._order_id))

    async def _load(self, order_id: str) -> None:
        try:
            answer = await self.dashboard.command("order", id=order_id)
        except PlugtuiError as error:
            self._problem = str(error)
        else:
            if order_id != self._order_id:
                return
            self._problem = ""
            self._answer = answer if isinstance(answer, Mapping) else {}
            self._told = life_of(self._answer)
            self._family = family_of(self._answer)
        self.refresh_bindings()
        self.redraw()

    def paint_screen(self, now_ns: int) -> None:
        """Show further steps as they happen; the ledger knows what they mean for the family."""
        life = self.world.orders.get(self._order_id)
        seen = (len(life.steps), life.status) if life else (0, "")
        if seen != self._seen:
            again = self._seen != (0, "")
            self._seen = seen
            self.redraw()
            if again:
                self.run_worker(self._load(self._order_id))

    # ------------------------------------------------------------ moving in the family

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """An order that stands alone has no next one."""
        return action != "step" or len(self._family) > 1

    def action_step(self, by: int) -> None:
        """Go to the next order of the family."""
        names = [order.order_id for order in self._family]
        at = names.index(self._order_id) if self._order_id in names else 0
        self.action_show(names[(at + by) % len(names)])

    def action_show(self, order_id: str) -> None:
        """Show that order in this window."""
        self._order_id, self._told, self._answer, self._seen = order_id, None, {}, (0, "")
        self.query_one(Scroll).scroll_home(animate=False)
        self.redraw()
        self.run_worker(self._load(order_id))

    def action_messages(self) -> None:
        """Show or hide what the broker sent."""
        self._whole = not self._whole
        self.redraw()

    # ------------------------------------------------------------ writing

    def _life(self) -> OrderLife:
        """Return the fuller of what was heard and what the ledger tells."""
        heard = self.world.orders.get(self._order_id)
        known = [life for life in (heard, self._told) if life]
        return max(known, key=lambda life: len(steps_of(life)), default=OrderLife(self._order_id))

    def _own(self) -> Relative | None:
        return next((order for order in self._family if order.order_id == self._order_id), None)

    def title_text(self) -> str:
        """Name the order."""
        life = self._life()
        return f"Order {life.side} {life.symbol}".rstrip()

    def lines(self, width: int) -> list[Line]:
        """Write the order."""
        life = self._life()
        lines = columns(self._facts(life), width)
        lines += grid([("order id", life.order_id, "dim"), ("client id", life.client_order_id, "dim")], width, 1)
        lines += [(Run(""),), heading("what happened", width), *self._steps(life)]
        if len(self._family) > 1:
            lines += [(Run(""),), heading("orders that belong together", width), *self._relatives(width)]
        if self._problem:
            lines += [(Run(""),), (Run(f"the ledger did not answer: {self._problem}", "warn"),)]
        raws = raw_of(self._answer)
        if raws and not self._whole:
            many = "one raw message" if len(raws) == 1 else f"{len(raws)} raw messages"
            lines += [
                (Run(""),),
                (
                    Run(f"{many} of the broker: ", "dim"),
                    Run("m", "key", "screen.messages"),
                    Run(" shows what was sent", "dim"),
                ),
            ]
        for title, raw in raws if self._whole else ():
            lines += [(Run(""),), heading(title, width), *_json_lines(raw)]
        return lines

    def _facts(self, life: OrderLife) -> list[Fact]:
        own, zone = self._own(), self.world.zone
        steps = steps_of(life)
        average = own.filled_avg_price if own and own.filled_avg_price is not None else life.average_price
        first = own.submitted_ns if own and own.submitted_ns else steps[0].time_ns if steps else None
        reason = life.reason
        return [
            ("status", life.status.replace("_", " "), _TONES.get(life.status, "strong")),
            ("terms", f"{life.terms}{', ' + own.tif if own and own.tif else ''}", ""),
            ("filled", f"{fmt.quantity(life.filled_qty)} of {fmt.quantity(life.qty)}", "strong"),
            ("average", fmt.price(average) if average is not None else "", ""),
            ("reason", reason, "bad"),
            ("submitted", fmt.stamp(first, zone)[:19] if first else "", ""),
            ("algorithm", life.algo or "not attributed", "accent" if life.algo else "dim"),
            ("value", fmt.thousands(average * life.filled_qty) if average is not None else "", ""),
            ("vs limit", own.against_limit if own else "", ""),
            (
                "part of",
                f"{role_of(own, self._family)}, {len(self._family)} orders" if own and len(self._family) > 1 else "",
                "",
            ),
        ]

    def _steps(self, life: OrderLife) -> list[Line]:
        lines: list[Line] = []
        before = 0
        for step in steps_of(life):
            waited = f"+{fmt.lag((step.time_ns - before) / 1e6)}" if before else ""
            before = step.time_ns
            lines.append(
                (
                    Run(fmt.clock(step.time_ns, self.world.zone), "dim"),
                    Run(f"{waited:>9} ", "dim"),
                    Run("↺ " if step.recovered else "  ", "warn"),
                    Run(f"{step.event.replace('_', ' '):<16}", _TONES.get(step.event, "strong")),
                    Run(step.text),
                )
            )
        return lines or [(Run("nothing heard yet", "dim"),)]

    def _relatives(self, width: int) -> list[Line]:
        lines: list[Line] = []
        for order in self._family:
            here = order.order_id == self._order_id
            time = fmt.clock(order.submitted_ns, self.world.zone, millis=False) if order.submitted_ns else ""
            action = "" if here else f"screen.show('{order.order_id}')"
            text = f"{role_of(order, self._family):<12} {order.side.upper():<5}"
            filled = f"{fmt.quantity(order.filled_qty)}/{fmt.quantity(order.qty)}"
            status = order.status.replace("_", " ")
            lines.append(
                (
                    Run("▸ " if here else "  ", "key"),
                    Run(f"{time} " if width >= _WIDE else "", "dim", action),
                    Run(text, "strong" if here else "", action),
                    Run(f"{filled:>9}  ", "", action),
                    Run(f"{status:<11}", _TONES.get(order.status, ""), action),
                    Run(f" {order.terms}", "dim", action),
                )
            )
        return lines


def steps_of(life: OrderLife) -> list[Step]:
    """Return the steps by time; of an execution and the event that told it only the execution."""
    return [step for step in life.in_order() if step.event not in _EXECUTIONS]


def _json_lines(raw: Any) -> list[Line]:
    """Write a message as JSON; fields without a value are left out."""
    try:
        value = json.loads(raw) if isinstance(raw, str) else raw
    except ValueError:
        return [(Run(str(raw), "dim"),)]
    return [(Run(line, "dim"),) for line in json.dumps(_said(value), indent=2, default=str).splitlines()]


def _said(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _said(part) for key, part in value.items() if part is not None}
    return [_said(part) for part in value] if isinstance(value, list) else value
