"""What a reader of the stream is told, and when it must start over; in a running program."""

from __future__ import annotations

import asyncio

import pytest
from tests.web.conftest import MOVES, World
from tests.web.listening import (
    PRICES,
    Heard,
    a_listener,
    applied,
    listening,
    snapshot,
)

from sigmawatch.app.streaming.hub import Hub
from sigmawatch.app.streaming.reader import WAITING_MAX, Listener
from sigmawatch.app.streaming.table import BEATS_MAX, Asked
from sigmawatch.domain.caller import LOCAL
from sigmawatch.domain.errors import NotFound
from sigmawatch.domain.market import parse_market
from sigmawatch.domain.watchlist import Watchlist


@pytest.fixture
async def moving(world: World) -> World:
    """Two slots later."""
    await world.pass_slots(2, MOVES)
    return world


@pytest.fixture
def hub(moving: World) -> Hub:
    return moving.program.streaming


async def test_the_snapshot_and_the_deltas_after_it_make_the_next_snapshot(
    moving: World, hub: Hub
) -> None:
    heard = await listening(hub)
    hello = await heard.until("hello")
    begun = await snapshot(hub)
    assert (hello["epoch"], hello["sequence"]) == (begun["epoch"], begun["sequence"])
    for number in range(1, 4):
        await moving.pass_slots(1, {"BTC": 1.5, "SOL": 1.0 + number / 100})
        delta = await heard.until("delta")
        assert delta["sequence"] == begun["sequence"] + number
        assert 0 < len(delta["columns"]["latest"][0]) < 12  # what moved, not the whole table
        applied(begun["columns"], delta)
        now = await snapshot(hub)
        assert now["sequence"] == begun["sequence"] + number
        assert now["columns"] == begun["columns"]
        assert now["slot"] == delta["slot"]


async def test_a_reader_that_was_cut_off_is_told_what_it_missed(moving: World, hub: Hub) -> None:
    """DESIGN.md: `Last-Event-ID` resumes or gets `reset`."""
    watching, heard = await listening(hub), await listening(hub)
    begun = await snapshot(hub)
    await moving.pass_slots(1, MOVES)
    applied(begun["columns"], await heard.until("delta"))
    hub.leave(heard.reader)
    for _ in range(WAITING_MAX + 3):
        await moving.pass_slots(1, MOVES)
        await watching.until("delta")
    again = await listening(hub, heard.last)
    hello = await again.told()
    assert hello[0] == "hello"
    assert again.last == heard.last
    for _ in range(WAITING_MAX + 3):
        name, delta = await again.told()
        assert name == "delta"
        applied(begun["columns"], delta)
    assert (await snapshot(hub))["columns"] == begun["columns"]


async def test_a_reader_of_something_else_starts_over(moving: World, hub: Hub) -> None:
    """SECURITY.md S08: resumes with B's event id: only A's data."""
    other = Asked(standing=PRICES.standing, page=2)
    elsewhere = Heard(await hub.join(other, a_listener(), last=None))
    await elsewhere.until("hello")
    for last in (elsewhere.last, "nonsense", "-", f"{elsewhere.last}9", "x-99999999999999999999"):
        heard = await listening(hub, last)
        assert (await heard.told())[0] == "reset"
        hello = await heard.until("hello")
        assert hello["epoch"] == (await snapshot(hub))["epoch"]


async def test_what_is_too_long_ago_cannot_be_gone_on_from(moving: World, hub: Hub) -> None:
    first = await listening(hub)
    await first.until("hello")
    for _ in range(3):
        await moving.pass_slots(1, MOVES)
        await first.until("delta")
    epoch = first.last.rpartition("-")[0]
    ahead = await listening(hub, f"{epoch}-{BEATS_MAX}")
    assert (await ahead.told())[0] == "reset"


async def test_a_reader_that_falls_behind_starts_over(moving: World, hub: Hub) -> None:
    """DASHBOARD.md 7: a per-client queue of 2, overflow -> `reset` (never a growing buffer)."""
    watching, slow = await listening(hub), await listening(hub)
    await slow.until("hello")
    for _ in range(WAITING_MAX):
        await moving.pass_slots(1, MOVES)
        await watching.until("delta")
    assert (await slow.told())[0] == "delta"
    last = {}
    for _ in range(WAITING_MAX):
        await moving.pass_slots(1, MOVES)
        last = await watching.until("delta")
    assert (await slow.told())[0] == "reset"
    assert (await slow.until("hello"))["sequence"] == last["sequence"]


async def test_all_who_are_told_the_same_are_sent_the_same_bytes(moving: World, hub: Hub) -> None:
    """DASHBOARD.md 3: compress once, send to all."""
    readers = [
        await hub.join(PRICES, Listener(caller=LOCAL, may_go_on=lambda: True, packed=True,
                                        place="here", place_max=9), last=None)
        for _ in range(3)
    ]  # fmt: skip
    hellos = [await reader.next() for reader in readers]
    await moving.pass_slots(1, MOVES)
    async with asyncio.timeout(60):
        told = [await reader.next() for reader in readers]
    assert hellos[0] is not hellos[1]
    assert all(one is told[0] for one in told)


async def test_other_series_begin_another_epoch(moving: World, hub: Hub) -> None:
    heard = await listening(hub)
    hello = await heard.until("hello")
    await moving.program.track(parse_market("KRAKEN:NEW/USD"), ["price"])
    await moving.clock.advance_to_ms(moving.clock.now_ms() + 2_000, turns=5)
    await moving.pass_slots(1, MOVES)
    await heard.until("reset")
    again = await heard.until("hello")
    now = await snapshot(hub)
    assert again["epoch"] == now["epoch"] != hello["epoch"]
    assert again["rows"] == len(now["columns"]["id"]) == 13


async def test_a_table_of_a_watchlist_holds_its_series_only(moving: World, hub: Hub) -> None:
    await moving.program.watchlists.add(Watchlist.of("coins", ["*:BTC/*", "kraken:ETH/USD"]))
    asked = Asked(standing=PRICES.standing, watchlist="coins")
    heard = Heard(await hub.join(asked, a_listener(), last=None))
    assert (await heard.until("hello"))["rows"] == 3
    assert sorted((await snapshot(hub, asked))["columns"]["pair"]) == [
        "BTC/USD", "BTC/USD", "ETH/USD",
    ]  # fmt: skip
    await moving.program.watchlists.remove("coins")
    await moving.pass_slots(1, MOVES)
    assert "watchlist" in (await heard.until("reset"))["reason"]
    assert (await heard.told())[0] == "end"
    with pytest.raises(NotFound):
        await hub.join(Asked(standing=PRICES.standing, watchlist="none"), a_listener(), last=None)


async def test_somebody_who_is_told_nothing_hears_a_comment_every_15_s(
    moving: World, hub: Hub
) -> None:
    heard = await listening(hub)
    await heard.until("hello")
    began_ms = moving.clock.now_ms()
    comment = asyncio.ensure_future(heard.event())
    while not comment.done() and moving.clock.now_ms() - began_ms < 20_000:
        await moving.clock.advance_to_ms(moving.clock.now_ms() + 1_000, turns=10)
    assert comment.result() == ("", None)
    assert 14_000 <= moving.clock.now_ms() - began_ms <= 17_000


async def test_who_may_read_no_more_is_cut_off_within_5_s(moving: World, hub: Hub) -> None:
    """SECURITY.md S02, S61: no further data after 5 s."""
    allowed = True
    heard = await listening(hub, may_go_on=lambda: allowed)
    await heard.until("hello")
    allowed = False
    ending = asyncio.ensure_future(heard.event())
    await moving.clock.advance_to_ms(moving.clock.now_ms() + 5_000, turns=10)
    assert ending.done()
    assert ending.result()[0] == "bye"
    assert (await heard.told())[0] == "end"


async def test_not_a_byte_is_told_after_access_was_taken_back(moving: World, hub: Hub) -> None:
    allowed = True
    heard = await listening(hub, may_go_on=lambda: allowed)
    allowed = False
    assert (await heard.told())[0] == "bye"
