"""Secrets at rest."""

import asyncio
import stat

import keyring
import keyring.errors
import pytest
from keyring.backend import KeyringBackend

from plugtui.errors import CredentialsError
from plugtui.paths import Paths
from plugtui.secrets import Secret
from plugtui.vault import Vault


class MemoryKeyring(KeyringBackend):
    """A keyring that works."""

    priority = 1.0

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[tuple[str, str], str] = {}

    def set_password(self, service, username, password):
        self.entries[service, username] = password

    def get_password(self, service, username):
        return self.entries.get((service, username))

    def delete_password(self, service, username):
        del self.entries[service, username]


class BrokenKeyring(MemoryKeyring):
    """A keyring whose daemon is not there."""

    def set_password(self, service, username, password):
        raise keyring.errors.KeyringError("no daemon")

    get_password = set_password  # type: ignore[assignment]

    def delete_password(self, service, username):
        raise keyring.errors.KeyringError("no daemon")


@pytest.fixture
def backend():
    before = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(before)


async def test_with_a_home_of_its_own_the_secret_is_in_a_private_file(isolated):
    paths = Paths()
    vault = Vault(paths)
    where = await vault.put("trader:northstar", Secret("abcdefgh12345678"))
    assert where == str(paths.secrets_file)
    assert stat.S_IMODE(paths.secrets_file.stat().st_mode) == 0o600
    assert await Vault(paths).get("trader:northstar") == Secret("abcdefgh12345678")


async def test_a_keyring_that_works_is_used_and_the_file_is_not(isolated, backend):
    memory = MemoryKeyring()
    backend(memory)
    vault = Vault(Paths("live"), use_keyring=True)
    assert await vault.put("key", Secret("abcdefgh")) == "keyring"
    assert memory.entries == {("plugtui:live", "key"): "abcdefgh"}
    assert not Paths("live").secrets_file.exists()
    assert await vault.get("key") == Secret("abcdefgh")
    await vault.delete("key")
    assert memory.entries == {}


async def test_a_keyring_that_fails_or_forgets_leads_to_the_file(isolated, backend):
    from keyring.backends.null import Keyring as NullKeyring

    for broken in (BrokenKeyring(), NullKeyring()):
        backend(broken)
        vault = Vault(Paths(), use_keyring=True)
        assert await vault.put("key", Secret("abcdefgh")) == str(Paths().secrets_file)
        assert await vault.get("key") == Secret("abcdefgh")
        await vault.delete("key")
        assert await vault.get("key") is None


async def test_two_vaults_do_not_lose_each_others_change(isolated):
    vaults = [Vault(Paths()) for _ in range(2)]
    await asyncio.gather(*(vaults[i % 2].put(f"name{i}", Secret(f"value-{i}")) for i in range(20)))
    assert [await vaults[0].get(f"name{i}") for i in range(20)] == [Secret(f"value-{i}") for i in range(20)]


async def test_deleting_what_is_not_there_is_no_error_and_makes_no_file(isolated):
    await Vault(Paths()).delete("nothing")
    assert not Paths().secrets_file.exists()


async def test_a_file_that_others_could_read_is_closed_to_them(isolated):
    paths = Paths()
    await Vault(paths).put("key", Secret("abcdefgh"))
    paths.secrets_file.chmod(0o644)
    assert await Vault(paths).get("key") == Secret("abcdefgh")
    assert stat.S_IMODE(paths.secrets_file.stat().st_mode) == 0o600


async def test_a_damaged_file_is_an_error_and_is_not_overwritten(isolated):
    paths = Paths().ensure()
    paths.secrets_file.write_text("{")
    with pytest.raises(CredentialsError, match="repair or remove"):
        await Vault(paths).put("key", Secret("abcdefgh"))
    assert paths.secrets_file.read_text() == "{"
