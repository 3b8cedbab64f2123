"""The unmodified Python SDKs against the trading half."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest

from tests.sim.server import TradingServer, in_thread, trading_server
from tests.support import eventually

trading = pytest.importorskip("alpaca.trading.client")
from alpaca.common.exceptions import APIError  # noqa: E402
from alpaca.trading import enums, models, requests, stream  # noqa: E402


@pytest.fixture
async def server() -> AsyncIterator[TradingServer]:
    async with trading_server(fill_latency_ms=(0, 0)) as running:
        yield running


def client(server: TradingServer, name: str = "demo") -> Any:
    account = server.account(name)
    return trading.TradingClient(account.key_id, account.secret.reveal(), url_override=server.url)


async def test_alpaca_py_reads_account_positions_clock_calendar_and_assets(server: TradingServer) -> None:
    sdk, account = client(server), server.account()
    read = await in_thread(sdk.get_account)
    assert isinstance(read, models.TradeAccount)
    assert read.account_number == account.number
    positions = await in_thread(sdk.get_all_positions)
    assert {p.symbol: p.qty for p in positions} == {s: str(p.qty) for s, p in account.positions.items()}
    clock = await in_thread(sdk.get_clock)
    assert clock.is_open
    days = await in_thread(sdk.get_calendar, requests.GetCalendarRequest(start=date(2026, 6, 1), end=date(2026, 6, 30)))
    assert len(days) == 21  # 22 weekdays less Juneteenth
    assets = await in_thread(sdk.get_all_assets, requests.GetAssetsRequest(asset_class=enums.AssetClass.US_EQUITY))
    assert {asset.symbol for asset in assets} == {"AAPL", "MSFT", "C", "HARD"}
    assert (await in_thread(sdk.get_asset, "BTC/USD")).asset_class == enums.AssetClass.CRYPTO
    assert not (await in_thread(sdk.get_account_configurations)).suspend_trade


async def test_alpaca_py_reads_portfolio_history(server: TradingServer) -> None:
    sdk = client(server)
    for period, timeframe in ((None, None), ("1D", "1Min"), ("1W", "15Min"), ("2A", "1D")):
        wanted = requests.GetPortfolioHistoryRequest(period=period, timeframe=timeframe)
        answer = await in_thread(sdk.get_portfolio_history, wanted)
        assert len(answer.timestamp) == len(answer.equity) == len(answer.profit_loss) > 0


async def test_alpaca_py_trades(server: TradingServer) -> None:
    sdk, someone = client(server, "reserve"), server.bench.account("reserve")
    bought = await in_thread(
        sdk.submit_order,
        requests.MarketOrderRequest(
            symbol="AAPL", qty=5, side=enums.OrderSide.BUY, time_in_force=enums.TimeInForce.DAY
        ),
    )
    assert bought.status is enums.OrderStatus.FILLED
    bracket = await in_thread(
        sdk.submit_order,
        requests.LimitOrderRequest(
            symbol="C",
            qty=2,
            side=enums.OrderSide.BUY,
            time_in_force=enums.TimeInForce.GTC,
            limit_price=60,
            order_class=enums.OrderClass.BRACKET,
            take_profit=requests.TakeProfitRequest(limit_price=80),
            stop_loss=requests.StopLossRequest(stop_price=50),
        ),
    )
    assert [leg.status for leg in bracket.legs] == [enums.OrderStatus.HELD] * 2
    replaced = await in_thread(sdk.replace_order_by_id, bracket.id, requests.ReplaceOrderRequest(limit_price=61))
    assert replaced.replaces == bracket.id
    found = await in_thread(sdk.get_order_by_client_id, replaced.client_order_id)
    assert found.id == replaced.id
    open_orders = await in_thread(sdk.get_orders, requests.GetOrdersRequest(nested=True))
    assert [order.id for order in open_orders] == [replaced.id]
    await in_thread(sdk.cancel_order_by_id, replaced.id)
    with pytest.raises(APIError) as refused:
        await in_thread(sdk.cancel_order_by_id, bought.id)
    assert (refused.value.status_code, refused.value.code) == (422, 42210000)
    closed = await in_thread(sdk.close_position, "AAPL", requests.ClosePositionRequest(qty="2"))
    assert closed.side is enums.OrderSide.SELL
    answers = await in_thread(sdk.close_all_positions, cancel_orders=True)
    assert [answer.status for answer in answers] == [200]
    assert someone.positions == {}


async def test_alpaca_py_streams_trade_updates(server: TradingServer) -> None:
    account = server.account()
    updates = stream.TradingStream(
        account.key_id, account.secret.reveal(), url_override=server.url.replace("http", "ws") + "/stream"
    )
    seen: list[Any] = []
    two = asyncio.Event()

    async def note(update: Any) -> None:
        seen.append(update)
        if len(seen) == 2:
            two.set()

    updates.subscribe_trade_updates(note)
    running = asyncio.get_running_loop().create_task(updates._run_forever())
    try:
        await eventually(lambda: server.streams.listening("demo") == 1)
        await server.order()
        await asyncio.wait_for(two.wait(), 20)
    finally:
        await updates.stop_ws()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert [update.event for update in seen] == [enums.TradeEvent.NEW, enums.TradeEvent.FILL]
    assert str(seen[1].execution_id) == account.executions[0].execution_id
    assert seen[1].position_qty == float(account.quantity("AAPL"))


async def test_alpaca_trade_api_reads_and_trades(server: TradingServer) -> None:
    from alpaca_trade_api import REST

    account = server.account()
    api = REST(account.key_id, account.secret.reveal(), server.url)
    assert (await in_thread(api.get_account)).account_number == account.number
    assert (await in_thread(api.get_clock)).is_open
    assert len(await in_thread(api.get_calendar, "2026-06-01", "2026-06-12")) == 10
    assert len(await in_thread(api.list_assets)) == 5
    order = await in_thread(api.submit_order, "AAPL", 1, "buy", "market", "day", client_order_id="tapi")
    assert order.status == "filled"
    assert (await in_thread(api.get_order_by_client_order_id, "tapi")).id == order.id
    waiting = await in_thread(api.submit_order, "AAPL", 1, "buy", "limit", "gtc", limit_price=100)
    assert [o.id for o in await in_thread(api.list_orders)] == [waiting.id]
    await in_thread(api.cancel_order, waiting.id)
    activities = await in_thread(api.get_activities, activity_types="FILL", page_size=5)
    assert activities[0].order_id == order.id
    frame = (await in_thread(api.get_portfolio_history, period="1M", timeframe="1D")).df
    assert frame["equity"].iloc[-1] > 0
    positions = {p.symbol: p.qty for p in await in_thread(api.list_positions)}
    assert positions["AAPL"] == str(account.quantity("AAPL"))
