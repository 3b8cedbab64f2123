"""Routes of the simulator's own, below ``/sim``: fault knobs and the sessions that clients hold."""

from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from plugtui.errors import ConfigError
from plugtui.sim.calendar import NS

if TYPE_CHECKING:
    from plugtui.sim.server import Simulator


def add_control_routes(app: web.Application, simulator: "Simulator") -> None:
    """Add ``GET|POST /sim/faults``, ``GET /sim/sessions`` and ``GET /sim/status``."""

    async def show_faults(request: web.Request) -> web.Response:
        faults = simulator.faults
        return web.json_response(faults.describe() if "doc" in request.query else faults.as_dict())

    async def set_faults(request: web.Request) -> web.Response:
        try:
            values = msgspec.json.decode(await request.read(), type=dict[str, object])
            simulator.faults.update(values)
        except (msgspec.DecodeError, ConfigError) as error:
            return web.json_response({"message": str(error)}, status=400)
        return web.json_response(simulator.faults.as_dict())

    async def show_sessions(_: web.Request) -> web.Response:
        return web.json_response(simulator.streams.registry.report(simulator.faults.linger_s))

    async def show_status(_: web.Request) -> web.Response:
        settings = simulator.settings
        now = simulator.clock.now_ns()
        return web.json_response(
            {
                "time_ns": now,
                "elapsed_s": (now - simulator.clock.start_ns) / NS,
                "seed": settings.seed,
                "speed": settings.speed,
                "rate": settings.rate,
                "messages": simulator.messages,
                "symbols": len(simulator.market.instruments),
            }
        )

    app.router.add_get("/sim/faults", show_faults)
    app.router.add_post("/sim/faults", set_faults)
    app.router.add_get("/sim/sessions", show_sessions)
    app.router.add_get("/sim/status", show_status)
