"""Shared interest: what is asked of the server, and who is told its answers."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from plugtui.engine.market.subscriptions import SubscriptionBook
from plugtui.wire.marketdata import Pair

A, B, C = ("trades", "A"), ("trades", "B"), ("quotes", "C")


class Server:
    """Answers requests in order, up to ``limit`` pairs; keeps what it has granted."""

    def __init__(self, limit: int = 100) -> None:
        self.limit = limit
        self.pairs: set[Pair] = set()
        self.refused: list[tuple[frozenset[Pair], int]] = []
        self.book = SubscriptionBook(lambda pairs, code: self.refused.append((pairs, code)))
        self.inbox: list[dict[str, Any]] = []
        self.received: list[dict[str, Any]] = []

    def deliver(self, requests: list[dict[str, Any]]) -> None:
        self.inbox += requests
        self.received += requests

    def answer_all(self) -> None:
        while self.inbox:
            self.answer()

    def answer(self) -> None:
        request = self.inbox.pop(0)
        named = {(channel, s) for channel, symbols in request.items() if channel != "action" for s in symbols}
        code = 0
        if request["action"] == "unsubscribe":
            self.pairs -= named
        elif len(self.pairs | named) > self.limit:
            code = 405
        else:
            self.pairs |= named
        self.deliver(self.book.answered(code))

    def hold(self, *pairs: Pair) -> list[int]:
        codes: list[int] = []
        self.deliver(self.book.hold(frozenset(pairs), codes.append)[1])
        return codes

    def connect(self) -> None:
        self.deliver(self.book.connected())


def connected(limit: int = 100) -> Server:
    server = Server(limit)
    server.connect()
    return server


def test_the_first_holder_subscribes_and_is_told_when_the_server_has_answered() -> None:
    server = connected()
    codes = server.hold(A)
    assert codes == []
    server.answer_all()
    assert codes == [0] and server.pairs == {A}


def test_the_second_holder_costs_no_request() -> None:
    server = connected()
    server.hold(A)
    server.answer_all()
    assert server.hold(A) == [0] and len(server.received) == 1


def test_a_holder_that_comes_while_a_request_is_on_its_way_shares_its_answer() -> None:
    server = connected(limit=0)
    first, second = server.hold(A), server.hold(A)
    server.answer_all()
    assert first == second == [405] and len(server.received) == 1


def test_a_refusal_reaches_only_the_one_who_asked() -> None:
    server = connected(limit=1)
    fine, refused = server.hold(A), server.hold(B, C)
    server.answer_all()
    assert (fine, refused) == ([0], [405]) and server.pairs == {A}


def test_what_was_released_stays_subscribed_for_a_while() -> None:
    server = connected()
    server.hold(A)
    server.answer_all()
    server.book.release([A], now_ns=100)
    assert server.book.expire(released_before_ns=99) == []
    server.deliver(server.book.expire(released_before_ns=100))
    server.answer_all()
    assert server.pairs == set() and not server.book.wanted


def test_an_algorithm_that_restarts_causes_no_request() -> None:
    server = connected()
    server.hold(A)
    server.answer_all()
    server.book.release([A], now_ns=100)
    assert server.hold(A) == [0]
    assert server.book.expire(released_before_ns=10**9) == [] and len(server.received) == 1


def test_at_the_plans_limit_what_nobody_holds_makes_room() -> None:
    server = connected(limit=1)
    server.hold(A)
    server.answer_all()
    server.book.release([A], now_ns=100)
    codes = server.hold(B)
    server.answer_all()
    assert codes == [0] and server.pairs == {B}


def test_a_new_wish_that_crosses_the_unsubscription_wins() -> None:
    server = connected()
    server.hold(A)
    server.answer_all()
    server.book.release([A], now_ns=0)
    server.deliver(server.book.expire(released_before_ns=1))
    codes = server.hold(A)
    server.answer_all()
    assert codes == [0] and server.pairs == {A}


def test_after_a_reconnect_everything_wanted_is_subscribed_again_and_who_waited_is_answered() -> None:
    server = connected()
    server.hold(A)
    server.answer_all()
    codes = server.hold(B)
    server.inbox.clear()
    server.book.lost()
    server.pairs.clear()
    waiting = server.hold(C)
    assert codes == waiting == []
    server.connect()
    server.answer_all()
    assert codes == waiting == [0] and server.pairs == {A, B, C}


def test_after_a_reconnect_one_refused_pair_does_not_cost_the_others() -> None:
    server = connected()
    server.hold(A, B, C)
    server.answer_all()
    server.book.lost()
    server.pairs.clear()
    server.limit = 2
    server.connect()
    server.answer_all()
    assert len(server.pairs) == 2 and [code for _, code in server.refused] == [405]


def test_who_waits_while_the_server_shuts_us_out_is_refused_with_its_code() -> None:
    server = Server()
    codes = server.hold(A)
    server.book.fail_waiting(409)
    assert codes == [409]


def test_who_gave_up_waiting_is_told_only_once() -> None:
    server = connected()
    codes: list[int] = []
    change, requests = server.book.hold(frozenset([A]), codes.append)
    server.deliver(requests)
    server.book.give_up_waiting(change)
    server.answer_all()
    assert codes == [0] and server.pairs == {A}


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("hold"), st.integers(0, 2), st.frozensets(st.sampled_from([A, B, C]), min_size=1)),
        st.tuples(st.just("release"), st.integers(0, 2)),
        st.tuples(st.just("answer")),
        st.tuples(st.just("expire")),
        st.tuples(st.just("reconnect")),
    ),
    max_size=30,
)


@settings(max_examples=200)
@given(STEPS)
def test_in_any_order_the_server_ends_with_what_is_held_and_each_wish_is_answered_once(steps: list[Any]) -> None:
    server, held, answers = connected(), {}, []  # type: ignore[var-annotated]
    for step in steps:
        match step:
            case ("hold", client, pairs):
                new = pairs - held.get(client, frozenset())
                if new:
                    held[client] = held.get(client, frozenset()) | new
                    answers.append(server.hold(*new))
            case ("release", client):
                server.book.release(held.pop(client, frozenset()), now_ns=0)
            case ("answer",) if server.inbox:
                server.answer()
            case ("expire",):
                server.deliver(server.book.expire(released_before_ns=1))
            case ("reconnect",):
                server.book.lost()
                server.inbox.clear()
                server.pairs.clear()
                server.connect()
    server.answer_all()
    server.deliver(server.book.expire(released_before_ns=1))
    server.answer_all()
    assert server.pairs == frozenset().union(*held.values(), frozenset())
    assert all(codes == [0] for codes in answers)
