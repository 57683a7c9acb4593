"""Background work gives way to a slot, and never for ever."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.app.test_sealing import rigged

from sigmawatch.app.compute import ComputeThread
from sigmawatch.app.history_config import HistoryConfig
from sigmawatch.app.sealing import Sealer, Stores


async def test_a_day_is_sealed_step_by_step_and_every_step_waits_for_a_slot_under_way(
    tmp_path: Path,
) -> None:
    thread, steps, begun = ComputeThread(), 0, asyncio.Event()

    async def counted() -> None:
        nonlocal steps
        steps += 1
        begun.set()
        await thread.calm()

    async with rigged(tmp_path) as rig:
        stores = Stores(history=rig.ledger, sealing=rig.ledger.sealing, between=counted)
        sealer = Sealer(stores, catalogue=rig.catalogue, config=HistoryConfig(), clock=rig.clock)
        with thread.hurry():
            sealing = asyncio.ensure_future(sealer.run_once())
            await begun.wait()
            for _ in range(1_000):
                await asyncio.sleep(0)
            assert steps == 1
        assert await sealing is not None
        assert steps > 50
    thread.close()


async def test_calm_comes_with_the_end_of_the_last_hurry() -> None:
    thread = ComputeThread()
    await thread.calm()
    with thread.hurry():
        with thread.hurry():
            waiting = asyncio.ensure_future(thread.calm())
        await asyncio.sleep(0)
        assert not waiting.done()
    await waiting
    thread.close()


async def test_streams_that_never_pause_do_not_stop_it() -> None:
    thread = ComputeThread(patience_s=0.01)
    with thread.hurry():
        await thread.calm()
    thread.close()
