"""Logging: where it goes, and what must not be seen in it."""

import logging
import stat

import pytest

from plugtui.logs import Masker, NotAgain, set_up_logging
from plugtui.paths import Paths
from plugtui.secrets import Secret


@pytest.fixture
def paths(isolated):
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    for handler in handlers:
        root.removeHandler(handler)
    yield Paths().ensure()
    for handler in list(root.handlers):
        root.removeHandler(handler)
        handler.close()
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level)


@pytest.mark.parametrize(
    "text",
    [
        "GET /v2/account APCA-API-SECRET-KEY: abcdefgh12345678",
        '{"action":"auth","key":"PK1","secret":"abcdefgh12345678"}',
        "'secret_key': 'abcdefgh12345678'",
        "Authorization: Bearer abcdefgh12345678",
        "oauth_token=abcdefgh12345678",
    ],
)
def test_what_stands_where_secrets_stand_is_masked(text):
    assert "abcdefgh12345678" not in Masker().mask(text)


def test_a_known_secret_is_masked_anywhere():
    masker = Masker()
    masker.learn(Secret("correct-horse"))
    assert masker.mask("it was correct-horse again") == "it was •••• again"


def test_an_ordinary_line_stays_as_it_is():
    line = "stream data iex: live, token bucket 12 of 200, secretary bird"
    assert Masker().mask(line) == line


def test_the_log_goes_to_a_private_file_and_to_memory_but_not_to_the_terminal(paths, capsys):
    ring = set_up_logging(paths, "INFO", to_stderr=False)
    logging.getLogger("plugtui.test").info("one line")
    assert "one line" in paths.log_file.read_text(encoding="utf-8")
    assert "one line" in ring.lines[-1]
    assert stat.S_IMODE(paths.log_file.stat().st_mode) == 0o600
    assert capsys.readouterr() == ("", "")


def test_a_traceback_is_masked_too(paths, capsys):
    set_up_logging(paths, "INFO", to_stderr=True)
    try:
        raise ValueError("token: abcdefgh12345678")
    except ValueError:
        logging.getLogger("plugtui.test").exception("failed")
    assert "abcdefgh12345678" not in paths.log_file.read_text(encoding="utf-8")
    assert "abcdefgh12345678" not in capsys.readouterr().err


def test_a_line_that_a_library_says_over_and_over_is_let_through_once_in_a_while():
    now = [0.0]
    held = NotAgain(10.0, lambda: now[0])
    lines = [logging.LogRecord("asyncio", logging.ERROR, "", 0, text, None, None) for text in ("no room", "other")]
    shown = []
    for now[0] in (0.0, 0.1, 5.0, 9.9, 10.0, 10.1):
        shown += [now[0] for line in lines[:1] if held.filter(line)]
    assert shown == [0.0, 10.0]
    assert held.filter(lines[1])


def test_setting_up_twice_holds_lines_back_once(paths):
    for _ in range(2):
        set_up_logging(paths, "INFO", to_stderr=False)
    assert len(logging.getLogger("asyncio").filters) == 1
