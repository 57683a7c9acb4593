"""Binding: the rollups of many sections of one series become one row, which reads ten times faster.

720 runs lie in a row: of hours, 30 days. What is sealed again after that gets a row of its own,
which stands before the bound one on every read, and is bound with it the next time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from sigmawatch.adapters.ledgers.means import Means, Row
from sigmawatch.adapters.ledgers.packing import pack_rollups
from sigmawatch.adapters.ledgers.sealed import SealedReads
from sigmawatch.adapters.ledgers.session import Session
from sigmawatch.domain.metric import METRICS, Kind
from sigmawatch.domain.series import Block
from sigmawatch.ports.history import Rollups

BOUND_RUNS = 720
_SERIES = 16  # a transaction each: 0.6 MB


class Binding:
    """Binding over one ledger."""

    def __init__(self, means: Means, *, reads: SealedReads) -> None:
        self._means, self._reads = means, reads

    async def bind(self, block: Block, *, width_ms: int, before_ms: int, rows_max: int) -> int:
        """Bind up to `rows_max` rows of one width that end by `before_ms`; how many were made."""
        bound_ms = BOUND_RUNS * width_ms
        before_ms = before_ms // bound_ms * bound_ms
        find = partial(self._reads.unbound, block=block, width_ms=width_ms, bound_ms=bound_ms)
        unbound = (await self._means.read(partial(find, before_ms=before_ms)))[:rows_max]
        for start in range(0, len(unbound), _SERIES):
            part = unbound[start : start + _SERIES]
            await self._bind(block, part, width_ms=width_ms)
        return len(unbound)

    async def _bind(self, block: Block, which: Sequence[tuple[int, int]], *, width_ms: int) -> None:
        levels = METRICS[block.metric].kind is Kind.LEVEL
        whole: list[Row] = []
        parts: list[Row] = []
        for series_id, number in which:
            read = partial(self._rows, series_id=series_id, number=number, width_ms=width_ms)
            rows, runs = await self._means.read(partial(read, block=block))
            if not rows:
                continue  # all of it is damaged, or a part is missing and would be so for ever
            from_ms = number * BOUND_RUNS * width_ms
            until_ms = from_ms + BOUND_RUNS * width_ms
            names = [{"series_id": series_id, "width_ms": width_ms} | row for row in rows]
            revision = 1 + max(row["revision"] for row in names)
            name = series_id, from_ms, revision
            body = await asyncio.to_thread(pack_rollups, name, runs, levels=levels)
            bound = {"from_ms": from_ms, "until_ms": until_ms, "revision": revision, "body": body}
            whole.append({"series_id": series_id, "width_ms": width_ms} | bound)
            parts += [n for n in names if (n["from_ms"], n["until_ms"]) != (from_ms, until_ms)]
        await self._means.write({"upsert_rollups": whole, "delete_rollup": parts})

    def _rows(
        self, session: Session, *, series_id: int, number: int, width_ms: int, block: Block
    ) -> tuple[list[dict[str, int]], Rollups]:
        """What lies in the place of one bound row: the names of the rows, and all their runs;
        nothing where one is missing."""
        bound_ms = BOUND_RUNS * width_ms
        found, missing = self._reads.rollup_rows(
            session, series_id, width_ms=width_ms, of=block,
            span_ms=(number * bound_ms, (number + 1) * bound_ms),
        )  # fmt: skip
        names = [{"from_ms": a, "until_ms": b, "revision": c} for (a, b, c), _ in found]
        runs = Rollups.joined(width_ms, [runs for _, runs in found])
        return ([] if missing else names), runs
