"""Where plugtui keeps things."""

import stat

import pytest

from plugtui.errors import ConfigError
from plugtui.paths import Paths, chosen_profile, write_private


def test_everything_lies_below_the_home_that_is_set(isolated):
    paths = Paths("live")
    for file in (paths.config_file, paths.ledger, paths.lock, paths.engine_file, paths.secrets_file, paths.log_file):
        assert file.is_relative_to(isolated)


def test_without_a_home_the_platforms_directories_are_used():
    paths = Paths("live", environ={})
    assert paths.home is None
    assert "plugtui" in str(paths.config_file)
    assert paths.state_dir.name == "live"


def test_directories_are_the_owners_only(isolated):
    paths = Paths().ensure()
    for directory in (paths.state_dir, paths.log_dir):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a b", "x" * 65])
def test_a_profile_that_cannot_be_a_directory_is_refused(name):
    with pytest.raises(ConfigError, match="profile was"):
        Paths(name)


def test_the_flag_wins_over_the_variable():
    assert chosen_profile("a", {"PLUGTUI_PROFILE": "b"}) == "a"
    assert chosen_profile(None, {"PLUGTUI_PROFILE": "b"}) == "b"
    assert chosen_profile(None, {}) == "default"


def test_a_private_file_is_replaced_whole_and_never_open_to_others(tmp_path):
    file = tmp_path / "secret"
    file.write_text("old")
    file.chmod(0o644)
    write_private(file, b"new")
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not list(tmp_path.glob(".secret*"))


def test_a_directory_that_cannot_be_made_is_an_error_with_a_hint(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="PLUGTUI_HOME"):
        Paths(environ={"PLUGTUI_HOME": str(tmp_path / "file")}).ensure()
