"""Who reads the stream at the same time, and what is told beside tables, in a running program."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from tests.web.conftest import MOVES, World, a_world
from tests.web.listening import (
    PRICES,
    Heard,
    a_hub,
    a_listener,
    an_episode,
    listening,
    snapshot,
)

from sigmawatch.app.streaming.hub import Full, Hub
from sigmawatch.app.streaming.reader import Reader
from sigmawatch.app.streaming.table import Asked, Beat, News
from sigmawatch.app.streaming.wire import Piece
from sigmawatch.domain.caller import LOCAL, Caller, Role, Scope
from sigmawatch.domain.errors import Unavailable
from sigmawatch.domain.venue import VenueState


@pytest.fixture
async def moving(world: World) -> World:
    """Two slots later."""
    await world.pass_slots(2, MOVES)
    return world


@pytest.fixture
def hub(moving: World) -> Hub:
    return moving.program.streaming


async def test_no_more_than_so_many_read_at_a_time(moving: World, hub: Hub) -> None:
    """SECURITY.md S44: one SSE over the limit, 21st per key."""
    mine = [await listening(hub, place="key k1", place_max=20) for _ in range(20)]
    with pytest.raises(Full, match="20"):
        await listening(hub, place="key k1", place_max=20)
    await listening(hub, place="key k2", place_max=20)
    hub.leave(mine[0].reader)
    await listening(hub, place="key k1", place_max=20)


async def test_two_who_come_at_once_do_not_both_get_the_last_place(moving: World, hub: Hub) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_come(hub)) for _ in range(5)
        ]  # fmt: skip
    assert sum(task.result() for task in tasks) == 1


async def _come(hub: Hub) -> bool:
    try:
        await listening(hub, place="key", place_max=1)
    except Full:
        return False
    return True


async def test_venues_and_episodes_are_told_to_who_may_read_them(moving: World, hub: Hub) -> None:
    metrics_only = Caller.anonymous([Scope.READ_METRICS])
    everything, little = await listening(hub), await listening(hub, caller=metrics_only)
    for heard in (everything, little):
        assert {one["venue"] for one in (await heard.until("hello"))["venues"]} == {
            "BINANCE", "KRAKEN",
        }  # fmt: skip
    series = moving.program.catalogue.series[0]
    hub.note_episodes([an_episode(series_id=series.id)])
    moving.venues["KRAKEN"].error = Unavailable("away")
    await moving.pass_slots(1, MOVES)
    told = await everything.until("episode")
    assert (told["id"], told["series"]) == (f"7-{series.id}-60000", series.name)
    names = [(await little.told())[0]]
    while names[-1] != "delta":
        names.append((await little.told())[0])
    assert "episode" not in names


async def test_the_end_of_the_program_is_said(moving: World, hub: Hub) -> None:
    """RELIABILITY.md P28: SSE clients get `bye`."""
    heard = await listening(hub)
    hub.close()
    assert (await heard.told())[0] == "bye"
    assert (await heard.told())[0] == "end"
    late = await listening(hub)
    assert (await late.told())[0] == "bye"


async def test_a_program_that_is_no_longer_shown_sends_its_readers_on(tmp_path: Path) -> None:
    """SEMANTICS.md 5: the program switches to live with a `reset`."""
    async with a_world(tmp_path / "data") as world:
        await world.pass_slots(2, MOVES)
        heard = await listening(world.program.streaming)
        await heard.until("hello")
    assert (await heard.told())[0] == "reset"
    assert (await heard.told())[0] == "end"


async def test_a_table_that_nobody_reads_gives_way_to_one_that_is_asked_for(
    moving: World, hub: Hub
) -> None:
    pages = [Asked(standing=PRICES.standing, page=page) for page in range(1, 34)]
    first = await hub.join(pages[0], a_listener(), last=None)
    for asked in pages[1:]:
        await hub.document(asked)
    assert hub.readers_count == 1
    assert (await snapshot(hub, pages[0]))["epoch"] == first.table.told.epoch  # it is read
    for asked in pages[1:32]:
        await hub.join(asked, a_listener(), last=None)
    with pytest.raises(Full, match="32"):
        await hub.document(pages[32])


async def test_who_come_at_once_for_the_last_table_are_told_what_happens_or_refused(
    moving: World, hub: Hub
) -> None:
    pages = [Asked(standing=PRICES.standing, page=page) for page in range(1, 35)]
    for asked in pages[:31]:
        await hub.join(asked, a_listener(), last=None)
    coming = [hub.join(asked, a_listener(), last=None) for asked in pages[31:]]
    found = await asyncio.gather(*coming, return_exceptions=True)
    readers = [one for one in found if isinstance(one, Reader)]
    assert len(readers) == 1
    assert sum(isinstance(one, Full) for one in found) == 2
    heard = Heard(readers[0])
    await heard.until("hello")
    await moving.pass_slots(1, MOVES)
    await heard.until("delta")
    hub.leave(readers[0])


async def test_a_table_that_nobody_reads_is_let_go_after_two_minutes(
    moving: World, hub: Hub
) -> None:
    other = Asked(standing=PRICES.standing, page=2)
    begun = await snapshot(hub, other)
    await listening(hub)  # so that the hub is at work
    assert (await snapshot(hub, other))["epoch"] == begun["epoch"]
    await moving.clock.advance_to_ms(moving.clock.now_ms() + 121_000, turns=3)
    assert (await snapshot(hub, other))["epoch"] != begun["epoch"]


@pytest.mark.parametrize(
    ("caller", "told"),
    [
        (LOCAL, True),
        (Caller.user(1, role=Role.READER, name="hers"), True),
        (Caller.user(2, role=Role.EDITOR, name="his"), False),
        (Caller.user(3, role=Role.ADMIN, name="admin"), True),
        (Caller.anonymous([Scope.READ_ALERTS]), False),
        (Caller.anonymous([Scope.READ_METRICS]), False),
    ],
)
def test_an_episode_of_a_users_rule_is_told_to_that_user_and_admins(
    caller: Caller, told: bool
) -> None:
    """SECURITY.md S08: only A's data."""
    news = News(piece=Piece.of(b"her episode"), scope=Scope.READ_ALERTS, owner_id=1)
    beat = Beat(1, delta=Piece.of(b"delta"), news=[news])
    for _ in range(2):  # what was made for one is not told to another
        assert (b"her" in beat.wire(caller, packed=False)) == told
        assert b"her" in beat.wire(LOCAL, packed=False)


async def test_who_comes_takes_no_news_from_who_reads_already(moving: World) -> None:
    states = list(moving.program.stations.statuses())
    hub = a_hub(moving, venues=lambda: states)
    first = await listening(hub)
    states[0] = replace(states[0], state=VenueState.DOWN, detail="away")
    second = await listening(hub)
    assert (await second.until("hello"))["venues"][0]["state"] == "down"
    running = asyncio.ensure_future(hub.run_for_ever())
    assert (await first.until("hello"))["venues"][0]["venue"] == states[0].venue
    told = await first.until("venue")
    assert (told["venue"], told["state"], told["detail"]) == (states[0].venue, "down", "away")
    running.cancel()
    await asyncio.wait([running])


async def test_a_database_that_is_away_is_waited_for(moving: World) -> None:
    """RELIABILITY.md: what fails degrades alone; episodes are told once their rules can be read."""
    away = True

    async def rule_of(_: int) -> None:
        if away:
            raise Unavailable("the database is away")

    hub = a_hub(moving, rule_of=rule_of)
    running = asyncio.ensure_future(hub.run_for_ever())
    heard = await listening(hub)
    await heard.until("hello")
    hub.note_episodes([an_episode(series_id=1)])
    await moving.pass_slots(1, MOVES)
    assert (await heard.told())[0] == "delta"
    away = False
    await moving.pass_slots(1, MOVES)
    assert (await heard.told())[0] == "episode"
    running.cancel()
    await asyncio.wait([running])
    assert (await heard.until("reset"))["reason"]
