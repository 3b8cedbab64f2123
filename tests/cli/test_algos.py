"""Keys of algorithms while no engine runs, and how to connect."""

import json

import pytest

from plugtui.cli.root import run
from plugtui.engine.supervisor import hold_profile
from plugtui.paths import Paths


@pytest.fixture
def call(capsys):
    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(["algos", *arguments])
        return code, *capsys.readouterr()

    return call


def test_a_key_is_issued_printed_once_and_listed(call):
    code, out, _ = call("add", "meanrev", "--json")
    issued = json.loads(out)
    assert code == 0
    assert issued["name"] == "meanrev"
    assert issued["secret_key"]
    code, out, _ = call("list", "--json")
    assert json.loads(out) == [{"name": "meanrev", "status": "new", "issued": True}]
    assert issued["secret_key"] not in out
    assert "not connected yet" in call("list")[1]


def test_a_key_is_printed_in_the_form_that_a_shell_takes(call):
    _, out, err = call("add", "pairs")
    assert [line.partition("=")[0] for line in out.splitlines()] == ["APCA_API_KEY_ID", "APCA_API_SECRET_KEY"]
    assert "not shown again" in err


def test_a_second_key_for_a_name_is_refused_with_a_hint(call):
    call("add", "meanrev")
    code, out, err = call("add", "meanrev")
    assert (code, out) == (1, "")
    assert "has a key already" in err


def test_pause_resume_and_revoke_are_kept(call):
    call("add", "meanrev")

    def status() -> str:
        return json.loads(call("list", "--json")[1])[0]["status"]

    assert call("pause", "meanrev")[0] == 0
    assert status() == "paused"
    assert call("resume", "meanrev")[0] == 0
    assert status() == "new"
    assert call("revoke", "meanrev")[0] == 0
    assert status() == "revoked"


def test_a_name_that_is_not_known_is_an_error(call):
    code, _, err = call("revoke", "nobody")
    assert code == 1
    assert "nobody" in err


def test_an_empty_list_says_what_to_do(call):
    assert "plugtui algos add" in call("list")[1]
    assert not Paths().state_dir.exists()


def test_keys_are_left_alone_while_an_engine_is_starting(call):
    with hold_profile(Paths()):
        code, _, err = call("add", "meanrev")
    assert code == 4
    assert "starting or ending" in err


def test_cancelling_orders_needs_an_engine(call):
    call("add", "meanrev")
    assert call("pause", "meanrev", "--cancel-orders")[0] == 6


def test_howto_shows_the_address_of_the_settings(call, monkeypatch):
    monkeypatch.setenv("PLUGTUI_GATEWAY_PORT", "9123")
    monkeypatch.setenv("PLUGTUI_UPSTREAM_FEED", "sip")
    code, out, _ = call("howto", "--sdk", "alpaca-py")
    assert code == 0
    assert "ws://127.0.0.1:9123/v2/sip" in out
    assert "alpaca-trade-api" not in out


def test_howto_as_json_is_one_object_per_sdk(call):
    recipes = json.loads(call("howto", "--json")[1])
    assert {"sdk", "title", "setting", "code", "note"} == recipes[0].keys()


def test_an_sdk_that_is_not_known_is_answered_with_those_that_are(call):
    code, _, err = call("howto", "--sdk", "cobol")
    assert code == 2
    assert "alpaca-py" in err
