"""The gateway port itself."""

import logging
from unittest.mock import Mock

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from plugtui.engine.clients.gateway import forgive_vanished


def request_of(*, gone: bool) -> web.Request:
    request = make_mocked_request("GET", "/v2/iex")
    assert isinstance(request.transport, Mock)
    request.transport.is_closing.return_value = gone
    return request


async def reset(request: web.BaseRequest) -> web.StreamResponse:
    raise ConnectionResetError("Cannot write to closing transport")


async def test_a_client_that_goes_before_it_is_answered_leaves_no_error_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        assert (await forgive_vanished(request_of(gone=True), reset)).status == 400
    assert caplog.records == []


async def test_a_broken_connection_of_our_own_is_not_taken_for_a_client_that_went() -> None:
    with pytest.raises(ConnectionResetError):
        await forgive_vanished(request_of(gone=False), reset)
