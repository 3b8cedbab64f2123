"""The fault knobs that concern trading: REST and the account stream."""

from dataclasses import dataclass
from typing import Protocol


class TradingFaults(Protocol):
    """What the trading half reads, each time anew, from the mutable object of all faults."""

    rest_delay_s: float
    rest_status: int
    duplicate_events: float
    disorder_events: float
    account_mute: bool
    account_refuse: bool
    activity_ids: str
    account_sessions: int
    account_linger_s: float
    binary_frames: bool
    partial_fill_probability: float
    halted: str
    fill_latency_ms: tuple[float, float]

    @property
    def rest_limit(self) -> int:
        """Requests a minute and key before 429; 0: any number."""
        ...


@dataclass(slots=True)
class TradingKnobs:
    """Defaults of :class:`TradingFaults`: nothing is broken."""

    rest_delay_s: float = 0.0
    """Wait this long before each trading REST answer, real seconds."""
    rest_status: int = 0
    """Answer every trading REST request with this status; 0: work."""
    duplicate_events: float = 0.0
    """Probability that an account event is sent twice."""
    disorder_events: float = 0.0
    """Probability that an account event is sent after the next one."""
    account_mute: bool = False
    """Send no account events, and keep the socket open."""
    account_refuse: bool = False
    """Answer every upgrade of an account stream with HTTP 429."""
    activity_ids: str = "execution"
    """``execution``: the uuid in a fill's activity id is the execution id; ``opaque``: another one."""
    account_sessions: int = 1
    """Account streams per account before HTTP 429 (protocol §2.6); 0: any number."""
    account_linger_s: float = 0.0
    """How long a session that was cut keeps its slot, real seconds."""
    binary_frames: bool = True
    """Send JSON in binary frames, as the paper host does (protocol §2.1)."""
    partial_fill_probability: float = 0.0
    """Probability that an execution takes only a part of what it could."""
    halted: str = ""
    """Symbols, separated by commas, whose orders the exchange rejects when they reach it."""
    fill_latency_ms: tuple[float, float] = (2.0, 20.0)
    """From the order's acceptance to the exchange, simulated milliseconds, uniformly between the two."""
    rest_limit: int = 200
    """Requests a minute and key before 429; 0: any number."""
