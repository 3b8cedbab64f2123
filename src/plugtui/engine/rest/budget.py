"""One budget of REST requests for all algorithms, under the plan's limit of requests a minute (row A4).

A token bucket holds 30 % of the limit and refills 70 % of it a minute, so no minute ever sees more than the limit, and
what one algorithm uses up comes back within seconds. Inside it every active algorithm earns credit at an equal rate, and
may use what is left over beyond the credit of the others: one that asks too much is refused while the others keep their
share. The last fifth of the bucket is for orders and cancels. When one of Alpaca's hosts refuses (429), requests to that
host wait until it says, and the other host is still asked.
"""

from collections.abc import Callable, Mapping

TRADING = "trading"
ACTIVE_S = 60.0
"""An algorithm that asked nothing for so long has no share."""
_BURST = 0.3
_RESERVE = 0.2
_SHARED_REFILL = 0.9
"""Of the refill goes to the shares, the rest fills the reserve."""
_MAX_PAUSE_S = 60.0


class Share:
    """One algorithm's part of the budget."""

    __slots__ = ("asked_s", "credit", "granted", "refused")

    def __init__(self, now_s: float, credit: float) -> None:
        self.asked_s = now_s
        self.credit = credit
        self.granted = 0
        self.refused = 0


class Budget:
    """Decide whether a request may be sent now.

    Args:
        per_minute: the plan's limit.
        clock: seconds that only grow.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._burst = max(1.0, per_minute * _BURST)
        self._reserve = self._burst * _RESERVE
        self._refill = per_minute * (1 - _BURST) / 60
        self._tokens = self._burst
        self._filled_s = clock()
        self._paused_until_s: dict[str, float] = {}
        self._shares: dict[str, Share] = {}
        self.granted = 0
        self.refused = 0
        self.upstream_refusals = 0
        """Answers with 429 from the broker."""

    def ask(self, algo: str, urgent: bool = False, host: str = TRADING) -> float:
        """Ask for one request of ``algo``; return 0.0 when granted, else after how many seconds to ask again.

        Args:
            algo: who asks.
            urgent: an order or a cancel.
            host: ``trading`` or ``data``.
        """
        now_s = self._clock()
        share = self._share(algo, now_s)
        paused_s = self._paused_until_s.get(host, 0.0) - now_s
        wait_s = paused_s if paused_s > 0 else self._wait(share, urgent, now_s)
        if wait_s > 0:
            share.refused += 1
            self.refused += 1
            return wait_s
        share.credit = max(0.0, share.credit - 1)
        self._tokens -= 1
        share.granted += 1
        self.granted += 1
        return 0.0

    def spend(self) -> None:
        """Count a request that the engine makes itself; it is never refused."""
        self._fill(self._clock())
        self._tokens = max(0.0, self._tokens - 1)
        self.granted += 1
        self._cap_credits()

    def answered(self, host: str, status: int, headers: Mapping[str, str], epoch_s: float) -> None:
        """Learn from an answer: other programs may use the same keys (protocol §3.1).

        Args:
            host: ``trading`` or ``data``; each counts by itself.
            status: HTTP status; 429 stops requests to this host until its own deadline, a minute at most.
            headers: rate-limit headers of the answer, names in any case.
            epoch_s: now, for ``X-RateLimit-Reset``.
        """
        now_s = self._clock()
        self._fill(now_s)
        remaining = _number(headers.get("X-RateLimit-Remaining"))
        if host == TRADING and remaining is not None and remaining < self._tokens:
            self._tokens = max(0.0, remaining)
            self._cap_credits()
        if status == 429:
            self.upstream_refusals += 1
            pause_s = _number(headers.get("Retry-After"))
            if pause_s is None:
                reset_s = _number(headers.get("X-RateLimit-Reset"))
                pause_s = reset_s - epoch_s if reset_s is not None else 1.0
            self._paused_until_s[host] = now_s + min(max(pause_s, 1.0), _MAX_PAUSE_S)

    def shares(self) -> dict[str, tuple[int, int]]:
        """Return requests granted and refused by algorithm."""
        return {name: (share.granted, share.refused) for name, share in self._shares.items()}

    @property
    def available(self) -> float:
        """Requests that could be sent at once."""
        self._fill(self._clock())
        return self._tokens

    def _wait(self, share: Share, urgent: bool, now_s: float) -> float:
        others = sum(other.credit for other in self._shares.values()) - share.credit
        left_over = self._tokens - others - (0.0 if urgent else self._reserve)
        if self._tokens >= 1 and (share.credit >= 1 or left_over >= 1):
            return 0.0
        rate = self._refill * _SHARED_REFILL / max(1, self._active(now_s))
        return max(0.05, (1 - share.credit) / rate)

    def _share(self, algo: str, now_s: float) -> Share:
        self._fill(now_s)
        share = self._shares.get(algo)
        if share is None:
            share = self._shares[algo] = Share(now_s, 0.0)
        was_idle = now_s - share.asked_s > ACTIVE_S or not (share.granted or share.refused)
        share.asked_s = now_s
        if was_idle:
            others = sum(other.credit for other in self._shares.values()) - share.credit
            # a newcomer's first request may come out of the reserve: it cannot have asked too much yet
            free = max(self._tokens - self._reserve - others, min(1.0, self._tokens - others), 0.0)
            share.credit = min(self._cap(now_s), free)
            self._cap_credits()
        return share

    def _active(self, now_s: float) -> int:
        return sum(now_s - share.asked_s <= ACTIVE_S for share in self._shares.values())

    def _cap(self, now_s: float) -> float:
        return (self._burst - self._reserve) / max(1, self._active(now_s))

    def _fill(self, now_s: float) -> None:
        elapsed = max(0.0, now_s - self._filled_s)
        self._filled_s = now_s
        self._tokens = min(self._burst, self._tokens + elapsed * self._refill)
        active = self._active(now_s)
        earned = elapsed * self._refill * _SHARED_REFILL / max(1, active)
        cap = self._cap(now_s)
        for share in self._shares.values():
            idle = now_s - share.asked_s > ACTIVE_S
            share.credit = 0.0 if idle else min(cap, share.credit + earned)
        self._cap_credits()

    def _cap_credits(self) -> None:
        """Keep the sum of all credits within the tokens that there are."""
        total = sum(share.credit for share in self._shares.values())
        if total > self._tokens:
            for share in self._shares.values():
                share.credit *= self._tokens / total


def _number(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        return None
