"""Candles and trades of one market, as its venue remembers them at a given time.

The candle of the running interval holds what has traded so far. Intervals align to the epoch.
"""

from dataclasses import dataclass

import numpy as np

from sigmawatch_simulator.arrays import DAY_MINUTES, MINUTE_MS, Flags, Ints
from sigmawatch_simulator.minutes import Minutes
from sigmawatch_simulator.noise import bits, field
from sigmawatch_simulator.prints import Prints, prints_of
from sigmawatch_simulator.tape import Tape
from sigmawatch_simulator.window import Window, window_of_prints

HISTORY_MINUTES_MAX = 45 * DAY_MINUTES  # older minutes are not answered
_CARRY_MINUTES = 240  # the quietest market trades this often
_TRADE_IDS_PER_MINUTE = 8_192


@dataclass(frozen=True, slots=True, kw_only=True)
class Candles:
    """[candles], oldest first, no interval left out; count 0 where nothing traded.

    There the prices repeat the last close, volume and quote are 0.
    """

    open_ms: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints
    quote: Ints
    count: Ints

    def traded(self) -> "Candles":
        """Only the intervals in which something traded."""
        return self.at(self.count > 0)

    def at(self, chosen: Flags | slice) -> "Candles":
        return Candles(**{name: getattr(self, name)[chosen] for name in _FIELDS})


_PRICES = ("open", "high", "low", "close")
_SUMS = ("volume", "quote", "count")
_FIELDS = ("open_ms", *_PRICES, *_SUMS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One trade of one market; ids grow with time but are not consecutive over minutes."""

    id: int
    time_ns: int
    price: int  # ticks
    size: int  # lots
    is_buy: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A run of intervals: the opens first_ms, first_ms + step_ms ... before end_ms."""

    first_ms: int
    end_ms: int
    step_ms: int


def candles_of(tape: Tape, position: int, span: Span, *, now_ms: int) -> Candles:
    """The candles of a span, cut at now and at the end of the venue's memory."""
    step = span.step_ms // MINUTE_MS
    now_minute = now_ms // MINUTE_MS
    oldest_ms = (now_minute - HISTORY_MINUTES_MAX) * MINUTE_MS
    first = _floor(max(span.first_ms, oldest_ms), span.step_ms) // MINUTE_MS
    stop = -(-min(span.end_ms, now_ms + 1) // span.step_ms) * step
    if stop <= first:
        return Candles(**{name: np.zeros(0, dtype=np.int64) for name in _FIELDS})
    last = min(stop - 1, now_minute)
    cells = tape.past(position, first - _CARRY_MINUTES, last).column(0)
    if last == now_minute:
        cells = _until(cells, now_ms % MINUTE_MS)
    return _in_steps(_carried(cells), _CARRY_MINUTES, step)


def trades_of(tape: Tape, position: int, first_minute: int, *, now_ms: int) -> list[Trade]:
    """Every trade from the first minute on, before now_ms, oldest first."""
    last_minute = now_ms // MINUTE_MS
    return [
        trade
        for trade in _trades(tape, position, first_minute, last_minute)
        if trade.time_ns < now_ms * 1_000_000
    ]


def latest_trades(tape: Tape, position: int, count: int, *, now_ms: int) -> list[Trade]:
    """The last `count` trades before now_ms, oldest first; fewer after a long silence."""
    assert count > 0
    found: list[Trade] = []
    for back in (4, 60, 480, DAY_MINUTES, 5 * DAY_MINUTES):
        found = trades_of(tape, position, now_ms // MINUTE_MS - back, now_ms=now_ms)
        if len(found) >= count:
            break
    return found[-count:]


def next_trades(tape: Tape, position: int, since_ns: int, count: int, *, now_ms: int) -> list[Trade]:
    """The first `count` trades after since_ns, oldest first."""
    oldest = now_ms // MINUTE_MS - HISTORY_MINUTES_MAX
    minute = max(since_ns // (MINUTE_MS * 1_000_000), oldest)
    found: list[Trade] = []
    while minute <= now_ms // MINUTE_MS and len(found) < count:
        stop = min(minute + 240, now_ms // MINUTE_MS)
        more = _trades(tape, position, minute, stop)
        found += [t for t in more if since_ns < t.time_ns < now_ms * 1_000_000]
        minute = stop + 1
    return found[:count]


def _trades(tape: Tape, position: int, first_minute: int, last_minute: int) -> list[Trade]:
    cells = tape.past(position, first_minute, last_minute).column(0)
    prints = prints_of(cells)
    sides = bits(cells.keys, cells.minute)[:, 0]
    rows = np.argwhere(prints.count.T > 0)  # by minute, then by print
    trades: list[Trade] = []
    for cell, row in rows.tolist():
        is_buy = bool(field(sides[cell : cell + 1] >> np.uint64(row), 0)[0] < 0.5)
        trades += _split(prints, (row, cell), int(cells.minute[cell]), is_buy)
    return trades


def _split(prints: Prints, at: tuple[int, int], minute: int, is_buy: bool) -> list[Trade]:
    """The trades of one print: equal sizes, the first takes the remainder; a microsecond apart."""
    row, cell = at
    count, volume = int(prints.count[at]), int(prints.volume[at])
    before = int(prints.count[:row, cell].sum())
    time_ms = minute * MINUTE_MS + int(prints.offset_ms[at])
    size, rest = divmod(volume, count)
    return [
        Trade(
            id=minute * _TRADE_IDS_PER_MINUTE + before + n,
            time_ns=time_ms * 1_000_000 + n * 1_000,
            price=int(prints.price[at]),
            size=size + (rest if n == 0 else 0),
            is_buy=is_buy,
        )
        for n in range(count)
    ]


def _floor(time_ms: int, step_ms: int) -> int:
    return time_ms - time_ms % step_ms


def _until(cells: Minutes, offset_ms: int) -> Minutes:
    """The same minutes, the last one holding only what traded before the offset."""
    final = cells.span(cells.minute.size - 1, cells.minute.size)
    prints = prints_of(final)
    part: Window = window_of_prints(prints, prints.offset_ms < offset_ms)
    whole = {name: getattr(cells, name).copy() for name in (*_PRICES, *_SUMS)}
    if part.count[0] == 0:
        for name in _PRICES:
            whole[name][-1] = cells.open[-1]
    else:
        for name in _PRICES:
            whole[name][-1] = getattr(part, name)[0]
    for name in _SUMS:
        whole[name][-1] = getattr(part, name)[0]
    return Minutes(
        keys=cells.keys,
        minute=cells.minute,
        quote_scale=cells.quote_scale,
        dip_first=cells.dip_first,
        **whole,
    )


def _carried(cells: Minutes) -> Candles:
    """Minute candles whose quiet minutes repeat the last close."""
    traded = cells.count > 0
    latest = np.maximum.accumulate(np.where(traded, np.arange(traded.size), -1))
    carry = np.where(latest >= 0, cells.close[latest], cells.open)
    prices = {name: np.where(traded, getattr(cells, name), carry) for name in _PRICES}
    sums = {name: np.where(traded, getattr(cells, name), 0) for name in _SUMS}
    return Candles(open_ms=cells.minute * MINUTE_MS, **prices, **sums)


def _in_steps(minutes: Candles, skip: int, step: int) -> Candles:
    """Candles of `step` minutes; the first `skip` minutes are history only."""
    starts = np.arange(skip, minutes.open_ms.size, step)
    if step == 1:
        return minutes.at(slice(skip, None))
    traded = minutes.count > 0
    carry = minutes.close[starts - 1]
    some = np.add.reduceat(minutes.count, starts) > 0
    rows = np.arange(traded.size)
    first = np.minimum.reduceat(np.where(traded, rows, traded.size - 1), starts)
    last = np.maximum.reduceat(np.where(traded, rows, 0), starts)
    low = np.where(traded, minutes.low, np.int64(2**62))
    high = np.where(traded, minutes.high, 0)
    return Candles(
        open_ms=minutes.open_ms[starts],
        open=np.where(some, minutes.open[first], carry),
        high=np.where(some, np.maximum.reduceat(high, starts), carry),
        low=np.where(some, np.minimum.reduceat(low, starts), carry),
        close=np.where(some, minutes.close[last], carry),
        volume=np.add.reduceat(minutes.volume, starts),
        quote=np.add.reduceat(minutes.quote, starts),
        count=np.add.reduceat(minutes.count, starts),
    )
