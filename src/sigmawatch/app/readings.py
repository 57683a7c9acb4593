"""Readings of running slots that rules `on: reading` have still to hear (docs/decisions/0022).

Each is heard after its frame is durable, and after its block has heard the slot before: until then
it waits here, in the order of commits, and where it is not heard before its slot closes, what the
slot closes with is. They need not be stored: a life that begins finds them among the frames of the
slots that are not judged yet, and hearing one twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from sigmawatch.app.docket import Docket
from sigmawatch.domain.frame import Frame
from sigmawatch.domain.window import Interval

FRAMES_MAX = 8_192  # of an interval; the oldest give way: 75 MB where blocks are full

log = structlog.get_logger()


class Readings:
    """Of one program."""

    def __init__(self) -> None:
        self._waiting: dict[Interval, dict[int, list[Frame]]] = {}  # by slot

    def __bool__(self) -> bool:
        """Whether any waits."""
        return any(self._waiting.values())

    def note(self, interval: Interval, frame: Frame) -> None:
        """A reading is durable."""
        waiting = self._waiting.setdefault(interval, {})
        waiting.setdefault(frame.slot, []).append(frame)
        if sum(map(len, waiting.values())) > FRAMES_MAX:
            oldest = min(waiting)
            lost = waiting[oldest].pop(0)
            self._put(interval, oldest, frames=waiting[oldest])
            log.warning("reading_not_judged", block=lost.block_id, slot=lost.slot)

    def due(self, interval: Interval, docket: Docket, *, slot: int) -> list[Frame]:
        """Those of `slot` whose blocks have heard all before it, and not the slot itself. Those
        whose blocks have are forgotten."""
        waiting = self._waiting.get(interval, {})
        for late in [one for one in waiting if one < slot and not docket.waiting(one)]:
            del waiting[late]
        frames, to_hear = waiting.get(slot, []), docket.waiting(slot)
        if not frames:
            return []
        if to_hear is not None:
            frames = [frame for frame in frames if frame.block_id in to_hear]
            self._put(interval, slot, frames=frames)
        behind = docket.behind(slot)
        return [frame for frame in frames if frame.block_id not in behind]

    def heard(self, interval: Interval, frames: Sequence[Frame]) -> None:
        """They were, and what followed is durable."""
        gone, slot = {id(frame) for frame in frames}, frames[0].slot
        waiting = self._waiting[interval].get(slot, [])
        self._put(interval, slot, frames=[one for one in waiting if id(one) not in gone])

    def _put(self, interval: Interval, slot: int, *, frames: list[Frame]) -> None:
        if frames:
            self._waiting[interval][slot] = frames
        else:
            self._waiting[interval].pop(slot, None)

    def forget(self, interval: Interval) -> None:
        """Nobody asks for them any more."""
        self._waiting.pop(interval, None)
