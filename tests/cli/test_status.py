"""The state of the engine in words."""

from decimal import Decimal

from plugtui.cli.status import as_text
from plugtui.control.messages import AccountState, AlgoState, EngineState, Snapshot, StreamState

NOW = 1_790_000_000_000_000_000
S = 1_000_000_000
ENGINE = EngineState(
    engine_id="e", pid=1, version="0", profile="default", environment="paper", account_number="",
    gateway_url="http://127.0.0.1:8765", feed="iex", started_ns=NOW - 60 * S,
)  # fmt: skip


def text(streams: list[StreamState], algos: list[AlgoState] | None = None, account: AccountState | None = None) -> str:
    picture = Snapshot(
        version=1, seq=0, engine=ENGINE, streams=streams, account=account, algos=algos or [], traders=[], facts=[]
    )
    return as_text(picture, NOW)


def stream(state: str, retry_at_ns: int | None = None, detail: str = "") -> StreamState:
    return StreamState(
        name="data iex", endpoint="/v2/iex", state=state, since_ns=NOW, detail=detail, retry_at_ns=retry_at_ns
    )


def test_a_stream_that_waits_says_why_and_how_long() -> None:
    assert "another program holds it; next attempt in 25 s" in text(
        [stream("waiting", NOW + 24 * S + S // 2, "another program holds it")]
    )
    assert "0  next attempt in 1 s" in text([stream("waiting", NOW + 1)])


def test_an_attempt_that_is_due_is_not_announced() -> None:
    assert "attempt" not in text([stream("connecting", NOW - 1)]) + text([stream("live")])


def test_a_key_that_nobody_has_used_yet_is_said_so() -> None:
    assert "not connected yet" in text([], [AlgoState(name="meanrev", status="new", issued=True)])


def test_the_age_of_money_is_told_when_it_is_old() -> None:
    def account(age_s: int) -> AccountState:
        return AccountState(
            equity=Decimal(1), last_equity=Decimal(1), cash=Decimal(1), buying_power=Decimal(1), day_pnl=Decimal(0),
            day_return=None, as_of_ns=NOW - age_s * S, problem="the trading host does not answer",
        )  # fmt: skip

    assert "(42 s old: the trading host does not answer)" in text([], account=account(42))
    assert "(the trading host does not answer)" in text([], account=account(3))
