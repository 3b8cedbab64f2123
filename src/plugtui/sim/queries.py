"""Market data of the past and present as REST shows it: bars, trades, quotes, snapshots (protocol §3.8)."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from plugtui.sim.bars import Sums, bar_fields, bucket, regroup
from plugtui.sim.history import PastDay
from plugtui.sim.market import Market
from plugtui.sim.tape import Line
from plugtui.wire.channels import Family
from plugtui.wire.messages import DataMessage
from plugtui.wire.times import ns_to_rfc3339

Item = tuple[int, dict[str, Any]]
"""(time, message without ``T`` and ``S``)."""

INTRADAY = ("Min", "Hour")


class Queries:
    """Answer from the generated past and the newest messages of the live market."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def known(self, symbol: str, crypto: bool) -> bool:
        """Tell whether a stock, or a crypto pair, of that symbol trades here."""
        line = self._market.lines.get(symbol)
        return line is not None and (line.family is Family.CRYPTO) is crypto

    # ------------------------------------------------------------ series, oldest first

    def bars(self, symbol: str, amount: int, unit: str, start_ns: int, end_ns: int) -> Iterator[Item]:
        """Yield the bars that start in ``[start_ns, end_ns]``; the running minute is not shown, the running day is."""
        line = self._market.lines[symbol]
        start_of = bucket(amount, unit, line.family is Family.CRYPTO)
        first = start_of(start_ns)
        rows = self._minutes(line, first, end_ns) if unit in INTRADAY else iter(self._days(line, first, end_ns))
        for at_ns, sums in _grouped(rows, start_of):
            if start_ns <= at_ns <= end_ns:
                yield at_ns, self._bar(line, at_ns, sums)

    def trades(self, symbol: str, start_ns: int, end_ns: int) -> Iterator[Item]:
        """Yield trades: all of the generated past, and the newest of the live market."""
        line = self._market.lines[symbol]
        for day in self._market.history.past_days(symbol, start_ns, end_ns):
            for index, at_ns in enumerate(day.times):
                if start_ns <= at_ns <= end_ns:
                    yield at_ns, _past_trade(line, day, index)
        for message, fate in list(line.trades):
            if start_ns <= message.t.ns <= end_ns:
                shown = _plain(message)
                yield message.t.ns, shown | {"u": fate} if fate else shown

    def quotes(self, symbol: str, start_ns: int, end_ns: int) -> Iterator[Item]:
        """Yield quotes: one before each trade of the generated past, and the newest of the live market."""
        line = self._market.lines[symbol]
        for day in self._market.history.past_days(symbol, start_ns, end_ns):
            for index, at_ns in enumerate(day.times):
                if start_ns <= at_ns - 1 <= end_ns:
                    yield at_ns - 1, _past_quote(line, day, index)
        for message in list(line.quotes):
            if start_ns <= message.t.ns <= end_ns:
                yield message.t.ns, _plain(message)

    # ------------------------------------------------------------ the newest

    def latest(self, kind: str, symbol: str, now_ns: int) -> dict[str, Any] | None:
        """Return the newest of ``trades``, ``quotes``, ``bars`` or ``orderbooks``."""
        line = self._market.lines[symbol]
        match kind:
            case "trades":
                return _plain(line.trades[-1][0]) if line.trades else self._past_trade(line)
            case "quotes":
                return _plain(line.quotes[-1])
            case "orderbooks":
                book = self._market.book(symbol, now_ns)
                return None if book is None else _plain(book, "r")
            case _:
                at_ns, sums = line.rows[-1] if line.rows else self._last_day(line).minutes()[-1]
                return self._bar(line, at_ns, sums)

    def snapshot(self, symbol: str, now_ns: int) -> dict[str, Any]:
        """Return the newest trade, quote, minute and day, and the day before."""
        line = self._market.lines[symbol]
        days = self._days(line, now_ns - 15 * 86_400 * 10**9, now_ns)
        return {
            "latestTrade": self.latest("trades", symbol, now_ns),
            "latestQuote": self.latest("quotes", symbol, now_ns),
            "minuteBar": self.latest("bars", symbol, now_ns),
            "dailyBar": self._bar(line, *days[-1]),
            "prevDailyBar": self._bar(line, *days[-2]),
        }

    # ------------------------------------------------------------ rows

    def _minutes(self, line: Line, start_ns: int, end_ns: int) -> Iterator[tuple[int, Sums]]:
        for day in self._market.history.past_days(line.symbol, start_ns, end_ns):
            for row in day.minutes():
                if start_ns <= row[0] <= end_ns:
                    yield row
        yield from [row for row in line.rows if start_ns <= row[0] <= end_ns]

    def _days(self, line: Line, start_ns: int, end_ns: int) -> list[tuple[int, Sums]]:
        rows = self._market.history.daily(line.symbol, start_ns, end_ns)
        rows += [row for row in line.days if start_ns <= row[0] <= end_ns]
        today = line.today()
        if today and start_ns <= line.day_ns <= end_ns:
            rows.append((line.day_ns, today))
        return rows

    def _last_day(self, line: Line) -> PastDay:
        return next(self._market.history.past_days(line.symbol, 0, line.day_ns, newest_first=True))

    def _past_trade(self, line: Line) -> dict[str, Any]:
        day = self._last_day(line)
        return _past_trade(line, day, len(day.times) - 1)

    @staticmethod
    def _bar(line: Line, at_ns: int, sums: Sums) -> dict[str, Any]:
        return {"t": ns_to_rfc3339(at_ns), **bar_fields(sums, line.profile.scale, line.profile.unit)}


def _grouped(rows: Iterable[tuple[int, Sums]], start_of: Any) -> Iterator[tuple[int, Sums]]:
    """Join rows lazily, one group at a time."""
    group: list[tuple[int, Sums]] = []
    for row in rows:
        if group and start_of(row[0]) != start_of(group[0][0]):
            yield from regroup(group, start_of)
            group = []
        group.append(row)
    yield from regroup(group, start_of)


def _plain(message: DataMessage, *without: str) -> dict[str, Any]:
    fields = msgspec.structs.asdict(message)
    shown = {name.rstrip("_"): value for name, value in fields.items() if name != "S" and name not in without}
    shown["t"] = ns_to_rfc3339(message.t.ns)
    for side in ("b", "a"):
        if isinstance(shown.get(side), list):
            shown[side] = [msgspec.structs.asdict(level) for level in shown[side]]
    return shown


def _past_trade(line: Line, day: PastDay, index: int) -> dict[str, Any]:
    profile, price, size = line.profile, day.prices[index], day.sizes[index]
    shown = {"t": ns_to_rfc3339(day.times[index]), "p": price / profile.scale, "i": index + 1}
    if line.family is Family.CRYPTO:
        return shown | {"s": size / profile.unit, "tks": "BS"[size % 2]}
    regular = "@" if profile.instrument.tape == "C" else " "
    conditions = [regular] if size >= 100 else [regular, "I"]
    return shown | {"s": size, "x": "VQPKZN"[size % 6], "c": conditions, "z": profile.instrument.tape}


def _past_quote(line: Line, day: PastDay, index: int) -> dict[str, Any]:
    profile, price, size = line.profile, day.prices[index], day.sizes[index]
    bid = max(profile.step, price - profile.step * (index % 2))
    shown = {
        "t": ns_to_rfc3339(day.times[index] - 1),
        "bp": bid / profile.scale,
        "ap": (bid + profile.step) / profile.scale,
    }
    if line.family is Family.CRYPTO:
        return shown | {"bs": size / profile.unit, "as": size / profile.unit}
    lots = (size // 100 + 1) * 100
    return shown | {"bx": "Q", "ax": "P", "bs": lots, "as": lots, "c": ["R"], "z": profile.instrument.tape}
