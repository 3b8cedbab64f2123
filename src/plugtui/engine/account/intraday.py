"""Equity within the days of a short window: what the engine has read itself, and what the broker kept before it ran."""

from datetime import date, datetime
from decimal import Decimal

from plugtui.brokers.port import Broker
from plugtui.engine.account.readings import Reading
from plugtui.engine.account.watch import NEW_YORK, AccountWatch
from plugtui.performance.curve import Curve
from plugtui.performance.windows import window
from plugtui.tasks import Tasks

EVERY_S = 600.0
_TIMEFRAMES = {"1D": ("1D", "5Min"), "1W": ("1W", "15Min")}
_NEAR_NS = 600 * 10**9
"""A reading of ours within so long of one of the broker's stands for it: they are of different moments."""
_BUCKETS_NS = {"1D": 30 * 10**9, "1W": 600 * 10**9}

Samples = list[tuple[int, Decimal]]


class Intraday:
    """Samples for the windows 1D and 1W."""

    def __init__(self, watch: AccountWatch, broker: Broker, tasks: Tasks) -> None:
        self._watch = watch
        self._readings = {
            name: Reading(f"intraday {name}", lambda asked=asked: broker.portfolio_history(*asked), EVERY_S, tasks)  # type: ignore[misc]
            for name, asked in _TIMEFRAMES.items()
        }

    async def samples(self, name: str, curve: Curve) -> Samples:
        """Return (time_ns, equity) within a window's days, oldest first; none for windows of months. Raises StoreError."""
        reading = self._readings.get(name)
        cut = window(curve, name)
        if reading is None or not len(cut):
            return []
        since_ns = _midnight_ns(cut.days[min(1, len(cut) - 1)])
        own = await self._watch.samples(since_ns, _BUCKETS_NS[name])
        kept = [(point.time_ns, point.equity) for point in reading.want() or () if since_ns <= point.time_ns]
        return merged(own, kept)


def merged(own: Samples, kept: Samples) -> Samples:
    """Fill the times of which there are no readings of ours with the broker's."""
    found = list(own)
    at = 0
    for time_ns, equity in kept:
        while at < len(own) and own[at][0] < time_ns - _NEAR_NS:
            at += 1
        if at == len(own) and own and time_ns > own[-1][0]:
            break  # what we have read last is newer
        if equity > 0 and (at == len(own) or own[at][0] > time_ns + _NEAR_NS):
            found.append((time_ns, equity))
    return sorted(found)


def _midnight_ns(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=NEW_YORK).timestamp()) * 10**9
