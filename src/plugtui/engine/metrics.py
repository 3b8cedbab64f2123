"""``/metrics`` in Prometheus' text format and ``/healthz`` (row G14). Counters and states only: no key, no money.

Written by hand: a dozen families do not earn a client library with a registry of its own.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from aiohttp import web

from plugtui.control.messages import AlgoState, EngineState, StreamState

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_TROUBLED = frozenset({"stale", "waiting", "failed"})
"""Stream states that make the engine degraded; what nobody wants or what is quiet does not."""

Labels = Mapping[str, str]
Sample = tuple[Labels, float]


class Health(Protocol):
    """Where the numbers come from; part of :class:`plugtui.engine.control.StateSource`."""

    def engine(self) -> EngineState:
        """Return who the engine is."""

    def streams(self) -> list[StreamState]:
        """Return the upstream connections."""

    def algos(self) -> list[AlgoState]:
        """Return the algorithms."""


def family(name: str, kind: str, text: str, samples: Iterable[Sample]) -> list[str]:
    """Return the lines of one metric family.

    Args:
        name: without the prefix ``plugtui_``.
        kind: ``counter`` or ``gauge``.
        text: for people.
        samples: labels and value.
    """
    lines = [f"# HELP plugtui_{name} {text}", f"# TYPE plugtui_{name} {kind}"]
    for labels, value in samples:
        inner = ",".join(f'{label}="{_escaped(content)}"' for label, content in labels.items())
        number = str(int(value)) if float(value).is_integer() else repr(float(value))
        lines.append(f"plugtui_{name}{{{inner}}} {number}" if inner else f"plugtui_{name} {number}")
    return lines


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def render(source: Health, extra: Mapping[str, float], now_ns: int) -> str:
    """Return the whole page.

    Args:
        source: the states.
        extra: further gauges by name, such as requests that the budget refused.
        now_ns: for ages.
    """
    engine, streams, algos = source.engine(), source.streams(), source.algos()
    about = {"version": engine.version, "profile": engine.profile, "environment": engine.environment}
    lines = family("engine_info", "gauge", "Which engine this is.", [(about, 1)])
    lines += family("uptime_seconds", "gauge", "Since the start.", [({}, (now_ns - engine.started_ns) / 1e9)])
    lines += family("clients", "gauge", "Open streams of algorithms.", [({}, engine.clients)])
    lines += family("deliveries_total", "counter", "Messages handed to algorithms.", [({}, engine.deliveries)])
    lines += _streams(streams, now_ns)
    lines += _algos(algos)
    for name, value in sorted(extra.items()):
        lines += family(name, "counter" if name.endswith("_total") else "gauge", name.replace("_", " "), [({}, value)])
    return "\n".join(lines) + "\n"


def _streams(streams: list[StreamState], now_ns: int) -> list[str]:
    def each(value: Callable[[StreamState], float | None]) -> list[Sample]:
        return [({"stream": one.name}, number) for one in streams if (number := value(one)) is not None]

    states = [({"stream": one.name, "state": one.state}, 1.0) for one in streams]
    lines = family("stream_state", "gauge", "1 for the state that the stream is in.", states)
    lines += family("stream_messages_total", "counter", "Messages from upstream.", each(lambda one: one.messages))
    lines += family("stream_reconnects_total", "counter", "Connections made again.", each(lambda one: one.reconnects))
    lines += family("stream_subscriptions", "gauge", "Channel and symbol pairs.", each(lambda one: one.subscriptions))
    lines += family("stream_lag_seconds", "gauge", "Arrival after the event, median.", each(_lag_seconds))
    lines += family(
        "stream_silence_seconds",
        "gauge",
        "Since the last message.",
        each(lambda one: None if one.last_message_ns is None else max(0.0, (now_ns - one.last_message_ns) / 1e9)),
    )
    return lines


def _lag_seconds(one: StreamState | AlgoState) -> float | None:
    return None if one.lag_ms is None else one.lag_ms / 1000


def _algos(algos: list[AlgoState]) -> list[str]:
    def each(value: Callable[[AlgoState], float | None]) -> list[Sample]:
        return [({"algo": one.name}, number) for one in algos if (number := value(one)) is not None]

    up = each(lambda one: float(one.connections > 0 or one.status == "connected"))
    lines = family("algo_up", "gauge", "1 while the algorithm is connected.", up)
    lines += family("algo_messages_total", "counter", "Messages handed over.", each(lambda one: one.messages))
    lines += family("algo_bytes_total", "counter", "Bytes handed over.", each(lambda one: one.bytes))
    lines += family("algo_queue_bytes", "gauge", "Bytes that wait to be read.", each(lambda one: one.queue_bytes))
    lines += family("algo_lag_seconds", "gauge", "Age of the oldest unsent byte.", each(_lag_seconds))
    lines += family(
        "algo_conflated_total", "counter", "Quotes replaced by newer ones.", each(lambda one: one.conflated)
    )
    lines += family("algo_orders_total", "counter", "Orders accepted.", each(lambda one: one.orders))
    lines += family("algo_rejects_total", "counter", "Orders refused.", each(lambda one: one.rejects))
    lines += family("algo_fills_total", "counter", "Executions.", each(lambda one: one.fills))
    lines += family("algo_requests_total", "counter", "REST requests.", each(lambda one: one.requests))
    return lines


def health(source: Health) -> dict[str, object]:
    """Return what ``/healthz`` says: ``ok``, or ``degraded`` with the streams that are in trouble.

    One that is being connected again is still in trouble: a host that accepts and says nothing keeps it so for long.
    """
    troubled = [
        {"stream": one.name, "state": one.state, "detail": one.detail}
        for one in source.streams()
        if one.state in _TROUBLED or (one.state == "connecting" and one.reconnects)
    ]
    engine = source.engine()
    return {
        "status": "degraded" if troubled else "ok",
        "engine": engine.engine_id,
        "version": engine.version,
        "profile": engine.profile,
        "clients": engine.clients,
        "streams": troubled,
    }


def routes(
    source: Health,
    extra: Callable[[], Mapping[str, float]] = dict,
    now_ns: Callable[[], int] = time.time_ns,
) -> list[web.RouteDef]:
    """Return the routes of both pages.

    ``/healthz`` is 200 as long as the engine answers: a broker in trouble is no reason to restart the engine.
    """

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(text=render(source, extra(), now_ns()), headers={"Content-Type": CONTENT_TYPE})

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response(health(source))

    return [web.get("/metrics", metrics), web.get("/healthz", healthz)]
