"""A running slot, looked at with readings that came in it: as if it ended with them.

Where a reading came its value stands, everything else is as the closed slot before left it:
statistics, ranks, and what nobody has read since. Imports domain.frame; engine.freshness, marks,
snapshot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import groupby

import numpy as np

from sigmawatch.domain.frame import Frame
from sigmawatch.engine.freshness import State
from sigmawatch.engine.geometry import Mask
from sigmawatch.engine.marks import changes, counted, reasons_of
from sigmawatch.engine.snapshot import Board


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunningBoard(Board):
    """before: the board of the closed slot before. recv_ms: receipt of the readings. read:
    bool[rows], those that a counted reading came of."""

    before: Board
    recv_ms: int
    read: Mask

    @property
    def closed(self) -> Board:
        return self.before

    @property
    def reading_ms(self) -> int | None:
        return self.recv_ms

    @property
    def moment_ms(self) -> int:
        return self.recv_ms


def running(before: Board, frames: Sequence[Frame]) -> RunningBoard:
    """The slot after that of `before`, with readings of it that came at one moment."""
    slot, recv_ms = before.slot + 1, frames[0].recv_ms
    names = ("value", "mark", "last_value", "last_slot", "came", "changed_ms", "state")
    columns = {name: getattr(before, name).copy() for name in names}
    read = np.zeros(len(before.series), np.bool_)
    for frame in frames:
        assert (frame.slot, frame.recv_ms) == (slot, recv_ms)
        if frame.block_id not in before.layout.blocks:
            continue
        places, rows = before.layout.blocks[frame.block_id]
        known = places < len(frame.marks)
        places, rows = places[known], rows[known]
        values = np.frombuffer(frame.values, "<f8")[places]
        marks = np.frombuffer(frame.marks, np.uint8)[places]
        told = np.isfinite(values) & counted(reasons_of(marks))
        rows, values, marks = rows[told], values[told], marks[told]
        columns["value"][rows] = columns["last_value"][rows] = values
        columns["mark"][rows], columns["last_slot"][rows] = marks, slot
        columns["came"][rows] = read[rows] = True
        columns["changed_ms"][rows[changes(reasons_of(marks))]] = recv_ms
        columns["state"][rows[columns["state"][rows] == State.STALE]] = State.FRESH
    kept = {one.name: getattr(before, one.name) for one in fields(Board)}
    return RunningBoard(
        **kept | columns | {"slot": slot}, before=before, recv_ms=recv_ms, read=read
    )


def rounds(frames: Iterable[Frame]) -> Iterator[list[Frame]]:
    """Frames in the order of their commits, those together that came at one moment: a poll's."""
    for _, together in groupby(frames, lambda frame: frame.recv_ms):
        yield [*together]
