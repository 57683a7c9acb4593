"""One table as it is told: its sheet, and the last beats that led there.

A table is a page of one metric's series, ranked by one key, over one window, of one watchlist or of
all. Whenever something of it has changed it makes a beat: a delta, and what else is new. Beats are
numbered in a row; they are encoded and compressed once, and kept for readers who were cut off for
a moment: BEATS_MAX of them, BEATS_BYTES at most. While the rows are the same series the table has
one epoch; with others it begins a new one, and so does another program.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from sigmawatch.app.fail_over import markets_of
from sigmawatch.app.moments import rfc3339
from sigmawatch.app.streaming.payloads import Delta
from sigmawatch.app.streaming.wire import Piece, event, joined
from sigmawatch.domain.caller import Caller, Scope
from sigmawatch.domain.rank_column import Standing
from sigmawatch.domain.series import Series
from sigmawatch.engine.freshness import State
from sigmawatch.engine.geometry import Rows
from sigmawatch.engine.sheet import AnyColumn, Sheet, changes, sheet_of
from sigmawatch.engine.snapshot import Board, Snapshot

ROWS_MAX = 5_000  # of a page
BEATS_MAX = 120
BEATS_BYTES = 4_000_000
STATES = tuple(state.name.lower() for state in State)
_RANKS = {"rank", "rank_1h_ago"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which table. page: counted from 1."""

    standing: Standing
    watchlist: str | None = None
    page: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Something beside the table. scope: who may not read that is not told."""

    piece: Piece
    scope: Scope
    owner_id: int | None = None

    def concerns(self, caller: Caller) -> bool:
        return caller.may(self.scope) and caller.sees(self.owner_id)


class Beat:
    """What is told at once."""

    def __init__(self, sequence: int, *, delta: Piece, news: Sequence[News]) -> None:
        self.sequence = sequence
        self._delta, self._news = delta, tuple(news)
        self._wires: dict[tuple[bool, ...], bytes] = {}

    @property
    def size(self) -> int:
        return len(self._delta.plain) + len(self._delta.packed)

    def wire(self, caller: Caller, *, packed: bool) -> bytes:
        """As `caller` is told it; made once for all who are told the same. The delta is last: its
        id says that all of the beat has come."""
        told = tuple(news.concerns(caller) for news in self._news)
        kind = (packed, *told)
        if kind not in self._wires:
            heard = [one.piece for one, mine in zip(self._news, told, strict=True) if mine]
            self._wires[kind] = joined([*heard, self._delta], packed=packed)
        return self._wires[kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The table at one moment. sheet: None before the first slot. series: of its rows. total: rows
    on all pages."""

    epoch: str
    sequence: int = 0
    made_ms: int = 0
    sheet: Sheet | None = None
    series: tuple[Series, ...] = ()
    total: int = 0

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // ROWS_MAX))

    @property
    def name(self) -> str:
        """As `Last-Event-ID` carries it."""
        return f"{self.epoch}-{self.sequence}"


Pick = Callable[[Board], tuple[Rows, int]]  # a page's rows, and how many there are on all pages


class Table:
    """pick: the rows of a board, asked in the event loop's thread. epoch: makes names."""

    def __init__(self, asked: Asked, *, pick: Pick, epoch: Callable[[], str]) -> None:
        self.asked = asked
        self._pick, self._epoch = pick, epoch
        self._advancing = asyncio.Lock()
        self._seen = -1  # sequence of the newest snapshot that was looked at
        self._beats: deque[Beat] = deque()
        self.told = Told(epoch=epoch())

    def behind(self, snapshot: Snapshot) -> bool:
        """Whether there may be news in `snapshot`."""
        return snapshot.sequence > self._seen

    def closed(self, snapshot: Snapshot) -> bool:
        """Whether a slot has closed since."""
        board, sheet = self._board(snapshot), self.told.sheet
        return board is not None and (sheet is None or sheet.slot != board.slot)

    def slot(self, told: Told) -> str | None:
        """The newest closed slot."""
        interval = self.asked.standing.interval
        return None if told.sheet is None else rfc3339(interval.open_ms(told.sheet.slot))

    def beat(self, sequence: int) -> Beat | None:
        """The beat of that number; None where it is no longer kept, or yet to come."""
        if not self._beats or (place := sequence - self._beats[0].sequence) < 0:
            return None
        return self._beats[place] if place < len(self._beats) else None

    def holds(self, name: str) -> int | None:
        """The number in an event's id, where all that came after it can still be told."""
        epoch, _, number = name.rpartition("-")
        if epoch != self.told.epoch or not (number.isascii() and number.isdigit()):
            return None
        sequence = int(number[:15])
        kept = sequence == self.told.sequence or self.beat(sequence + 1) is not None
        return sequence if kept else None

    async def advance(self, snapshot: Snapshot, *, now_ms: int, news: Sequence[News] = ()) -> None:
        """Make the next beat, where anything has changed or there is news. What takes long is done
        in a thread: some 20 ms where all of 5,000 rows have changed. Raises NotFound where its
        watchlist is no more."""
        async with self._advancing:
            board = self._board(snapshot)
            if board is None or not (news or self.behind(snapshot)):
                return
            rows, total = self._pick(board)
            made = partial(sheet_of, board, rows, standing=self.asked.standing)
            sheet = await asyncio.to_thread(made)
            self._seen = max(snapshot.sequence, self._seen)
            before = self.told
            if before.sheet is None or not np.array_equal(before.sheet.ids, sheet.ids):
                self._beats.clear()
                series = tuple(board.series[row] for row in rows.tolist())
                self.told = Told(epoch=self._epoch(), made_ms=now_ms, sheet=sheet, series=series,
                                 total=total)  # fmt: skip
                return
            found = changes(before.sheet, sheet)
            if found or news or sheet.slot != before.sheet.slot:
                after = replace(before, sequence=before.sequence + 1, made_ms=now_ms, sheet=sheet,
                                total=total)  # fmt: skip
                delta = await asyncio.to_thread(self._delta, after, found)
                self._keep(Beat(after.sequence, delta=delta, news=news))
                self.told = after

    def _board(self, snapshot: Snapshot) -> Board | None:
        return snapshot.boards.get(self.asked.standing.interval.ms)

    def _delta(self, told: Told, found: Mapping[str, Rows]) -> Piece:
        assert told.sheet is not None
        columns = {
            name: (rows.tolist(), spoken(name, told.sheet.columns[name][rows],
                                         series=[told.series[row] for row in rows.tolist()]))
            for name, rows in found.items()
        }  # fmt: skip
        delta = Delta(sequence=told.sequence, time=rfc3339(told.made_ms), slot=self.slot(told),
                      of=told.sheet.of, columns=columns)  # fmt: skip
        return event("delta", delta, id=told.name)

    def _keep(self, beat: Beat) -> None:
        self._beats.append(beat)
        size = sum(one.size for one in self._beats)
        while len(self._beats) > 1 and (len(self._beats) > BEATS_MAX or size > BEATS_BYTES):
            size -= self._beats.popleft().size


def spoken(name: str, column: AnyColumn, *, series: Sequence[Series]) -> list[Any]:
    """A column of a sheet as JSON has it; NaN becomes null when it is encoded. series: of its
    rows."""
    values: list[Any] = column.tolist()
    if name in _RANKS:
        return [rank or None for rank in values]
    if name == "source":
        return [markets_of(one)[number - 1] if number else None
                for number, one in zip(values, series, strict=True)]  # fmt: skip
    return [STATES[code] for code in values] if name == "state" else values
