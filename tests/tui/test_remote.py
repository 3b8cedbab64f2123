"""A dashboard of an engine that runs elsewhere: its token changes, and leaving does not stop it."""

from plugtui.control.messages import States
from plugtui.errors import TokenRefused
from plugtui.secrets import Secret
from plugtui.tui.options import Outcome
from tests.support import eventually
from tests.tui.fakes import FakeEngine, algo
from tests.tui.pilot import on_stage


async def test_an_engine_that_came_back_with_another_token_is_followed_when_the_token_is_given() -> None:
    engine = FakeEngine()
    given: list[Secret] = []

    def take(token: Secret) -> None:
        given.append(token)
        engine.down = None

    async with on_stage(engine, new_token=take) as stage:
        engine.down = TokenRefused("the engine refused the token", "look there")
        engine.cut()
        await eventually(lambda: stage.window == "TokenScreen")
        await stage.settle()
        assert "The engine refused the token." in stage.text() and "look there" in stage.text()
        await stage.press("enter")
        assert "nothing was given" in stage.text()
        await stage.press(*"fresh")
        assert "fresh" not in stage.text()
        await stage.press("enter")
        await eventually(lambda: stage.app.follower.connected)
        assert [token.reveal() for token in given] == ["fresh"]
        assert stage.app.world.fills.executions == 120


async def test_who_does_not_know_the_token_is_asked_again_with_r_and_not_before() -> None:
    engine = FakeEngine()
    async with on_stage(engine, new_token=lambda token: None) as stage:
        engine.down = TokenRefused("the engine refused the token", "look there")
        engine.cut()
        await eventually(lambda: stage.window == "TokenScreen")
        await stage.press("escape")
        opened = engine.opened
        await eventually(lambda: engine.opened > opened)
        await stage.settle()
        assert stage.window == "MainScreen"
        await stage.press("r")
        await eventually(lambda: stage.window == "TokenScreen")


async def test_leaving_a_remote_engine_leaves_it_alone() -> None:
    async with on_stage(on_quit="leave") as stage:
        await stage.pilot.press("q")
        await stage.pilot.pause()
        assert stage.app.return_value == Outcome()


async def test_an_engine_is_stopped_from_the_palette_after_a_question() -> None:
    async with on_stage(on_quit="leave", may_stop=True) as stage:
        stage.engine.send(States(algos=[algo("meanrev")]))
        await eventually(lambda: stage.app.world.algos.connected == 1)
        await stage.pilot.press("ctrl+p", *"stop the eng")
        await eventually(lambda: "Stop the engine" in stage.text())
        await stage.press("enter")
        await eventually(lambda: stage.window == "Question")
        await stage.settle()
        assert "One algorithm is connected." in stage.text() and "Other dashboards lose it too." in stage.text()
        await stage.press("right", "enter")
        await eventually(lambda: ("stop", {}) in stage.engine.asked)
