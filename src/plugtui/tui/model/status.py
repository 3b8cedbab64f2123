"""The status bar: what each stream does and why, in as many words as there is room for."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo

from rich.cells import cell_len

from plugtui.control.messages import AccountState, EngineState, MarketState, StreamState
from plugtui.tui import format as fmt

_NS = 1_000_000_000

_LIVE, _QUIET, _IDLE = (10, 35, 75), (40, 45, 70), (12, 14, 16)
_TROUBLE, _WAITS_ITS_TURN, _PROBLEM, _LINK = (60, 70, 96), (50, 51, 52), (65, 85), (90,)
_MARKET, _NUMBER = (30, 50, 55), (20,)
_TURN_NS = 3 * _NS
"""Where two streams are in trouble and only one reason has room, they take turns of this length."""
_EQUITY, _DAY = (25, 42, 78), (28, 43, 58)

MARKS = {
    "live": ("●", "up"),
    "quiet": ("○", "dim"),
    "idle": ("·", "dim"),
    "connecting": ("◌", "warn"),
    "stale": ("◐", "warn"),
    "waiting": ("◌", "warn"),
    "failed": ("✗", "bad"),
}


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the bar: its forms from the longest to the shortest.

    ``costs`` says what is lost with each step to a shorter form, the last step being to leave it out; the cheapest steps
    are taken first. Fewer costs than forms: it always stays.
    """

    forms: tuple[str, ...]
    style: str = ""
    costs: tuple[int, ...] = ()
    right: bool = False
    action: str = ""
    """What a click on it does."""


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """How the dashboard stands to its engine."""

    state: str = "starting"
    """``starting``, ``connected``, ``lost``."""
    detail: str = ""
    hint: str = ""
    retry_at_ns: int | None = None


_BRIEF = (
    ("another program holds", "held by another program"),
    ("still holds our last session", "our last session lingers"),
    ("still counted", "another connection is still counted"),
    ("refused the keys", "keys refused"),
    ("no data although", "no data"),
)
_BRIEF_CELLS = 34


def brief(detail: str) -> str:
    """Shorten a reason to what tells it from others."""
    known = next((short for words, short in _BRIEF if words in detail), "")
    plain = detail.removeprefix("cannot connect: ").removeprefix("no connection: ").partition(";")[0].partition(" (")[0]
    return known or textwrap.shorten(plain, _BRIEF_CELLS, placeholder="…")


def stream_segment(
    stream: StreamState, now_ns: int, market: MarketState | None, zone: tzinfo | None, *, turn: bool = True
) -> Segment:
    """Say what one stream does: live with its lag, quiet until…, stale for…, waiting…, because….

    Args:
        turn: of several streams in trouble it is this one that gives its reason when only one has room.
    """
    mark, style = MARKS.get(stream.state, ("?", "warn"))
    short = stream.name.removeprefix("data ")
    short = {"account": "acct"}.get(short, short)
    since = fmt.countdown((now_ns - (stream.last_message_ns or stream.since_ns)) / _NS)
    why = f", {stream.detail}" if stream.detail else ""

    def trouble(word: str, span: str) -> Segment:
        words = f"{word} {span}".rstrip()
        because = f", {brief(stream.detail)}" if stream.detail else ""
        after = span.removeprefix("for ") or word
        forms = (
            f"{mark} {stream.name} {words}{why}",
            f"{mark} {short} {words.replace('for ', '')}{why}",
            f"{mark} {short} {words.replace('for ', '')}{because}",
            f"{mark} {short} {after}",
        )
        return Segment(forms, style, _TROUBLE if turn else _WAITS_ITS_TURN)

    match stream.state:
        case "live":
            lag = f" {fmt.lag(stream.lag_ms)}" if stream.lag_ms is not None else ""
            return Segment((f"{mark} {stream.name}{lag}", f"{mark} {short}{lag}", f"{mark} {short}"), style, _LIVE)
        case "quiet":
            until = f", market closed until {fmt.weekday_clock(market.next_open_ns, now_ns, zone)}" if market else ""
            return Segment(
                (f"{mark} {stream.name} quiet{until}", f"{mark} {short} quiet", f"{mark} {short}"), style, _QUIET
            )
        case "stale":
            return trouble("stale", f"for {since}")
        case "waiting":
            return trouble("waiting", _left(stream.retry_at_ns, now_ns).strip())
        case "failed":
            return trouble("failed", "")
        case "connecting":
            return Segment(
                (f"{mark} {stream.name} connecting{why}", f"{mark} {short} connecting", f"{mark} {short}"), style, _LIVE
            )
    return Segment(
        (f"{mark} {stream.name} {stream.state}", f"{mark} {short} {stream.state}", f"{mark} {short}"), style, _IDLE
    )


def _left(at_ns: int | None, now_ns: int) -> str:
    return "" if at_ns is None else f" {fmt.countdown((at_ns - now_ns) / _NS)}"


def market_segment(market: MarketState, now_ns: int, zone: tzinfo | None) -> Segment:
    """Say whether the market is open, and until when."""
    if market.is_open:
        left = fmt.countdown((market.next_close_ns - now_ns) / _NS)
        return Segment((f"open, closes in {left}", f"open {left}", "open"), "", _MARKET)
    until = fmt.weekday_clock(market.next_open_ns, now_ns, zone)
    return Segment((f"closed, opens {until}", f"closed to {until}", "closed"), "dim", _MARKET)


def segments(
    link: LinkStatus,
    engine: EngineState | None,
    streams: Sequence[StreamState],
    account: AccountState | None,
    now_ns: int,
    zone: tzinfo | None,
) -> list[Segment]:
    """Compose the bar, left to right; the segments with ``right`` set belong at the other end."""
    bar: list[Segment] = []
    if engine is not None:
        environment = engine.environment.upper()
        number = f" {engine.account_number}" if engine.account_number else ""
        profile = f" {engine.profile}" if engine.profile not in ("default", engine.environment) else ""
        style = {"LIVE": "live", "DEMO": "demo"}.get(environment, "paper")
        bar.append(Segment((f" {environment} ",), style, action="app.how_to"))
        if number or profile:
            bar.append(Segment((f"{profile}{number}".strip(),), "dim", _NUMBER))
    if link.state != "connected":
        bar.append(replace(_link_segment(link, now_ns), action="app.retry"))
    market = account.market if account else None
    if link.state == "connected":
        troubled = [stream.name for stream in streams if stream.state in ("stale", "waiting", "failed")]
        speaks = troubled[now_ns // _TURN_NS % len(troubled)] if troubled else ""
        for stream in streams:
            shown = stream_segment(stream, now_ns, market, zone, turn=stream.name == speaks)
            bar.append(replace(shown, action=f"app.events({stream.name!r})"))
    if account is not None:
        if account.problem:
            bar.append(Segment((f"! {account.problem}", "! account old"), "warn", _PROBLEM))
        if account.blocked:
            bar.append(Segment((f"! {account.blocked}", "! no orders"), "bad", _PROBLEM))
        if market is not None:
            bar.append(market_segment(market, now_ns, zone))
        bar.extend(_money(account, stale=link.state != "connected" or bool(account.problem), now_ns=now_ns))
    return bar


def _link_segment(link: LinkStatus, now_ns: int) -> Segment:
    if link.state == "starting":
        return Segment((f"◌ {link.detail or 'starting the engine'}", "◌ starting"), "warn", _LINK)
    left = _left(link.retry_at_ns, now_ns)
    again = f", next try in{left}" if left else ", r tries again"
    return Segment((f"✗ engine: {link.detail}{again}", f"✗ no engine{again}", "✗ no engine"), "bad", _LINK)


def _money(account: AccountState, *, stale: bool, now_ns: int) -> list[Segment]:
    equity = fmt.thousands(account.equity)
    tone = "dim" if stale else "up" if account.day_pnl > 0 else "down" if account.day_pnl < 0 else ""
    mark = fmt.arrow(account.day_pnl)
    day, pct = fmt.signed(account.day_pnl), fmt.percent(account.day_return)
    old = f" ({fmt.age(account.as_of_ns, now_ns)} old)" if stale else ""
    return [
        Segment(
            (f"equity {equity}{old}", f"{equity}{old}", equity),
            "dim" if stale else "strong",
            _EQUITY,
            right=True,
            action="app.pane(2)",
        ),
        Segment(
            (f"{mark} {day}  {pct}", f"{mark} {pct}", f"{mark}{pct.replace(' ', '')}"),
            tone,
            _DAY,
            right=True,
            action="app.pane(2)",
        ),
    ]


@dataclass(frozen=True, slots=True)
class Piece:
    """A segment as chosen for the width: text and style, and what a click on it does."""

    text: str
    style: str
    action: str = ""


def compose(bar: Sequence[Segment], width: int, gap: int = 2) -> list[Piece]:
    """Choose a form for every segment so that the whole fits into ``width`` cells.

    What matters least is shortened or left out first; nothing is cut in the middle of a word. What then turns out to have
    room after all is made longer again.
    """
    forms = [0] * len(bar)

    def fits() -> bool:
        texts = [
            cell_len(segment.forms[form]) for segment, form in zip(bar, forms, strict=True) if form < len(segment.forms)
        ]
        return sum(texts) + gap * max(0, len(texts) - 1) <= width

    steps = sorted((cost, i, step) for i, segment in enumerate(bar) for step, cost in enumerate(segment.costs))
    for _, i, step in steps:
        if fits():
            break
        forms[i] = max(forms[i], step + 1)
    for _, i, step in reversed(steps):
        if forms[i] == step + 1:
            forms[i] = step
            if not fits():
                forms[i] = step + 1
    shown = [
        (segment, Piece(segment.forms[form], segment.style, segment.action))
        for segment, form in zip(bar, forms, strict=True)
        if form < len(segment.forms)
    ]
    left = [piece for segment, piece in shown if not segment.right]
    right = [piece for segment, piece in shown if segment.right]
    blank = Piece(" " * max(0, width - _cells(left, gap) - _cells(right, gap)), "")
    return [*_join(left, gap), blank, *_join(right, gap)]


def _cells(pieces: Sequence[Piece], gap: int) -> int:
    return sum(cell_len(piece.text) for piece in pieces) + gap * max(0, len(pieces) - 1)


def _join(pieces: Sequence[Piece], gap: int) -> list[Piece]:
    joined: list[Piece] = []
    for index, piece in enumerate(pieces):
        joined += [Piece(" " * gap, ""), piece] if index else [piece]
    return joined
