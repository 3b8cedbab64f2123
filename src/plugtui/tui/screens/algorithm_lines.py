"""What is written about an algorithm, in its window and below the table of algorithms."""

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

from plugtui.control.messages import AlgoState
from plugtui.tui import format as fmt
from plugtui.tui.model import sparks
from plugtui.tui.model.algos import (
    BEHIND_BYTES,
    BEHIND_MS,
    HISTORY,
    HISTORY_MINUTES,
    AlgoHistory,
    program_text,
)
from plugtui.tui.model.orders import OrderLife
from plugtui.tui.model.world import World
from plugtui.tui.screens.base import heading
from plugtui.tui.screens.facts import Fact, grid
from plugtui.tui.widgets.painted import Line, Run

_LABEL = 7
_NUMBER = 9
_PEAK = 14
_CHANNEL = 14
_ORDERS = "trade_updates"
_WIDE = 76
"""From this width on an order's line has its terms and what happened last."""

_NARROW = 50
"""Below this width peaks and prices are left out."""

_STATUS = {"partially_filled": "partial", "pending_new": "pending", "pending_cancel": "cancelling",
           "pending_replace": "replacing", "done_for_day": "day done"}  # fmt: skip
_TONES = {"filled": "up", "rejected": "bad", "partially_filled": "warn", "new": "", "accepted": ""}


# ---------------------------------------------------------------- who and how much


def facts(world: World, state: AlgoState, now_ns: int) -> list[Fact]:
    """Say everything of row A1 and A4 in words."""
    return [*_identity(world, state, now_ns), *_trading(state), *_traffic(world, state)]


def _identity(world: World, state: AlgoState, now_ns: int) -> list[Fact]:
    since = ""
    if state.since_ns:
        since = f"{fmt.clock(state.since_ns, world.zone, millis=False)}, {fmt.age(state.since_ns, now_ns)}"
    seen = f"{fmt.age(state.last_seen_ns, now_ns)} ago" if state.last_seen_ns and state.status == "gone" else ""
    return [
        ("status", state.status, "up" if state.status == "connected" else "warn"),
        ("program", program_text(state) or "not known", "strong" if state.program else "dim"),
        ("sdk", state.sdk or "not known", "" if state.sdk else "dim"),
        ("address", state.address, ""),
        ("connected", since, ""),
        ("last seen", seen, "bad"),
        ("signs in", "own key pair" if state.issued else "the account's keys", ""),
        ("streams", ", ".join(state.streams) if state.streams else "none", "" if state.streams else "dim"),
    ]


def _trading(state: AlgoState) -> list[Fact]:
    pnl = state.realized_pnl + state.unrealized_pnl
    return [
        ("P&L", fmt.signed(pnl), "up" if pnl > 0 else "down" if pnl < 0 else ""),
        ("realised", fmt.signed(state.realized_pnl), ""),
        ("unrealised", fmt.signed(state.unrealized_pnl), ""),
        ("orders", f"{state.orders:,}", ""),
        ("rejected", f"{state.rejects:,}", "bad" if state.rejects else ""),
        ("fills", f"{state.fills:,}", ""),
    ]


def _traffic(world: World, state: AlgoState) -> list[Fact]:
    return [
        ("messages", f"{state.messages:,}, {fmt.compact(state.rate)}/s", ""),
        ("bytes", f"{fmt.size(state.bytes)}, {fmt.size(state.byte_rate)}/s", ""),
        ("queue", fmt.size(state.queue_bytes), "warn" if state.queue_bytes >= BEHIND_BYTES else ""),
        ("lag", fmt.lag(state.lag_ms), "bad" if (state.lag_ms or 0) >= BEHIND_MS else ""),
        ("conflated", f"{state.conflated:,}", "warn" if state.conflated else ""),
        ("REST", rest_text(state), "warn" if state.throttled else ""),
        ("REST budget", share_text(world, state), ""),
    ]


def rest_text(state: AlgoState) -> str:
    """Count its REST requests."""
    return f"{state.requests:,}" + (f", {state.throttled:,} refused" if state.throttled else "")


def share_text(world: World, state: AlgoState) -> str:
    """Say how much of the shared REST budget it used in the last minute (``12/min of 200, 6 %``)."""
    minute = (world.algos.history.get(state.name) or AlgoHistory()).requests_a_minute
    limit = world.engine.rest_per_minute if world.engine else 0
    return f"{minute}/min of {limit}, {100 * minute / limit:.0f} %" if limit else f"{minute}/min"


# ---------------------------------------------------------------- over time


class _Measure(NamedTuple):
    label: str
    values: Sequence[float]
    now: str
    peak: str
    tone: str


def spark_lines(
    state: AlgoState, history: AlgoHistory, width: int, rows: int, *, rest: bool = True, axis: bool = True
) -> list[Line]:
    """Draw what happened in the last two minutes: right is now, what was not seen yet is dotted.

    Args:
        rows: lines of the first measure, the others have one.
        rest: with the REST requests.
        axis: with the time below.
    """
    per_minute = history.requests_a_minute
    measures = [
        _Measure("msg/s", history.rate, fmt.compact(state.rate), fmt.compact(_top(history.rate)), "chart"),
        _Measure("lag", history.lag_ms, fmt.lag(state.lag_ms), fmt.lag(_top(history.lag_ms)), "warn"),
        _Measure(
            "queue", history.queue_bytes, fmt.size(state.queue_bytes), fmt.size(_top(history.queue_bytes)), "fall"
        ),
    ]
    if rest:
        measures.append(_Measure("REST", history.request_rates(), f"{per_minute}/min", "", "accent"))
    peak = _PEAK if width >= _NARROW else 0
    room = max(10, width - _LABEL - _NUMBER - peak - 1)
    if not peak:
        measures = [measure._replace(peak="") for measure in measures]
    lines = [
        line for at, measure in enumerate(measures) for line in _spark(measure, history.taken, room, 1 if at else rows)
    ]
    if axis:
        text = sparks.time_axis(sparks.cells_of(room, HISTORY), HISTORY_MINUTES)
        lines.append((Run(" " * _LABEL), Run(text, "axis")))
    return lines


def _top(values: Sequence[float]) -> float:
    return max(values, default=0.0)


def _spark(measure: _Measure, taken: int, room: int, rows: int) -> list[Line]:
    found = sparks.peaks(measure.values, taken, room, HISTORY)
    unseen = next((i for i, value in enumerate(found) if value is not None), len(found))
    lines: list[Line] = []
    for row, blocks in enumerate(sparks.bars(found, rows)):
        last = row == rows - 1
        line: list[Run] = [
            Run(f"{measure.label:<{_LABEL}}" if last else " " * _LABEL, "dim"),
            Run(blocks[:unseen], "line"),
            Run(blocks[unseen:], measure.tone),
        ]
        if last:
            line.append(Run(f"{measure.now:>{_NUMBER}}", "strong"))
            if measure.peak:
                line.append(Run(f"  peak {measure.peak:>{_PEAK - 7}}", "dim"))
        lines.append(tuple(line))
    return lines


# ---------------------------------------------------------------- what it gets and does


def subscription_lines(state: AlgoState, width: int, most: int = 0) -> list[Line]:
    """List channels and symbols.

    Args:
        most: exactly so many lines, what does not fit is counted; 0 is as many as it takes.
    """
    subscribed = sorted(
        (item for item in state.subscriptions.items() if item[1]), key=lambda item: (item[0] == _ORDERS, item)
    )
    lines: list[Line] = []
    for channel, symbols in subscribed:
        words = "everything" if "*" in symbols else ", ".join(sorted(symbols))
        rows = textwrap.wrap(words, max(8, width - _CHANNEL)) or [""]
        if most and len(rows) > 1:
            rows = [_counted(sorted(symbols), width - _CHANNEL)]
        for i, row in enumerate(rows):
            lines.append((Run(f"{channel if i == 0 else '':<{_CHANNEL}}", "accent"), Run(row)))
    lines = lines or [(Run("nothing subscribed", "dim"),)]
    if not most:
        return lines
    if len(lines) > most:
        # As the column of streams has it: the channel's full name would not fit the narrowest pane.
        rest = ", ".join(
            "acct" if channel == _ORDERS else f"{channel} {'all' if '*' in symbols else len(symbols)}"
            for channel, symbols in subscribed[most - 1 :]
        )
        lines = [*lines[: most - 1], (Run(textwrap.shorten(rest, width, placeholder=" …")),)]
    return lines + [(Run(""),)] * (most - len(lines))


def _counted(symbols: Sequence[str], width: int) -> str:
    """List as many symbols as fit, and count the others."""
    text = ""
    for at, symbol in enumerate(symbols):
        more = f" and {len(symbols) - at - 1} more"
        if len(text) + len(symbol) + 2 + len(more) > width:
            return f"{text} and {len(symbols) - at} more"
        text += f", {symbol}" if text else symbol
    return text


def order_lines(world: World, name: str, width: int, most: int) -> list[Line]:
    """List the newest orders of an algorithm with what became of them."""
    lines = [_order_line(world, life, width) for life in world.orders.of_algo(name, most)]
    return lines or [(Run("none since this dashboard started", "dim"),)]


def _order_line(world: World, life: OrderLife, width: int) -> Line:
    steps = life.in_order()
    wide = width >= _WIDE
    time = fmt.clock(steps[-1].time_ns, world.zone, millis=wide) if steps else ""
    filled = f"{fmt.quantity(life.filled_qty)}/{fmt.quantity(life.qty)}" if life.qty is not None else ""
    price = fmt.price(life.average_price) if life.average_price is not None else ""
    status = life.status.replace("_", " ") if wide else _STATUS.get(life.status, life.status)
    numbers = (Run(f"{filled:>10}"), Run(f"{price:>11}  ")) if width >= _NARROW else ()
    line = [
        Run(f"{time:<{13 if wide else 9}}", "dim"),
        Run(f"{life.side.upper():<5}", "up" if life.side.startswith("b") else "down"),
        Run(f"{life.symbol:<8} "),
        *numbers,
        Run(f"{status:<17}" if wide else status, _TONES.get(life.status, "dim")),
    ]
    if wide:
        said = ", ".join(text for text in (life.terms, life.reason) if text)
        line.append(Run(textwrap.shorten(said, max(8, width - 67), placeholder=" …"), "dim"))
    return tuple(line)


# ---------------------------------------------------------------- below the table


def preview_lines(world: World, name: str, width: int, height: int, now_ns: int) -> list[Line]:
    """Write what fits below the table of algorithms; every part stands on the same line for every algorithm."""
    state = world.algos.state(name)
    if state is None:
        return []
    history = world.algos.history.get(name) or AlgoHistory()
    rows = 4 if height >= 32 else 3 if height >= 18 else 1
    who = ", ".join(text for text in (program_text(state), state.sdk, state.address) if text)
    title = f"{name}: {who}" if who and len(name) + len(who) + 4 <= width else name
    lines = [
        heading(title, width),
        *spark_lines(state, history, width, rows, rest=height >= 18, axis=height >= 9),
    ]
    columns = width // 30
    if height >= 18 and columns >= 3:
        lines += [(Run(""),), *grid(_short_facts(world, state, now_ns), width, columns)]
    channels = 1 if height < 12 else 2 if height < 32 else 4
    lines += [(Run(""),)] if height >= 11 else []
    lines += subscription_lines(state, width, channels)
    room = height - len(lines) - 1
    if room > 0:
        lines += [(Run(""),), *order_lines(world, name, width, room)]
    return lines[:height]


def _short_facts(world: World, state: AlgoState, now_ns: int) -> list[Fact]:
    found = {fact[0]: fact for fact in facts(world, state, now_ns)}
    wanted = ("P&L", "realised", "unrealised", "orders", "rejected", "fills", "messages", "bytes", "conflated")
    rest = ("REST", share_text(world, state), found["REST"][2])
    ago = f"{fmt.age(state.since_ns, now_ns)}" if state.since_ns else fmt.UNDEFINED
    return [*(found[key] for key in wanted), rest, ("for", ago, ""), found["signs in"]]
