"""Both codecs and the way between them. The byte samples stand in protocol §1.3."""

import json
from decimal import Decimal
from typing import Any

import msgpack
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugtui.errors import WireError
from plugtui.wire.codec import Codec, encode, event_time_ns, frame, split, transcode
from plugtui.wire.marketdata import AUTHENTICATED, CONNECTED, control
from plugtui.wire.messages import Level, OrderBook, StockQuote, StockTrade
from plugtui.wire.times import Timestamp, rfc3339_to_ns

TRADE_TIME = rfc3339_to_ns("2021-02-22T15:51:44.208123456Z")
TRADE = StockTrade(S="AAPL", i=96921, x="D", p=126.55, s=1, c=["@", "I"], z="C", t=Timestamp(TRADE_TIME))
SAMPLE = (
    "89a154a174a153a44141504ca169ce00017a99a178a144a170cb405fa33333333333"
    "a17301a16392a140a149a17aa143a174d7ff319750006033d310"
)


@pytest.mark.parametrize(
    ("message", "encoded"),
    [
        (CONNECTED, "9182a154a773756363657373a36d7367a9636f6e6e6563746564"),
        (AUTHENTICATED, "9182a154a773756363657373a36d7367ad61757468656e74696361746564"),
    ],
)
def test_control_messages_have_the_bytes_that_the_protocol_shows(message: dict[str, Any], encoded: str) -> None:
    assert control(Codec.MSGPACK, message).hex() == encoded


def test_a_trade_becomes_json_as_the_server_prints_it() -> None:
    text = transcode(bytes.fromhex(SAMPLE), Codec.MSGPACK, Codec.JSON).decode()
    assert text == (
        '{"T":"t","S":"AAPL","i":96921,"x":"D","p":126.55,"s":1,"c":["@","I"],"z":"C","t":"2021-02-22T15:51:44.208Z"}'
    )


def test_the_sdks_own_msgpack_reads_what_is_encoded() -> None:
    decoded = msgpack.unpackb(encode(Codec.MSGPACK, TRADE))
    assert next(iter(decoded)) == "T"
    assert (decoded["t"].seconds, decoded["t"].nanoseconds) == divmod(TRADE_TIME, 10**9)
    assert (decoded["i"], decoded["p"], decoded["c"]) == (96921, 126.55, ["@", "I"])


@pytest.mark.parametrize("message", [TRADE, OrderBook(S="BTC/USD", t=TRADE.t, b=[Level(71859.53, 0.27)], a=[], r=True)])
def test_a_message_survives_the_way_to_json_and_back(message: Any) -> None:
    packed, text = encode(Codec.MSGPACK, message), encode(Codec.JSON, message)
    assert transcode(packed, Codec.MSGPACK, Codec.JSON) == text
    assert transcode(text, Codec.JSON, Codec.MSGPACK) == packed


@given(st.integers(min_value=0, max_value=2**64 - 1), st.integers(min_value=0, max_value=2**33 * 10**9))
def test_ids_of_64_bits_and_nanoseconds_stay_exact(trade_id: int, ns: int) -> None:
    trade = msgspec.structs.replace(TRADE, i=trade_id, t=Timestamp(ns))
    text = transcode(encode(Codec.MSGPACK, trade), Codec.MSGPACK, Codec.JSON)
    decoded = json.loads(text)
    assert decoded["i"] == trade_id
    assert rfc3339_to_ns(decoded["t"]) == ns


def test_unknown_fields_and_times_at_any_depth_pass_through_exactly() -> None:
    stamp = Timestamp(1_700_000_000_123_456_789)
    message = {"T": "zz", "S": "A", "t": stamp, "new": {"when": [stamp], "n": 2**63}, "raw": None}
    text = transcode(encode(Codec.MSGPACK, message), Codec.MSGPACK, Codec.JSON)
    when = "2023-11-14T22:13:20.123456789Z"
    assert json.loads(text) == {"T": "zz", "S": "A", "t": when, "new": {"when": [when], "n": 2**63}, "raw": None}


def test_whole_json_prices_become_floats_and_sizes_stay_integers() -> None:
    text = b'{"T":"q","S":"A","bx":"V","bp":136,"bs":4,"ax":"V","ap":137,"as":5,"c":["R"],"z":"A","t":"2024-07-24T07:56:53Z"}'
    decoded = msgpack.unpackb(transcode(text, Codec.JSON, Codec.MSGPACK))
    assert (type(decoded["bp"]), type(decoded["bs"]), type(decoded["as"])) == (float, int, int)


def test_slices_are_the_bytes_that_came() -> None:
    pieces = [encode(Codec.MSGPACK, msgspec.structs.replace(TRADE, i=n)) for n in range(20)]
    joined = frame(Codec.MSGPACK, pieces, len(pieces))
    assert [bytes(raw) for raw in split(Codec.MSGPACK, joined)] == pieces
    assert len(msgpack.unpackb(joined)) == 20


@pytest.mark.parametrize("codec", list(Codec))
def test_the_time_of_an_event_is_read_without_decoding_the_rest(codec: Codec) -> None:
    assert event_time_ns(codec, encode(codec, TRADE)) == TRADE_TIME
    assert event_time_ns(codec, encode(codec, {"T": "n"})) is None


@pytest.mark.parametrize("data", [b"", b"\xc1", b"{}", b"[1", "ü"])
@pytest.mark.parametrize("codec", list(Codec))
def test_garbage_is_a_wire_error(codec: Codec, data: bytes | str) -> None:
    with pytest.raises(WireError):
        split(codec, data)


def test_decimals_are_strings_on_the_wire() -> None:
    assert encode(Codec.JSON, {"qty": Decimal("1790.86")}) == b'{"qty":"1790.86"}'


def test_quotes_use_the_wires_key_for_the_ask_size() -> None:
    quote = StockQuote(S="A", bx="V", bp=1.0, bs=2, ax="V", ap=1.1, as_=3, c=["R"], z="A", t=Timestamp(0))
    assert list(json.loads(encode(Codec.JSON, quote))) == ["T", "S", "bx", "bp", "bs", "ax", "ap", "as", "c", "z", "t"]


@pytest.mark.parametrize(
    ("header", "codec"),
    [
        ("application/msgpack", Codec.MSGPACK),
        ("application/json", Codec.JSON),
        (None, Codec.JSON),
        ("text/html", Codec.JSON),
    ],
)
def test_the_content_type_chooses_the_codec(header: str | None, codec: Codec) -> None:
    assert Codec.from_content_type(header, Codec.JSON) is codec
