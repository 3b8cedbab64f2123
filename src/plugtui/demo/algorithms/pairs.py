"""Pairs trading without an SDK: plain JSON over a WebSocket, and REST over HTTP.

When one of two similar stocks runs ahead of the other, sell the one and buy the other.
"""

import asyncio
import json
import os
import time
import uuid

import aiohttp

KEY, SECRET = os.environ["APCA_API_KEY_ID"], os.environ["APCA_API_SECRET_KEY"]
GATEWAY = os.environ.get("APCA_API_BASE_URL", "http://127.0.0.1:8765")
HEADERS = {"APCA-API-KEY-ID": KEY, "APCA-API-SECRET-KEY": SECRET}

PAIRS = (("BAC", "C"), ("WFC", "GS"))
SHARES = 3
MOST_SHARES = 12
EDGE = 0.0001
PAUSE_S = 4.0
MINE = f"pairs-{uuid.uuid4().hex[:8]}-"  # how this run knows its own orders

price: dict[str, float] = {}
usual_ratio: dict[tuple[str, str], float] = {}
held = dict.fromkeys([symbol for pair in PAIRS for symbol in pair], 0)
next_order = 0.0


async def watch_prices(http: aiohttp.ClientSession) -> None:
    async with http.ws_connect(f"{GATEWAY}/v2/iex") as socket:
        await socket.send_json({"action": "auth", "key": KEY, "secret": SECRET})
        await socket.send_json({"action": "subscribe", "trades": list(held)})
        async for frame in socket:
            for message in json.loads(frame.data):
                if message["T"] == "error":
                    raise ConnectionError(message["msg"])
                if message["T"] == "t":
                    price[message["S"]] = message["p"]
                    await trade_the_spread(http)
    raise ConnectionError("the price stream was closed")


async def trade_the_spread(http: aiohttp.ClientSession) -> None:
    global next_order
    for pair in PAIRS:
        first, second = pair
        if first not in price or second not in price:
            continue
        ratio = price[first] / price[second]
        usual = usual_ratio.setdefault(pair, ratio)
        usual_ratio[pair] = usual + (ratio - usual) / 100
        dear, cheap = (first, second) if ratio > usual else (second, first)
        if abs(ratio / usual - 1) < EDGE or time.monotonic() < next_order:
            continue
        if held[cheap] + SHARES > MOST_SHARES or held[dear] - SHARES < -MOST_SHARES:
            continue
        next_order = time.monotonic() + PAUSE_S
        await asyncio.gather(order(http, dear, "sell"), order(http, cheap, "buy"))


async def order(http: aiohttp.ClientSession, symbol: str, side: str) -> None:
    body = {"symbol": symbol, "qty": str(SHARES), "side": side, "type": "market", "time_in_force": "day"}
    body["client_order_id"] = MINE + uuid.uuid4().hex
    async with http.post(f"{GATEWAY}/v2/orders", json=body, headers=HEADERS) as answer:
        if answer.status != 200:
            print(f"order for {symbol} failed: {await answer.text()}")


async def watch_orders(http: aiohttp.ClientSession) -> None:
    async with http.ws_connect(f"{GATEWAY}/stream") as socket:
        await socket.send_json({"action": "authenticate", "data": {"key_id": KEY, "secret_key": SECRET}})
        await socket.send_json({"action": "listen", "data": {"streams": ["trade_updates"]}})
        async for frame in socket:
            message = json.loads(frame.data)
            if message["stream"] != "trade_updates" or message["data"]["event"] not in ("fill", "partial_fill"):
                continue
            done, shares = message["data"]["order"], int(float(message["data"]["qty"]))
            if done["client_order_id"].startswith(MINE):
                held[done["symbol"]] += shares if done["side"] == "buy" else -shares
                print(f"{done['side']} {shares} {done['symbol']} @ {message['data']['price']}")
    raise ConnectionError("the account stream was closed")


async def main() -> None:
    while True:
        try:
            async with aiohttp.ClientSession() as http:
                await asyncio.gather(watch_prices(http), watch_orders(http))
        except (aiohttp.ClientError, OSError) as error:
            print(f"connecting again in a second: {error}")
        await asyncio.sleep(1)


if __name__ == "__main__":
    asyncio.run(main())
