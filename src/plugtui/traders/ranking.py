"""The leaderboard: a score whose formula stands on the screen, other sorts, who is eligible, what a record is worth.

Pure (rows T3, T4).
"""

from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from plugtui.control.messages import Figures, TraderState
from plugtui.performance.ratios import Undefined, Value

PRIOR_DAYS = 60
CAP = 5.0
FREE_DRAWDOWN = 0.20
PENALTY = 5.0
MIN_DAYS = 30
MIN_TRIPS = 10
MIN_DEPLOYED = 0.01

FORMULA = (
    f"score = min(Sortino,{CAP:g})·n/(n+{PRIOR_DAYS}) − {PENALTY:g}·max(0,|DD|−{FREE_DRAWDOWN:.0%})\n"
    f"Sortino and DD, the maximum drawdown, are those of the whole history; n is its days, so that a short record counts "
    f"for less. Without a loss and with a gain Sortino counts as {CAP:g}.\n"
    f"Ranked from {MIN_DAYS} days, {MIN_TRIPS} round trips and {MIN_DEPLOYED:.0%} of equity deployed on average. "
    "Verified, paper and self-reported records rank in lists of their own."
)
"""The formula on the first line, what it means below."""

BADGES = ("verified", "paper", "self-reported")
"""In the order of the lists."""


def badge_of(base_url: str, key_id: str) -> str:
    """Say what a record is worth by where it comes from.

    ``paper``: an account with play money (its host, or a key id that begins with PK, as paper keys do); ``verified``: a live
    account, read from the broker itself; ``self-reported``: from a host that is not the broker's.
    """
    host = (urlsplit(base_url).hostname or "").lower()
    if host.startswith("paper-") or key_id.upper().startswith("PK"):
        return "paper"
    return "verified" if host == "alpaca.markets" or host.endswith(".alpaca.markets") else "self-reported"


def eligible(figures: Figures, deployed: Value) -> Undefined | None:
    """Return why a trader has no score yet, or ``None``; in a few words, as they stand in a column of the board.

    Args:
        figures: of the whole history.
        deployed: mean part of the equity that was in positions.
    """
    if figures.days < MIN_DAYS:
        return Undefined(f"{figures.days} of {MIN_DAYS} days of history")
    if figures.round_trips < MIN_TRIPS:
        return Undefined(f"{figures.round_trips} of {MIN_TRIPS} round trips")
    if isinstance(deployed, Undefined):
        return deployed
    if deployed < MIN_DEPLOYED:
        return Undefined(f"{deployed:.1%} deployed, {MIN_DEPLOYED:.0%} needed")
    return None


def score(figures: Figures, deployed: Value) -> Value:
    """Compute the default score, :data:`FORMULA`."""
    reason = eligible(figures, deployed)
    if reason is not None:
        return reason
    if figures.sortino is not None:
        base = min(figures.sortino, CAP)
    elif (figures.total_return or 0.0) > 0.0:
        base = CAP
    else:
        return Undefined("neither gains nor losses")
    excess = max(0.0, abs(figures.max_drawdown or 0.0) - FREE_DRAWDOWN)
    return base * figures.days / (figures.days + PRIOR_DAYS) - PENALTY * excess


_Key = Callable[[TraderState, str], float | None]


def _figure(name: str) -> _Key:
    def key(state: TraderState, window: str) -> float | None:
        figures = state.figures.get(window)
        value: float | None = getattr(figures, name) if figures else None
        return value

    return key


SORTS: dict[str, _Key] = {
    "score": lambda state, _: state.score,
    "return": _figure("total_return"),
    "drawdown": _figure("max_drawdown"),
    "sharpe": _figure("sharpe"),
    "sortino": _figure("sortino"),
    "win rate": _figure("win_rate"),
    "trades": lambda state, _: float(state.trades),
}
"""Name of a sort → its value; the highest comes first (a drawdown is negative, so the shallowest does)."""


def rank(states: Iterable[TraderState], sort: str = "score", window: str = "ALL") -> list[TraderState]:
    """Order traders: live records before paper, paper before self-reported; in each list the best first, then by name.

    Args:
        states: in any order.
        sort: one of :data:`SORTS`; a trader without that figure stands at the end of its list.
        window: whose figures count.

    Raises:
        ValueError: when there is no such sort.
    """
    if sort not in SORTS:
        raise ValueError(f"sort was {sort!r}, expected one of {', '.join(SORTS)}")
    value = SORTS[sort]

    def key(state: TraderState) -> tuple[int, bool, float, str]:
        number = value(state, window)
        place = BADGES.index(state.badge) if state.badge in BADGES else len(BADGES)
        return place, number is None, -(number or 0.0), state.name

    return sorted(states, key=key)
