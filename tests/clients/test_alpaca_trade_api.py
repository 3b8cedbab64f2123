"""The unmodified alpaca-trade-api through the gateway: streams and REST from one base URL."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alpaca_trade_api.rest import REST, APIError
from alpaca_trade_api.stream import Stream

from tests.support import cancelled_at_end, eventually
from tests.world import World, world


def stream_of(running: World, **options: Any) -> Stream:
    return Stream(
        running.key_id,
        running.secret,
        base_url=running.url,
        data_stream_url=running.ws_url,
        data_feed="iex",
        raw_data=True,
        **options,
    )


def rest_of(running: World) -> REST:
    return REST(running.key_id, running.secret, base_url=running.url, api_version="v2")


def collector(kept: list[dict[str, Any]]) -> Any:
    async def keep(message: dict[str, Any]) -> None:
        kept.append(message)

    return keep


def ns_of(message: dict[str, Any]) -> int:
    return int(message["t"].seconds) * 10**9 + int(message["t"].nanoseconds)


async def test_each_sees_exactly_what_it_asked_for_with_the_values_that_were_sent(tmp_path: Path) -> None:
    async with world(tmp_path) as running:
        trades: list[dict[str, Any]] = []
        quotes: list[dict[str, Any]] = []
        first, second = stream_of(running), stream_of(running)
        first.subscribe_trades(collector(trades), "AAPL", "MSFT")
        second.subscribe_quotes(collector(quotes), "*")
        async with cancelled_at_end(first._data_ws._run_forever()), cancelled_at_end(second._data_ws._run_forever()):
            await eventually(lambda: len(trades) >= 5 and len(quotes) >= 50)
        assert {m["S"] for m in trades} <= {"AAPL", "MSFT"} and {m["T"] for m in trades} == {"t"}
        sent = [m for symbol in ("AAPL", "MSFT") for m in running.messages(symbol, "trades")]
        by_id = {(m["S"], m["i"]): m for m in sent}
        for message in trades:
            truth = by_id[message["S"], message["i"]]
            assert {k: v for k, v in message.items() if k != "t"} == {k: v for k, v in truth.items() if k != "t"}
            assert ns_of(message) == truth["t"]
        received = sorted(ns_of(m) for m in trades)
        expected = sorted(m["t"] for m in sent if received[0] <= m["t"] <= received[-1])
        assert received == expected, "nothing in between is missing or double"


async def test_subscriptions_change_while_the_stream_runs(tmp_path: Path) -> None:
    async with world(tmp_path) as running:
        messages: list[dict[str, Any]] = []
        stream = stream_of(running)
        stream.subscribe_quotes(collector(messages), "AAPL")
        async with cancelled_at_end(stream._data_ws._run_forever()):
            await eventually(lambda: messages)
            await asyncio.to_thread(stream.subscribe_quotes, collector(messages), "TSLA")
            await eventually(lambda: {m["S"] for m in messages} == {"AAPL", "TSLA"})
            await asyncio.to_thread(stream.unsubscribe_quotes, "AAPL")
            await eventually(lambda: _algo(running).subscriptions == {"quotes": ["TSLA"]})


def _algo(running: World) -> Any:
    [algo] = [algo for algo in running.engine.algos() if algo.connections]
    return algo


async def test_it_trades_and_hears_of_its_fills(tmp_path: Path) -> None:
    async with world(tmp_path) as running:
        updates: list[dict[str, Any]] = []
        stream, rest = stream_of(running), rest_of(running)
        stream.subscribe_trade_updates(collector(updates))
        async with cancelled_at_end(stream._trading_ws._run_forever()):
            await eventually(lambda: any("account" in algo.streams for algo in running.engine.algos()))
            order = await asyncio.to_thread(rest.submit_order, "AAPL", 7, "buy", "market", "day")
            await eventually(lambda: any(u["data"]["event"] == "fill" for u in updates))
            await eventually(lambda: any(algo.fills for algo in running.engine.algos()))
        fills = [u["data"] for u in updates if u["data"]["event"] in ("fill", "partial_fill")]
        assert {u["order"]["id"] for u in fills} == {order.id}
        assert sum(int(u["qty"]) for u in fills) == 7
        [algo] = [algo for algo in running.engine.algos() if algo.orders]
        assert (algo.orders, algo.fills) == (1, len(fills))


async def test_rest_calls_answer_as_the_broker_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path) as running:
        monkeypatch.setenv("APCA_API_DATA_URL", running.url)
        rest = rest_of(running)
        account = await asyncio.to_thread(rest.get_account)
        assert account.account_number == running.simulator.exchange.accounts["demo"].number
        assert (await asyncio.to_thread(rest.get_clock)).is_open
        assert {p.symbol for p in await asyncio.to_thread(rest.list_positions)}
        quote = await asyncio.to_thread(rest.get_latest_quote, "AAPL")
        assert quote.bp > 0
        start = (datetime.now(UTC) - timedelta(days=30)).date().isoformat()
        bars = await asyncio.to_thread(lambda: rest.get_bars("AAPL", "1Day", start=start).df)
        assert len(bars) >= 10
        with pytest.raises(APIError, match="insufficient buying power"):
            await asyncio.to_thread(rest.submit_order, "AAPL", 1_000_000, "buy", "market", "day")
