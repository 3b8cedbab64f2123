"""The unmodified SDKs for JavaScript, versions 3 and 4, through the gateway, set up as `plugtui algos howto` says."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from plugtui.config import GatewaySettings
from plugtui.control.howto import recipes
from plugtui.sim.events import Event
from plugtui.sim.server import SimSettings, Simulator
from plugtui.wire.channels import Family
from plugtui.wire.messages import StockTrade
from plugtui.wire.times import Timestamp, ns_to_rfc3339
from tests.clients.node import NodeError, NodeProgram, install, node_program
from tests.support import eventually
from tests.world import World, engine_on, settings_for, world

pytestmark = pytest.mark.javascript

SCRIPTS = {"js-3": "version3.cjs", "js-4": "version4.mjs"}
NAMES = {
    "js-3": {
        "S": "Symbol", "i": "ID", "x": "Exchange", "p": "Price", "s": "Size", "c": "Conditions", "z": "Tape",
        "bx": "BidExchange", "bp": "BidPrice", "bs": "BidSize", "ax": "AskExchange", "ap": "AskPrice", "as": "AskSize",
    },
    "js-4": {
        "S": "symbol", "i": "id", "x": "exchange", "p": "price", "s": "size", "c": "conditions", "z": "tape",
        "bx": "bidExchange", "bp": "bidPrice", "bs": "bidSize", "ax": "askExchange", "ap": "askPrice", "as": "askSize",
    },
}  # fmt: skip
"""What each SDK calls the keys of the wire."""


@pytest.fixture(scope="session")
def sdks(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the SDKs are installed: once for all runs where pytest has a cache, else once a run."""
    cache = getattr(pytestconfig, "cache", None)
    return install(cache.mkdir("javascript") if cache else tmp_path_factory.mktemp("javascript"))


@pytest.fixture(params=SCRIPTS)
def sdk(request: pytest.FixtureRequest) -> str:
    """Each of the SDKs in turn."""
    return str(request.param)


@pytest.fixture
async def program(sdks: Path, sdk: str) -> AsyncIterator[NodeProgram]:
    """Run a program that uses the SDK; it ends after the gateway."""
    async with node_program(sdks, SCRIPTS[sdk]) as running:
        yield running


def recipe_for(sdk: str, url: str, key_id: str, secret: str) -> str:
    return next(recipe.code for recipe in recipes(url, key_id, secret) if recipe.sdk == sdk)


async def open_streams(program: NodeProgram, sdk: str, running: World, *streams: str) -> None:
    """Make the SDK's clients from the recipe and connect streams."""
    await program.do("open", recipe=recipe_for(sdk, running.url, running.key_id, running.secret))
    for stream in streams:
        await program.do("connect", stream=stream)
        logged_in = {"js-3": {"authenticated", "connected"}, "js-4": {"authenticated"}}[sdk]
        logged_in -= {"connected"} if stream != "account" else set()
        await eventually(lambda stream=stream, wanted=logged_in: wanted & {*program.heard("state", stream)})  # type: ignore[misc]


def time_of(sdk: str, data: dict[str, Any]) -> str:
    return str(data["Timestamp"] if sdk == "js-3" else data["timestampRaw"])


def time_as(sdk: str, ns: int) -> str:
    """Write a time as the SDK shows it: version 3 rounds to milliseconds, version 4 has all nine digits."""
    unit, digits = (10**6, 3) if sdk == "js-3" else (1, 9)
    seconds, fraction = divmod((ns + unit // 2) // unit, 10**digits)
    return f"{ns_to_rfc3339(seconds * 10**9)[:-1]}.{fraction:0{digits}d}Z"


def values_of(sdk: str, data: dict[str, Any]) -> dict[str, Any]:
    """Return what the SDK handed to its user under the wire's keys, with the time as text."""
    names = NAMES[sdk]
    plain = {key: data[name] for key, name in names.items() if name in data}
    plain |= {key: data[key] for key in ("S",) if key in data}
    return plain | {"t": time_of(sdk, data)}


def sent_by(running: World, sdk: str, symbol: str, channel: str) -> list[dict[str, Any]]:
    """Return what the simulator sent, as :func:`values_of` returns it."""
    return [
        {key: value for key, value in message.items() if key != "T"} | {"t": time_as(sdk, message["t"])}
        for message in running.messages(symbol, channel)
    ]


async def test_market_data_is_what_was_sent(tmp_path: Path, program: NodeProgram, sdk: str) -> None:
    async with world(tmp_path) as running:
        await open_streams(program, sdk, running, "stocks", "crypto")
        await program.do("call", stream="stocks", method="subscribeForTrades", symbols=["AAPL"])
        await program.do("call", stream="stocks", method="subscribeForQuotes", symbols=["AAPL", "NVDA"])
        await program.do("call", stream="crypto", method="subscribeForQuotes", symbols=["BTC/USD"])
        await program.do("call", stream="crypto", method="subscribeForOrderbooks", symbols=["BTC/USD"])
        wanted = [("trade", "stocks", 5), ("quote", "stocks", 20), ("quote", "crypto", 10), ("orderbook", "crypto", 5)]
        await eventually(lambda: all(len(program.heard(event, stream)) >= n for event, stream, n in wanted))
        trades = [values_of(sdk, data) for data in program.heard("trade", "stocks")]
        truth = sent_by(running, sdk, "AAPL", "trades")
        first = truth.index(trades[0])
        assert trades == truth[first : first + len(trades)], "nothing in between is missing, double or changed"
        for stream, symbols in (("stocks", ("AAPL", "NVDA")), ("crypto", ("BTC/USD",))):
            quotes = [values_of(sdk, data) for data in program.heard("quote", stream)]
            sent = [quote for symbol in symbols for quote in sent_by(running, sdk, symbol, "quotes")]
            assert {quote["S"] for quote in quotes} <= set(symbols)
            without_conditions = [{**quote, "c": quote.get("c", [])} for quote in sent]
            assert all({**quote, "c": quote.get("c", [])} in without_conditions for quote in quotes)
        assert program.heard("opened", "stocks") == [""], "compression is declined"
        assert await program.do("ping", stream="stocks") == "pong"
        assert program.heard("error", "stocks") == program.heard("error", "crypto") == []


async def test_an_order_book_starts_whole_and_goes_on_with_what_changed(
    tmp_path: Path, program: NodeProgram, sdk: str
) -> None:
    bids, asks = ("Bids", "Asks") if sdk == "js-3" else ("bids", "asks")
    price, size = ("Price", "Size") if sdk == "js-3" else ("price", "size")
    async with world(tmp_path) as running:
        await open_streams(program, sdk, running, "crypto")
        await program.do("call", stream="crypto", method="subscribeForOrderbooks", symbols=["BTC/USD"])
        await eventually(lambda: len(program.heard("orderbook", "crypto")) >= 5)
        whole, *changes = program.heard("orderbook", "crypto")
        sent = {time_as(sdk, m["t"]): m for m in running.messages("BTC/USD", "orderbooks")}
    assert len(whole[bids]) > 3 and len(whole[asks]) > 3
    for change in changes:
        truth = sent[time_of(sdk, change)]
        for side, key in ((bids, "b"), (asks, "a")):
            assert [(level[price], level[size]) for level in change[side]] == [(v["p"], v["s"]) for v in truth[key]]


async def test_subscriptions_change_while_the_stream_runs(tmp_path: Path, program: NodeProgram, sdk: str) -> None:
    async with world(tmp_path) as running:

        def wanted_by_it() -> dict[str, list[str]]:
            return {key: list(value) for key, value in running.engine.algos()[0].subscriptions.items()}

        def symbols_of_the_newest() -> set[str]:
            return {values_of(sdk, data)["S"] for data in program.heard("quote", "stocks")[-10:]}

        await open_streams(program, sdk, running, "stocks")
        await program.do("call", stream="stocks", method="subscribeForQuotes", symbols=["AAPL"])
        await eventually(lambda: symbols_of_the_newest() == {"AAPL"})
        await program.do("call", stream="stocks", method="subscribeForQuotes", symbols=["TSLA"])
        await program.do("call", stream="stocks", method="subscribeForTrades", symbols=["MSFT"])
        await eventually(lambda: symbols_of_the_newest() == {"AAPL", "TSLA"} and program.heard("trade", "stocks"))
        await program.do("call", stream="stocks", method="unsubscribeFromQuotes", symbols=["AAPL"])
        await program.do("call", stream="stocks", method="unsubscribeFromTrades", symbols=["MSFT"])
        await eventually(lambda: wanted_by_it() == {"quotes": ["TSLA"]})
        await eventually(lambda: symbols_of_the_newest() == {"TSLA"})
        own = await program.do("subscriptions", stream="stocks")
        assert own["quotes"] == ["TSLA"] and own["trades"] == []
        assert set(own) >= {"trades", "quotes", "bars", "updatedBars", "dailyBars", "statuses", "lulds"}
        await program.do("call", stream="stocks", method="unsubscribeFromQuotes", symbols=["TSLA"])
        await eventually(lambda: wanted_by_it() == {})
        assert program.heard("error", "stocks") == []


async def test_it_trades_and_hears_of_its_orders(tmp_path: Path, program: NodeProgram, sdk: str) -> None:
    async with world(tmp_path) as running:
        await open_streams(program, sdk, running, "account")
        await eventually(lambda: any("account" in algo.streams for algo in running.engine.algos()))
        account = await program.do("account")
        assert account["account_number"] == running.simulator.exchange.accounts["demo"].number
        quote = await program.do("quote", symbol="MSFT")
        assert (quote["BidPrice"] if sdk == "js-3" else quote["bp"]) > 0
        market = {"symbol": "MSFT", "qty": 3, "side": "buy", "type": "market", "time_in_force": "day"}

        def heard_of(order_id: str) -> list[dict[str, Any]]:
            return [u for u in program.heard("update", "account") if u["order"]["id"] == order_id]

        def events_of(order_id: str) -> list[str]:
            return [u["event"] for u in heard_of(order_id)]

        bought = await program.do("order", order=market)
        await eventually(lambda: "fill" in events_of(bought["id"]))
        mine = [e for e in running.executions() if e["order_id"] == bought["id"]]
        assert [(u["execution_id"], u["qty"], u["price"]) for u in heard_of(bought["id"]) if "price" in u] == [
            (e["execution_id"], e["qty"], e["price"]) for e in mine
        ]
        resting = await program.do("order", order={**market, "type": "limit", "limit_price": 1})
        await program.do("cancel", id=resting["id"])
        await eventually(lambda: "canceled" in events_of(resting["id"]))
        with pytest.raises(NodeError) as refused:
            await program.do("order", order={**market, "qty": 1_000_000})
        assert refused.value.status == 403
        if sdk == "js-4":
            assert (await program.do("trade", order=market))["status"] == "filled"
        name = SCRIPTS[sdk].partition(".")[0]
        await eventually(lambda: [algo.name for algo in running.engine.algos() if algo.fills] == [name])


async def test_it_says_that_keys_are_wrong(tmp_path: Path, program: NodeProgram, sdk: str) -> None:
    async with world(tmp_path) as running:
        await program.do("open", recipe=recipe_for(sdk, running.url, "PKWRONG", "wrong"))
        for stream in ("stocks", "account"):
            await program.do("connect", stream=stream)
        await eventually(lambda: "auth failed" in program.heard("error", "stocks"))
        await eventually(lambda: program.heard("error", "account"))
        with pytest.raises(NodeError) as refused:
            await program.do("account")
        assert refused.value.status == 401


async def test_a_gateway_that_ends_says_so_and_the_next_one_is_found(
    tmp_path: Path, program: NodeProgram, sdk: str
) -> None:
    async with Simulator(SimSettings(rate=300)) as simulator:
        async with engine_on(simulator, tmp_path) as engine:
            keys = simulator.account("demo")
            running = World(simulator, engine, keys.key_id, keys.secret.reveal())
            await open_streams(program, sdk, running, "stocks", "account")
            await program.do("call", stream="stocks", method="subscribeForQuotes", symbols=["NVDA"])
            await eventually(lambda: program.heard("quote", "stocks"))
            port = int(engine.info.url.rpartition(":")[2])
        await eventually(lambda: program.heard("closed", "stocks") == program.heard("closed", "account") == [1001])
        before = len(program.heard("quote", "stocks"))
        settings = settings_for(simulator, gateway=GatewaySettings(port=port))
        async with engine_on(simulator, tmp_path, settings) as engine:
            await eventually(lambda: len(program.heard("quote", "stocks")) > before)
            await eventually(lambda: any("account" in algo.streams for algo in engine.algos()))


async def test_ids_beyond_the_integers_of_javascript_keep_their_digits(tmp_path: Path, sdks: Path) -> None:
    async with node_program(sdks, SCRIPTS["js-4"]) as program, world(tmp_path) as running:
        await open_streams(program, "js-4", running, "stocks")
        await program.do("call", stream="stocks", method="subscribeForTrades", symbols=["AAPL"])
        await eventually(lambda: program.heard("trade", "stocks"))
        trade = StockTrade("AAPL", 2**62 + 1, "V", 227.5, 2**53 - 1, ["@"], "C", Timestamp(1_700_000_000_123_456_789))
        running.simulator.streams.publish([Event(Family.STOCK, "trades", "AAPL", trade)])
        await eventually(lambda: any(data["price"] == 227.5 for data in program.heard("trade", "stocks")))
        [found] = [data for data in program.heard("trade", "stocks") if data["idRaw"] == str(2**62 + 1)]
        assert (found["size"], found["timestampRaw"]) == (2**53 - 1, "2023-11-14T22:13:20.123456789Z")
