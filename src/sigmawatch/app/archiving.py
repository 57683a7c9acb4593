"""Archiving: every sealed section is written out, once for each revision of it.

What is to be done follows from what is sealed and what the archive holds, so it goes on where it
was. An archive that cannot be written stops nobody: it is tried again with the next round, and
until then no slot is let go for its age (app.sealing).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import structlog

from sigmawatch.app.catalogue import Catalogue
from sigmawatch.domain.errors import Refused
from sigmawatch.domain.frame import Flag, mark_names
from sigmawatch.domain.metric import METRICS, Kind
from sigmawatch.domain.window import Interval, format_span
from sigmawatch.engine.geometry import Column, Marks, Rows
from sigmawatch.ports.archive import Archive
from sigmawatch.ports.history import Folded, Sealing, Section
from sigmawatch.ports.table import RecordRows

log = structlog.get_logger()


class Archiver:
    """One archive of all blocks."""

    def __init__(self, archive: Archive, *, sealing: Sealing, catalogue: Catalogue) -> None:
        self._archive, self._sealing, self._catalogue = archive, sealing, catalogue

    async def run_once(self) -> bool:
        """Write what is missing; whether the archive then holds everything that is sealed."""
        try:
            for block in list(self._catalogue.blocks.values()):
                for section, revision in await self._sealing.sealed(block):
                    await self._keep(section, revision=revision)
        except Refused as exc:
            log.error("archive_failed", reason=str(exc))
            return False
        return True

    async def _keep(self, section: Section, *, revision: int) -> None:
        if await self._archive.holds(section, revision=revision):
            return
        whole = await self._sealing.whole(section)
        names = await self._sealing.names(section.block)
        rows = (rows_of(whole, k, name=names[one]) for k, one in enumerate(whole.series_ids))
        await self._archive.store(section, rows, revision=revision)


def rows_of(whole: Folded, k: int, *, name: str) -> RecordRows:
    """The records of one series of a section."""
    block, interval = whole.section.block, whole.section.block.interval
    values, marks = (
        np.ascontiguousarray(whole.values[:, k]),
        np.ascontiguousarray(whole.marks[:, k]),
    )
    begins = record_begins(values, marks)
    widths = np.diff(np.append(begins, len(values)))
    told = values[begins]
    if METRICS[block.metric].kind is Kind.FLOW:  # a coarse flow stands as span value / slots
        told = told * widths
    return RecordRows(
        series_id=whole.series_ids[k], name=name,
        time_ms=(whole.section.from_slot + begins.astype(np.int64)) * interval.ms, value=told,
        marks=[" ".join(mark_names(mark)) for mark in marks[begins].tolist()],
        span=list(_spans(marks[begins], widths, interval=interval)),
    )  # fmt: skip


def _spans(marks: Marks, widths: Rows, *, interval: Interval) -> Iterator[str]:
    for mark, width in zip(marks.tolist(), widths.tolist(), strict=True):
        yield format_span(width * interval.ms) if mark & Flag.COARSE else ""


def record_begins(values: Column, marks: Marks) -> Rows:
    """Where each record begins: at every slot but those that go on with an equal coarse value,
    which is told once, with its span (SEMANTICS.md 2)."""
    if not len(values):
        return np.empty(0, np.intp)
    coarse = (marks & Flag.COARSE) != 0
    goes_on = coarse[1:] & (marks[1:] == marks[:-1]) & (values[1:] == values[:-1])
    return np.flatnonzero(np.concatenate(([True], ~goes_on)))
