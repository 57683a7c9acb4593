"""All trades of one venue's markets: windows over any span, the board now, one market's past.

Holds nothing that could not be computed again: hour summaries and a few hour rectangles are
caches, bounded, and every figure is exact whatever was asked before.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from sigmawatch_simulator.arrays import DAY_MS, HOUR_MINUTES, MINUTE_MS, Flags, Ints
from sigmawatch_simulator.minutes import Minutes, Source
from sigmawatch_simulator.noise import field, mixed
from sigmawatch_simulator.prints import Prints, prints_of
from sigmawatch_simulator.window import Window, join, window_of_minutes, window_of_prints

_RECTANGLES_BYTES_MAX = 24_000_000
_CELL_BYTES = 57
_SUMMARIES_MAX = 80
_MINUTES_MAX = 4
_SPANS_MAX = 4

T = TypeVar("T")


class _Cache(Generic[T]):
    """Computed once, kept while used; full means the longest unused goes."""

    def __init__(self, size_max: int) -> None:
        assert size_max > 0
        self._size_max = size_max
        self._kept: OrderedDict[object, T] = OrderedDict()

    def get(self, key: object, compute: Callable[[], T]) -> T:
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        value = self._kept[key] = compute()
        if len(self._kept) > self._size_max:
            self._kept.popitem(last=False)
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """What a venue's ticker says about every market at one instant; [markets]."""

    now_ms: int
    last: Ints
    bid: Ints
    ask: Ints
    last_size: Ints
    day: Window  # the last 24 hours; open, high, low, close are `last` where nothing traded


class Tape:
    """The trades of one source, seen at a given time."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.size = len(source.markets)
        self._all = np.arange(self.size, dtype=np.int64)
        per_hour = HOUR_MINUTES * self.size * _CELL_BYTES
        hours_max = max(3, min(_RECTANGLES_BYTES_MAX // per_hour, HOUR_MINUTES))
        self._hours: _Cache[Minutes] = _Cache(hours_max)
        self._summaries: _Cache[Window] = _Cache(_SUMMARIES_MAX)
        self._prints: _Cache[tuple[Minutes, Prints]] = _Cache(_MINUTES_MAX)
        self._spans: _Cache[Window] = _Cache(_SPANS_MAX)

    def board(self, now_ms: int) -> Board:
        """Every market at now_ms: trades before that instant have happened."""
        day = self.window(now_ms - DAY_MS, now_ms)
        minute, offset_ms = divmod(now_ms, MINUTE_MS)
        cells, prints = self._minute(minute)
        running = self._inside(minute, to_ms=offset_ms)
        last = np.where(day.count > 0, day.close, cells.open)
        middle = np.where(running.count > 0, running.close, cells.open)
        below, above = _half_spreads(cells, middle)
        none = day.count == 0
        filled = {name: np.where(none, last, getattr(day, name)) for name in _PRICES}
        size = np.where(
            running.count > 0, _last_size(prints, offset_ms), day.volume // np.maximum(day.count, 1)
        )
        return Board(
            now_ms=now_ms,
            last=last,
            bid=np.maximum(middle - below, 1),
            ask=middle + above,
            last_size=np.maximum(size, 1),
            day=Window(volume=day.volume, quote=day.quote, count=day.count, **filled),
        )

    def window(self, from_ms: int, to_ms: int) -> Window:
        """All trades with from_ms <= time < to_ms."""
        assert from_ms <= to_ms
        first, first_ms = divmod(from_ms, MINUTE_MS)
        last, last_ms = divmod(to_ms, MINUTE_MS)
        if first == last:
            return self._inside(first, from_ms=first_ms, to_ms=last_ms)
        closed = self._spans.get((first + 1, last), lambda: self._closed(first + 1, last))
        return join(
            [self._inside(first, from_ms=first_ms), closed, self._inside(last, to_ms=last_ms)]
        )

    def past(self, position: int, minutes: range) -> Minutes:
        """One market's minutes, all of them complete, as [minutes, 1]."""
        return self.source.minutes(np.array([position], dtype=np.int64), minutes)

    def _inside(self, minute: int, *, from_ms: int = 0, to_ms: int = MINUTE_MS) -> Window:
        if from_ms == to_ms:
            return Window.empty(self.size)
        prints = self._minute(minute)[1]
        chosen: Flags = (prints.offset_ms >= from_ms) & (prints.offset_ms < to_ms)
        return window_of_prints(prints, chosen)

    def _minute(self, minute: int) -> tuple[Minutes, Prints]:
        def compute() -> tuple[Minutes, Prints]:
            hour, row = divmod(minute, HOUR_MINUTES)
            cells = self._hour(hour).row(row)
            return cells, prints_of(cells)

        return self._prints.get(minute, compute)

    def _closed(self, first: int, last: int) -> Window:
        """The complete minutes first..last-1."""
        parts = [Window.empty(self.size)]
        minute = first
        while minute < last:
            hour, row = divmod(minute, HOUR_MINUTES)
            stop = min(HOUR_MINUTES, row + last - minute)
            if stop - row == HOUR_MINUTES:
                parts.append(self._summary(hour))
            else:
                parts.append(window_of_minutes(self._hour(hour).span(row, stop)))
            minute += stop - row
        return join(parts)

    def _hour(self, hour: int) -> Minutes:
        span = range(hour * HOUR_MINUTES, (hour + 1) * HOUR_MINUTES)
        return self._hours.get(hour, lambda: self.source.minutes(self._all, span))

    def _summary(self, hour: int) -> Window:
        return self._summaries.get(hour, lambda: window_of_minutes(self._hour(hour)))


_PRICES = ("open", "high", "low", "close")


def _half_spreads(cells: Minutes, middle: Ints) -> tuple[Ints, Ints]:
    """Ticks below and above the middle: 1 to 30 basis points, changing every minute."""
    random = mixed(cells.keys + cells.minute.astype(np.uint64))
    width = 1e-4 * (0.5 + field(cells.keys, 1) ** 3 * 25.0)
    below = middle * width * (0.6 + 0.8 * field(random, 0))
    above = middle * width * (0.6 + 0.8 * field(random, 1))
    return np.floor(below).astype(np.int64), 1 + np.floor(above).astype(np.int64)


def _last_size(prints: Prints, offset_ms: int) -> Ints:
    """Lots of the last trade before the offset."""
    chosen = prints.active & (prints.offset_ms < offset_ms)
    row = chosen.shape[0] - 1 - chosen[::-1].argmax(axis=0)
    column = np.arange(chosen.shape[1])
    volume, count = prints.volume[row, column], np.maximum(prints.count[row, column], 1)
    size: Ints = volume // count
    return size
