"""What the program tells of itself, and its signs of life (RELIABILITY.md P35)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from tests.contracts.samples import MINUTE
from tests.notifying.world import START_MS, World, a_world, notice

from sigmawatch.app.notifying.concerns import AWAY_LINES, Away, Sight, concerns
from sigmawatch.app.notifying.heartbeat import Heartbeat
from sigmawatch.app.notifying.own import Concern
from sigmawatch.domain.errors import Unavailable
from sigmawatch.domain.storage import StorageState, StorageStatus
from sigmawatch.domain.venue import VenueState, VenueStatus
from sigmawatch.ports.channel import Answer, Sent

WELL = StorageStatus(state=StorageState.OK, since_ms=0, since_monotonic_ms=0)
FULL = StorageStatus(state=StorageState.FULL, since_ms=0, since_monotonic_ms=0, reason="no room")


def venue(*, success_ms: int | None = START_MS, skew_ms: int | None = None) -> VenueStatus:
    return VenueStatus(venue="KRAKEN", state=VenueState.UP, since_ms=START_MS,
                       success_ms=success_ms, skew_ms=skew_ms)  # fmt: skip


def sight(*, storage: StorageStatus = WELL, after_s: int = 0, venues: Sequence[VenueStatus] = (),
          away: Sequence[Away] = (), **more: int) -> Sight:  # fmt: skip
    return Sight(now_ms=START_MS + 1_000 * after_s, interval=MINUTE, storage=storage,
                 venues=venues, away=away, **more)  # fmt: skip


def gone(place: int = 0, *, asked: bool = False) -> Away:
    return Away(market=f"C{place}/USD", own="KRAKEN", shown="COINBASE", asked=asked)


@pytest.mark.parametrize(
    ("seen", "wrong"),
    [
        (sight(), None),
        (sight(storage=FULL), Concern.STORAGE),
        (sight(after_s=599, oldest_ms=START_MS), None),
        (sight(after_s=600, oldest_ms=START_MS), Concern.BACKLOG),
        (sight(after_s=3_599, dead_count=1, dead_ms=START_MS), Concern.DEAD_LETTERS),
        (sight(after_s=3_600, dead_count=1, dead_ms=START_MS), None),
        (sight(venues=[venue(skew_ms=-2_000)]), None),
        (sight(venues=[venue(skew_ms=-2_001)]), Concern.CLOCK),
        (sight(after_s=60, stepped_ms=3_600_000, step_ms=START_MS), Concern.CLOCK),
        (sight(after_s=600, stepped_ms=3_600_000, step_ms=START_MS), None),
        (sight(away=[gone()]), Concern.FAIL_OVER),
    ],
)
def test_what_is_wrong_with_us_follows_from_what_is_seen(
    seen: Sight, wrong: Concern | None
) -> None:
    """SEMANTICS.md 4: a clock that differs "> 2 s warns"."""
    assert list(concerns(seen)) == ([] if wrong is None else [wrong])


async def titles(world: World) -> list[str]:
    found, _ = await world.ledger.delivery.inbox()
    return [msgspec.json.decode(one.message)["title"] for one in reversed(found)]


async def test_a_concern_is_told_once_when_it_begins_and_once_when_it_is_over(
    tmp_path: Path,
) -> None:
    async with a_world(tmp_path / "data", routes={"warning": ["ops"]}) as world:
        ops = world.services.make("ops")
        watch = world.notifying.watch
        await watch.look([venue(success_ms=START_MS - 300_000)])
        await watch.look([venue(success_ms=START_MS - 300_000)])
        await world.settled(for_s=120)
        assert ops.titles == ["No answer from KRAKEN"]
        await watch.look([venue(success_ms=world.clock.now_ms())])
        await watch.look([venue(success_ms=world.clock.now_ms())])
        await world.settled()
        assert await titles(world) == ["No answer from KRAKEN", "Well again: KRAKEN"]


async def test_what_was_told_to_have_begun_is_known_after_a_restart(tmp_path: Path) -> None:
    async with a_world(tmp_path / "data") as world:
        await world.notifying.watch.look([venue(success_ms=1)])
        await world.settled()
    async with a_world(tmp_path / "data") as world:
        await world.notifying.watch.look([venue(success_ms=1)])
        await world.settled()
        assert await titles(world) == ["No answer from KRAKEN"]
        await world.notifying.watch.look([])
        await world.settled()
        assert (await titles(world))[1:] == ["Well again: KRAKEN"]


async def test_a_dead_letter_and_a_clock_that_was_set_are_told(world: World) -> None:
    world.services.make("ops", behaviour=lambda _: Sent(answer=Answer.REFUSED, detail="404"))
    await world.put(notice(channel="ops"))
    await world.settled()
    world.clock.step_wall_ms(5_000)
    await world.notifying.watch.look([])
    await world.settled()
    assert set(await titles(world)) == {
        "1 notice could not be delivered", "The clock of this machine is not right, or was set"
    }  # fmt: skip


async def test_a_pause_is_told_once_and_a_clock_that_was_set_back_is_none(world: World) -> None:
    """RELIABILITY.md P31: "one 'was paused' event"."""
    watch = world.notifying.watch
    await watch.look([], late_ms=4_999)
    await watch.look([], late_ms=61_400)
    await watch.look([])
    await world.settled()
    assert await titles(world) == ["The program was paused for 61 s"]
    world.clock.step_wall_ms(-60_000)
    await watch.look([], late_ms=60_000)
    await world.settled()
    assert (await titles(world))[1:] == ["The clock of this machine is not right, or was set"]


@dataclass(slots=True)
class Heard:
    """Fulfils ports.channel.Signal."""

    at: list[int] = field(default_factory=list)
    away: bool = False

    async def give(self) -> None:
        self.at.append(1)
        if self.away:
            raise Unavailable("503")


async def test_signs_of_life_are_given_only_while_slots_are_judged(world: World) -> None:
    """RELIABILITY.md P35: "Stop evaluator only: heartbeat must stop"."""
    heard = Heard()
    heart = Heartbeat(heard, alerts=world.ledger.alerts, clock=world.clock)

    async def judged(slot: int) -> None:
        async with world.ledger.transaction() as transaction:
            await transaction.alerts.judged(MINUTE, slot)

    await judged(1)
    await heart.beat()
    assert heard.at == [], "that slot was another life's"
    await judged(2)
    await heart.beat()
    await heart.beat()
    assert len(heard.at) == 1
    heard.away = True
    await judged(3)
    await heart.beat()
    assert (len(heard.at), heart.beats_count) == (2, 1)


def test_a_venues_outage_is_one_notice_however_much_goes_with_it() -> None:
    (said,) = concerns(sight(away=[gone(place) for place in range(500)])).values()
    assert said.title == "500 markets shown from a backup, instead of KRAKEN, which is not read"
    assert said.lines[:2] == ("C0/USD: COINBASE", "C1/USD: COINBASE")
    assert (len(said.lines), said.lines[-1]) == (AWAY_LINES + 1, "and 490 more")
    (asked,) = concerns(sight(away=[gone(asked=True)])).values()
    assert asked.title == "1 market shown from a backup, as somebody asked"
