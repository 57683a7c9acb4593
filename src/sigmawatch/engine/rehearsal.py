"""A series table of its own, told again what was stored: rules are judged on it over what is past.

It is the live table, fed with frames of the stored slots in their order, so a board of a past slot
is what is computed now of what is stored now, to the byte; late values are in it from the start.
What is not stored, it does not know: when readings came (`age`), and who was tracked then. Imports
engine.needs, rank_history, snapshot, table.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sigmawatch.domain.frame import Frame, Reason
from sigmawatch.domain.series import BLOCK_SERIES_MAX, Block, Series
from sigmawatch.domain.window import Interval
from sigmawatch.engine.geometry import Column, Marks
from sigmawatch.engine.needs import Needs
from sigmawatch.engine.rank_history import RankHistory
from sigmawatch.engine.snapshot import Board
from sigmawatch.engine.table import SeriesTable

RECEIVED_MS = 1  # after its slot's end: no frame is late


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stored:
    """Slots [from_slot, from_slot + slots) of some series: by id float64[slots], NaN where
    missing, and uint8[slots]."""

    from_slot: int
    slots: int
    columns: Mapping[int, tuple[Column, Marks]]


class Rehearsal:
    """Stored slots in, boards out. For one thread at a time."""

    def __init__(
        self,
        interval: Interval,
        series: Collection[Series],
        *,
        needs: Needs,
        windows_ms: Sequence[int] = (),
    ) -> None:
        """needs: what boards are looked at for; what nobody asks is not computed. windows_ms: of
        every board, the first the one that rankings of the past are kept for."""
        self.table = SeriesTable(interval, windows_ms=windows_ms, surges=needs.surges)
        for window_ms in needs.standing_ms:
            self.table.stand(window_ms)
        self._interval = interval
        self._ranks = RankHistory(interval) if needs.ranked else None
        self._seats: dict[int, list[int]] = {}  # block -> the ids of its series
        self._frames: deque[list[Frame]] = deque()  # of the slots to come, a list each
        self._seat(series)

    def _seat(self, series: Collection[Series]) -> None:
        """Blocks without the places of those who are not here: what a series' numbers are does not
        depend on its neighbours."""
        of_block: dict[tuple[str, str], list[Series]] = defaultdict(list)
        for one in series:
            of_block[one.market.venue, one.metric].append(one)
        for (venue, metric), members in of_block.items():
            for first in range(0, len(members), BLOCK_SERIES_MAX):
                here = members[first : first + BLOCK_SERIES_MAX]
                block_id = len(self._seats) + 1
                block = Block(id=block_id, venue=venue, metric=metric, interval=self._interval)
                self.table.add_block(block)
                self.table.add_all([
                    replace(one, block_id=block_id, place=place) for place, one in enumerate(here)
                ])  # fmt: skip
                self._seats[block_id] = [one.id for one in here]

    def tell(self, stored: Stored) -> None:
        """The next slots, each once and in order; a series that is left out is not known in them.
        Those before the first board are taken in at once."""
        frames: list[list[Frame]] = [[] for _ in range(stored.slots)]
        for block_id, ids in self._seats.items():
            values = np.full((stored.slots, len(ids)), np.nan)
            marks = np.full((stored.slots, len(ids)), Reason.NOT_POLLED, np.uint8)
            for place, series_id in enumerate(ids):
                if series_id in stored.columns:
                    values[:, place], marks[:, place] = stored.columns[series_id]
            for number, mine in enumerate(frames):
                mine.append(self._frame(block_id, stored.from_slot + number,
                                        row=(values[number], marks[number])))  # fmt: skip
        self._frames += frames

    def _frame(self, block_id: int, slot: int, *, row: tuple[Column, Marks]) -> Frame:
        values, marks = row
        revision = self._interval.ms + RECEIVED_MS
        return Frame(
            block_id=block_id, slot=slot, revision=revision,
            recv_ms=self._interval.open_ms(slot) + revision,
            values=values.astype("<f8", copy=False).tobytes(), marks=marks.tobytes(),
        )  # fmt: skip

    def boards(self, from_slot: int) -> Iterator[Board]:
        """A board of every slot that was told, from `from_slot` on; what was told before it is
        what its windows hold."""
        while self._frames and self._frames[0][0].slot < from_slot:
            before = [self._frames.popleft()]
            while self._frames and self._frames[0][0].slot < from_slot:
                before.append(self._frames.popleft())
            self.table.restore(frame for slot in before for frame in slot)
        while self._frames:
            frames = self._frames.popleft()
            for frame in frames:
                self.table.apply(frame)
            yield self._board(frames[0].slot)

    def _board(self, slot: int) -> Board:
        board = self.table.close(slot)
        if self._ranks is None:
            return board
        board = board.with_past(self._ranks.view(board.layout))
        self._ranks.note(board)
        return board
