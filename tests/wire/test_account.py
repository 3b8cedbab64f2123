"""The conversation on the account stream (protocol §2)."""

import json

import pytest

from plugtui.wire.account import (
    AccountSession,
    Answer,
    Authenticate,
    Listen,
    auth_request,
    authorized,
    listen_request,
    listening,
    unauthorized,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (auth_request("K", "S"), Authenticate("K", "S", legacy=False)),
        (auth_request("K", "S", legacy=True), Authenticate("K", "S", legacy=True)),
        (auth_request("oauth", "T", legacy=True), Authenticate("oauth", "T", legacy=True)),
    ],
)
def test_every_form_of_authentication_is_understood(text: str, expected: Authenticate) -> None:
    assert list(AccountSession().receive(text)) == [expected]


def test_the_replies_are_the_documented_ones() -> None:
    assert authorized() == {"stream": "authorization", "data": {"action": "authenticate", "status": "authorized"}}
    assert authorized(deprecated=True)["data"]["status"] == "authorized"
    assert "deprecated" in authorized(deprecated=True)["data"]["message"]
    assert unauthorized()["data"]["message"] == "access key verification failed"
    assert listening(["trade_updates"]) == {"stream": "listening", "data": {"streams": ["trade_updates"]}}


def test_listening_before_the_authorization_is_refused() -> None:
    [answer] = AccountSession().receive(listen_request())
    assert answer == Answer({"stream": "authorization", "data": {"status": "unauthorized", "action": "listen"}})


def test_listen_names_the_whole_set_and_unknown_streams_are_left_out() -> None:
    session = AccountSession()
    session.authenticated = True
    request = json.dumps({"action": "listen", "data": {"streams": ["trade_updates", "account_updates", 7]}})
    assert list(session.receive(request)) == [Listen(frozenset({"trade_updates"}))]
    assert list(session.receive(json.dumps({"action": "listen", "data": {"streams": []}}))) == [Listen(frozenset())]


@pytest.mark.parametrize("data", ["", "x", "{}", '{"action":"sing"}', "[]"])
def test_every_answer_to_nonsense_has_an_object_as_data(data: str) -> None:
    [answer] = AccountSession().receive(data)
    assert isinstance(answer, Answer) and isinstance(answer.message["data"], dict)
