"""What stands in the middle of the screen while there is nothing to show, or nothing new: what is wrong, and what to do."""

import textwrap
from dataclasses import dataclass

from plugtui.tui import format as fmt
from plugtui.tui.model.world import World

_NS = 1_000_000_000

PATIENCE_NS = 5 * _NS
"""An engine that died is back within two seconds as a rule: so long the old numbers stay free to be read."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong, in the words of whoever noticed it."""

    title: str
    text: str
    hint: str
    then: str
    """What happens next, and which keys there are."""

    def lines(self, width: int) -> list[tuple[str, str]]:
        """Return lines of at most ``width`` cells, each with its tone."""
        found = [(line, "bad") for line in textwrap.wrap(self.text, width)]
        if self.hint:
            found.append(("", ""))
        for part in self.hint.splitlines():
            found += [(line, "") for line in textwrap.wrap(part, width)]
        return [*found, ("", ""), *((line, "dim") for line in textwrap.wrap(self.then, width))]


def trouble_of(world: World, now_ns: int) -> Trouble | None:
    """Return what keeps the panes from having news; ``None`` when nothing does, or only for a moment."""
    failure = world.failure
    if failure is not None:
        waits = failure.retry_at_ns is None
        old = world.as_of_ns is not None and now_ns - world.as_of_ns < PATIENCE_NS
        if old and not waits:
            return None
        title = "No engine" if world.engine is None else "The engine is gone"
        return Trouble(title, _sentence(failure.detail), _sentence(failure.hint), _next(world, now_ns))
    engine = world.engine
    if engine is not None and world.account is None and engine.problem:
        then = (
            "It is tried again by itself; r tries now, K enters other keys, q leaves. Algorithms can connect meanwhile."
        )
        return Trouble("The account cannot be read", _sentence(engine.problem), _sentence(engine.hint), then)
    return None


def _next(world: World, now_ns: int) -> str:
    keys = "e shows what happened, q leaves."
    if world.link.state == "starting":
        return f"Trying now. {keys[0].upper()}{keys[1:]}"
    if world.link.retry_at_ns is None:
        return f"r tries again, {keys}"
    left = fmt.countdown((world.link.retry_at_ns - now_ns) / _NS)
    return f"Next try in {left}; r tries now, {keys}"


def _sentence(text: str) -> str:
    text = text.strip()
    if not text:
        return ""
    first = text.split(" ", 1)[0]
    # The name of a host or of a setting stays as it is.
    start = text[:1].upper() if first.isalpha() else text[:1]
    return start + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def age_note(world: World, now_ns: int, room: int) -> str:
    """Say how old the numbers on the screen are, in as many words as fit; empty when they are not."""
    if world.as_of_ns is None:
        return ""
    ago = fmt.age(world.as_of_ns, now_ns)
    clock = fmt.clock(world.as_of_ns, world.zone, millis=False)
    forms = (f"as of {clock}, {ago} ago", f"{ago} old", "old")
    return next((form for form in forms if len(form) <= room), "old")
