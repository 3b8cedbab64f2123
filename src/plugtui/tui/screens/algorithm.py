"""One algorithm: who it is, what it gets, how it keeps up, what it trades."""

from collections.abc import Sequence
from datetime import tzinfo
from typing import ClassVar

from textual.binding import Binding, BindingType

from plugtui.control.messages import AlgoState
from plugtui.tui import format as fmt
from plugtui.tui.model.algos import AlgoHistory, program_text
from plugtui.tui.model.world import World
from plugtui.tui.screens.base import LinesWindow, heading, pairs
from plugtui.tui.widgets.painted import Line, Run

_LABEL = 7
_NUMBER = 9


class AlgorithmScreen(LinesWindow[None]):
    """Live detail of an algorithm."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "pause", "pause", id="algo-pause", tooltip="Refuse its new orders, or accept them again"),
        Binding("d", "disconnect", "disconnect", id="algo-disconnect", tooltip="Close its connections"),
        Binding("x", "revoke", "revoke", id="algo-revoke", tooltip="Make its key pair void"),
    ]

    def __init__(self, name: str) -> None:
        super().__init__()
        self._who = name
        self._second = 0

    def paint_screen(self, now_ns: int) -> None:
        """Draw twice a second."""
        if now_ns // 500_000_000 != self._second:
            self._second = now_ns // 500_000_000
            self.redraw()

    def title_text(self) -> str:
        """Name the algorithm."""
        state = self._state()
        return f"Algorithm {self._who}: {state.status}" if state else f"Algorithm {self._who}"

    def hint(self) -> str:
        """Say what can be done."""
        return "p pause  d disconnect  x revoke  esc close"

    def _state(self) -> AlgoState | None:
        return self.world.algos.state(self._who)

    def lines(self, width: int) -> list[Line]:
        """Write the algorithm."""
        return algorithm_lines(self.world, self._who, width, self.dashboard.now_ns())

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


def algorithm_lines(world: World, name: str, width: int, now_ns: int) -> list[Line]:
    """Write everything about an algorithm."""
    state = world.algos.state(name)
    if state is None:
        return [(Run("the engine no longer knows this algorithm", "warn"),)]
    return [
        *pairs(_facts(state, world.zone, now_ns), width),
        (Run(""),),
        heading("last two minutes", width),
        *_sparks(world, state, width),
        (Run(""),),
        heading("subscriptions", width),
        *_subscriptions(state, width),
        (Run(""),),
        heading("orders and fills", width),
        *_orders(world, name),
    ]


def preview_lines(world: World, name: str, width: int) -> list[Line]:
    """Write what fits below the table of algorithms: how it keeps up, what it gets, what it trades."""
    state = world.algos.state(name)
    if state is None:
        return []
    return [
        heading(f"{name}, last two minutes", width),
        *_sparks(world, state, width),
        *_subscriptions(state, width),
        (Run(""),),
        *_orders(world, name),
    ]


def _sparks(world: World, state: AlgoState, width: int) -> list[Line]:
    history = world.algos.history.get(state.name) or AlgoHistory()
    return [
        spark("msg/s", history.rate, fmt.compact(state.rate), width, "chart"),
        spark("lag", history.lag_ms, fmt.lag(state.lag_ms), width, "warn"),
        spark("queue", history.queue_bytes, fmt.size(state.queue_bytes), width, "fall"),
    ]


def _facts(state: AlgoState, zone: tzinfo | None, now: int) -> list[tuple[str, str, str]]:
    pnl = state.realized_pnl + state.unrealized_pnl
    tone = "up" if pnl > 0 else "down" if pnl < 0 else ""
    key = "a key pair of its own" if state.issued else "the account's keys"
    since = (
        f"{fmt.clock(state.since_ns, zone, millis=False)}, for {fmt.age(state.since_ns, now)}" if state.since_ns else ""
    )
    return [
        ("program", program_text(state), "strong"),
        ("sdk", state.sdk, ""),
        ("address", state.address, ""),
        ("since", since, ""),
        ("signs in with", key, ""),
        ("connections", f"{state.connections}: {', '.join(state.streams)}" if state.streams else "none", ""),
        ("P&L", fmt.signed(pnl), tone),
        ("realised", fmt.signed(state.realized_pnl), ""),
        ("unrealised", fmt.signed(state.unrealized_pnl), ""),
        ("orders", f"{state.orders:,}, {state.rejects:,} rejected, {state.fills:,} fills", ""),
        ("messages", f"{state.messages:,}, {fmt.size(state.bytes)}", ""),
        ("conflated", f"{state.conflated:,}", "warn" if state.conflated else ""),
        ("REST requests", f"{state.requests:,}", ""),
    ]


def _subscriptions(state: AlgoState, width: int) -> list[Line]:
    lines: list[Line] = []
    for channel, symbols in sorted(state.subscriptions.items()):
        if symbols:
            listed = ", ".join(sorted(symbols))
            lines.append((Run(f"{channel:<14}", "accent"), Run(fmt.fit(listed, width - 14).rstrip())))
    return lines or [(Run("none", "dim"),)]


def _orders(world: World, name: str) -> list[Line]:
    lines: list[Line] = []
    for life in world.orders.of_algo(name, 12):
        steps = life.in_order()
        filled = f"{fmt.quantity(life.filled_qty)} of {fmt.quantity(life.qty)}"
        tone = {"filled": "up", "rejected": "bad"}.get(life.status, "dim")
        lines.append(
            (
                Run(fmt.clock(steps[-1].time_ns, world.zone) if steps else "", "dim"),
                Run(f"  {life.side:<5}{life.symbol:<9}"),
                Run(f"{filled:>16}  "),
                Run(f"{life.status.replace('_', ' '):<18}", tone),
                Run(steps[-1].text if steps else "", "dim"),
            )
        )
    return lines or [(Run("none since this dashboard started", "dim"),)]


def spark(label: str, values: Sequence[float], now: str, width: int, tone: str) -> Line:
    """Draw a labelled sparkline with its newest value and its peak."""
    room = max(8, min(120, width - _LABEL - 2 * _NUMBER - 6))
    peak = max(values, default=0.0)
    text = fmt.lag(peak) if label == "lag" else fmt.size(peak) if label == "queue" else fmt.compact(peak)
    return (
        Run(f"{label:<{_LABEL}}", "dim"),
        Run(fmt.sparkline(values, room), tone),
        Run(f"{now:>{_NUMBER}}", "strong"),
        Run(f"  peak {text:>{_NUMBER - 4}}", "dim"),
    )
