"""``/metrics`` and ``/healthz``."""

import re

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from plugtui.control.messages import AlgoState, StreamState
from plugtui.engine.metrics import render, routes
from tests.engine.control_kit import ENGINE, States

SECOND = 1_000_000_000


def stream(name: str, state: str) -> StreamState:
    return StreamState(
        name=name, endpoint="/v2/iex", state=state, since_ns=0, lag_ms=12.5, last_message_ns=SECOND, messages=7
    )


def source() -> States:
    return States(
        of_engine=msgspec.structs.replace(ENGINE, deliveries=1234),
        of_streams=[stream("data iex", "live"), stream("account", "waiting")],
        of_algos=[AlgoState(name='odd "name"\\\n', status="connected", issued=True, messages=5, lag_ms=None)],
    )


def test_the_page_has_the_form_that_prometheus_reads() -> None:
    page = render(source(), {"budget_refused_total": 3}, 4 * SECOND)
    sample = re.compile(r'plugtui_[a-z_]+(\{([a-z]+="([^"\\\n]|\\["\\n])*",?)+\})? -?\d+(\.\d+)?(e-?\d+)?')
    families: list[str] = []
    for line in page.splitlines():
        if line.startswith("# TYPE"):
            families.append(line.split()[2])
        elif not line.startswith("#"):
            assert sample.fullmatch(line), line
            assert line.startswith(families[-1])
    assert len(families) == len(set(families))
    assert "plugtui_deliveries_total 1234" in page
    assert 'plugtui_stream_lag_seconds{stream="data iex"} 0.0125' in page
    assert 'plugtui_stream_silence_seconds{stream="account"} 3' in page
    assert 'plugtui_algo_messages_total{algo="odd \\"name\\"\\\\\\n"} 5' in page
    assert "plugtui_budget_refused_total 3" in page
    assert "algo_lag_seconds{" not in page


@pytest.mark.parametrize(
    ("state", "reconnects", "status"),
    [
        ("live", 3, "ok"),
        ("idle", 0, "ok"),
        ("quiet", 0, "ok"),
        ("stale", 0, "degraded"),
        ("connecting", 0, "ok"),
        ("connecting", 1, "degraded"),
    ],
)
async def test_health_is_degraded_only_by_streams_in_trouble(state: str, reconnects: int, status: str) -> None:
    states = source()
    states.of_streams = [msgspec.structs.replace(stream("data iex", state), reconnects=reconnects)]
    app = web.Application()
    app.add_routes(routes(states))
    async with TestClient(TestServer(app)) as client:
        answer = await client.get("/healthz")
        assert answer.status == 200
        assert (await answer.json())["status"] == status
        page = await client.get("/metrics")
        assert page.headers["Content-Type"].startswith("text/plain; version=0.0.4")
