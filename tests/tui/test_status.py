"""The status bar says what each stream does and why, in the room there is."""

from datetime import UTC

import pytest

from plugtui.control.messages import StreamState
from plugtui.tui.model.status import LinkStatus, brief, compose, segments, stream_segment
from tests.tui.fakes import NOW, S, account, engine, stream

OPEN = account().market


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (stream("data iex"), "● data iex 0.4 ms"),
        (stream("data iex", "quiet"), "○ data iex quiet, market closed until Tue 13:10"),
        (stream("data iex", "stale", last_message_ns=NOW - 12 * S), "◐ data iex stale for 12 s"),
        (
            stream("data iex", "waiting", retry_at_ns=NOW + 25 * S, detail="another program holds the connection"),
            "◌ data iex waiting 25 s, another program holds the connection",
        ),
        (stream("account", "failed", detail="the keys were refused"), "✗ account failed, the keys were refused"),
        (stream("data crypto", "idle"), "· data crypto idle"),
    ],
)
def test_every_state_is_said_in_words(state: StreamState, words: str) -> None:
    assert stream_segment(state, NOW, OPEN, UTC).forms[0] == words


def bar(width: int, streams: list[StreamState], link: LinkStatus | None = None) -> str:
    made = segments(link or LinkStatus("connected"), engine(), streams, account(), NOW, UTC)
    return "".join(piece.text for piece in compose(made, width))


def test_the_bar_is_the_one_of_the_sketch_where_there_is_room() -> None:
    text = bar(130, [stream("data iex"), stream("account", lag_ms=None)])
    assert text.startswith(" PAPER   PA37…K2  ● data iex 0.4 ms  ● account  open, closes in 2 h 14 m  ")
    assert text.endswith("equity 104,231.55  ▲ +1,204.11  +1.17 %")
    assert len(text) == 130


@pytest.mark.parametrize("width", range(58, 200, 7))
def test_the_bar_fits_and_keeps_profile_and_streams(width: int) -> None:
    text = bar(width, [stream("data iex"), stream("account", lag_ms=None)])
    assert len(text) <= width
    assert "PAPER" in text
    assert "iex" in text


def test_at_eighty_columns_the_reason_of_a_trouble_goes_before_everything_else() -> None:
    waiting = stream("data iex", "waiting", retry_at_ns=NOW + 25 * S, detail="another program holds the connection")
    assert "iex waiting 25 s, held by another program" in bar(78, [waiting, stream("account", lag_ms=None)])
    assert "iex waiting 25 s, another program holds the connection" in bar(100, [waiting])


def test_a_lost_engine_says_why_and_when_the_next_attempt_is() -> None:
    link = LinkStatus("lost", "connection refused", retry_at_ns=NOW + 2 * S)
    text = bar(140, [stream("data iex")], link)
    assert "engine: connection refused, next try in 2 s" in text
    assert "0.4 ms" not in text
    assert "old)" in text


def test_a_fall_has_an_arrow_as_well_as_a_colour() -> None:
    made = segments(
        LinkStatus("connected"), engine(), [], account(day_pnl=account().day_pnl * -1, day_return=-0.01), NOW, UTC
    )
    assert "▼ -1,204.11  -1.00 %" in "".join(piece.text for piece in compose(made, 120))


HELD = stream(
    "data iex", "waiting", retry_at_ns=NOW + 25 * S, detail="another program holds the connection (406)", lag_ms=None
)
DOWN = stream("account", "waiting", retry_at_ns=NOW + 12 * S, detail="cannot connect: connection refused", lag_ms=None)


def test_two_troubles_at_eighty_columns_give_their_reasons_in_turn() -> None:
    def at(seconds: int) -> str:
        made = segments(LinkStatus("connected"), engine(), [HELD, DOWN], account(), NOW + seconds * S, UTC)
        return "".join(piece.text for piece in compose(made, 78))

    seen = {at(seconds) for seconds in range(12)}
    assert any("iex waiting" in text and "held by another program" in text and "acct" in text for text in seen)
    assert any("acct waiting" in text and "connection refused" in text and "iex" in text for text in seen)
    for text in seen:
        assert len(text) <= 78
        assert "held by another program" in text or "another program holds" in text or "connection refused" in text


def test_where_there_is_room_both_reasons_stand_there_in_full() -> None:
    text = bar(200, [HELD, DOWN])
    assert "another program holds the connection (406)" in text
    assert "cannot connect: connection refused" in text


@pytest.mark.parametrize("width", range(58, 130, 3))
def test_two_troubles_fit_into_any_width(width: int) -> None:
    text = bar(width, [HELD, DOWN])
    assert len(text) <= width
    assert "iex" in text
    assert "acct" in text or "account" in text


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ("the account stream refused the keys: access key verification failed; check", "keys refused"),
        ("cannot connect: connection refused", "connection refused"),
        ("no data although there should be some", "no data"),
        ("the server closed the connection (1006)", "the server closed the connection"),
        ("a reason that nobody has thought of and that is rather long", "a reason that nobody has…"),
    ],
)
def test_a_reason_is_shortened_to_what_tells_it_from_others(detail: str, words: str) -> None:
    assert brief(detail).startswith(words[:24])
    assert len(brief(detail)) <= 36


def test_an_account_that_may_not_trade_is_said_and_its_numbers_are_not_called_old() -> None:
    made = segments(LinkStatus("connected"), engine(), [], account(blocked="the broker has blocked trading"), NOW, UTC)
    text = "".join(piece.text for piece in compose(made, 140))
    assert "! the broker has blocked trading" in text
    assert "old" not in text
