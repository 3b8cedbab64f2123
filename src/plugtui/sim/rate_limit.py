"""Requests a minute and key, as the trading API counts them (protocol §3.1)."""

from collections.abc import Callable

MINUTE_NS = 60_000_000_000


class RateLimiter:
    """Count requests per key in windows of one minute.

    Args:
        limit: asked at each request, since it is a knob; 0: any number.
    """

    def __init__(self, limit: Callable[[], int]) -> None:
        self._limit = limit
        self._windows: dict[str, tuple[int, int]] = {}

    def count(self, key: str, now_ns: int) -> tuple[bool, dict[str, str]]:
        """Count one request; return whether it is within the limit, and the headers that say so."""
        window = now_ns // MINUTE_NS
        started, used = self._windows.get(key, (window, 0))
        used = used + 1 if started == window else 1
        self._windows[key] = (window, used)
        limit = self._limit()
        if not limit:
            return True, {}
        headers = {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(0, limit - used)),
            "X-RateLimit-Reset": str((window + 1) * 60),
        }
        return used <= limit, headers
