"""What the tracker makes true: after the commit, at the slot's close, and again after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.app.doubles import market

from sigmawatch.adapters.buses.local import LocalBus
from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.collector import PARTITION
from sigmawatch.app.tables import Tables
from sigmawatch.app.tracker import Tracker
from sigmawatch.domain.errors import StorageFailed
from sigmawatch.domain.frame import Flag, Frame, Patch, Reason
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import DAY_MS, HOUR_MS, MINUTE_MS, Interval
from sigmawatch.engine.judge import Judge
from sigmawatch.engine.snapshot import Board
from sigmawatch.ports.ledger import Ledger, Transaction

MINUTE = Interval(MINUTE_MS)
S0 = 28_000_000
T0 = S0 * MINUTE_MS


class HeldLedger:
    """A real ledger whose commits wait for `let_go`, or fail."""

    def __init__(self, ledger: SqliteLedger) -> None:
        self._ledger = ledger
        self.let_go = asyncio.Event()
        self.let_go.set()
        self.alerts = ledger.alerts
        self.fails = False

    def __getattr__(self, name: str) -> object:
        return getattr(self._ledger, name)

    @asynccontextmanager
    async def transaction(self, *, bulk: bool = False) -> AsyncIterator[Transaction]:
        async with self._ledger.transaction(bulk=bulk) as transaction:
            yield transaction
            await self.let_go.wait()
            if self.fails:
                raise StorageFailed("the disk said no")


class Rig:
    """A tracker over a real database with two price series of one block."""

    def __init__(
        self, ledger: HeldLedger, clock: VirtualClock, *, judge: Judge | None = None
    ) -> None:
        self.ledger = ledger
        self.clock = clock
        self.bus = LocalBus()
        self.catalogue = Catalogue()
        self.tracker = Tracker(
            ledger=_as_ledger(ledger), bus=self.bus, clock=clock, catalogue=self.catalogue,
            tables=Tables(self.catalogue),
        )  # fmt: skip
        if judge is not None:
            self.tracker.appoint(
                judge, alerts=ledger.alerts, catching_up=lambda venue: self.catching_up
            )
        self.series: list[Series] = []
        self.catching_up = False

    async def enroll(self) -> None:
        async with self.ledger.transaction() as transaction:
            for base in ("AAA", "BBB"):
                await transaction.catalogue.add(
                    market(base), "price", interval=MINUTE, origin="api"
                )
        blocks = await _as_ledger(self.ledger).blocks()
        self.series = list(await _as_ledger(self.ledger).series())
        self.catalogue.put(blocks=blocks, series=self.series)
        await self.tracker.enroll(blocks=blocks, series=self.series)
        await self.tracker.recover()

    def frame(self, slot: int, *values: float, revision: int = 61_000, open: bool = False) -> Frame:
        return Frame(
            block_id=self.series[0].block_id, slot=slot, revision=revision,
            recv_ms=slot * MINUTE_MS + revision, open=open,
            values=np.array(values, "<f8").tobytes(), marks=bytes(len(values)),
        )  # fmt: skip

    async def publish(self, *items: Frame | Patch) -> None:
        await self.bus.publish(PARTITION, items)

    @property
    def board(self) -> Board:
        return self.tracker.snapshot.boards[MINUTE_MS]

    async def settled(self, holds: Callable[[], bool]) -> None:
        """Wait for the snapshot in which it holds."""
        async with asyncio.timeout(60):
            while not holds():
                await self.tracker.changed(self.tracker.snapshot.sequence)


def _as_ledger(ledger: HeldLedger) -> Ledger:
    return ledger  # type: ignore[return-value]


Opened = Callable[[], Awaitable[Rig]]


@asynccontextmanager
async def running(
    folder: Path, *, now_ms: int = T0 + 1_500, judge: Judge | None = None,
    catching_up: bool = False,
) -> AsyncIterator[Rig]:  # fmt: skip
    """catching_up: what was missed while it was down is still being fetched."""
    clock = VirtualClock(now_ms)
    ledger = await SqliteLedger.open(folder, clock=clock)
    rig = Rig(HeldLedger(ledger), clock, judge=judge)
    rig.catching_up = catching_up
    try:
        await rig.enroll()
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(rig.tracker.consume_for_ever()),
                group.create_task(rig.tracker.close_for_ever()),
                group.create_task(rig.tracker.refresh_for_ever()),
            ]
            yield rig
            for task in tasks:
                task.cancel()
    finally:
        rig.tracker.close()
        await ledger.close()


async def test_a_slot_closes_as_soon_as_every_block_has_its_frame(tmp_path: Path) -> None:
    async with running(tmp_path) as r:
        await r.clock.advance_to_ms(T0 + MINUTE_MS + 1_000, turns=5)
        await r.publish(r.frame(S0, 10.0, 20.0))
        await r.settled(lambda: r.board.slot == S0)
        assert r.board.value.tolist() == [10.0, 20.0]


async def test_a_slot_without_a_frame_closes_at_the_deadline_as_not_polled(tmp_path: Path) -> None:
    """SEMANTICS.md 2: "or at the close deadline (Δ/4, at most 10 s)"."""
    async with running(tmp_path) as r:
        await r.clock.advance_to_ms(T0 + MINUTE_MS, turns=5)
        await r.clock.advance_to_ms(T0 + MINUTE_MS + 9_999, turns=50)
        assert r.board.slot == S0 - 1
        await r.clock.advance_to_ms(T0 + MINUTE_MS + 10_000, turns=5)
        await r.settled(lambda: r.board.slot == S0)
        assert set(r.board.mark.tolist()) == {int(Reason.NOT_POLLED)}


async def test_nothing_is_shown_before_its_transaction_is_synced(tmp_path: Path) -> None:
    """RELIABILITY.md 1.1: "If you saw it, it is on disk"."""
    async with running(tmp_path) as r, asyncio.TaskGroup() as group:
        r.ledger.let_go.clear()
        publishing = group.create_task(r.publish(r.frame(S0 - 1, 10.0, 20.0)))
        await r.clock.advance_to_ms(T0 + 5_000, turns=200)
        await asyncio.sleep(0.05)  # whoever shows it too early has had the time to
        assert not publishing.done()
        assert np.isnan(r.board.value).all()
        hot = await r.tracker.hot(r.series[0], from_slot=S0 - 1, to_slot=S0)
        assert hot is not None
        assert np.isnan(np.frombuffer(hot[0], "<f8")).all()
        r.ledger.let_go.set()
        await publishing
        await r.clock.advance_to_ms(T0 + 10_000, turns=5)
        await r.settled(lambda: r.board.value.tolist() == [10.0, 20.0])


async def test_a_series_that_has_just_come_or_gone_is_not_in_memory(tmp_path: Path) -> None:
    """Whoever asks then is answered from the database, and fails nowhere."""
    async with running(tmp_path) as r:
        await r.publish(r.frame(S0 - 1, 10.0, 20.0))
        gone = replace(r.series[0], id=101)
        assert await r.tracker.hot(r.series[0], from_slot=S0 - 1, to_slot=S0) is not None
        assert await r.tracker.hot(gone, from_slot=S0 - 1, to_slot=S0) is None


async def test_what_could_not_be_stored_is_not_applied_and_stops_the_tracker(
    tmp_path: Path,
) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        await _publish_to_a_failing_disk(tmp_path)
    assert caught.value.subgroup(StorageFailed) is not None


async def _publish_to_a_failing_disk(folder: Path) -> None:
    async with running(folder) as r:
        r.ledger.fails = True
        try:
            await r.publish(r.frame(S0 - 1, 10.0, 20.0))
        finally:
            assert r.tracker.committed_count == 0
            assert np.isnan(r.board.value).all()


async def test_a_late_frame_computes_its_closed_slot_again(tmp_path: Path) -> None:
    """SEMANTICS.md 2: "Late values up to 2 slots recompute their slot ... in the next snapshot"."""
    async with running(tmp_path) as r:
        await r.clock.advance_to_ms(T0 + MINUTE_MS + 10_000, turns=5)
        await r.settled(lambda: r.board.slot == S0)
        before = r.tracker.snapshot.sequence
        await r.publish(r.frame(S0, 10.0, 20.0, revision=75_000))
        await r.clock.advance_to_ms(T0 + MINUTE_MS + 20_000, turns=5)
        await r.settled(lambda: r.board.value.tolist() == [10.0, 20.0])
        assert r.board.slot == S0
        assert r.tracker.snapshot.sequence > before


async def test_an_open_reading_is_shown_live_and_enters_no_statistic(tmp_path: Path) -> None:
    async with running(tmp_path) as r:
        await r.publish(r.frame(S0, 10.0, 20.0, revision=2_000, open=True))
        assert r.board.live_value.tolist() == [10.0, 20.0]
        assert r.board.slot == S0 - 1
        assert r.board.statistics[DAY_MS].n.tolist() == [0, 0]


async def test_an_open_reading_stands_where_the_boundary_poll_never_came(tmp_path: Path) -> None:
    """SEMANTICS.md 2: one value per series and slot, the last observation."""
    async with running(tmp_path) as r:
        await r.publish(r.frame(S0, 10.0, 20.0, revision=2_000, open=True))
        await r.clock.advance_to_ms(T0 + MINUTE_MS, turns=5)
        await r.clock.advance_to_ms(T0 + MINUTE_MS + 10_000, turns=5)
        await r.settled(lambda: r.board.slot == S0)
        assert r.board.value.tolist() == [10.0, 20.0]


async def test_the_same_item_published_twice_is_stored_and_applied_once(tmp_path: Path) -> None:
    async with running(tmp_path) as r:
        frame = r.frame(S0 - 1, 10.0, 20.0)
        await r.publish(frame)
        await r.publish(frame)
        assert r.tracker.committed_count == 1


async def test_a_suspect_reading_is_stored_as_such_and_counts_once_confirmed(
    tmp_path: Path,
) -> None:
    """SEMANTICS.md 1, the gate: shown, missing for statistics until a reading within a factor 2."""
    async with running(tmp_path) as r:
        for back in range(8, 2, -1):
            await r.publish(r.frame(S0 - back, 10.0, 20.0))
        await r.publish(r.frame(S0 - 2, 1_000.0, 20.0))
        await r.tracker.refresh()
        assert r.board.statistics[HOUR_MS].n.tolist() == [6, 7]
        await r.publish(r.frame(S0 - 1, 1_100.0, 20.0))
        await r.tracker.refresh()
        assert r.board.statistics[HOUR_MS].n.tolist() == [8, 8]
        assert r.board.value.tolist() == [1_100.0, 20.0]
    stored = [item async for batch in replayed(tmp_path) for item in batch]
    (patch,) = [item for item in stored if isinstance(item, Patch)]
    assert patch.from_slot == S0 - 2
    suspect = [i for i in stored if isinstance(i, Frame) and Reason.SUSPECT in i.marks]
    assert [frame.slot for frame in suspect] == [S0 - 2]


async def test_a_suspect_and_its_confirmation_may_arrive_in_one_group(tmp_path: Path) -> None:
    async with running(tmp_path) as r:
        slots = [r.frame(S0 - back, 10.0, 20.0) for back in range(8, 2, -1)]
        jump = [r.frame(S0 - 2, 1_000.0, 20.0), r.frame(S0 - 1, 1_100.0, 20.0)]
        await r.publish(*slots, *jump)
        await r.tracker.refresh()
        assert r.board.statistics[HOUR_MS].n.tolist() == [8, 8]


async def replayed(folder: Path) -> AsyncIterator[list[Frame | Patch]]:
    ledger = await SqliteLedger.open(folder, clock=VirtualClock(T0))
    try:
        async for batch in ledger.replay(from_ms=0):
            yield list(batch)
    finally:
        await ledger.close()


async def test_after_a_restart_every_statistic_and_rank_is_the_same_to_the_byte(
    tmp_path: Path,
) -> None:
    rng = np.random.default_rng(11)
    async with running(tmp_path) as r:
        for back in range(130, 0, -1):
            if back % 17 == 0:
                continue  # a slot that never came
            await r.publish(r.frame(S0 - back, *(100 + rng.normal(size=2))))
        filled = np.full(3, 99.5)
        await r.publish(Patch(
            series_id=r.series[0].id, from_slot=S0 - 69, revision=S0, recv_ms=T0,
            values=filled.tobytes(), marks=bytes([Reason.OBSERVED | Flag.FILLED] * 3),
        ))  # fmt: skip
        await r.tracker.refresh()
        before = r.board
    async with running(tmp_path) as r:
        after = r.board
    for window_ms in (DAY_MS, HOUR_MS):
        for name in ("n", "mean", "sigma_abs", "sigma_rel", "sigma_ret", "minimum", "maximum"):
            one = getattr(before.statistics[window_ms], name)
            other = getattr(after.statistics[window_ms], name)
            assert one.tobytes() == other.tobytes(), name
    assert before.value.tobytes() == after.value.tobytes()
    assert before.mark.tobytes() == after.mark.tobytes()
    assert before.statistics[DAY_MS].n.tolist() == [124, 123]


async def test_any_window_is_answered_and_a_crooked_one_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as r:
        for back in range(40, 0, -1):
            await r.publish(r.frame(S0 - back, float(back), 20.0))
        await r.tracker.refresh()
        wider = await r.tracker.widened(r.board, 10 * MINUTE_MS)
        assert wider is not None
        assert wider.statistics[10 * MINUTE_MS].mean.tolist() == [5.5, 20.0]
        with pytest.raises(ValueError, match="multiple of 1m"):
            await r.tracker.widened(r.board, 90_000)


async def test_a_board_that_is_no_longer_the_newest_is_not_widened(tmp_path: Path) -> None:
    async with running(tmp_path) as r:
        old = r.board
        await r.clock.advance_to_ms(T0 + MINUTE_MS + 1_000, turns=5)
        await r.publish(r.frame(S0, 10.0, 20.0))
        await r.settled(lambda: r.board.slot == S0)
        assert await r.tracker.widened(old, 10 * MINUTE_MS) is None
