"""The dashboard under keys and mouse, on a scripted engine."""

import random

import pytest
from textual import events

from plugtui.control.messages import ClientLeft, Gap, States
from plugtui.errors import ControlError, CredentialsError
from plugtui.secrets import Secret
from plugtui.tui.options import Outcome
from plugtui.tui.screens.base import Question
from tests.support import eventually
from tests.tui.fakes import NOW, FakeEngine, algo, fill, order, trader
from tests.tui.pilot import Stage, on_stage

# ---------------------------------------------------------------- moving about


@pytest.mark.parametrize(("key", "pane"), [("1", 1), ("2", 2), ("3", 3), ("4", 4)])
async def test_a_number_goes_to_its_pane(key: str, pane: int) -> None:
    async with on_stage() as stage:
        await stage.press("2" if key == "1" else "1", key)
        assert stage.app.panes.active == pane
        assert stage.pane(pane).has_focus_within


async def test_tab_visits_all_tables_and_comes_back() -> None:
    async with on_stage() as stage:
        visited = []
        for _ in range(6):
            visited.append(stage.app.focused.id if stage.app.focused else None)
            await stage.press("tab")
        assert visited == ["fills-table", "perf-chart", "traders-board", "traders-feed", "algos-table", "fills-table"]
        await stage.press("shift+tab", "shift+tab")
        assert stage.app.focused is stage.table("#algos-table")


@pytest.mark.parametrize(
    ("keys", "pane"), [(["right"], 2), (["l"], 2), (["3", "right"], 4), (["4", "left"], 3), (["2", "h"], 1)]
)
async def test_left_and_right_go_to_the_pane_beside(keys: list[str], pane: int) -> None:
    async with on_stage() as stage:
        await stage.press(*keys)
        assert stage.app.panes.active == pane


@pytest.mark.parametrize(
    ("keys", "row"),
    [(["down", "j"], 2), (["down", "down", "up"], 1), (["j", "j", "k"], 1), (["G"], 126), (["end", "home"], 0), (["G", "g"], 0),
     (["pagedown"], 13), (["ctrl+d", "ctrl+u"], 0)],
)  # fmt: skip
async def test_the_cursor_moves(keys: list[str], row: int) -> None:
    async with on_stage() as stage:
        await stage.press(*keys)
        table = stage.table("#fills-table")
        assert table.selected is table.table.view()[row]


async def test_zoom_gives_a_pane_the_terminal_and_takes_it_back() -> None:
    async with on_stage() as stage:
        await stage.press("4", "z")
        assert [pane.number for pane in stage.app.panes.visible_panes()] == [4]
        assert stage.pane(4).size.width == 120
        await stage.press("2")
        assert [pane.number for pane in stage.app.panes.visible_panes()] == [2]
        await stage.press("escape")
        assert len(stage.app.panes.visible_panes()) == 4


# ---------------------------------------------------------------- tables


async def test_a_filter_works_as_one_types_and_escape_clears_it() -> None:
    async with on_stage() as stage:
        await stage.press("slash", *"tsla")
        table = stage.table("#fills-table")
        assert {row.symbol for row in table.table.view()} == {"TSLA"}
        await stage.press("enter")
        assert stage.app.focused is table
        assert "/tsla" in stage.head(1)
        await stage.press("escape")
        assert table.table.filter == ""


async def test_a_filter_that_matches_nothing_says_so() -> None:
    async with on_stage() as stage:
        await stage.press("slash", *"zzz")
        assert "nothing matches “zzz”" in stage.text()


async def test_s_goes_through_the_columns_and_a_click_on_a_header_sorts_by_it() -> None:
    async with on_stage() as stage:
        table = stage.table("#algos-table")
        await stage.press("4", "s")
        assert table.table.sort is not None and table.table.sort.key == "name"
        x = stage.lines(table)[0].index("msg/s")
        await stage.pilot.click(table, offset=(x, 0))
        await stage.settle()
        assert table.table.sort.key == "rate"
        assert "▼" in stage.lines(table)[0]
        await stage.press("S")
        assert "▲" in stage.lines(table)[0]


async def test_f_freezes_and_lets_go_again() -> None:
    async with on_stage() as stage:
        await stage.press("f")
        stage.engine.record(fill(900, algo="fresh"))
        await eventually(lambda: stage.app.world.fills.table.pending == 1)
        await stage.settle()
        assert "frozen" in stage.head(1) and "1 new" in stage.head(1)
        assert "fresh" not in stage.text()
        await stage.press("f")
        assert "fresh" in stage.text()


async def test_a_reader_who_has_scrolled_away_is_not_moved() -> None:
    async with on_stage() as stage:
        table = stage.table("#fills-table")
        await stage.press("down", "down", "down")
        before = stage.lines(table)
        for n in range(900, 920):
            stage.engine.record(fill(n))
        await eventually(lambda: stage.app.world.fills.table.pending == 20)
        await stage.settle()
        assert stage.lines(table) == before
        assert "20 new ↑" in stage.head(1)
        await stage.press("home")
        assert "new" not in stage.head(1)
        assert stage.lines(table) != before


async def test_the_wheel_holds_the_table_as_well() -> None:
    async with on_stage() as stage:
        table = stage.table("#fills-table")
        table.scroll_to(y=5, animate=False, immediate=True)
        await stage.settle()
        assert table.table.held
        stage.engine.record(fill(901))
        await eventually(lambda: table.table.pending == 1)


async def test_a_click_selects_and_a_second_one_opens() -> None:
    async with on_stage() as stage:
        table = stage.table("#fills-table")
        await stage.pilot.click(table, offset=(3, 4))
        assert table.selected is table.table.view()[3]
        await stage.pilot.click(table, offset=(3, 4), times=2)
        await stage.settle()
        assert stage.window == "OrderScreen"


async def test_rejects_and_cancels_are_switched() -> None:
    async with on_stage() as stage:
        count = len(stage.app.world.fills.table.view())
        await stage.press("c")
        assert len(stage.app.world.fills.table.view()) > count
        await stage.press("x", "c")
        assert len(stage.app.world.fills.table.view()) == 120


async def test_a_row_is_painted_again_only_when_it_changed() -> None:
    async with on_stage() as stage:
        table = stage.table("#fills-table")
        assert table.paint() is False
        stage.app.world.fills.add_fill(fill(900))
        assert table.paint() is True
        assert table.paint() is False


# ---------------------------------------------------------------- screens


async def test_an_execution_opens_the_life_of_its_order() -> None:
    async with on_stage() as stage:
        await stage.press("enter")
        text = stage.text()
        assert "what happened" in text and "execution" in text and "one raw message of the broker" in text
        await stage.press("m")
        assert "order as the broker states it" in stage.text()
        assert stage.engine.asked[-1][0] == "order"
        await stage.press("escape")
        assert stage.window == "MainScreen"


async def test_an_order_that_the_ledger_does_not_know_says_so() -> None:
    engine = FakeEngine()
    engine.refuse["order"] = ControlError("there is no such order", "look again")
    async with on_stage(engine) as stage:
        await stage.press("enter")
        assert "there is no such order" in stage.text()


async def test_an_algorithm_opens_its_detail() -> None:
    async with on_stage() as stage:
        await stage.press("4", "down", "enter")
        text = stage.text()
        for words in ("Algorithm momentum", "node (4138)", "last two minutes", "AAPL, MSFT, NVDA", "orders and fills"):
            assert words in text


async def test_a_trader_opens_the_profile_without_amounts() -> None:
    async with on_stage() as stage:
        await stage.press("3", "enter")
        text = stage.text()
        for words in ("Trader northstar ★", "verified", "growth since the start", "record", "Sortino"):
            assert words in text
        await eventually(lambda: "score = Sortino · n/(n+60)" in stage.text())


async def test_the_help_shows_the_keys_of_the_focused_pane_and_their_ids() -> None:
    async with on_stage() as stage:
        await stage.press("4", "question_mark")
        text = stage.text()
        assert "Help: Algorithms" in text and "Issue a key pair" in text and "new-key" in text
        own, rows, everywhere = (text.index(head) for head in ("keys of Algorithms", "rows ─", "everywhere ─"))
        assert own < text.index("new-key") < rows < text.index("row-up") < everywhere < text.index("pane-1")
        await stage.press("escape", "3", "question_mark")
        text = stage.text()
        assert "Follow the selected trader" in text and "Issue a key pair" not in text


async def test_the_events_are_kept_and_lead_to_their_orders() -> None:
    async with on_stage() as stage:
        await stage.press("e")
        assert "vanished" in stage.text() and "was down for 12 s, lost: market data of 12 s" in stage.text()
        await stage.press("slash", *"rejected", "enter", "enter")
        assert stage.window == "OrderScreen"


async def test_an_event_that_leads_nowhere_shows_its_whole_text() -> None:
    async with on_stage(size=(60, 16)) as stage:
        await stage.press("e", "slash", *"gap", "enter", "enter")
        assert isinstance(stage.app.screen, Question)
        assert "lost: market data of 12 s" in stage.text().replace("\n", " ")


async def test_how_to_connect_names_this_engines_address() -> None:
    async with on_stage() as stage:
        await stage.press("4", "h")
        assert "http://127.0.0.1:8765" in stage.text()
        await stage.press("right")
        assert "url_override" in stage.text()


async def test_the_palette_finds_traders_algorithms_symbols_and_actions() -> None:
    async with on_stage() as stage:
        titles = [title for title, _, _ in stage.app.commands()]
        assert "Leave" in titles and "Show only rows with these words" in titles
        await stage.pilot.press("ctrl+p")
        await stage.pilot.pause()
        await stage.pilot.press(*"trader river")
        await eventually(lambda: "Trader riverbend" in stage.text())


async def test_every_screen_opens_while_nothing_is_known() -> None:
    engine = FakeEngine(empty=True)
    engine.account = None
    engine.streams = []
    async with on_stage(engine) as stage:
        for key in (
            "enter",
            "question_mark",
            "escape",
            "e",
            "escape",
            "H",
            "escape",
            "2",
            "z",
            "z",
            "i",
            "w",
            "3",
            "enter",
            "space",
            "4",
            "p",
            "d",
        ):
            await stage.press(key)
        assert stage.window == "MainScreen"


# ---------------------------------------------------------------- commands


async def test_a_star_follows_a_trader() -> None:
    async with on_stage() as stage:
        await stage.press("3", "down", "space")
        await eventually(lambda: ("traders.follow", {"name": "riverbend"}) in stage.engine.asked)
        await stage.press("up", "space")
        await eventually(lambda: ("traders.unfollow", {"name": "northstar"}) in stage.engine.asked)


async def test_pausing_asks_what_becomes_of_open_orders() -> None:
    async with on_stage() as stage:
        await stage.press("4", "p")
        assert stage.window == "Question"
        await stage.press("right", "right", "enter")
        await eventually(lambda: ("algos.pause", {"name": "meanrev", "cancel_orders": True}) in stage.engine.asked)
        stage.engine.send(States(algos=[algo("meanrev", status="paused")]))
        await eventually(lambda: stage.app.world.algos.states[0].status == "paused")
        await stage.press("p")
        await eventually(lambda: ("algos.resume", {"name": "meanrev"}) in stage.engine.asked)


@pytest.mark.parametrize(("key", "command"), [("d", "algos.disconnect"), ("x", "algos.revoke")])
async def test_disconnecting_and_revoking_are_confirmed(key: str, command: str) -> None:
    async with on_stage() as stage:
        await stage.press("4", key, "enter")
        assert not [asked for asked in stage.engine.asked if asked[0].startswith("algos.")]
        await stage.press(key, "right", "enter")
        await eventually(lambda: (command, {"name": "meanrev"}) in stage.engine.asked)


async def test_the_accounts_own_keys_cannot_be_revoked_here() -> None:
    async with on_stage() as stage:
        await stage.press("4", "down", "down", "x")
        assert stage.window == "MainScreen"
        assert "There is no key to revoke" in stage.toasts()


async def test_a_new_key_is_shown_once_ready_to_copy() -> None:
    async with on_stage() as stage:
        await stage.press("4", "n", *"scalper", "enter")
        await eventually(lambda: stage.window == "HowToScreen")
        await stage.settle()
        text = stage.text()
        assert "How to connect scalper" in text and "PKLOCAL1" in text and "s3cr3t" in text


async def test_a_refused_form_stays_open_and_says_why() -> None:
    engine = FakeEngine()
    engine.refuse["algos.add"] = ControlError("there is a scalper already", "choose another name")
    async with on_stage(engine) as stage:
        await stage.press("4", "n", *"scalper", "enter")
        await eventually(lambda: "choose another name" in stage.text())
        assert stage.window == "Form"


async def test_plugging_in_sends_what_was_typed_and_hides_the_secret() -> None:
    async with on_stage() as stage:
        await stage.press("3", "p", *"west", "enter", *"PK1", "enter", *"hush", "enter")
        assert "hush" not in stage.text()
        await stage.press("enter")
        wanted = ("traders.plug", {"name": "west", "key_id": "PK1", "secret_key": "hush"})
        await eventually(lambda: wanted in stage.engine.asked)


async def test_what_a_password_manager_types_in_one_go_lands_in_its_fields_and_is_not_shown() -> None:
    async with on_stage() as stage:
        await stage.press("3", "p")
        for key in [*"west", "tab", *"PK1", "tab", *"hush"]:
            stage.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await eventually(lambda: "PK1" in stage.text() and "••••" in stage.text())
        assert "hush" not in stage.text()


async def test_a_refused_command_is_a_toast() -> None:
    engine = FakeEngine()
    engine.refuse["traders.follow"] = ControlError("it cannot be followed", "ask its owner")
    async with on_stage(engine) as stage:
        await stage.press("3", "down", "space")
        await eventually(lambda: "it cannot be followed" in stage.toasts())


@pytest.mark.parametrize(("keys", "window"), [(["w"], "3M"), (["W"], "1W"), (["right_square_bracket", "w"], "1Y")])
async def test_windows_are_chosen_by_key(keys: list[str], window: str) -> None:
    async with on_stage() as stage:
        await stage.press("2", *keys)
        assert f"[{window}]" in stage.head(2)
        await eventually(lambda: stage.app.world.performance.loaded == window)


async def test_windows_are_chosen_by_mouse() -> None:
    async with on_stage() as stage:
        head = stage.pane(3).query_one(".pane-head")
        await stage.pilot.click(head, offset=(stage.head(3).index("ALL"), 0))
        await stage.settle()
        assert "[ALL]" in stage.head(3)


# ---------------------------------------------------------------- telling


async def test_rejects_gaps_and_vanished_algorithms_become_toasts() -> None:
    async with on_stage() as stage:
        stage.engine.record(order(1, "rejected", "rejected", reason="no money"))
        await eventually(lambda: "rejected" in stage.toasts())
        stage.engine.record(Gap(gap_id=9, stream="data iex", from_ns=NOW))
        stage.engine.record(ClientLeft(algo="pairs", endpoint="/v2/iex", reason="vanished"))
        await eventually(lambda: {"gap", "vanished"} <= set(stage.toasts()))


async def test_a_flood_of_rejects_is_three_toasts_and_a_sum() -> None:
    async with on_stage() as stage:
        for n in range(50):
            stage.app.world.apply_fact(stage.engine.record(order(n, "rejected", "rejected")))
        for _ in range(5):
            stage.app.tick()
            await stage.pilot.pause()
        assert stage.toasts() == ["rejected", "rejected", "rejected", "events"]


async def test_a_lost_engine_is_said_and_followed_again() -> None:
    async with on_stage() as stage:
        stage.engine.down = OSError("connection refused")
        stage.engine.cut()
        await eventually(lambda: stage.app.world.link.state == "lost")
        await stage.settle()
        assert "engine:" in stage.text()
        stage.engine.down = None
        await stage.press("r")
        await eventually(lambda: stage.app.follower.connected)
        assert stage.app.world.fills.executions == 120


# ---------------------------------------------------------------- first start


async def test_without_keys_they_are_asked_for_checked_and_the_engine_starts() -> None:
    engine = FakeEngine()
    engine.down = CredentialsError("there are no brokerage keys", "set some")
    given: list[tuple[str, str, str]] = []

    async def check(key_id: str, secret: Secret, url: str) -> None:
        if key_id == "WRONG":
            raise CredentialsError("the account refused these keys", "check them")
        given.append((key_id, secret.reveal(), url))
        engine.down = None

    async with on_stage(engine, connected=False, check_keys=check) as stage:
        await eventually(lambda: stage.window == "KeysScreen")
        await stage.press(*"WRONG", "enter", *"hush", "enter", "enter")
        await eventually(lambda: "the account refused these keys" in stage.text())
        stage.app.screen.query("Input").first().value = "PK1"  # type: ignore[attr-defined]
        stage.app.screen.query("Input").last().focus()
        await stage.press("enter")
        await eventually(lambda: stage.app.follower.connected)
        assert given == [("PK1", "hush", "https://paper-api.alpaca.markets")]
        assert stage.window == "MainScreen"


async def test_the_first_start_offers_the_demo() -> None:
    engine = FakeEngine()
    engine.down = CredentialsError("there are no brokerage keys", "set some")

    async def check(key_id: str, secret: Secret, url: str) -> None:
        raise AssertionError

    async with on_stage(engine, connected=False, check_keys=check) as stage:
        await eventually(lambda: stage.window == "KeysScreen")
        await stage.settle()
        await stage.pilot.click("#extra")
        await stage.pilot.pause()
        assert stage.app.return_value is not None and stage.app.return_value.demo


async def test_empty_panes_say_what_to_press() -> None:
    async with on_stage(FakeEngine(empty=True)) as stage:
        text = stage.text()
        for words in (
            "no executions yet",
            "p: plug in an account",
            "h: how to connect one",
            "no history in this window yet",
        ):
            assert words in text


# ---------------------------------------------------------------- leaving


@pytest.mark.parametrize(
    ("keys", "outcome"),
    [(["enter"], Outcome(asked=True)), (["right", "enter"], Outcome(stop_engine=True, asked=True)), (["escape"], None)],
)
async def test_leaving_asks_while_algorithms_are_connected(keys: list[str], outcome: Outcome | None) -> None:
    async with on_stage() as stage:
        await stage.press("q")
        assert isinstance(stage.app.screen, Question)
        assert "3 algorithms are connected" in stage.text()
        await stage.pilot.press(*keys)
        await stage.pilot.pause()
        assert stage.app.return_value == outcome


@pytest.mark.parametrize(
    ("on_quit", "outcome"), [("keep", Outcome()), ("stop", Outcome(stop_engine=True)), ("leave", Outcome())]
)
async def test_a_default_leaves_without_a_question(on_quit: str, outcome: Outcome) -> None:
    async with on_stage(on_quit=on_quit) as stage:
        await stage.pilot.press("q")
        await stage.pilot.pause()
        assert stage.app.return_value == outcome


async def test_the_answer_can_be_made_the_default() -> None:
    kept: list[str] = []
    async with on_stage(save_on_quit=kept.append) as stage:
        await stage.press("q")
        await stage.pilot.click("#always")
        await stage.pilot.pause()
        assert (stage.app.return_value, kept) == (Outcome(asked=True), ["keep"])


async def test_without_algorithms_nobody_is_asked_and_the_engine_ends() -> None:
    async with on_stage(FakeEngine(empty=True)) as stage:
        await stage.pilot.press("ctrl+c")
        await stage.pilot.pause()
        assert stage.app.return_value == Outcome(stop_engine=True)


async def test_a_signal_keeps_the_engine_for_the_algorithms() -> None:
    async with on_stage() as stage:
        assert stage.app.outcome_of_signal() == Outcome(stop_engine=False)
    async with on_stage(FakeEngine(empty=True)) as stage:
        assert stage.app.outcome_of_signal() == Outcome(stop_engine=True)


# ---------------------------------------------------------------- themes


@pytest.mark.parametrize("name", ["dark", "light", "contrast", "mono"])
async def test_every_theme_paints_every_pane(name: str) -> None:
    async with on_stage(theme=name) as stage:
        assert stage.app.theme == f"plugtui-{name}"
        assert "meanrev" in stage.text()


async def test_no_color_chooses_the_theme_without_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with on_stage(theme=None) as stage:
        assert stage.app.theme == "plugtui-mono"


async def test_the_theme_key_goes_round() -> None:
    async with on_stage() as stage:
        for _ in range(4):
            await stage.press("t")
        assert stage.app.theme == "plugtui-dark"


# ---------------------------------------------------------------- sizes


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (120, 36), (200, 60)])
async def test_four_panes_from_eighty_by_twenty_four_on(size: tuple[int, int]) -> None:
    async with on_stage(size=size) as stage:
        assert len(stage.app.panes.visible_panes()) == 4
        lines = stage.text().split("\n")
        assert len(lines) == size[1]
        for title in (
            "1 Fills",
            "2 Performance",
            "3 Traders",
            "4 Algorithms",
            "1D 1W [1M] 3M 1Y ALL",
            "? help",
            "q quit",
        ):
            assert title in stage.text()


@pytest.mark.parametrize("size", [(60, 16), (79, 24), (80, 23), (70, 40)])
async def test_one_pane_at_a_time_where_it_is_tight(size: tuple[int, int]) -> None:
    async with on_stage(size=size) as stage:
        for number in (1, 2, 3, 4):
            await stage.press(str(number))
            assert [pane.number for pane in stage.app.panes.visible_panes()] == [number]


async def test_below_that_one_line_says_what_is_needed() -> None:
    async with on_stage(size=(50, 10)) as stage:
        assert stage.text().split("\n")[0] == "plugtui needs 60×16, has 50×10"


async def test_a_terminal_that_grows_gets_its_panes_back() -> None:
    async with on_stage(size=(50, 10)) as stage:
        await stage.pilot.resize_terminal(80, 24)
        await stage.settle()
        await eventually(lambda: len(stage.app.panes.visible_panes()) == 4)
        await stage.settle()
        assert "1 Fills" in stage.text()


async def test_a_newcomer_and_a_vanished_algorithm_are_marked() -> None:
    async with on_stage() as stage:
        stage.engine.send(States(algos=[algo("meanrev"), algo("late"), algo("pairs", status="gone", connections=0)]))
        await eventually(lambda: len(stage.app.world.algos.states) == 3)
        await stage.settle()
        lines = stage.lines(stage.table("#algos-table"))
        assert any(line.startswith("+ late") and "new" in line for line in lines)
        assert any(line.startswith("− pairs") and "gone" in line for line in lines)


async def test_a_cursor_that_nobody_has_moved_stays_on_the_first_line() -> None:
    async with on_stage() as stage:
        stage.engine.send(States(traders=[trader("riverbend", score=2.0), trader("northstar", score=0.1)]))
        await eventually(lambda: stage.app.world.traders.states[0].score == 2.0)
        await stage.settle()
        assert stage.table("#traders-board").selected.state.name == "riverbend"


async def test_a_row_keeps_the_cursor_when_the_order_changes() -> None:
    async with on_stage() as stage:
        await stage.press("3", "down", "up")
        board = stage.table("#traders-board")
        assert board.selected.state.name == "northstar"
        stage.engine.send(States(traders=[trader("riverbend", score=2.0), trader("northstar", score=0.1)]))
        await eventually(lambda: stage.app.world.traders.states[0].score == 2.0)
        await stage.settle()
        assert board.table.view()[0].state.name == "riverbend"
        assert board.selected.state.name == "northstar"


def colours(stage: Stage) -> set[str]:
    """Return the backgrounds on the screen."""
    strips = stage.app.screen._compositor.render_strips()
    return {str(segment.style.bgcolor) for strip in strips for segment in strip if segment.style}


async def test_another_theme_recolours_everything_at_once() -> None:
    async with on_stage() as stage:
        before = colours(stage)
        await stage.press("t")
        await stage.settle()
        after = colours(stage)
        async with on_stage(theme="light") as fresh:
            assert after == colours(fresh)
        assert not before & after


@pytest.mark.parametrize("size", [(60, 16), (80, 24)])
async def test_questions_and_the_help_are_whole_where_it_is_narrow(size: tuple[int, int]) -> None:
    async with on_stage(size=size, save_on_quit=lambda choice: None) as stage:
        await stage.press("q")
        for answer in ("Keep it running", "Keep, always", "Stop it", "Stay"):
            assert answer in stage.text()
        await stage.press("escape", "question_mark")
        first = stage.text()
        await stage.press("pagedown")
        for tooltip in ("Sort by the next column (or click a", "header)"):
            assert tooltip in first + stage.text()


async def test_keys_clicks_and_sizes_in_any_order_break_nothing() -> None:
    chance = random.Random(11)
    keys = [
        *"1234jgzsfeHtpxw",
        "slash",
        "tab",
        "left",
        "down",
        "end",
        "enter",
        "question_mark",
        "ctrl+p",
        *["escape"] * 3,
    ]

    async with on_stage(save_on_quit=lambda choice: None) as stage:
        for _ in range(25):
            match chance.choice(["key", "key", "key", "click", "size"]):
                case "key":
                    await stage.pilot.press(chance.choice(keys))
                case "click":
                    width, height = stage.app.size
                    place = (chance.randrange(width), chance.randrange(height - 1))
                    await stage.pilot.click(offset=place, times=chance.choice([1, 2]))
                case "size":
                    await stage.pilot.resize_terminal(chance.randint(10, 250), chance.randint(3, 80))
            stage.app.tick()
        await stage.pilot.resize_terminal(120, 36)
        for _ in range(4):
            await stage.press("escape")
        await eventually(lambda: stage.window == "MainScreen")
