"""What happens at one venue from moment to moment, for its stream: trades in the order of time.

The same tape as REST. Only here are trades numbered one after the other, as streams do, counted
from a few minutes before a market was first asked for; every connection sees the same numbers.
"""

from dataclasses import dataclass, replace

from sigmawatch_simulator.arrays import MINUTE_MS
from sigmawatch_simulator.market import Market
from sigmawatch_simulator.past import Trade
from sigmawatch_simulator.tape import Board
from sigmawatch_simulator.venues.stage import Stage

_NS_PER_MS = 1_000_000
_BEFORE_MINUTES = 10
_KEPT_MINUTES = 30
_FIRST_NUMBER = 1_000_000


@dataclass(slots=True)
class _Line:
    """One market's trades by minute, and the number of the next one."""

    next_minute: int
    next_number: int
    minutes: dict[int, list[Trade]]


class Feed:
    """The trades and boards of one stage."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.markets: tuple[Market, ...] = stage.markets
        self._lines: dict[int, _Line] = {}
        self._board: Board | None = None

    def board(self, now_ms: int) -> Board:
        """Every market's figures at this instant."""
        if self._board is None or self._board.now_ms != now_ms:
            self._board = self.stage.tape.board(now_ms)
        return self._board

    def trades(self, position: int, *, after_ms: int, to_ms: int) -> list[Trade]:
        """The trades with after_ms <= time < to_ms, numbered, oldest first; at most half an hour
        of them."""
        if to_ms <= after_ms:
            return []
        minutes = self._told(position, until_minute=(to_ms - 1) // MINUTE_MS)
        first, last = after_ms // MINUTE_MS, (to_ms - 1) // MINUTE_MS
        return [
            trade
            for minute in range(max(first, last - _KEPT_MINUTES), last + 1)
            for trade in minutes.get(minute, ())
            if after_ms * _NS_PER_MS <= trade.time_ns < to_ms * _NS_PER_MS
        ]

    def latest(self, position: int, *, now_ms: int, count: int) -> list[Trade]:
        """The newest `count` trades, oldest first; fewer where a market is quiet."""
        after_ms = now_ms - _BEFORE_MINUTES * MINUTE_MS
        return self.trades(position, after_ms=after_ms, to_ms=now_ms)[-count:]

    def _told(self, position: int, *, until_minute: int) -> dict[int, list[Trade]]:
        line = self._lines.get(position)
        if line is None:
            line = self._lines[position] = _Line(until_minute - _BEFORE_MINUTES, _FIRST_NUMBER, {})
        while line.next_minute <= until_minute:
            minute, line.next_minute = line.next_minute, line.next_minute + 1
            line.minutes[minute] = self._numbered(position, minute, line=line)
            line.minutes.pop(minute - _KEPT_MINUTES - _BEFORE_MINUTES, None)
        return line.minutes

    def _numbered(self, position: int, minute: int, *, line: _Line) -> list[Trade]:
        past = self.stage.scene((minute + 1) * MINUTE_MS).past(position)
        made = past.next_trades(minute * MINUTE_MS * _NS_PER_MS - 1, 1_000_000)
        numbered = [replace(trade, id=line.next_number + at) for at, trade in enumerate(made)]
        line.next_number += len(numbered)
        return numbered
