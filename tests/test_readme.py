"""What the README says is so."""

import re
import tomllib
from pathlib import Path

from plugtui.cli.root import COMMANDS
from plugtui.config import keys, load_settings
from plugtui.paths import Paths

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def shown(value: object) -> str:
    return "empty" if value == "" else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_every_setting_stands_in_the_table_with_its_default():
    table = README.split("<!-- configuration-table -->")[1].split("<!-- /configuration-table -->")[0]
    listed = {
        tuple(cell.strip() for cell in row.split("|")[1:3]) for row in table.splitlines() if row.startswith("| `")
    }
    assert listed == {(f"`{key.name}`", shown(key.default)) for key in keys()}


def test_every_command_is_described():
    for name in COMMANDS:
        assert f"| `plugtui {name}" in README


def test_the_configuration_that_is_shown_is_one(isolated):
    paths = Paths("live")
    paths.config_file.parent.mkdir(parents=True)
    (text,) = blocks("toml")
    paths.config_file.write_text(text)
    assert load_settings({}, {}, paths).upstream.feed == "sip"


def test_every_file_that_is_linked_is_there():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_extras_that_the_commands_install_are_there():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for name in re.findall(r"'\.\[(\w+)\]'", README):
        assert name in extras
