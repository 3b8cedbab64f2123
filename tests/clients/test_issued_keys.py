"""A program with a key pair of its own: it trades without ever holding the brokerage keys, under its own name."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from alpaca_trade_api.rest import REST, APIError

from tests.support import eventually
from tests.world import world


async def test_orders_under_an_issued_key_are_attributed_to_its_name(tmp_path: Path) -> None:
    async with world(tmp_path) as running:
        control = running.control()
        await control.connect(states=False)
        issued: Any = await control.command("algos.add", name="meanrev")
        rest = REST(issued["key_id"], issued["secret_key"], base_url=running.url, api_version="v2")
        order = await asyncio.to_thread(rest.submit_order, "AAPL", 2, "buy", "market", "day")

        async def filled() -> bool:
            known: Any = await control.command("order", id=order.id)
            return [e["algo"] for e in known["executions"]] not in ([], [None])

        await eventually(filled)
        life: Any = await control.command("order", id=order.id)
        assert {e["algo"] for e in life["executions"]} == {"meanrev"}
        await control.command("algos.pause", name="meanrev")
        with pytest.raises(APIError, match="paused"):
            await asyncio.to_thread(rest.submit_order, "AAPL", 2, "buy", "market", "day")
        await control.command("algos.revoke", name="meanrev")
        with pytest.raises(APIError, match="not authorized"):
            await asyncio.to_thread(rest.get_account)
        await control.aclose()
