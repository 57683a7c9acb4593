"""What a venue remembers of one market at a given time: its candles and its trades.

They agree with each other and with the ticker: a candle's volume is the sum of its trades.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sigmawatch_simulator.arrays import DAY_MINUTES, MINUTE_MS
from sigmawatch_simulator.candles import Candles, carried, in_steps, until
from sigmawatch_simulator.market import Market
from sigmawatch_simulator.minutes import Minutes
from sigmawatch_simulator.noise import bits
from sigmawatch_simulator.prints import prints_of
from sigmawatch_simulator.tape import Tape

HISTORY_MINUTES_MAX = 45 * DAY_MINUTES  # older minutes are not answered
_CARRY_MINUTES = 240  # the quietest market trades this often
_TRADE_IDS_PER_MINUTE = 8_192
_MINUTES_PER_STEP = 240
_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A run of intervals: the opens first_ms, first_ms + step_ms ... before end_ms."""

    first_ms: int
    end_ms: int
    step_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One trade of one market; ids grow with time but are not consecutive over minutes."""

    id: int
    time_ns: int
    price: int  # ticks
    size: int  # lots
    is_buy: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One market's past, seen at now_ms."""

    tape: Tape
    market: Market
    position: int
    now_ms: int

    def candles(self, span: Span) -> Candles:
        """The candles of a span, cut at now and at the end of the venue's memory."""
        step = span.step_ms // MINUTE_MS
        now_minute = self.now_ms // MINUTE_MS
        first = max(span.first_ms // MINUTE_MS, now_minute - HISTORY_MINUTES_MAX)
        first -= first % step
        stop = -(-min(span.end_ms, self.now_ms + 1) // span.step_ms) * step
        if stop <= first:
            return Candles.none()
        last = min(stop - 1, now_minute)
        cells = self._minutes(range(first - _CARRY_MINUTES, last + 1))
        if last == now_minute:
            cells = until(cells, self.now_ms % MINUTE_MS)
        return in_steps(carried(cells), step, skip=_CARRY_MINUTES)

    def latest_trades(self, count: int) -> list[Trade]:
        """The last `count` trades, oldest first; fewer after a long silence."""
        assert count > 0
        now_minute = self.now_ms // MINUTE_MS
        found: list[Trade] = []
        for back in (2, 30, 240, DAY_MINUTES, 5 * DAY_MINUTES):
            found = list(self._trades(range(now_minute - back, now_minute + 1)))
            if len(found) >= count:
                break
        return found[-count:]

    def next_trades(self, since_ns: int, count: int) -> list[Trade]:
        """The first `count` trades after since_ns, oldest first."""
        now_minute = self.now_ms // MINUTE_MS
        minute = max(since_ns // (MINUTE_MS * _NS_PER_MS), now_minute - HISTORY_MINUTES_MAX)
        found: list[Trade] = []
        while minute <= now_minute and len(found) < count:
            stop = min(minute + _MINUTES_PER_STEP, now_minute + 1)
            found += [t for t in self._trades(range(minute, stop)) if t.time_ns > since_ns]
            minute = stop
        return found[:count]

    def _minutes(self, minutes: range) -> Minutes:
        return self.tape.past(self.position, minutes).column(0)

    def _trades(self, minutes: range) -> Iterator[Trade]:
        """Every trade of these minutes before now, oldest first."""
        if not minutes:
            return
        cells = self._minutes(minutes)
        prints = prints_of(cells)
        before = np.cumsum(prints.count, axis=0) - prints.count
        sides = bits(cells.keys, cells.minute)[:, 0].tolist()
        for cell, row in np.argwhere(prints.count.T > 0).tolist():
            minute = int(cells.minute[cell])
            first = Trade(
                id=minute * _TRADE_IDS_PER_MINUTE + int(before[row, cell]),
                time_ns=(minute * MINUTE_MS + int(prints.offset_ms[row, cell])) * _NS_PER_MS,
                price=int(prints.price[row, cell]),
                size=0,
                is_buy=bool(sides[cell] >> row & 1),
            )
            if first.time_ns < self.now_ms * _NS_PER_MS:
                volume, count = int(prints.volume[row, cell]), int(prints.count[row, cell])
                yield from _split(first, volume, count=count)


def _split(first: Trade, volume: int, *, count: int) -> Iterator[Trade]:
    """The trades of one print: equal sizes, the first takes the remainder; a microsecond apart."""
    size, rest = divmod(volume, count)
    for number in range(count):
        yield Trade(
            id=first.id + number,
            time_ns=first.time_ns + number * 1_000,
            price=first.price,
            size=size + (rest if number == 0 else 0),
            is_buy=first.is_buy,
        )
