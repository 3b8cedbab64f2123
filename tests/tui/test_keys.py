"""Keys: the bar that names them, other keys for them, and the help."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugtui.errors import ConfigError
from plugtui.tui import keymap
from plugtui.tui.contexts import check_keys, contexts
from plugtui.tui.keymap import KeyHint, bar
from tests.tui.pilot import on_stage

FILE = "dashboard.toml, [keys]"

# ---------------------------------------------------------------- the bar

hint_lists = st.lists(
    st.builds(
        KeyHint,
        id=st.sampled_from(
            ["pane-1", "focus-next", "zoom", "filter", "sort", "freeze", "open", "how-to", "pause", "palette", "help", "quit",
             "close", "anything", "else"]
        ),
        keys=st.tuples(st.sampled_from(["a", "enter", "^p", "space", "⇧tab", "f11"])),
        label=st.text("abcdefgh ", min_size=1, max_size=16),
        tooltip=st.just(""),
        action=st.just(""),
        shown=st.booleans(),
    ),
    unique_by=lambda hint: hint.id,
)  # fmt: skip


@given(hints=hint_lists, width=st.integers(0, 200))
def test_the_bar_never_cuts_an_entry_and_never_offers_what_does_not_fit(hints: list[KeyHint], width: int) -> None:
    left, right = bar(hints, width)
    shown = [*left, *right]
    assert sum(entry.cells + 2 for entry in shown) - 2 <= max(width, 0) or not shown
    assert {entry.id for entry in shown} <= {hint.id for hint in hints if hint.shown}
    assert [entry.id for entry in right] == [
        name for name in ("help", "quit", "close") if name in {e.id for e in right}
    ]


PANES = ("1", "2", "3", "4")


@pytest.mark.parametrize("width", [60, 67, 80, 93, 120, 200])
async def test_the_bar_of_every_pane_ends_with_help_and_quit_and_has_whole_words(width: int) -> None:
    async with on_stage(size=(width, 24)) as stage:
        for number in PANES:
            await stage.press(number)
            line = stage.text().split("\n")[-1]
            assert line.endswith("? help  q quit") and len(line) == width
            hints = keymap.hints(stage.app.screen.active_bindings.values())
            for narrower in range(60, width + 1, 7):
                left, right = bar(hints, narrower - 1)
                assert [entry.id for entry in right] == ["help", "quit"]
                assert left[0].id == "pane-1"


@pytest.mark.parametrize(
    ("pane", "names"),
    [
        ("1", ["pane", "zoom", "filter", "sort", "freeze", "detail", "find"]),
        ("2", ["pane", "zoom", "definitions", "window", "find"]),
        ("3", ["pane", "zoom", "filter", "sort", "freeze", "detail", "find"]),
        ("4", ["pane", "zoom", "filter", "sort", "freeze", "detail", "find"]),
    ],
)
async def test_eighty_columns_name_what_is_used_most(pane: str, names: list[str]) -> None:
    async with on_stage(size=(80, 24)) as stage:
        await stage.press(pane)
        line = stage.text().split("\n")[-1]
        for name in names:
            assert name in line


# ---------------------------------------------------------------- other keys


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"zoon": "z"}, ["'zoon'", "no such binding", "did you mean zoom?"]),
        ({"zoom": "x"}, ["zoom was 'x'", "x is revoke already", "pane 4"]),
        ({"freeze": "s"}, ["freeze was 's'", "s is sort already"]),
        ({"close": "e"}, ["e is events-close already", "the events window"]),
        ({"filter": "?"}, ["? is help already"]),
        ({"zoom": "ctrl-z"}, ["zoom was 'ctrl-z'", "expected a key"]),
        ({"zoom": ""}, ["zoom was ''", "expected a key"]),
    ],
)
def test_keys_that_cannot_work_are_refused_before_the_screen_is_taken(keys: dict[str, str], words: list[str]) -> None:
    with pytest.raises(ConfigError) as refused:
        check_keys(keys, FILE)
    for word in [FILE, *words]:
        assert word in str(refused.value)


@pytest.mark.parametrize(
    "keys", [{}, {"zoom": "f11"}, {"zoom": "+,f12"}, {"sort": "f", "freeze": "s"}, {"help": "f1", "quit": "Q,ctrl+x"}]
)
def test_keys_that_work_are_taken(keys: dict[str, str]) -> None:
    check_keys(keys, FILE)


async def test_other_keys_work_and_the_bar_and_the_help_show_them() -> None:
    async with on_stage(size=(120, 60), keys={"zoom": "f11,y", "sort": "f", "freeze": "s", "help": "f1"}) as stage:
        await stage.press("y")
        assert stage.app.panes.zoomed
        await stage.press("z")
        assert stage.app.panes.zoomed
        await stage.press("f")
        assert stage.app.world.fills.table.sort is not None
        await stage.press("s")
        assert stage.app.world.fills.table.frozen
        line = stage.text().split("\n")[-1]
        for shown in ("f11 zoom", "f sort", "s freeze", "f1 help"):
            assert shown in line
        await stage.press("f1")
        assert "f11, y" in stage.text()
        await stage.press("f1")
        assert "close" in stage.text()


async def test_other_keys_are_named_by_the_windows_too() -> None:
    async with on_stage(keys={"close": "f10", "algo-pause": "P"}) as stage:
        await stage.press("4", "enter")
        assert "P pause" in stage.text() and "f10 close" in stage.text()
        await stage.press("f10")
        assert stage.window == "MainScreen"


def test_every_binding_has_an_id_in_kebab_case_and_a_tooltip() -> None:
    for where, bindings in contexts():
        for binding in bindings:
            assert binding.id and binding.id == binding.id.lower() and "_" not in binding.id, (where, binding)
            assert binding.tooltip, (where, binding)


def test_no_key_means_two_things_in_one_place_unless_an_inner_one_hides_an_outer_one() -> None:
    hidden = {("pane 4", "h"), ("pane 4", "x")}
    for where, bindings in contexts():
        for index, binding in enumerate(bindings):
            for key in binding.key.split(","):
                others = [b.id for b in bindings[index + 1 :] if key in b.key.split(",") and b.id != binding.id]
                assert not others or (where, key) in hidden, (where, key, binding.id, others)


# ---------------------------------------------------------------- leaving


async def test_ctrl_c_leaves_from_a_window_too() -> None:
    async with on_stage() as stage:
        await stage.press("4", "enter", "ctrl+c")
        assert stage.window == "LeaveQuestion"


async def test_a_second_ctrl_c_leaves_at_once_and_the_algorithms_keep_the_engine() -> None:
    async with on_stage() as stage:
        await stage.pilot.press("ctrl+c", "ctrl+c")
        await stage.pilot.pause()
        outcome = stage.app.return_value
        assert outcome is not None and not outcome.stop_engine


async def test_ctrl_c_copies_what_is_selected_in_a_field() -> None:
    async with on_stage() as stage:
        await stage.press("4", "n", *"scalper", "ctrl+shift+a")
        stage.app.focused.action_select_all()  # type: ignore[union-attr]
        await stage.press("ctrl+c")
        assert (stage.window, stage.app.clipboard) == ("Form", "scalper")
