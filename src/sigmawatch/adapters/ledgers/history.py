"""History over a ledger: stretches, rollups, and what goes with age.

Fulfils ports.history.History. Reads are cut into short pieces, every body verified.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from sigmawatch.adapters.ledgers.means import Means
from sigmawatch.adapters.ledgers.merge import Marks
from sigmawatch.adapters.ledgers.roster import COLUMNS_GONE, rollups_gone
from sigmawatch.adapters.ledgers.sealed import Outline, SealedReads
from sigmawatch.adapters.ledgers.session import Session, value
from sigmawatch.domain.frame import Reason
from sigmawatch.domain.series import Series
from sigmawatch.ports.history import Rollups, Stretch

_SECTIONS = 32  # sealed ones a read
_SLOTS = 1_440  # a read of frames each, so that none is long
_ROWS = 64  # a transaction of deletions each, so that a waiting slot waits for one at most


class SqlHistory:
    """History over one ledger."""

    def __init__(self, means: Means, *, sql: Mapping[str, str], reads: SealedReads) -> None:
        self._means, self._sql, self._reads = means, sql, reads

    async def stretch(self, series: Series, *, from_slot: int, to_slot: int) -> Stretch:
        """What is sealed as it lies, 30 days in 2 to 4 ms; slots that are not, put together from
        their frames and patches, 24 h in 20 to 30 ms."""
        assert from_slot <= to_slot
        slots = _SECTIONS * series.interval.section_slots
        pieces = [
            await self._piece(series, from_slot=piece, to_slot=min(piece + slots, to_slot))
            for piece in range(from_slot, to_slot, slots)
        ]
        return Stretch(
            from_slot=from_slot,
            values=b"".join(one.sealed.values.astype("<f8").tobytes() for one in pieces),
            marks=b"".join(_tracked_or_not(one.sealed.marks).tobytes() for one in pieces),
        )

    async def _piece(self, series: Series, *, from_slot: int, to_slot: int) -> Outline:
        read = partial(self._reads.outline, series=series, from_slot=from_slot, to_slot=to_slot)
        outline = await self._means.read(read)
        for first, stop in outline.touched:
            for piece in range(first, stop, _SLOTS):
                end = min(piece + _SLOTS, stop)
                merge = partial(self._reads.merged, series=series, from_slot=piece, to_slot=end)
                merged = await self._means.read(merge)
                here = slice(piece - from_slot, end - from_slot)
                outline.sealed.values[here] = merged.values
                outline.sealed.marks[here] = merged.marks
        return outline

    async def rollups(self, series: Series, *, width_ms: int, from_ms: int, to_ms: int) -> Rollups:
        read = partial(self._reads.rollups, series=series, width_ms=width_ms)
        return await self._means.read(partial(read, span_ms=(from_ms, to_ms)))

    async def oldest_ms(self, series: Series) -> int | None:
        slot = await self._means.read(partial(self._reads.oldest_slot, series=series))
        return None if slot is None else series.interval.open_ms(slot)

    async def prune(
        self, *, before_ms: int, rows_max: int, rollups_before_ms: Mapping[int, int] | None = None
    ) -> int:
        gone = await self._let_go(before_ms, rows_max=rows_max)
        for width_ms, moment_ms in (rollups_before_ms or {}).items():
            await self._gone(rollups_gone(width_ms), moment_ms)
            bindings = {"width_ms": width_ms, "before_ms": moment_ms}
            gone += await self._delete("delete_rollups", bindings, rows_max=rows_max - gone)
        bindings = {"before_ms": before_ms}
        runs = await self._delete("delete_runs", bindings, rows_max=rows_max - gone, mark="runs")
        return gone + runs

    async def _let_go(self, before_ms: int, *, rows_max: int) -> int:
        """Delete the columns of old sections; the section stays, and takes nothing more in."""
        gone = 0
        await self._gone(COLUMNS_GONE, before_ms)
        while gone < rows_max:
            section = await self._means.read(partial(self._old, before_ms=before_ms))
            if section is None:
                break
            gone += await self._delete("delete_columns", section, rows_max=rows_max - gone)
            if gone < rows_max:  # else some of them may be left
                await self._means.write({"let_section_go": [section | {"nothing": b""}]})
        return gone

    async def _gone(self, mark: str, before_ms: int) -> None:
        """From now on nobody misses what ended by then."""
        bindings = {"key": mark}
        known = await self._means.read(
            lambda session: value(session.execute(self._sql["select_mark"], bindings)) or 0
        )
        if before_ms > known:
            await self._means.write({"set_mark": [{"key": mark, "value": before_ms}]})

    def _old(self, session: Session, *, before_ms: int) -> dict[str, int] | None:
        row = session.execute(self._sql["select_old_sections"], {"before_ms": before_ms}).fetchone()
        return None if row is None else {"block_id": row[0], "from_slot": row[1]}

    async def _delete(
        self, name: str, bindings: Mapping[str, int], *, rows_max: int, mark: str = ""
    ) -> int:
        gone = 0
        while gone < rows_max:
            rows = min(_ROWS, rows_max - gone)
            went = await self._means.deleted(name, {**bindings, "rows": rows}, mark=mark)
            gone += went
            if went < rows:
                break
        return gone


def _tracked_or_not(marks: Marks) -> Marks:
    """While a series was not tracked, its block's frames say that nobody stood in its place: of the
    series itself that is a slot that was not polled."""
    return np.where(marks == Reason.NO_PLACE, np.uint8(Reason.NOT_POLLED), marks)
