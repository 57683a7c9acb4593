"""From one poll to frames: every level series of a venue gets its place filled, or a reason.

Pure but for the memory of the last poll, which tells a changed row from an unchanged one. NumPy;
no clock, no I/O. One turn of Python per block and metric, none per series.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from sigmawatch.domain.frame import MISSING, REASON_MASK, Flag, Frame, Reason
from sigmawatch.domain.reading import Tickers
from sigmawatch.domain.series import Block, Series
from sigmawatch.domain.window import Interval

Values = npt.NDArray[np.float64]
Marks = npt.NDArray[np.uint8]
Instead = Mapping[Reason, frozenset[str]]  # why nothing is said of some market ids, the last first
_REVISION_MAX = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockPlan:
    """One block and who stands where in it.

    places: int64[k] ascending; natives: the k market ids; width: one more than the last place.
    """

    block: Block
    places: npt.NDArray[np.int64]
    natives: tuple[str, ...]
    width: int

    @classmethod
    def of(cls, block: Block, series: Sequence[Series]) -> BlockPlan:
        """The plan of `block` for its live `series`."""
        ordered = sorted(series, key=lambda one: one.place)
        return cls(
            block=block,
            places=np.array([one.place for one in ordered], np.int64),
            natives=tuple(one.market.native for one in ordered),
            width=ordered[-1].place + 1,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Which slot an observation belongs to and when it was received.

    open: the slot is still running, so the frame is not final.
    """

    interval: Interval
    slot: int
    recv_ms: int
    open: bool

    @property
    def revision(self) -> int:
        """Milliseconds from the slot's open to the receipt (domain.frame)."""
        return min(max(self.recv_ms - self.interval.open_ms(self.slot), 0), _REVISION_MAX)


def stamp(interval: Interval, recv_ms: int, *, asked_ms: int) -> Stamp:
    """The slot of a poll asked at `asked_ms`: within the close deadline after a boundary it is the
    closing observation of the slot just ended (SEMANTICS.md 2), else one of the running slot."""
    running = interval.slot(asked_ms)
    closing = asked_ms - interval.open_ms(running) <= interval.close_deadline_ms
    slot = running - 1 if closing else running
    return Stamp(interval=interval, slot=slot, recv_ms=recv_ms, open=not closing)


class Framer:
    """Turns polls of one venue into frames; remembers the last poll to mark unchanged rows."""

    def __init__(self) -> None:
        self._natives: tuple[str, ...] | None = None
        self._rows: Mapping[str, int] = {}
        self._columns: dict[str, Values] = {}
        self._changed: npt.NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._derived: frozenset[str] = frozenset()

    def take(self, tickers: Tickers) -> None:
        """Remember a poll: its columns, and which rows changed against the poll before."""
        columns = {
            name: np.frombuffer(column, np.float64) for name, column in tickers.columns.items()
        }
        if tickers.natives == self._natives:
            same = np.ones(len(tickers.natives), np.bool_)
            for name, column in columns.items():
                before = self._columns[name]
                same &= (column == before) | (np.isnan(column) & np.isnan(before))
            self._changed = ~same
        else:
            self._changed = self._compared_by_name(tickers.natives, columns)
            self._rows = {native: row for row, native in enumerate(tickers.natives)}
            self._natives = tickers.natives
        self._columns = columns
        self._derived = tickers.derived

    def _compared_by_name(
        self, natives: tuple[str, ...], columns: Mapping[str, Values]
    ) -> npt.NDArray[np.bool_]:
        """The slow way, for the rare poll whose market list differs from the one before."""
        before = np.array([self._rows.get(native, -1) for native in natives], np.int64)
        same = before >= 0
        for name, column in columns.items():
            old = self._columns.get(name)
            if old is None:
                same[:] = False
                continue
            past = np.where(before >= 0, old[before] if len(old) else np.nan, np.nan)
            same &= (column == past) | (np.isnan(column) & np.isnan(past))
        return ~same

    def frame(self, plan: BlockPlan, at: Stamp, *, instead: Instead) -> Frame:
        """One block at one slot, from the poll last taken. instead: what is to be said of some
        markets, whatever the poll says of them."""
        rows = np.array([self._rows.get(native, -1) for native in plan.natives], np.int64)
        column = self._columns.get(plan.block.metric)
        values, marks = empty(plan, Reason.OUTAGE)
        if column is not None and len(column):
            taken = np.where(rows >= 0, column[rows], np.nan)
            changed = self._changed[rows] | (rows < 0)
            reason = np.where(changed, np.uint8(Reason.OBSERVED), np.uint8(Reason.UNCHANGED))
            if plan.block.metric in self._derived:
                reason |= np.uint8(Flag.DERIVED)
            values[plan.places] = taken
            marks[plan.places] = np.where(np.isnan(taken), np.uint8(Reason.OUTAGE), reason)
        return framed(plan, at, values=values, marks=marks, instead=instead)


def empty(plan: BlockPlan, reason: Reason) -> tuple[Values, Marks]:
    """float64[width] of NaN and uint8[width] marks: `reason` where a series stands."""
    values = np.full(plan.width, np.nan)
    marks = np.full(plan.width, Reason.NO_PLACE, np.uint8)
    marks[plan.places] = reason
    return values, marks


def framed(
    plan: BlockPlan,
    at: Stamp,
    *,
    values: Values,
    marks: Marks,
    instead: Instead = MappingProxyType({}),
) -> Frame:
    """The frame of `values` and `marks` (both [width], written to) for one block at one slot."""
    for reason, natives in instead.items():
        if natives.intersection(plan.natives):
            places = plan.places[[native in natives for native in plan.natives]]
            values[places], marks[places] = np.nan, reason
    return Frame(
        block_id=plan.block.id,
        slot=at.slot,
        revision=at.revision,
        recv_ms=at.recv_ms,
        values=values.astype("<f8").tobytes(),
        marks=marks.tobytes(),
        open=at.open,
    )


def outage(plan: BlockPlan, at: Stamp, *, instead: Instead = MappingProxyType({})) -> Frame:
    """What stands when the venue did not answer: every place missing, with its reason."""
    values, marks = empty(plan, Reason.OUTAGE)
    return framed(plan, at, values=values, marks=marks, instead=instead)


def present_count(frame: Frame) -> int:
    """How many places of a frame hold a value."""
    marks = np.frombuffer(frame.marks, np.uint8)
    return int(((marks & REASON_MASK) < MISSING).sum())
