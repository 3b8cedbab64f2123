"""The plugged accounts: plug, unplug, follow, unfollow while the engine runs (rows T1, T2, T5, T7)."""

import asyncio
import logging
import re
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec

from plugtui.brokers.port import AccountInfo, Broker, Credentials
from plugtui.control.messages import TraderState
from plugtui.engine.account.stream import AccountStream
from plugtui.engine.facts import FactLog
from plugtui.errors import BrokerError, BrokerRefused, ControlError, PlugtuiError, StoreError
from plugtui.secrets import Secret
from plugtui.store.store import Store
from plugtui.store.traders import TraderRecord, TraderRows
from plugtui.tasks import Tasks
from plugtui.traders.account import Dial, OnConnected, OnUpdate, PluggedAccount, Stream, Surroundings
from plugtui.traders.ranking import FORMULA, badge_of, rank
from plugtui.traders.record import profile_of

log = logging.getLogger(__name__)

REFRESH_S = 300.0
PROFILE_POINTS = 400
PROFILE_TRADES = 200
OAUTH_KEY_ID = "oauth"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


class KeyVault(Protocol):
    """Where secrets are kept: :class:`plugtui.vault.Vault`."""

    async def put(self, name: str, value: Secret) -> str:
        """Keep a secret, and return where."""

    async def get(self, name: str) -> Secret | None:
        """Return a secret."""

    async def delete(self, name: str) -> None:
        """Forget a secret."""


Connect = Callable[[Credentials], Broker]


def dial_account_stream(
    name: str,
    credentials: Credentials,
    on_update: OnUpdate,
    on_connected: OnConnected,
    now_ns: Callable[[], int] = time.time_ns,
) -> Stream:
    """Make the real account stream of a plugged account."""
    return AccountStream(
        credentials.stream_url, credentials, on_update=on_update, on_connected=on_connected, name=name, now_ns=now_ns
    )


class PluggedTraders:
    """All plugged accounts of a profile.

    Args:
        store: the profile's database.
        facts: where trades of followed traders are recorded.
        vault: keeps the secrets.
        connect: makes the REST calls of an account.
        own: tells the engine's own credentials and account number (empty while unknown), whose key is not accepted.
        base_url: trading host of a key that comes without one.
        refresh_s: how often fills and history are read again.
        dial: makes account streams; real ones by default.
        now_ns: the clock.
    """

    def __init__(
        self,
        store: Store,
        facts: FactLog,
        vault: KeyVault,
        connect: Connect,
        *,
        own: Callable[[], tuple[Credentials | None, str]],
        base_url: str,
        refresh_s: float = REFRESH_S,
        dial: Dial | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._rows = TraderRows(store)
        self._vault = vault
        self._connect = connect
        self._own = own
        self._base_url = base_url
        dial = dial or partial(dial_account_stream, now_ns=now_ns)
        self._around = Surroundings(self._rows, facts, dial, now_ns, refresh_s)
        self._accounts: dict[str, PluggedAccount] = {}
        self._without_key: dict[str, TraderRecord] = {}
        self._running: dict[str, asyncio.Task[Any]] = {}
        self._tasks = Tasks(self._failed)
        self._changing = asyncio.Lock()
        self._closed = False

    # ------------------------------------------------------------ life

    async def start(self) -> None:
        """Take up the accounts that were plugged in before; ends early when it is overtaken by :meth:`aclose`.

        Raises:
            StoreError: the database cannot be read.
        """
        async with self._changing:
            await self._take_up(await self._rows.load())

    async def _take_up(self, records: Sequence[TraderRecord]) -> None:
        for kept in records:
            if self._closed:
                return
            try:
                secret = await self._vault.get(_vault_name(kept.name))
            except PlugtuiError as error:
                log.warning("the key of trader %s cannot be read: %s", kept.name, error.title)
                secret = None
            if secret is None:
                self._without_key[kept.name] = kept
                continue
            credentials = Credentials(kept.key_id, secret, kept.base_url)
            await self._begin(kept, credentials, self._connect(credentials))

    async def aclose(self) -> None:
        """End all streams with a close frame, and let go of the brokers. What is being plugged in meanwhile is not begun."""
        self._closed = True
        await self._tasks.aclose()
        for account in self._accounts.values():
            await account.aclose()

    async def _begin(self, kept: TraderRecord, credentials: Credentials, broker: Broker) -> PluggedAccount:
        account = PluggedAccount(kept, credentials, broker, self._around)
        await account.load()
        if self._closed:
            await account.aclose()
            return account
        self._accounts[kept.name] = account
        self._running[kept.name] = self._tasks.start(account.run(), _task_name(kept.name))
        return account

    def _failed(self, task: str, error: BaseException) -> None:
        account = next((a for name, a in self._accounts.items() if _task_name(name) == task), None)
        if account is not None:
            account.crashed(error)

    # ------------------------------------------------------------ looking

    def states(self) -> list[TraderState]:
        """Return all traders as the leaderboard ranks them."""
        lost = [
            TraderState(
                name=kept.name,
                followed=kept.followed,
                badge=kept.badge,
                stream="failed",
                detail="its key is gone from the keyring: plug it in again",
            )
            for kept in self._without_key.values()
        ]
        return rank([*(account.state() for account in self._accounts.values()), *lost])

    async def list(self) -> list[TraderState]:
        """Return all traders as the leaderboard ranks them."""
        return self.states()

    async def profile(self, name: str) -> dict[str, Any]:
        """Return a trader's record: figures, curve as growth of 100, drawdowns, calendar, newest trades; no amount.

        Raises:
            ControlError: there is no such trader.
        """
        account = self._require(name)
        state = account.state()
        trades = await self._rows.trades(name, PROFILE_TRADES)
        return {
            "name": name,
            "badge": state.badge,
            "followed": state.followed,
            "stream": state.stream,
            "detail": state.detail,
            "plugged_ns": account.kept.plugged_ns,
            "trade_count": state.trades,
            "formula": FORMULA,
            **await asyncio.to_thread(profile_of, account.record, PROFILE_POINTS),
            "trades": [msgspec.to_builtins(trade) for trade in trades],
        }

    # ------------------------------------------------------------ changing

    async def plug(
        self, name: str, key_id: str, secret: Secret, base_url: str | None = None, follow: bool = False
    ) -> TraderState:
        """Check a key against its account, keep it, and hold its stream from now on.

        Args:
            name: to show it under.
            key_id: of the key; ``oauth`` when the secret is an OAuth token.
            secret: kept in the vault.
            base_url: trading host; the engine's own by default.
            follow: tell its trades at once.

        Raises:
            ControlError: the name is taken or not allowed, the broker refused the key or does not answer, or the account is
                the engine's own or plugged in already.
            CredentialsError: the secret could not be kept.
            StoreError: the account could not be kept.
        """
        url = _checked_url(base_url or self._base_url)
        async with self._changing:
            self._check_new(name, key_id, secret)
            credentials = Credentials(key_id, secret, url)
            broker = self._connect(credentials)
            try:
                info = await _validate(broker)
                self._check_account(info.account_number)
                kept = TraderRecord(
                    name=name,
                    key_id=key_id,
                    base_url=url,
                    plugged_ns=await self._broker_time(broker),
                    badge=badge_of(url, key_id),
                    followed=follow,
                )
                await self._keep(kept, secret)
            except PlugtuiError:
                await broker.aclose()
                raise
            self._without_key.pop(name, None)
            account = await self._begin(kept, credentials, broker)
            account.account_number = info.account_number
        log.info("trader %s plugged in (%s)", name, kept.badge)
        return account.state()

    async def _keep(self, kept: TraderRecord, secret: Secret) -> None:
        await self._vault.put(_vault_name(kept.name), secret)
        try:
            await self._rows.add(kept)
        except StoreError:
            await self._vault.delete(_vault_name(kept.name))
            raise

    async def unplug(self, name: str) -> None:
        """End an account's stream; forget its key, its trades and its record.

        Raises:
            ControlError: there is no such trader.
            StoreError: it could not be removed from the database.
        """
        async with self._changing:
            if name not in self._without_key:
                account = self._require(name)
                task = self._running.pop(name)
                task.cancel()
                await asyncio.wait([task])
                del self._accounts[name]
                await account.aclose()
                self._without_key[name] = account.kept  # until the database has forgotten it as well
            await self._rows.remove(name)
            del self._without_key[name]
            await self._vault.delete(_vault_name(name))
        log.info("trader %s unplugged", name)

    async def follow(self, name: str) -> TraderState:
        """Tell a trader's trades from now on. Raises ControlError, StoreError."""
        return await self._set_followed(name, True)

    async def unfollow(self, name: str) -> TraderState:
        """Tell a trader's trades no longer; they are still kept for its record. Raises ControlError, StoreError."""
        return await self._set_followed(name, False)

    async def _set_followed(self, name: str, followed: bool) -> TraderState:
        account = self._require(name)
        await account.follow(followed)
        return account.state()

    async def _broker_time(self, broker: Broker) -> int:
        """Return the time by which fills are stamped; this machine's clock may be off."""
        try:
            return (await broker.clock()).now_ns
        except BrokerError as error:
            log.info("the broker's clock was not read: %s", error.title)
            return self._around.now_ns()

    # ------------------------------------------------------------ checks

    def _require(self, name: str) -> PluggedAccount:
        if name in self._without_key:
            raise ControlError(f"the key of '{name}' is gone", "Unplug it, then plug it in again.")
        if name not in self._accounts:
            known = ", ".join(sorted(self._accounts)) or "none"
            raise ControlError(f"there is no trader '{name}'", f"Plugged in: {known}.")
        return self._accounts[name]

    def _check_new(self, name: str, key_id: str, secret: Secret) -> None:
        if not _NAME.fullmatch(name):
            raise ControlError(
                f"'{name}' cannot be the name of a trader",
                "Use 1 to 40 letters, digits, dots, dashes or underscores, beginning with a letter or digit.",
            )
        if name in self._accounts:
            raise ControlError(f"there is a trader '{name}' already", "Choose another name, or unplug it first.")
        if not key_id or not secret:
            raise ControlError("half of the key is missing", "Both the key id and the secret key are needed.")
        own, _ = self._own()
        if own is not None and _same_key(own, key_id, secret):
            raise _own_account()
        twin = next((n for n, a in self._accounts.items() if _same_key(a.credentials, key_id, secret)), None)
        if twin is not None:
            raise ControlError(f"this key is plugged in already, as '{twin}'")

    def _check_account(self, number: str) -> None:
        """Refuse a second key of an account whose one stream is held already (protocol §2.6)."""
        if not number:
            return
        if number == self._own()[1]:
            raise _own_account()
        twin = next((name for name, account in self._accounts.items() if account.account_number == number), None)
        if twin is not None:
            raise ControlError(f"this account is plugged in already, as '{twin}'")


def _own_account() -> ControlError:
    return ControlError(
        "this key belongs to the account that this engine trades with",
        "It is on the dashboard already; plug in another account.",
    )


def _same_key(credentials: Credentials, key_id: str, secret: Secret) -> bool:
    if key_id == OAUTH_KEY_ID:
        return credentials.secret == secret
    return credentials.key_id == key_id


def _vault_name(name: str) -> str:
    return f"trader:{name}"


def _task_name(name: str) -> str:
    return f"trader {name}"


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ControlError(f"the address was '{url}'", "Expected a trading host such as https://api.alpaca.markets.")
    return url.rstrip("/").removesuffix("/v2")


async def _validate(broker: Broker) -> AccountInfo:
    """Read the account with a new key. Raises ControlError."""
    try:
        return await broker.account()
    except BrokerRefused as error:
        raise ControlError(
            f"the broker refused the key ({error.status})",
            "Check key, secret and trading host: a paper key works on the paper host only.",
        ) from error
    except BrokerError as error:
        raise ControlError(
            f"the key could not be checked: {error.title}", "Nothing was kept; try again later."
        ) from error
