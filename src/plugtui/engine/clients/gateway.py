"""The gateway port: Alpaca's streams and REST for local algorithms, and plugtui's own routes (architecture §3)."""

import asyncio
import contextlib
import errno
import logging
from collections.abc import Awaitable, Callable

from aiohttp import WSCloseCode, hdrs, web
from aiohttp.typedefs import Middleware

from plugtui.config import Settings
from plugtui.engine.clients.access import Access
from plugtui.engine.clients.account_client import AccountClient, AccountOutlets
from plugtui.engine.clients.algos import AlgoDirectory
from plugtui.engine.clients.client_socket import ANSWER_CLOSE_S, ClientSocket, accept
from plugtui.engine.clients.data_client import DataClient
from plugtui.engine.market.upstreams import Upstreams
from plugtui.errors import AddressInUse, PlugtuiError
from plugtui.wire.paths import Endpoint, resolve

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_WATCH_EVERY_S = 0.5
_GOODBYE_S = 2.0


@web.middleware
async def forgive_vanished(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Pass over a client that goes before it is answered: nothing of ours has failed."""
    try:
        return await handler(request)
    except ConnectionError as gone:
        if request.transport is not None and not request.transport.is_closing():
            raise
        log.debug("%s: %s", request.path, gone)
        return web.Response(status=400)


class Gateway:
    """Listen, and hand each request to what serves it.

    Args:
        passthrough: answers every request that is neither a stream nor one of ``routes``.
        routes: plugtui's own routes.
        guard: refuses browser pages.
    """

    def __init__(
        self,
        settings: Settings,
        access: Access,
        directory: AlgoDirectory,
        upstreams: Upstreams,
        outlets: AccountOutlets,
        passthrough: Handler,
        routes: list[web.RouteDef],
        guard: Middleware,
    ) -> None:
        self._settings = settings
        self._access = access
        self._directory = directory
        self._upstreams = upstreams
        self._outlets = outlets
        self._passthrough = passthrough
        self._sockets: set[ClientSocket] = set()
        self._left = asyncio.Event()
        self._delivered_before = 0
        app = web.Application(middlewares=[forgive_vanished, guard], client_max_size=64 * 1024 * 1024)
        app.add_routes(routes)
        app.router.add_route("*", "/{path:.*}", self._dispatch)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_GOODBYE_S, handle_signals=False)
        self.url = ""

    @property
    def clients(self) -> int:
        """How many streams are open."""
        return len(self._sockets)

    @property
    def deliveries(self) -> int:
        """Messages handed to clients since the start."""
        return self._delivered_before + sum(socket.messages for socket in self._sockets)

    async def start(self) -> None:
        """Listen. Raises AddressInUse."""
        gateway = self._settings.gateway
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, gateway.host, gateway.port).start()
        except OSError as problem:
            await self._runner.cleanup()
            if problem.errno == errno.EADDRINUSE:
                raise AddressInUse(
                    f"port {gateway.port} of {gateway.host} is taken by another program",
                    "end that program, or choose another port with --port or PLUGTUI_GATEWAY_PORT",
                ) from problem
            raise PlugtuiError(f"cannot listen on {gateway.host}:{gateway.port}: {problem.strerror}") from problem
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def watch(self) -> None:
        """Look after clients that do not read, until cancelled."""
        while True:
            await asyncio.sleep(_WATCH_EVERY_S)
            for socket in list(self._sockets):
                socket.check_progress()

    async def aclose(self) -> None:
        """Stop accepting, and close every client with 1001."""
        for site in list(self._runner.sites):
            await site.stop()
        for socket in self._sockets:
            socket.close(WSCloseCode.GOING_AWAY, "shutdown")
        await self._goodbyes()
        await self._runner.cleanup()

    async def _goodbyes(self) -> None:
        """Wait for the clients' answers: the server, once it shuts down, no longer reads what they send."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_CLOSE_S):
                while self._sockets:
                    self._left.clear()
                    await self._left.wait()

    # ---------------------------------------------------------------- requests

    async def _dispatch(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get(hdrs.UPGRADE, "").lower() != "websocket":
            return await self._passthrough(request)
        feed = self._settings.gateway.root_path_feed or self._settings.upstream.feed
        endpoint = resolve(request.raw_path, feed)
        if endpoint is None:
            return web.json_response({"code": 40410000, "message": f"there is no stream at {request.path}"}, status=404)
        response = await accept(request)
        client = self._client(request, endpoint)
        self._sockets.add(client.socket)
        try:
            await client.serve(response)
        finally:
            self._sockets.discard(client.socket)
            self._left.set()
            self._delivered_before += client.socket.messages
        return response

    def _client(self, request: web.Request, endpoint: Endpoint) -> DataClient | AccountClient:
        limits = self._settings.slow_client
        if endpoint.kind == "account":
            return AccountClient(request, self._outlets, self._access, self._directory, limits)
        upstream = self._upstreams.get(endpoint)
        return DataClient(request, endpoint, upstream, self._access, self._directory, limits)
