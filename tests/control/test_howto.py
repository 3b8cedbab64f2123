"""What is said about pointing an SDK at the gateway."""

import pytest

from plugtui.control.howto import recipes
from plugtui.wire.paths import resolve


@pytest.fixture
def by_sdk():
    return {recipe.sdk: recipe for recipe in recipes("http://127.0.0.1:9999/", "PLUGKEY", "word", "sip")}


def test_every_recipe_carries_this_gateways_address(by_sdk):
    for recipe in by_sdk.values():
        assert "127.0.0.1:9999" in recipe.code
        assert "8765" not in recipe.code
        assert "9999//" not in recipe.code


def test_keys_are_put_where_an_sdk_takes_them(by_sdk):
    for sdk in ("environment", "alpaca-py", "alpaca-trade-api", "js-3", "js-4", "plain"):
        assert "PLUGKEY" in by_sdk[sdk].code
        assert "word" in by_sdk[sdk].code


def test_every_stream_address_leads_to_an_endpoint_of_the_gateway(by_sdk):
    addresses = [
        word.strip("\",;)}'")
        for recipe in by_sdk.values()
        for word in recipe.code.replace('"', " ").replace("=", " ").split()
        if word.startswith("ws://")
    ]
    assert addresses
    for address in addresses:
        path = address.removeprefix("ws://127.0.0.1:9999").strip("\",;)}'") or "/"
        assert resolve(path) is not None, address


def test_a_recipe_names_the_feed_of_the_engine(by_sdk):
    assert "/v2/sip" in by_sdk["alpaca-py"].code
    assert 'data_feed="sip"' in by_sdk["alpaca-trade-api"].code
