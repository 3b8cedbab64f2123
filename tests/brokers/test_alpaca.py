"""Alpaca's REST through its SDK: exact numbers, all pages, time-outs, errors in the broker's words and without secrets."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from plugtui.brokers.alpaca import AlpacaBroker
from plugtui.brokers.port import Broker, Credentials, account_stream_url
from plugtui.errors import BrokerRefused, BrokerUnavailable
from plugtui.secrets import Secret
from plugtui.wire.times import ns_to_rfc3339, rfc3339_to_ns

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
START_NS = rfc3339_to_ns("2025-01-06T15:00:00Z")


class Host:
    """A trading host whose answers a test sets."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.seen: list[web.Request] = []
        app = web.Application()
        app.router.add_route("*", "/v2/{rest:.*}", self._handle)
        self.server = TestServer(app)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        answer = self.answers[request.path.removeprefix("/v2")]
        if callable(answer):
            answer = answer(request)
        if asyncio.iscoroutine(answer):
            answer = await answer
        if isinstance(answer, web.StreamResponse):
            return answer
        return web.json_response(answer) if not isinstance(answer, str) else web.Response(text=answer)


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    host = Host()
    await host.server.start_server()
    yield host
    await host.server.close()


@pytest.fixture
async def broker(host: Host) -> AsyncIterator[Broker]:
    broker = AlpacaBroker(Credentials("PKTEST", Secret("hush-hush"), str(host.server.make_url(""))), timeout_s=1.0)
    yield broker
    await broker.aclose()


async def test_money_is_exact_and_vanished_fields_do_no_harm(host: Host, broker: Broker) -> None:
    host.answers["/account"] = '{"account_number":"PA1","equity":"104231.55","cash":0.1,"last_equity":null,"x":1}'
    account = await broker.account()
    assert account.equity == account.last_equity == Decimal("104231.55")
    assert account.cash == Decimal("0.1")
    assert host.seen[0].headers["APCA-API-KEY-ID"] == "PKTEST"


async def test_positions_are_signed(host: Host, broker: Broker) -> None:
    host.answers["/positions"] = [
        {
            "symbol": "AAPL",
            "qty": "2",
            "side": "long",
            "avg_entry_price": "10",
            "market_value": "22",
            "unrealized_pl": "2",
        },
        {"symbol": "TSLA", "qty": "3", "side": "short", "avg_entry_price": "10", "current_price": "9.5"},
    ]
    long, short = await broker.positions()
    assert (long.qty, long.current_price, long.unrealized_pnl) == (2, None, 2)
    assert (short.qty, short.current_price) == (-3, Decimal("9.5"))


def activity(n: int) -> dict[str, Any]:
    return {
        "id": f"2025010615000000{n:04d}::u{n}", "activity_type": "FILL", "order_id": f"o{n}", "symbol": "F", "side": "buy",
        "qty": "1", "cum_qty": "1", "leaves_qty": "0", "price": "10.5", "type": "fill",
        "transaction_time": ns_to_rfc3339(START_NS + n * 10**9),
    }  # fmt: skip


async def test_fills_are_read_page_by_page_back_to_the_moment(host: Host, broker: Broker) -> None:
    everything = [activity(n) for n in reversed(range(350))]

    def page(request: web.Request) -> web.Response:
        assert request.query["direction"] == "desc"
        token = request.query.get("page_token")
        start = 1 + next(n for n, item in enumerate(everything) if item["id"] == token) if token else 0
        return web.json_response(everything[start : start + int(request.query["page_size"])])

    host.answers["/account/activities/FILL"] = page
    fills = await broker.fills(START_NS + 120 * 10**9)
    assert [fill.order_id for fill in fills] == [f"o{n}" for n in range(120, 350)]
    assert fills[0].price == Decimal("10.5")
    assert len(host.seen) == 4
    assert len(await broker.fills(0)) == 350
    assert len(await broker.fills(0, limit=100)) == 100


async def test_the_newest_page_is_enough_when_it_reaches_back_far_enough(host: Host, broker: Broker) -> None:
    old = [activity(n) for n in range(100)]
    host.answers["/account/activities/FILL"] = [activity(20_000), *reversed(old)]
    assert [fill.order_id for fill in await broker.fills(START_NS + 19_000 * 10**9)] == ["o20000"]
    assert len(host.seen) == 1


async def test_orders_are_read_page_by_page_and_those_of_one_instant_are_not_lost(host: Host, broker: Broker) -> None:
    everything = [{"id": f"o{n}", "submitted_at": ns_to_rfc3339(START_NS + (n // 7) * 10**9)} for n in range(1_100)]

    def page(request: web.Request) -> web.Response:
        after = rfc3339_to_ns(request.query["after"]) if "after" in request.query else 0
        rows = [o for o in everything if rfc3339_to_ns(o["submitted_at"]) > after]
        return web.json_response(rows[: int(request.query["limit"])])

    host.answers["/orders"] = page
    assert [row.id for row in await broker.orders()] == [f"o{n}" for n in range(1_100)]


async def test_activities_leave_out_what_was_canceled_and_value_what_moved_in_kind(host: Host, broker: Broker) -> None:
    host.answers["/account/activities"] = [
        {"id": "3", "activity_type": "ACATS", "date": "2025-01-08", "qty": "10", "price": "2.5", "symbol": "F"},
        {"id": "2", "activity_type": "CSD", "date": "2025-01-07", "net_amount": "100", "status": "canceled"},
        {"id": "1", "activity_type": "DIV", "date": "2025-01-06", "net_amount": "1.25"},
    ]
    found = await broker.activities()
    assert [(a.id, a.net_amount, a.external) for a in found] == [("1", Decimal("1.25"), False), ("3", 25, True)]
    assert [a.id for a in await broker.activities("2025-01-07")] == ["3"]


async def test_history_keeps_its_digits_and_leaves_out_what_has_no_value(host: Host, broker: Broker) -> None:
    host.answers["/account/portfolio/history"] = '{"timestamp":[20,10,30],"equity":[100.1,0,null],"base_value":null}'
    assert [(p.time_ns, p.equity) for p in await broker.portfolio_history()] == [
        (10**10, 0),
        (2 * 10**10, Decimal("100.1")),
    ]


async def test_daily_closes_are_those_of_the_tape_up_to_yesterday_and_of_iex_today(host: Host, broker: Broker) -> None:
    def bars(request: web.Request) -> dict[str, Any]:
        asked = request.query
        if asked["feed"] == "sip":
            assert (asked["start"], asked["end"], asked["adjustment"]) == ("2025-01-02", "2025-01-06", "all")
            return {
                "bars": {"SPY": [{"t": "2025-01-03T05:00:00Z", "c": 590.5}, {"t": "2025-01-06T05:00:00Z", "c": 592}]}
            }
        return {"bars": {"SPY": [{"t": "2025-01-07T05:00:00Z", "c": 588.25}]}, "next_page_token": None}

    host.answers["/stocks/bars"] = bars
    closes = await broker.daily_closes("SPY", "2025-01-02", "2025-01-07", str(host.server.make_url("")).rstrip("/"))
    assert closes == [(date(2025, 1, 3), 590.5), (date(2025, 1, 6), 592.0), (date(2025, 1, 7), 588.25)]


async def test_a_symbol_without_bars_has_no_closes(host: Host, broker: Broker) -> None:
    host.answers["/stocks/bars"] = {"bars": None}
    assert (
        await broker.daily_closes("NOPE", "2025-01-02", "2025-01-07", str(host.server.make_url("")).rstrip("/")) == []
    )


async def test_clock_and_calendar_are_read(host: Host, broker: Broker) -> None:
    host.answers["/clock"] = {
        "timestamp": "2025-06-24T14:15:22.5-04:00",
        "is_open": True,
        "next_open": "2025-06-25T09:30:00-04:00",
        "next_close": "2025-06-24T16:00:00-04:00",
    }
    host.answers["/calendar"] = [{"date": "2025-01-02", "open": "09:30", "close": "16:00", "session_open": "0400"}]
    clock = await broker.clock()
    assert clock.now_ns == rfc3339_to_ns("2025-06-24T18:15:22.5Z")
    assert clock.market.is_open
    (day,) = await broker.calendar("2025-01-01", "2025-01-03")
    assert (day.day, day.open, day.close) == ("2025-01-02", "09:30", "16:00")


async def test_a_refusal_bears_the_brokers_words(host: Host, broker: Broker) -> None:
    body = {"code": 42210000, "message": "order is not cancelable"}
    host.answers["/orders/x"] = lambda _: web.json_response(body, status=422)
    with pytest.raises(BrokerRefused, match="order is not cancelable") as caught:
        await broker.cancel_order("x")
    assert caught.value.status == 422
    assert len(host.seen) == 1


async def test_refused_keys_give_a_hint_and_show_no_secret(host: Host, broker: Broker) -> None:
    host.answers["/account"] = lambda _: web.json_response({"code": 40110000, "message": "not authorized"}, status=401)
    with pytest.raises(BrokerRefused) as caught:
        await broker.account()
    assert "Check the keys" in caught.value.hint
    assert "hush" not in str(caught.value) + repr(caught.value) + repr(broker)


@pytest.mark.parametrize(("status", "calls"), [(500, 2), (503, 2), (429, 1)])
async def test_a_host_in_trouble_is_asked_once_more_and_never_with_a_429(
    host: Host, broker: Broker, status: int, calls: int
) -> None:
    host.answers["/account"] = lambda _: web.Response(status=status, text="<html>no</html>")
    with pytest.raises(BrokerUnavailable) as caught:
        await broker.account()
    assert caught.value.status == status
    assert len(host.seen) == calls


async def test_a_cancellation_is_never_repeated(host: Host, broker: Broker) -> None:
    host.answers["/orders/x"] = lambda _: web.Response(status=504)
    with pytest.raises(BrokerUnavailable):
        await broker.cancel_order("x")
    assert len(host.seen) == 1


@pytest.mark.parametrize("text", ["<html>", "[]", '{"equity":"x","cash":"1"}', '"text"', "{}"])
async def test_an_answer_of_another_shape_is_the_brokers_trouble(host: Host, broker: Broker, text: str) -> None:
    host.answers["/account"] = text
    with pytest.raises(BrokerUnavailable):
        await broker.account()


async def test_a_host_that_hangs_is_given_up_and_holds_up_nothing(host: Host) -> None:
    release = asyncio.Event()

    async def hang() -> web.Response:
        await release.wait()
        return web.json_response({})

    host.answers["/account"] = lambda _: hang()
    host.answers["/positions"] = []
    broker = AlpacaBroker(Credentials("PK", Secret("s"), str(host.server.make_url(""))), timeout_s=0.2)
    asked = asyncio.gather(broker.account(), return_exceptions=True)
    assert await broker.positions() == []
    (error,) = await asked
    assert isinstance(error, BrokerUnavailable)
    started = time.monotonic()
    await broker.aclose()
    assert time.monotonic() - started < 1.0
    with pytest.raises(BrokerUnavailable):
        await broker.positions()
    release.set()


async def test_a_host_that_is_not_there_is_unavailable() -> None:
    broker = AlpacaBroker(Credentials("PK", Secret("s"), "http://127.0.0.1:9"), timeout_s=0.5)
    with pytest.raises(BrokerUnavailable, match="does not answer"):
        await broker.account()
    await broker.aclose()


async def test_a_token_in_the_environment_does_not_replace_the_keys(
    host: Host, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APCA_API_OAUTH_TOKEN", "another-account")
    monkeypatch.setenv("APCA_API_VERSION", "v9")
    host.answers["/positions"] = []
    await broker.positions()
    assert "Authorization" not in host.seen[0].headers
    assert host.seen[0].headers["APCA-API-SECRET-KEY"] == "hush-hush"


async def test_an_oauth_token_is_sent_as_a_bearer(host: Host) -> None:
    broker = AlpacaBroker(Credentials("oauth", Secret("token"), str(host.server.make_url(""))), timeout_s=1.0)
    host.answers["/positions"] = []
    await broker.positions()
    assert host.seen[0].headers["Authorization"] == "Bearer token"
    await broker.aclose()


def test_the_sdk_is_not_imported_before_it_is_needed() -> None:
    script = (
        "import sys, plugtui.brokers.alpaca as a; print('pandas' in sys.modules, 'alpaca_trade_api' in sys.modules)"
    )

    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert out.stdout.split() == ["False", "False"], out.stderr


def test_the_stream_lies_beside_the_trading_host() -> None:
    assert account_stream_url("https://paper-api.alpaca.markets/") == "wss://paper-api.alpaca.markets/stream"
    assert account_stream_url("http://127.0.0.1:8080") == "ws://127.0.0.1:8080/stream"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('"status":"ACTIVE"', ""),
        ('"account_blocked":true', "blocked this account"),
        ('"trading_blocked":true', "blocked trading"),
        ('"trade_suspended_by_user":true', "suspended"),
        ('"status":"ACCOUNT_CLOSED"', "the account is closed"),
    ],
)
async def test_an_account_that_may_not_trade_says_why(host: Host, broker: Broker, more: str, words: str) -> None:
    host.answers["/account"] = f'{{"account_number":"PA1","equity":"1","cash":"1",{more}}}'
    blocked = (await broker.account()).blocked
    assert words in blocked
    assert bool(words) == bool(blocked)
