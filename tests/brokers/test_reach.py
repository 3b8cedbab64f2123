"""Why a host is not reached, in words: from real failures as far as they can be had without a network."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator

import pytest
import requests

from plugtui.brokers.alpaca import AlpacaBroker
from plugtui.brokers.port import Credentials
from plugtui.brokers.reach import unreachable
from plugtui.errors import BrokerUnavailable
from plugtui.secrets import Secret


async def failure_at(url: str) -> BrokerUnavailable:
    broker = AlpacaBroker(Credentials("PK", Secret("s"), url), timeout_s=0.5)
    try:
        with pytest.raises(BrokerUnavailable) as caught:
            await broker.account()
    finally:
        await broker.aclose()
    return caught.value


@pytest.fixture
async def mute_port() -> AsyncIterator[int]:
    """A port where somebody answers with nonsense, and then with nothing."""

    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"SSH-2.0-babble\r\n")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_port_where_nobody_listens_is_called_so() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        error = await failure_at(f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert error.title.endswith("does not answer: connection refused")
    assert error.title.startswith("127.0.0.1:")
    assert "APCA_API_BASE_URL" in error.hint


async def test_a_port_that_speaks_something_else_is_no_tls(mute_port: int) -> None:
    error = await failure_at(f"https://127.0.0.1:{mute_port}")
    assert "no TLS there" in error.title
    assert "https or http" in error.hint


def wrapped(cause: Exception) -> requests.exceptions.ConnectionError:
    """Wrap a cause as requests does."""
    error = requests.exceptions.ConnectionError("many words")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("cause", "words", "hint"),
    [
        (socket.gaierror(-2, "Name or service not known"), "this name is not known (DNS)", "network connection"),
        (ssl.SSLCertVerificationError(1, "self-signed"), "certificate is not accepted", "clock"),
        (TimeoutError(), "no answer in time", "status.alpaca.markets"),
        (OSError(113, "No route to host"), "no route to host", "network connection"),
        (ValueError(), "ConnectionError", "network connection"),
    ],
)
def test_the_cause_is_worded_not_the_librarys_class(cause: Exception, words: str, hint: str) -> None:
    error = unreachable(wrapped(cause), "https://user:pass@paper-api.alpaca.markets/v2")
    assert error.title.startswith("paper-api.alpaca.markets does not answer: ")
    assert words in error.title
    assert hint in error.hint
    assert "pass" not in str(error)
