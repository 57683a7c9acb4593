"""While nothing can be stored: readings wait, nothing unstored is shown, slots go on closing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
from tests.app.test_tracker import S0, T0, Rig, running

from sigmawatch.adapters.ledgers.condition import Condition
from sigmawatch.domain.frame import Reason
from sigmawatch.domain.storage import StorageState
from sigmawatch.domain.window import MINUTE_MS


def condition_of(rig: Rig) -> Condition:
    condition: Condition = rig.ledger.storage  # type: ignore[assignment]
    return condition


async def test_readings_wait_for_room_and_slots_close_without_them(tmp_path: Path) -> None:
    """RELIABILITY.md P05; SEMANTICS.md 8: "Nothing is shown or sent before it is synced"."""
    async with running(tmp_path) as r, asyncio.TaskGroup() as group:
        condition_of(r).become(StorageState.FULL, "no room")
        publishing = group.create_task(r.publish(r.frame(S0, 10.0, 20.0)))
        await r.clock.advance_to_ms(T0 + MINUTE_MS, turns=50)
        await r.clock.advance_to_ms(T0 + MINUTE_MS + 10_000, turns=50)
        await r.settled(lambda: r.board.slot == S0)
        assert np.isnan(r.board.value).all()
        assert set(r.board.mark.tolist()) == {int(Reason.NOT_POLLED)}
        assert not publishing.done()
        condition_of(r).become(StorageState.OK)
        await publishing
        await r.clock.advance_to_ms(T0 + MINUTE_MS + 12_000, turns=50)
        await r.settled(lambda: r.board.value.tolist() == [10.0, 20.0])


async def test_what_is_looked_at_again_waits_for_room_too(tmp_path: Path) -> None:
    """A refresh, asked for by who tracks a market, does not hang on a full disk."""
    async with running(tmp_path) as r:
        condition_of(r).become(StorageState.READ_ONLY, "remounted")
        async with asyncio.timeout(60):
            await r.tracker.refresh()
        condition_of(r).become(StorageState.OK)
