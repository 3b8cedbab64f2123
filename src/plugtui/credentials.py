"""Find the brokerage keys of a profile: in the environment, else in the vault."""

from collections.abc import Mapping

import msgspec

from plugtui.brokers.port import Credentials
from plugtui.config import Settings
from plugtui.errors import CredentialsError
from plugtui.logs import masker
from plugtui.secrets import Secret
from plugtui.vault import Vault

OAUTH_KEY_ID = "oauth"
"""Stands where the key id stands when the secret is an OAuth token (protocol §1.5)."""

_VAULT_NAME = "brokerage"
_HINT = (
    "set APCA_API_KEY_ID and APCA_API_SECRET_KEY (or APCA_API_OAUTH_TOKEN), or let the dashboard (`plugtui`) ask for them; "
    "`plugtui demo` needs no account"
)


class _Pair(msgspec.Struct, frozen=True):
    key_id: str
    secret_key: str


async def find_credentials(settings: Settings, environ: Mapping[str, str], vault: Vault) -> Credentials:
    """Return the keys for the trading host of the settings.

    Raises:
        CredentialsError: there are none, or only half of a pair.
    """
    key_id, secret = environ.get("APCA_API_KEY_ID", ""), environ.get("APCA_API_SECRET_KEY", "")
    token = environ.get("APCA_API_OAUTH_TOKEN", "")
    if bool(key_id) != bool(secret):
        missing = "APCA_API_SECRET_KEY" if key_id else "APCA_API_KEY_ID"
        raise CredentialsError(f"{missing} is not set, expected both halves of the key pair", _HINT)
    if not key_id and token:
        key_id, secret = OAUTH_KEY_ID, token
    if not key_id:
        kept = await vault.get(_VAULT_NAME)
        if kept is None:
            raise CredentialsError(f"there are no brokerage keys for profile {settings.profile!r}", _HINT)
        pair = msgspec.json.decode(kept.reveal(), type=_Pair)
        key_id, secret = pair.key_id, pair.secret_key
    masker.learn(Secret(secret))
    return Credentials(key_id=key_id, secret=Secret(secret), base_url=settings.upstream.trading_url)


async def keep_credentials(vault: Vault, key_id: str, secret: Secret) -> str:
    """Keep the brokerage keys in the vault, and return where they are now."""
    pair = _Pair(key_id, secret.reveal())
    masker.learn(secret)
    return await vault.put(_VAULT_NAME, Secret(msgspec.json.encode(pair).decode()))
