"""``GET /v2/events/trades``: order events as server-sent events, with catch-up, as the Go SDK reads them (protocol §2.7)."""

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from plugtui.sim.accounts import Account
from plugtui.sim.portfolio import read_time
from plugtui.sim.rest_base import Door
from plugtui.wire.times import rfc3339_to_ns

MOST_KEPT = 10_000
"""Events of an account that a later reader can catch up with."""
MOST_QUEUED = 10_000
HEARTBEAT_S = 15.0


class EventRoutes:
    """Keep each account's newest events; send them and what follows to readers."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._kept: dict[str, deque[dict[str, Any]]] = {}
        self._readers: dict[str, set[asyncio.Queue[dict[str, Any]]]] = {}
        door.exchange.listen(self._note)

    def add_to(self, app: web.Application) -> None:
        """Register the route and its older name."""
        for path in ("/v2/events/trades", "/events/trades"):
            app.router.add_get(path, self._door.guard(self._stream), allow_head=False)

    def _note(self, account: str, data: dict[str, Any]) -> None:
        self._kept.setdefault(account, deque(maxlen=MOST_KEPT)).append(data)
        for queue in list(self._readers.get(account, ())):
            if queue.full():
                self._readers[account].discard(queue)  # it does not read: it ends, and may catch up
            else:
                queue.put_nowait(data)

    async def _stream(self, request: web.Request, account: Account) -> web.StreamResponse:
        until_ns, until_id = read_time(request.query, "until"), request.query.get("until_id")
        past = self._past(account.name, request.query)
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(MOST_QUEUED)
        readers = self._readers.setdefault(account.name, set())
        readers.add(queue)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        try:
            await response.prepare(request)
            for data in past:
                await _send(response, data)
            # With an end in the past nothing more can come.
            over = until_id is not None or (until_ns is not None and until_ns <= self._door.exchange.now_ns())
            while not over and queue in readers:
                await self._next(response, queue)
        except ConnectionError:
            return response  # the reader has gone
        finally:
            readers.discard(queue)
        return response

    @staticmethod
    async def _next(response: web.StreamResponse, queue: "asyncio.Queue[dict[str, Any]]") -> None:
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                data = await queue.get()
        except TimeoutError:
            await response.write(b": heartbeat\n\n")
        else:
            await _send(response, data)

    def _past(self, account: str, query: Mapping[str, str]) -> list[dict[str, Any]]:
        since_ns, until_ns = read_time(query, "since"), read_time(query, "until")
        since_id, until_id = query.get("since_id"), query.get("until_id")
        if since_ns is None and not since_id:
            return []
        return [
            data
            for data in self._kept.get(account, ())
            if (not since_id or data["event_id"] >= since_id)
            and (not until_id or data["event_id"] <= until_id)
            and (since_ns is None or rfc3339_to_ns(data["timestamp"]) >= since_ns)
            and (until_ns is None or rfc3339_to_ns(data["timestamp"]) <= until_ns)
        ]


async def _send(response: web.StreamResponse, data: dict[str, Any]) -> None:
    await response.write(b"data: " + json.dumps(data, separators=(",", ":")).encode() + b"\n\n")
