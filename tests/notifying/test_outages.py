"""A venue's outage is one notice when it begins and one when it is over, whatever goes with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from tests.contracts.samples import MINUTE
from tests.notifying.world import START_MS, World, a_world, notice

from sigmawatch.app.notifying.outages import Outages, Quiet, unanswered
from sigmawatch.app.notifying.own import Concern, own_notice
from sigmawatch.domain.alert import Severity
from sigmawatch.domain.announcement import Announcement
from sigmawatch.domain.notice import Notice, NoticeKind
from sigmawatch.domain.venue import VenueState, VenueStatus
from sigmawatch.engine.tidings import OF_OUTAGES


def venue(name: str = "KRAKEN", *, success_ms: int | None = START_MS,
          state: VenueState = VenueState.DOWN) -> VenueStatus:  # fmt: skip
    return VenueStatus(venue=name, state=state, since_ms=START_MS, success_ms=success_ms,
                       skew_ms=None, detail="502")  # fmt: skip


@pytest.mark.parametrize(
    ("after_s", "status", "silent"),
    [
        (210, venue(), False), (211, venue(), True), (211, venue(success_ms=None), True),
        (9_999, venue(state=VenueState.PAUSED), False),
    ],
)  # fmt: skip
def test_a_venue_is_silent_after_three_slots_and_half_a_minute(
    after_s: int, status: VenueStatus, *, silent: bool
) -> None:
    """RELIABILITY.md P16: "venue silent" alert within 3 slots + 30 s."""
    now_ms = START_MS + 1_000 * after_s
    assert bool(unanswered([status], now_ms=now_ms, interval=MINUTE)) is silent


class Course:
    """Looks, a second apart, each stored."""

    def __init__(self) -> None:
        self.outages = Outages()
        self.now_ms = START_MS
        self.told: list[Notice] = []

    def look(self, *names: str) -> list[str]:
        """What is told while these are silent."""
        self.now_ms += 1_000
        statuses = [venue(name) for name in names]
        news, after = self.outages.look(frozenset(names), statuses, now_ms=self.now_ms)
        self.outages.stored(after)
        self.told += news
        return titles_of(news)

    def restarted(self) -> None:
        """As app.notifying.watch does it: the newest word of each episode."""
        newest = {one.episode: one for one in self.told}
        self.outages = Outages()
        for one in newest.values():
            if one.kind is NoticeKind.FIRING:
                self.outages.recovered(one.episode, at_ms=one.decided_ms)


def titles_of(news: Sequence[Notice]) -> list[str]:
    return [msgspec.json.decode(one.receipt)["title"] for one in news]


def test_those_that_fall_silent_together_are_told_of_together() -> None:
    course = Course()
    assert course.look("KRAKEN", "OKX") == ["No answer from KRAKEN, OKX"]
    assert course.look("KRAKEN", "OKX") == []
    assert course.look("OKX") == [], "the rest is awaited"
    assert course.look() == ["Well again: KRAKEN, OKX"]


def test_another_venue_that_falls_silent_later_is_told_of_as_well() -> None:
    course = Course()
    assert course.look("KRAKEN") == ["No answer from KRAKEN"]
    assert course.look("KRAKEN", "OKX") == ["No answer from OKX"]
    assert course.look("OKX") == ["Well again: KRAKEN"]
    assert course.look("OKX", "KRAKEN") == ["No answer from KRAKEN"]
    assert course.look() == ["Well again: OKX", "Well again: KRAKEN"]


def test_one_of_several_that_is_silent_again_is_told_of_again() -> None:
    course = Course()
    course.look("KRAKEN", "OKX")
    course.look("OKX")
    assert course.look("KRAKEN", "OKX") == ["No answer from KRAKEN"]
    assert len({one.id for one in course.told}) == len(course.told), "no two of one id"


def test_after_a_restart_it_is_known_who_was_told_of() -> None:
    course = Course()
    course.look("KRAKEN", "MY-OWN")
    course.look("KRAKEN", "MY-OWN", "OKX")
    course.restarted()
    assert course.look("KRAKEN", "MY-OWN", "OKX") == []
    assert course.look("KRAKEN") == ["Well again: OKX"]
    course.restarted()
    assert course.look() == ["Well again: KRAKEN, MY-OWN"]


def test_what_an_older_program_told_without_names_is_of_those_that_are_silent_now() -> None:
    course = Course()
    course.outages.recovered("self-venues-1762819200000", at_ms=START_MS)
    assert course.look("KRAKEN") == []
    assert course.look() == ["Well again: the venues"]
    course.outages.recovered("self-venues-1762819200000", at_ms=START_MS)
    assert course.look() == ["Well again: the venues"]


async def test_what_nobody_asked_for_just_now_goes_on_and_begins_nothing(world: World) -> None:
    watch = world.notifying.watch
    kraken = frozenset({"KRAKEN"})
    await watch.look([], quiet=Quiet(still=kraken))
    await watch.look([], quiet=Quiet(told=kraken, still=kraken))
    await watch.look([], quiet=Quiet(still=kraken))
    await watch.look([])
    await world.settled()
    assert await titles(world) == ["No answer from KRAKEN", "Well again: KRAKEN"]


async def titles(world: World) -> list[str]:
    found, _ = await world.ledger.delivery.inbox()
    return [msgspec.json.decode(one.message)["title"] for one in reversed(found)]


@pytest.mark.parametrize("reason", [*sorted(OF_OUTAGES), "nothing was known for too long"])
@pytest.mark.parametrize("severity", [Severity.WARNING, Severity.CRITICAL])
async def test_whom_the_program_tells_of_an_outage_no_rule_tells_of_it_too(
    tmp_path: Path, reason: str, severity: Severity
) -> None:
    routes = {"warning": ["ops"], "critical": ["ops", "phone"]}
    async with a_world(tmp_path / "data", routes=routes) as world:
        ops, phone = world.services.make("ops"), world.services.make("phone")
        said = Announcement(title="No answer from KRAKEN", lines=(), severity=Severity.WARNING)
        ours = own_notice(Concern.VENUES, said, episode="self-venues-1-KRAKEN", at_ms=START_MS)
        await world.put(ours)
        await world.put(notice(NoticeKind.NO_DATA, severity=severity.value, reason=reason))
        await world.settled()
        of_outage = reason in OF_OUTAGES
        assert len(ops.titles) == (1 if of_outage else 2)
        assert len(phone.titles) == (1 if severity is Severity.CRITICAL else 0)
