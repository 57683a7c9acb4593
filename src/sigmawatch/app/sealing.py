"""Sealing: days that left memory become columns and rollups, in the background.

Every hour, section after section, oldest first: put together, rolled up, stored, and only then are
its frames and patches let go; then rollups are bound, and what is older than configured goes, but
what an archive still lacks (app.archiving, which has a loop of its own). All of it in small
transactions, so a slot waits for one of them at most, and none of it in memory but the section at
hand. Cut off anywhere it goes on where it was: what is to be done follows from what is stored
(ports.history).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from sigmawatch.app.archiving import Archiver
from sigmawatch.app.backfill import CANCELLED, Job
from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.history_config import HistoryConfig
from sigmawatch.app.timing import until
from sigmawatch.app.tracker import HOT_MS
from sigmawatch.domain.errors import Unavailable
from sigmawatch.domain.metric import METRICS, Kind
from sigmawatch.domain.series import Block
from sigmawatch.domain.window import DAY_MS, HOUR_MS, MINUTE_MS
from sigmawatch.engine.rollups import Rollups, Slotted, rolled_up
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.history import Folded, History, Pause, Sealing, Section, at_once

SEAL_AFTER_MS = HOT_MS + HOUR_MS  # a restart reads HOT_MS back; what is younger stays as it came
EVERY_MS = HOUR_MS
OFFSET_MS = MINUTE_MS // 2  # after the full hour, away from the boundaries of slots
ROWS_MAX = 2_000
SERIES_AT_ONCE = 16  # 5 ms of processor: a slot that begins meets no more of it

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What is sealed, and how. between: waited for before each step, while a slot is made."""

    history: History
    sealing: Sealing
    archiver: Archiver | None = None
    between: Pause = at_once


class Sealer:
    """One round after another, for all blocks."""

    def __init__(
        self, stores: Stores, *, catalogue: Catalogue, config: HistoryConfig, clock: Clock,
    ) -> None:  # fmt: skip
        self._history, self._sealing = stores.history, stores.sealing
        self._archiver, self._between = stores.archiver, stores.between
        self._catalogue, self._config, self._clock = catalogue, config, clock
        self._wanted = asyncio.Event()
        self._cancelled = False
        self.job: Job | None = None

    def want(self) -> None:
        """Have a round soon."""
        self._wanted.set()

    def cancel(self) -> None:
        """End the sealing under way after the section at hand; the next round goes on there."""
        self._cancelled = True

    def jobs(self) -> Sequence[Job]:
        """The newest of sealing and of archiving."""
        archiving = None if self._archiver is None else self._archiver.job
        return [job for job in (self.job, archiving) if job is not None]

    async def run_for_ever(self) -> None:
        """A round soon after the start and after every full hour, and archiving beside."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._seal_for_ever(), name="sealing")
            if self._archiver is not None:
                group.create_task(self._archiver.run_for_ever(), name="archiving")

    async def _seal_for_ever(self) -> None:
        due_ms = self._clock.now_ms() + OFFSET_MS
        while True:
            await until(self._wanted, clock=self._clock, ts_ms=due_ms)
            self._wanted.clear()
            await self.run_once()
            due_ms = self._clock.now_ms() // EVERY_MS * EVERY_MS + EVERY_MS + OFFSET_MS

    async def run_once(self) -> Job | None:
        """Seal what is old enough, bind, and let go what is too old; the job, None where there was
        nothing to seal, or another program on this database does it."""
        try:
            async with self._sealing.alone() as alone:
                return await self._round() if alone else None
        except Unavailable as exc:  # or Superseded: what is left undone is found in the next one
            log.warning("sealing_cut_off", reason=str(exc))
            return None

    async def _round(self) -> Job | None:
        now_ms = self._clock.now_ms()
        blocks = list(self._catalogue.blocks.values())
        sections = [
            section
            for block in blocks
            for section in await self._sealing.unsealed(block, before_ms=now_ms - SEAL_AFTER_MS)
        ]
        job = await self._seal_all(sections, started_ms=now_ms) if sections else None
        for block in blocks:
            await self._clear(block)
            await self._sealing.bind(block, before_ms=now_ms - SEAL_AFTER_MS, rows_max=ROWS_MAX)
        await self._sealing.thin()
        await self._prune(now_ms)
        if self._archiver is not None:
            self._archiver.want()
        return job

    async def _seal_all(self, sections: Sequence[Section], *, started_ms: int) -> Job:
        sections = sorted(sections, key=lambda section: section.from_ms)
        job = Job(
            id=f"sealing:{started_ms}", kind="sealing", venue=None, started_ms=started_ms,
            total=len(sections),
        )  # fmt: skip
        self.job, self._cancelled = job, False
        for section in sections:
            if self._cancelled:
                self.job = replace(self.job, reason=CANCELLED)
                break
            await seal(self._sealing, section, between=self._between)
            await self._clear(section.block)
            self.job = replace(self.job, done=self.job.done + 1)
        self.job = replace(self.job, finished_ms=self._clock.now_ms())
        log.info("sealed", sections_count=self.job.done,
                 took_ms=self._clock.now_ms() - started_ms)  # fmt: skip
        return self.job

    async def _clear(self, block: Block) -> None:
        gone = ROWS_MAX
        while gone == ROWS_MAX:
            gone = await self._sealing.clear(block, rows_max=ROWS_MAX, between=self._between)

    async def _prune(self, now_ms: int) -> None:
        config = self._config
        before_ms = now_ms - config.raw_days * DAY_MS
        keep_ms = None if self._archiver is None else await self._archiver.keep_ms()
        days = {5 * MINUTE_MS: config.five_minute_days, HOUR_MS: config.hourly_days}
        rollups_before_ms = {
            width_ms: now_ms - kept * DAY_MS for width_ms, kept in days.items() if kept is not None
        }
        pruned = ROWS_MAX
        while pruned == ROWS_MAX:
            pruned = await self._history.prune(
                before_ms=before_ms if keep_ms is None else min(before_ms, keep_ms),
                rows_max=ROWS_MAX,
                rollups_before_ms=rollups_before_ms,
            )


async def seal(sealing: Sealing, section: Section, *, between: Pause = at_once) -> None:
    """Seal one section, for the first time or with what came since. between: waited for before
    each step."""
    folded = await sealing.fold(section, between=between)
    rollups: list[Sequence[Rollups]] = []
    for start in range(0, len(folded.series_ids), SERIES_AT_ONCE):
        await between()
        part = slice(start, start + SERIES_AT_ONCE)
        rollups += await asyncio.to_thread(rolled_up_of, folded, part)
    await sealing.seal(folded, rollups, between=between)


def rolled_up_of(folded: Folded, part: slice) -> Sequence[Sequence[Rollups]]:
    """The rollups of some series, one for each width; a few at a time, which bounds what it takes
    of memory."""
    block = folded.section.block
    slots = Slotted(
        from_slot=folded.section.from_slot, interval_ms=block.interval.ms,
        values=folded.values[:, part], marks=folded.marks[:, part],
        levels=METRICS[block.metric].kind is Kind.LEVEL,
    )  # fmt: skip
    widths = (rolled_up(slots, width_ms=ms) for ms in block.interval.rollup_widths_ms)
    return list(zip(*widths, strict=True))
