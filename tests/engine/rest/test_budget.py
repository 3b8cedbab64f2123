"""The shared budget of REST requests."""

from hypothesis import given
from hypothesis import strategies as st

from plugtui.engine.rest.budget import Budget


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def drained(budget: Budget, algo: str, urgent: bool = False) -> int:
    """Ask until refused, and return how many were granted."""
    count = 0
    while budget.ask(algo, urgent) == 0:
        count += 1
    return count


def test_no_minute_sees_more_than_the_limit() -> None:
    clock = Clock()
    budget = Budget(200, clock)
    granted: list[float] = []
    for _ in range(3000):
        clock.now += 0.1
        granted += [clock.now for algo in ("a", "b", "c") if budget.ask(algo, urgent=algo == "c") == 0]
    for start in granted:
        assert sum(start <= moment < start + 60 for moment in granted) <= 200


def test_one_that_asks_too_much_is_refused_while_the_other_keeps_its_share() -> None:
    clock = Clock()
    budget = Budget(200, clock)
    greedy = modest = modest_refused = 0
    for tenth in range(6000):
        clock.now += 0.1
        greedy += drained(budget, "greedy")
        if tenth > 100 and tenth % 20 == 0:
            if budget.ask("modest") == 0:
                modest += 1
            else:
                modest_refused += 1
    assert modest > 250
    assert modest_refused == 0
    assert greedy > 500
    assert budget.shares()["greedy"][1] > 1000


def test_orders_still_pass_when_ordinary_requests_are_used_up() -> None:
    budget = Budget(200, Clock())
    assert drained(budget, "a") >= 40
    assert drained(budget, "a", urgent=True) >= 10


def test_what_is_told_to_wait_for_is_enough() -> None:
    clock = Clock()
    budget = Budget(200, clock)
    drained(budget, "a")
    wait_s = budget.ask("a")
    assert wait_s > 0
    clock.now += wait_s + 0.001
    assert budget.ask("a") == 0


def test_a_refusal_of_the_broker_stops_everything_for_as_long_as_it_says() -> None:
    clock = Clock()
    budget = Budget(200, clock)
    budget.answered("trading", 429, {"Retry-After": "7"}, epoch_s=0)
    assert 6.9 < budget.ask("a", urgent=True) <= 7
    clock.now += 7.1
    assert budget.ask("a") == 0
    budget.answered("trading", 429, {"X-RateLimit-Reset": "5003"}, epoch_s=5000)
    assert 2.9 < budget.ask("a") <= 3
    budget.answered("trading", 429, {"Retry-After": "soon"}, epoch_s=0)
    assert budget.upstream_refusals == 3


def test_a_refusal_of_the_data_host_holds_up_no_order() -> None:
    budget = Budget(200, Clock())
    budget.answered("data", 429, {"X-RateLimit-Remaining": "0", "Retry-After": "50"}, epoch_s=0)
    assert budget.ask("a", host="data") > 49
    assert budget.ask("a", urgent=True) == 0
    assert budget.ask("a") == 0


def test_requests_of_other_programs_with_the_same_keys_are_taken_into_account() -> None:
    budget = Budget(200, Clock())
    budget.answered("trading", 200, {"X-RateLimit-Limit": "200", "X-RateLimit-Remaining": "3"}, epoch_s=0)
    assert drained(budget, "a", urgent=True) == 3


def test_the_engine_itself_is_counted_and_never_refused() -> None:
    budget = Budget(200, Clock())
    for _ in range(500):
        budget.spend()
    assert budget.ask("a", urgent=True) > 0


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans(), st.floats(0, 30)), max_size=300))
def test_credits_never_promise_more_than_there_is(steps: list[tuple[str, bool, float]]) -> None:
    clock = Clock()
    budget = Budget(60, clock)
    for algo, urgent, pause_s in steps:
        clock.now += pause_s / 10
        budget.ask(algo, urgent)
        credit = sum(share.credit for share in budget._shares.values())
        assert -1e-6 <= credit <= budget.available + 1e-6
