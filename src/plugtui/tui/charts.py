"""Charts: the one module that knows plotext 6.

plotext draws the canvas in braille; the axes are ours, so that labels line up, stay steady and take the theme's colours.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial

from plugtui.tui import format as fmt
from plugtui.tui.widgets.painted import Line, Painted, Run

_MOST_POINTS = 600
_DAY_NS = 86_400_000_000_000


@dataclass(frozen=True, slots=True)
class Series:
    """What to plot: x in nanoseconds, y, and how y is written at the axis."""

    times_ns: Sequence[int]
    values: Sequence[float]
    style: str = "number"
    """``number`` or ``percent`` (0.01 is 1 %)."""
    tone: str = "chart"
    filled: bool = False
    """Fill between the line and zero: a drawdown."""


def canvas(
    values: Sequence[float], width: int, height: int, low: float, high: float, *, filled: bool = False
) -> list[str]:
    """Draw ``values`` as a braille line, evenly spaced, into ``width`` × ``height`` cells.

    Args:
        low, high: the values at the lower and upper edge.
        filled: fill between the line and the upper edge's zero.
    """
    if width < 1 or height < 1 or len(values) < 2:
        return [" " * max(0, width)] * max(0, height)
    import plotext  # here: it builds its manual at import, which would cost the first paint 0.1 s

    figure = plotext.figure
    plotext.terminal.limit(False, False)
    figure.clear()
    figure.axes(False)
    figure.legend(False)
    figure.ruler([0, 1], [0, 1]).frequency(0)
    figure.ruler(1, [0, 1]).lim(low, high)
    figure.plot_size(width, height)
    points = thin(values, min(_MOST_POINTS, width * 4))
    signal = figure.signal(list(range(len(points))), points, marker="braille").lines(True)
    figure.draw(signal.fillx() if filled else signal)
    rows = figure.build().string(True).split("\n")
    return [fmt.fit(row, width) for row in rows[:height]] + [" " * width] * max(0, height - len(rows))


def thin(values: Sequence[float], most: int) -> list[float]:
    """Reduce to at most ``most`` points, keeping each stretch's lowest and highest value and both ends."""
    if len(values) <= most or most < 4:
        return list(values)
    stretches = (most - 2) // 2
    inner = values[1:-1]
    kept: list[float] = [values[0]]
    for i in range(stretches):
        part = inner[i * len(inner) // stretches : (i + 1) * len(inner) // stretches]
        if part:
            low, high = min(part), max(part)
            kept += [low, high] if part.index(low) < part.index(high) else [high, low]
    return [*kept, values[-1]]


def bounds(values: Sequence[float]) -> tuple[float, float]:
    """Return the lowest and highest value with a little air; a flat series gets a band around it."""
    low, high = min(values), max(values)
    if high - low < 1e-12:
        pad = abs(high) * 0.01 or 1.0
        return low - pad, high + pad
    pad = (high - low) * 0.04
    return low - pad, high + pad


def chart(series: Series, width: int, height: int, zone: tzinfo | None, *, dates: bool = True) -> list[Line]:
    """Draw one series with its axes into ``height`` lines of ``width`` cells."""
    if len(series.values) < 2 or height < 2 or width < 20:
        return [(Run(" " * width),)] * max(0, height)
    low, high = bounds(series.values)
    if series.filled:
        low, high = min(low, -1e-4), 0.0
    axis = 1 if dates and height >= 3 else 0
    rows = height - axis
    labels = y_labels(low, high, rows, series.style)
    label_width = max(8, *(len(label) for label in labels))
    plot_width = width - label_width - 2
    drawn = canvas(series.values, plot_width, rows, low, high, filled=series.filled)
    lines: list[Line] = [
        (Run(f"{label:>{label_width}} ", "axis"), Run("┤" if label else "│", "axis"), Run(row, series.tone))
        for label, row in zip(labels, drawn, strict=True)
    ]
    if axis:
        lines.append((Run(" " * (label_width + 2)), Run(x_labels(series.times_ns, plot_width, zone), "axis")))
    return lines


def y_labels(low: float, high: float, rows: int, style: str) -> list[str]:
    """Return one label a row, most of them empty: the edges, and between them about every third row."""
    labels = [""] * rows
    step = 1 if rows <= 2 else 2 if rows <= 5 else 3 if rows <= 12 else 4
    wanted = list(range(0, rows, step))
    if rows - 1 not in wanted:
        wanted = [*wanted[:-1], rows - 1] if rows - 1 - wanted[-1] < 2 and len(wanted) > 1 else [*wanted, rows - 1]
    places = _places(high - low)
    for row in wanted:
        value = high - (high - low) * row / max(1, rows - 1)
        labels[row] = fmt.percent(value, 1, sign=False) if style == "percent" else fmt.thousands(value, places)
    return labels


def _places(span: float) -> int:
    return 0 if span >= 20 else 1 if span >= 2 else 2 if span >= 0.05 else 4


def x_labels(times_ns: Sequence[int], width: int, zone: tzinfo | None) -> str:
    """Write times or dates under the plot, as many as have room, the first and the last at the edges."""
    span = times_ns[-1] - times_ns[0]
    form = "%H:%M" if span <= _DAY_NS else "%d %b" if span <= 300 * _DAY_NS else "%b %Y"
    texts_width = len(fmt.when(times_ns[0], zone).strftime(form)) + 4
    count = max(2, min(8, width // texts_width))
    line = [" "] * width
    end = -2
    for i in range(count):
        at = round(i * (width - 1) / (count - 1))
        text = fmt.when(times_ns[round(i * (len(times_ns) - 1) / (count - 1))], zone).strftime(form)
        start = max(0, min(at - len(text) // 2, width - len(text)))
        if start > end + 1:
            line[start : start + len(text)] = text
            end = start + len(text)
    return "".join(line)[:width]


class ChartView(Painted):
    """The equity curve with its drawdown below, sharing the time axis."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._key: tuple[object, ...] = ()
        self._again: Callable[[], None] | None = None

    def draw(self, upper: Series, lower: Series | None, zone: tzinfo | None, version: object) -> None:
        """Draw the curves unless ``version`` and the size are those of the last time."""
        width, height = self.size.width, self.size.height
        self._again = partial(self.draw, upper, lower, zone, version)
        key = (version, width, height)
        if key == self._key or not width or not height:
            return
        self._key = key
        below = max(3, height // 4) if height >= 7 and lower is not None else 0
        lines = chart(upper, width, height - below, zone, dates=not below)
        if below and lower is not None:
            lines += chart(lower, width, below, zone)
        self.paint(lines)

    def say(self, words: Sequence[str]) -> None:
        """Write words in the middle instead of a curve."""
        self._key, self._again = (), partial(self.say, words)
        blank: list[Line] = [(Run(""),)] * max(0, (self.size.height - len(words)) // 2)
        self.paint(blank + [(Run(word.center(self.size.width), "dim"),) for word in words])

    def on_resize(self) -> None:
        """Draw the same curves in the new size."""
        if self._again:
            self._again()
