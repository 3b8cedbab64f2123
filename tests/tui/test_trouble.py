"""What the dashboard does when the engine goes away, does not come, or cannot reach the broker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC
from typing import Any

import msgspec
import pytest

from plugtui.control.messages import OrderEvent, Past, States
from plugtui.errors import AddressInUse, ControlError, PlugtuiError
from plugtui.secrets import Secret
from plugtui.tui.model.status import LinkStatus
from plugtui.tui.model.trouble import age_note, trouble_of
from plugtui.tui.model.world import World
from plugtui.tui.widgets.trouble import TroubleCard
from tests.support import eventually
from tests.tui.fakes import NOW, FakeEngine, S, account, engine, fill
from tests.tui.pilot import Stage, on_stage

TAKEN = AddressInUse("port 8765 of 127.0.0.1 is taken by another program", "end that program")


def card(stage: Stage) -> str:
    shown = stage.app.screen.query_one(TroubleCard)
    return f"{shown.border_title}\n{shown.text}" if shown.display else ""


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> int:
        return self.at


@asynccontextmanager
async def lost(clock: Clock, why: PlugtuiError | None = None, **options: object) -> AsyncIterator[Stage]:
    """A dashboard whose engine has just gone and does not come back."""
    async with on_stage(now_ns=clock, **options) as stage:  # type: ignore[arg-type]
        stage.engine.down = why or OSError("connection refused")
        stage.engine.cut()
        await eventually(lambda: stage.app.world.link.state == "lost" and stage.engine.opened > 1)
        await stage.settle()
        yield stage


# ---------------------------------------------------------------- old numbers


async def test_without_an_engine_every_pane_says_of_when_its_numbers_are() -> None:
    clock = Clock()
    async with lost(clock, size=(120, 36)) as stage:
        clock.at = NOW + 12 * S
        await stage.settle()
        for number in (1, 2, 3, 4):
            assert "as of 18:46:12, 12 s ago" in stage.head(number)
        assert stage.app.screen.has_class("-old")
        assert "no engine" in stage.text() or "engine:" in stage.text()


async def test_at_eighty_columns_the_age_is_said_too_and_is_gone_with_the_new_link() -> None:
    clock = Clock()
    async with lost(clock, size=(80, 24)) as stage:
        clock.at = NOW + 3 * S
        await stage.settle()
        assert all("3 s" in stage.head(number) for number in (1, 2, 3, 4))
        stage.engine.down = None
        stage.app.follower.retry_now()
        await eventually(lambda: stage.app.follower.connected)
        await stage.settle()
        assert not any("3 s" in stage.head(number) for number in (1, 2, 3, 4))
        assert not stage.app.screen.has_class("-old")
        assert not card(stage)
        assert stage.engine.resumed[-1] == stage.engine.seq


async def test_the_age_is_a_word_also_without_colours() -> None:
    clock = Clock()
    async with lost(clock, size=(80, 24)) as stage:
        stage.app.choose_theme("mono")
        await stage.settle()
        assert "as of" in stage.head(1)


@pytest.mark.parametrize(
    ("room", "words"), [(40, "as of 18:46:00, 12 s ago"), (20, "12 s old"), (5, "old"), (0, "old")]
)
def test_the_age_fits_into_its_room(room: int, words: str) -> None:
    world = World(UTC)
    assert age_note(world, NOW, room) == ""
    world.as_of_ns = NOW - 12 * S
    assert age_note(world, NOW, room) == words


# ---------------------------------------------------------------- the card


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (60, 16)])
async def test_an_engine_that_does_not_start_is_said_in_the_middle_with_what_to_do(size: tuple[int, int]) -> None:
    made = FakeEngine(empty=True)
    made.down = TAKEN
    async with on_stage(made, size=size, connected=False) as stage:
        await eventually(lambda: stage.app.world.failure is not None)
        await stage.settle()
        text = " ".join(card(stage).split())
        assert "Port 8765 of 127.0.0.1 is taken by another program." in text
        assert "End that program." in text
        assert "r tries now" in text
        assert "No engine" in stage.text()
        made.down = None
        await stage.press("r")
        await eventually(lambda: stage.app.follower.connected)
        await stage.settle()
        assert not card(stage)


async def test_an_engine_that_just_died_hides_nothing_and_one_that_stays_away_gets_the_card() -> None:
    clock = Clock()
    async with lost(clock, TAKEN) as stage:
        clock.at = NOW + 2 * S
        await stage.settle()
        assert not card(stage)
        clock.at = NOW + 6 * S
        await stage.settle()
        assert card(stage).startswith("The engine is gone\nPort 8765")


async def test_an_account_that_cannot_be_read_is_said_in_the_middle_and_r_asks_the_engine_to_try() -> None:
    made = FakeEngine(empty=True)
    made.account = None
    made.engine = engine(problem="paper-api.alpaca.markets does not answer: connection refused", hint="check that")
    async with on_stage(made) as stage:
        await stage.settle()
        assert "paper-api.alpaca.markets does not answer: connection refused." in card(stage)
        assert "Check that." in card(stage)
        await stage.press("r")
        assert ("retry", {}) in made.asked
        made.send(States(engine=engine(), account=account()))
        await eventually(lambda: stage.app.world.account)
        await stage.settle()
        assert not card(stage)


async def test_keys_reach_the_panes_under_the_card() -> None:
    made = FakeEngine(empty=True)
    made.down = TAKEN
    async with on_stage(made, connected=False) as stage:
        await eventually(lambda: stage.app.world.failure is not None)
        await stage.press("4")
        assert stage.app.panes.active == 4
        await stage.press("question_mark")
        assert stage.window == "HelpScreen"


def test_what_needs_a_key_says_so_at_once() -> None:
    world = World(None)
    assert trouble_of(world, NOW) is None
    world.engine, world.as_of_ns = engine(), NOW
    world.link = world.failure = LinkStatus("lost", "the engine was stopped", "press r to start it again")
    found = trouble_of(world, NOW)
    assert found
    assert [text for text, _ in found.lines(60)][:3] == ["The engine was stopped.", "", "Press r to start it again."]
    assert found.then.startswith("r tries again")


# ---------------------------------------------------------------- what comes from outside, and the past


async def test_news_of_the_engines_keeper_is_told_and_kept() -> None:
    waiting = [("warning", "meanrev was killed from outside, and stays away", "")]

    def news() -> list[tuple[str, str, str]]:
        return [waiting.pop()] if waiting else []

    async with on_stage(news=news) as stage:
        await stage.settle()
        assert any("stays away" in row.text for row in stage.app.world.events.table.rows())
        assert "demo" in stage.toasts()


def with_a_past() -> FakeEngine:
    day = 86_400 * S
    made = FakeEngine()
    fills = [
        fill(n, execution_id=f"old{n}", order_id=f"old-order-{n}", time_ns=NOW - n * day, imported=True, symbol="GOOGL")
        for n in (5, 4, 3)
    ]
    made.past = Past(fills=fills, events=[], executions=812)
    made.answers["order"] = lambda args: {
        "order": {
            "order_id": args["id"], "client_order_id": "c", "symbol": "GOOGL", "side": "buy", "type": "limit",
            "status": "filled", "filled_qty": "20", "updated_ns": NOW - 3 * day, "qty": "20", "raw": "{}",
        },
        "events": [{"event": "new", "time_ns": NOW - 4 * day, "raw": "{}", "recovered": 0}],
        "executions": [msgspec.to_builtins(fills[2])],
    }  # fmt: skip
    return made


async def test_executions_of_the_past_can_be_filtered_and_lead_to_their_orders() -> None:
    async with on_stage(with_a_past(), size=(120, 36)) as stage:
        await eventually(lambda: stage.app.world.fills.executions == 812 + 120)
        await stage.settle()
        assert "932" in stage.head(1)
        await stage.press("slash", *"googl", "enter")
        rows = [line for line in stage.lines(stage.table("#fills-table"))[1:] if line]
        assert [row[:6] for row in rows[:3]] == ["27 Feb", "26 Feb", "25 Feb"]
        assert "older ones: plugtui export fills" in rows[3]
        await stage.press("enter")
        assert stage.window == "OrderScreen"
        assert "GOOGL" in stage.text()
        assert "filled" in stage.text()


async def test_the_end_of_the_list_says_that_there_is_more() -> None:
    async with on_stage(with_a_past(), size=(80, 24)) as stage:
        await eventually(lambda: stage.app.world.fills.executions == 812 + 120)
        await stage.press("end")
        assert "older ones: plugtui export fills" in stage.lines(stage.table("#fills-table"))[-1]


async def test_a_ledger_that_does_not_tell_its_past_hides_nothing_else() -> None:
    made = FakeEngine()

    def refuse(args: dict[str, object]) -> object:
        raise ControlError("there is no command 'fills'")

    made.answers["fills"] = refuse
    async with on_stage(made) as stage:
        await stage.settle()
        assert stage.app.world.fills.executions == 120
        assert isinstance(made.facts[2].body, OrderEvent)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "The keys are not kept here"),
        ({"check_keys": None, "restart": None}, "The keys are not kept here"),
        ({"keys_from": "the environment"}, "The keys come from the environment"),
    ],
)
async def test_keys_that_plugtui_does_not_keep_are_not_asked_for(options: dict[str, Any], said: str) -> None:
    async def check(_key_id: str, _secret: Secret, _url: str) -> None:
        raise AssertionError("nobody was asked")

    async def restart() -> None:
        raise AssertionError("nothing was changed")

    given = {"check_keys": check, "restart": restart, **options} if options else {}
    async with on_stage(**given) as stage:
        await stage.press("K")
        assert stage.toasts() == [said]
        assert stage.window == "MainScreen"
