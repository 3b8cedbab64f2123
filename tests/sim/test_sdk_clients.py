"""Alpaca's own SDKs, unmodified, against the simulator: streams and market-data REST."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import alpaca_trade_api
import pytest
from alpaca.data.enums import CryptoFeed, DataFeed
from alpaca.data.historical import CryptoHistoricalDataClient, StockHistoricalDataClient
from alpaca.data.live import CryptoDataStream, StockDataStream
from alpaca.data.requests import (
    CryptoBarsRequest,
    CryptoLatestOrderbookRequest,
    CryptoSnapshotRequest,
    StockBarsRequest,
    StockLatestQuoteRequest,
    StockLatestTradeRequest,
    StockQuotesRequest,
    StockSnapshotRequest,
    StockTradesRequest,
)
from alpaca.data.timeframe import TimeFrame
from alpaca_trade_api.rest import TimeFrame as OldTimeFrame

from plugtui.sim.server import Simulator
from tests.sim.raw import simulator
from tests.support import eventually


@asynccontextmanager
async def running(stream: Any) -> AsyncIterator[None]:
    """Run an SDK's stream in a thread of its own, as its users do."""
    thread = threading.Thread(target=stream.run, name="sdk", daemon=True)
    thread.start()
    try:
        yield
    finally:
        # Not in this thread: the SDK waits for an answer of the simulator, which runs here.
        await asyncio.to_thread(stream.stop)
        await asyncio.to_thread(thread.join, 20)


def keys(sim: Simulator) -> tuple[str, str]:
    account = sim.account("demo")
    return account.key_id, account.secret.reveal()


def collector() -> tuple[list[Any], Callable[[Any], Any]]:
    """Return a list and the handler that fills it."""
    seen: list[Any] = []

    async def handle(message: Any) -> None:
        seen.append(message)

    return seen, handle


async def test_alpaca_trade_api_streams_stocks_and_crypto() -> None:
    async with simulator(rate=500, speed=60) as sim:
        stream = alpaca_trade_api.Stream(*keys(sim), base_url=sim.url, data_stream_url=sim.url, data_feed="iex")
        trades, on_trade = collector()
        quotes, on_quote = collector()
        bars, on_bar = collector()
        books, on_book = collector()
        stream.subscribe_trades(on_trade, "AAPL", "SPY")
        stream.subscribe_quotes(on_quote, "AAPL")
        stream.subscribe_bars(on_bar, "*")
        stream.subscribe_crypto_orderbooks(on_book, "BTC/USD")
        async with running(stream):
            await eventually(lambda: {trade.symbol for trade in trades} == {"AAPL", "SPY"})
            await eventually(lambda: quotes and bars and len(books) > 3)
        assert {quote.symbol for quote in quotes} == {"AAPL"}
        assert quotes[0].ask_price > quotes[0].bid_price > 0
        assert sim.clock.start_ns < trades[0].timestamp.value <= sim.clock.now_ns()


async def test_alpaca_py_streams_stocks_and_changes_its_subscription() -> None:
    async with simulator(rate=1000) as sim:
        stream = StockDataStream(*keys(sim), feed=DataFeed.IEX, url_override=sim.url.replace("http", "ws") + "/v2/iex")
        trades, on_trade = collector()
        quotes, on_quote = collector()
        stream.subscribe_trades(on_trade, "AAPL")
        async with running(stream):
            await eventually(lambda: trades)
            await asyncio.to_thread(stream.subscribe_quotes, on_quote, "SPY", "TSLA")
            await eventually(lambda: {quote.symbol for quote in quotes} == {"SPY", "TSLA"})
            await asyncio.to_thread(stream.unsubscribe_quotes, "SPY")
            await eventually(lambda: [s for c, s in _pairs(sim) if c == "quotes"] == ["TSLA"])
        assert {trade.symbol for trade in trades} == {"AAPL"}
        assert isinstance(trades[0].timestamp, datetime)
        assert trades[0].conditions[0] == "@"


def _pairs(sim: Simulator) -> set[tuple[str, str]]:
    return {pair for session in sim.streams._sessions for pair in session.subscriptions.pairs}


async def test_alpaca_py_reads_corrections_cancels_statuses_and_daily_bars() -> None:
    async with simulator(rate=4000, speed=20) as sim:
        stream = StockDataStream(*keys(sim), url_override=sim.url.replace("http", "ws") + "/v2/iex")
        bars, on_bar = collector()
        rare, on_rare = collector()
        _, on_trade = collector()
        stream.subscribe_trades(on_trade, "AAPL", "TSLA", "NVDA")
        stream.subscribe_daily_bars(on_bar, "*")
        stream.subscribe_updated_bars(on_bar, "*")
        stream.register_trade_corrections(on_rare)
        stream.register_trade_cancels(on_rare)
        async with running(stream):
            await eventually(lambda: len({type(message) for message in rare}) == 2, timeout=40)
            await eventually(lambda: bars)


async def test_alpaca_py_streams_crypto() -> None:
    async with simulator(rate=2000, speed=60) as sim:
        url = sim.url.replace("http", "ws") + "/v1beta3/crypto/us"
        stream = CryptoDataStream(*keys(sim), feed=CryptoFeed.US, url_override=url)
        books, on_book = collector()
        trades, on_trade = collector()
        bars, on_bar = collector()
        stream.subscribe_orderbooks(on_book, "BTC/USD", "ETH/USD")
        stream.subscribe_trades(on_trade, "*")
        stream.subscribe_bars(on_bar, "BTC/USD")
        async with running(stream):
            await eventually(lambda: len(books) > 4 and trades and bars)
        assert books[0].reset
        assert {book.symbol for book in books} == {"BTC/USD", "ETH/USD"}


async def test_alpaca_py_calls_market_data_rest() -> None:
    async with simulator("rate_limit=0", rate=2000) as sim:
        now = datetime.now()  # noqa: DTZ005 - the SDK takes naive local times for UTC
        stocks = StockHistoricalDataClient(*keys(sim), url_override=sim.url)
        crypto = CryptoHistoricalDataClient(*keys(sim), url_override=sim.url)
        await eventually(lambda: sim.messages > 1000)

        def calls() -> dict[str, Any]:
            week = now - timedelta(days=7)
            symbols = ["AAPL", "SPY"]
            return {
                "bars": stocks.get_stock_bars(
                    StockBarsRequest(symbol_or_symbols=symbols, timeframe=TimeFrame.Day, start=week)
                ),
                "hours": stocks.get_stock_bars(
                    StockBarsRequest(symbol_or_symbols="AAPL", timeframe=TimeFrame.Hour, start=week, limit=5)
                ),
                "trades": stocks.get_stock_trades(StockTradesRequest(symbol_or_symbols="AAPL", start=week, limit=50)),
                "quotes": stocks.get_stock_quotes(StockQuotesRequest(symbol_or_symbols="AAPL", start=week, limit=50)),
                "quote": stocks.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols=symbols)),
                "trade": stocks.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols="AAPL")),
                "snapshot": stocks.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols=symbols)),
                "crypto": crypto.get_crypto_bars(
                    CryptoBarsRequest(symbol_or_symbols="BTC/USD", timeframe=TimeFrame.Minute, start=week, limit=20)
                ),
                "book": crypto.get_crypto_latest_orderbook(CryptoLatestOrderbookRequest(symbol_or_symbols="BTC/USD")),
                "crypto snapshot": crypto.get_crypto_snapshot(CryptoSnapshotRequest(symbol_or_symbols="ETH/USD")),
            }

        found = await asyncio.to_thread(calls)
        assert len(found["bars"]["AAPL"]) >= 3
        assert (len(found["hours"]["AAPL"]), len(found["trades"]["AAPL"]), len(found["quotes"]["AAPL"])) == (5, 50, 50)
        assert found["quote"]["SPY"].ask_price > found["quote"]["SPY"].bid_price
        assert found["trade"]["AAPL"].price > 0
        assert found["snapshot"]["AAPL"].previous_daily_bar.close == pytest.approx(
            float(sim.market.previous_close("AAPL"))
        )
        assert len(found["crypto"]["BTC/USD"]) == 20
        assert found["book"]["BTC/USD"].bids[0].price < found["book"]["BTC/USD"].asks[0].price
        assert found["crypto snapshot"]["ETH/USD"].daily_bar.open > 0


async def test_alpaca_trade_api_calls_market_data_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    async with simulator("rate_limit=0", rate=2000) as sim:
        monkeypatch.setenv("APCA_API_DATA_URL", sim.url)
        await eventually(lambda: sim.messages > 1000)

        def calls() -> dict[str, Any]:
            api = alpaca_trade_api.REST(*keys(sim), base_url=sim.url)
            week = (datetime.now() - timedelta(days=7)).date().isoformat()  # noqa: DTZ005 - any week will do
            return {
                "bars": api.get_bars(["AAPL", "SPY"], OldTimeFrame.Day, week).df,
                "one": api.get_bars("AAPL", OldTimeFrame.Hour, week, week),
                "trades": api.get_trades("AAPL", week, limit=10),
                "latest": api.get_latest_trade("AAPL"),
                "quotes": api.get_latest_quotes(["AAPL", "SPY"]),
                "snapshots": api.get_snapshots(["AAPL", "SPY"]),
                "snapshot": api.get_snapshot("AAPL"),
                "crypto": api.get_crypto_bars("BTC/USD", OldTimeFrame.Hour, week, limit=5),
                "books": api.get_latest_crypto_orderbooks(["BTC/USD"]),
            }

        found = await asyncio.to_thread(calls)
        assert set(found["bars"]["symbol"]) == {"AAPL", "SPY"}
        assert len(found["trades"]) == 10
        assert found["latest"].price > 0
        assert found["quotes"]["SPY"].ap > found["quotes"]["SPY"].bp
        assert found["snapshots"]["AAPL"].daily_bar.c > 0
        assert found["snapshot"].latest_trade.p > 0
        assert len(found["crypto"]) == 5
        assert found["books"]["BTC/USD"].bids
