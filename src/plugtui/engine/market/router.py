"""Which client gets which message of one upstream endpoint. Pure: bytes in, bytes out, no clock and no socket.

Routing is a table from (type, symbol) to the ``append`` methods of the groups that want it, filled on first use and emptied
when an interest changes: the hot path looks up and appends, it never searches (architecture §2).
"""

from collections.abc import Callable, Iterable
from functools import partial

import msgspec

from plugtui.engine.market.books import Books
from plugtui.engine.market.outbox import Group, Outbox, Outlet, Slice
from plugtui.errors import WireError
from plugtui.wire.channels import ANY, CONFLATABLE, NEWS, ORDERBOOKS, TRADES, Family, channel_of
from plugtui.wire.codec import UNREADABLE, Codec, split, transcode
from plugtui.wire.marketdata import CONTROL_TYPES, Pair

Put = Callable[[Slice], object]

_TIMED = frozenset({"t", "q"})
"""Types whose ``t`` is the time of the event; a bar's is the start of its minute."""


class _Head(msgspec.Struct):
    """All that routing reads of a message."""

    T: str
    S: str = ""


class _NewsHead(msgspec.Struct):
    symbols: list[str] = []


class _Route:
    """Where one (type, symbol) goes: as it is, and rewritten in the other codec."""

    __slots__ = ("other", "same")

    def __init__(self, same: tuple[Put, ...], other: tuple[Put, ...]) -> None:
        self.same = same
        self.other = other


class _Member:
    """One client of the router."""

    __slots__ = ("codec", "group", "outbox", "outlet", "pairs")

    def __init__(self, outlet: Outlet, codec: Codec) -> None:
        self.outlet = outlet
        self.codec = codec
        self.pairs: frozenset[Pair] = frozenset()
        self.group: Group | None = None
        self.outbox: Outbox | None = None


_GroupKey = tuple[Codec, frozenset[Pair]]


class Router:
    """Route the messages of one endpoint.

    Args:
        family: the endpoint's family.
        codec: the upstream connection's codec.
    """

    def __init__(self, family: Family, codec: Codec) -> None:
        self.family = family
        self.codec = codec
        self.books = Books(codec)
        self.newest: msgspec.Raw | None = None
        """The last trade or quote that came in: what the stream's lag is read from."""
        self.unreadable = 0
        """Messages that could not be read, and were left out, since the start."""
        self._members: dict[Outlet, _Member] = {}
        self._groups: dict[_GroupKey, Group] = {}
        self._slow: dict[Outlet, _Member] = {}
        self._routes: dict[tuple[str, str], _Route] = {}
        coding = msgspec.msgpack if codec is Codec.MSGPACK else msgspec.json
        self._head = coding.Decoder(_Head).decode
        self._news_head = coding.Decoder(_NewsHead).decode

    # ---------------------------------------------------------------- interest

    def set_interest(self, outlet: Outlet, codec: Codec, pairs: Iterable[Pair]) -> None:
        """Give a client exactly this interest from the next message on; what is due to it is written first."""
        member = self._members.get(outlet)
        if member is None:
            member = self._members[outlet] = _Member(outlet, codec)
        self.flush()
        self._leave_group(member)
        member.pairs = frozenset(pairs)
        if member.outbox is None:
            self._join_group(member)
        self._routes.clear()

    def leave(self, outlet: Outlet) -> None:
        """Forget a client; what is due to it in this turn is not written any more."""
        member = self._members.pop(outlet, None)
        if member is not None:
            self._slow.pop(outlet, None)
            self._leave_group(member)
            self._routes.clear()

    def interest(self, outlet: Outlet) -> frozenset[Pair]:
        """Return what a client is subscribed to."""
        member = self._members.get(outlet)
        return member.pairs if member else frozenset()

    def book_snapshots(self, pairs: Iterable[Pair], codec: Codec) -> list[bytes]:
        """Return the whole books that a client needs who has just been given these pairs."""
        wanted = {symbol for channel, symbol in pairs if channel == ORDERBOOKS}
        symbols = self.books.symbols() if ANY in wanted else sorted(wanted)
        return [book for symbol in symbols if (book := self._book(symbol, codec)) is not None]

    def reset(self) -> None:
        """Forget what is only true of one upstream connection: it was lost."""
        self.books.clear()

    # ---------------------------------------------------------------- hot path

    def feed(self, data: bytes | str) -> tuple[int, list[msgspec.Raw]]:
        """Route one upstream message. What cannot be read in it is left out and counted; its neighbours go their way.

        Returns:
            the number of data messages, and the control messages, which are the caller's. Raises WireError.
        """
        raws = split(self.codec, data)
        head, routes = self._head, self._routes
        controls: list[msgspec.Raw] = []
        for raw in raws:
            try:
                key = head(raw)
                route = routes.get((key.T, key.S))
                if route is None:
                    if key.T in CONTROL_TYPES:
                        controls.append(raw)
                        continue
                    route = self._find_route(key.T, key.S, raw)
                for put in route.same:
                    put(raw)
                if key.T in _TIMED:
                    self.newest = raw
                if route.other:
                    rewritten = transcode(raw, self.codec, Codec.JSON if self.codec is Codec.MSGPACK else Codec.MSGPACK)
                    for put in route.other:
                        put(rewritten)
            except (*UNREADABLE, WireError):
                self.unreadable += 1
        return len(raws) - len(controls), controls

    def flush(self) -> None:
        """Write what has come since the last flush: one frame a client."""
        congested = [outlet for group in self._groups.values() for outlet in group.flush()]
        for outlet in congested:
            self._make_slow(self._members[outlet])
        for member in list(self._slow.values()):
            outbox = member.outbox
            if outbox is not None and outbox.flush(partial(self._book, codec=member.codec)):
                self._make_normal(member)

    # ---------------------------------------------------------------- routes

    def _find_route(self, kind: str, symbol: str, raw: msgspec.Raw) -> _Route:
        if self.family is Family.NEWS and kind == "n":
            return self._route(NEWS, {*self._news_head(raw).symbols, ANY})
        channel = channel_of(self.family, kind)
        route = self._route(channel, {symbol, ANY})
        self._routes[kind, symbol] = route
        return route

    def _route(self, channel: str | None, symbols: set[str]) -> _Route:
        """Collect who wants a channel's message about any of ``symbols``; an unknown one goes to all who want the symbol."""
        same: list[Put] = [self.books.apply] if channel == ORDERBOOKS else []
        other: list[Put] = []
        wanted = TRADES if channel in self.family.automatic else channel

        def concerned(pairs: frozenset[Pair]) -> bool:
            if wanted is None:
                return any(symbol in symbols for _, symbol in pairs)
            return any((wanted, symbol) in pairs for symbol in symbols)

        for (codec, pairs), group in self._groups.items():
            if concerned(pairs):
                (same if codec is self.codec else other).append(group.slices.append)
        for member in self._slow.values():
            if member.outbox is not None and concerned(member.pairs):
                put: Put = member.outbox.slices.append
                if channel in CONFLATABLE:
                    put = partial(member.outbox.conflate, (channel, min(symbols - {ANY}, default=ANY)))
                (same if member.codec is self.codec else other).append(put)
        return _Route(tuple(same), tuple(other))

    def _book(self, symbol: str, codec: Codec) -> bytes | None:
        book = self.books.snapshot(symbol)
        return None if book is None else transcode(book, self.codec, codec)

    # ---------------------------------------------------------------- membership

    def _join_group(self, member: _Member) -> None:
        key = (member.codec, member.pairs)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(member.codec)
        group.members.append(member.outlet)
        member.group = group

    def _leave_group(self, member: _Member) -> None:
        group, member.group = member.group, None
        if group is None:
            return
        group.members.remove(member.outlet)
        if not group.members:
            del self._groups[member.codec, member.pairs]

    def _make_slow(self, member: _Member) -> None:
        self._leave_group(member)
        member.outbox = Outbox(member.outlet, member.codec)
        self._slow[member.outlet] = member
        self._routes.clear()

    def _make_normal(self, member: _Member) -> None:
        del self._slow[member.outlet]
        member.outbox = None
        self._join_group(member)
        self._routes.clear()
