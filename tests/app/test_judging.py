"""When slots are judged, and what is durable when (SEMANTICS.md 6, 8; docs/decisions/0013)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from tests.app.test_tracker import MINUTE, S0, T0, Rig, running
from tests.rising import RisingJudge

from sigmawatch.domain.errors import StorageFailed, StorageUnavailable
from sigmawatch.domain.frame import Flag, Patch
from sigmawatch.domain.notice import NoticeKind
from sigmawatch.domain.window import MINUTE_MS, Interval
from sigmawatch.engine.judge import Decisions, Hearing
from sigmawatch.engine.snapshot import Board
from sigmawatch.ports.ledger import Transaction

FIRING, RESOLVED = NoticeKind.FIRING, NoticeKind.RESOLVED


@asynccontextmanager
async def judged(
    folder: Path, judge: RisingJudge, *, now_ms: int = T0 + 1_500, catching_up: bool = False
) -> AsyncIterator[Rig]:
    """A tracker that judges two price series, AAA and BBB."""
    async with running(folder, now_ms=now_ms, judge=judge, catching_up=catching_up) as rig:
        async with rig.ledger.transaction() as transaction:
            await transaction.rules.put(
                "rising", text="x", settings="{}", origin="api", enabled=True
            )
        yield rig


async def pass_slot(rig: Rig, slot: int, *prices: float) -> None:
    """A slot's final frame comes, and it closes."""
    await rig.clock.advance_to_ms((slot + 1) * MINUTE_MS + 1_000, turns=5)
    await rig.publish(rig.frame(slot, *prices))
    await rig.settled(lambda: rig.board.slot == slot)


async def told(rig: Rig) -> list[tuple[int, NoticeKind, int]]:
    """Series, kind and slot of every notice to one channel, in the order of the outbox."""
    found = await rig.ledger.alerts.deliveries(limit=1_000)
    notices = [one.notice for one in found if one.notice.channel == "ops"]
    return [(one.series_id, one.kind, one.decided_ms // MINUTE_MS) for one in notices]


async def test_the_decisions_of_a_slot_are_durable_before_its_board_is_shown(
    tmp_path: Path,
) -> None:
    """SEMANTICS.md 8: "Nothing is shown or sent before it is synced to disk." """
    judge = RisingJudge()
    async with judged(tmp_path, judge) as r:
        for slot, price in ((S0, 1.0), (S0 + 1, 2.0)):
            await pass_slot(r, slot, price, 5.0)
        await r.clock.advance_to_ms(T0 + 3 * MINUTE_MS + 1_000, turns=5)
        await r.publish(r.frame(S0 + 2, 3.0, 5.0))  # returns: the readings are durable already
        r.ledger.let_go.clear()
        await asyncio.sleep(0.05)  # whoever shows it too early has had the time to
        assert (r.board.slot, await told(r)) == (S0 + 1, [])
        r.ledger.let_go.set()
        await r.settled(lambda: r.board.slot == S0 + 2)
        assert await told(r) == [(r.series[0].id, FIRING, S0 + 2)]


async def test_an_episode_opens_and_closes_and_two_channels_hear_of_both(tmp_path: Path) -> None:
    async with judged(tmp_path, RisingJudge()) as r:
        for slot, price in enumerate([1.0, 2.0, 3.0, 4.0, 3.0], start=S0):
            await pass_slot(r, slot, price, 9.0)
        one = r.series[0].id
        assert await told(r) == [(one, FIRING, S0 + 2), (one, RESOLVED, S0 + 4)]
        assert len(await r.ledger.alerts.deliveries()) == 4
        [kept] = await r.ledger.alerts.episodes()
        assert kept.episode.closed_ms == MINUTE.open_ms(S0 + 4)
        assert (await r.ledger.alerts.judged_through())[MINUTE] == S0 + 4


async def test_a_kill_between_a_slots_frames_and_its_decisions_loses_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    first = RisingJudge()
    with pytest.raises(ExceptionGroup) as caught:
        await _die_before_the_decisions(tmp_path, first)
    assert caught.value.subgroup(StorageFailed) is not None
    again = RisingJudge()
    async with judged(tmp_path, again, now_ms=T0 + 4 * MINUTE_MS + 30_000) as r:
        await pass_slot(r, S0 + 4, 2.0, 9.0)
        await pass_slot(r, S0 + 5, 2.0, 9.0)
        one = r.series[0].id
        assert await told(r) == [(one, FIRING, S0 + 2), (one, RESOLVED, S0 + 4)]
    assert first.heard[-1][0] == again.heard[0][0] == S0 + 2


async def _die_before_the_decisions(folder: Path, judge: RisingJudge) -> None:
    async with judged(folder, judge) as r:
        for slot, price in ((S0, 1.0), (S0 + 1, 2.0)):
            await pass_slot(r, slot, price, 9.0)
        await r.publish(r.frame(S0 + 2, 3.0, 9.0, revision=59_000, open=True))
        r.ledger.fails = True
        await r.clock.advance_to_ms(T0 + 3 * MINUTE_MS, turns=5)
        await r.clock.advance_to_ms(T0 + 3 * MINUTE_MS + 10_000, turns=5)
        await r.clock.advance_to_ms(T0 + 4 * MINUTE_MS, turns=5)
        await r.clock.advance_to_ms(T0 + 5 * MINUTE_MS + 10_000, turns=5)
        await asyncio.Event().wait()


async def test_a_late_frame_is_judged_late_once_and_in_its_place(tmp_path: Path) -> None:
    """SEMANTICS.md 6: "judges slot k once: when all its inputs for k are committed"."""
    judge = RisingJudge()
    async with judged(tmp_path, judge) as r:
        for slot, price in ((S0, 1.0), (S0 + 1, 2.0)):
            await pass_slot(r, slot, price, 9.0)
        await r.clock.advance_to_ms(T0 + 3 * MINUTE_MS, turns=5)
        await r.clock.advance_to_ms(T0 + 3 * MINUTE_MS + 10_000, turns=5)
        await r.settled(lambda: r.board.slot == S0 + 2)
        assert await told(r) == []
        await r.publish(r.frame(S0 + 2, 3.0, 9.0, revision=80_000))
        before = r.tracker.snapshot.sequence
        await r.clock.advance_to_ms(T0 + 3 * MINUTE_MS + 25_000, turns=5)
        await r.settled(lambda: r.tracker.snapshot.sequence > before)
        assert await told(r) == [(r.series[0].id, FIRING, S0 + 2)]
        await pass_slot(r, S0 + 3, 4.0, 9.0)
        assert [slot for slot, _ in judge.heard if slot >= S0] == [S0, S0 + 1, S0 + 2, S0 + 3]


async def test_a_frame_that_never_comes_holds_its_block_up_for_two_slots(tmp_path: Path) -> None:
    """SEMANTICS.md 6: "or after 2 slots as unknown"; section 7: "unknown <= 2 slots: unchanged"."""
    judge = RisingJudge()
    async with judged(tmp_path, judge) as r:
        for slot, price in ((S0, 1.0), (S0 + 1, 2.0)):
            await pass_slot(r, slot, price, 9.0)
        await r.clock.advance_to_ms(T0 + 3 * MINUTE_MS, turns=5)
        await r.clock.advance_to_ms(T0 + 3 * MINUTE_MS + 10_000, turns=5)
        await r.settled(lambda: r.board.slot == S0 + 2)
        await pass_slot(r, S0 + 3, 3.0, 9.0)
        assert (await told(r), await r.ledger.alerts.judged_through()) == ([], {MINUTE: S0 + 1})
        await pass_slot(r, S0 + 4, 3.0, 9.0)
        assert await told(r) == [(r.series[0].id, FIRING, S0 + 3)]
        assert await r.ledger.alerts.judged_through() == {MINUTE: S0 + 4}


async def test_while_nothing_can_be_stored_slots_go_on_and_are_judged_afterwards(
    tmp_path: Path,
) -> None:
    async with judged(tmp_path, RisingJudge()) as r:
        for slot, price in ((S0, 1.0), (S0 + 1, 2.0)):
            await pass_slot(r, slot, price, 9.0)
        vars(r.ledger)["transaction"] = _full
        await r.clock.advance_to_ms(T0 + 3 * MINUTE_MS, turns=5)
        await r.clock.advance_to_ms(T0 + 3 * MINUTE_MS + 10_000, turns=5)
        await r.clock.advance_to_ms(T0 + 4 * MINUTE_MS, turns=5)
        await r.clock.advance_to_ms(T0 + 4 * MINUTE_MS + 10_000, turns=5)
        await r.settled(lambda: r.board.slot == S0 + 3)
        del vars(r.ledger)["transaction"]
        await r.publish(r.frame(S0 + 3, 3.0, 9.0))
        await pass_slot(r, S0 + 4, 3.0, 9.0)
        await pass_slot(r, S0 + 5, 2.0, 9.0)
        one = r.series[0].id
        assert await told(r) == [(one, FIRING, S0 + 3), (one, RESOLVED, S0 + 5)]


@asynccontextmanager
async def _full(*, bulk: bool = False) -> AsyncIterator[Transaction]:
    raise StorageUnavailable("no room")
    yield


async def test_without_a_judge_a_slot_writes_nothing_of_its_own(tmp_path: Path) -> None:
    async with running(tmp_path) as r:
        await pass_slot(r, S0, 1.0, 2.0)
        assert await r.ledger.alerts.judged_through() == {}


async def test_a_frame_that_comes_while_its_slot_is_judged_is_not_taken_for_judged(
    tmp_path: Path,
) -> None:
    """What is on the board that is heard decides, not what came since it was made."""
    async with judged(tmp_path, RisingJudge()) as r:
        for slot, price in ((S0, 1.0), (S0 + 1, 2.0)):
            await pass_slot(r, slot, price, 9.0)
        made = r.tracker.board

        async def with_a_frame_after_it(interval: Interval, slot: int) -> Board:
            board = await made(interval, slot)
            if slot == S0 + 2:
                await r.publish(r.frame(S0 + 2, 3.0, 9.0, revision=70_001))
            return board

        vars(r.tracker)["board"] = with_a_frame_after_it
        await r.clock.advance_to_ms(T0 + 3 * MINUTE_MS, turns=5)
        await r.clock.advance_to_ms(T0 + 3 * MINUTE_MS + 10_000, turns=5)
        await r.settled(lambda: r.board.slot == S0 + 2)
        del vars(r.tracker)["board"]
        await pass_slot(r, S0 + 3, 4.0, 9.0)
        assert await told(r) == [(r.series[0].id, FIRING, S0 + 2)]


async def test_a_block_that_reads_an_awaited_one_is_heard_again_when_that_has_come(
    tmp_path: Path,
) -> None:
    """SEMANTICS.md 6: "when all its inputs for k are committed"."""

    class Companion(RisingJudge):
        """Its block is left the first time one slot is heard, as if it read another one."""

        def judge(self, hearing: Hearing) -> Decisions:
            slots = [slot for slot, _ in self.heard]
            decisions = super().judge(hearing)
            first = hearing.board.slot == S0 + 2 and S0 + 2 not in slots
            return Decisions(left=hearing.blocks) if first else decisions

    judge = Companion()
    async with judged(tmp_path, judge) as r:
        for slot, price in enumerate([1.0, 2.0, 3.0], start=S0):
            await pass_slot(r, slot, price, 9.0)
        assert ((await r.ledger.alerts.judged_through())[MINUTE], await told(r)) == (S0 + 1, [])
        await pass_slot(r, S0 + 3, 4.0, 9.0)
        assert (await r.ledger.alerts.judged_through())[MINUTE] == S0 + 3
        assert await told(r) == [(r.series[0].id, FIRING, S0 + 2)]
        assert [slot for slot, _ in judge.heard].count(S0 + 2) == 2


async def test_slots_that_a_kill_left_unjudged_end_no_start_however_long_we_were_down(
    tmp_path: Path,
) -> None:
    async with judged(tmp_path, RisingJudge()) as r:
        for slot, price in ((S0, 1.0), (S0 + 1, 2.0)):
            await pass_slot(r, slot, price, 9.0)
        await r.publish(r.frame(S0 + 2, 3.0, 9.0, revision=59_000, open=True))
    async with judged(tmp_path, RisingJudge(), now_ms=T0 + 300 * MINUTE_MS) as r:
        assert r.board.slot == S0 + 299  # S0 + 2 can no longer be closed: it is unknown


async def test_what_the_very_first_life_left_unjudged_is_judged_by_the_next(
    tmp_path: Path,
) -> None:
    async with judged(tmp_path, RisingJudge()) as r:
        for slot, price in enumerate([1.0, 2.0, 3.0], start=S0):
            await r.clock.advance_to_ms(slot * MINUTE_MS + 30_000, turns=5)
            await r.publish(r.frame(slot, price, 9.0, revision=29_000, open=True))
        assert (await r.ledger.alerts.judged_through())[MINUTE] < S0
    async with judged(tmp_path, RisingJudge(), now_ms=T0 + 6 * MINUTE_MS) as r:
        assert await told(r) == [(r.series[0].id, FIRING, S0 + 2)]


async def test_a_slot_that_the_closer_was_too_late_for_is_judged_when_its_frame_has_come(
    tmp_path: Path,
) -> None:
    async with judged(tmp_path, RisingJudge()) as r:
        for slot, price in ((S0, 1.0), (S0 + 1, 2.0)):
            await pass_slot(r, slot, price, 9.0)
        await r.tracker.close_slot(MINUTE, S0 + 3)
        await r.publish(r.frame(S0 + 2, 3.0, 9.0, revision=80_000))
        await pass_slot(r, S0 + 4, 4.0, 9.0)
        await pass_slot(r, S0 + 5, 5.0, 9.0)
        assert await told(r) == [(r.series[0].id, FIRING, S0 + 2)]


async def _down_from(folder: Path, slot: int) -> None:
    """A life that judged the slots from S0 on, each price above the one before, but for `slot`."""
    async with judged(folder, RisingJudge()) as r:
        for at in range(S0, slot):
            await pass_slot(r, at, 1.0 + at - S0, 9.0)


def filled(rig: Rig, slot: int, *prices: float) -> Patch:
    """What a back-fill finds of AAA from `slot` on."""
    return Patch(
        series_id=rig.series[0].id, from_slot=slot, revision=1, recv_ms=rig.clock.now_ms(),
        values=np.array(prices, "<f8").tobytes(), marks=bytes([Flag.FILLED] * len(prices)),
    )  # fmt: skip


async def test_slots_that_were_missed_are_judged_in_their_place_once_they_are_back_filled(
    tmp_path: Path,
) -> None:
    """SEMANTICS.md 7: "Missed slots are replayed from back-fill." """
    await _down_from(tmp_path, S0 + 2)
    again, back = RisingJudge(), T0 + 32 * MINUTE_MS + 30_000
    async with judged(tmp_path, again, now_ms=back, catching_up=True) as r:
        await pass_slot(r, S0 + 32, 60.0, 9.0)
        assert (await told(r), again.heard) == ([], []), "what came since waits behind them"
        await r.publish(filled(r, S0 + 2, *range(3, 33)))
        r.catching_up = False
        await pass_slot(r, S0 + 33, 50.0, 9.0)
        assert [slot for slot, _ in again.heard] == list(range(S0 + 2, S0 + 34))
        one = r.series[0].id
        assert await told(r) == [(one, FIRING, S0 + 2), (one, RESOLVED, S0 + 33)]
        assert (await r.ledger.alerts.judged_through())[MINUTE] == S0 + 33


async def test_a_venue_that_is_not_back_holds_nobody_up_for_longer_than_two_minutes(
    tmp_path: Path,
) -> None:
    await _down_from(tmp_path, S0 + 2)
    back = T0 + 12 * MINUTE_MS + 30_000
    async with judged(tmp_path, RisingJudge(), now_ms=back, catching_up=True) as r:
        for slot, price in enumerate([3.0, 4.0, 5.0], start=S0 + 12):
            await pass_slot(r, slot, price, 9.0)
        assert await told(r) == [(r.series[0].id, FIRING, S0 + 12)]
        assert (await r.ledger.alerts.judged_through())[MINUTE] == S0 + 14


async def test_a_reading_of_the_running_slot_that_comes_while_the_last_one_is_judged_is_shown(
    tmp_path: Path,
) -> None:
    async with judged(tmp_path, RisingJudge()) as r:
        made = r.tracker.board

        async def with_a_reading_after_it(interval: Interval, slot: int) -> Board:
            board = await made(interval, slot)
            if slot == S0:
                await r.publish(r.frame(S0 + 1, 7.0, 8.0, revision=1_500, open=True))
            return board

        vars(r.tracker)["board"] = with_a_reading_after_it
        await pass_slot(r, S0, 1.0, 9.0)
        assert r.board.live_value.tolist() == [7.0, 8.0]


async def test_after_a_database_was_away_its_slots_wait_for_what_could_not_be_stored(
    tmp_path: Path,
) -> None:
    """SEMANTICS.md 7: "Missed slots are replayed from back-fill."; what a bus refuses meanwhile is
    missed too (docs/decisions/0025)."""
    judge = RisingJudge()
    async with judged(tmp_path, judge) as r:
        for slot, price in ((S0, 1.0), (S0 + 1, 2.0)):
            await pass_slot(r, slot, price, 9.0)
        vars(r.ledger)["transaction"] = _full
        for slot in range(S0 + 2, S0 + 7):
            await r.clock.advance_to_ms((slot + 1) * MINUTE_MS, turns=5)
            await r.clock.advance_to_ms((slot + 1) * MINUTE_MS + 10_000, turns=5)
            await r.settled(lambda slot=slot: r.board.slot == slot)  # type: ignore[misc]
        del vars(r.ledger)["transaction"]
        r.catching_up = True
        await pass_slot(r, S0 + 7, 8.0, 9.0)
        assert await told(r) == []
        await r.publish(filled(r, S0 + 2, *range(3, 8)))
        r.catching_up = False
        await pass_slot(r, S0 + 8, 7.0, 9.0)
        one = r.series[0].id
        assert await told(r) == [(one, FIRING, S0 + 2), (one, RESOLVED, S0 + 8)]
