"""Who may use the gateway."""

import base64
import logging

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from plugtui.engine.clients.access import Access, BrowserGuard, presented_in
from plugtui.secrets import Secret
from plugtui.store.keys import AlgoKey, hash_secret

ISSUED = AlgoKey(name="meanrev", key_id="PLUGAAAA", secret_hash=hash_secret("issued-secret"), created_ns=1)
REVOKED = AlgoKey(name="old", key_id="PLUGBBBB", secret_hash=hash_secret("old-secret"), created_ns=1, revoked_ns=2)


class Keys:
    def with_id(self, key_id: str) -> AlgoKey | None:
        return {"PLUGAAAA": ISSUED, "PLUGBBBB": REVOKED}.get(key_id)

    def with_secret(self, secret: str) -> AlgoKey | None:
        return {"issued-secret": ISSUED, "old-secret": REVOKED}.get(secret)


def access() -> Access:
    return Access(Keys(), "PKOWN", Secret("own-secret"))


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({"APCA-API-KEY-ID": "PKOWN", "APCA-API-SECRET-KEY": "own-secret"}, None),
        ({"Authorization": basic("PKOWN", "own-secret")}, None),
        ({"APCA-API-KEY-ID": "PLUGAAAA", "APCA-API-SECRET-KEY": "issued-secret"}, "meanrev"),
        ({"Authorization": basic("PLUGAAAA", "issued-secret")}, "meanrev"),
        ({"Authorization": "Bearer issued-secret"}, "meanrev"),
    ],
)
def test_every_form_of_good_credentials_is_accepted(headers: dict[str, str], name: str | None) -> None:
    identity = access().check(presented_in(headers))
    assert identity is not None
    assert identity.name == name


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"APCA-API-KEY-ID": "PKOWN"},
        {"APCA-API-KEY-ID": "PKOWN", "APCA-API-SECRET-KEY": "own-secreT"},
        {"APCA-API-KEY-ID": "PKOTHER", "APCA-API-SECRET-KEY": "own-secret"},
        {"APCA-API-KEY-ID": "PLUGAAAA", "APCA-API-SECRET-KEY": "own-secret"},
        {"APCA-API-KEY-ID": "PLUGBBBB", "APCA-API-SECRET-KEY": "old-secret"},
        {"Authorization": "Bearer own-secret"},
        {"Authorization": "Bearer old-secret"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic %%%"},
        {"Authorization": basic("PKOWN", "")},
        {"APCA-API-KEY-ID": "é", "APCA-API-SECRET-KEY": "ü"},
    ],
)
def test_wrong_missing_and_revoked_credentials_are_refused(headers: dict[str, str]) -> None:
    assert access().check(presented_in(headers)) is None


def test_an_engine_with_a_token_accepts_that_token_in_headers_and_messages() -> None:
    engine = Access(Keys(), "oauth", Secret("token"))
    assert engine.check(presented_in({"Authorization": "Bearer token"})) is not None
    assert engine.check_message("oauth", "token") is not None
    assert engine.check_message("access_token", "token") is not None
    assert engine.check_message("PKOWN", "token") is None


def test_an_engine_without_a_secret_lets_nobody_in_by_an_empty_one() -> None:
    engine = Access(Keys(), "", Secret(""))
    assert engine.check_message("", "") is None
    assert engine.check_message("oauth", "") is None


def test_refusals_are_logged_rarely_and_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    now = [100.0]
    engine = Access(Keys(), "PKOWN", Secret("own-secret"), clock=lambda: now[0])
    with caplog.at_level(logging.WARNING):
        for _ in range(50):
            engine.check_message("PKOWNKEY1234", "guessed-secret", "127.0.0.1")
        now[0] += 11
        engine.check_message("oauth", "guessed-secret", "127.0.0.1")
    assert engine.refused == 51
    assert len(caplog.records) == 2
    assert "49 more" in caplog.records[1].getMessage()
    assert "guessed-secret" not in caplog.text
    assert "PKOWNKEY1234" not in caplog.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "127.0.0.1:8765"},
        {"Host": "localhost:8765"},
        {"Host": "LOCALHOST:8765"},
        {"Host": "[::1]:8765"},
        {"Host": "127.0.0.1:9000"},
        {"Host": "127.0.0.1:8765", "Origin": "http://127.0.0.1:8765"},
        {"Host": "127.0.0.1:8765", "Origin": "https://desk.example"},
        {"Host": "127.0.0.1:8765", "Sec-Fetch-Site": "none"},
        {"Host": "desk.example"},
    ],
)
def test_programs_on_this_machine_and_listed_pages_pass(headers: dict[str, str]) -> None:
    guard = BrowserGuard(allowed_origins=("https://desk.example/",), allowed_hosts=("desk.example",))
    assert guard.problem(headers) == ""


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Host": "evil.example:8765"},
        {"Host": "127.0.0.1.evil.example:8765"},
        {"Host": "localhost.evil.example:8765"},
        {"Host": "127.0.0.1:8765", "Origin": "https://evil.example"},
        {"Host": "127.0.0.1:8765", "Origin": "null"},
        {"Host": "127.0.0.1:8765", "Origin": "http://127.0.0.1:3000"},
        {"Host": "127.0.0.1:8765", "Origin": ""},
        {"Host": "evil.example:8765", "Origin": "http://evil.example:8765"},
        {"Host": "127.0.0.1:8765", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_pages_and_rebound_names_are_refused(headers: dict[str, str]) -> None:
    assert BrowserGuard().problem(headers)


def test_an_engine_that_listens_elsewhere_checks_the_origin_alone() -> None:
    guard = BrowserGuard(host="0.0.0.0")
    assert guard.problem({"Host": "server.lan:8765"}) == ""
    assert guard.problem({"Host": "10.0.0.5:8765", "Origin": "http://10.0.0.5:8765"}) == ""
    assert guard.problem({"Host": "server.lan:8765", "Origin": "http://server.lan:8765"})


async def test_the_middleware_answers_403_before_any_route_and_also_where_there_is_none() -> None:
    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application(middlewares=[BrowserGuard().middleware])
    app.router.add_get("/", hello)
    async with TestClient(TestServer(app)) as client:
        assert (await client.get("/")).status == 200
        assert (await client.get("/", headers={"Origin": "https://evil.example"})).status == 403
        assert (await client.get("/nowhere", headers={"Host": "evil.example"})).status == 403
        assert (await client.options("/", headers={"Origin": "https://evil.example"})).status == 403


def test_text_that_has_no_utf8_form_is_refused_like_any_other() -> None:
    half = "\ud800"
    assert access().check_message(half, half) is None
    assert access().check_message("PLUGAAAA", half) is None
    assert access().check_message("oauth", half) is None
