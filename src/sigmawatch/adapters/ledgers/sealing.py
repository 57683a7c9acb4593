"""Sealing: frames and patches become columns, receipts and rollups, and then go.

Fulfils ports.history.Sealing. Always holds: a section's row, which says how far it is sealed, is
written after its last column, and nothing is deleted before that row is durable. Every step is one
of many small transactions, so a slot that wants to be committed waits for one of them at most; each
is idempotent, so whatever was cut off is simply done again. Packing runs in a thread of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import numpy as np

from sigmawatch.adapters.ledgers.binding import Binding
from sigmawatch.adapters.ledgers.chain import NONE, Entries
from sigmawatch.adapters.ledgers.folding import Folding
from sigmawatch.adapters.ledgers.means import Means, Row
from sigmawatch.adapters.ledgers.packing import pack_column, pack_receipts, pack_rollups
from sigmawatch.adapters.ledgers.reading import Stored, of_block, of_series
from sigmawatch.adapters.ledgers.roster import encode
from sigmawatch.adapters.ledgers.sealed import (
    NEVER,
    SealedReads,
    Span,
    newest_by_section,
    news,
)
from sigmawatch.adapters.ledgers.session import Session
from sigmawatch.domain.frame import Frame
from sigmawatch.domain.metric import METRICS, Kind
from sigmawatch.domain.series import Block
from sigmawatch.ports.history import Folded, Pause, Rollups, Section, at_once

_READ_ITEMS = 128  # a read each: 1.2 MB where blocks are full
_WRITE_COLUMNS = 32  # a transaction each: 0.1 MB
_DELETE_ROWS = 64
_END_SLOT = 2**40


class SqlSealing:
    """Sealing over one ledger, by its means: how it reads and how it writes."""

    def __init__(
        self, means: Means, *, sql: Mapping[str, str], stored: Stored, reads: SealedReads
    ) -> None:
        self._ledger, self._sql, self._stored, self._reads = means, sql, stored, reads
        self._binding = Binding(means, reads=reads)

    def alone(self) -> AbstractAsyncContextManager[bool]:
        return self._ledger.alone("sealing")

    # Which sections

    async def unsealed(self, block: Block, *, before_ms: int) -> Sequence[Section]:
        return await self._ledger.read(partial(self._unsealed, block=block, before_ms=before_ms))

    def _unsealed(self, session: Session, *, block: Block, before_ms: int) -> Sequence[Section]:
        slots = block.interval.section_slots
        stop = block.interval.slot(before_ms) // slots * slots
        through = self._reads.sealed_through(session, block.id, span=(0, stop))
        entries = self._stored.register.entries(session)
        frames = newest_by_section(entries, block.id, span=(0, stop), slots=slots)
        wanted = {first for first, newest_id in frames if newest_id > through.get(first, NEVER)}
        for entry in self._registered(session, entries, block=block, span=(0, stop)):
            first = int(entry["slot"])
            patch = first, min(first + int(entry["count"]), stop)
            parts = news(int(entry["id"]), patch, slots=slots, through=through)
            wanted |= {part[0] // slots * slots for part in parts}
        return [Section(block=block, from_slot=from_slot) for from_slot in sorted(wanted)]

    def _registered(
        self, session: Session, entries: Entries, *, block: Block, span: Span
    ) -> Entries:
        """The patches of the block that reach into `span` and are not thinned."""
        rows = session.execute(self._sql["select_places"], {"block_id": block.id})
        found: Entries = entries[
            of_series(entries, [series_id for series_id, _ in rows], span=span)
        ]
        return found

    def _patches(self, session: Session, block: Block, *, span: Span) -> list[Any]:
        """Id, series, first slot and end of the block's patches that reach into `span`."""
        bounds = _bounds(block, span)
        return session.execute(self._sql["select_block_patches"], bounds).fetchall()

    # Putting together

    async def fold(self, section: Section, *, between: Pause = at_once) -> Folded:
        await between()
        state = await self._ledger.read(partial(self._begun, section=section))
        for start in range(0, len(state.items), _READ_ITEMS):
            await between()
            items = state.items[start : start + _READ_ITEMS]
            await self._ledger.read(partial(self._apply, state=state, items=items))
        return state.folded()

    def _begun(self, session: Session, *, section: Section) -> Folding:
        """What was sealed of the section before, and the names of all that is there to put in."""
        entries = self._stored.register.entries(session)
        through_id = int(entries["id"].max(initial=0))
        block, span = section.block, (section.from_slot, section.to_slot)
        before = session.execute(self._sql["select_sections"], _bounds(block, span)).fetchone()
        frames = entries[of_block(entries, block.id, span=span)]
        patches = self._registered(session, entries, block=block, span=span)
        old = NEVER if before is None else before[2]
        places = session.execute(self._sql["select_places"], {"block_id": block.id}).fetchall()
        if (frames["id"] <= old).all():  # then only some series have changed
            said = set(patches["owner"][patches["id"] > old].tolist())
            places = [row for row in places if row[0] in said]
        folding = Folding(
            section, places, items=np.sort(np.concatenate([frames, patches]), order="id"),
            revision=1 if before is None else before[1] + 1, through_id=through_id,
        )  # fmt: skip
        if before is not None:
            self._begin(session, folding)
        return folding

    def _begin(self, session: Session, folding: Folding) -> None:
        block, span = folding.section.block, (folding.section.from_slot, folding.section.to_slot)
        receipts = self._reads.receipts(session, block.id, span=span)
        folding.receipts = +receipts.get(span[0], folding.receipts)
        for number, series_id in enumerate(folding.series_ids):
            for _, column in self._reads.columns(
                session, series_id, interval=block.interval, span=span, receipts=receipts
            ):
                if column is None:
                    folding.torn.add(series_id)
                    folding.merged.tear(number, span=span)
                else:
                    folding.merged.begin(number, span[0], of=column)

    def _apply(self, session: Session, *, state: Folding, items: Entries) -> None:
        state.apply(self._stored.items(session, entries=items))

    # Storing

    async def seal(
        self, folded: Folded, rollups: Sequence[Sequence[Rollups]], *, between: Pause = at_once
    ) -> None:
        assert len(rollups) == len(folded.series_ids)
        for start in range(0, len(rollups), _WRITE_COLUMNS):
            await between()
            part = range(start, min(start + _WRITE_COLUMNS, len(rollups)))
            columns, runs = await asyncio.to_thread(_packed, folded, rollups, part=part)
            await self._ledger.write({"upsert_column": columns, "upsert_rollups": runs})
        section = folded.section
        name = section.block.id, section.from_slot, folded.revision
        roster = await self._ledger.read(partial(self._roster, folded=folded))
        await self._ledger.write({"upsert_section": [{
            "block_id": name[0], "from_slot": name[1], "until_ms": section.until_ms,
            "revision": name[2], "through_id": folded.through_id,
            "body": pack_receipts(name, folded.receipts), "roster": roster,
        }]})  # fmt: skip

    def _roster(self, session: Session, *, folded: Folded) -> bytes:
        """Of the section once it holds `folded` too."""
        name = folded.section.block.id, folded.section.from_slot
        places = dict(session.execute(self._sql["select_places"], {"block_id": name[0]}).fetchall())
        added = {places[series_id] for series_id in folded.series_ids}
        return encode(name, self._reads.rosters.of(session, name) | added)

    async def thin(self) -> int:
        """Let the links go of which everything is sealed, up to the first that is not."""
        first_id, gone = await self._ledger.read(self._thinnable)
        if gone:
            await self._ledger.write({
                "delete_links": [{"before_id": first_id}],
                "set_mark": [{"key": "chain_from", "value": first_id}],
            })  # fmt: skip
        return gone

    def _thinnable(self, session: Session) -> tuple[int, int]:
        """The first link that is needed, and how many lie before it. The newest always is."""
        gone, first_id = 0, 0
        for link_id, entries in self._stored.register.links(session):
            first_id = link_id
            if not self._stored.all_sealed(session, entries):
                break
            gone += 1
        else:
            gone -= 1
        return first_id, max(gone, 0)

    # Reading what is sealed

    async def sealed(self, block: Block) -> Sequence[tuple[Section, int]]:
        bounds = _bounds(block, (0, _END_SLOT))
        rows = await self._ledger.read(
            lambda session: session.execute(self._sql["select_sections"], bounds).fetchall()
        )
        return [(Section(block=block, from_slot=row[0]), row[1]) for row in rows if row[3]]

    async def whole(self, section: Section) -> Folded:
        return await self._ledger.read(partial(self._whole, section=section))

    def _whole(self, session: Session, *, section: Section) -> Folded:
        block, span = section.block, (section.from_slot, section.to_slot)
        row = session.execute(self._sql["select_sections"], _bounds(block, span)).fetchone()
        assert row is not None, "only what is sealed is asked for"
        places = session.execute(self._sql["select_places"], {"block_id": block.id}).fetchall()
        folding = Folding(section, places, items=NONE, revision=row[1], through_id=row[2])
        self._begin(session, folding)
        return folding.folded()

    async def names(self, block: Block) -> Mapping[int, str]:
        rows = await self._ledger.read(lambda session: session.execute(
            self._sql["select_names"], {"block_id": block.id}).fetchall())  # fmt: skip
        return {row[0]: f"{row[1]}:{row[2]}/{row[3]}:{row[4]}" for row in rows}

    # Letting go

    async def clear(self, block: Block, *, rows_max: int, between: Pause = at_once) -> int:
        found = await self._ledger.read(partial(self._sealed, block=block, rows_max=rows_max))
        gone = 0
        for start in range(0, len(found), _DELETE_ROWS):
            await between()
            part = found[start : start + _DELETE_ROWS]
            sound = await self._ledger.read(partial(self._sound, items=part))
            await between()
            await self._ledger.write({
                f"delete_{kind}": [{"id": row_id} for named, row_id in sound if named == kind]
                for kind in ("frame", "patch")
            })  # fmt: skip
            gone += len(sound)
        return gone

    async def bind(self, block: Block, *, before_ms: int, rows_max: int) -> int:
        made = 0
        for width_ms in block.interval.rollup_widths_ms:
            made += await self._binding.bind(
                block, width_ms=width_ms, before_ms=before_ms, rows_max=rows_max - made
            )
        return made

    def _sealed(self, session: Session, *, block: Block, rows_max: int) -> list[tuple[str, int]]:
        """The frames and patches of the block that are wholly in sealed sections."""
        slots = block.interval.section_slots
        span = (0, _END_SLOT)
        through = self._reads.sealed_through(session, block.id, span=span)
        found: list[tuple[str, int]] = []
        bounds = _bounds(block, span) | {"slots": slots}
        for section, _ in session.execute(self._sql["select_frame_sections"], bounds).fetchall():
            mine = _bounds(block, (section * slots, (section + 1) * slots))
            mine["through_id"] = through.get(section * slots, NEVER)
            ids = session.execute(self._sql["select_frame_ids"], mine).fetchall()
            found += [("frame", row_id) for (row_id,) in ids]
        for patch_id, _, first, until_ms in self._patches(session, block, span=span):
            patch = first, until_ms // block.interval.ms
            if not news(patch_id, patch, slots=slots, through=through):
                found.append(("patch", patch_id))
        return found[:rows_max]

    def _sound(
        self, session: Session, *, items: Sequence[tuple[str, int]]
    ) -> list[tuple[str, int]]:
        """Those that are as they were written: a damaged one is evidence and stays."""
        rows = (session.execute(self._sql[f"select_{kind}"], {"id": row_id}).fetchone()
                for kind, row_id in items)  # fmt: skip
        return [
            ("frame" if isinstance(item, Frame) else "patch", row_id)
            for row_id, item in self._stored.verified(filter(None, rows))
        ]


def _packed(
    folded: Folded, rollups: Sequence[Sequence[Rollups]], *, part: range
) -> tuple[list[Row], list[Row]]:
    """The rows of some series: their columns and their rollups."""
    section, revision = folded.section, folded.revision
    levels = METRICS[section.block.metric].kind is Kind.LEVEL
    columns: list[Row] = []
    runs: list[Row] = []
    for k in part:
        series_id = folded.series_ids[k]
        name = series_id, section.from_slot, revision
        of = folded.values[:, k], folded.marks[:, k], folded.sources[:, k]
        columns.append({
            "series_id": series_id, "from_slot": section.from_slot, "revision": revision,
            "body": pack_column(name, of, receipts=folded.receipts),
        })  # fmt: skip
        runs += [
            {
                "series_id": series_id, "width_ms": one.width_ms, "from_ms": section.from_ms,
                "until_ms": section.until_ms, "revision": revision,
                "body": pack_rollups((series_id, section.from_ms, revision), one, levels=levels),
            }
            for one in rollups[k] if series_id not in folded.torn
        ]  # fmt: skip
    return columns, runs


def _bounds(block: Block, span: Span) -> dict[str, int]:
    return {
        "block_id": block.id, "from_slot": span[0], "to_slot": span[1],
        "from_ms": block.interval.open_ms(span[0]),
    }  # fmt: skip
