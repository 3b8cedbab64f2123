"""Where brokerage keys are found."""

import pytest

from plugtui.config import Settings
from plugtui.credentials import find_credentials, keep_credentials
from plugtui.errors import CredentialsError
from plugtui.paths import Paths
from plugtui.secrets import Secret
from plugtui.vault import Vault

SETTINGS = Settings()


@pytest.fixture
def vault(isolated):
    return Vault(Paths())


async def test_the_environment_wins_over_what_is_kept(vault):
    await keep_credentials(vault, "KEPT", Secret("kept-secret"))
    environ = {"APCA_API_KEY_ID": "PK1", "APCA_API_SECRET_KEY": "environment-secret"}
    found = await find_credentials(SETTINGS, environ, vault)
    assert (found.key_id, found.secret.reveal()) == ("PK1", "environment-secret")
    assert found.base_url == SETTINGS.upstream.trading_url


async def test_what_is_kept_is_found_again(vault):
    await keep_credentials(vault, "KEPT", Secret("kept-secret"))
    found = await find_credentials(SETTINGS, {}, vault)
    assert (found.key_id, found.secret.reveal()) == ("KEPT", "kept-secret")


async def test_an_oauth_token_stands_for_a_pair(vault):
    found = await find_credentials(SETTINGS, {"APCA_API_OAUTH_TOKEN": "a-token"}, vault)
    assert (found.key_id, found.secret.reveal()) == ("oauth", "a-token")


@pytest.mark.parametrize(
    ("environ", "missing"),
    [({"APCA_API_KEY_ID": "PK1"}, "APCA_API_SECRET_KEY"), ({"APCA_API_SECRET_KEY": "x"}, "APCA_API_KEY_ID")],
)
async def test_half_a_pair_is_an_error_that_names_the_other_half(vault, environ, missing):
    with pytest.raises(CredentialsError, match=f"{missing} is not set"):
        await find_credentials(SETTINGS, environ, vault)


async def test_without_keys_the_error_says_what_to_set_and_what_to_try(vault):
    with pytest.raises(CredentialsError) as caught:
        await find_credentials(SETTINGS, {}, vault)
    assert "APCA_API_KEY_ID" in caught.value.hint
    assert "demo" in caught.value.hint
