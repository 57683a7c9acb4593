"""The state of the storage: `/storage`, `/readyz`, the slot line, and how the program ends."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.app.doubles import MemoryVenue
from tests.web.conftest import World

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.condition import Condition
from sigmawatch.adapters.ledgers.ledger import SqlLedger
from sigmawatch.app.cli.exits import Exit, exit_of
from sigmawatch.app.cli.lines import slot_line
from sigmawatch.app.config import Config
from sigmawatch.app.wiring import build
from sigmawatch.domain.errors import StorageFailed, StorageUnavailable
from sigmawatch.domain.storage import StorageState
from sigmawatch.domain.window import DAY_MS


def condition_of(world: World) -> Condition:
    storage = world.program.storage
    assert isinstance(storage, Condition)
    return storage


async def test_a_full_disk_is_told_wherever_operations_are_and_reads_go_on(world: World) -> None:
    await world.pass_slots(1)
    condition_of(world).become(StorageState.FULL, "no room in the data folder")
    await world.clock.advance_to_ms(world.clock.now_ms() + 1_500)
    told = await world.get("/storage")
    assert (told["state"], told["reason"]) == ("full", "no room in the data folder")
    assert told["age_s"] == 1.5
    ready = await world.client.get("/readyz")
    assert ready.status_code == 503
    assert "storage full: no room in the data folder" in ready.json()["detail"]
    [board] = world.program.snapshot.boards.values()
    assert "STORAGE FULL" in str(slot_line(board, world.program))
    assert (await world.get("/metrics"))["items"], "what is stored is served"
    condition_of(world).become(StorageState.OK)
    assert (await world.get("/storage"))["state"] == "ok"
    assert (await world.client.get("/readyz")).status_code == 200
    assert "STORAGE" not in str(slot_line(board, world.program))


async def test_damage_is_told_by_what_it_told_of_and_when(world: World) -> None:
    """RELIABILITY.md P07: "damage reported by series + time range"."""
    assert (await world.get("/storage"))["damaged"] == []
    ledger = world.program._ports.ledger
    assert isinstance(ledger, SqlLedger)
    ledger._stored.note_damage(
        "column",
        "1:0",
        reason="torn",
        told={"series_id": 1, "from_ms": DAY_MS, "until_ms": 2 * DAY_MS},
    )
    told = await world.get("/storage")
    assert told["state"] == "ok", "everything else goes on"
    assert (told["damaged_count"], told["damaged"]) == (1, [{
        "what": "column 1:0", "reason": "torn", "series": 1, "block": None,
        "begin": "1970-01-02T00:00:00.000Z", "end": "1970-01-03T00:00:00.000Z",
    }])  # fmt: skip


async def test_the_program_ends_where_memory_may_differ_from_the_disk(tmp_path: Path) -> None:
    """RELIABILITY.md 2.0: "exit with a distinct code if state is doubtful"."""
    with pytest.raises(StorageFailed, match="the disk lies") as caught:
        await run_in_doubt(tmp_path)
    assert exit_of(caught.value) is Exit.STORAGE
    assert exit_of(StorageUnavailable("away")) is Exit.STORAGE


async def run_in_doubt(folder: Path) -> None:
    """A program that learns that its disk cannot be trusted."""
    clock = VirtualClock(0)
    async with (
        asyncio.timeout(60),
        build(Config(data=folder), clock=clock, venues=[MemoryVenue(clock)]) as program,
    ):
        storage = program.storage
        assert isinstance(storage, Condition)
        storage.become(StorageState.FAILED, "the disk lies", doubtful=True)
        await asyncio.Future()
