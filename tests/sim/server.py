"""A server with the trading half alone, on a market that a test moves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web

from plugtui.sim.account_stream import AccountStreams
from plugtui.sim.accounts import Account
from plugtui.sim.rest_trading import add_trading_routes
from tests.sim.support import Bench


@dataclass
class TradingServer:
    """What a test needs of it."""

    bench: Bench
    streams: AccountStreams
    url: str
    http: aiohttp.ClientSession

    def account(self, name: str = "demo") -> Account:
        """Return an account as its past left it."""
        return self.bench.exchange.accounts[name]

    def keys(self, name: str = "demo") -> dict[str, str]:
        """Return the headers of an account's key pair."""
        account = self.account(name)
        return {"APCA-API-KEY-ID": account.key_id, "APCA-API-SECRET-KEY": account.secret.reveal()}

    async def call(self, method: str, path: str, name: str = "demo", **options: Any) -> tuple[int, Any]:
        """Make a request as an account; return status and JSON."""
        async with self.http.request(method, self.url + path, headers=self.keys(name), **options) as response:
            return response.status, await response.json() if response.content_length else None

    async def get(self, path: str, name: str = "demo", **params: str) -> Any:
        """Return the JSON of a GET that must succeed."""
        status, body = await self.call("GET", path, name, params=params)
        assert status == 200, body
        return body

    async def order(self, name: str = "demo", **body: Any) -> Any:
        """Place an order that must be accepted: by default the purchase of one share at market."""
        usual = {"symbol": "AAPL", "qty": "1", "side": "buy", "type": "market", "time_in_force": "day"}
        status, answer = await self.call("POST", "/v2/orders", name, json=usual | body)
        assert status == 200, answer
        return answer


@asynccontextmanager
async def trading_server(**options: Any) -> AsyncIterator[TradingServer]:
    """Serve an exchange whose clock stands still unless moved."""
    bench = Bench(**options)
    app = web.Application()
    add_trading_routes(app, bench.exchange, bench.faults)
    streams = AccountStreams(bench.exchange, bench.faults)
    streams.add_to(app)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with aiohttp.ClientSession() as http:
            yield TradingServer(bench, streams, f"http://127.0.0.1:{runner.addresses[0][1]}", http)
    finally:
        await streams.aclose()
        await runner.cleanup()


async def in_thread(call: Any, *args: Any, **options: Any) -> Any:
    """Run a blocking SDK call beside the server's event loop."""
    return await asyncio.to_thread(call, *args, **options)
