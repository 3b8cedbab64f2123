"""The keys: which the bar shows, how they are written, and which can be changed in the configuration.

Every binding has an id in kebab-case that never changes; ``[keys]`` in the configuration maps ids to other keys::

    [keys]
    zoom = "z,f11"
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from textual.binding import ActiveBinding, Binding

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


def hints(active: Iterable[ActiveBinding]) -> list[KeyHint]:
    """Collect the active bindings, those with the same id in one entry, in the order of their definition."""
    found: dict[str, list[Binding]] = {}
    for entry in active:
        binding = entry.binding
        if entry.enabled and binding.id and not binding.system:
            found.setdefault(binding.id, []).append(binding)
    return [
        KeyHint(
            key,
            tuple(dict.fromkeys(key_name(binding.key) for binding in sorted(bindings, key=_plainness))),
            bindings[0].description,
            bindings[0].tooltip or bindings[0].description,
            bindings[0].action,
            any(binding.show for binding in bindings),
        )
        for key, bindings in found.items()
    ]


def _plainness(binding: Binding) -> bool:
    return binding.key.startswith(("ctrl+", "shift+"))


def check(keymap: Mapping[str, str], known: Iterable[str]) -> None:
    """Refuse ids that do not exist. Raises ConfigError."""
    ids = set(known)
    for name in keymap:
        if name not in ids:
            raise ConfigError(
                f"[keys] names the binding {name!r}, expected one of those that exist",
                f"The help (?) shows what can be bound: {', '.join(sorted(ids))}.",
            )
