"""Readers: who is told what, who must start over, who is sent away; in a running program."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from tests.web.conftest import MINUTE, MOVES, World, a_world

from sigmawatch.app.streaming.hub import Full, Hub, Sources
from sigmawatch.app.streaming.picking import Picker
from sigmawatch.app.streaming.reader import WAITING_MAX, Listener, Reader
from sigmawatch.app.streaming.table import BEATS_MAX, Asked, Beat, News
from sigmawatch.app.streaming.wire import Piece
from sigmawatch.domain.alert import Episode, Severity
from sigmawatch.domain.caller import LOCAL, Caller, Role, Scope
from sigmawatch.domain.errors import NotFound, Unavailable
from sigmawatch.domain.market import parse_market
from sigmawatch.domain.rank_column import Standing
from sigmawatch.domain.venue import VenueState
from sigmawatch.domain.watchlist import Watchlist
from sigmawatch.domain.window import DAY_MS

PRICES = Asked(standing=Standing(metric="price", by="sigma_rel", window_ms=DAY_MS, interval=MINUTE))


def a_listener(
    caller: Caller = LOCAL, *, may_go_on: Callable[[], bool] = lambda: True, **more: Any
) -> Listener:
    return Listener(
        caller=caller, may_go_on=may_go_on, packed=False,
        **{"place": "here", "place_max": 9_999, **more},
    )  # fmt: skip


def an_episode(*, series_id: int) -> Episode:
    return Episode(rule_id=7, series_id=series_id, version=1, severity=Severity.WARNING,
                   opened_ms=60_000, told_ms=60_000)  # fmt: skip


@dataclass
class Heard:
    """What a client makes of a stream, as docs/reference/stream.md says."""

    reader: Reader
    events: list[tuple[str, Any]] = field(default_factory=list)
    last: str = ""

    async def event(self) -> tuple[str, Any]:
        """The next event; comments are `("", None)`, the end is `("end", None)`."""
        if not self.events:
            async with asyncio.timeout(60):
                told = (await self.reader.next()).decode()
            self.events = list(map(self._read, told.split("\n\n")[:-1])) or [("end", None)]
        return self.events.pop(0)

    def _read(self, text: str) -> tuple[str, Any]:
        lines = dict(line.split(": ", 1) for line in text.split("\n") if not line.startswith(":"))
        self.last = lines.get("id", self.last)
        return (lines["event"], json.loads(lines["data"])) if lines else ("", None)

    async def told(self) -> tuple[str, Any]:
        """The next event that is no comment."""
        while (found := await self.event()) == ("", None):
            pass
        return found

    async def until(self, name: str) -> Any:
        """The data of the next event of that name."""
        while True:
            found, data = await self.event()
            if found == name:
                return data
            assert found != "end"


def applied(columns: Mapping[str, list[Any]], delta: Mapping[str, Any]) -> None:
    for name, (rows, values) in delta["columns"].items():
        for row, value in zip(rows, values, strict=True):
            columns[name][row] = value


@pytest.fixture
async def moving(world: World) -> World:
    """Two slots later."""
    await world.pass_slots(2, MOVES)
    return world


@pytest.fixture
def hub(moving: World) -> Hub:
    return moving.program.streaming


async def listening(hub: Hub, last: str | None = None, **listener: Any) -> Heard:
    return Heard(await hub.join(PRICES, a_listener(**listener), last=last))


async def snapshot(hub: Hub, asked: Asked = PRICES) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((await hub.document(asked)).plain)
    return found


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


async def test_a_table_that_nobody_reads_is_let_go(moving: World, hub: Hub) -> None:
    pages = [Asked(standing=PRICES.standing, page=page) for page in range(1, 34)]
    for asked in pages[:32]:
        await hub.document(asked)
    with pytest.raises(Full, match="32"):
        await hub.document(pages[32])
    await moving.clock.advance_to_ms(moving.clock.now_ms() + 121_000)
    await hub.document(pages[32])


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


def a_hub(world: World, **changed: Any) -> Hub:
    """Another hub of the world's program, which sees something of it in another way."""
    program = world.program
    seen: dict[str, Any] = {
        "snapshot": lambda: program.snapshot, "changed": program.changed,
        "venues": program.stations.statuses, "rule_of": program.episodes.rule_of,
        "pick": lambda asked: Picker(asked, program.watchlists),
        "series_name": program.episodes.series_name, "demo": False,
    }  # fmt: skip
    return Hub(Sources(**(seen | changed)), clock=world.clock)


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
