"""Archiving: every sealed section is written out, once for each revision of it.

What is to be done follows from what is sealed and what the archive holds, so it goes on where it
was. It has a loop of its own: an archive that is slow, or cannot be written, stops nobody. It is
tried again after a minute, then ever later, up to an hour; `GET /jobs` says why. Until it holds a
section, slots from there on are not let go for their age, unless the configuration says so.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

import structlog

from sigmawatch.app.archived_rows import all_rows
from sigmawatch.app.backfill import Job
from sigmawatch.app.catalogue import Catalogue
from sigmawatch.domain.errors import Refused, StorageFailed, Unavailable
from sigmawatch.domain.window import HOUR_MS, MINUTE_MS
from sigmawatch.ports.archive import Archive
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.history import Sealing, Section
from sigmawatch.ports.ledger import Ledger

RETRY_MIN_MS, RETRY_MAX_MS = MINUTE_MS, HOUR_MS
FAILURES_MAX = 3  # in a row: then it is the archive, and not some file in the way

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """An archive, and where comes from what goes there. required: slots stay until it has them."""

    archive: Archive
    ledger: Ledger
    sealing: Sealing
    required: bool = True


class Archiver:
    """One archive of all blocks. job: the newest round that found something to do, or failed."""

    def __init__(self, shelf: Shelf, *, catalogue: Catalogue, clock: Clock) -> None:
        self._shelf, self._catalogue, self._clock = shelf, catalogue, clock
        self._held: dict[Section, int] = {}  # the newest revision there, as far as we know
        self._wanted = asyncio.Event()
        self.job: Job | None = None

    def want(self) -> None:
        """Something may have been sealed."""
        self._wanted.set()

    async def run_for_ever(self) -> None:
        """A round whenever something may be new, and again and again while one fails."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            wait_ms = RETRY_MIN_MS
            while not await self.run_once():
                await self._clock.sleep_until_ms(self._clock.now_ms() + wait_ms)
                wait_ms = min(2 * wait_ms, RETRY_MAX_MS)

    async def run_once(self) -> bool:
        """Write what is missing; whether nothing failed. Where another program on this database
        archives now, nothing is done."""
        now_ms = self._clock.now_ms()
        job = Job(id=f"archiving:{now_ms}", kind="archiving", venue=None, started_ms=now_ms)
        try:
            async with self._shelf.ledger.claimed("archiving") as claim:
                if claim is not None:
                    job = await self._round(job)
        except StorageFailed:
            raise
        except (Refused, Unavailable) as exc:
            job = self._failed(job, exc)
        if job.total or job.failed or (self.job is not None and self.job.failed):
            self.job = replace(job, finished_ms=self._clock.now_ms())
        return not job.failed

    async def _round(self, job: Job) -> Job:
        await self._look()
        lacking = await self._lacking()
        job = replace(job, total=len(lacking))
        in_a_row = 0
        for section in lacking:
            if in_a_row == FAILURES_MAX:
                break
            self.job = job
            try:
                await self._keep(section)
            except StorageFailed:
                raise
            except Refused as exc:
                job, in_a_row = self._failed(job, exc), in_a_row + 1
            else:
                job, in_a_row = replace(job, done=job.done + 1), 0
        return job

    def _failed(self, job: Job, exc: Refused | Unavailable) -> Job:
        log.error("archive_failed", reason=str(exc))
        return replace(job, failed=job.failed + 1, reason=str(exc))

    async def _look(self) -> None:
        """See what is there."""
        held: dict[Section, int] = {}
        for block in list(self._catalogue.blocks.values()):
            there = await self._shelf.archive.held(block)
            held |= {Section(block=block, from_slot=slot): there[slot] for slot in there}
        self._held = held

    async def _lacking(self) -> list[Section]:
        """What is sealed, and for all we know not there in its newest revision; oldest first."""
        lacking = [
            section
            for block in list(self._catalogue.blocks.values())
            for section, revision in await self._shelf.sealing.sealed(block)
            if self._held.get(section, 0) < revision
        ]
        return sorted(lacking, key=lambda section: section.from_ms)

    async def _keep(self, section: Section) -> None:
        whole = await self._shelf.sealing.whole(section)
        if whole.torn:  # what the archive has may be the last that is sound
            raise Refused(f"{len(whole.torn)} series of block {section.block.id} from slot "
                          f"{section.from_slot} on are damaged")  # fmt: skip
        names = await self._shelf.sealing.names(section.block)
        rows = all_rows(whole, names=names)
        await self._shelf.archive.store(section, rows, revision=whole.revision)
        self._held[section] = whole.revision

    async def keep_ms(self) -> int | None:
        """From where on slots must stay, because they are not known to be in the archive; None:
        nowhere."""
        if not self._shelf.required:
            return None
        return min((section.from_ms for section in await self._lacking()), default=None)
