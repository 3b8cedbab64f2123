"""Market-data REST: answers, pages, time frames, errors (protocol §3.8)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import aiohttp
import pytest

from plugtui.sim.calendar import to_ns
from plugtui.sim.server import SimAccount, Simulator
from tests.sim.raw import simulator

START = to_ns(datetime(2026, 3, 11, 15, 0, 30, tzinfo=UTC))  # a Wednesday
BARS = "/v2/stocks/bars"
CRYPTO = "/v1beta3/crypto/us"


class Rest:
    """GET as the account ``demo``."""

    def __init__(self, http: aiohttp.ClientSession, sim: Simulator) -> None:
        self.http = http
        self.sim = sim

    async def get(self, path: str, status: int = 200, **query: object) -> Any:
        parameters = {name: str(value) for name, value in query.items()}
        async with self.http.get(self.sim.url + path, params=parameters) as response:
            assert response.status == status, await response.text()
            return await response.json()

    async def pages(self, path: str, key: str, **query: object) -> tuple[list[dict[str, Any]], int]:
        """Follow the page tokens; return all items (with their symbol) and the number of pages."""
        items, pages, token = [], 0, None
        while True:
            answer = await self.get(path, **query, **({"page_token": token} if token else {}))
            pages += 1
            found = answer[key] if isinstance(answer[key], dict) else {answer["symbol"]: answer[key]}
            items += [{"S": symbol, **item} for symbol, listed in found.items() for item in listed]
            token = answer["next_page_token"]
            if not token:
                return items, pages


def headers(account: SimAccount) -> dict[str, str]:
    return {"APCA-API-KEY-ID": account.key_id, "APCA-API-SECRET-KEY": account.secret.reveal()}


@asynccontextmanager
async def rest(*faults: str, **options: Any) -> AsyncIterator[Rest]:
    """A simulator whose clock stands still, with five minutes of live market."""
    async with simulator("rate_limit=0", *faults, speed=0, start_ns=START, **options) as sim:
        for _ in range(30):
            sim.advance(10, 400)
        async with aiohttp.ClientSession(headers=headers(sim.account("demo"))) as http:
            yield Rest(http, sim)


async def test_bars_of_several_symbols_and_of_one() -> None:
    async with rest() as api:
        several = await api.get(BARS, symbols="AAPL,MSFT,NOPE", timeframe="1Day", start="2026-03-02", end="2026-03-10")
        assert {symbol: len(bars) for symbol, bars in several["bars"].items()} == {"AAPL": 7, "MSFT": 7}
        assert several["next_page_token"] is None
        one = await api.get("/v2/stocks/AAPL/bars", timeframe="1Day", start="2026-03-02", end="2026-03-10")
        assert one["bars"] == several["bars"]["AAPL"]
        assert (one["symbol"], list(one["bars"][0])) == ("AAPL", ["t", "o", "h", "l", "c", "v", "n", "vw"])
        assert one["bars"][0]["t"] == "2026-03-02T05:00:00Z"


async def test_pages_join_to_the_whole_whatever_their_size() -> None:
    async with rest() as api:
        query = {
            "symbols": "AAPL,SPY",
            "timeframe": "1Min",
            "start": "2026-03-10T19:30:00Z",
            "end": "2026-03-11T15:05:00Z",
        }
        whole, pages = await api.pages(BARS, "bars", **query)
        assert pages == 1
        assert len(whole) > 60
        for limit in (1, 7, len(whole)):
            assert (await api.pages(BARS, "bars", limit=limit, **query))[0] == whole
        trades, _ = await api.pages("/v2/stocks/trades", "trades", symbols="AAPL", start="2026-03-11")
        assert (await api.pages("/v2/stocks/trades", "trades", symbols="AAPL", start="2026-03-11", limit=3))[
            0
        ] == trades


async def test_descending_pages_are_the_whole_backwards() -> None:
    async with rest() as api:
        query = {"timeframe": "5Min", "start": "2026-03-10T18:00:00Z"}
        whole, _ = await api.pages("/v2/stocks/AAPL/bars", "bars", **query)
        backwards, pages = await api.pages("/v2/stocks/AAPL/bars", "bars", sort="desc", limit=5, **query)
        assert backwards == whole[::-1]
        assert pages > 3


@pytest.mark.parametrize("path", [BARS, f"{CRYPTO}/bars"])
async def test_wider_bars_join_narrower_ones(path: str) -> None:
    symbol = "AAPL" if path == BARS else "BTC/USD"
    async with rest() as api:
        query = {"symbols": symbol, "start": "2026-03-10T14:00:00Z", "end": "2026-03-10T17:59:59Z", "limit": 10_000}
        minutes = (await api.get(path, timeframe="1Min", **query))["bars"][symbol]
        hours = (await api.get(path, timeframe="1Hour", **query))["bars"][symbol]
        for hour in hours:
            inside = [bar for bar in minutes if bar["t"][:13] == hour["t"][:13]]
            assert hour["o"] == inside[0]["o"]
            assert hour["c"] == inside[-1]["c"]
            assert hour["h"] == max(bar["h"] for bar in inside)
            assert hour["l"] == min(bar["l"] for bar in inside)
            assert hour["n"] == sum(bar["n"] for bar in inside)
            assert hour["v"] == pytest.approx(sum(bar["v"] for bar in inside))


async def test_bars_of_the_past_agree_with_its_trades_and_its_days() -> None:
    async with rest() as api:
        query = {"symbols": "AAPL", "start": "2026-03-10", "end": "2026-03-10", "limit": 10_000}
        trades = (await api.get("/v2/stocks/trades", **query))["trades"]["AAPL"]
        minutes = (await api.get(BARS, timeframe="1Min", **query))["bars"]["AAPL"]
        (day,) = (await api.get(BARS, timeframe="1Day", **query))["bars"]["AAPL"]
        assert len(minutes) == 390
        assert sum(bar["v"] for bar in minutes) == sum(trade["s"] for trade in trades) == day["v"]
        assert (day["o"], day["c"]) == (trades[0]["p"], trades[-1]["p"])
        assert (day["h"], day["l"]) == (max(t["p"] for t in trades), min(t["p"] for t in trades))
        exact = sum(Fraction(str(t["p"])) * t["s"] for t in trades) / day["v"]
        assert day["vw"] == pytest.approx(float(exact), abs=1e-6)


async def test_the_newest_bars_are_those_of_the_stream() -> None:
    async with simulator(speed=0, start_ns=START) as sim:
        sent: dict[str, Any] = {}
        publish = sim.streams.publish

        def listen(events: Any) -> None:
            sent.update({e.symbol: e.message for e in events if e.channel in ("bars", "updatedBars")})
            publish(events)

        sim.streams.publish = listen  # type: ignore[method-assign]
        for _ in range(4):
            sim.advance(30, 3000)
        async with aiohttp.ClientSession(headers=headers(sim.account("demo"))) as http:
            latest = (await Rest(http, sim).get("/v2/stocks/bars/latest", symbols="AAPL,SPY"))["bars"]
        for symbol, bar in latest.items():
            assert (bar["o"], bar["c"], bar["v"], bar["vw"]) == (
                sent[symbol].o,
                sent[symbol].c,
                sent[symbol].v,
                sent[symbol].vw,
            )


async def test_the_newest_of_each_kind() -> None:
    async with rest() as api:
        quote = (await api.get("/v2/stocks/quotes/latest", symbols="AAPL,NOPE"))["quotes"]
        assert list(quote) == ["AAPL"]
        assert quote["AAPL"]["bp"] < quote["AAPL"]["ap"]
        single = await api.get("/v2/stocks/aapl/trades/latest", feed="iex")
        assert single["symbol"] == "AAPL"
        assert {"p", "s", "x", "c", "z", "t", "i"} <= single["trade"].keys()
        book = (await api.get(f"{CRYPTO}/latest/orderbooks", symbols="BTC/USD"))["orderbooks"]["BTC/USD"]
        assert book["b"][0]["p"] < book["a"][0]["p"]
        assert (await api.get(f"{CRYPTO}/latest/trades", symbols="BTC/USD"))["trades"]["BTC/USD"]["tks"] in "BS"
        assert "no trade found" in (await api.get("/v2/stocks/NOPE/trades/latest", status=404))["message"]


async def test_snapshots_have_no_wrapper_for_stocks_and_one_for_crypto() -> None:
    parts = {"latestTrade", "latestQuote", "minuteBar", "dailyBar", "prevDailyBar"}
    async with rest() as api:
        stocks = await api.get("/v2/stocks/snapshots", symbols="AAPL,SPY")
        assert stocks.keys() == {"AAPL", "SPY"}
        assert stocks["AAPL"].keys() == parts
        assert (await api.get("/v2/stocks/AAPL/snapshot"))["dailyBar"] == stocks["AAPL"]["dailyBar"]
        crypto = await api.get(f"{CRYPTO}/snapshots", symbols="BTC/USD")
        assert crypto["snapshots"]["BTC/USD"].keys() == parts
        previous = api.sim.market.previous_close("AAPL")
        assert stocks["AAPL"]["prevDailyBar"]["c"] == float(previous)


async def test_the_day_before_the_start_has_data_too() -> None:
    async with simulator(speed=0, start_ns=START) as sim:
        async with aiohttp.ClientSession(headers=headers(sim.account("demo"))) as http:
            snapshot = await Rest(http, sim).get("/v2/stocks/AAPL/snapshot")
        assert snapshot["dailyBar"]["t"] == "2026-03-10T04:00:00Z"
        assert snapshot["latestTrade"]["p"] == snapshot["dailyBar"]["c"]


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        (BARS, {"timeframe": "1Min"}, 400),
        (BARS, {"symbols": "AAPL", "timeframe": "61Min"}, 400),
        (BARS, {"symbols": "AAPL", "timeframe": "2Week"}, 400),
        (BARS, {"symbols": "AAPL"}, 400),
        (BARS, {"symbols": "AAPL", "timeframe": "1Day", "limit": 10_001}, 400),
        (BARS, {"symbols": "AAPL", "timeframe": "1Day", "start": "yesterday"}, 400),
        (BARS, {"symbols": "AAPL", "timeframe": "1Day", "page_token": "???"}, 400),
        (BARS, {"symbols": "AAPL", "timeframe": "1Day", "sort": "up"}, 400),
    ],
)
async def test_a_wrong_request_is_refused_with_a_message(path: str, query: dict[str, object], status: int) -> None:
    async with rest() as api:
        assert (await api.get(path, status=status, **query))["message"]


async def test_stocks_need_keys_and_crypto_does_not() -> None:
    async with simulator() as sim, aiohttp.ClientSession() as http:
        api = Rest(http, sim)
        assert (await api.get("/v2/stocks/snapshots", status=401, symbols="AAPL"))["message"]
        await api.get(f"{CRYPTO}/snapshots", symbols="BTC/USD")


async def test_the_free_plan_may_not_query_recent_sip_data() -> None:
    async with rest("plan=free") as api:
        message = await api.get(BARS, status=403, symbols="AAPL", timeframe="1Min")
        assert message["message"] == "subscription does not permit querying recent SIP data"
        await api.get(BARS, symbols="AAPL", timeframe="1Min", feed="iex")
        await api.get(BARS, symbols="AAPL", timeframe="1Min", start="2026-03-10", end="2026-03-10")
        await api.get("/v2/stocks/trades/latest", symbols="AAPL")


async def test_rest_faults_and_the_rate_limit() -> None:
    async with rest("rate_limit=3") as api:
        api.sim.faults.update({"rest_status": 503})
        await api.get("/v2/stocks/snapshots", status=503, symbols="AAPL")
        api.sim.faults.update({"rest_status": 0})
        for _ in range(3):
            await api.get("/v2/stocks/snapshots", symbols="AAPL")
        async with api.http.get(f"{api.sim.url}/v2/stocks/snapshots?symbols=AAPL") as refused:
            assert refused.status == 429
            assert refused.headers["X-RateLimit-Remaining"] == "0"
            assert int(refused.headers["X-RateLimit-Reset"]) > 0


async def test_a_slow_answer_comes_late() -> None:
    async with rest("rest_delay_s=0.2") as api:
        before = datetime.now(UTC)
        await api.get("/v2/stocks/snapshots", symbols="AAPL")
        assert datetime.now(UTC) - before >= timedelta(seconds=0.2)
