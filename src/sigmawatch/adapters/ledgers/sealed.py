"""Reads of history: sealed columns, and what was committed since put together with them.

Everything here is work for a reader's thread, and short. A sealed body that is not as it was
written is left out and counted (adapters.ledgers.reading); where the frames it was made of are
still there, they tell instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sigmawatch.adapters.ledgers.chain import Entries
from sigmawatch.adapters.ledgers.merge import Marks, Merged, Sources, Values, block_of
from sigmawatch.adapters.ledgers.packing import unpack_column, unpack_receipts, unpack_rollups
from sigmawatch.adapters.ledgers.reading import Stored, of_block, of_series
from sigmawatch.adapters.ledgers.roster import Rosters
from sigmawatch.adapters.ledgers.session import Session, value
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.metric import METRICS, Kind
from sigmawatch.domain.series import Block, Series
from sigmawatch.domain.window import Interval
from sigmawatch.ports.history import Rollups

Span = tuple[int, int]  # [from, to), slots or milliseconds
Column = tuple[Values, Marks, Sources]
ALWAYS = 2**62  # a section whose slots were let go for their age: it takes nothing more in
NEVER = -1  # a section that was not sealed: everything is news to it


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """A stretch as it was sealed, and the spans in which something else was said besides."""

    sealed: Merged
    touched: Sequence[Span]


class SealedReads:
    """Reads over the statements `sql`; damage is noted in `stored`."""

    def __init__(self, sql: Mapping[str, str], *, stored: Stored) -> None:
        self._sql = sql
        self._stored = stored
        self.rosters = Rosters(stored=stored)

    def outline(self, session: Session, series: Series, *, from_slot: int, to_slot: int) -> Outline:
        """What is sealed of a stretch, without the sources."""
        merged = Merged(block_of(series), [series.place], from_slot=from_slot, to_slot=to_slot)
        damaged = self._begin(session, merged, series=series, receipts=None)
        unsaid = self._unsaid(session, series, span=(from_slot, to_slot))
        touched = joined(
            (max(first, from_slot), min(stop, to_slot)) for first, stop in (*damaged, *unsaid)
        )
        return Outline(sealed=merged, touched=touched)

    def merged(self, session: Session, series: Series, *, from_slot: int, to_slot: int) -> Merged:
        """A stretch with everything that was ever said of it."""
        merged = Merged(block_of(series), [series.place], from_slot=from_slot, to_slot=to_slot)
        bounds = _bounds(series, from_slot, to_slot=to_slot)
        first = from_slot // series.interval.section_slots * series.interval.section_slots
        receipts = self.receipts(session, series.block_id, span=(first, to_slot))
        self._begin(session, merged, series=series, receipts=receipts)
        merged.apply(self._stored.said(session, bounds), columns={series.id: 0})
        return merged

    def _begin(
        self, session: Session, merged: Merged, *, series: Series,
        receipts: Mapping[int, Sources] | None,
    ) -> list[Span]:  # fmt: skip
        """Let what is sealed stand; the sections whose columns are damaged."""
        slots = series.interval.section_slots
        span = merged.from_slot // slots * slots, merged.to_slot
        damaged = []
        columns = self.columns(
            session, series.id, interval=series.interval, span=span, receipts=receipts
        )
        for from_slot, column in columns:
            if column is None:
                damaged.append((from_slot, from_slot + slots))
                merged.tear(0, span=damaged[-1])
            else:
                merged.begin(0, from_slot, of=column)
        return damaged

    def columns(
        self, session: Session, series_id: int, *, interval: Interval, span: Span,
        receipts: Mapping[int, Sources] | None,
    ) -> Iterator[tuple[int, Column | None]]:  # fmt: skip
        """First slot and column of every sealed section of one series that begins within `span`;
        None for one that is damaged or missing. receipts: by first slot; None: nobody wants
        sources."""
        bounds = {"series_id": series_id, "from_slot": span[0], "to_slot": span[1]}
        rows = session.execute(self._sql["select_columns"], bounds).fetchall()
        there = {from_slot for from_slot, _, _ in rows}
        for from_slot in self.rosters.missing_columns(session, series_id, span=span, found=there):
            self._note_column(series_id, from_slot, interval=interval, reason="it is missing")
            yield from_slot, None
        for from_slot, revision, body in rows:
            mine = None if receipts is None else receipts.get(from_slot)
            try:
                yield (
                    from_slot,
                    unpack_column(body, (series_id, from_slot, revision), receipts=mine),
                )
            except Invalid as exc:
                self._note_column(series_id, from_slot, interval=interval, reason=str(exc))
                yield from_slot, None

    def _note_column(
        self, series_id: int, from_slot: int, *, interval: Interval, reason: str
    ) -> None:
        told = {"series_id": series_id} | section_ms(interval, from_slot)
        self._stored.note_damage("column", f"{series_id}:{from_slot}", reason=reason, told=told)

    def receipts(self, session: Session, block_id: int, *, span: Span) -> dict[int, Sources]:
        """First slot -> receipts of every sealed section of a block that begins within `span`."""
        bounds = {"block_id": block_id, "from_slot": span[0], "to_slot": span[1]}
        found = {}
        for from_slot, revision, body in session.execute(self._sql["select_receipts"], bounds):
            try:
                found[from_slot] = unpack_receipts(body, (block_id, from_slot, revision))
            except Invalid as exc:
                self._stored.note_damage("section", f"{block_id}:{from_slot}", reason=str(exc))
        return found

    def rollups(
        self, session: Session, series: Series, *, width_ms: int, span_ms: tuple[int, int]
    ) -> Rollups:
        """The sealed runs that lie wholly in [from, to), those left out that something not yet
        sealed touches."""
        first = -(-span_ms[0] // width_ms) * width_ms
        stop = span_ms[1] // width_ms * width_ms
        rows, _ = self.rollup_rows(
            session, series.id, width_ms=width_ms, of=block_of(series), span_ms=(first, stop)
        )
        runs = Rollups.joined(width_ms, [part for _, part in rows])
        keep = (runs.at >= first // width_ms) & (runs.at < stop // width_ms)
        of_run = width_ms // series.interval.ms
        span = first // series.interval.ms, stop // series.interval.ms
        for from_slot, to_slot in self._unsaid(session, series, span=span):
            keep &= (runs.at < from_slot // of_run) | (runs.at >= -(-to_slot // of_run))
        return runs.picked(keep)

    def rollup_rows(
        self, session: Session, series_id: int, *, width_ms: int, of: Block, span_ms: Span
    ) -> tuple[list[tuple[tuple[int, int, int], Rollups]], bool]:
        """From, until, revision and runs of every sound row of a series that reaches into [from,
        to), and whether any row is missing; where two tell the same run, the later one is right.
        of: its block."""
        rows = session.execute(self._sql["select_rollups"], {
            "series_id": series_id, "width_ms": width_ms,
            "from_ms": span_ms[0], "to_ms": span_ms[1],
        }).fetchall()  # fmt: skip
        missing = self.rosters.missing_runs(
            session, (series_id, width_ms), interval=of.interval, span_ms=span_ms,
            found=[(from_ms, until_ms) for from_ms, until_ms, _, _ in rows],
        )  # fmt: skip
        for begin, end in missing:
            self._note_runs((series_id, width_ms), (begin, end), reason="they are missing")
        levels, found = METRICS[of.metric].kind is Kind.LEVEL, []
        for from_ms, until_ms, revision, body in sorted(rows, key=lambda row: row[0] - row[1]):
            try:
                runs = unpack_rollups(body, (series_id, from_ms, revision), levels=levels)
            except Invalid as exc:
                self._note_runs((series_id, width_ms), (from_ms, until_ms), reason=str(exc))
            else:
                found.append(((from_ms, until_ms, revision), runs))
        return found, bool(missing)

    def _note_runs(self, which: tuple[int, int], span_ms: Span, *, reason: str) -> None:
        told = {"series_id": which[0], "from_ms": span_ms[0], "until_ms": span_ms[1]}
        name = f"{which[0]}:{which[1]}:{span_ms[0]}"
        self._stored.note_damage("rollups", name, reason=reason, told=told)

    def unbound(
        self, session: Session, *, block: Block, width_ms: int, bound_ms: int, before_ms: int
    ) -> list[tuple[int, int]]:
        """Series and number of every row of `bound_ms` whose runs still lie in several."""
        rows: list[tuple[int, int]] = session.execute(self._sql["select_unbound"], {
            "block_id": block.id, "width_ms": width_ms, "bound_ms": bound_ms,
            "before_ms": before_ms,
        }).fetchall()  # fmt: skip
        return rows

    def _unsaid(self, session: Session, series: Series, *, span: Span) -> list[Span]:
        """The spans of which something was said that is not sealed; they may reach beyond `span`,
        and overlap."""
        slots = series.interval.section_slots
        span = span[0] // slots * slots, span[1]
        through = self.sealed_through(session, series.block_id, span=span)
        spans: list[Span] = []
        entries = self._stored.register.entries(session)
        for first, newest_id in newest_by_section(entries, series.block_id, span=span, slots=slots):
            if newest_id > through.get(first, NEVER):
                spans.append((first, first + slots))
        for patch in entries[of_series(entries, [series.id], span=span)]:
            first = int(patch["slot"])
            said = first, first + int(patch["count"])
            spans += news(int(patch["id"]), said, slots=slots, through=through)
        return spans

    def sealed_through(self, session: Session, block_id: int, *, span: Span) -> dict[int, int]:
        """First slot -> place in the order of commits through which a section is sealed; for one
        whose slots were let go that is for ever."""
        bounds = {"block_id": block_id, "from_slot": span[0], "to_slot": span[1]}
        rows = session.execute(self._sql["select_sections"], bounds).fetchall()
        return {
            from_slot: through_id if held else ALWAYS for from_slot, _, through_id, held in rows
        }

    def oldest_slot(self, session: Session, series: Series) -> int | None:
        oldest: int | None = value(session.execute(
            self._sql["select_oldest_slot"], {"series_id": series.id, "block_id": series.block_id}
        ))  # fmt: skip
        return oldest


def newest_by_section(
    entries: Entries, block_id: int, *, span: Span, slots: int
) -> list[tuple[int, int]]:
    """First slot of every section in which a block has frames, and the newest one's id."""
    mine = entries[of_block(entries, block_id, span=span)]
    newest: dict[int, int] = {}
    for section in np.unique(mine["slot"] // slots).tolist():
        newest[section * slots] = int(mine["id"][mine["slot"] // slots == section].max())
    return list(newest.items())


def news(patch_id: int, patch: Span, *, slots: int, through: Mapping[int, int]) -> list[Span]:
    """The parts of a patch, one a section, that are not sealed yet. through: first slot of a
    section -> place in the order of commits through which it is sealed."""
    first, stop = patch
    return [
        (max(first, section), min(stop, section + slots))
        for section in range(first // slots * slots, stop, slots)
        if patch_id > through.get(section, NEVER)
    ]


def _bounds(series: Series, from_slot: int, *, to_slot: int) -> dict[str, int]:
    return {
        "block_id": series.block_id, "series_id": series.id,
        "from_slot": from_slot, "to_slot": to_slot,
        "from_ms": series.interval.open_ms(from_slot),
    }  # fmt: skip


def section_ms(interval: Interval, from_slot: int) -> dict[str, int]:
    """The time that a section tells of."""
    until_ms = interval.open_ms(from_slot + interval.section_slots)
    return {"from_ms": interval.open_ms(from_slot), "until_ms": until_ms}


def joined(spans: Iterator[Span] | Sequence[Span]) -> list[Span]:
    """The same slots in as few spans as can be, none of them empty."""
    found: list[Span] = []
    for first, stop in sorted(span for span in spans if span[0] < span[1]):
        if found and first <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], stop)
        else:
            found.append((first, stop))
    return found
