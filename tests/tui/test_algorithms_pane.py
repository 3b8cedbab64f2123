"""The algorithms pane as it is used: signs for what is new, gone, behind; the selected one at fixed places; 0 to 60 rows."""

import itertools
from datetime import UTC
from decimal import Decimal

import pytest

from plugtui.control.messages import AlgoState, States
from plugtui.tui.model.algos import AlgoBoard, AlgoHistory, AlgoRow, falls_behind
from plugtui.tui.model.world import World
from plugtui.tui.screens.algorithm_lines import facts, preview_lines, share_text, subscription_lines
from plugtui.tui.widgets.painted import Line
from tests.support import eventually
from tests.tui.fakes import NOW, FakeEngine, FakeLink, S, algo, engine
from tests.tui.pilot import Stage, on_stage

SIZES = [(80, 24), (120, 36), (200, 60), (60, 16)]


def engine_with(*algos: AlgoState) -> FakeEngine:
    made = FakeEngine()
    made.algos = list(algos)
    return made


def many(count: int) -> list[AlgoState]:
    return [algo(f"strategy-{n:02}", rate=float(n), realized_pnl=Decimal(n) / 7 - 3) for n in range(count)]


def text_of(lines: list[Line]) -> list[str]:
    return ["".join(run.text for run in line) for line in lines]


def mark(board: AlgoBoard, name: str) -> str:
    row = board.table.get(name)
    assert row is not None
    return board.table.columns[0].cell(row).text


def cell(key: str, state: AlgoState, *, short: bool = False) -> str:
    column = AlgoBoard().table.column(key)
    assert column is not None
    write = column.short if short else column.cell
    assert write is not None
    return write(AlgoRow(state, False, NOW, NOW)).text


# ---------------------------------------------------------------- the model


def test_signs_tell_who_is_new_who_has_gone_and_who_falls_behind() -> None:
    board = AlgoBoard()
    board.update([algo("meanrev"), algo("pairs", queue_bytes=0, lag_ms=0.0)], NOW)
    assert (mark(board, "meanrev"), board.arrived) == ("●", 0)
    board.update(
        [algo("meanrev", lag_ms=1500.0), algo("pairs", status="gone", last_seen_ns=NOW), algo("late")], NOW + S
    )
    assert [mark(board, name) for name in ("meanrev", "pairs", "late")] == ["!", "−", "+"]
    assert (board.arrived, board.lost) == (1, 1)
    board.rebuild(NOW + 60 * S)
    assert [mark(board, name) for name in ("meanrev", "pairs", "late")] == ["!", "○", "●"]
    board.update([algo("pairs")], NOW + 61 * S)
    assert mark(board, "pairs") == "+"


@pytest.mark.parametrize(
    ("changes", "behind"),
    [({}, False), ({"lag_ms": 1000.0}, True), ({"queue_bytes": 1 << 20}, True), ({"lag_ms": None}, False)],
)
def test_falling_behind_is_a_second_of_lag_or_a_mebibyte_that_waits(changes: dict[str, float], behind: bool) -> None:
    assert falls_behind(algo("meanrev", **changes)) is behind


def test_where_it_is_tight_the_rate_says_why_there_is_none() -> None:
    words = [cell("rate", algo("a", status=status)) for status in ("connected", "gone", "new", "revoked")]
    assert words == ["5", "gone", "never", "void"]


@pytest.mark.parametrize(
    ("pnl", "said"),
    [
        ("0", "0.00"),
        ("-0.45", "-0.45"),
        ("88.12", "+88.12"),
        ("-100.5", "-100"),
        ("1216.8", "+1,217"),
        ("-45678", "-45.7k"),
    ],
)
def test_a_tight_p_and_l_has_its_sign_and_a_small_one_is_no_zero(pnl: str, said: str) -> None:
    text = cell("pnl", algo("x", realized_pnl=Decimal(pnl), unrealized_pnl=Decimal(0)), short=True)
    assert text == said
    assert len(text) <= 6


def test_time_passes_for_an_algorithm_of_which_nothing_new_is_told() -> None:
    history = AlgoHistory()
    history.sample(algo("meanrev", rate=5.0), NOW)
    history.sample(algo("meanrev", rate=9.0), NOW + 2 * S)
    assert list(history.rate) == [5.0, 5.0, 5.0, 5.0, 9.0]
    assert history.taken == 5
    history.sample(algo("meanrev", rate=9.0), NOW + 2 * S + 1)
    assert history.taken == 5


def test_after_a_long_time_the_history_is_as_long_as_ever() -> None:
    history = AlgoHistory()
    history.sample(algo("meanrev"), NOW)
    history.sample(algo("meanrev"), NOW + 86_400 * S)
    assert len(history.rate) == len(history.requests) == 240


async def test_the_share_of_the_rest_budget_is_that_of_the_last_minute() -> None:
    async with on_stage() as stage:
        world = stage.app.world
        world.engine = engine(rest_per_minute=200)
        world.algos.update([algo("meanrev", requests=100)], NOW + S)
        world.algos.update([algo("meanrev", requests=112, throttled=3)], NOW + 30 * S)
        state = world.algos.state("meanrev")
        assert state is not None
        assert share_text(world, state) == "14/min of 200, 7 %"
        assert ("REST", "112, 3 refused", "warn") in facts(world, state, NOW)


def test_subscriptions_fill_the_lines_that_they_are_given_and_count_the_rest() -> None:
    state = algo(
        "x", subscriptions={"trades": [f"SYM{n:02}" for n in range(40)], "quotes": ["AAPL"], "trade_updates": ["*"]}
    )
    assert text_of(subscription_lines(state, 60, 4))[:2] == [
        "quotes        AAPL",
        "trades        SYM00, SYM01, SYM02, SYM03, SYM04 and 35 more",
    ]
    assert text_of(subscription_lines(state, 60, 1)) == ["quotes 1, trades 40, acct"]
    assert "SYM39" in " ".join(text_of(subscription_lines(state, 60)))
    assert len(subscription_lines(algo("x", subscriptions={}), 60, 3)) == 3


async def test_the_preview_keeps_every_part_on_its_line_whatever_is_selected() -> None:
    world = World(UTC)
    world.begin(await FakeLink(FakeEngine()).connect(None), NOW)
    labels = ("msg/s ", "lag ", "queue ", "2 min ago", "REST ", "realised")
    for width, height in itertools.product((36, 55, 96, 196), range(6, 40, 5)):
        previews = [text_of(preview_lines(world, name, width, height, NOW)) for name in ("meanrev", "pairs", "scalper")]
        assert all(len(lines) <= height for lines in previews)
        assert all(len(line) <= width for lines in previews for line in lines), (width, height)
        for label in labels:
            places = {next((y for y, line in enumerate(lines) if label in line), -1) for lines in previews}
            assert len(places) == 1, (label, width, height)


# ---------------------------------------------------------------- the pane


def rows(stage: Stage) -> list[str]:
    return [line for line in stage.lines(stage.table("#algos-table"))[1:] if line]


@pytest.mark.parametrize(
    ("size", "count"), [((80, 24), 0), ((80, 24), 1), ((80, 24), 20), ((120, 36), 60), ((200, 60), 60), ((60, 16), 20)]
)
async def test_any_number_of_algorithms_fits_scrolls_and_keeps_the_cursor_on_its_row(
    size: tuple[int, int], count: int
) -> None:
    async with on_stage(engine_with(*many(count)), size=size) as stage:
        await stage.press("4")
        if not count:
            assert "h: how to connect one" in stage.text() and "n: issue a key pair" in stage.text()
            return
        seen = len(rows(stage))
        assert seen >= count or size[0] > 80 or f"{count - seen} more ↓" in stage.head(4)
        await stage.press("G")
        table, last = stage.table("#algos-table"), f"strategy-{count - 1:02}"
        assert table.selected.state.name == last
        assert any(last in line for line in rows(stage))
        stage.engine.send(States(algos=[algo("aaa-first"), *many(count)]))
        await eventually(lambda: len(stage.app.world.algos.states) == count + 1)
        await stage.settle()
        assert table.selected.state.name == last
        await stage.press("s", "s")
        assert table.table.sort is not None and table.selected.state.name == last
        await stage.press("slash", *f"{count - 1:02}", "enter")
        assert [line.split()[1] for line in rows(stage)] == [last]


async def test_a_newcomer_and_one_that_has_gone_are_counted_in_the_head() -> None:
    async with on_stage() as stage:
        stage.engine.send(States(algos=[algo("meanrev"), algo("late"), algo("pairs", status="gone", connections=0)]))
        await eventually(lambda: len(stage.app.world.algos.states) == 3)
        await stage.settle()
        assert "2 on, 1 new, 1 gone" in stage.head(4)


async def test_the_curve_of_an_algorithm_ends_at_the_number_above_it_also_between_two_samples() -> None:
    now = [NOW]
    async with on_stage(engine_with(algo("solo")), size=(120, 60), now_ns=lambda: now[0]) as stage:
        for second, pnl in ((0, "0"), (6, "5.25"), (12, "10.50"), (13, "-3.75")):
            now[0] = NOW + second * S
            told = Decimal(pnl)
            stage.engine.send(States(algos=[algo("solo", realized_pnl=told, unrealized_pnl=Decimal(0))]))
            await eventually(lambda told=told: stage.app.world.algos.states[0].realized_pnl == told)
        await stage.press("4", "enter")
        await eventually(lambda: stage.text().count("-3.75") >= 3)
        assert "10.50" not in stage.text()


@pytest.mark.parametrize("size", SIZES)
async def test_columns_stand_still_while_numbers_grow_and_rows_come_and_go(size: tuple[int, int]) -> None:
    async with on_stage(engine_with(*many(3)), size=size) as stage:
        await stage.press("4")
        before = stage.lines(stage.table("#algos-table"))[0]
        big = algo(
            "strategy-01",
            rate=1e7,
            lag_ms=123_456.0,
            queue_bytes=10**10,
            fills=10**6,
            realized_pnl=Decimal("-9876543.21"),
        )
        for states in ([big], [*many(9)[2:], big], [], many(2)):
            stage.engine.send(States(algos=states))
            await eventually(lambda states=states: len(stage.app.world.algos.states) == len({s.name for s in states}))  # type: ignore[misc]
            await stage.settle()
            assert stage.lines(stage.table("#algos-table"))[0] == before


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_the_window_names_everything_of_an_algorithm(size: tuple[int, int]) -> None:
    async with on_stage(size=size) as stage:
        await stage.press("4", "enter")
        text = stage.text()
        for words in (
            "python (4121)",
            "alpaca-py 0.43",
            "127.0.0.1:50312",
            "realised",
            "conflated",
            "REST budget",
            "msg/s",
            "queue",
        ):
            assert words in text
        await stage.press("f")
        assert stage.window == "MainScreen" and "/meanrev" in stage.head(1)
