"""Errors as a person reads them."""

import errno
import ssl

import pytest

from plugtui.errors import describe


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 1)"), "connection refused"),
        (ConnectionResetError(), "ConnectionResetError"),
        (ssl.SSLError(1, "certificate verify failed"), "certificate verify failed"),
        (TimeoutError(), "TimeoutError"),
        (ValueError("no such thing"), "no such thing"),
    ],
)
def test_an_error_of_a_connection_is_worded_in_one_line(error: Exception, words: str) -> None:
    assert words in describe(error)
