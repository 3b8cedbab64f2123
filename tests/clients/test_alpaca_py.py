"""The unmodified alpaca-py through the gateway: data streams, account stream and REST."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support import cancelled_at_end, eventually
from tests.world import World, world

pytest.importorskip("alpaca")
from alpaca.data.live import CryptoDataStream, StockDataStream
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import LimitOrderRequest, MarketOrderRequest
from alpaca.trading.stream import TradingStream


def stocks(running: World) -> StockDataStream:
    return StockDataStream(running.key_id, running.secret, raw_data=True, url_override=f"{running.ws_url}/v2/iex")


def collector(kept: list[Any]) -> Any:
    async def keep(message: Any) -> None:
        kept.append(message)

    return keep


async def test_stock_data_is_what_was_sent(tmp_path: Path) -> None:
    async with world(tmp_path) as running:
        quotes: list[dict[str, Any]] = []
        stream = stocks(running)
        stream.subscribe_quotes(collector(quotes), "AAPL", "NVDA")
        async with cancelled_at_end(stream._run_forever()):
            await eventually(lambda: len(quotes) >= 20)
        truth = {(m["S"], m["t"]): m for symbol in ("AAPL", "NVDA") for m in running.messages(symbol, "quotes")}
        for quote in quotes:
            stamp = quote["t"].seconds * 10**9 + quote["t"].nanoseconds
            assert {**quote, "t": stamp} == truth[quote["S"], stamp]


async def test_models_of_stock_and_crypto_data_parse(tmp_path: Path) -> None:
    async with world(tmp_path) as running:
        stock, crypto, books = [], [], []  # type: ignore[var-annotated]
        first = StockDataStream(running.key_id, running.secret, url_override=f"{running.ws_url}/v2/iex")
        second = CryptoDataStream(running.key_id, running.secret, url_override=f"{running.ws_url}/v1beta3/crypto/us")
        first.subscribe_trades(collector(stock), "*")
        second.subscribe_quotes(collector(crypto), "BTC/USD", "ETH/USD")
        second.subscribe_orderbooks(collector(books), "BTC/USD")
        async with cancelled_at_end(first._run_forever()), cancelled_at_end(second._run_forever()):
            await eventually(lambda: stock and crypto and len(books) > 1)
        assert books[0].reset and {q.symbol for q in crypto} <= {"BTC/USD", "ETH/USD"}
        assert stock[0].price > 0 and stock[0].timestamp.tzinfo is not None


async def test_subscriptions_change_while_the_stream_runs(tmp_path: Path) -> None:
    async with world(tmp_path) as running:
        quotes: list[dict[str, Any]] = []
        stream = stocks(running)
        stream.subscribe_quotes(collector(quotes), "AAPL")
        async with cancelled_at_end(stream._run_forever()):
            await eventually(lambda: quotes)
            await asyncio.to_thread(stream.subscribe_quotes, collector(quotes), "TSLA")
            await eventually(lambda: {q["S"] for q in quotes} == {"AAPL", "TSLA"})
            await asyncio.to_thread(stream.unsubscribe_quotes, "AAPL")
            await eventually(lambda: running.engine.algos()[0].subscriptions == {"quotes": ["TSLA"]})


async def test_several_clients_of_two_sdks_share_one_upstream_session(tmp_path: Path) -> None:
    async with world(tmp_path) as running:
        kept: list[list[dict[str, Any]]] = [[] for _ in range(4)]
        streams = [stocks(running) for _ in kept]
        for stream, mine, symbol in zip(streams, kept, ("AAPL", "AAPL", "MSFT", "*"), strict=True):
            stream.subscribe_quotes(collector(mine), symbol)
        async with AsyncExitStack() as runs:
            for stream in streams:
                await runs.enter_async_context(cancelled_at_end(stream._run_forever()))
            await eventually(lambda: all(len(mine) > 3 for mine in kept))
        assert {q["S"] for q in kept[0]} == {"AAPL"} and {q["S"] for q in kept[2]} == {"MSFT"}
        assert len({q["S"] for q in kept[3]}) > 1
        report = running.simulator.streams.registry.report(0.0)["/v2/iex"]
        assert report["total"] == report["most_at_a_time"] == 1


async def test_it_trades_and_hears_of_its_orders(tmp_path: Path) -> None:
    async with world(tmp_path) as running:
        updates: list[Any] = []
        client = TradingClient(running.key_id, running.secret, url_override=running.url)
        stream = TradingStream(running.key_id, running.secret, url_override=f"{running.ws_url}/stream")
        stream.subscribe_trade_updates(collector(updates))
        async with cancelled_at_end(stream._run_forever()):
            await eventually(lambda: any("account" in algo.streams for algo in running.engine.algos()))
            market = MarketOrderRequest(symbol="MSFT", qty=3, side=OrderSide.BUY, time_in_force=TimeInForce.DAY)
            bought = await asyncio.to_thread(client.submit_order, market)
            await eventually(lambda: any(u.event == "fill" and u.order.id == bought.id for u in updates))
            limit = LimitOrderRequest(
                symbol="MSFT", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.GTC, limit_price=1.0
            )
            resting = await asyncio.to_thread(client.submit_order, limit)
            await asyncio.to_thread(client.cancel_order_by_id, resting.id)
            await eventually(lambda: any(u.event == "canceled" and u.order.id == resting.id for u in updates))
        fills = [u for u in updates if u.event in ("fill", "partial_fill")]
        mine = [e for e in running.executions() if e["order_id"] == str(bought.id)]
        assert [(str(u.execution_id), u.qty, str(u.price)) for u in fills] == [
            (e["execution_id"], float(e["qty"]), str(float(e["price"]))) for e in mine
        ]
