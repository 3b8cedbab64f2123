"""The conversation on a market-data stream, as a script: a message in, commands out (protocol §1.4 to §1.7)."""

import json
from typing import Any

import msgspec
import pytest

from plugtui.wire.channels import Family
from plugtui.wire.codec import Codec
from plugtui.wire.marketdata import (
    Authenticate,
    MarketDataSession,
    Refuse,
    Subscribe,
    Subscriptions,
    Unsubscribe,
    subscription_requests,
)

AUTH = {"action": "auth", "key": "K", "secret": "S"}


def session(family: Family = Family.STOCK, codec: Codec = Codec.JSON, authenticated: bool = True) -> MarketDataSession:
    made = MarketDataSession(family, codec)
    made.authenticated = authenticated
    return made


def commands(made: MarketDataSession, *requests: Any) -> list[Any]:
    return list(made.receive("".join(json.dumps(request) for request in requests)))


def test_credentials_are_handed_to_the_driver_and_not_shown() -> None:
    [command] = commands(session(authenticated=False), AUTH)
    assert command == Authenticate("K", "S")
    assert "S'" not in repr(command)


@pytest.mark.parametrize(
    ("family", "codec", "authenticated", "request_", "code"),
    [
        (Family.STOCK, Codec.JSON, False, {"action": "subscribe", "trades": ["AAPL"]}, 401),
        (Family.STOCK, Codec.JSON, True, AUTH, 403),
        (Family.STOCK, Codec.JSON, True, {"action": "dance"}, 400),
        (Family.STOCK, Codec.JSON, True, {"action": "subscribe", "trades": "AAPL"}, 400),
        (Family.STOCK, Codec.JSON, True, {"action": "subscribe", "trades": ["aa pl"]}, 400),
        (Family.STOCK, Codec.JSON, True, {"action": "subscribe", "orderbooks": ["AAPL"]}, 410),
        (Family.TEST, Codec.JSON, True, {"action": "subscribe", "dailyBars": ["FAKEPACA"]}, 410),
        (Family.OPTION, Codec.JSON, False, AUTH, 412),
        (Family.OPTION, Codec.MSGPACK, True, {"action": "subscribe", "quotes": ["*"]}, 413),
        (Family.STOCK, Codec.JSON, False, {"action": "auth", "key": 1, "secret": None}, 400),
    ],
)
def test_a_wrong_request_is_refused_with_alpacas_code(
    family: Family, codec: Codec, authenticated: bool, request_: dict[str, Any], code: int
) -> None:
    assert commands(session(family, codec, authenticated), request_) == [Refuse(code)]


@pytest.mark.parametrize("data", ["", "{", "[]", "null", b"\xc1", "[1,2]"])
def test_what_is_no_request_is_invalid_syntax(data: str | bytes) -> None:
    assert list(session().receive(data)) == [Refuse(400)]


def test_two_requests_in_one_message_are_both_heard() -> None:
    first, second = {"action": "subscribe", "trades": ["A"]}, {"action": "unsubscribe", "quotes": ["B"]}
    assert commands(session(), first, second) == [
        Subscribe(frozenset({("trades", "A")})),
        Unsubscribe(frozenset({("quotes", "B")})),
    ]


def test_a_request_after_an_authentication_in_the_same_message_sees_its_outcome() -> None:
    made = session(authenticated=False)
    heard = made.receive(json.dumps(AUTH) + json.dumps({"action": "subscribe", "bars": ["*"]}))
    assert isinstance(next(heard), Authenticate)
    made.authenticated = True
    assert next(heard) == Subscribe(frozenset({("bars", "*")}))


def test_json_in_a_binary_frame_and_msgpack_are_recognised_by_their_first_byte() -> None:
    request = {"action": "subscribe", "trades": ["AAPL"]}
    for data in (json.dumps(request).encode(), msgspec.msgpack.encode(request)):
        assert list(session(codec=Codec.MSGPACK).receive(data)) == [Subscribe(frozenset({("trades", "AAPL")}))]


def test_empty_missing_and_null_channels_mean_nothing() -> None:
    request = {
        "action": "subscribe",
        "trades": ["AAPL"],
        "quotes": [],
        "bars": None,
        "orderbooks": [],
        "corrections": ["X"],
    }
    assert commands(session(), request) == [Subscribe(frozenset({("trades", "AAPL")}))]


def test_the_acknowledgement_is_the_transcript_of_the_documentation() -> None:
    held = Subscriptions(Family.STOCK)
    held.add([("trades", "AAPL"), ("quotes", "AMD"), ("quotes", "CLDR"), ("bars", "*")])
    expected = {
        "T": "subscription", "trades": ["AAPL"], "quotes": ["AMD", "CLDR"], "bars": ["*"], "updatedBars": [],
        "dailyBars": [], "statuses": [], "lulds": [], "corrections": ["AAPL"], "cancelErrors": ["AAPL"],
    }  # fmt: skip
    assert held.ack() == expected
    assert list(held.ack()) == list(expected)
    assert set(held.ack(omit_empty=True)) == {"T", "trades", "quotes", "bars", "corrections", "cancelErrors"}


def test_subscribing_twice_and_unsubscribing_what_is_not_held_change_nothing() -> None:
    held = Subscriptions(Family.CRYPTO)
    held.add([("orderbooks", "BTC/USD")])
    before = held.ack()
    held.add([("orderbooks", "BTC/USD")])
    held.remove([("trades", "ETH/USD")])
    assert held.ack() == before


def test_corrections_follow_trades() -> None:
    held = Subscriptions(Family.STOCK)
    held.add([("trades", "AAPL")])
    assert held.wants("corrections", "AAPL") and held.wants("cancelErrors", "AAPL")
    assert not held.wants("corrections", "MSFT") and not held.wants("quotes", "AAPL")


def test_large_subscriptions_are_split_below_the_servers_frame_limit() -> None:
    pairs = frozenset(("trades", f"SYM{n}") for n in range(3_200))
    requests = list(subscription_requests("subscribe", pairs))
    assert frozenset().union(*(chunk for _, chunk in requests)) == pairs
    assert max(len(json.dumps(request)) for request, _ in requests) < 32_768
