"""Mean reversion with alpaca-trade-api: buy what fell below its average, sell what rose above it.

An ordinary Alpaca program. Only its environment points it at the gateway:

    APCA_API_KEY_ID, APCA_API_SECRET_KEY       the pair that `plugtui algos add meanrev` printed
    APCA_API_BASE_URL, APCA_API_STREAM_URL     http://127.0.0.1:8765
"""

import asyncio
import time
import uuid
from typing import Any

from alpaca_trade_api.rest import REST, APIError
from alpaca_trade_api.stream import Stream

SYMBOLS = ("AAPL", "NVDA", "AMZN", "TSLA", "QQQ")
SHARES = 2
MOST_SHARES = 10
EDGE = 0.0001  # how far from its average a price must be
MINE = f"meanrev-{uuid.uuid4().hex[:8]}-"  # how this run knows its own orders
PAUSE_S = 2.0  # between two orders: Alpaca allows 200 requests a minute for all programs of an account together

rest = REST()
stream = Stream()
average: dict[str, float] = {}
held = dict.fromkeys(SYMBOLS, 0)
next_order = 0.0


async def on_trade(trade: Any) -> None:
    global next_order
    mean = average.setdefault(trade.symbol, trade.price)
    average[trade.symbol] = mean + (trade.price - mean) / 30
    side = "buy" if trade.price < mean else "sell"
    after = held[trade.symbol] + (SHARES if side == "buy" else -SHARES)
    if abs(trade.price / mean - 1) < EDGE or abs(after) > MOST_SHARES or time.monotonic() < next_order:
        return
    next_order = time.monotonic() + PAUSE_S
    try:
        # The SDK's REST calls block: a thread keeps the stream flowing meanwhile.
        await asyncio.to_thread(rest.submit_order, trade.symbol, SHARES, side, client_order_id=MINE + uuid.uuid4().hex)
    except (APIError, OSError) as error:
        print(f"order for {trade.symbol} failed: {error}")


async def on_update(update: Any) -> None:
    # The account stream tells of every order of the account, also those of other programs.
    if update.event in ("fill", "partial_fill") and update.order["client_order_id"].startswith(MINE):
        shares = int(float(update.qty))
        held[update.order["symbol"]] += shares if update.order["side"] == "buy" else -shares
        print(f"{update.order['side']} {shares} {update.order['symbol']} @ {update.price}")


if __name__ == "__main__":
    stream.subscribe_trades(on_trade, *SYMBOLS)
    stream.subscribe_trade_updates(on_update)
    stream.run()
