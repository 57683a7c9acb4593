"""Nobody gets more than the budget, the poll never waits for back-fill, waiting ends at once."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pace import allowed_s
from tests.venues.support import T0_MS

from sigmawatch.adapters.clock import RealClock, VirtualClock
from sigmawatch.adapters.venues.budget import Budget
from sigmawatch.adapters.venues.settings import Limits
from sigmawatch.domain.errors import Invalid, RateLimited

KRAKEN = Limits(per_minute=60.0, burst=2.0, reserve=1.0)


def agree() -> None:
    """Nothing stands against asking."""


async def asking(
    budget: Budget, clock: VirtualClock, *, count: int, urgent: bool = False
) -> list[int]:
    """The moments at which `count` callers, all there at once, were let through."""
    moments: list[int] = []

    async def one() -> None:
        await budget.spend(1.0, urgent=urgent, check=agree)
        moments.append(clock.monotonic_ms())

    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(one())
        await asyncio.sleep(0)
        while len(moments) < count:
            await clock.advance_to_ms(clock.now_ms() + 50, turns=3)
    return moments


@settings(max_examples=15)
@given(st.floats(5.0, 600.0), st.floats(2.0, 4.0))
async def test_no_minute_holds_more_than_the_budget(per_minute: float, burst: float) -> None:
    limits = Limits(per_minute=per_minute, burst=burst, reserve=1.0)
    clock = VirtualClock(T0_MS)
    moments = await asking(Budget(limits, clock=clock), clock, count=int(per_minute) + 5)
    for start in moments:
        assert sum(start <= moment < start + 60_000 for moment in moments) <= per_minute


async def test_a_poll_finds_its_place_kept_however_much_back_fill_waits() -> None:
    clock = VirtualClock(T0_MS)
    budget = Budget(KRAKEN, clock=clock)
    backfill = [
        asyncio.create_task(budget.spend(1.0, urgent=False, check=agree)) for _ in range(20)
    ]
    await clock.advance_to_ms(T0_MS + 5_000, turns=5)
    poll = asyncio.create_task(budget.spend(1.0, urgent=True, check=agree))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert poll.done()
    assert 0 < sum(task.done() for task in backfill) < 8
    for task in backfill:
        task.cancel()
    await asyncio.gather(poll, *backfill, return_exceptions=True)


async def test_waiting_callers_are_served_in_the_order_they_came() -> None:
    clock, served = VirtualClock(T0_MS), list[int]()
    budget = Budget(KRAKEN, clock=clock)

    async def one(number: int) -> None:
        await budget.spend(1.0, urgent=False, check=agree)
        served.append(number)

    async with asyncio.TaskGroup() as group:
        for number in range(6):
            group.create_task(one(number))
        while len(served) < 6:
            await clock.advance_to_ms(clock.now_ms() + 100, turns=3)
    assert served == [0, 1, 2, 3, 4, 5]


async def test_a_cancelled_waiter_leaves_at_once_and_spends_nothing() -> None:
    clock = VirtualClock(T0_MS)
    budget = Budget(KRAKEN, clock=clock)
    await budget.spend(1.0, urgent=False, check=agree)
    first, second = (
        asyncio.create_task(budget.spend(1.0, urgent=False, check=agree)) for _ in range(2)
    )
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert clock.monotonic_ms() == 0
    await clock.advance_to_ms(T0_MS + 1_100, turns=5)
    assert second.done()
    await second


async def test_what_stands_against_asking_ends_the_waiting_of_everybody() -> None:
    clock = VirtualClock(T0_MS)
    budget = Budget(KRAKEN, clock=clock)
    banned = False

    def check() -> None:
        if banned:
            raise RateLimited("asked too often")

    waiting = [asyncio.create_task(budget.spend(1.0, urgent=False, check=check)) for _ in range(9)]
    await asyncio.sleep(0)
    banned = True
    await clock.advance_to_ms(T0_MS + 1_100, turns=20)
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(each) for each in results] == [type(None)] + [RateLimited] * 8


async def test_what_others_spent_behind_the_same_address_counts() -> None:
    # X-MBX-USED-WEIGHT-1M counts every program of this address.
    limits = Limits(per_minute=6_000.0, burst=1_200.0, reserve=80.0, call=2.0)
    clock = VirtualClock(T0_MS)
    budget = Budget(limits, clock=clock)
    budget.observe(5_990.0)
    poll = asyncio.create_task(budget.spend(80.0, urgent=True, check=agree))
    await clock.advance_to_ms(T0_MS + 800, turns=3)
    assert not poll.done()
    await clock.advance_to_ms(T0_MS + 900, turns=3)
    await poll


async def test_a_wall_clock_set_back_holds_nobody_up() -> None:
    stepped_ns = 0

    def wall_ns() -> int:
        return time.time_ns() - stepped_ns

    fast = Limits(per_minute=6_000.0, burst=2.0, reserve=1.0)
    budget = Budget(fast, clock=RealClock(wall_ns=wall_ns))
    await budget.spend(1.0, urgent=False, check=agree)
    waiter = asyncio.create_task(budget.spend(1.0, urgent=False, check=agree))
    await asyncio.sleep(0)
    stepped_ns = 3_600 * 10**9
    async with asyncio.timeout(allowed_s(2.0)):
        await waiter


@pytest.mark.parametrize(("per_minute", "burst"), [(60.0, 1.9), (2.0, 2.0), (0.0, 0.0)])
def test_a_budget_that_could_never_serve_a_call_is_refused(per_minute: float, burst: float) -> None:
    with pytest.raises(Invalid) as caught:
        Limits(per_minute=per_minute, burst=burst, reserve=1.0)
    assert caught.value.field == "requests_per_minute"


def test_another_whole_budget_keeps_the_proportions() -> None:
    weight = Limits(per_minute=6_000.0, burst=1_200.0, reserve=80.0, call=2.0)
    assert weight.scaled(None) == weight
    assert weight.scaled(3_000.0).burst == 600.0
    assert weight.scaled(100.0).burst == 82.0
    assert weight.per_second == 80.0
