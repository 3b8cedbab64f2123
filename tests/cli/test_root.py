"""The command line as a whole: help, version, errors and exit codes."""

import io
import os
import re
import subprocess
from pathlib import Path

import pytest

from plugtui import __version__
from plugtui.cli.options import THEME
from plugtui.cli.root import COMMANDS, EXIT_CODES, root, run
from plugtui.errors import PlugtuiError
from plugtui.tui import themes
from tests.support import plugtui_command, run_plugtui

README = Path(__file__).parents[2] / "README.md"


def all_errors(kind: type[PlugtuiError] = PlugtuiError) -> list[type[PlugtuiError]]:
    return [kind, *(error for child in kind.__subclasses__() for error in all_errors(child))]


def test_version(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"plugtui {__version__}\n"


def test_help_lists_every_command_and_every_exit_code(capsys):
    assert run(["--help"]) == 0
    text = capsys.readouterr().out
    for name in COMMANDS:
        assert f"\n  {name} " in text
    for code, meaning in EXIT_CODES.items():
        assert re.search(rf"\n +{code} +{re.escape(meaning)}\n", text)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_that_is_listed_can_be_loaded(name, capsys):
    assert run([name, "--help"]) == 0
    assert "Usage: plugtui " + name in capsys.readouterr().out


def test_every_exit_code_of_an_error_is_documented():
    assert {error.exit_code for error in all_errors()} <= EXIT_CODES.keys()
    readme = README.read_text(encoding="utf-8")
    for code, meaning in EXIT_CODES.items():
        assert f"| {code} | {meaning} |" in readme


def test_an_error_is_title_and_hint_on_stderr_with_its_exit_code(capsys, monkeypatch):
    monkeypatch.setenv("PLUGTUI_GATEWAY_PROT", "1")
    assert run(["serve"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("plugtui: environment variable PLUGTUI_GATEWAY_PROT names no setting")
    assert "PLUGTUI_GATEWAY_PORT" in err.splitlines()[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["serve", "--port", "x"],
        ["--nonsense"],
        ["demo", "--seconds", "3"],
        ["demo", "--json"],
        ["--theme", "pink"],
    ],
)
def test_wrong_use_is_exit_code_2(arguments, capsys):
    assert run(arguments) == 2
    assert capsys.readouterr().out == ""


def test_the_themes_that_may_be_named_are_those_of_the_dashboard():
    assert set(THEME.choices) == set(themes.NAMES)


def test_an_error_inside_an_exception_group_is_reported_like_any_other(capsys, monkeypatch):
    error = PlugtuiError("it broke", "mend it")
    group = BaseExceptionGroup("outer", [ExceptionGroup("inner", [error])])
    monkeypatch.setattr(root, "main", lambda *_, **__: (_ for _ in ()).throw(group))
    assert run([]) == 1
    assert capsys.readouterr().err == "plugtui: it broke\n  mend it\n"


@pytest.mark.parametrize("arguments", [["algos", "howto"], ["--help"], ["algos", "add", "--help"]])
def test_a_reader_that_has_seen_enough_is_no_error(arguments):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        done = subprocess.run(plugtui_command(*arguments), stdout=closed, stderr=subprocess.PIPE, timeout=30)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_told_in_words():
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(plugtui_command("algos", "howto"), stdout=full, stderr=subprocess.PIPE, timeout=30)
    assert done.returncode == 1
    assert done.stderr.startswith(b"plugtui: there is no room left")


def test_a_name_cannot_steer_the_terminal_by_an_error(capsys):
    assert run(["algos", "revoke", "\x1b[31mred"]) == 1
    assert "'\\x1b[31mred'" in capsys.readouterr().err


def test_ctrl_c_is_exit_code_130(monkeypatch):
    monkeypatch.setattr(root, "main", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    assert run([]) == 130


@pytest.mark.parametrize("arguments", [["status"], ["traders", "list"], ["traders", "follow", "x"]])
def test_what_needs_an_engine_says_that_none_runs(arguments, capsys):
    assert run(arguments) == 6
    assert "no engine of profile 'default' is running" in capsys.readouterr().err


def test_status_as_json_says_on_stdout_that_none_runs(capsys):
    assert run(["status", "--json", "--profile", "live"]) == 6
    assert capsys.readouterr().out == '{"running": false, "profile": "live"}\n'


def test_a_profile_that_cannot_be_is_a_wrong_setting(capsys):
    assert run(["status", "--profile", "../x"]) == 2


def test_the_module_runs_like_the_command():
    done = run_plugtui("--version")
    assert (done.returncode, done.stdout) == (0, f"plugtui {__version__}\n")


def test_serve_without_keys_says_what_to_set(capsys):
    done = run_plugtui("serve", "--port", "0")
    assert done.returncode == 3
    assert done.stdout == ""
    assert "APCA_API_KEY_ID" in done.stderr


@pytest.mark.parametrize("arguments", [[], ["demo"], ["attach", "http://127.0.0.1:1", "--token", "t"]])
def test_what_needs_a_terminal_says_so(arguments, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert run(arguments) == 1
    assert "needs a terminal" in capsys.readouterr().err
