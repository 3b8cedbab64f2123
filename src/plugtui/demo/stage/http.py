"""Blocking HTTP on the stage: ``requests``, as the SDKs use it, over the loop's network."""

from typing import Any

import aiohttp
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from requests.exceptions import ConnectionError as NoConnection
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers

from plugtui.demo.stage.jobs import current_job


class LoopAdapter(BaseAdapter):
    """Carry the requests of one ``requests`` session, made in worker threads, to servers of the stage."""

    def __init__(self) -> None:
        super().__init__()
        self._http: aiohttp.ClientSession | None = None

    def send(self, request: PreparedRequest, *_: Any, **__: Any) -> Response:
        """Send one request and return the answer, read to its end. Raises requests' ConnectionError."""
        try:
            return current_job().wait_for(self._fetch(request))
        except aiohttp.ClientError as error:
            raise NoConnection(str(error), request=request) from error

    async def _fetch(self, request: PreparedRequest) -> Response:
        if self._http is None:
            self._http = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=True)
        headers = {name: str(value) for name, value in request.headers.items()}
        async with self._http.request(
            str(request.method), str(request.url), headers=headers, data=request.body
        ) as answer:
            body = await answer.read()
        made = Response()
        made.status_code, made.reason, made.url = answer.status, answer.reason or "", str(request.url)
        made.headers = CaseInsensitiveDict(answer.headers)
        made.encoding = get_encoding_from_headers(made.headers)
        made.request = request
        made._content = body
        return made

    def close(self) -> None:
        """Nothing is held: connections end with the stage."""

    async def aclose(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.close()
