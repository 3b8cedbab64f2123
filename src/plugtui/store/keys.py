"""The key pairs that plugtui issues to algorithms: table ``algo_keys``.

Only a hash of each secret is kept; the secret itself is shown once, when it is issued. The secrets are 240 random bits, so one
round of SHA-256 is enough: there is nothing to guess.
"""

import hashlib
import hmac
import re
import secrets

import msgspec

from plugtui.errors import ControlError
from plugtui.secrets import Secret
from plugtui.store.store import Row, Store

KEY_PREFIX = "PLUG"
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_KEY_CHARS = 16
_SECRET_CHARS = 48
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
RESERVED_NAMES = frozenset({"manual", "unattributed", "plugtui", "account"})
"""Names that mean something else wherever algorithms are listed."""


class AlgoKey(msgspec.Struct, frozen=True, kw_only=True):
    """One issued key pair, without its secret."""

    name: str
    key_id: str
    secret_hash: str
    created_ns: int
    revoked_ns: int | None = None
    paused: bool = False
    used_ns: int | None = None
    """When a program first used it, as known at the start; ``None``: not before then."""

    @property
    def revoked(self) -> bool:
        """Whether the pair is no longer accepted."""
        return self.revoked_ns is not None

    def accepts(self, secret: str) -> bool:
        """Compare a presented secret with the kept hash in constant time."""
        return hmac.compare_digest(self.secret_hash, hash_secret(secret))


def hash_secret(secret: str) -> str:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def check_name(name: str) -> str:
    """Return ``name`` when an algorithm may be called so.

    Raises:
        ControlError: it is empty, too long, reserved, or has other characters than letters, digits, dot, dash, underscore.
    """
    if not _NAME.fullmatch(name):
        raise ControlError(
            f"'{name}' cannot be the name of an algorithm",
            "Use 1 to 40 letters, digits, dots, dashes or underscores, beginning with a letter or digit.",
        )
    if name.lower() in RESERVED_NAMES:
        raise ControlError(f"'{name}' has a meaning of its own", "Choose another name.")
    return name


def _random_text(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


class KeyStore:
    """Issue, revoke and pause key pairs; the rows in memory equal the table after :meth:`load`.

    The engine keeps one while it runs; without an engine the command line opens the store and uses one by itself.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_name: dict[str, AlgoKey] = {}
        self._by_key_id: dict[str, AlgoKey] = {}

    async def load(self) -> list[AlgoKey]:
        """Read the table, and return its rows by name.

        Raises:
            StoreError: the database cannot be read.
        """
        rows = await self._store.read("SELECT * FROM algo_keys ORDER BY name")
        self._by_name.clear()
        self._by_key_id.clear()
        for row in rows:
            self._keep(_from_row(row))
        return self.all()

    def all(self) -> list[AlgoKey]:
        """Return all pairs, revoked ones too, by name."""
        return [self._by_name[name] for name in sorted(self._by_name)]

    def named(self, name: str) -> AlgoKey | None:
        """Return the pair that was issued to ``name``."""
        return self._by_name.get(name)

    def with_id(self, key_id: str) -> AlgoKey | None:
        """Return the pair with this key id."""
        return self._by_key_id.get(key_id)

    def with_secret(self, secret: str) -> AlgoKey | None:
        """Return the pair with this secret alone, for SDKs that are set up with a token instead of a key pair.

        Looked up by hash, so the time that it takes tells nothing about a secret.
        """
        digest = hash_secret(secret)
        return next((key for key in self._by_name.values() if hmac.compare_digest(key.secret_hash, digest)), None)

    async def add(self, name: str, now_ns: int) -> tuple[AlgoKey, Secret]:
        """Issue a pair to ``name``; a name whose pair was revoked may be used again.

        Raises:
            ControlError: the name is not allowed, or has a pair that is valid.
            StoreError: it could not be kept; nothing was issued.
        """
        check_name(name)
        present = self._by_name.get(name)
        if present and not present.revoked:
            raise ControlError(
                f"'{name}' has a key already",
                f"Its secret was shown once and is not kept. Revoke it (plugtui algos revoke {name}) to issue a new one.",
            )
        secret = _random_text(_SECRET_CHARS)
        key = AlgoKey(
            name=name,
            key_id=KEY_PREFIX + _random_text(_KEY_CHARS),
            secret_hash=hash_secret(secret),
            created_ns=now_ns,
        )
        await self._store.write(
            (
                "INSERT OR REPLACE INTO algo_keys (name, key_id, secret_hash, created_ns, revoked_ns, paused, used_ns)"
                " VALUES (?, ?, ?, ?, NULL, 0, NULL)",
                (key.name, key.key_id, key.secret_hash, key.created_ns),
            )
        )
        return self._keep(key), Secret(secret)

    async def revoke(self, name: str, now_ns: int) -> AlgoKey:
        """Refuse the pair of ``name`` from now on; revoking twice changes nothing.

        Raises:
            ControlError: no pair was issued to ``name``.
            StoreError: it could not be kept; the pair is still valid.
        """
        key = self._require(name)
        if key.revoked:
            return key
        await self._store.write(("UPDATE algo_keys SET revoked_ns = ? WHERE name = ?", (now_ns, name)))
        return self._keep(msgspec.structs.replace(key, revoked_ns=now_ns))

    async def set_paused(self, name: str, paused: bool) -> AlgoKey:
        """Keep whether new orders of ``name`` are refused.

        Raises:
            ControlError: no valid pair was issued to ``name``.
            StoreError: it could not be kept; nothing changed.
        """
        key = self._require(name)
        if key.revoked:
            raise ControlError(f"the key of '{name}' was revoked", f"Issue a new one: plugtui algos add {name}")
        await self._store.write(("UPDATE algo_keys SET paused = ? WHERE name = ?", (int(paused), name)))
        return self._keep(msgspec.structs.replace(key, paused=paused))

    def _require(self, name: str) -> AlgoKey:
        key = self._by_name.get(name)
        if key is None:
            known = ", ".join(sorted(self._by_name)) or "none yet"
            raise ControlError(f"no key was issued to '{name}'", f"Issued so far: {known}.")
        return key

    def _keep(self, key: AlgoKey) -> AlgoKey:
        previous = self._by_name.get(key.name)
        if previous:
            self._by_key_id.pop(previous.key_id, None)
        self._by_name[key.name] = key
        self._by_key_id[key.key_id] = key
        return key


def _from_row(row: Row) -> AlgoKey:
    return AlgoKey(
        name=row["name"],
        key_id=row["key_id"],
        secret_hash=row["secret_hash"],
        created_ns=row["created_ns"],
        revoked_ns=row["revoked_ns"],
        paused=bool(row["paused"]),
        used_ns=row["used_ns"],
    )
