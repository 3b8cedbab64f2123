"""Momentum with alpaca-py: follow a quote that has risen or fallen for a while.

An ordinary Alpaca program. alpaca-py takes addresses as arguments: `url_override` of each client is the one change.
"""

import asyncio
import os
import threading
import time
import uuid
from collections import defaultdict, deque
from typing import Any

from alpaca.common.exceptions import APIError
from alpaca.data.live import StockDataStream
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import LimitOrderRequest
from alpaca.trading.stream import TradingStream

KEY, SECRET = os.environ["APCA_API_KEY_ID"], os.environ["APCA_API_SECRET_KEY"]
GATEWAY = os.environ.get("APCA_API_BASE_URL", "http://127.0.0.1:8765")
STREAMS = GATEWAY.replace("http", "ws", 1)

SYMBOLS = ("MSFT", "META", "GOOGL", "AMD", "JPM")
SHARES = 2
MOST_SHARES = 10
QUOTES = 20  # how many quotes make a trend
EDGE = 0.0001
PAUSE_S = 2.0
MINE = f"momentum-{uuid.uuid4().hex[:8]}-"  # how this run knows its own orders

data = StockDataStream(KEY, SECRET, url_override=f"{STREAMS}/v2/iex")
updates = TradingStream(KEY, SECRET, url_override=f"{STREAMS}/stream")
trading = TradingClient(KEY, SECRET, url_override=GATEWAY)
middles: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=QUOTES))
held = dict.fromkeys(SYMBOLS, 0)
next_order = 0.0


async def on_quote(quote: Any) -> None:
    global next_order
    recent = middles[quote.symbol]
    recent.append((quote.bid_price + quote.ask_price) / 2)
    trend = recent[-1] / recent[0] - 1
    side, price = (OrderSide.BUY, quote.ask_price) if trend > 0 else (OrderSide.SELL, quote.bid_price)
    after = held[quote.symbol] + (SHARES if side == OrderSide.BUY else -SHARES)
    if abs(trend) < EDGE or abs(after) > MOST_SHARES or time.monotonic() < next_order:
        return
    next_order = time.monotonic() + PAUSE_S
    order = LimitOrderRequest(
        symbol=quote.symbol,
        qty=SHARES,
        side=side,
        limit_price=round(price, 2),
        time_in_force=TimeInForce.IOC,
        client_order_id=MINE + uuid.uuid4().hex,
    )
    try:
        await asyncio.to_thread(trading.submit_order, order)
    except (APIError, OSError) as error:
        print(f"order for {quote.symbol} failed: {error}")


async def on_update(update: Any) -> None:
    if update.event in ("fill", "partial_fill") and update.order.client_order_id.startswith(MINE):
        shares = int(update.qty)
        held[update.order.symbol] += shares if update.order.side == OrderSide.BUY else -shares
        print(f"{update.order.side.value} {shares} {update.order.symbol} @ {update.price}")


if __name__ == "__main__":
    data.subscribe_quotes(on_quote, *SYMBOLS)
    updates.subscribe_trade_updates(on_update)
    threading.Thread(target=updates.run, daemon=True).start()
    data.run()
