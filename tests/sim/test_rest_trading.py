"""The trading REST API as a plain HTTP client sees it."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from tests.sim.server import TradingServer, trading_server


@pytest.fixture
async def server() -> AsyncIterator[TradingServer]:
    async with trading_server() as running:
        yield running


# ------------------------------------------------------------------- the door


@pytest.mark.parametrize(
    "headers",
    [{}, {"APCA-API-KEY-ID": "PKNOBODY", "APCA-API-SECRET-KEY": "x"}, {"Authorization": "Bearer nothing"}],
)
async def test_wrong_keys_are_refused(server: TradingServer, headers: dict[str, str]) -> None:
    async with server.http.get(server.url + "/v2/account", headers=headers) as response:
        assert response.status == 401
        assert (await response.json())["code"] == 40110000


async def test_a_bearer_token_reaches_its_account(server: TradingServer) -> None:
    account = server.account("reserve")
    headers = {"Authorization": f"Bearer {account.token.reveal()}"}
    async with server.http.get(server.url + "/v2/account", headers=headers) as response:
        assert (await response.json())["account_number"] == account.number


async def test_the_rate_limit_is_announced_and_kept(server: TradingServer) -> None:
    server.bench.faults.rest_limit = 3
    remaining = []
    for _ in range(4):
        async with server.http.get(server.url + "/v2/clock", headers=server.keys()) as response:
            remaining.append((response.status, response.headers["X-RateLimit-Remaining"]))
            last = await response.json()
            reset = int(response.headers["X-RateLimit-Reset"])
    assert remaining == [(200, "2"), (200, "1"), (200, "0"), (429, "0")]
    assert last["code"] == 42910000
    assert 0 < reset - server.bench.clock.now_ns() / 1e9 <= 60
    assert (await server.call("GET", "/v2/clock", "reserve"))[0] == 200, "each key has a limit of its own"
    server.bench.pass_time(60)
    assert (await server.call("GET", "/v2/clock"))[0] == 200


async def test_a_fault_answers_every_request(server: TradingServer) -> None:
    server.bench.faults.rest_status = 503
    assert (await server.call("GET", "/v2/account"))[0] == 503
    assert (await server.http.get(server.url + "/sim/balances")).status == 200, "the truth has no faults"


@pytest.mark.parametrize("body", ["{", "[1]", "nonsense"])
async def test_a_body_that_is_no_object_is_refused(server: TradingServer, body: str) -> None:
    status, answer = await server.call("POST", "/v2/orders", data=body)
    assert (status, answer["code"]) == (400, 40010000)


async def test_watchlists_are_absent(server: TradingServer) -> None:
    status, answer = await server.call("GET", "/v2/watchlists")
    assert (status, answer["code"]) == (404, 40410000)


# ------------------------------------------------------------------- account and positions


async def test_account_numbers_are_strings_and_add_up(server: TradingServer) -> None:
    account = await server.get("/v2/account")
    equity = Decimal(account["cash"]) + Decimal(account["long_market_value"]) + Decimal(account["short_market_value"])
    assert Decimal(account["equity"]) == equity
    assert account["multiplier"] == "2"
    assert "daytrade_count" not in account


async def test_positions_carry_profit_and_what_is_free(server: TradingServer) -> None:
    server.bench.account("reserve")
    await server.order("reserve", qty="10")
    server.bench.pass_time()
    await server.order("reserve", qty="4", side="sell", type="limit", limit_price="250")
    server.bench.pass_time()
    server.bench.move("AAPL", 210)
    (position,) = await server.get("/v2/positions", "reserve")
    assert position["qty"] == "10"
    assert position["qty_available"] == "6"
    assert position["unrealized_pl"] == "99.9"
    assert position["unrealized_intraday_pl"] == "99.9"
    assert position["market_value"] == "2100"
    assert position["change_today"] == "0.05"
    assert await server.get("/v2/positions/AAPL", "reserve") == position
    assert await server.get(f"/v2/positions/{position['asset_id']}", "reserve") == position


async def test_a_missing_position_is_not_found(server: TradingServer) -> None:
    server.bench.account("reserve")
    for symbol in ("AAPL", "NOPE"):
        status, answer = await server.call("GET", f"/v2/positions/{symbol}", "reserve")
        assert (status, answer["code"]) == (404, 40410000)


async def test_a_crypto_position_is_named_without_its_slash(server: TradingServer) -> None:
    server.bench.account("reserve")
    await server.order("reserve", symbol="BTCUSD", qty="0.1", time_in_force="gtc")
    server.bench.pass_time()
    (position,) = await server.get("/v2/positions", "reserve")
    assert position["symbol"] == "BTCUSD"
    assert (await server.get("/v2/positions/BTCUSD", "reserve"))["qty"] == "0.1"
    assert (await server.get("/v2/positions/BTC%2FUSD", "reserve"))["qty"] == "0.1"


async def test_closing_a_part_and_closing_everything(server: TradingServer) -> None:
    someone = server.bench.account("reserve")
    await server.order("reserve", qty="10")
    await server.order("reserve", symbol="C", qty="5", side="sell")
    server.bench.pass_time()
    status, order = await server.call("DELETE", "/v2/positions/AAPL", "reserve", params={"percentage": "50"})
    assert (status, order["qty"], order["side"]) == (200, "5", "sell")
    server.bench.pass_time()
    status, answers = await server.call("DELETE", "/v2/positions", "reserve", params={"cancel_orders": "true"})
    assert status == 207
    assert [(a["symbol"], a["status"], a["body"]["side"]) for a in answers] == [
        ("AAPL", 200, "sell"),
        ("C", 200, "buy"),
    ]
    server.bench.pass_time()
    assert someone.positions == {}


# ------------------------------------------------------------------- orders


async def test_an_order_has_every_field_of_the_protocol(server: TradingServer) -> None:
    order = await server.order(client_order_id="mine")
    expected = """id client_order_id created_at updated_at submitted_at filled_at expired_at expires_at canceled_at failed_at
        replaced_at cancel_requested_at replaced_by replaces asset_id symbol asset_class notional qty filled_qty
        filled_avg_price order_class
        order_type type side position_intent time_in_force limit_price stop_price status extended_hours legs trail_percent
        trail_price hwm subtag source"""
    assert set(order) == set(expected.split())
    assert (order["status"], order["filled_qty"], order["filled_avg_price"]) == ("pending_new", "0", None)


async def test_an_order_is_found_by_either_id(server: TradingServer) -> None:
    order = await server.order(client_order_id="mine")
    server.bench.pass_time()
    by_id = await server.get(f"/v2/orders/{order['id']}")
    assert by_id["status"] == "filled"
    assert await server.get("/v2/orders:by_client_order_id", client_order_id="mine") == by_id


async def test_a_second_order_of_the_same_client_order_id_is_refused(server: TradingServer) -> None:
    await server.order(client_order_id="mine")
    status, answer = await server.call(
        "POST",
        "/v2/orders",
        json={
            "symbol": "AAPL",
            "qty": 1,
            "side": "buy",
            "type": "market",
            "time_in_force": "day",
            "client_order_id": "mine",
        },
    )
    assert (status, answer["code"]) == (422, 40010001)


async def test_replace_and_cancel_over_rest(server: TradingServer) -> None:
    order = await server.order(type="limit", limit_price="150")
    server.bench.pass_time()
    status, new = await server.call("PATCH", f"/v2/orders/{order['id']}", json={"limit_price": "160"})
    assert (status, new["replaces"], new["limit_price"]) == (200, order["id"], "160")
    server.bench.pass_time()
    assert (await server.call("DELETE", f"/v2/orders/{new['id']}"))[0] == 204
    server.bench.pass_time()
    assert (await server.get(f"/v2/orders/{new['id']}"))["status"] == "canceled"
    status, answer = await server.call("DELETE", f"/v2/orders/{new['id']}")
    assert (status, answer["code"]) == (422, 42210000)


async def test_all_open_orders_are_cancelled_at_once(server: TradingServer) -> None:
    for price in (150, 151):
        await server.order(type="limit", limit_price=str(price))
    server.bench.pass_time()
    status, answers = await server.call("DELETE", "/v2/orders")
    assert (status, [a["status"] for a in answers]) == (207, [200, 200])
    server.bench.pass_time()
    assert await server.get("/v2/orders") == []


async def test_the_list_of_orders_is_filtered_sorted_and_cut(server: TradingServer) -> None:
    server.bench.account("reserve")
    ids = []
    for symbol in ("AAPL", "MSFT", "AAPL", "C"):
        ids.append((await server.order("reserve", symbol=symbol, type="limit", limit_price="10"))["id"])
        server.bench.pass_time()
    filled = (await server.order("reserve"))["id"]
    server.bench.pass_time()

    async def listed(**params: str) -> list[str]:
        return [order["id"] for order in await server.get("/v2/orders", "reserve", **params)]

    assert await listed() == ids[::-1]
    assert await listed(direction="asc", limit="2") == ids[:2]
    assert await listed(symbols="AAPL,C") == [ids[3], ids[2], ids[0]]
    assert (await listed(status="closed"))[0] == filled
    assert (await listed(status="all"))[:5] == [filled, *ids[::-1]]
    assert await listed(side="sell") == []
    assert await listed(before_order_id=ids[2]) == [ids[1], ids[0]]
    assert await listed(after_order_id=ids[2]) == [ids[3]]
    submitted = (await server.get(f"/v2/orders/{ids[1]}", "reserve"))["submitted_at"]
    assert await listed(after=submitted) == ids[:1:-1]
    assert await listed(until=submitted) == ids[:1]


async def test_legs_stand_inside_their_parent_when_nested_is_asked_for(server: TradingServer) -> None:
    server.bench.account("reserve")
    entry = await server.order(
        "reserve",
        order_class="bracket",
        type="limit",
        limit_price="190",
        take_profit={"limit_price": "210"},
        stop_loss={"stop_price": "180"},
    )
    assert [leg["status"] for leg in entry["legs"]] == ["held", "held"]
    flat = await server.get("/v2/orders", "reserve")
    nested = await server.get("/v2/orders", "reserve", nested="true")
    assert (len(flat), len(nested)) == (3, 1)
    assert all(order["legs"] is None for order in flat)
    assert len(nested[0]["legs"]) == 2


# ------------------------------------------------------------------- activities


async def pages(server: TradingServer, **params: str) -> list[dict[str, Any]]:
    token, everything = "", []
    while True:
        page = await server.get("/v2/account/activities", **params, **({"page_token": token} if token else {}))
        everything += page
        if len(page) < int(params.get("page_size", 100)):
            return everything
        token = page[-1]["id"]


async def test_activities_are_paged_without_loss_or_repetition(server: TradingServer) -> None:
    whole = await pages(server)
    assert len(whole) == len(server.account().activities)
    assert len({item["id"] for item in whole}) == len(whole)
    ids = [item["id"].partition("::")[0] for item in whole]
    assert ids == sorted(ids, reverse=True)
    assert await pages(server, page_size="7", direction="asc") == whole[::-1]


async def test_activities_by_type_group_category_and_date(server: TradingServer) -> None:
    fills = await pages(server, activity_types="FILL")
    other = await pages(server, category="non_trade_activity")
    assert len(fills) + len(other) == len(await pages(server))
    deposits = await server.get("/v2/account/activities/CSD")
    assert {item["activity_type"] for item in deposits} == {"CSD"}
    assert {item["activity_type"] for item in await server.get("/v2/account/activities/TRANS")} <= {"CSD", "CSW"}
    day = deposits[-1]["date"]
    on_day = await server.get("/v2/account/activities", date=day)
    assert deposits[-1] in on_day
    assert all(item.get("date", day) == day for item in on_day)
    later = await pages(server, after=on_day[0].get("created_at") or on_day[0]["transaction_time"])
    assert len(later) == len(await pages(server)) - len(on_day)


@pytest.mark.parametrize("opaque", [False, True])
async def test_the_id_of_a_fill_is_its_execution_unless_it_is_opaque(server: TradingServer, opaque: bool) -> None:
    server.bench.faults.activity_ids = "opaque" if opaque else "execution"
    await server.order()
    server.bench.pass_time()
    newest = (await server.get("/v2/account/activities/FILL"))[0]
    (execution,) = server.account().executions
    assert (newest["id"].partition("::")[2] == execution.execution_id) is not opaque
    assert (newest["order_id"], newest["cum_qty"]) == (execution.order_id, "1")
    assert newest["id"].startswith("20260612120000")


@pytest.mark.parametrize(
    "params",
    [
        {"page_size": "0"},
        {"page_size": "101"},
        {"direction": "up"},
        {"page_token": "x"},
        {"after": "yesterday"},
        {"category": "odd"},
        {"category": "trade_activity", "activity_types": "FILL"},
    ],
)
async def test_wrong_parameters_are_refused(server: TradingServer, params: dict[str, str]) -> None:
    assert (await server.call("GET", "/v2/account/activities", params=params))[0] == 422


# ------------------------------------------------------------------- clock, calendar, assets, configuration


async def test_the_clock_speaks_new_york_time(server: TradingServer) -> None:
    assert await server.get("/v2/clock") == {
        "timestamp": "2026-06-12T12:00:00-04:00",
        "is_open": True,
        "next_open": "2026-06-15T09:30:00-04:00",
        "next_close": "2026-06-12T16:00:00-04:00",
    }


async def test_the_calendar_lists_sessions(server: TradingServer) -> None:
    days = await server.get("/v2/calendar", start="2026-06-12", end="2026-06-15")
    assert days == [
        {
            "date": date,
            "open": "09:30",
            "close": "16:00",
            "session_open": "0400",
            "session_close": "2000",
            "settlement_date": settled,
        }
        for date, settled in (("2026-06-12", "2026-06-15"), ("2026-06-15", "2026-06-16"))
    ]


async def test_assets_are_listed_and_found(server: TradingServer) -> None:
    everything = await server.get("/v2/assets")
    assert {asset["symbol"] for asset in everything} == set(server.bench.market.instruments)
    crypto = await server.get("/v2/assets", asset_class="crypto")
    assert [asset["symbol"] for asset in crypto] == ["BTC/USD"]
    assert await server.get("/v2/assets/BTC%2FUSD") == crypto[0]
    assert await server.get(f"/v2/assets/{crypto[0]['id']}") == crypto[0]
    assert (await server.call("GET", "/v2/assets/NOPE"))[0] == 404


async def test_the_configuration_can_be_changed(server: TradingServer) -> None:
    assert (await server.get("/v2/account/configurations"))["suspend_trade"] is False
    status, answer = await server.call("PATCH", "/v2/account/configurations", json={"suspend_trade": True})
    assert (status, answer["suspend_trade"]) == (200, True)
    assert (await server.call("PATCH", "/v2/account/configurations", json={"suspend_trade": "yes"}))[0] == 400
    assert (await server.get("/v2/account"))["trade_suspended_by_user"] is True


# ------------------------------------------------------------------- the truth


async def test_the_truth_lists_executions_balances_and_orders(server: TradingServer) -> None:
    order = await server.order()
    server.bench.pass_time()
    async with server.http.get(server.url + "/sim/executions", params={"account": "demo"}) as response:
        (execution,) = await response.json()
    assert execution["order_id"] == order["id"]
    assert (execution["qty"], execution["price"], execution["time"]) == ("1", "200.01", execution["time"])
    async with server.http.get(server.url + "/sim/orders") as response:
        assert [o["id"] for o in await response.json()] == [order["id"]]
    async with server.http.get(server.url + "/sim/balances") as response:
        balances = await response.json()
    account = await server.get("/v2/account")
    assert balances["demo"]["cash"] == account["cash"]
    assert balances["demo"]["equity"] == account["equity"]


async def test_money_can_be_moved_while_it_runs(server: TradingServer) -> None:
    before = Decimal((await server.get("/v2/account"))["cash"])
    async with server.http.post(server.url + "/sim/flows", json={"account": "demo", "amount": "-250.5"}) as response:
        assert response.status == 200
    assert Decimal((await server.get("/v2/account"))["cash"]) == before - Decimal("250.5")
    newest = (await server.get("/v2/account/activities"))[0]
    assert (newest["activity_type"], newest["net_amount"]) == ("CSW", "-250.5")
    async with server.http.post(server.url + "/sim/flows", json={"account": "nobody", "amount": 1}) as response:
        assert response.status == 404


async def test_requests_at_once_are_all_answered(server: TradingServer) -> None:
    orders = await asyncio.gather(*(server.order() for _ in range(20)))
    server.bench.pass_time()
    assert len({order["id"] for order in orders}) == len(server.account().executions) == 20
