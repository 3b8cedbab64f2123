"""Charts: the one module that knows plotext 6.

plotext draws the lines in braille, two by four dots a cell; a series is brought to exactly that resolution first, so that the
line is connected and none of its extremes is lost. Axes, fill and grid are ours: they line up, stay steady and take the
theme's colours.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip

from plugtui.tui.axes import Path, bounds, last_text, resample, time_line, time_ticks, value_texts, value_ticks
from plugtui.tui.widgets.painted import Line, Painted, Run

_BLANK = 0x2800
_LEFT, _RIGHT = (0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08)
"""The bits of a braille cell's two columns, from the lowest dot up."""

_SHALLOW = -0.002
"""An axis of drawdowns reaches at least so far down: nothing is made to look deep that is not."""

_DASH, _GRID = "╌", "┈"
_MARKS = {"in": "▴", "out": "▾"}

Bits = list[list[int]]
"""Braille dots of each cell, row by row from the top."""


@dataclass(frozen=True, slots=True)
class Series:
    """What to plot: x in nanoseconds, y, and how y is written at the axis."""

    times_ns: Sequence[int]
    values: Sequence[float]
    style: str = "number"
    """``number`` or ``percent`` (0.01 is 1 %)."""
    tone: str = "chart"
    filled: bool = False
    """A drawdown: the axis ends at zero, and all between it and the line is filled."""
    base: float | None = None
    """Where it started: a dashed line."""
    shaded: bool = True
    """A quiet fill below the line, or between it and the base."""


@dataclass(frozen=True, slots=True)
class Beside:
    """A second curve over the same axes, dashed, so that it is told apart without colours too."""

    times_ns: Sequence[int]
    values: Sequence[float]
    tone: str = "second"


@dataclass(frozen=True, slots=True)
class Flow:
    """Money paid in or out: a mark at the lower edge."""

    time_ns: int
    paid_in: bool


# ---------------------------------------------------------------- the canvas


def canvas(path: Path, width: int, height: int, low: float, high: float) -> Bits:
    """Draw a path as one connected line into ``width`` × ``height`` cells.

    Args:
        path: (column, value), with two columns a cell.
        low, high: the values of the lowest and the highest row of dots.
    """
    import plotext  # here: it builds its manual at import, which would cost the first paint 0.1 s

    figure = plotext.figure
    plotext.terminal.limit(False, False)
    figure.clear()
    figure.axes(False)
    figure.legend(False)
    figure.ruler([0, 1], [0, 1]).frequency(0)
    # plotext lays its limits on the centres of the outer cells: these make one unit one dot.
    figure.ruler(0, [0, 1]).lim(0.5, 2 * width - 1.5)
    figure.ruler(1, [0, 1]).lim(1.5, 4 * height - 2.5)
    figure.plot_size(width, height)
    scale = (4 * height - 1) / (high - low)
    dots = corners([(column, max(0, min(4 * height - 1, round((value - low) * scale)))) for column, value in path])
    signal = figure.signal([x for x, _ in dots], [y for _, y in dots], marker="braille").lines(True)
    figure.draw(signal.density("full", "line"))
    rows = figure.build().string(True).split("\n")[:height]
    found = [
        [max(0, ord(cell) - _BLANK) if cell > "\u2800" else 0 for cell in row[:width].ljust(width)] for row in rows
    ]
    return found + [[0] * width for _ in range(height - len(found))]


def corners(dots: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Leave out what lies on the straight line between its neighbours: each point costs plotext twenty microseconds."""
    kept: list[tuple[int, int]] = []
    for dot in dots:
        while len(kept) > 1:
            (x0, y0), (x1, y1) = kept[-2:]
            along = (x1 - x0) * (dot[0] - x1) + (y1 - y0) * (dot[1] - y1)
            if (x1 - x0) * (dot[1] - y1) != (y1 - y0) * (dot[0] - x1) or along < 0:
                break
            kept.pop()
        if not kept or kept[-1] != dot:
            kept.append(dot)
    return kept


def fill_down(line: Bits) -> Bits:
    """Return the dots below a line."""
    return _fill(line, below=True)


def fill_up(line: Bits) -> Bits:
    """Return the dots above a line."""
    return _fill(line, below=False)


def _fill(line: Bits, *, below: bool) -> Bits:
    rows = range(len(line)) if below else range(len(line) - 1, -1, -1)
    filled = [[0] * len(row) for row in line]
    for cell in range(len(line[0]) if line else 0):
        for column in (_LEFT, _RIGHT):
            whole, inside = sum(column), False
            ordered = column[::-1] if below else column
            for row in rows:
                edge = line[row][cell] & whole
                if not edge:
                    filled[row][cell] |= whole if inside else 0
                    continue
                for dot in ordered:
                    if edge & dot:
                        inside = True
                    elif inside:
                        filled[row][cell] |= dot
    return filled


def _dashed(bits: Bits) -> Bits:
    return [[dots if cell % 4 else 0 for cell, dots in enumerate(row)] for row in bits]


# ---------------------------------------------------------------- a chart


def chart(
    series: Series,
    width: int,
    height: int,
    zone: tzinfo | None,
    *,
    dates: bool = True,
    beside: Beside | None = None,
    flows: Sequence[Flow] = (),
    label_width: int = 0,
) -> list[Line]:
    """Draw one series with its axes into ``height`` lines of ``width`` cells.

    Args:
        dates: the lowest line is the time axis.
        beside: a second curve in the same unit.
        flows: marked at the lower edge.
        label_width: of the value axis, at least: charts above each other share their time axis.
    """
    if len(series.values) < 2 or height < 2 or width < 20:
        return [(Run(" " * max(0, width)),)] * max(0, height)
    rows = height - 1 if dates and height >= 3 else height
    low, high = _limits(series, beside)
    ticks = value_ticks(low, high, rows)
    texts = value_texts(ticks, series.style)
    last = last_text(series.values[-1], low, high, series.style)
    label_width = max(label_width, axis_width(series, beside, rows))
    plot_width = width - label_width
    first_ns, last_ns = series.times_ns[0], series.times_ns[-1]
    layers = _layers(series, beside, plot_width, rows, low, high)
    labels = dict(zip((_row(tick, rows, low, high) for tick in ticks), texts, strict=True))
    backs = dict.fromkeys(labels, _GRID)
    if series.base is not None and low < series.base < high:
        backs[_row(series.base, rows, low, high)] = _DASH
    marks = {_cell(flow, first_ns, last_ns, plot_width): _MARKS["in" if flow.paid_in else "out"] for flow in flows}
    last_row = _row(series.values[-1], rows, low, high)
    lines: list[Line] = []
    for row in range(rows):
        runs = _row_runs(
            [(tone, bits[row]) for tone, bits in layers], backs.get(row, ""), marks if row == rows - 1 else {}
        )
        if row == last_row:
            label = Run(f"{last:>{label_width - 1}} ", "fall" if series.filled else "mark")
        else:
            label = Run(f"{labels.get(row, ''):>{label_width - 1}} ", "axis")
        lines.append((*runs, label))
    if rows < height:
        text = time_line(time_ticks(first_ns, last_ns, plot_width, zone), plot_width)
        lines.append((Run(text + " " * label_width, "axis"),))
    return lines


def axis_width(series: Series, beside: Beside | None, rows: int) -> int:
    """Return how many cells the labels of the value axis take."""
    low, high = _limits(series, beside)
    texts = value_texts(value_ticks(low, high, rows), series.style)
    last = last_text(series.values[-1], low, high, series.style)
    return max(7, *(len(text) for text in (*texts, last))) + 2


def _limits(series: Series, beside: Beside | None) -> tuple[float, float]:
    values = [*series.values, *(beside.values if beside else ())]
    if series.base is not None:
        values.append(series.base)
    if series.filled:
        return min(min(values) * 1.03, _SHALLOW), 0.0
    return bounds(values)


def _layers(
    series: Series, beside: Beside | None, width: int, rows: int, low: float, high: float
) -> list[tuple[str, Bits]]:
    """Return (tone, dots) of what is drawn, the uppermost first."""
    first_ns, last_ns = series.times_ns[0], series.times_ns[-1]
    own = canvas(resample(series.times_ns, series.values, first_ns, last_ns, 2 * width), width, rows, low, high)
    if series.filled:
        inside = fill_up(own)
        edge = [[a | b if a else 0 for a, b in zip(*pair, strict=True)] for pair in zip(own, inside, strict=True)]
        return [(series.tone, edge), ("fall-fill", inside)]
    layers = [(series.tone, own)]
    if beside is not None and len(beside.values) > 1:
        path = resample(beside.times_ns, beside.values, first_ns, last_ns, 2 * width)
        layers.append((beside.tone, _dashed(canvas(path, width, rows, low, high))))
    if series.shaded:
        at = None if series.base is None or not low < series.base < high else _row(series.base, rows, low, high)
        layers.append(("chart-fill", fill_down(own) if at is None else _fill_to(own, at)))
    return layers


def _fill_to(line: Bits, row: int) -> Bits:
    """Return the dots between a line and a row of cells, without that row."""
    below, above = fill_down(line), fill_up(line)
    return [*below[:row], [0] * len(line[row]), *above[row + 1 :]]


def _row(value: float, rows: int, low: float, high: float) -> int:
    return rows - 1 - max(0, min(4 * rows - 1, round((value - low) / (high - low) * (4 * rows - 1)))) // 4


def _cell(flow: Flow, first_ns: int, last_ns: int, width: int) -> int:
    return round((flow.time_ns - first_ns) / max(1, last_ns - first_ns) * (width - 1))


def _row_runs(layers: Sequence[tuple[str, Sequence[int]]], back: str, marks: dict[int, str]) -> list[Run]:
    """Join the cells of one row to stretches of one tone; of several layers the uppermost is seen."""
    runs: list[Run] = []
    text, tone = "", ""
    for cell in range(len(layers[0][1])):
        glyph, colour = (back or " "), ("axis" if back == _DASH else "line" if back else "")
        for name, row in layers:
            if row[cell] and not (back == _DASH and name.endswith("-fill")):
                glyph, colour = chr(_BLANK + row[cell]), name
                break
        if cell in marks:
            glyph, colour = marks[cell], "accent"
        if colour != tone and text:
            runs.append(Run(text, tone))
            text = ""
        text, tone = text + glyph, colour
    return [*runs, Run(text, tone)]


class ChartView(Painted):
    """The equity curve with its drawdown below, sharing the time axis; a point of it can be read."""

    class Pointed(Message):
        """The reader points at another moment, or at none any more."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._key: tuple[object, ...] = ()
        self._again: Callable[[], None] | None = None
        self._span = (0, 0)
        self._plot_width = 0
        self._pointer: int | None = None

    def draw(
        self,
        upper: Series,
        lower: Series | None,
        zone: tzinfo | None,
        version: object,
        *,
        beside: Beside | None = None,
        flows: Sequence[Flow] = (),
    ) -> None:
        """Draw the curves unless ``version`` and the size are those of the last time."""
        width, height = self.size.width, self.size.height
        self._again = partial(self.draw, upper, lower, zone, version, beside=beside, flows=flows)
        key = (version, width, height)
        if key == self._key or not width or not height:
            return
        self._key = key
        lines = two_charts(upper, lower, width, height, zone, beside=beside, flows=flows)
        self._span = (upper.times_ns[0], upper.times_ns[-1]) if len(upper.times_ns) > 1 else (0, 0)
        self._plot_width = width - len(lines[0][-1].text) if lines and len(lines[0]) > 1 else 0
        self.paint(lines)

    def say(self, words: Sequence[str]) -> None:
        """Write words in the middle instead of a curve."""
        self._key, self._again, self._plot_width = (), partial(self.say, words), 0
        blank: list[Line] = [(Run(""),)] * max(0, (self.size.height - len(words)) // 2)
        self.paint(blank + [(Run(word.center(self.size.width), "dim"),) for word in words])

    def on_resize(self) -> None:
        """Draw the same curves in the new size."""
        if self._again:
            self._again()

    # ------------------------------------------------------------ reading a point

    @property
    def pointed_ns(self) -> int | None:
        """The moment that is pointed at."""
        if self._pointer is None or self._plot_width < 2:
            return None
        first_ns, last_ns = self._span
        return first_ns + round(
            (last_ns - first_ns) * min(self._pointer, self._plot_width - 1) / (self._plot_width - 1)
        )

    def point(self, cell: int | None) -> None:
        """Point at a cell of the plot; ``None``: at none."""
        inside = cell is not None and 0 <= cell < self._plot_width
        new = cell if inside else None
        if new != self._pointer:
            self._pointer = new
            self.refresh()
            self.post_message(self.Pointed())

    def step(self, by: int) -> None:
        """Point at the next cell; from none, at the newest value."""
        at = self._plot_width - 1 if self._pointer is None else self._pointer + by
        self.point(max(0, min(self._plot_width - 1, at)))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Point at what the mouse is over."""
        offset = event.get_content_offset(self)
        self.point(offset.x if offset else None)

    def on_leave(self) -> None:
        """Point at nothing when the mouse has gone."""
        self.point(None)

    def render_line(self, y: int) -> Strip:
        """Draw one line, through which the pointer's line may go."""
        strip = super().render_line(y)
        at = self._pointer
        # The lowest line is the time axis.
        if at is None or at >= self._plot_width or y >= len(self._lines) - 1:
            return strip
        return Strip.join([strip.crop(0, at), Strip([Segment("│", self.tone("strong"))]), strip.crop(at + 1)])


def two_charts(
    upper: Series,
    lower: Series | None,
    width: int,
    height: int,
    zone: tzinfo | None,
    *,
    beside: Beside | None = None,
    flows: Sequence[Flow] = (),
) -> list[Line]:
    """Draw a curve, and where there is room another below it on the same time axis."""
    below = max(3, height // 4) if height >= 8 and lower is not None and len(lower.values) > 1 else 0
    if not below or lower is None:
        return chart(upper, width, height, zone, beside=beside, flows=flows)
    labels = 0
    if len(upper.values) > 1:
        labels = max(axis_width(upper, beside, height - below), axis_width(lower, None, below - 1))
    lines = chart(upper, width, height - below, zone, dates=False, beside=beside, flows=flows, label_width=labels)
    return lines + chart(lower, width, below, zone, label_width=labels)
