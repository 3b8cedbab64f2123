"""The real SDKs, unmodified, through the REST pass-through to the simulated exchange."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from plugtui.sim.server import Simulator
from tests.engine.rest_kit import Kit, gateway
from tests.support import eventually


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator() as simulator:
        yield simulator


@pytest.fixture
async def kit(tmp_path: Path, simulator: Simulator) -> AsyncIterator[Kit]:
    demo = simulator.account("demo")
    async with gateway(tmp_path, simulator.url, simulator.url, key_id=demo.key_id, secret=demo.secret.reveal()) as kit:
        yield kit


async def issued(kit: Kit, name: str) -> tuple[str, str]:
    key, secret = await kit.keys.add(name, 1)
    kit.directory.key_issued(key)
    return key.key_id, secret.reveal()


def rest(kit: Kit, keys: tuple[str, str]) -> Any:
    from alpaca_trade_api.rest import REST

    return REST(*keys, base_url=kit.url)


async def test_alpaca_trade_api_reads_trades_replaces_and_cancels(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APCA_API_DATA_URL", kit.url)
    api = rest(kit, await issued(kit, "meanrev"))
    account = await asyncio.to_thread(api.get_account)
    assert float(account.equity) > 0
    assert (await asyncio.to_thread(api.get_clock)).is_open in (True, False)
    order = await asyncio.to_thread(
        api.submit_order, symbol="AAPL", qty=2, side="buy", type="limit", limit_price=1, time_in_force="gtc"
    )
    assert kit.books.claims[0][:2] == (order.client_order_id, "meanrev")
    assert kit.books.orders == [(order.id, "meanrev")]
    assert (await asyncio.to_thread(api.get_order_by_client_order_id, order.client_order_id)).id == order.id
    replaced = await asyncio.to_thread(api.replace_order, order.id, qty=3)
    assert kit.books.orders[-1] == (replaced.id, "meanrev")
    await eventually(lambda: asyncio.to_thread(lambda: api.get_order(replaced.id).status == "new"), poll=0.2)
    await asyncio.to_thread(api.cancel_order, replaced.id)
    await eventually(lambda: asyncio.to_thread(lambda: api.get_order(replaced.id).status == "canceled"), poll=0.2)
    assert len(await asyncio.to_thread(api.list_orders, status="all", limit=5)) >= 1
    trade = await asyncio.to_thread(api.get_latest_trade, "AAPL")
    assert trade.p > 0
    [state] = [state for state in kit.directory.states() if state.name == "meanrev"]
    assert state.sdk.startswith("alpaca-trade-api 3")
    assert (state.orders, state.rejects, state.issued) == (2, 0, True)
    assert state.requests >= 8


async def test_alpaca_py_trades_and_reads_market_data(kit: Kit) -> None:
    from alpaca.data.historical import CryptoHistoricalDataClient, StockHistoricalDataClient
    from alpaca.data.requests import CryptoLatestQuoteRequest, StockLatestTradeRequest
    from alpaca.trading.client import TradingClient
    from alpaca.trading.enums import OrderSide, TimeInForce
    from alpaca.trading.requests import MarketOrderRequest

    keys = await issued(kit, "momentum")
    client = TradingClient(*keys, url_override=kit.url)
    assert float((await asyncio.to_thread(client.get_account)).equity) > 0  # type: ignore[union-attr, arg-type]
    request = MarketOrderRequest(symbol="MSFT", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY)
    order: Any = await asyncio.to_thread(client.submit_order, request)
    assert kit.books.orders == [(str(order.id), "momentum")]
    await eventually(
        lambda: asyncio.to_thread(lambda: client.get_order_by_id(order.id).status.value == "filled"), poll=0.2
    )  # type: ignore[union-attr]
    closed: Any = await asyncio.to_thread(client.close_position, "MSFT")
    assert kit.books.orders[-1] == (str(closed.id), "momentum")
    assert await asyncio.to_thread(client.cancel_orders) is not None
    stocks = StockHistoricalDataClient(*keys, url_override=kit.url)
    trade: Any = await asyncio.to_thread(
        stocks.get_stock_latest_trade, StockLatestTradeRequest(symbol_or_symbols="AAPL")
    )
    assert trade["AAPL"].price > 0
    crypto = CryptoHistoricalDataClient(*keys, url_override=kit.url)
    quote: Any = await asyncio.to_thread(
        crypto.get_crypto_latest_quote, CryptoLatestQuoteRequest(symbol_or_symbols="BTC/USD")
    )
    assert quote["BTC/USD"].ask_price > 0


async def test_an_sdk_that_is_set_up_with_a_token_gets_in_with_an_issued_secret(kit: Kit) -> None:
    from alpaca.trading.client import TradingClient

    _, secret = await issued(kit, "grid")
    by_token = TradingClient(oauth_token=secret, url_override=kit.url)
    assert await asyncio.to_thread(by_token.get_clock)


async def test_no_sdk_sends_an_order_of_unknown_fate_again(kit: Kit, simulator: Simulator) -> None:
    from alpaca.trading.client import TradingClient
    from alpaca_trade_api.rest import APIError

    keys = await issued(kit, "meanrev")
    simulator.faults.rest_status = 504
    order = {"symbol": "AAPL", "qty": "1", "side": "buy", "type": "market", "time_in_force": "day"}
    with pytest.raises(APIError) as refused:
        await asyncio.to_thread(rest(kit, keys).submit_order, **order)
    assert refused.value.status_code == 500
    with pytest.raises(Exception, match="is not known"):
        await asyncio.to_thread(TradingClient(*keys, url_override=kit.url).post, "/orders", order)
    assert kit.passthrough.submissions.unanswered == 2


async def test_a_reject_reaches_the_sdk_in_the_brokers_words(kit: Kit) -> None:
    from alpaca_trade_api.rest import APIError

    api = rest(kit, await issued(kit, "meanrev"))
    with pytest.raises(APIError, match="insufficient buying power") as refused:
        await asyncio.to_thread(api.submit_order, symbol="AAPL", qty=10_000_000, type="limit", limit_price=500)
    assert refused.value.code == 40310000
    [state] = kit.directory.states()
    assert (state.orders, state.rejects) == (0, 1)
