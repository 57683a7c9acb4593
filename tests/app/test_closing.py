"""When a slot is shown: with everything, without whoever is late, and again when that comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.app.closing import PATIENCE_MS, Closer
from sigmawatch.domain.window import MINUTE_MS, SECOND_MS, Interval

MINUTE = Interval(MINUTE_MS)
S0 = 28_000_000
END_MS = MINUTE.open_ms(S0 + 1)
DEADLINE_MS = END_MS + MINUTE.close_deadline_ms


@dataclass(kw_only=True)
class Shown:
    """What a tracker is to a closer: blocks that are missing, and what was shown when, lacking
    which."""

    clock: VirtualClock
    lacking: set[int]
    shown: list[tuple[int, str, set[int]]] = field(default_factory=list)
    too_late_count: int = 0
    slot: int = S0

    def next_slot(self, interval: Interval) -> int:
        return self.slot

    def missing(self, interval: Interval, slot: int) -> frozenset[int]:
        return frozenset(self.lacking)

    async def close_slot(self, interval: Interval, slot: int) -> None:
        self.slot = slot + 1
        self._note("closed")

    async def show_again(self, interval: Interval, slot: int) -> None:
        self._note("again")

    def look_again(self) -> None:
        self.too_late_count += 1

    def _note(self, what: str) -> None:
        self.shown.append((self.clock.now_ms() - END_MS, what, set(self.lacking)))


@dataclass(kw_only=True)
class Rig:
    showing: Shown
    closer: Closer

    async def comes(self, blocks: Iterable[int], *, at_ms: int) -> None:
        """After the slot's end."""
        await self.showing.clock.advance_to_ms(END_MS + at_ms, turns=10)
        self.showing.lacking -= set(blocks)
        self.closer.came()
        await self.passes(at_ms)

    async def passes(self, until_ms: int) -> None:
        await self.showing.clock.advance_to_ms(END_MS + until_ms, turns=10)


@asynccontextmanager
async def closing(*blocks: int, interval: Interval = MINUTE) -> AsyncIterator[Rig]:
    clock = VirtualClock(END_MS - SECOND_MS)
    showing = Shown(clock=clock, lacking=set(blocks))
    rig = Rig(showing=showing, closer=Closer(interval, showing, clock=clock))
    task = asyncio.ensure_future(rig.closer.run_for_ever())
    await asyncio.sleep(0)
    yield rig
    task.cancel()


async def test_a_slot_is_shown_the_moment_its_last_frame_is_in() -> None:
    async with closing(1, 2) as rig:
        await rig.comes([1], at_ms=1_100)
        assert rig.showing.shown == []
        await rig.comes([2], at_ms=1_150)
        assert rig.showing.shown == [(1_150, "closed", set())]
        await rig.passes(50_000)
        assert len(rig.showing.shown) == 1
        assert rig.showing.too_late_count == 0


async def test_a_venue_that_hangs_delays_nobody_else() -> None:
    """SEMANTICS.md 2: "Slot k of a block closes when its frame is committed or at the close
    deadline, whichever is first; the snapshot of k is published then"."""
    async with closing(1, 2, 3) as rig:
        await rig.comes([1], at_ms=1_100)
        await rig.comes([2], at_ms=1_200)
        await rig.passes(1_200 + PATIENCE_MS)
        assert rig.showing.shown == [(1_200 + PATIENCE_MS, "closed", {3})]
        await rig.passes(59_000)
        assert len(rig.showing.shown) == 1  # nothing came, so there is nothing to be shown


async def test_who_is_late_is_shown_when_he_comes() -> None:
    async with closing(1, 2, 3) as rig:
        await rig.comes([1], at_ms=1_100)
        await rig.passes(4_000)
        await rig.comes([2], at_ms=4_000)
        await rig.comes([3], at_ms=4_100)
        told = [(1_100 + PATIENCE_MS, "closed", {2, 3}), (4_100, "again", set())]
        assert rig.showing.shown == told
        assert rig.showing.too_late_count == 0


async def test_where_nobody_has_answered_the_deadline_is_waited_for() -> None:
    async with closing(1, 2) as rig:
        await rig.passes(DEADLINE_MS - END_MS - 1)
        assert rig.showing.shown == []
        await rig.passes(DEADLINE_MS - END_MS)
        assert rig.showing.shown == [(DEADLINE_MS - END_MS, "closed", {1, 2})]


async def test_what_comes_while_the_last_of_it_is_shown_is_left_to_who_looks_for_the_late() -> None:
    async with closing(1, 2) as rig:
        await rig.comes([1], at_ms=9_800)
        showing, shown = rig.showing, rig.showing.close_slot

        async def shown_while_another_comes(interval: Interval, slot: int) -> None:
            await shown(interval, slot)
            showing.lacking -= {2}

        showing.close_slot = shown_while_another_comes  # type: ignore[method-assign]
        await rig.passes(10_000)
        assert [what for _, what, _ in showing.shown] == ["closed"]
        assert showing.too_late_count == 1


async def test_a_slot_is_gathered_from_its_end_until_nothing_more_is_shown_of_it() -> None:
    async with closing(1, 2) as rig:
        assert not rig.closer.gathers(S0)
        await rig.comes([1], at_ms=1_000)
        assert rig.closer.gathers(S0)
        await rig.comes([2], at_ms=1_100)
        assert not rig.closer.gathers(S0)


def test_short_slots_have_less_patience() -> None:
    clock = VirtualClock(END_MS)
    showing = Shown(clock=clock, lacking=set())
    patience = {
        interval_s: Closer(Interval(interval_s * SECOND_MS), showing, clock=clock).patience_ms
        for interval_s in (1, 5, 10, 60, 3_600)
    }
    assert patience == {1: 50, 5: 250, 10: 500, 60: 500, 3_600: 500}
