"""Carry HTTP requests to Alpaca's hosts with the real credentials put in, and the answers back as they are.

Nothing of a client's own credentials leaves this module, and nothing of the answer is changed: bodies go through byte for byte
(compressed ones stay so), as they come.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping

import aiohttp
import msgspec
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from plugtui.brokers.port import Credentials
from plugtui.engine.clients.access import CREDENTIAL_HEADERS, KEY_HEADER, SECRET_HEADER
from plugtui.engine.rest.routes import clean_path
from plugtui.errors import describe

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 5.0
MAX_CONNECTIONS = 128
_KEEPALIVE_S = 15.0
"""Shorter than servers keep idle connections, so that an order hardly ever meets one that was just closed."""
_ORDERS = "orders"
_LISTEN_S = 5.0
"""How often an event stream in silence looks whether its client is still there."""

_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_NOT_FORWARDED = _HOP_BY_HOP | {name.lower() for name in CREDENTIAL_HEADERS} | {"host", "expect", "origin", "referer"}
_NOT_RETURNED = _HOP_BY_HOP | {"set-cookie", "alt-svc", "strict-transport-security"}
_AUTO_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""Headers that the HTTP client would add by itself: the request goes out with what the caller sent."""


class NotSent(Exception):
    """The host could not be reached: the request has certainly not been carried out."""


class NoAnswer(Exception):
    """The request went out, the answer did not come: whether it was carried out is not known."""


class Answer(msgspec.Struct, frozen=True):
    """An answer that was read to its end."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes


def error_response(code: int, message: str, headers: Mapping[str, str] | None = None, **extra: str) -> web.Response:
    """Return an error in Alpaca's form (protocol §3.1).

    Args:
        code: Alpaca's code; the first three digits are the HTTP status.
        message: what is wrong.
        headers: further headers.
        extra: further keys of the body.
    """
    return web.json_response({"code": code, "message": message, **extra}, status=code // 100_000, headers=headers)


class Forwarder:
    """Own the connections to Alpaca's hosts. Use between :meth:`start` and :meth:`aclose`.

    Orders, other requests to the trading host, and the data host have connections of their own: a host that hangs, or
    algorithms that do not read their answers, use up theirs only.

    Args:
        credentials: the real ones; ``base_url`` is the trading host.
        data_url: the data host.
        timeout_s: how long a host may be silent; event streams have no limit.
        stall_s: how long an algorithm may read nothing of its answer before it is cut.
    """

    def __init__(self, credentials: Credentials, data_url: str, timeout_s: float = 10.0, stall_s: float = 5.0) -> None:
        self._credentials = credentials
        self._hosts = {"trading": credentials.base_url.rstrip("/"), "data": data_url.rstrip("/")}
        self._timeout_s = timeout_s
        self._stall_s = stall_s
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    def start(self) -> None:
        """Open the sessions; needs a running loop."""
        self._sessions = {
            pool: aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS, keepalive_timeout=_KEEPALIVE_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                skip_auto_headers=_AUTO_HEADERS,
            )
            for pool in (_ORDERS, *self._hosts)
        }

    async def aclose(self) -> None:
        """Close all connections to the hosts."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    def _target(self, host: str, path_qs: str) -> URL:
        path, mark, query = path_qs.partition("?")
        return URL(self._hosts[host] + clean_path(path) + mark + query, encoded=True)

    def _headers(self, headers: Mapping[str, str]) -> CIMultiDict[str]:
        named = {name.strip().lower() for name in headers.get("Connection", "").split(",")}
        kept = CIMultiDict(
            (name, value)
            for name, value in headers.items()
            if name.lower() not in _NOT_FORWARDED and name.lower() not in named
        )
        # the only place where the gateway puts the real credentials on the wire
        if self._credentials.key_id == "oauth":
            kept["Authorization"] = f"Bearer {self._credentials.secret.reveal()}"
        else:
            kept[KEY_HEADER] = self._credentials.key_id
            kept[SECRET_HEADER] = self._credentials.secret.reveal()
        return kept

    def _timeout(self, endless: bool) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(
            total=None, connect=CONNECT_TIMEOUT_S, sock_read=None if endless else self._timeout_s
        )

    def _open(self, pool: str) -> aiohttp.ClientSession:
        if pool not in self._sessions:
            raise NotSent("the gateway is shutting down")
        return self._sessions[pool]

    async def call(
        self, method: str, host: str, path_qs: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        """Send a request about orders and read the whole answer, uncompressed.

        Args:
            method: in capitals.
            host: ``trading`` or ``data``.
            path_qs: percent-encoded path and query.
            headers: the client's.
            body: exact bytes.

        Raises:
            NotSent: the host was not reached.
            NoAnswer: it was, and did not answer in time or to the end.
        """
        prepared = self._headers(headers)
        prepared["Accept-Encoding"] = "identity"
        prepared.popall("Content-Length", None)
        session = self._open(_ORDERS)
        try:
            async with (
                asyncio.timeout(self._timeout_s + CONNECT_TIMEOUT_S),
                session.request(
                    method,
                    self._target(host, path_qs),
                    headers=prepared,
                    data=body,
                    allow_redirects=False,
                    timeout=self._timeout(endless=False),
                ) as upstream,
            ):
                return Answer(upstream.status, upstream.headers, await upstream.read())
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise NotSent(describe(error)) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NoAnswer(describe(error)) from error

    async def stream(
        self,
        request: web.Request,
        host: str,
        on_answer: Callable[[int, Mapping[str, str]], None],
        endless: bool = False,
    ) -> web.StreamResponse:
        """Carry a request and its answer through as the bytes come.

        Args:
            request: the client's; its body is read before a connection is taken.
            host: ``trading`` or ``data``.
            on_answer: told status and headers as soon as they are there.
            endless: server-sent events: no limit on silence.

        Raises:
            NotSent: the host was not reached.
            NoAnswer: it was, and the answer did not begin in time.
        """
        session = self._open(host)
        body = await request.read() if request.can_read_body else None
        try:
            upstream = await session.request(
                request.method,
                self._target(host, raw_path_qs(request)),
                headers=self._headers(request.headers),
                data=body,
                allow_redirects=False,
                timeout=self._timeout(endless),
            )
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise NotSent(describe(error)) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NoAnswer(describe(error)) from error
        async with upstream:
            on_answer(upstream.status, upstream.headers)
            response = web.StreamResponse(
                status=upstream.status, reason=upstream.reason, headers=returned(upstream.headers)
            )
            try:
                await response.prepare(request)
                await self._copy(upstream.content, response, request, endless)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                # the status has been sent: only a cut connection tells the client that the rest is missing
                log.info("an answer of the %s host was cut off: %s", host, describe(error))
                if request.transport:
                    request.transport.abort()
            return response

    async def _copy(
        self, source: aiohttp.StreamReader, response: web.StreamResponse, request: web.Request, endless: bool
    ) -> None:
        while True:
            if endless:
                try:
                    chunk = await asyncio.wait_for(source.readany(), _LISTEN_S)
                except TimeoutError:
                    if request.transport is None or request.transport.is_closing():
                        return
                    continue
            else:
                chunk = await source.readany()
            if not chunk:
                break
            await self._hand_over(response, chunk)
        await response.write_eof()

    async def _hand_over(self, response: web.StreamResponse, chunk: bytes) -> None:
        """Write a part of an answer, while a connection to the host waits. Raises OSError when it is not read."""
        try:
            async with asyncio.timeout(self._stall_s):
                await response.write(chunk)
        except TimeoutError:
            raise OSError(f"the algorithm has read nothing of it for {self._stall_s:g} s") from None


def returned(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """Return the headers of an answer that belong to the client."""
    named = {name.strip().lower() for name in headers.get("Connection", "").split(",")}
    return CIMultiDict(
        (name, value)
        for name, value in headers.items()
        if name.lower() not in _NOT_RETURNED and name.lower() not in named
    )


def raw_path_qs(request: web.BaseRequest) -> str:
    """Return path and query exactly as they were sent."""
    raw = request.raw_path
    return raw if raw.startswith("/") else request.rel_url.raw_path_qs
