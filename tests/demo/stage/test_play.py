"""The demo on a stage: what happens follows from the seed, and afterwards everything stands still."""

from collections import Counter

import pytest

from plugtui.control.messages import Fact, Facts, Fill, OrderEvent, Snapshot, TraderTrade
from plugtui.demo.stage.loop import NS
from plugtui.demo.stage.play import Play
from plugtui.demo.stage.stage import START_NS
from plugtui.errors import ControlError

pytest.importorskip("alpaca")


def facts(play: Play) -> list[Fact]:
    return [fact for _, message in play.history if isinstance(message, Facts) for fact in message.facts]


async def test_everybody_plays_and_the_engine_stands_still_afterwards():
    async with Play(seed=3, seconds=20) as play:
        times = [now_ns for now_ns, _ in play.history]
        assert isinstance(play.history[0][1], Snapshot)
        assert times == sorted(times)
        assert START_NS <= times[0] < times[-1] <= play.now_ns()
        assert play.now_ns() - START_NS == pytest.approx(20 * NS, abs=NS)

        bodies = [fact.body for fact in facts(play)]
        fills = Counter(body.algo for body in bodies if isinstance(body, Fill))
        assert {"meanrev", "momentum", "pairs"} <= set(fills)
        assert any(body.recovered for body in bodies if isinstance(body, Fill))
        assert {body.trader for body in bodies if isinstance(body, TraderTrade)} == {"northstar", "riverbend"}
        assert "rejected" in {body.event for body in bodies if isinstance(body, OrderEvent)}

        link = await play.open_link()
        snapshot = await link.connect(None)
        assert {algo.name: (algo.program, algo.pid) for algo in snapshot.algos}["pairs"] == ("pairs.py", 4152)
        assert snapshot.engine.gateway_url == "http://127.0.0.1:8765"
        answers = [await link.command("status") for _ in range(3)]
        assert answers[0]["streams"] == answers[2]["streams"]
        assert not play.busy
        with pytest.raises(ControlError, match="no command"):
            await link.command("sing")
        await link.aclose()


async def test_the_same_seed_gives_the_same_play_and_another_one_another():
    histories = []
    for seed in (1, 1, 2):
        async with Play(seed, 8) as play:
            histories.append(play.history)
    assert histories[0] == histories[1]
    assert histories[0] != histories[2]
