"""Trading sessions."""

from datetime import UTC, date, datetime

import pytest

from plugtui.sim.calendar import TradingCalendar, new_york, to_ns


def ns(*parts: int) -> int:
    return to_ns(datetime(*parts, tzinfo=UTC))  # type: ignore[misc,arg-type]


NYSE = TradingCalendar("nyse")


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ((2026, 6, 12, 13, 29, 59), False),
        ((2026, 6, 12, 13, 30), True),
        ((2026, 6, 12, 19, 59, 59), True),
        ((2026, 6, 12, 20, 0), False),
        ((2026, 6, 13, 16, 0), False),  # Saturday
        ((2026, 1, 2, 14, 30), True),  # winter: one hour later in UTC
        ((2025, 12, 25, 16, 0), False),  # Christmas
        ((2026, 11, 27, 17, 59), True),  # the day after Thanksgiving closes at 13:00
        ((2026, 11, 27, 18, 0), False),
    ],
)
def test_new_york_hours(moment: tuple[int, ...], expected: bool) -> None:
    assert NYSE.is_open(ns(*moment)) is expected


def test_next_open_skips_weekends_and_holidays() -> None:
    assert NYSE.next_open(ns(2026, 4, 2, 21)) == ns(2026, 4, 6, 13, 30)  # Good Friday, then a weekend
    assert NYSE.next_close(ns(2026, 4, 2, 20)) == ns(2026, 4, 6, 20)


def test_next_open_and_close_during_a_session() -> None:
    during = ns(2026, 6, 11, 15)
    assert NYSE.next_close(during) == ns(2026, 6, 11, 20)
    assert NYSE.next_open(during) == ns(2026, 6, 12, 13, 30)


def test_a_year_has_its_sessions() -> None:
    assert len(NYSE.sessions(date(2024, 1, 1), date(2024, 12, 31))) == 252


def test_extended_hours_run_from_four_to_eight() -> None:
    assert NYSE.is_extended(ns(2026, 6, 12, 8))
    assert NYSE.is_extended(ns(2026, 6, 12, 23, 59))
    assert not NYSE.is_extended(ns(2026, 6, 13, 0))


def test_around_the_clock_every_moment_is_in_a_session() -> None:
    always = TradingCalendar("always")
    sunday = ns(2026, 6, 14, 9)
    assert always.is_open(sunday)
    session = always.session_at(sunday)
    assert session is not None
    assert session.day == date(2026, 6, 14)
    assert always.next_close(sunday) == always.next_open(sunday) == ns(2026, 6, 15, 4)


def test_days_before_the_start_follow_new_york() -> None:
    calendar = TradingCalendar("always", since=date(2026, 6, 14))
    assert [s.day.day for s in calendar.sessions(date(2026, 6, 11), date(2026, 6, 15))] == [11, 12, 14, 15]
    assert calendar.last_days(date(2026, 6, 14), 3) == [date(2026, 6, 11), date(2026, 6, 12)]


def test_session_texts_are_times_of_day() -> None:
    friday = NYSE.session(date(2026, 6, 12))
    assert friday is not None
    assert (friday.open_text, friday.close_text) == ("09:30", "16:00")
    sunday = TradingCalendar("always").session(date(2026, 6, 14))
    assert sunday is not None
    assert (sunday.open_text, sunday.close_text) == ("00:00", "23:59")


def test_nanoseconds_and_new_york_time_agree() -> None:
    assert new_york(ns(2026, 6, 12, 16)).isoformat() == "2026-06-12T12:00:00-04:00"


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 'always' or 'nyse'"):
        TradingCalendar("lunar")
