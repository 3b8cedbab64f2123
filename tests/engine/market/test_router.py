"""Which client gets which message: bytes in, bytes out."""

import contextlib
from typing import Any

import msgpack
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugtui.engine.market.router import Router
from plugtui.errors import WireError
from plugtui.wire.channels import Family
from plugtui.wire.codec import Codec, encode, frame
from plugtui.wire.marketdata import CONNECTED, Subscriptions, control

T0 = 1_700_000_000_000_000_001


class Reader:
    """A client's socket that keeps what it was given; ``slow`` makes it report a full buffer."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.messages = 0
        self.conflated = 0
        self.slow = False

    def write(self, frames: bytes, messages: int) -> bool:
        self.frames.append(frames)
        self.messages += messages
        return self.slow

    def drained(self) -> bool:
        return not self.slow

    def take(self) -> list[dict[str, Any]]:
        """Decode, as an SDK would, every message that came since the last call."""
        out = []
        for frames in self.frames:
            while frames:
                size, start = frames[1], 2
                if size >= 126:
                    width = 2 if size == 126 else 8
                    size, start = int.from_bytes(frames[2 : 2 + width], "big"), 2 + width
                payload, binary = frames[start : start + size], frames[0] == 0x82
                frames = frames[start + size :]
                out += msgpack.unpackb(payload) if binary else msgspec.json.decode(payload)
        self.frames.clear()
        return out


def trade(symbol: str, n: int = 1, kind: str = "t") -> dict[str, Any]:
    return {"T": kind, "S": symbol, "i": n, "p": 1.5, "t": msgspec.msgpack.Ext(-1, b"\x65\x53\xf1\x00")}


def book(symbol: str, bids: dict[float, float], asks: dict[float, float], whole: bool = False) -> dict[str, Any]:
    sides = {"b": [{"p": p, "s": s} for p, s in bids.items()], "a": [{"p": p, "s": s} for p, s in asks.items()]}
    head = {"T": "o", "S": symbol, "t": msgspec.msgpack.Ext(-1, b"\x65\x53\xf1\x00")}
    return head | sides | ({"r": True} if whole else {})


def feed(router: Router, *messages: dict[str, Any]) -> None:
    router.feed(encode(router.codec, list(messages)))


def test_a_client_gets_what_it_asked_for_and_nothing_else() -> None:
    router, reader = Router(Family.STOCK, Codec.MSGPACK), Reader()
    router.set_interest(reader, Codec.MSGPACK, [("trades", "AAPL"), ("bars", "*")])
    feed(
        router, trade("AAPL"), trade("MSFT"), trade("MSFT", kind="b"), trade("AAPL", kind="q"), trade("AAPL", kind="c")
    )
    router.flush()
    assert [(m["T"], m["S"]) for m in reader.take()] == [("t", "AAPL"), ("b", "MSFT"), ("c", "AAPL")]


def test_a_message_that_matches_a_symbol_and_the_wildcard_comes_once() -> None:
    router, reader = Router(Family.STOCK, Codec.MSGPACK), Reader()
    router.set_interest(reader, Codec.MSGPACK, [("trades", "AAPL"), ("trades", "*")])
    feed(router, trade("AAPL"))
    router.flush()
    assert len(reader.take()) == 1


def test_what_one_turn_brings_is_one_frame() -> None:
    router, reader = Router(Family.STOCK, Codec.MSGPACK), Reader()
    router.set_interest(reader, Codec.MSGPACK, [("trades", "*")])
    for n in range(3):
        feed(router, trade("AAPL", n))
    router.flush()
    assert len(reader.frames) == 1 and reader.messages == 3


def test_clients_with_the_same_interest_get_the_same_bytes() -> None:
    router, readers = Router(Family.STOCK, Codec.MSGPACK), [Reader(), Reader()]
    for reader in readers:
        router.set_interest(reader, Codec.MSGPACK, [("trades", "AAPL")])
    feed(router, trade("AAPL"))
    router.flush()
    assert readers[0].frames[0] is readers[1].frames[0]


def test_both_codecs_are_served_at_once_with_exact_values() -> None:
    router, packed, text = Router(Family.STOCK, Codec.MSGPACK), Reader(), Reader()
    router.set_interest(packed, Codec.MSGPACK, [("trades", "AAPL")])
    router.set_interest(text, Codec.JSON, [("trades", "AAPL")])
    feed(router, trade("AAPL", 2**63 + 1))
    router.flush()
    [one], [other] = packed.take(), text.take()
    assert one["i"] == other["i"] == 2**63 + 1
    assert other["t"] == "2023-11-14T22:13:20Z" and one["t"].seconds == 1_700_000_000


def test_an_unknown_type_goes_to_whoever_wants_the_symbol() -> None:
    router, interested, other = Router(Family.STOCK, Codec.MSGPACK), Reader(), Reader()
    router.set_interest(interested, Codec.MSGPACK, [("quotes", "AAPL")])
    router.set_interest(other, Codec.MSGPACK, [("quotes", "MSFT")])
    feed(router, trade("AAPL", kind="future"))
    router.flush()
    assert len(interested.take()) == 1 and not other.take()


def test_control_messages_are_not_routed() -> None:
    router, reader = Router(Family.STOCK, Codec.MSGPACK), Reader()
    router.set_interest(reader, Codec.MSGPACK, [("trades", "*")])
    count, controls = router.feed(control(Codec.MSGPACK, CONNECTED))
    router.flush()
    assert (count, len(controls)) == (0, 1) and not reader.take()


def test_an_element_without_a_type_costs_only_itself() -> None:
    router, reader = Router(Family.STOCK, Codec.MSGPACK), Reader()
    router.set_interest(reader, Codec.MSGPACK, [("trades", "*")])
    router.feed(msgspec.msgpack.encode([7, {"S": "AAPL"}, {"T": "t", "S": "AAPL"}]))
    router.flush()
    assert [m["T"] for m in reader.take()] == ["t"]


def test_a_frame_stays_below_what_the_sdks_accept() -> None:
    router, reader = Router(Family.STOCK, Codec.MSGPACK), Reader()
    router.set_interest(reader, Codec.MSGPACK, [("trades", "*")])
    feed(router, *(trade("AAPL", n) | {"pad": "x" * 1000} for n in range(2_000)))
    router.flush()
    [frames] = reader.frames
    assert len(frames) > 1_000_000 and frames[2:10] != len(frames).to_bytes(8, "big")
    assert [m["i"] for m in reader.take()] == list(range(2_000))


def test_a_slow_client_keeps_trades_and_only_the_newest_quote() -> None:
    router, slow, fast = Router(Family.STOCK, Codec.MSGPACK), Reader(), Reader()
    pairs = [("trades", "*"), ("quotes", "*")]
    for reader in (slow, fast):
        router.set_interest(reader, Codec.MSGPACK, pairs)
    slow.slow = True
    feed(router, trade("AAPL", 0))
    router.flush()
    for n in range(1, 6):
        feed(router, trade("AAPL", n), trade("AAPL", n, "q"), trade("MSFT", n, "q"))
        router.flush()
    assert [m["T"] for m in slow.take()] == ["t"] * 6
    slow.slow = False
    router.flush()
    assert sorted((m["S"], m["i"]) for m in slow.take()) == [("AAPL", 5), ("MSFT", 5)]
    assert slow.conflated == 8 and fast.conflated == 0 and len(fast.take()) == 16
    feed(router, trade("AAPL", 9, "q"))
    router.flush()
    assert [m["i"] for m in slow.take()] == [9]


def test_a_slow_client_gets_the_whole_book_instead_of_the_deltas_it_missed() -> None:
    router, slow = Router(Family.CRYPTO, Codec.MSGPACK), Reader()
    router.set_interest(slow, Codec.MSGPACK, [("orderbooks", "BTC/USD")])
    slow.slow = True
    feed(router, book("BTC/USD", {10.0: 1.0, 9.0: 2.0}, {11.0: 1.0}, whole=True))
    router.flush()
    slow.take()
    feed(router, book("BTC/USD", {10.0: 0.0}, {}), book("BTC/USD", {9.5: 3.0}, {11.0: 4.0}))
    router.flush()
    assert not slow.take()
    slow.slow = False
    router.flush()
    [message] = slow.take()
    assert message["r"] is True
    assert message["b"] == [{"p": 9.5, "s": 3.0}, {"p": 9.0, "s": 2.0}] and message["a"] == [{"p": 11.0, "s": 4.0}]


def test_who_joins_an_order_book_late_starts_from_the_whole_book() -> None:
    router, first = Router(Family.CRYPTO, Codec.MSGPACK), Reader()
    router.set_interest(first, Codec.MSGPACK, [("orderbooks", "BTC/USD")])
    feed(router, book("BTC/USD", {10.0: 1.0}, {11.0: 1.0}, whole=True), book("BTC/USD", {10.0: 0.5}, {}))
    [late] = router.book_snapshots([("orderbooks", "*")], Codec.JSON)
    assert msgspec.json.decode(late) == {
        "T": "o", "S": "BTC/USD", "t": "2023-11-14T22:13:20Z",
        "b": [{"p": 10.0, "s": 0.5}], "a": [{"p": 11.0, "s": 1.0}], "r": True,
    }  # fmt: skip
    router.reset()
    assert router.book_snapshots([("orderbooks", "*")], Codec.JSON) == []


def test_news_goes_to_whoever_asked_for_one_of_its_symbols_or_for_all() -> None:
    router, reader, everything, other = Router(Family.NEWS, Codec.JSON), Reader(), Reader(), Reader()
    router.set_interest(reader, Codec.JSON, [("news", "AAPL"), ("news", "MSFT")])
    router.set_interest(everything, Codec.JSON, [("news", "*")])
    router.set_interest(other, Codec.JSON, [("news", "TSLA")])
    feed(router, {"T": "n", "id": 1, "symbols": ["AAPL", "MSFT"]}, {"T": "n", "id": 2, "symbols": []})
    router.flush()
    assert [m["id"] for m in reader.take()] == [1]
    assert [m["id"] for m in everything.take()] == [1, 2] and not other.take()


SYMBOLS, KINDS = st.sampled_from(["A", "B", "C", "*"]), {"t": "trades", "q": "quotes", "b": "bars", "c": "corrections"}
PAIRS = st.frozensets(st.tuples(st.sampled_from(["trades", "quotes", "bars"]), SYMBOLS), max_size=6)
ACTIONS = st.one_of(
    st.tuples(st.just("interest"), st.integers(0, 3), PAIRS),
    st.tuples(st.just("leave"), st.integers(0, 3)),
    st.tuples(st.just("flush")),
    st.tuples(st.just("data"), st.sampled_from(list(KINDS)), st.sampled_from(["A", "B", "C", "D"])),
)


@settings(max_examples=150)
@given(st.lists(ACTIONS, max_size=40), st.sampled_from(list(Codec)))
def test_whatever_happens_in_whatever_order_each_client_gets_exactly_its_own(actions: list[Any], codec: Codec) -> None:
    router = Router(Family.STOCK, codec)
    readers, expected = [Reader() for _ in range(4)], [[] for _ in range(4)]  # type: ignore[var-annotated]
    held: dict[int, Subscriptions] = {}
    for n, action in enumerate(actions):
        match action:
            case ("interest", index, pairs):
                held[index] = Subscriptions(Family.STOCK)
                held[index].add(pairs)
                router.set_interest(readers[index], Codec.JSON if index % 2 else Codec.MSGPACK, pairs)
            case ("leave", index) if index in held:
                router.flush()
                router.leave(readers[index])
                del held[index]
            case ("flush",):
                router.flush()
            case ("data", kind, symbol):
                feed(router, {"T": kind, "S": symbol, "i": n})
                for index, wanted in held.items():
                    if wanted.wants(KINDS[kind], symbol):
                        expected[index].append(n)
    router.flush()
    assert [[m["i"] for m in reader.take()] for reader in readers] == expected


@pytest.mark.parametrize("codec", list(Codec))
def test_the_newest_trade_or_quote_is_kept_for_the_lag(codec: Codec) -> None:
    router = Router(Family.STOCK, codec)
    feed(router, {"T": "q", "S": "A"}, {"T": "b", "S": "A"})
    assert router.newest is not None and b"q" in bytes(router.newest)


@given(
    family=st.sampled_from([Family.STOCK, Family.CRYPTO, Family.NEWS]),
    codec=st.sampled_from(list(Codec)),
    fields=st.dictionaries(
        st.sampled_from(["S", "t", "symbols", "b", "a", "r", "code", "msg"]),
        st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=3) | st.lists(st.integers()),
    ),
    kind=st.sampled_from(["t", "q", "o", "n", "b", "?"]),
    damage=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=3),
)
@settings(max_examples=400, deadline=None)
def test_no_message_however_damaged_stops_the_router(
    family: Family, codec: Codec, fields: dict[str, Any], kind: str, damage: list[tuple[int, int]]
) -> None:
    router = Router(family, codec)
    for wanted in Codec:
        router.set_interest(Reader(), wanted, {(channel, "*") for channel in family.channels})
    encoding = msgspec.msgpack if codec is Codec.MSGPACK else msgspec.json
    fields = {name: value for name, value in fields.items() if codec is Codec.JSON or _fits(value)}
    data = bytearray(encoding.encode([{"T": kind} | fields]))
    for place, value in damage:
        data[place % len(data)] = value
    with contextlib.suppress(WireError):
        router.feed(bytes(data))
    router.flush()


def _fits(value: object) -> bool:
    return not isinstance(value, list) or all(-(2**63) <= n < 2**64 for n in value)


@pytest.mark.parametrize("codec", list(Codec))
def test_a_message_that_cannot_be_read_does_not_cost_its_neighbours(codec: Codec) -> None:
    router, same, other = Router(Family.STOCK, codec), Reader(), Reader()
    for reader, wanted in ((same, codec), (other, Codec.JSON if codec is Codec.MSGPACK else Codec.MSGPACK)):
        router.set_interest(reader, wanted, {("trades", "AAPL")})
    stamp: Any = msgspec.msgpack.Ext(-1, b"\x65\x53\xf1\x00") if codec is Codec.MSGPACK else "2023-11-14T22:13:20Z"
    messages = [{"T": "t", "S": "AAPL", "i": n, "t": stamp} for n in (1, 2)]
    broken = encode(codec, {"T": "t", "S": "MARK", "i": 3, "t": stamp}).replace(b"MARK", b"\xc1\xff\xc1\xff")
    slices = [encode(codec, messages[0]), broken, encode(codec, messages[1])]
    router.feed(frame(codec, slices, len(slices)))
    router.flush()
    assert [message["i"] for message in same.take()] == [message["i"] for message in other.take()] == [1, 2]
    assert router.unreadable == 1
