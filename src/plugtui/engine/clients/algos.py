"""The algorithms: who is connected under which name, with what counters (rows A1 to A3).

One :class:`Algo` stands for everything under one issued key, or for one program (pid) that runs with the engine's own keys. It
outlives its connections: an algorithm that left stays listed as gone for a day, and a program that is started again takes its
former name.
"""

import asyncio
import re
import time
from collections.abc import Callable
from typing import Protocol

from aiohttp import web

from plugtui.control.messages import AlgoState, Notice
from plugtui.engine.clients.access import Identity
from plugtui.engine.clients.algo import SECOND_NS, Algo, AlgoPnl, ClientConnection, no_pnl
from plugtui.engine.clients.programs import UNKNOWN, Address, Program, Programs, sdk_label
from plugtui.engine.clients.sessions import SessionJournal
from plugtui.errors import ControlError
from plugtui.store.keys import RESERVED_NAMES, AlgoKey
from plugtui.store.store import Store
from plugtui.tasks import Tasks

__all__ = ["Algo", "AlgoDirectory", "AlgoPnl", "ClientConnection"]

KEEP_GONE_NS = 86_400 * SECOND_NS
MAX_GONE = 200
BEHIND_MS = 2_000.0
"""Lag from which an algorithm is reported to be behind."""
CAUGHT_UP_MS = 200.0

CLOSE_GOING_AWAY = 1001
CLOSE_POLICY = 1008


class KeyAdmin(Protocol):
    """What the directory needs of :class:`plugtui.store.keys.KeyStore`."""

    def all(self) -> list[AlgoKey]:
        """Return all issued pairs."""

    async def set_paused(self, name: str, paused: bool) -> AlgoKey:
        """Keep whether an issued pair is paused."""

    async def revoke(self, name: str, now_ns: int) -> AlgoKey:
        """Refuse an issued pair from now on."""


class AlgoDirectory:
    """All algorithms of this engine.

    Args:
        keys: issued pairs; loaded before.
        journal: where joins and leaves are written down.
        programs: finds the program behind a connection.
        pnl: P&L by name.
        now_ns: the clock.
    """

    def __init__(
        self,
        keys: KeyAdmin,
        journal: SessionJournal,
        programs: Programs,
        pnl: AlgoPnl = no_pnl,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._keys = keys
        self.journal = journal
        self._programs = programs
        self._pnl = pnl
        self.now_ns = now_ns
        self._algos: dict[str, Algo] = {}
        self._tasks = Tasks()
        for key in keys.all():
            self.key_issued(key)

    def all(self) -> list[Algo]:
        """Return all algorithms, in the order in which they came."""
        return list(self._algos.values())

    def get(self, name: str | None) -> Algo | None:
        """Return the algorithm called ``name``."""
        return self._algos.get(name) if name else None

    def states(self) -> list[AlgoState]:
        """Return what dashboards are told, by name."""
        now_ns = self.now_ns()
        return [self._algos[name].state(now_ns, self._pnl) for name in sorted(self._algos)]

    # ---------------------------------------------------------------- who is it

    async def admit(self, identity: Identity, request: web.BaseRequest) -> Algo:
        """Return the algorithm that opened this connection or sent this request.

        Args:
            identity: who was let in, from :class:`~plugtui.engine.clients.access.Access`.
            request: the upgrade or the REST request.
        """
        if identity.key and "Upgrade" not in request.headers:
            # its name is known: an order need not wait until the system has told the program
            algo = self._issued(identity.key)
            self._tasks.start(self._meet(algo, request), "meet-program")
            return algo
        program = await self._program(request)
        algo = self._issued(identity.key) if identity.key else self._own(program, request.remote or "")
        _introduce(algo, program, request)
        return algo

    async def _meet(self, algo: Algo, request: web.BaseRequest) -> None:
        _introduce(algo, await self._program(request), request)

    async def _program(self, request: web.BaseRequest) -> Program:
        transport = request.transport
        peer, local = _ends(transport)
        if transport is None or peer is None or local is None:
            return UNKNOWN
        likely = [algo.pid for algo in self._algos.values() if algo.pid is not None and algo.present(self.now_ns())]
        return await self._programs.find(transport, peer, local, likely)

    def _issued(self, key: AlgoKey) -> Algo:
        return self._algos.get(key.name) or self.key_issued(key)

    def _own(self, program: Program, host: str) -> Algo:
        now_ns = self.now_ns()
        base = _algo_name(program.stem) if program.pid is not None else _place(host)
        free: Algo | None = None
        for algo in self._algos.values():
            if algo.key is not None:
                continue
            if program.pid is None:
                if algo.pid is None and algo.name == base:
                    return algo
            elif algo.pid == program.pid and algo.program == program.name and algo.started in (0.0, program.started):
                return algo
            elif algo.program == program.name and not algo.present(now_ns) and not self._programs.alive(algo.pid):
                free = free if free and free.name <= algo.name else algo
        # a program that was started again goes on under its former name
        return free or self._add(self._unique(base), None)

    def _unique(self, base: str) -> str:
        name, number = base, 1
        while name in self._algos:
            number += 1
            name = f"{base}-{number}"
        return name

    def _add(self, name: str, key: AlgoKey | None) -> Algo:
        algo = self._algos[name] = Algo(name, key, self.journal, self.now_ns)
        return algo

    def key_issued(self, key: AlgoKey) -> Algo:
        """List a pair that was just issued, or issued anew.

        Raises:
            ControlError: a program that runs with the engine's own keys has this name.
        """
        self.check_free(key.name)
        present = self._algos.get(key.name)
        algo = self._add(key.name, key)
        if present:
            algo.fills, algo.orders, algo.rejects = present.fills, present.orders, present.rejects
        return algo

    def check_free(self, name: str) -> None:
        """Make sure that a key can be issued to ``name``.

        Raises:
            ControlError: a program that runs with the engine's own keys has this name.
        """
        present = self._algos.get(name)
        if present and present.key is None and present.present(self.now_ns()):
            raise ControlError(
                f"'{name}' is running with the engine's own keys",
                "Stop it before a key of its own is issued to it, or choose another name.",
            )

    async def recall_recent(self, store: Store) -> None:
        """List the algorithms of the last day that an earlier run of the engine knew, so that each keeps its name and orders.

        Raises:
            StoreError: the database cannot be read.
        """
        rows = await store.read(
            "SELECT algo, program, pid, sdk, address, MAX(COALESCE(to_ns, from_ns)) AS seen_ns FROM sessions"
            " WHERE COALESCE(to_ns, from_ns) > ? GROUP BY algo ORDER BY seen_ns DESC LIMIT ?",
            (self.now_ns() - KEEP_GONE_NS, MAX_GONE),
        )
        for row in rows:
            algo = self._algos.get(row["algo"]) or self._add(row["algo"], None)
            algo.recall(row["program"], row["pid"], row["sdk"], row["address"], row["seen_ns"])
        # as executions are counted over all runs, so are orders; the legs of an order were not sent by the program
        rows = await store.read(
            "SELECT algo, COUNT(*) AS sent FROM orders WHERE algo IS NOT NULL AND parent_id IS NULL GROUP BY algo"
        )
        for row in rows:
            if (known := self._algos.get(row["algo"])) is not None:
                known.orders = row["sent"]

    # ---------------------------------------------------------------- what the user asks

    async def pause(self, name: str) -> Algo:
        """Refuse new orders of ``name`` from now on.

        Raises:
            ControlError: there is no such algorithm.
            StoreError: it could not be kept; nothing changed.
        """
        return await self._set_paused(name, True)

    async def resume(self, name: str) -> Algo:
        """Let ``name`` send orders again; raises as :meth:`pause` does."""
        return await self._set_paused(name, False)

    async def _set_paused(self, name: str, paused: bool) -> Algo:
        algo = self.require(name)
        if algo.key is not None:
            algo.key = await self._keys.set_paused(name, paused)
        algo.paused = paused
        return algo

    async def revoke(self, name: str) -> int:
        """Refuse the key of ``name`` from now on, and close its streams; return how many.

        Raises:
            ControlError: no key was issued to it.
            StoreError: it could not be kept; nothing changed.
        """
        algo = self.get(name)
        if algo is not None and algo.key is None:
            raise ControlError(
                f"'{name}' runs with the engine's own keys, which cannot be revoked here",
                f"Pause it (plugtui algos pause {name}), or end the program.",
            )
        key = await self._keys.revoke(name, self.now_ns())
        if algo is None:
            return 0
        algo.key = key
        return algo.close_all(CLOSE_POLICY, "key revoked", "revoked")

    def disconnect(self, name: str) -> int:
        """Close the streams of ``name``, which may connect again; return how many.

        Raises:
            ControlError: there is no such algorithm.
        """
        return self.require(name).close_all(CLOSE_GOING_AWAY, "disconnected by the user", "disconnected")

    def require(self, name: str) -> Algo:
        """Return the algorithm called ``name``.

        Raises:
            ControlError: there is none.
        """
        algo = self._algos.get(name)
        if algo is None:
            known = ", ".join(sorted(self._algos)) or "none yet"
            raise ControlError(f"there is no algorithm '{name}'", f"Known: {known}.")
        return algo

    # ---------------------------------------------------------------- as time passes

    def sample(self) -> None:
        """Work out rates, report who has fallen behind, and drop who left long ago; once a second."""
        now_ns = self.now_ns()
        for algo in self._algos.values():
            algo.sample(now_ns)
            self._watch_lag(algo, now_ns)
        self._drop_old(now_ns)

    def _watch_lag(self, algo: Algo, now_ns: int) -> None:
        lag_ms = algo.lag_ms or 0.0
        if algo.behind:
            algo.behind = lag_ms > CAUGHT_UP_MS
        elif lag_ms > BEHIND_MS:
            algo.behind = True
            self.journal.note(
                Notice(
                    level="warning",
                    text=f"{algo.name} is {lag_ms / 1000:.1f} s behind",
                    hint="It reads more slowly than data arrives: fewer symbols, or less work in its handlers.",
                    algo=algo.name,
                ),
                now_ns,
            )

    def _drop_old(self, now_ns: int) -> None:
        gone = [algo for algo in self._algos.values() if not algo.present(now_ns) and (not algo.key or algo.revoked)]
        gone.sort(key=lambda algo: algo.last_seen_ns or algo.created_ns, reverse=True)
        for place, algo in enumerate(gone):
            # one that is paused must not come back able to trade
            if (place >= MAX_GONE or now_ns - _left_ns(algo) > KEEP_GONE_NS) and not algo.paused:
                del self._algos[algo.name]

    async def run(self) -> None:
        """Sample once a second and write the journal, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.journal.run(), name="algo-journal")
            group.create_task(self._sample_forever(), name="algo-sampler")

    async def _sample_forever(self) -> None:
        while True:
            self.sample()
            await asyncio.sleep(1.0)

    async def aclose(self) -> None:
        """Write what is left and let the look-up thread end."""
        self._programs.aclose()
        await self._tasks.aclose()
        await self.journal.aclose()


def _left_ns(algo: Algo) -> int:
    revoked_ns = algo.key.revoked_ns if algo.key else None
    return max(algo.last_seen_ns or algo.created_ns, revoked_ns or 0)


def _algo_name(stem: str) -> str:
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:40]
    return f"{name}-algo" if name.lower() in RESERVED_NAMES else name or "program"


def _place(host: str) -> str:
    return "local" if host in ("", "127.0.0.1", "::1") else host.replace(":", "-")


def _ends(transport: asyncio.Transport | None) -> tuple[Address | None, Address | None]:
    if transport is None:
        return None, None
    ends = (transport.get_extra_info("peername"), transport.get_extra_info("sockname"))
    peer, local = ((end[0], end[1]) if isinstance(end, tuple) and len(end) >= 2 else None for end in ends)
    return peer, local


def _introduce(algo: Algo, program: Program, request: web.BaseRequest) -> None:
    headers = request.headers
    algo.met(program, sdk_label(headers.get("User-Agent", ""), headers.get("Content-Type", "")), _peer_text(request))


def _peer_text(request: web.BaseRequest) -> str:
    peer, _ = _ends(request.transport)
    return f"{peer[0]}:{peer[1]}" if peer else request.remote or ""
