"""Order events as server-sent events."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.sim.server import TradingServer, trading_server


@pytest.fixture
async def server() -> AsyncIterator[TradingServer]:
    async with trading_server() as running:
        yield running


def follow(server: TradingServer, **params: str) -> Any:
    return server.http.get(
        server.url + "/v2/events/trades",
        headers=server.keys() | {"Accept": "text/event-stream"},
        params=params,
        timeout=aiohttp.ClientTimeout(total=30),
    )


async def events(response: aiohttp.ClientResponse, count: int) -> list[dict[str, Any]]:
    found = []
    async for line in response.content:
        if line.startswith(b"data: "):
            found.append(json.loads(line[6:]))
            if len(found) == count:
                break
    return found


async def test_events_arrive_as_they_happen(server: TradingServer) -> None:
    async with follow(server) as response:
        assert response.content_type == "text/event-stream"
        await server.order()
        server.bench.pass_time()
        assert [event["event"] for event in await events(response, 2)] == ["new", "fill"]


async def test_a_reader_catches_up_from_an_event_on(server: TradingServer) -> None:
    for _ in range(3):
        await server.order()
        server.bench.pass_time()
    told = [event for event in server.bench.events if event["account"] == "demo"]
    async with follow(server, since_id=told[2]["event_id"]) as response:
        assert [event["event_id"] for event in await events(response, 4)] == [event["event_id"] for event in told[2:]]
    async with follow(server, since=told[4]["timestamp"]) as response:
        assert [event["event_id"] for event in await events(response, 2)] == [event["event_id"] for event in told[4:]]


async def test_an_end_in_the_past_ends_the_answer(server: TradingServer) -> None:
    await server.order()
    server.bench.pass_time()
    first = server.bench.events[0]["event_id"]
    async with follow(server, since_id=first, until_id=first) as response:
        assert [event["event_id"] for event in await events(response, 9)] == [first]


async def test_keys_are_checked(server: TradingServer) -> None:
    async with server.http.get(server.url + "/v2/events/trades") as response:
        assert response.status == 401
