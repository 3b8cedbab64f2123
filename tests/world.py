"""The whole machine in one process: the exchange simulator and a real engine on it, with sockets and a database."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from plugtui.brokers.port import Credentials
from plugtui.config import AccountSettings, GatewaySettings, Settings, SlowClientSettings, UpstreamSettings
from plugtui.control.client import ControlClient
from plugtui.engine.engine import Engine
from plugtui.paths import Paths
from plugtui.sim.events import Event
from plugtui.sim.server import SimSettings, Simulator


@dataclass
class World:
    """A simulator and an engine on it."""

    simulator: Simulator
    engine: Engine
    key_id: str
    secret: str = field(repr=False)
    sent: list[Event] = field(default_factory=list)
    """Every data message that the simulator has generated."""

    @property
    def url(self) -> str:
        """The gateway's address for REST."""
        return self.engine.info.url

    @property
    def ws_url(self) -> str:
        """The gateway's address for streams."""
        return self.url.replace("http", "ws")

    def executions(self, account: str = "demo") -> list[dict[str, Any]]:
        """Return the simulator's truth: every execution since it started, oldest first."""
        exchange = self.simulator.exchange
        return exchange.truth_of_executions(exchange.accounts[account])

    def control(self) -> ControlClient:
        """Return a client of the control link, not connected yet."""
        return ControlClient(self.url, self.engine.info.token)

    async def status(self) -> dict[str, Any]:
        """Return what ``plugtui status`` shows."""
        client = self.control()
        await client.connect(states=False)
        try:
            return dict(await client.command("status"))
        finally:
            await client.aclose()

    def messages(self, symbol: str, channel: str) -> list[dict[str, Any]]:
        """Return what the simulator has generated for a symbol and channel, as plain values."""
        return [
            msgspec.to_builtins(e.message, enc_hook=lambda stamp: stamp.ns)
            for e in self.sent
            if (e.symbol, e.channel) == (symbol, channel)
        ]


def settings_for(simulator: Simulator, **changes: Any) -> Settings:
    """Return the settings of an engine on this simulator, quick enough for tests."""
    settings = Settings(
        gateway=GatewaySettings(port=0),
        upstream=UpstreamSettings(
            trading_url=simulator.url,
            data_url=simulator.url,
            stream_url=simulator.url.replace("http", "ws"),
            unsubscribe_delay_s=0.2,
        ),
        slow_client=SlowClientSettings(),
        account=AccountSettings(poll_s=0.5, reconcile_s=1.0),
    )
    return msgspec.structs.replace(settings, **changes)


@contextlib.asynccontextmanager
async def engine_on(
    simulator: Simulator, home: Path, settings: Settings | None = None, account: str = "demo"
) -> AsyncIterator[Engine]:
    """Run an engine for one of the simulator's accounts."""
    keys = simulator.account(account)
    credentials = Credentials(keys.key_id, keys.secret, simulator.url)
    paths = Paths("default", {"PLUGTUI_HOME": str(home)}).ensure()
    async with AsyncExitStack() as stack:
        yield await Engine.start(settings or settings_for(simulator), credentials, paths, stack, asyncio.Event())


@contextlib.asynccontextmanager
async def world(
    home: Path, sim: SimSettings | None = None, settings: dict[str, Any] | None = None
) -> AsyncIterator[World]:
    """Run a simulator and an engine on it; cut sessions give their slot back at once unless ``sim`` says otherwise."""
    sim = sim or SimSettings(rate=300)
    sim.faults.update({"linger_s": 0.0, "rate_limit": 0})
    async with Simulator(sim) as simulator:
        sent: list[Event] = []
        publish = simulator.streams.publish

        def publish_and_keep(events: Iterable[Event]) -> None:
            kept = list(events)
            sent.extend(kept)
            publish(kept)

        simulator.streams.publish = publish_and_keep  # type: ignore[method-assign]
        async with engine_on(simulator, home, settings_for(simulator, **(settings or {}))) as engine:
            keys = simulator.account("demo")
            yield World(simulator, engine, keys.key_id, keys.secret.reveal(), sent)
