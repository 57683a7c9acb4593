"""What is seen of the program when somebody asks, put into families one by one.

Only looks: nothing is computed that was not there, and what cannot be read now is left out.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sigmawatch import __version__
from sigmawatch.app.stations import VenueReport
from sigmawatch.app.telemetry import families
from sigmawatch.app.telemetry.families import Family
from sigmawatch.app.telemetry.values import put_values
from sigmawatch.domain.alert_state import Hold, Phase
from sigmawatch.domain.errors import Unavailable
from sigmawatch.domain.storage import StorageState
from sigmawatch.domain.stream import StreamReport, StreamState
from sigmawatch.domain.venue import VenueState

if TYPE_CHECKING:
    from sigmawatch.app.program import Program

WAL = "sigmawatch.db-wal"
REASONS_MAX = 20  # of rejected readings at a venue: their words are ours, but nothing counts them
OTHER = "other"


class Put(Protocol):
    """Takes one sample; labels in the family's order."""

    def __call__(self, family: Family, value: float, *labels: str) -> None: ...


async def see(program: Program, put: Put) -> None:
    """Everything that is looked at rather than counted."""
    now_ms = program.clock.now_ms()
    _see_program(program, put)
    for report in program.stations.reports():
        _see_venue(report, put, now_ms=now_ms)
    _see_slots(program, put, now_ms=now_ms)
    await _see_storage(program, put)
    await _see_alerts(program, put)
    await _see_outbox(program, put, now_ms=now_ms)
    if program.config.telemetry.values:
        put_values(
            program.snapshot, put, now_ms=now_ms, rows_max=program.config.telemetry.values_max
        )


def _see_program(program: Program, put: Put) -> None:
    put(families.BUILD_INFO, 1, __version__)
    put(families.DEMO, program.demo)
    put(families.READY, not program.readiness())
    put(families.STREAMS, program.streaming.readers_count)
    running = Counter(job.kind for job in program.jobs() if job.finished_ms is None)
    for kind in ("backfill", "sealing", "archiving", "backup"):
        put(families.JOBS, running[kind], kind)


def _see_venue(report: VenueReport, put: Put, *, now_ms: int) -> None:
    status, name = report.status, report.status.venue
    for state in VenueState:
        put(families.VENUE_STATE, status.state is state, name, state)
    put(families.VENUE_CIRCUIT, (status.until_ms or 0) > now_ms, name)
    seen_ms = status.since_ms if status.success_ms is None else status.success_ms
    put(families.VENUE_AGE, max(0, now_ms - seen_ms) / 1_000, name)
    if status.skew_ms is not None:
        put(families.VENUE_SKEW, status.skew_ms / 1_000, name)
    put(families.VENUE_SERIES, report.tracked_count, name)
    put(families.VENUE_SKIPPED, report.skipped_runs_count, name)
    if report.stream is not None:
        _see_stream(report.stream, put, venue=name)
    for reason, count in report.errors.items():
        put(families.VENUE_ERRORS, count, name, reason)
    for reason, count in _bounded(status.rejected).items():
        put(families.VENUE_REJECTED, count, name, reason)


def _see_stream(stream: StreamReport, put: Put, *, venue: str) -> None:
    for state in StreamState:
        put(families.STREAM_STATE, stream.state is state, venue, state)
    put(families.STREAM_SUBSCRIBED, stream.wanted, venue, "wanted")
    put(families.STREAM_SUBSCRIBED, stream.subscribed, venue, "confirmed")
    put(families.STREAM_FRAMES, stream.frames - stream.bad_frames, venue, "read")
    put(families.STREAM_FRAMES, stream.bad_frames, venue, "bad")
    put(families.STREAM_CONNECTIONS, stream.connections, venue)
    put(families.STREAM_REFUSED, stream.refused, venue)
    put(families.STREAM_TRADES, stream.trades, venue, "new")
    put(families.STREAM_TRADES, stream.duplicates, venue, "duplicate")
    put(families.STREAM_GAPS, stream.gaps, venue)


def _bounded(counts: Mapping[str, int]) -> Mapping[str, int]:
    """The first few reasons; the rest together."""
    found = dict(list(counts.items())[:REASONS_MAX])
    if rest := sum(counts.values()) - sum(found.values()):
        found[OTHER] = found.get(OTHER, 0) + rest
    return found


def _see_slots(program: Program, put: Put, *, now_ms: int) -> None:
    for board in program.snapshot.boards.values():
        ended_ms = board.interval.open_ms(board.slot + 1)
        put(families.SLOT_AGE, (now_ms - ended_ms) / 1_000, str(board.interval))
        put(families.SLOT_SERIES, len(board.series), str(board.interval))


async def _see_storage(program: Program, put: Put) -> None:
    for state in StorageState:
        put(families.STORAGE, program.storage.status.state is state, state)
    put(families.DAMAGED, len(program.damage))
    if not program.config.database.get_secret_value():
        put(families.WAL, await asyncio.to_thread(_size_bytes, program.config.data / WAL))


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


async def _see_alerts(program: Program, put: Put) -> None:
    judge = program.alerting.judge
    put(families.RULES, len(judge.in_force.rules))
    put(families.RULES_FAILING, len(judge.errors))
    phases, withheld = await program.tracker.computed(judge.seats.tally)
    for phase in Phase:
        put(families.ALERT_STATES, phases[phase], phase.name.lower())
    for hold in Hold:
        put(families.WITHHELD, withheld[hold], str(hold.name).lower())


async def _see_outbox(program: Program, put: Put, *, now_ms: int) -> None:
    try:
        lanes = await program.notifying.store.lanes()
    except Unavailable:
        return  # the storage's state says why
    put(families.OUTBOX_OPEN, sum(lane.count for lane in lanes.values()))
    oldest_ms = min((lane.oldest_ms for lane in lanes.values()), default=now_ms)
    put(families.OUTBOX_AGE, max(0, now_ms - oldest_ms) / 1_000)
