"""`/ranking/history`, and what every row says of an hour and a day ago."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.web.conftest import MINUTE, MOVES, START_MS, VENUES, World, a_world, reading

from sigmawatch.app.web.moments import rfc3339
from sigmawatch.domain.errors import Unavailable
from sigmawatch.domain.rank_column import Standing
from sigmawatch.domain.window import DAY_MS, MINUTE_MS
from sigmawatch.engine.rank_history import is_quarter
from sigmawatch.ports.ranks import RankStore

FIRST = MINUTE.slot(START_MS)
SLOTS = 75
NEWEST = FIRST + SLOTS - 1
TEN = (10 * MINUTE_MS,)  # the standing window: ranks begin with the tenth slot
LATER = {**MOVES, "XRP": 1.2}  # what lay still becomes what moves most


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def aged(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A world after 75 slots, in the newest 25 of which another price moved most."""
    folder = tmp_path_factory.mktemp("aged")
    async with a_world(folder, windows_ms=TEN) as made:
        await made.pass_slots(50, MOVES)
        await made.pass_slots(25, LATER)
        yield made


def ranks_of(answer: Any) -> dict[str, list[int | None]]:
    return {one["name"]: one["ranks"] for one in answer["items"]}


@reading
async def test_every_row_says_its_rank_an_hour_ago(aged: World) -> None:
    """SEMANTICS.md 3: "Rank history is kept"."""
    page = await aged.get("/ranking", window="10m")
    history = await aged.get("/ranking/history", top=50)
    hour_ago = history["slots"].index("2026-11-21T08:14:00.000Z")
    assert history["slots"][-1] == page["slot"] == "2026-11-21T09:14:00.000Z"
    before = {name: ranks[hour_ago] for name, ranks in ranks_of(history).items()}
    assert before["KRAKEN:BTC/USD:price"] is not None
    for row in page["items"]:
        assert row["rank_1h_ago"] == before[row["name"]]
        assert row["of_1h_ago"] == history["of"][hour_ago]
        assert row["rank_change_1h"] == (
            None if row["rank_1h_ago"] is None else row["rank"] - row["rank_1h_ago"]
        )
        assert row["rank_24h_ago"] is row["of_24h_ago"] is None
    climbed = next(row for row in page["items"] if row["name"] == "BINANCE:BTC/USD:price")
    assert (climbed["rank"], climbed["rank_1h_ago"], climbed["rank_change_1h"]) == (3, 1, 2)
    ordered = await aged.get("/metrics", window="10m", sort="rank_change_1h")
    changes = [row["rank_change_1h"] for row in ordered["items"]]
    assert changes == sorted(changes, key=lambda one: (one is None, one))


@reading
@pytest.mark.parametrize(
    "query", [{"peers": "venue:kraken"}, {"by": "surge"}, {"window": "30m"}]
)  # fmt: skip
async def test_what_does_not_stand_has_no_past(aged: World, query: dict[str, str]) -> None:
    page = await aged.get("/ranking", **{"window": "10m", **query})
    assert {row["rank_1h_ago"] for row in page["items"]} == {None}
    assert {row["rank_change_1h"] for row in page["items"]} == {None}


@reading
async def test_the_history_tells_every_kept_slot_and_the_newest(aged: World) -> None:
    history = await aged.get("/ranking/history", ids="1,kraken:eth-usd:price")
    slots = range(FIRST - 1, NEWEST + 1)  # the program began with the slot before the first
    kept = [slot for slot in slots if slot >= NEWEST - 61 or is_quarter(MINUTE, slot)]
    assert history["slots"] == [rfc3339(MINUTE.open_ms(slot)) for slot in kept]
    assert (history["of"][0], history["of"][-1]) == (0, 12)
    assert history["items"][0]["id"] == 1
    assert all(len(one["ranks"]) == len(history["slots"]) for one in history["items"])
    page = await aged.get("/metrics", window="10m")
    now = {row["name"]: row["rank"] for row in page["items"]}
    assert all(ranks[-1] == now[name] for name, ranks in ranks_of(history).items())


@reading
async def test_without_ids_it_tells_of_those_that_lead_now(aged: World) -> None:
    history = await aged.get("/ranking/history", top=2)
    assert list(ranks_of(history)) == [f"{venue}:XRP/USD:price" for venue in VENUES]
    assert [ranks[-1] for ranks in ranks_of(history).values()] == [1, 1]
    half = await aged.get(
        "/ranking/history", top=1, **{"from": "2026-11-21T09:10:00Z", "to": "2026-11-21T09:13:00Z"}
    )
    assert half["slots"] == [f"2026-11-21T09:1{minute}:00.000Z" for minute in range(3)]


@reading
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=-1h&to=-2h", "from"),
        ("from=2026-11-21T09:00:00Z&to=2026-11-21T09:00:00Z", "from"),
        ("from=yesterday", "from"),
        ("to=soon", "to"),
        ("ids=,", "ids"),
        ("ids=" + ",".join(map(str, range(1, 60))), "ids"),
        ("ids=999", "id"),
        ("metric=bid&ids=1", "ids"),
        ("by=surge", "by"),
        ("top=0", "top"),
        ("metric=moon", "metric"),
    ],
)
async def test_what_cannot_be_told_is_refused_by_field(aged: World, query: str, field: str) -> None:
    answer = await aged.client.get(f"/api/v1/ranking/history?{query}")
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == field


@dataclass(kw_only=True)
class Away:
    """A store of ranks whose database is away at first."""

    store: RankStore
    for_calls: int

    async def rank_slots(self, standing: Standing, *, from_slot: int, to_slot: int) -> Any:
        self.for_calls -= 1
        if self.for_calls >= 0:
            raise Unavailable("the database cannot be reached")
        return await self.store.rank_slots(standing, from_slot=from_slot, to_slot=to_slot)

    async def rank_column(self, standing: Standing, slot: int) -> Any:
        return await self.store.rank_column(standing, slot)


async def test_ranks_are_read_back_though_the_database_is_away_at_first(tmp_path: Path) -> None:
    """RELIABILITY.md P25: what reads waits; nothing ends."""
    async with a_world(tmp_path / "data", windows_ms=TEN) as world:
        await world.pass_slots(61, MOVES)
        await world.program.ranks.save()
    at_ms = MINUTE.open_ms(FIRST + 61)
    async with a_world(tmp_path / "data", start_ms=at_ms, windows_ms=TEN) as world:
        ranks = world.program.ranks
        ranks._store = Away(store=ranks._store, for_calls=2)
        reading_back = asyncio.create_task(ranks.restore_at_last())
        while not reading_back.done():
            await world.clock.advance_to_ms(world.clock.now_ms() + 500)
        await reading_back
        assert len((await world.get("/ranking/history", top=1))["slots"]) > 1


async def test_quarters_come_back_after_a_restart_and_older_ones_are_thinned(
    tmp_path: Path,
) -> None:
    """An hour ago, a quarter of an hour is the nearest that is kept over a restart."""
    quarters = [slot for slot in range(FIRST - 1, FIRST + 61) if is_quarter(MINUTE, slot)]
    async with a_world(tmp_path / "data", windows_ms=TEN) as world:
        await world.pass_slots(61, MOVES)
        await world.program.ranks.save()
        before = await world.get("/ranking/history", top=50, **{"from": "-2h"})
    kept = {
        slot: {name: ranks[at] for name, ranks in ranks_of(before).items()}
        for at, slot in enumerate(before["slots"])
    }
    at_ms = MINUTE.open_ms(FIRST + 61)
    async with a_world(tmp_path / "data", start_ms=at_ms, windows_ms=TEN) as world:
        await world.program.ranks.restore()
        after = await world.get("/ranking/history", top=50, **{"from": "-2h"})
        assert len(after["slots"]) == len(quarters) + 1  # the newest slot beside them
        for at, slot in enumerate(after["slots"]):
            assert {name: ranks[at] for name, ranks in ranks_of(after).items()} == kept[slot]
        await world.pass_slots(14, MOVES)
        row = (await world.get("/ranking", window="10m"))["items"][0]
        assert row["rank_1h_ago"] == kept["2026-11-21T08:14:00.000Z"][row["name"]]
        await world.program.ranks.save()
    async with a_world(tmp_path / "data", start_ms=at_ms + 2 * DAY_MS, windows_ms=TEN) as world:
        hours = ["2026-11-21T07:59:00.000Z", "2026-11-21T08:59:00.000Z"]
        for keep_ms, stay in ((30 * DAY_MS, hours), (DAY_MS, [])):
            await world.program.ranks.thin(keep_ms=keep_ms)
            days = await world.get("/ranking/history", top=1, **{"from": "-3d"})
            assert days["slots"][:-1] == stay  # without the newest
