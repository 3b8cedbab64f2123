"""Times on both wires; the byte samples stand in protocol §1.3."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugtui.errors import WireError
from plugtui.wire.times import ext_to_ns, ns_to_ext, ns_to_rfc3339, rfc3339_to_ns

NANOSECONDS = st.integers(min_value=-62_135_596_800 * 10**9, max_value=253_402_300_799 * 10**9 + 999_999_999)


@pytest.mark.parametrize(
    ("text", "payload"),
    [("2021-02-22T15:51:44.208Z", "319750006033d310"), ("2021-02-22T19:15:00Z", "603402b4")],
)
def test_a_time_has_the_bytes_that_the_protocol_shows(text: str, payload: str) -> None:
    assert ns_to_ext(rfc3339_to_ns(text)).hex() == payload
    assert ns_to_rfc3339(ext_to_ns(bytes.fromhex(payload))) == text


@given(NANOSECONDS)
def test_every_nanosecond_survives_both_encodings(ns: int) -> None:
    assert ext_to_ns(ns_to_ext(ns)) == ns
    assert rfc3339_to_ns(ns_to_rfc3339(ns)) == ns


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2022-04-19T13:45:05.024916716-04:00", "2022-04-19T17:45:05.024916716Z"),
        ("2022-04-19T17:45:05+0000", "2022-04-19T17:45:05Z"),
        ("2022-04-19 17:45:05.5", "2022-04-19T17:45:05.5Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
    ],
)
def test_other_spellings_of_a_time_mean_the_same(text: str, same: str) -> None:
    assert ns_to_rfc3339(rfc3339_to_ns(text)) == same


@pytest.mark.parametrize("text", ["", "yesterday", "2021-02-30T00:00:00Z", "2021-02-22", "2021-02-22T25:00:00Z"])
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(WireError, match="expected an RFC 3339 time"):
        rfc3339_to_ns(text)


def test_a_timestamp_of_an_odd_size_is_refused() -> None:
    with pytest.raises(WireError, match="expected 4, 8 or 12"):
        ext_to_ns(b"12345")
