"""How to point each SDK at the gateway: the one setting to change (protocol §5.1, §5.2). Text in one place."""

from typing import NamedTuple


class Recipe(NamedTuple):
    """What to change for one SDK."""

    sdk: str
    """Short name, as in ``--sdk``."""
    title: str
    setting: str
    """The one thing that changes, in a few words."""
    code: str
    """Ready to copy, several lines."""
    note: str = ""


KEY_PLACEHOLDER = "YOUR_KEY_ID"
SECRET_PLACEHOLDER = "YOUR_SECRET_KEY"


def recipes(
    gateway_url: str, key_id: str = KEY_PLACEHOLDER, secret: str = SECRET_PLACEHOLDER, feed: str = "iex"
) -> list[Recipe]:
    """Say per SDK what to change.

    Args:
        gateway_url: ``http://127.0.0.1:8765``.
        key_id: of the pair that the algorithm uses: issued by ``plugtui algos add NAME``, or the account's own.
        secret: its other half, in the clear, because it goes into the text.
        feed: the stock feed of the engine.
    """
    http = gateway_url.rstrip("/")
    ws = "ws" + http.removeprefix("http")
    return [
        _environment(http, key_id, secret),
        _alpaca_py(http, ws, key_id, secret, feed),
        _alpaca_trade_api(http, key_id, secret, feed),
        *_javascript(http, ws, key_id, secret, feed),
        _go(http, ws),
        _csharp(ws),
        _backtrader(ws),
        _plain(http, ws, key_id, secret, feed),
    ]


def _environment(http: str, key_id: str, secret: str) -> Recipe:
    return Recipe(
        "environment",
        "Any SDK that reads the environment (alpaca-trade-api; JS 3 and Go in part)",
        "variables of the environment, no change to the program",
        f"export APCA_API_KEY_ID={key_id}\n"
        f"export APCA_API_SECRET_KEY={secret}\n"
        f"export APCA_API_BASE_URL={http}    # REST, account stream\n"
        f"export APCA_API_DATA_URL={http}    # market-data REST\n"
        f"export APCA_DATA_BASE_URL={http}   # the same for JS 3\n"
        f"export APCA_API_STREAM_URL={http}  # market-data streams",
        "alpaca-py and JS 4 read no address. For streams, JS 3 needs a line in the program and Go variables of its own.",
    )


def _alpaca_py(http: str, ws: str, key_id: str, secret: str, feed: str) -> Recipe:
    return Recipe(
        "alpaca-py",
        "alpaca-py (Python)",
        "url_override of each client",
        f'KEY, SECRET = "{key_id}", "{secret}"\n'
        f'data = StockDataStream(KEY, SECRET, url_override="{ws}/v2/{feed}")\n'
        f'crypto = CryptoDataStream(KEY, SECRET, url_override="{ws}/v1beta3/crypto/us")\n'
        f'account = TradingStream(KEY, SECRET, url_override="{ws}/stream")\n'
        f'trading = TradingClient(KEY, SECRET, url_override="{http}")\n'
        f'history = StockHistoricalDataClient(KEY, SECRET, url_override="{http}")',
        "The stream's path is needed: alpaca-py takes the address as it stands.",
    )


def _alpaca_trade_api(http: str, key_id: str, secret: str, feed: str) -> Recipe:
    return Recipe(
        "alpaca-trade-api",
        "alpaca-trade-api 1.0 and later (Python)",
        "base_url and data_stream_url, or the environment",
        f'KEY, SECRET, GATEWAY = "{key_id}", "{secret}", "{http}"\n'
        f'stream = Stream(KEY, SECRET, base_url=GATEWAY, data_stream_url=GATEWAY, data_feed="{feed}")\n'
        "rest = REST(KEY, SECRET, base_url=GATEWAY)",
        "Market-data REST follows APCA_API_DATA_URL only.",
    )


def _javascript(http: str, ws: str, key_id: str, secret: str, feed: str) -> list[Recipe]:
    return [
        Recipe(
            "js-4",
            "@alpacahq/alpaca-trade-api 4 (JavaScript)",
            "url of each stream, a middleware for REST",
            f"const toGateway = {{ pre: async ({{ url, init }}) =>\n"
            f'  ({{ url: url.replace(/^https:\\/\\/[^/]+/, "{http}"), init }}) }};\n'
            f'const alpaca = new Alpaca({{ keyId: "{key_id}", secret: "{secret}",\n'
            "  middleware: [toGateway] });\n"
            f'const stocks = alpaca.marketData.stockStream({{ url: "{ws}/v2/{feed}" }});\n'
            f'const crypto = alpaca.marketData.cryptoStream({{ url: "{ws}/v1beta3/crypto/us" }});\n'
            f'const account = alpaca.trading.stream({{ url: "{ws}/stream" }});',
            "The client has no setting for the host of REST; the middleware stands in for it. "
            "Give submitAndWait the account stream, { stream: account }: its own would go past the gateway. "
            "Streams come back by themselves for about five minutes, with maxReconnectAttempts: -1 always.",
        ),
        Recipe(
            "js-3",
            "@alpacahq/alpaca-trade-api 1 to 3 (JavaScript)",
            "three URLs, and the stock stream's address after construction",
            f'const alpaca = new Alpaca({{ keyId: "{key_id}", secretKey: "{secret}",\n'
            f'  baseUrl: "{http}", dataBaseUrl: "{http}", dataStreamUrl: "{http}" }});\n'
            "const stocks = alpaca.data_stream_v2;\n"
            f'stocks.session.url = "{ws}/v2/{feed}";\n'
            "stocks.onDisconnect(() => setTimeout(() => stocks.connect(), 1000));",
            'The SDK forces wss:// for stocks, options and news ("wrong version number"): session.url undoes that. '
            "Its data streams, crypto too, give up when the gateway is away for a moment: onDisconnect brings them back. "
            "The account stream needs neither.",
        ),
    ]


def _go(http: str, ws: str) -> Recipe:
    return Recipe(
        "go",
        "alpaca-trade-api-go 2 and 3 (Go)",
        "DATA_PROXY_WS and APCA_API_BASE_URL",
        f"export DATA_PROXY_WS={ws}\nexport DATA_CRYPTO_PROXY_WS={ws}\n"
        f"export APCA_API_BASE_URL={http}\nexport APCA_API_DATA_URL={http}",
        "stream.WithBaseURL does the same in the program.",
    )


def _csharp(ws: str) -> Recipe:
    return Recipe(
        "csharp",
        "Alpaca.Markets (C#)",
        "one call on the environment",
        f'var environment = Environments.Paper.WithProxyForAlpacaDataStreamingClient(new Uri("{ws}"));',
        "Redirects the stock stream; other clients follow their configuration's ApiEndpoint.",
    )


def _backtrader(ws: str) -> Recipe:
    return Recipe(
        "backtrader",
        "alpaca-backtrader-api 0.14 and later (Python)",
        "DATA_PROXY_WS",
        f"export DATA_PROXY_WS={ws}",
        "Every data feed opens a stream of its own: they share the one upstream.",
    )


def _plain(http: str, ws: str, key_id: str, secret: str, feed: str) -> Recipe:
    return Recipe(
        "plain",
        "Any WebSocket and HTTP client, any language",
        "the host",
        f"{ws}/v2/{feed}\n"
        f'  > {{"action":"auth","key":"{key_id}","secret":"{secret}"}}\n'
        '  > {"action":"subscribe","trades":["AAPL"]}\n'
        f'curl -H "APCA-API-KEY-ID: {key_id}" -H "APCA-API-SECRET-KEY: {secret}" {http}/v2/account',
    )
