"""``plugtui screenshots``: the same seed gives the same pictures, byte for byte."""

import os
import re
import subprocess
from html import unescape
from pathlib import Path

import pytest

from tests.support import plugtui_command

pytest.importorskip("alpaca")

ONLY = ("dashboard-small", "events", "first-start")


def start(directory: Path, hash_seed: int, *more: str) -> "subprocess.Popen[str]":
    only = [word for name in ONLY for word in ("--only", name)]
    return subprocess.Popen(
        plugtui_command("screenshots", str(directory), "--seconds", "20", *only, *more),
        env=os.environ | {"PYTHONHASHSEED": str(hash_seed)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def text_of(picture: Path) -> str:
    words = re.findall(r"<text[^>]*>([^<]*)</text>", picture.read_text(encoding="utf-8"))
    return unescape("\n".join(words)).replace("\xa0", " ")


@pytest.mark.timeout(180)
def test_two_runs_give_the_same_bytes(tmp_path):
    runs = [start(tmp_path / name, hash_seed) for name, hash_seed in (("one", 1), ("two", 2))]
    for run in runs:
        out, err = run.communicate(timeout=170)
        assert run.returncode == 0, err
        assert out.startswith("3 pictures in ")
    one, two = ({file.stem: file.read_bytes() for file in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert set(one) == set(ONLY)
    assert one == two

    events = text_of(tmp_path / "one" / "events.svg")
    assert "buy COIN 4 market (breakout)" in events
    assert re.search(r"account was down for [\d.]+ s, \d+ executions recovered", events)
    dashboard = text_of(tmp_path / "one" / "dashboard-small.svg")
    for name in ("meanrev", "momentum", "pairs", "breakout", "northstar", "riverbend"):
        assert name in dashboard


def test_a_picture_that_does_not_exist_is_refused_with_those_that_do(tmp_path):
    run = start(tmp_path / "none", 1, "--only", "sunset")
    _, err = run.communicate(timeout=60)
    assert run.returncode == 2
    assert "'sunset'" in err
    assert "dashboard-large" in err
    assert not (tmp_path / "none").exists()
