"""Long work beside a program rests: what a backup costs a commit is the turns it takes."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from tests.contracts.samples import SLOT, frame, store, track

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.gently import (
    REST_S_MAX,
    RESTS,
    STAND_S_MAX,
    WORK_S,
    Precedence,
    gently,
)
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.adapters.ledgers.sqlite_schema import ours
from sigmawatch.adapters.ledgers.verifying import verify
from sigmawatch.domain.errors import Busy

FRAMES = 20


class Others(Precedence):
    """Somebody who commits all the time, or never; who asks waits by hand."""

    def __init__(self, worked: Worked, *, busy: bool) -> None:
        super().__init__()
        self._worked, self._busy = worked, busy
        self.stood_s: list[float] = []

    def given(self, timeout_s: float) -> bool:
        if self._busy:
            self.stood_s.append(timeout_s)
            self._worked.now_s += timeout_s
        return not self._busy


class Worked(threading.Event):
    """Time that passes by hand, and with every rest."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.rests_s: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.rests_s.append(timeout)
        self.now_s += timeout
        return self.is_set()


def test_it_rests_for_longer_than_it_worked_and_starts_anew() -> None:
    worked = Worked()
    stop = gently(worked, first=Others(worked, busy=False), now_s=lambda: worked.now_s)
    for spent_s in (WORK_S, 0.5 * WORK_S, 0.5 * WORK_S, 4 * WORK_S):
        worked.now_s += spent_s
        assert not stop()
    assert worked.rests_s == pytest.approx([RESTS * WORK_S, RESTS * WORK_S, RESTS * 4 * WORK_S])


def test_a_turn_that_was_long_waited_for_is_no_reason_to_rest_for_ever() -> None:
    worked = Worked()
    stop = gently(worked, first=Others(worked, busy=False), now_s=lambda: worked.now_s)
    worked.now_s += 60.0
    assert not stop()
    assert worked.rests_s == [REST_S_MAX]


def test_it_gives_up_at_once_when_nobody_waits_any_more() -> None:
    stopped = threading.Event()
    stop = gently(stopped, first=Precedence())
    stopped.set()
    assert stop()


def test_it_stands_still_while_somebody_commits_but_not_for_ever() -> None:
    worked = Worked()
    others = Others(worked, busy=True)
    stop = gently(worked, first=others, now_s=lambda: worked.now_s)
    assert not stop()
    assert (others.stood_s, worked.rests_s) == ([0.0, STAND_S_MAX], [])


async def test_who_commits_or_waits_to_goes_first_to_the_last_of_them(tmp_path: Path) -> None:
    ledger = await SqliteLedger.open(tmp_path, clock=VirtualClock(1_740_000_000_000))
    await track(ledger, "BTC")
    assert ledger.first.given(0.0)
    async with ledger.transaction():
        waiting = asyncio.create_task(store(ledger, frame()))
        await asyncio.sleep(0)
        assert not ledger.first.given(0.0)
    assert not ledger.first.given(0.0)
    await waiting
    assert ledger.first.given(0.0)
    await ledger.close()


async def filled(folder: Path) -> Path:
    ledger = await SqliteLedger.open(folder, clock=VirtualClock(1_740_000_000_000))
    await track(ledger, "BTC")
    await store(ledger, *[frame(SLOT + number) for number in range(FRAMES)])
    await ledger.close()
    return folder / "sigmawatch.db"


async def test_reading_a_file_back_asks_for_each_body_whether_to_rest(tmp_path: Path) -> None:
    path, asked = await filled(tmp_path), 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return False

    assert verify(path, ours(), stop=stop).items_count == FRAMES
    assert asked >= FRAMES


async def test_reading_a_file_back_is_given_up_between_two_bodies(tmp_path: Path) -> None:
    with pytest.raises(Busy, match="given up"):
        verify(await filled(tmp_path), ours(), stop=lambda: True)
