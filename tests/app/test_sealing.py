"""Sealing in the program: old days become packed, and what is told of them stays the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from tests.app.doubles import MemoryVenue, market
from tests.engine import oracle

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.config import BackfillConfig, Config, Track
from sigmawatch.app.history_config import HistoryConfig
from sigmawatch.app.past import Past
from sigmawatch.app.program import Program
from sigmawatch.app.sealing import SEAL_AFTER_MS, Sealer, Stores
from sigmawatch.app.wiring import build
from sigmawatch.domain.frame import Flag, Frame, Patch, Reason
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import DAY_MS, HOUR_MS, MINUTE_MS, Interval

MINUTE = Interval(MINUTE_MS)
DAY = 1_440
MIDNIGHT = 20_139 * DAY
NOW = MIDNIGHT + 700  # slots; sealing reaches back to the midnight before yesterday's
DAYS = 9
SEALED_MS = MINUTE.open_ms(MIDNIGHT - DAY)  # what lies before is old enough


def walk(count: int, *, seed: int = 1) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A price with a hole of two hours and one over midnight."""
    dice = np.random.default_rng(seed)
    values = np.round(100.0 * np.exp(np.cumsum(dice.normal(0, 1e-4, count))), 2)
    values[5_000:5_120] = np.nan
    values[6_900:7_600] = np.nan
    return values


class Rig:
    """A ledger with some days of one series, and what seals and reads it."""

    def __init__(
        self, ledger: SqliteLedger, *, series: Series, history: HistoryConfig, days: int
    ) -> None:
        self.ledger, self.series = ledger, series
        self.clock = VirtualClock(MINUTE.open_ms(NOW))
        self.catalogue = Catalogue()
        self.sealer = Sealer(
            Stores(history=ledger, sealing=ledger.sealing), catalogue=self.catalogue,
            config=history, clock=self.clock,
        )  # fmt: skip
        self.past = Past(ledger, hot=_nothing_is_hot, clock=self.clock)
        self.first = NOW - days * DAY
        self.values = walk(days * DAY)

    async def fill(self) -> None:
        self.catalogue.put(blocks=await self.ledger.blocks(), series=[self.series])
        there = ~np.isnan(self.values)
        marks = np.where(there, np.uint8(0), np.uint8(Reason.OUTAGE))
        frames = [
            Frame(
                block_id=self.series.block_id, slot=slot, revision=61_000,
                recv_ms=MINUTE.open_ms(slot) + 61_000,
                values=self.values[i : i + 1].tobytes(), marks=marks[i : i + 1].tobytes(),
            )
            for i, slot in enumerate(range(self.first, NOW))
        ]  # fmt: skip
        for start in range(0, len(frames), 5_000):
            async with self.ledger.transaction() as transaction:
                await transaction.frames.insert(frames[start : start + 5_000])

    def exact(self, days: float) -> oracle.Exact:
        slots = round(days * DAY)
        held = {self.first + i: v for i, v in enumerate(self.values.tolist()) if not np.isnan(v)}
        return oracle.window(held, last=NOW - 1, slots=slots)

    async def stored(self) -> tuple[int, int]:
        """Frames and patches, and the oldest slot among them."""
        items = [item async for batch in self.ledger.replay(from_ms=0) for item in batch]
        slots = [item.slot if isinstance(item, Frame) else item.from_slot for item in items]
        return len(items), min(slots, default=-1)


async def _nothing_is_hot(
    series: Series, *, from_slot: int, to_slot: int
) -> tuple[bytes, bytes] | None:
    return None


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rigged(tmp_path) as made:
        yield made


@asynccontextmanager
async def rigged(
    folder: Path, history: HistoryConfig | None = None, *, days: int = DAYS
) -> AsyncIterator[Rig]:
    ledger = await SqliteLedger.open(folder / "data", clock=VirtualClock(0))
    try:
        async with ledger.transaction() as transaction:
            series = await transaction.catalogue.add(
                market("BTC"), "price", interval=MINUTE, origin="api"
            )
        made = Rig(ledger, series=series, history=history or HistoryConfig(), days=days)
        await made.fill()
        yield made
    finally:
        await ledger.close()


async def test_days_older_than_a_restart_reads_back_are_sealed_and_told_as_before(
    rig: Rig,
) -> None:
    before = await rig.past.stretch(rig.series, from_slot=rig.first, to_slot=NOW)
    job = await rig.sealer.run_once()
    assert job is not None
    assert (job.kind, job.done, job.total, job.venue) == ("sealing", DAYS - 1, DAYS - 1, None)
    assert await rig.stored() == (700 + DAY, MIDNIGHT - DAY)
    assert SEALED_MS <= rig.clock.now_ms() - SEAL_AFTER_MS < SEALED_MS + DAY_MS
    assert await rig.past.stretch(rig.series, from_slot=rig.first, to_slot=NOW) == before
    assert await rig.sealer.run_once() is None, "there is nothing left to seal"


@pytest.mark.parametrize("days", [1, 7, 8.37, 30])
async def test_a_long_deviation_is_that_of_every_single_minute(tmp_path: Path, days: float) -> None:
    """SEMANTICS.md 3: "relative error <= 1e-12 against an exact reference"."""
    async with rigged(tmp_path, days=max(DAYS, round(days) + 3)) as rig:
        await rig.sealer.run_once()
        from_slot = NOW - round(days * DAY)
        told = await rig.past.statistics(rig.series, from_slot=from_slot, to_slot=NOW)
        exact = rig.exact(days)
    assert (told.from_slot, told.summary.n) == (from_slot, exact.n)
    assert told.summary.coverage == exact.n / (NOW - from_slot)
    for name in ("mean", "sigma_abs", "sigma_rel", "sigma_ret", "minimum", "maximum"):
        assert getattr(told.summary, name) == pytest.approx(getattr(exact, name), rel=1e-12), name
    assert told.change_pct == pytest.approx(exact.change_pct, rel=1e-12)


async def test_a_late_patch_changes_the_long_deviation_at_once(rig: Rig) -> None:
    await rig.sealer.run_once()
    hole = rig.first + 5_000
    patch = Patch(
        series_id=rig.series.id, from_slot=hole, revision=NOW, recv_ms=rig.clock.now_ms(),
        values=np.full(120, 150.0).tobytes(), marks=bytes([Flag.FILLED]) * 120,
    )  # fmt: skip
    async with rig.ledger.transaction() as transaction:
        await transaction.frames.insert([patch])
    rig.values[5_000:5_120] = 150.0
    for _ in ("told from the patch", "told from what was sealed again"):
        told = await rig.past.statistics(rig.series, from_slot=rig.first, to_slot=NOW)
        assert told.summary.sigma_abs == pytest.approx(rig.exact(DAYS).sigma_abs, rel=1e-12)
        await rig.sealer.run_once()
    assert (await rig.stored())[0] == 700 + DAY


async def test_each_tier_is_kept_as_long_as_configured(tmp_path: Path) -> None:
    async with rigged(tmp_path, HistoryConfig(raw_days=3, hourly_days=8), days=12) as rig:
        await rig.sealer.run_once()
        oldest_ms = await rig.ledger.oldest_ms(rig.series)
        kept_ms = rig.clock.now_ms() - 3 * DAY_MS
        assert oldest_ms is not None
        assert oldest_ms <= kept_ms < oldest_ms + DAY_MS
        runs = await rig.past.runs(rig.series, width_ms=HOUR_MS, from_slot=rig.first, to_slot=NOW)
        hours_ms = rig.clock.now_ms() - 8 * DAY_MS
        assert int(runs.at[0]) * HOUR_MS <= hours_ms < int(runs.at[0]) * HOUR_MS + DAY_MS
        told = await rig.past.statistics(rig.series, from_slot=NOW - 7 * DAY, to_slot=NOW)
        assert MINUTE.open_ms(told.from_slot) % HOUR_MS == 0, "whole hours are all that is known"
        assert told.from_slot - (NOW - 7 * DAY) == 20
        assert told.summary.sigma_abs == pytest.approx(
            rig.exact((NOW - told.from_slot) / DAY).sigma_abs, rel=1e-12
        )


async def test_memory_is_asked_only_for_what_a_restart_reads_back(rig: Rig) -> None:
    """Rows of the table may be older than that, and then hold nothing that disk does not."""
    asked: list[int] = []

    async def empty(series: Series, *, from_slot: int, to_slot: int) -> tuple[bytes, bytes]:
        asked.append(from_slot)
        count = to_slot - from_slot
        return np.full(count, np.nan).tobytes(), bytes([Reason.NOT_POLLED]) * count

    past = Past(rig.ledger, hot=empty, clock=rig.clock)
    old, young = NOW - 26 * 60, NOW - 24 * 60
    values, _ = await past.columns(rig.series, from_slot=old, to_slot=old + 3)
    assert np.isfinite(values).all()
    await past.columns(rig.series, from_slot=young, to_slot=young + 3)
    assert asked == [young]


async def test_a_program_that_runs_seals_what_is_old_and_tells_its_progress(
    tmp_path: Path,
) -> None:
    async with rigged(tmp_path) as rig:  # the newest slot is polled once more
        before = await rig.past.stretch(rig.series, from_slot=rig.first, to_slot=NOW - 1)
    clock = VirtualClock(MINUTE.open_ms(NOW) + 5_000)
    venue = MemoryVenue(clock)
    venue.listed, venue.prices = [market("BTC")], {"BTCUSD": 100.0}
    config = Config(
        data=tmp_path / "data", backfill=BackfillConfig(enabled=False),
        track=(Track(venue="kraken", markets=("BTC/USD",), metrics=("price",)),),
    )  # fmt: skip
    async with build(config, clock=clock, venues=[venue]) as program:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(program.serve_until_cancelled())
            await sealed(program, clock)
            task.cancel()
        [series] = program.catalogue.series
        after = await program.stretch(series, from_slot=rig.first, to_slot=NOW - 1)
        assert after == before


async def sealed(program: Program, clock: VirtualClock) -> None:
    """Let time pass until a sealing has ended."""
    for _ in range(5_000):
        jobs = [job for job in program.jobs() if job.kind == "sealing"]
        if jobs and jobs[0].finished_ms is not None:
            assert jobs[0].done == jobs[0].total == DAYS - 1
            return
        await clock.advance_to_ms(clock.now_ms() + 50, turns=3)
        await asyncio.sleep(0.001)  # the threads' turn
    raise AssertionError("it never sealed")
