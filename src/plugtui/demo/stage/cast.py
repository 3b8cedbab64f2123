"""Who plays: the sample algorithms as they are, a program that does not behave, and the traders."""

import asyncio
import importlib.util
import os
import uuid
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from random import Random
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import aiohttp

from plugtui.demo import algorithms
from plugtui.demo.stage.http import LoopAdapter
from plugtui.demo.stage.network import dialling
from plugtui.demo.traders import PAUSE_S, Trader
from plugtui.demo.world import own_environ
from plugtui.engine.clients.programs import Program
from plugtui.errors import PlugtuiError
from plugtui.tasks import Tasks

PIDS = {"meanrev": 4121, "momentum": 4137, "pairs": 4152, "breakout": 4188}
_DIRECTORY = Path(algorithms.__file__).parent


def names() -> list[str]:
    """Return the sample algorithms."""
    return ["meanrev", "momentum", "pairs"]


async def playing(name: str, work: Coroutine[Any, Any, None]) -> None:
    """Do ``work`` as the program ``name``: connections that it opens are that program's."""
    dialling.set(Program(f"{name}.py", PIDS[name], 1.0))
    await work


class Sample:
    """One of the sample algorithms: its own file, with its SDK, on the stage's clock and network.

    Args:
        name: of the sample.
        environ: addresses and keys, as a real one would find them in its environment.
        seed: of its order ids.
        monotonic: the stage's clock.

    Raises:
        PlugtuiError: its SDK is not installed.
    """

    def __init__(self, name: str, environ: Mapping[str, str], seed: int, monotonic: Callable[[], float]) -> None:
        self.name = name
        self._adapters: list[LoopAdapter] = []
        ids = Random(f"{seed}:{name}")

        def uuid4() -> uuid.UUID:
            return uuid.UUID(int=ids.getrandbits(128), version=4)

        with patch.dict(os.environ, own_environ(environ), clear=True), patch("uuid.uuid4", uuid4):
            self._module = _load(name)
        vars(self._module).update(
            time=SimpleNamespace(monotonic=monotonic), uuid=SimpleNamespace(uuid4=uuid4), print=lambda *_: None
        )

    async def run(self) -> None:
        """Trade until cancelled, as the file does when it is started."""
        module = self._module
        if self.name == "meanrev":
            self._reroute(module.rest._session)
            module.stream.subscribe_trades(module.on_trade, *module.SYMBOLS)
            module.stream.subscribe_trade_updates(module.on_update)
            await module.stream._run_forever()
        elif self.name == "momentum":
            self._reroute(module.trading._session)
            module.data.subscribe_quotes(module.on_quote, *module.SYMBOLS)
            module.updates.subscribe_trade_updates(module.on_update)
            await asyncio.gather(module.data._run_forever(), module.updates._run_forever())
        else:
            await module.main()

    def _reroute(self, session: Any) -> None:
        self._adapters.append(LoopAdapter())
        session.mount("http://", self._adapters[-1])

    async def aclose(self) -> None:
        """Close its connections for REST."""
        for adapter in self._adapters:
            await adapter.aclose()


def _load(name: str) -> ModuleType:
    path = _DIRECTORY / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"plugtui.demo.stage.played_{name}", path)
    if spec is None or spec.loader is None:
        raise PlugtuiError(f"the sample algorithm {path} cannot be read")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except ImportError as error:
        raise PlugtuiError(
            f"the sample algorithm {name} cannot run: {error}", "Install plugtui with its demo extra: plugtui[demo]."
        ) from error
    return module


async def breakout(url: str, headers: Mapping[str, str], seconds: float) -> None:
    """Be the program that makes trouble: orders that are refused, cancelled and rejected; then it vanishes."""
    key = {"action": "auth", "key": headers["APCA-API-KEY-ID"], "secret": headers["APCA-API-SECRET-KEY"]}
    orders = f"{url}/v2/orders"
    tasks = Tasks()
    async with aiohttp.ClientSession(headers=headers) as http:
        socket = await http.ws_connect(f"{url}/v2/iex")
        await socket.send_json(key)
        await socket.send_json({"action": "subscribe", "bars": ["SPY"], "quotes": ["SPY", "IWM"]})
        tasks.start(_drain(socket), "breakout reads")
        await asyncio.sleep(seconds / 2)
        await _send(http, "POST", orders, _order("breakout-1", "SPY", 100_000))
        await _send(http, "POST", orders, _order("breakout-2", "SPY", 3))
        resting = await _send(http, "POST", orders, _order("breakout-3", "IWM", 4, type="limit", limit_price="20"))
        await asyncio.sleep(seconds / 2 - 3)
        await _send(http, "DELETE", f"{orders}/{resting['id']}", None)
        await _send(http, "POST", orders, _order("breakout-4", "COIN", 4))
        await asyncio.sleep(2)
        await tasks.aclose()
        # Without a close frame, as a program goes that is killed.
        if http.connector is not None:
            await http.connector.close()


async def _drain(socket: aiohttp.ClientWebSocketResponse) -> None:
    async for _ in socket:
        continue


def _order(own_id: str, symbol: str, qty: int, **more: Any) -> dict[str, Any]:
    order = {"symbol": symbol, "qty": str(qty), "side": "buy", "type": "market", "time_in_force": "day"}
    return {**order, "client_order_id": own_id, **more}


async def _send(http: aiohttp.ClientSession, method: str, url: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
    """Send a request, again when there were too many, and return the answer."""
    while True:
        async with http.request(method, url, json=body) as answer:
            if answer.status != 429:
                return dict(await answer.json()) if await answer.read() else {}
        await asyncio.sleep(0.2)


async def trade(url: str, headers: Mapping[str, Mapping[str, str]], seed: int) -> None:
    """Be the traders, each on an account of its own, straight at the exchange; until cancelled.

    Args:
        url: of the exchange.
        headers: name → credentials.
        seed: of what they do.
    """
    traders = [Trader(name, seed) for name in headers]
    pauses = Random(seed)
    async with aiohttp.ClientSession() as http:
        while True:
            for trader in traders:
                order = trader.next_order()
                async with http.post(f"{url}/v2/orders", json=order, headers=headers[trader.name]) as answer:
                    if answer.status == 200:
                        trader.sent(order)
                await asyncio.sleep(pauses.uniform(*PAUSE_S) / len(traders))
