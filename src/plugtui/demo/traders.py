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

    def __init__(self, url: str, account: dict[str, str], seed: int) -> None:
        self._url = url
        self._headers = {"APCA-API-KEY-ID": account["key_id"], "APCA-API-SECRET-KEY": account["secret_key"]}
        self._symbols = SYMBOLS.get(account["name"], OTHER_SYMBOLS)
        self._held = dict.fromkeys(self._symbols, 0)
        self._random = random.Random(f"{seed}:{account['name']}")
        self._name = account["name"]

    def trade(self) -> str:
        """Send one market order, and return what happened."""
        symbol = self._random.choice(self._symbols)
        shares = self._random.randint(1, 5)
        wanted = self._random.choice((1, -1))
        direction = -wanted if abs(self._held[symbol] + wanted * shares) > MOST_SHARES else wanted
        side = "buy" if direction > 0 else "sell"
        order = {"symbol": symbol, "qty": str(shares), "side": side, "type": "market", "time_in_force": "day"}
        try:
            self._post("/v2/orders", order)
        except (OSError, http.client.HTTPException) as error:
            return f"{self._name}: {error}"
        self._held[symbol] += direction * shares
        return f"{self._name}: {side} {shares} {symbol}"

    def _post(self, path: str, body: dict[str, Any]) -> None:
        headers = {**self._headers, "Content-Type": "application/json"}
        request = urllib.request.Request(self._url + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            answer.read()


def main() -> None:
    """Trade for ever."""
    given = json.loads(sys.stdin.readline())
    traders = [Trader(given["url"], account, given["seed"]) for account in given["accounts"]]
    pauses = random.Random(given["seed"])
    for turn in itertools.count():
        for trader in traders:
            print(trader.trade(), flush=True)
            if turn:
                time.sleep(pauses.uniform(*PAUSE_S) / len(traders))


if __name__ == "__main__":
    main()
