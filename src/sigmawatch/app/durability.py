"""Through which moment every venue's readings are on disk: what a user may rely on after a crash.

Told by the tracker after each commit, and at a start by what was read back. A frame in which no
place holds a reading (the venue did not answer) says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from sigmawatch.app.catalogue import Catalogue
from sigmawatch.domain.frame import Frame, Patch, Reason
from sigmawatch.domain.venue import Durable

_SILENT = bytes([Reason.OUTAGE, Reason.NOT_POLLED, Reason.DELISTED, Reason.NO_PLACE,
                 Reason.PAUSED])  # fmt: skip


class Durability:
    """By venue; what is derived counts for none."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._durable: dict[str, Durable] = {}

    def of(self, venue: str) -> Durable | None:
        """None where nothing of it was stored within the last day."""
        return self._durable.get(venue)

    def note(self, items: Sequence[Frame | Patch]) -> None:
        """These are on disk; in the order of their commits, so the last of a block tells most."""
        told: dict[tuple[int, bool], Frame] = {}
        for one in reversed(items):
            if not isinstance(one, Frame):
                continue
            known = told.get((one.block_id, one.open))
            if known is not None and one.slot <= known.slot and one.recv_ms <= known.recv_ms:
                continue
            if one.marks.strip(_SILENT):
                told[one.block_id, one.open] = one
                self._note(one)

    def _note(self, frame: Frame) -> None:
        block = self._catalogue.blocks.get(frame.block_id)
        if block is None:
            return
        known = self._durable.get(block.venue)
        received_ms = frame.recv_ms
        slot_ms = None if frame.open else block.interval.open_ms(frame.slot)
        if known is not None:
            received_ms = max(received_ms, known.received_ms)
            slot_ms = max((ms for ms in (slot_ms, known.slot_ms) if ms is not None), default=None)
        self._durable[block.venue] = Durable(received_ms=received_ms, slot_ms=slot_ms)
