"""The traders of the demo: each trades on its own account, straight at the exchange, as somebody elsewhere would.

Reads one line of JSON from its input, ``{"url": …, "accounts": [{"name", "key_id", "secret_key"}, …], "seed": …}``, and trades
until it is ended.
"""

import http.client
import itertools
import json
import random
import sys
import time
import urllib.request
from typing import Any

SYMBOLS = {
    "northstar": ("NVDA", "MSFT", "AAPL", "META", "QQQ", "AVGO"),
    "riverbend": ("JPM", "GS", "COST", "PEP", "WFC", "NFLX"),
}
OTHER_SYMBOLS = ("AAPL", "MSFT", "JPM", "PEP")
MOST_SHARES = 40
PAUSE_S = (1.0, 3.0)


class Trader:
    """One account that trades at random around nothing."""

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self._symbols = SYMBOLS.get(name, OTHER_SYMBOLS)
        self._held = dict.fromkeys(self._symbols, 0)
        self._random = random.Random(f"{seed}:{name}")

    def next_order(self) -> dict[str, str]:
        """Return the market order that it wants to send."""
        symbol = self._random.choice(self._symbols)
        shares = self._random.randint(1, 5)
        wanted = self._random.choice((1, -1))
        direction = -wanted if abs(self._held[symbol] + wanted * shares) > MOST_SHARES else wanted
        side = "buy" if direction > 0 else "sell"
        return {"symbol": symbol, "qty": str(shares), "side": side, "type": "market", "time_in_force": "day"}

    def sent(self, order: dict[str, str]) -> None:
        """Take note that an order was accepted."""
        self._held[order["symbol"]] += int(order["qty"]) * (1 if order["side"] == "buy" else -1)


def _trade(trader: Trader, url: str, account: dict[str, str]) -> str:
    """Send one order, and return what happened."""
    order = trader.next_order()
    try:
        _post(f"{url}/v2/orders", account, order)
    except (OSError, http.client.HTTPException) as error:
        return f"{trader.name}: {error}"
    trader.sent(order)
    return f"{trader.name}: {order['side']} {order['qty']} {order['symbol']}"


def _post(url: str, account: dict[str, str], body: dict[str, Any]) -> None:
    headers = {"APCA-API-KEY-ID": account["key_id"], "APCA-API-SECRET-KEY": account["secret_key"]}
    request = urllib.request.Request(url, json.dumps(body).encode(), {**headers, "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()


def main() -> None:
    """Trade for ever."""
    given = json.loads(sys.stdin.readline())
    traders = [(Trader(account["name"], given["seed"]), account) for account in given["accounts"]]
    pauses = random.Random(given["seed"])
    for turn in itertools.count():
        for trader, account in traders:
            print(_trade(trader, given["url"], account), flush=True)
            if turn:
                time.sleep(pauses.uniform(*PAUSE_S) / len(traders))


if __name__ == "__main__":
    main()
