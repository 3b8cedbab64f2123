"""Ids of everything, from one seeded source: uuids, ULIDs, key pairs."""

import string
import uuid
from random import Random

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_KEY_ALPHABET = string.ascii_uppercase + string.digits
_SECRET_ALPHABET = string.ascii_letters + string.digits


class Identities:
    """Make ids that are the same for the same seed and sequence of calls."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._last_ulid = 0

    def uuid(self) -> str:
        """Return a version 4 uuid."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def ulid(self, time_ns: int) -> str:
        """Return a ULID (26 characters); each sorts after the one before."""
        value = (time_ns // 1_000_000) << 80 | self._random.getrandbits(79)
        self._last_ulid = max(value, self._last_ulid + 1)
        return "".join(_CROCKFORD[self._last_ulid >> shift & 31] for shift in range(125, -1, -5))

    def key_id(self) -> str:
        """Return a key id as paper accounts have them: ``PK`` and 18 characters."""
        return "PK" + "".join(self._random.choices(_KEY_ALPHABET, k=18))

    def secret(self) -> str:
        """Return a secret of 40 characters."""
        return "".join(self._random.choices(_SECRET_ALPHABET, k=40))

    def account_number(self) -> str:
        """Return an account number: ``PA`` and 10 characters."""
        return "PA" + "".join(self._random.choices(_KEY_ALPHABET, k=10))
