"""The keys: which the bar shows, how they are written, and which can be changed.

Every binding has an id in kebab-case that never changes; ``[keys]`` in ``dashboard.toml`` maps ids to other keys::

    [keys]
    zoom = "z,f11"
"""

import difflib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual.binding import ActiveBinding, Binding
from textual.keys import KEY_NAME_REPLACEMENTS, Keys

from plugtui.errors import ConfigError

_NAMES = {
    "question_mark": "?", "slash": "/", "escape": "esc", "enter": "enter", "left_square_bracket": "[",
    "right_square_bracket": "]", "space": "space", "upper_s": "S", "upper_w": "W", "full_stop": ".", "comma": ",",
    "up": "↑", "down": "↓", "left": "←", "right": "→", "pageup": "pgup", "pagedown": "pgdn", "asterisk": "*",
    "plus": "+", "minus": "-",
}  # fmt: skip


def key_name(key: str) -> str:
    """Write a key as the bar and the help show it (``^p``, ``?``, ``esc``)."""
    if key.startswith("ctrl+"):
        return "^" + key_name(key.removeprefix("ctrl+"))
    if key.startswith("shift+"):
        return "⇧" + key_name(key.removeprefix("shift+"))
    if key.startswith("upper_"):
        return key.removeprefix("upper_").upper()
    return _NAMES.get(key, key)


@dataclass(frozen=True, slots=True)
class KeyHint:
    """One entry of the bar or the help."""

    id: str
    keys: tuple[str, ...]
    label: str
    tooltip: str
    action: str
    shown: bool
    group: str = ""
    """Where it works: the ``key_group`` of the widget that offers it; empty for everywhere."""


def hints(active: Iterable[ActiveBinding]) -> list[KeyHint]:
    """Collect the active bindings, those with the same id in one entry, in the order of their definition."""
    found: dict[str, list[Binding]] = {}
    groups: dict[str, str] = {}
    for entry in active:
        binding = entry.binding
        if entry.enabled and binding.id and not binding.system:
            found.setdefault(binding.id, []).append(binding)
            groups[binding.id] = getattr(entry.node, "key_group", "")
    return [
        KeyHint(
            key,
            tuple(dict.fromkeys(key_name(binding.key) for binding in sorted(bindings, key=_plainness))),
            bindings[0].description,
            bindings[0].tooltip or bindings[0].description,
            bindings[0].action,
            any(binding.show for binding in bindings),
            groups[key],
        )
        for key, bindings in found.items()
    ]


def _plainness(binding: Binding) -> bool:
    return binding.key.startswith(("ctrl+", "shift+"))


# ---------------------------------------------------------------- the bar

_GAP = 2

_SHORT_KEYS = {"enter": "↵"}
_SHORT_LABELS = {
    "palette": "find", "how-to": "connect", "disconnect": "cut", "algo-disconnect": "cut", "how-to-next": "SDK",
    "how-to-previous": "SDK", "next-field": "field",
}  # fmt: skip

_PLACES = (
    "pane-1", "focus-next", "zoom", "filter", "sort", "freeze", "open", "definitions", "how-to", "pause", "follow",
    "longer", "window-next", "new-key", "plug", "index", "rejects", "cancels", "events",
)  # fmt: skip
"""The bar from left to right; hints that are not named follow."""

_NEAR_THE_END = ("palette",)
_AT_THE_END = ("help", "quit", "close")

_WEIGHTS = (*_AT_THE_END, "open", "definitions", "filter", "zoom", "pane-1", "palette", "sort", "freeze")
_LIGHT = ("focus-next", "events")
"""What stays longest where the bar is narrow, and what goes first."""


@dataclass(frozen=True, slots=True)
class BarEntry:
    """A hint as the bar shows it: in full, or shorter where there is no room."""

    id: str
    key: str
    label: str

    @property
    def cells(self) -> int:
        """How wide it is."""
        return cell_len(self.key) + 1 + cell_len(self.label)


def bar(hints: Iterable[KeyHint], width: int) -> tuple[list[BarEntry], list[BarEntry]]:
    """Choose what the bar shows in ``width`` cells: the entries at its left, and those at its right end.

    The weightiest come first, shortened where that makes room for another one; nothing is ever cut. Two cells stand between
    two entries.
    """
    offered = list(hints)
    keys = {hint.id: hint.keys[0] for hint in offered}
    forms = {hint.id: _forms(hint, keys) for hint in offered if hint.shown}
    by_weight = sorted(forms, key=_weight)
    chosen: dict[str, BarEntry] = {}
    for name in by_weight:
        if _cells({**chosen, name: forms[name][-1]}) <= width:
            chosen[name] = forms[name][-1]
    for name in by_weight:
        if name in chosen and _cells({**chosen, name: forms[name][0]}) <= width:
            chosen[name] = forms[name][0]
    right = [chosen[name] for name in _AT_THE_END if name in chosen]
    left = [chosen[name] for name in sorted(forms, key=_place) if name in chosen and name not in _AT_THE_END]
    return left, right


def _forms(hint: KeyHint, keys: Mapping[str, str]) -> tuple[BarEntry, BarEntry]:
    if hint.id == "pane-1":
        of_all = BarEntry(hint.id, f"{keys['pane-1']}-{keys.get('pane-4', '4')}", "pane")
        return of_all, of_all
    key = hint.keys[0]
    short = BarEntry(hint.id, _SHORT_KEYS.get(key, key), _SHORT_LABELS.get(hint.id, hint.label))
    return BarEntry(hint.id, key, hint.label), short


def _cells(entries: Mapping[str, BarEntry]) -> int:
    return sum(entry.cells + _GAP for entry in entries.values()) - _GAP


def _weight(name: str) -> int:
    if name in _WEIGHTS:
        return _WEIGHTS.index(name)
    return len(_WEIGHTS) + (_LIGHT.index(name) + 1 if name in _LIGHT else 0)


def _place(name: str) -> int:
    if name in _PLACES:
        return _PLACES.index(name)
    return len(_PLACES) + (name in _NEAR_THE_END)


# ---------------------------------------------------------------- other keys

Context = tuple[str, Sequence[Binding]]
"""A place where keys are pressed: its name, and every binding that works there."""


def check(keymap: Mapping[str, str], contexts: Sequence[Context], file: str = "[keys]") -> None:
    """Refuse ids that do not exist, keys that no terminal sends, and keys that would do two things.

    Raises:
        ConfigError: says which, and where.
    """
    ids = {binding.id for _, bindings in contexts for binding in bindings if binding.id}
    for name, keys in keymap.items():
        if name not in ids:
            near = difflib.get_close_matches(name, ids, n=1)
            meant = f"did you mean {near[0]}? " if near else ""
            raise ConfigError(
                f"{file} names {name!r}, and there is no such binding",
                f"{meant}the help (?) of a wide enough terminal shows all names, grey, at the right",
            )
        for key in _split(keys):
            _check_key(key, name, file)
    for where, bindings in contexts:
        _check_collisions(keymap, where, bindings, file)


def _split(keys: str) -> list[str]:
    return [key.strip() for key in keys.split(",")]


def _check_key(key: str, name: str, file: str) -> None:
    plain = key
    for modifier in ("ctrl+", "shift+", "alt+", "super+", "hyper+", "meta+"):
        plain = plain.replace(modifier, "", 1)
    if len(plain) != 1 and plain not in _NAMES and plain not in _KEY_NAMES and not _is_character(plain):
        raise ConfigError(
            f"{file}: {name} was {key!r}, expected a key",
            "a character, or a name as in enter, space, f11, ctrl+d, pageup; several with commas between, a comma is comma",
        )


_KEY_NAMES = {*(key.value for key in Keys), *KEY_NAME_REPLACEMENTS.values()}


def _is_character(name: str) -> bool:
    try:
        unicodedata.lookup(name.replace("_", " "))
    except KeyError:
        return False
    return True


def _check_collisions(keymap: Mapping[str, str], where: str, bindings: Sequence[Binding], file: str) -> None:
    does: dict[str, str] = {}
    for binding in bindings:
        name = binding.id or ""
        for key in map(_long_name, _split(keymap.get(name, binding.key))):
            other = does.setdefault(key, name)
            if other != name and (name in keymap or other in keymap):
                mine, kept = (name, other) if name in keymap else (other, name)
                raise ConfigError(
                    f"{file}: {mine} was {keymap[mine]!r}, but {key_name(key)} is {kept} already ({where})",
                    f"choose another key, or give {kept} another one too",
                )


def _long_name(key: str) -> str:
    """Return the name under which a key is reported: a character other than a letter or digit has its Unicode name."""
    if len(key) == 1 and not key.isalnum():
        name = unicodedata.name(key, key).lower().replace("-", "_").replace(" ", "_")
        return KEY_NAME_REPLACEMENTS.get(name, name)
    return key
