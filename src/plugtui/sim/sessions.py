"""Who holds which stream: one session per endpoint and account, and the count that tests look at (protocol §1.8, §6)."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

SESSIONS_PER_ENDPOINT = 1


@dataclass(slots=True)
class EndpointCount:
    """Connections of one endpoint since the start."""

    total: int = 0
    """Connections that were upgraded."""
    open: int = 0
    most: int = 0
    """Most connections open at a time."""
    refused: int = 0
    """Logins answered with 406."""
    rejected: int = 0
    """Upgrades answered with 429."""


@dataclass(slots=True)
class _Slot:
    held: int = 0
    broken_at: list[float] = field(default_factory=list)
    """When sessions that still count ended without a close frame."""


class SessionRegistry:
    """Grant and free slots; a session that broke keeps its slot for a while."""

    def __init__(self) -> None:
        self.counts: dict[str, EndpointCount] = {}
        self._slots: dict[tuple[str, str], _Slot] = {}

    def count(self, path: str) -> EndpointCount:
        """Return the counters of an endpoint."""
        return self.counts.setdefault(path, EndpointCount())

    def opened(self, path: str) -> None:
        """Count a new connection."""
        count = self.count(path)
        count.total += 1
        count.open += 1
        count.most = max(count.most, count.open)

    def closed(self, path: str) -> None:
        """Count a connection that ended, or that nobody can reach any more."""
        self.count(path).open -= 1

    def claim(self, account: str, path: str, linger_s: float) -> bool:
        """Take the endpoint's slot for an account; False when it is held or a broken session lingers (406)."""
        slot = self._slots.setdefault((account, path), _Slot())
        now = asyncio.get_running_loop().time()
        slot.broken_at = [at for at in slot.broken_at if now < at + linger_s]
        if slot.held + len(slot.broken_at) >= SESSIONS_PER_ENDPOINT:
            self.count(path).refused += 1
            return False
        slot.held += 1
        return True

    def release(self, account: str, path: str, broken: bool) -> None:
        """Give the slot back: at once after a close frame, after the linger time when the session broke."""
        slot = self._slots[account, path]
        slot.held -= 1
        if broken:
            slot.broken_at.append(asyncio.get_running_loop().time())

    def report(self, linger_s: float) -> dict[str, dict[str, Any]]:
        """Return the counters and slots of every endpoint."""
        now = asyncio.get_running_loop().time()
        return {
            path: {
                "total": count.total,
                "open": count.open,
                "most_at_a_time": count.most,
                "refused_406": count.refused,
                "rejected_429": count.rejected,
                "accounts": {
                    account: {"held": slot.held, "lingering": sum(now < at + linger_s for at in slot.broken_at)}
                    for (account, slot_path), slot in self._slots.items()
                    if slot_path == path
                },
            }
            for path, count in sorted(self.counts.items())
        }
