"""What an upstream connection is subscribed to, for whom, and what is on its way. Pure: requests out, answers in.

Clients hold pairs (channel, symbol) by count: the first holder subscribes upstream, the last one's release unsubscribes after a
while (architecture §5, interest). A refusal goes to the change that caused it and to nobody else (protocol §7 no. 10).
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from plugtui.wire.marketdata import Pair, subscription_requests

Request = dict[str, Any]
SYMBOL_LIMIT = 405
REFUSED = -(2**63)
"""Time of release of what the server refused: it does not stay subscribed."""


@dataclass(eq=False)
class Change:
    """A client's wish for more pairs; ``done`` is called once, with 0 or the code of the refusal."""

    pairs: frozenset[Pair]
    done: Callable[[int], None]
    waiting_for: set["_Sent"] = field(default_factory=set)
    code: int = 0
    settled: bool = False


@dataclass(eq=False)
class _Sent:
    """A request on its way; the server answers each once, in order (protocol §1.6)."""

    action: str
    pairs: frozenset[Pair]
    retried: bool = False


class SubscriptionBook:
    """The interest in one endpoint.

    Args:
        refused: told of pairs that the server refuses although clients hold them (after a reconnect), with the code.
    """

    def __init__(self, refused: Callable[[frozenset[Pair], int], None]) -> None:
        self._refused = refused
        self._held: Counter[Pair] = Counter()
        self._lingering: dict[Pair, int] = {}
        self._confirmed: set[Pair] = set()
        self._sent: deque[_Sent] = deque()
        self._in_flight: dict[Pair, _Sent] = {}
        self._changes: dict[Change, None] = {}
        self._connected = False

    @property
    def wanted(self) -> frozenset[Pair]:
        """Everything that should be subscribed: held by clients, or released a short while ago."""
        return frozenset(self._held) | frozenset(self._lingering)

    @property
    def held(self) -> bool:
        """Some client holds something."""
        return bool(self._held)

    @property
    def confirmed(self) -> frozenset[Pair]:
        """What the server has acknowledged on the current connection."""
        return frozenset(self._confirmed)

    # ---------------------------------------------------------------- clients

    def hold(self, pairs: frozenset[Pair], done: Callable[[int], None]) -> tuple[Change, list[Request]]:
        """Hold pairs for a client; ``done`` is called as soon as all of them are subscribed or one was refused.

        Returns:
            the change, to give up waiting for it, and the requests to send now.
        """
        for pair in pairs:
            self._held[pair] += 1
            self._lingering.pop(pair, None)
        change = Change(pairs, done)
        if not self._connected:
            self._changes[change] = None
            return change, []
        requests = self._subscribe(pairs - self._confirmed - self._in_flight.keys())
        change.waiting_for = {self._in_flight[pair] for pair in pairs if pair in self._in_flight}
        self._changes[change] = None
        self._settle_if_answered(change)
        return change, requests

    def release(self, pairs: Iterable[Pair], now_ns: int) -> None:
        """Give pairs back; the last holder's stay subscribed until :meth:`expire`."""
        for pair in pairs:
            self._held[pair] -= 1
            if self._held[pair] <= 0:
                del self._held[pair]
                self._lingering[pair] = now_ns

    def give_up_waiting(self, change: Change) -> None:
        """Tell a client yes although the server has not answered: the pairs are subscribed as soon as it does."""
        self._settle(change)

    def fail_waiting(self, code: int) -> None:
        """Refuse every change that waits: the server will not let us in."""
        for change in list(self._changes):
            change.code = code
            self._settle(change)

    def expire(self, released_before_ns: int) -> list[Request]:
        """Return the requests that unsubscribe what nobody has held since ``released_before_ns``."""
        old = {pair for pair, released in self._lingering.items() if released <= released_before_ns}
        for pair in old:
            del self._lingering[pair]
        return self._unsubscribe(old & self._confirmed) if self._connected else []

    # ---------------------------------------------------------------- server

    def connected(self) -> list[Request]:
        """Return the requests that subscribe everything wanted on a new, authenticated connection."""
        self._connected = True
        requests = self._subscribe(self.wanted)
        for change in list(self._changes):
            change.waiting_for = {self._in_flight[pair] for pair in change.pairs if pair in self._in_flight}
            self._settle_if_answered(change)
        return requests

    def lost(self) -> None:
        """Note that the connection is gone. Changes that wait go on waiting: the next connection answers them."""
        self._connected = False
        self._confirmed.clear()
        self._sent.clear()
        self._in_flight.clear()
        for change in self._changes:
            change.waiting_for.clear()

    def answered(self, code: int = 0) -> list[Request]:
        """Take the server's answer to the oldest request: 0 for an acknowledgement, else the error's code.

        Returns:
            the requests to send now. An answer that nothing was asked for is ignored.
        """
        if not self._sent:
            return []
        sent = self._sent.popleft()
        if sent.action == "unsubscribe":
            return self._resubscribe_if_held(sent.pairs)
        for pair in sent.pairs:
            self._in_flight.pop(pair, None)
        if code == 0:
            self._confirmed |= sent.pairs
            requests = self._unsubscribe(sent.pairs - self.wanted)
        else:
            requests = self._take_refusal(sent, code)
        self._tell(sent)
        return requests

    @property
    def idle(self) -> bool:
        """Nothing is on its way."""
        return not self._sent

    def _take_refusal(self, sent: _Sent, code: int) -> list[Request]:
        if code == SYMBOL_LIMIT and self._lingering and not sent.retried:
            # What nobody holds any more takes up places under the plan's limit: give those back first.
            freed, self._lingering = set(self._lingering), {}
            return self._unsubscribe(freed & self._confirmed) + self._again(sent, sent.pairs)
        causes = [change for change in self._changes if sent in change.waiting_for]
        if not causes and len(sent.pairs) > 1:
            # After a reconnect one bad pair must not cost the others: ask for each half.
            ordered = sorted(sent.pairs)
            middle = len(ordered) // 2
            return self._again(sent, ordered[:middle]) + self._again(sent, ordered[middle:])
        for change in causes:
            change.code = code
        if not causes:
            self._refused(sent.pairs, code)
        return []

    def _again(self, sent: _Sent, pairs: Iterable[Pair]) -> list[Request]:
        requests = self._subscribe(frozenset(pairs), retried=True)
        for change in self._changes:
            if sent in change.waiting_for:
                change.waiting_for |= {self._in_flight[pair] for pair in change.pairs if pair in self._in_flight}
        return requests

    def _resubscribe_if_held(self, pairs: frozenset[Pair]) -> list[Request]:
        """An unsubscription may cross a client's new wish: what is wanted again is subscribed again."""
        return self._subscribe((pairs & self.wanted) - self._confirmed - self._in_flight.keys())

    # ---------------------------------------------------------------- requests and changes

    def _subscribe(self, pairs: Iterable[Pair], retried: bool = False) -> list[Request]:
        requests = []
        for request, chunk in subscription_requests("subscribe", pairs):
            sent = _Sent("subscribe", chunk, retried)
            self._sent.append(sent)
            self._in_flight.update(dict.fromkeys(chunk, sent))
            requests.append(request)
        return requests

    def _unsubscribe(self, pairs: Iterable[Pair]) -> list[Request]:
        requests = []
        for request, chunk in subscription_requests("unsubscribe", pairs):
            self._sent.append(_Sent("unsubscribe", chunk))
            self._confirmed -= chunk
            requests.append(request)
        return requests

    def _tell(self, sent: _Sent) -> None:
        for change in list(self._changes):
            if sent in change.waiting_for:
                change.waiting_for.discard(sent)
                self._settle_if_answered(change)

    def _settle_if_answered(self, change: Change) -> None:
        if not change.waiting_for:
            self._settle(change)

    def _settle(self, change: Change) -> None:
        if not change.settled:
            change.settled = True
            self._changes.pop(change, None)
            change.done(change.code)
