"""Secrets stay masked, and what is shown of a key is harmless."""

import pickle

import pytest

from plugtui.secrets import Secret, mask


def test_a_secret_shows_itself_nowhere() -> None:
    secret = Secret("hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {[secret]} {secret:>20}"
    assert secret.reveal() == "hunter2" and secret.matches("hunter2") and not secret.matches("hunter3")
    with pytest.raises(TypeError):
        pickle.dumps(secret)


@pytest.mark.parametrize(
    ("key", "shown"),
    [("PKABCDEF12", "PKAB…12"), ("PK1", "PK1"), ("", ""), ("PK\nFAKE LOG LINE", "PK?F…NE"), ("\ud800\ud800", "??")],
)
def test_of_a_key_only_plain_characters_are_shown(key: str, shown: str) -> None:
    assert mask(key) == shown
