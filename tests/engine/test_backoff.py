"""How long to wait after what went wrong (architecture §5)."""

import pytest

from plugtui.engine.backoff import Backoff, Trouble, trouble_of_code, trouble_of_status

SECOND = 10**9


def waits(trouble: Trouble, count: int, jitter: float = 0.999) -> list[float]:
    backoff = Backoff(lambda: jitter)
    return [backoff.failed(trouble, now_ns=0) for _ in range(count)]


def test_an_occupied_connection_is_tried_after_1_2_5_and_then_every_30_seconds() -> None:
    assert waits(Trouble.OCCUPIED, 6) == [1.0, 2.0, 5.0, 30.0, 30.0, 30.0]


def test_throttling_waits_at_least_5_seconds_and_doubles() -> None:
    assert waits(Trouble.THROTTLED, 4, jitter=0.0) == [5.0, 10.0, 20.0, 40.0]


def test_a_lost_network_is_tried_within_a_second_and_then_ever_more_rarely_up_to_a_minute() -> None:
    found = waits(Trouble.NETWORK, 30)
    assert 0 <= found[0] < 1 and found == sorted(found)
    assert 55 < found[-1] <= 60


def test_waits_differ_by_chance_so_that_programs_do_not_come_back_in_step() -> None:
    assert waits(Trouble.NETWORK, 5, jitter=0.1) != waits(Trouble.NETWORK, 5, jitter=0.9)


def test_after_30_seconds_up_the_failures_are_forgotten_and_not_before() -> None:
    backoff = Backoff(lambda: 0.0)
    for _ in range(3):
        backoff.failed(Trouble.OCCUPIED, now_ns=0)
    backoff.up(now_ns=0)
    assert backoff.failed(Trouble.OCCUPIED, now_ns=29 * SECOND) == 30.0
    backoff.up(now_ns=40 * SECOND)
    assert backoff.failed(Trouble.OCCUPIED, now_ns=70 * SECOND) == 1.0


@pytest.mark.parametrize(
    ("code", "trouble"),
    [(402, Trouble.FATAL), (409, Trouble.FATAL), (411, Trouble.FATAL), (406, Trouble.OCCUPIED), (500, Trouble.NETWORK)],
)
def test_stream_errors_are_classed_by_what_can_be_done(code: int, trouble: Trouble) -> None:
    assert trouble_of_code(code) is trouble


@pytest.mark.parametrize(
    ("status", "trouble"), [(429, Trouble.THROTTLED), (404, Trouble.FATAL), (502, Trouble.NETWORK)]
)
def test_refused_upgrades_are_classed_by_their_status(status: int, trouble: Trouble) -> None:
    assert trouble_of_status(status) is trouble
