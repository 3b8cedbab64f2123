"""The commands of the control link about traders."""

from typing import Any

import msgspec

from plugtui.control.messages import TraderState
from plugtui.engine.control import Commands, NoArgs
from plugtui.logs import masker
from plugtui.secrets import Secret
from plugtui.traders.plugged import PluggedTraders
from plugtui.traders.ranking import FORMULA


class Name(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which trader."""

    name: str


class Plug(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An account to plug in."""

    name: str
    key_id: str
    secret_key: str
    base_url: str | None = None
    follow: bool = False

    def __repr__(self) -> str:
        return f"Plug(name={self.name!r})"


class TraderCommands:
    """``traders.list``, ``.plug``, ``.unplug``, ``.follow``, ``.unfollow`` and ``trader``."""

    def __init__(self, traders: PluggedTraders) -> None:
        self._traders = traders

    def offer(self, commands: Commands) -> None:
        """Add all of them to the registry."""
        commands.add("traders.list", NoArgs, self._list)
        commands.add("traders.plug", Plug, self._plug)
        commands.add("traders.unplug", Name, self._unplug)
        commands.add("traders.follow", Name, self._follow)
        commands.add("traders.unfollow", Name, self._unfollow)
        commands.add("trader", Name, self._profile)

    async def _list(self, _: NoArgs) -> dict[str, Any]:
        return {"traders": await self._traders.list(), "formula": FORMULA}

    async def _plug(self, args: Plug) -> TraderState:
        secret = Secret(args.secret_key)
        masker.learn(secret)
        return await self._traders.plug(args.name, args.key_id, secret, args.base_url, args.follow)

    async def _unplug(self, args: Name) -> dict[str, Any]:
        await self._traders.unplug(args.name)
        return {"name": args.name}

    async def _follow(self, args: Name) -> TraderState:
        return await self._traders.follow(args.name)

    async def _unfollow(self, args: Name) -> TraderState:
        return await self._traders.unfollow(args.name)

    async def _profile(self, args: Name) -> dict[str, Any]:
        return await self._traders.profile(args.name)
