"""The OAuth routes."""

from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.sim.server import TradingServer, trading_server

CALLBACK = "http://127.0.0.1:9/callback"


@pytest.fixture
async def server() -> AsyncIterator[TradingServer]:
    async with trading_server() as running:
        yield running


async def code(server: TradingServer, **changes: str) -> str:
    query = {
        "response_type": "code",
        "client_id": "app",
        "redirect_uri": CALLBACK,
        "state": "s t",
        "scope": "trading data",
    }
    async with server.http.get(
        server.url + "/oauth/authorize", params=query | changes, allow_redirects=False
    ) as response:
        assert response.status == 302
        target = urlsplit(response.headers["Location"])
    answer = parse_qs(target.query)
    assert answer["state"] == ["s t"]
    return answer["code"][0]


async def exchange(server: TradingServer, **form: str) -> tuple[int, dict[str, str]]:
    usual = {
        "grant_type": "authorization_code",
        "client_id": "app",
        "client_secret": "x",
        "redirect_uri": CALLBACK,
    }
    async with server.http.post(server.url + "/oauth/token", data=usual | form) as response:
        return response.status, await response.json()


async def test_a_code_becomes_a_token_that_reaches_the_account(server: TradingServer) -> None:
    status, answer = await exchange(server, code=await code(server, account="reserve"))
    assert (status, answer["token_type"], answer["scope"]) == (200, "bearer", "trading data")
    headers = {"Authorization": f"Bearer {answer['access_token']}"}
    async with server.http.get(server.url + "/v2/account", headers=headers) as response:
        assert (await response.json())["account_number"] == server.account("reserve").number


async def test_a_code_works_once(server: TradingServer) -> None:
    granted = await code(server)
    assert (await exchange(server, code=granted))[0] == 200
    assert await exchange(server, code=granted) == (400, {"error": "invalid_grant"})


async def test_a_code_belongs_to_its_client(server: TradingServer) -> None:
    granted = await code(server)
    assert await exchange(server, code=granted, client_id="other") == (400, {"error": "invalid_grant"})


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "invalid_request"),
        ({"client_id": ""}, "invalid_request"),
        ({"redirect_uri": "https://example.com/callback"}, "invalid_request"),
        ({"account": "nobody"}, "invalid_request"),
        ({"scope": "everything"}, "invalid_scope"),
    ],
)
async def test_a_wrong_request_is_not_redirected(server: TradingServer, changes: dict[str, str], error: str) -> None:
    query = {"response_type": "code", "client_id": "app", "redirect_uri": CALLBACK} | changes
    async with server.http.get(server.url + "/oauth/authorize", params=query, allow_redirects=False) as response:
        assert (response.status, await response.json()) == (400, {"error": error})


async def test_fields_of_the_token_request_are_required(server: TradingServer) -> None:
    assert await exchange(server, code="") == (400, {"error": "invalid_request"})
    assert await exchange(server, code="x", grant_type="password") == (400, {"error": "unsupported_grant_type"})
