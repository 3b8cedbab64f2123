"""The commands of the control link about algorithms (row A2)."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from plugtui.engine.clients.algos import AlgoDirectory
from plugtui.engine.control import Commands, NoArgs
from plugtui.store.keys import AlgoKey, KeyStore, check_name


class Name(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which algorithm."""

    name: str


class Pause(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which algorithm, and whether its open orders are cancelled too."""

    name: str
    cancel_orders: bool = False


class AlgoCommands:
    """``algos.list``, ``algos.add``, ``algos.revoke``, ``algos.pause``, ``algos.resume``, ``algos.disconnect``.

    Args:
        directory: the algorithms.
        keys: issued pairs, the same object that the directory has.
        cancel_orders: asks the broker to cancel all open orders of an algorithm, and returns how many it asked for.
        now_ns: the clock.
    """

    def __init__(
        self,
        directory: AlgoDirectory,
        keys: KeyStore,
        cancel_orders: Callable[[str], Awaitable[int]],
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._directory = directory
        self._keys = keys
        self._cancel_orders = cancel_orders
        self._now_ns = now_ns

    def offer(self, commands: Commands) -> None:
        """Add all of them to the registry."""
        commands.add("algos.list", NoArgs, self._list)
        commands.add("algos.add", Name, self._add)
        commands.add("algos.revoke", Name, self._revoke)
        commands.add("algos.pause", Pause, self._pause)
        commands.add("algos.resume", Name, self._resume)
        commands.add("algos.disconnect", Name, self._disconnect)

    async def _list(self, _: NoArgs) -> dict[str, Any]:
        return {"algos": self._directory.states(), "keys": [described(key) for key in self._keys.all()]}

    async def _add(self, args: Name) -> dict[str, Any]:
        self._directory.check_free(check_name(args.name))
        key, secret = await self._keys.add(args.name, self._now_ns())
        self._directory.key_issued(key)
        # the only time that the secret is told
        return {**described(key), "secret_key": secret.reveal()}

    async def _revoke(self, args: Name) -> dict[str, Any]:
        return {"name": args.name, "closed": await self._directory.revoke(args.name)}

    async def _pause(self, args: Pause) -> dict[str, Any]:
        await self._directory.pause(args.name)
        canceled = await self._cancel_orders(args.name) if args.cancel_orders else 0
        return {"name": args.name, "canceled": canceled}

    async def _resume(self, args: Name) -> dict[str, Any]:
        await self._directory.resume(args.name)
        return {"name": args.name}

    async def _disconnect(self, args: Name) -> dict[str, Any]:
        return {"name": args.name, "closed": self._directory.disconnect(args.name)}


def described(key: AlgoKey) -> dict[str, Any]:
    """Return what may be shown of an issued pair."""
    return {
        "name": key.name,
        "key_id": key.key_id,
        "created_ns": key.created_ns,
        "revoked_ns": key.revoked_ns,
        "paused": key.paused,
    }
