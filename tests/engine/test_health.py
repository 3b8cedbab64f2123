"""What a stream says of itself."""

from plugtui.engine.health import StreamHealth

SECOND = 10**9


def test_the_rate_is_what_came_in_the_last_second() -> None:
    health = StreamHealth("data iex", "/v2/iex", 0)
    for step in range(40):
        health.saw(step * SECOND // 10, 5)
    assert health.snapshot(39 * SECOND // 10).rate == 55.0
    assert health.snapshot(10 * SECOND).rate == 0.0
    assert health.messages == 200


def test_the_lag_is_the_median_of_the_last_second() -> None:
    health = StreamHealth("data iex", "/v2/iex", 0)
    for lag_ms in (1, 2, 90):
        health.saw_event(10 * SECOND, 10 * SECOND - lag_ms * 1_000_000)
    assert health.snapshot(10 * SECOND).lag_ms == 2.0
    assert health.snapshot(12 * SECOND).lag_ms is None


def test_a_state_lasts_since_it_was_entered_and_a_new_reason_is_news() -> None:
    health = StreamHealth("data iex", "/v2/iex", 0)
    assert health.become("waiting", 5, "no connection")
    assert not health.become("waiting", 6, "no connection")
    assert health.become("waiting", 7, "another program holds the connection")
    assert health.snapshot(8).since_ns == 5
