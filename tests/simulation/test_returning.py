"""A market that was removed and is tracked again, through the whole program: what was recorded of
it is there again, with a gap in between, and rules about it begin anew."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.simulation.world import NO_BACKFILL, World, a_double, a_world, configured, until

VENUE, PAIR = "KRAKEN", "ETH/USD"
NAME = f"{VENUE}:{PAIR}:price"
AWAY_SLOTS = 3
GAP = (None, ["not_polled"])
ASKED = {"market": f"{VENUE}:{PAIR}", "metrics": ["price"]}
HIGH = {"condition": "price > 1", "target": [f"{VENUE}:{PAIR}"], "cooldown": "0s"}


@pytest.fixture(params=["embedded", "server"])
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    """Where everything is kept: a file, or a PostgreSQL server."""
    if request.param == "embedded":
        return {}
    return {"database": request.getfixturevalue("postgres_url")}


async def untracked(world: World) -> None:
    answer = await world.client.delete(f"/api/v1/metrics/{NAME.replace('/', '-')}")
    assert answer.status_code == 204, answer.text


async def tracked(world: World) -> None:
    answer = await world.client.post("/api/v1/metrics", json=ASKED)
    assert answer.status_code == 201, answer.text


async def shown(world: World, first: int) -> tuple[int, int, list[Any]]:
    """Its id, of how many values its statistics are, and its records since a slot."""
    await world.program.tracker.refresh()
    row = await world.row(NAME)
    return row["id"], row["n"], await world.records(NAME, first, world.slot - 1)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("restarts", [False, True], ids=["at once", "after a restart"])
async def test_what_was_recorded_is_there_again_with_a_gap(
    tmp_path: Path, database: dict[str, str], restarts: bool
) -> None:
    async with a_double() as double, AsyncExitStack() as life:
        config = configured(
            double, tmp_path / "data", names=(VENUE,), backfill=NO_BACKFILL, **database
        )
        world = await life.enter_async_context(a_world(double, config))
        await world.begin()
        first = world.slot
        await world.pass_slots(4)
        before = await shown(world, first)
        await untracked(world)
        await world.pass_slots(AWAY_SLOTS)
        if restarts:
            await life.aclose()
            world = await life.enter_async_context(a_world(double, config))
            await until(world.polled)
        await tracked(world)
        await world.pass_slots(2)
        after = await shown(world, first)
        assert after[0] == before[0]
        assert after[2][: 4 + AWAY_SLOTS] == before[2] + [GAP] * AWAY_SLOTS
        assert all(value is not None for value, _ in after[2][4 + AWAY_SLOTS :])
        assert after[1] == before[1] + 2
        await life.aclose()
        world = await life.enter_async_context(a_world(double, config))
        await until(world.polled)
        assert await shown(world, first) == after, "a restart changes nothing of it"


@pytest.mark.timeout(300)
async def test_a_rule_about_it_begins_anew(tmp_path: Path) -> None:
    async with a_double() as double:
        config = configured(double, tmp_path / "data", names=(VENUE,), backfill=NO_BACKFILL)
        async with a_world(double, config) as world:
            await world.begin()
            await world.program.rulebook.put("high", HIGH)
            await world.pass_slots(2)
            await untracked(world)
            await world.pass_slots(2)
            (ended,) = await episodes(world)
            assert ended["reason"] == "the series is not tracked any more"
            await tracked(world)
            await world.pass_slots(2)
            (anew,) = [one for one in await episodes(world) if one["id"] != ended["id"]]
            assert (anew["series_id"], anew["closed_at"]) == (ended["series_id"], None)


async def episodes(world: World) -> list[Any]:
    items = (await world.get("/episodes"))["items"]
    return [one for one in items if one["rule"] == "high"]
