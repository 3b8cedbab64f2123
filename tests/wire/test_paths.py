"""Every path that a client may ask for (protocol §5.1)."""

import pytest

from plugtui.wire.codec import Codec
from plugtui.wire.paths import resolve


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ("/", "/v2/iex"), ("", "/v2/iex"), ("/iex", "/v2/iex"), ("/sip", "/v2/sip"), ("//v2/iex", "/v2/iex"),
        ("/v2/iex/", "/v2/iex"), ("/v2/sip?x=1", "/v2/sip"), ("/v2/delayed_sip", "/v2/delayed_sip"), ("/otc", "/v2/otc"),
        ("/boats", "/v1beta1/boats"), ("/v2/overnight", "/v1beta1/overnight"), ("/v2/test", "/v2/test"),
        ("/v1beta3/crypto/us", "/v1beta3/crypto/us"), ("/us", "/v1beta3/crypto/us"), ("/eu-1", "/v1beta3/crypto/eu-1"),
        ("/v1beta2/crypto?exchanges=A,B", "/v1beta2/crypto"), ("/news", "/v1beta1/news"), ("/opra", "/v1beta1/opra"),
        ("/stream", "/stream"), ("/stream/", "/stream"),
    ],
)  # fmt: skip
def test_a_path_leads_to_its_endpoint(asked: str, path: str) -> None:
    endpoint = resolve(asked)
    assert endpoint is not None and endpoint.path == path


def test_the_root_leads_to_the_configured_feed() -> None:
    endpoint = resolve("/", default_feed="sip")
    assert endpoint is not None and endpoint.path == "/v2/sip"


def test_options_speak_msgpack_unless_told_otherwise() -> None:
    endpoint = resolve("/v1beta1/indicative")
    assert endpoint is not None and endpoint.default_codec is Codec.MSGPACK


@pytest.mark.parametrize("asked", ["/v3/iex", "/stream/us", "/v2/us", "/v1beta3/crypto/moon", "/v2", "/v2/account"])
def test_other_paths_have_no_endpoint(asked: str) -> None:
    assert resolve(asked) is None
