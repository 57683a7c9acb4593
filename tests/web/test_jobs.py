"""`/jobs/{id}/cancel` and `/jobs/{id}/retry`: long work is ended, and begun anew."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.app.test_backups import Store
from tests.app.test_sealing import rigged
from tests.web.conftest import World

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.app.backfill import CANCELLED
from sigmawatch.app.backups import Backups
from sigmawatch.domain.errors import Unavailable


async def seen(world: World, holds: Callable[[Any], bool]) -> Any:
    """The back-fill of Kraken once it is as wanted."""
    async with asyncio.timeout(60):
        while True:
            listed = (await world.get("/jobs"))["items"]
            for job in listed:
                if job["venue"] == "KRAKEN" and holds(job):
                    return job
            await world.program.notifying.store.lanes()  # a turn of the loop, and of a thread


async def test_a_back_fill_is_cancelled_keeps_what_it_has_and_is_begun_anew(world: World) -> None:
    kraken = world.venues["KRAKEN"]
    await seen(world, lambda job: job["finished_at"] is not None)  # of the start
    await world.clock.advance_to_ms(world.clock.now_ms() + 5)
    kraken.candle_errors["BTCUSD"] = Unavailable("later", retry_after_s=300)
    await world.client.post("/api/v1/jobs", json={"kind": "backfill", "venue": "kraken"})
    job = await seen(world, lambda job: job["finished_at"] is None and job["done"] == 5)
    early = await world.client.post(f"/api/v1/jobs/{job['id']}/retry")
    assert (early.status_code, early.json()["type"]) == (409, "/problems/conflict")
    answer = await world.client.post(f"/api/v1/jobs/{job['id']}/cancel")
    assert (answer.status_code, answer.json()["id"]) == (200, job["id"])
    over = await seen(world, lambda job: job["finished_at"] is not None)
    assert (over["id"], over["done"], over["total"]) == (job["id"], 5, 6)
    assert over["reason"] == "cancelled"
    again = await world.client.post(f"/api/v1/jobs/{job['id']}/cancel")
    assert (again.status_code, again.json()["detail"]) == (409, "the job is over already")
    del kraken.candle_errors["BTCUSD"]
    await world.clock.advance_to_ms(world.clock.now_ms() + 5)
    retried = await world.client.post(f"/api/v1/jobs/{job['id']}/retry")
    assert (retried.status_code, retried.json()["id"]) == (202, job["id"])
    anew = await seen(world, lambda one: one["id"] != job["id"] and one["finished_at"] is not None)
    assert (anew["done"], anew["reason"]) == (6, None)


async def test_a_job_that_nobody_knows_is_not_found(world: World) -> None:
    for verb in ("cancel", "retry"):
        answer = await world.client.post(f"/api/v1/jobs/backfill:KRAKEN:1/{verb}")
        assert answer.status_code == 404
        assert "newest of each kind" in answer.json()["detail"]


async def test_a_sealing_ends_after_the_section_at_hand_and_goes_on_later(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        sealed = []

        async def between() -> None:
            sealed.append(rig.sealer.job)
            rig.sealer.cancel()

        rig.sealer._between = between
        job = await rig.sealer.run_once()
        assert job is not None
        assert (job.done, job.reason) == (1, CANCELLED)
        assert job.total > 1
        rest = await rig.sealer.run_once()
        assert rest is not None
        assert rest.total == job.total - 1


async def test_a_backup_is_cancelled_and_made_anew(tmp_path: Path) -> None:
    store = Store()
    store.gate.clear()
    backups = Backups(store, plan=None, clock=VirtualClock(0))
    making = asyncio.ensure_future(backups.make_for_ever())
    backups.ask(tmp_path)
    async with asyncio.timeout(60):
        while not backups.known[0].job.total:
            await asyncio.to_thread(str)
        backups.cancel()
        while backups.known[0].job.finished_ms is None:
            await asyncio.to_thread(str)
        assert backups.known[0].job.reason == CANCELLED
        assert await asyncio.to_thread(os.listdir, tmp_path) == []
        store.gate.set()
        backups.again()
        while backups.known[0].copied is None:
            await asyncio.to_thread(str)
    making.cancel()
    await asyncio.gather(making, return_exceptions=True)
    assert backups.known[0].path.exists()
