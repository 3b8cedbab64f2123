"""Which streams are down, since when: the state behind the gap facts."""

import msgspec

from plugtui.control.messages import Gap


class GapBook:
    """Number gaps and remember the open one of each stream.

    Planning and applying are two steps, so that a gap counts as open or closed only once it was committed.
    """

    def __init__(self, last_id: int = 0) -> None:
        self._last_id = last_id
        self._open: dict[str, Gap] = {}

    def restore(self, gap: Gap) -> None:
        """Take up an open gap that an earlier run left behind; of two for one stream the older counts."""
        self._open.setdefault(gap.stream, gap)

    def current(self, stream: str) -> Gap | None:
        """Return the open gap of ``stream``."""
        return self._open.get(stream)

    def plan_open(self, stream: str, from_ns: int, reason: str) -> Gap:
        """Return the gap to commit when ``stream`` went down; the open one when it is down already."""
        return self._open.get(stream) or Gap(gap_id=self._last_id + 1, stream=stream, from_ns=from_ns, reason=reason)

    def plan_close(self, stream: str, to_ns: int, recovered: int = 0, lost: str = "") -> Gap | None:
        """Return the closed form of the stream's gap to commit; ``None`` when none is open."""
        gap = self._open.get(stream)
        if gap is None:
            return None
        return msgspec.structs.replace(gap, to_ns=max(to_ns, gap.from_ns), recovered=recovered, lost=lost)

    def apply(self, gap: Gap) -> None:
        """Take over what was committed."""
        self._last_id = max(self._last_id, gap.gap_id)
        if gap.to_ns is None:
            self._open[gap.stream] = gap
        else:
            self._open.pop(gap.stream, None)
