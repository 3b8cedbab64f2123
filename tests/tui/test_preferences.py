"""What the reader has chosen is kept beside the configuration."""

from pathlib import Path

import pytest

from plugtui.errors import ConfigError
from plugtui.tui.preferences import Preferences, load, save


def test_no_file_means_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path / "dashboard.toml") == Preferences()


def test_one_choice_is_kept_and_the_others_stay(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "dashboard.toml"
    save(file, theme="light")
    file.write_text(file.read_text() + '[keys]\nzoom = "y"\n')
    save(file, on_quit="keep")
    assert load(file) == Preferences(theme="light", on_quit="keep", keys={"zoom": "y"})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('theme = "pink"', "theme was 'pink', expected one of 'dark'"),
        ('on_quit = "maybe"', "on_quit was 'maybe'"),
        ("them = 1", "unknown field"),
        ("theme =", "cannot be used"),
    ],
)
def test_a_wrong_line_is_refused_with_its_file(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "dashboard.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as raised:
        load(file)
    assert words in str(raised.value)
    assert str(file) in str(raised.value)
