"""``plugtui screenshots``: the same seed gives the same pictures, byte for byte, so that outdated ones can be told."""

import os
import re
import subprocess
from collections.abc import Iterable
from html import unescape
from pathlib import Path

import pytest

from tests.support import plugtui_command

pytest.importorskip("alpaca")

ONLY = ("dashboard-small", "events", "first-start")


ELSEWHERE = {
    "PYTHONHASHSEED": "2",
    "TZ": "Asia/Tokyo",
    "NO_COLOR": "1",
    "TERM": "dumb",
    "COLUMNS": "40",
    "APCA_API_OAUTH_TOKEN": "not yours",
}
"""What differs in another terminal."""


def make(
    directory: Path, *more: str, names: Iterable[str] = ONLY, environ: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Make pictures in a process of its own."""
    only = [word for name in names for word in ("--only", name)]
    return subprocess.run(
        plugtui_command("screenshots", str(directory), "--seconds", "20", *only, *more),
        env=os.environ | {"PYTHONHASHSEED": "1"} | (environ or {}),
        capture_output=True,
        text=True,
        timeout=85,
    )


def text_of(picture: Path) -> str:
    words = re.findall(r"<text[^>]*>([^<]*)</text>", picture.read_text(encoding="utf-8"))
    return unescape("\n".join(words)).replace("\xa0", " ")


@pytest.mark.timeout(180)
def test_another_run_finds_every_picture_as_it_is_and_names_the_one_that_was_changed(tmp_path):
    made = make(tmp_path)
    assert made.returncode == 0, made.stderr
    assert made.stdout == f"{len(ONLY)} pictures in {tmp_path}\n"
    assert {file.stem for file in tmp_path.iterdir()} == set(ONLY)

    events = text_of(tmp_path / "events.svg")
    assert "buy COIN 4 market (breakout)" in events
    assert re.search(r"account was down for [\d.]+ s, \d+ executions recovered", events)
    dashboard = text_of(tmp_path / "dashboard-small.svg")
    for name in ("meanrev", "momentum", "pairs", "breakout", "northstar", "riverbend"):
        assert name in dashboard

    (tmp_path / "events.svg").write_text("<svg/>", encoding="utf-8")
    checked = make(tmp_path, "--check", names=reversed(ONLY), environ=ELSEWHERE)
    assert checked.returncode == 1
    assert f"out of date in {tmp_path}: events\n" in checked.stderr
    assert (tmp_path / "events.svg").read_text(encoding="utf-8") == "<svg/>"


def test_a_picture_that_does_not_exist_is_refused_with_those_that_do(tmp_path):
    refused = make(tmp_path / "none", "--only", "sunset")
    assert refused.returncode == 2
    assert "'sunset'" in refused.stderr
    assert "dashboard-large" in refused.stderr
    assert not (tmp_path / "none").exists()
