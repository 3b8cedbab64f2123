"""Fault knobs: types, ranges, spells and one-shot actions."""

import pytest

from plugtui.errors import ConfigError
from plugtui.sim.faults import Faults


def test_a_knob_takes_the_text_of_the_command_line() -> None:
    faults = Faults()
    faults.set_text("linger_s=2.5")
    faults.set_text("mute=on")
    faults.set_text("symbol_limit=30")
    faults.set_text("plan=free")
    faults.set_text("fill_latency_ms=5,1")
    assert (faults.linger_s, faults.mute, faults.symbol_limit, faults.plan) == (2.5, True, 30, "free")
    assert faults.fill_latency_ms == (1.0, 5.0)


@pytest.mark.parametrize(
    ("assignment", "complaint"),
    [
        ("no_such=1", "no_such"),
        ("mute=perhaps", "expected true or false"),
        ("symbol_limit=1.5", "expected a whole number"),
        ("symbol_limit=-1", "expected 0 to inf"),
        ("plan=gold", "one of free, paid"),
        ("duplicate_events=2", "expected 0 to 1"),
        ("linger_s", "NAME=VALUE"),
        ("linger_s=nan", "expected 0 to inf"),
    ],
)
def test_a_wrong_value_is_refused_with_the_reason(assignment: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        Faults().set_text(assignment)


def test_one_wrong_value_among_several_changes_nothing() -> None:
    faults = Faults()
    with pytest.raises(ConfigError):
        faults.update({"mute": True, "plan": 7})
    assert faults.mute is False


def test_a_one_shot_knob_acts_at_once_and_reads_as_false() -> None:
    faults, acted = Faults(), []
    faults.on_change("cut", lambda: acted.append("cut"))
    faults.update({"cut": True})
    faults.update({"cut": False})
    assert acted == ["cut"]
    assert faults.cut is False


def test_a_spell_counts_from_the_moment_it_is_set() -> None:
    faults = Faults()
    assert not faults.active("refuse_406_s")
    faults.update({"refuse_406_s": 3600})
    assert faults.active("refuse_406_s")
    faults.update({"refuse_406_s": 0})
    assert not faults.active("refuse_406_s")


def test_every_knob_is_described() -> None:
    described = Faults().describe()
    assert described.keys() == Faults().as_dict().keys()
    assert all(knob["doc"] for knob in described.values())
