"""What a stream is doing and why, in numbers and words: the state that the status bar shows (rows U2, G12)."""

from collections import deque
from statistics import median

from plugtui.control.messages import StreamState

SECOND_NS = 1_000_000_000
_SAMPLE_EVERY_NS = 20_000_000


class StreamHealth:
    """Collect what happens on one upstream connection.

    Args:
        name: ``data iex``, ``account``.
        endpoint: upstream path.
    """

    def __init__(self, name: str, endpoint: str, now_ns: int) -> None:
        self.name = name
        self.endpoint = endpoint
        self.state = "idle"
        self.detail = ""
        self.since_ns = now_ns
        self.retry_at_ns: int | None = None
        self.reconnects = 0
        self.messages = 0
        self.subscriptions = 0
        self.last_message_ns: int | None = None
        self._lags: deque[tuple[int, float]] = deque(maxlen=50)
        self._counts: deque[tuple[int, int]] = deque(maxlen=64)

    def become(self, state: str, now_ns: int, detail: str = "", retry_at_ns: int | None = None) -> bool:
        """Enter a state; True when it is another one, or has another reason, than before."""
        changed = (state, detail) != (self.state, self.detail)
        if state != self.state:
            self.since_ns = now_ns
        self.state, self.detail, self.retry_at_ns = state, detail, retry_at_ns
        return changed

    def saw(self, now_ns: int, count: int) -> None:
        """Note ``count`` data messages."""
        if not self._counts or now_ns - self._counts[-1][0] >= _SAMPLE_EVERY_NS:
            self._counts.append((now_ns, self.messages))
        self.messages += count
        self.last_message_ns = now_ns

    def wants_lag(self, now_ns: int) -> bool:
        """Tell whether it is time for another sample of the lag."""
        return not self._lags or now_ns - self._lags[-1][0] >= _SAMPLE_EVERY_NS

    def saw_event(self, now_ns: int, event_ns: int) -> None:
        """Note that an event of ``event_ns`` has arrived now."""
        self._lags.append((now_ns, (now_ns - event_ns) / 1e6))

    def snapshot(self, now_ns: int) -> StreamState:
        """Return the state as the control link carries it."""
        recent = [lag for at, lag in self._lags if now_ns - at <= SECOND_NS]
        return StreamState(
            name=self.name,
            endpoint=self.endpoint,
            state=self.state,
            since_ns=self.since_ns,
            detail=self.detail,
            retry_at_ns=self.retry_at_ns,
            lag_ms=round(median(recent), 3) if recent else None,
            last_message_ns=self.last_message_ns,
            messages=self.messages,
            rate=self._rate(now_ns),
            reconnects=self.reconnects,
            subscriptions=self.subscriptions,
        )

    def _rate(self, now_ns: int) -> float:
        """Return the messages of the last second."""
        before = next((count for at, count in self._counts if now_ns - at <= SECOND_NS), self.messages)
        return float(self.messages - before)
