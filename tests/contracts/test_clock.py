"""What every clock promises: time, and waiting for it."""

from __future__ import annotations

import asyncio
import time

import pytest

from sigmawatch.adapters.clock import RealClock, ScaledClock, VirtualClock
from sigmawatch.domain.errors import Invalid
from sigmawatch.ports.clock import Clock

START_MS = 1_740_000_000_000


@pytest.fixture(params=["real", "scaled", "virtual"])
def clock(request: pytest.FixtureRequest) -> Clock:
    made: dict[str, Clock] = {
        "real": RealClock(),
        "scaled": ScaledClock(START_MS, 3_600),
        "virtual": VirtualClock(START_MS),
    }
    return made[request.param]


async def test_who_sleeps_until_a_moment_wakes_at_it_or_later(clock: Clock) -> None:
    due_ms = clock.now_ms() + 20
    sleeper = asyncio.create_task(clock.sleep_until_ms(due_ms))
    if isinstance(clock, VirtualClock):
        await asyncio.sleep(0)
        await clock.advance_to_ms(due_ms)
    await asyncio.wait_for(sleeper, 60)
    assert clock.now_ms() >= due_ms


async def test_a_moment_that_has_come_is_not_waited_for(clock: Clock) -> None:
    sleeper = asyncio.create_task(clock.sleep_until_ms(clock.now_ms()))
    await asyncio.sleep(0)
    assert sleeper.done()


async def test_a_sleeper_that_is_cancelled_leaves_nothing_behind(clock: Clock) -> None:
    sleeper = asyncio.create_task(clock.sleep_until_ms(clock.now_ms() + 3_600_000))
    await asyncio.sleep(0)
    sleeper.cancel()
    await asyncio.wait([sleeper])
    assert sleeper.cancelled()
    if isinstance(clock, VirtualClock):
        assert clock.sleepers_count == 0
        await clock.advance_to_ms(START_MS + 7_200_000)


def test_monotonic_time_never_goes_back(clock: Clock) -> None:
    seen = [clock.monotonic_ms() for _ in range(1_000)]
    assert seen == sorted(seen)


def test_the_real_clock_is_the_machines() -> None:
    before_ms = time.time_ns() // 1_000_000
    assert before_ms <= RealClock().now_ms() <= before_ms + 10_000


async def test_a_step_of_the_wall_clock_ends_the_sleep_it_jumped_over() -> None:
    wall_ms = START_MS
    clock = RealClock(wall_ns=lambda: wall_ms * 1_000_000, recheck_ms=2)
    sleeper = asyncio.create_task(clock.sleep_until_ms(START_MS + 3_600_000))
    await asyncio.sleep(0)
    wall_ms += 3_600_000
    await asyncio.wait_for(sleeper, 60)


async def test_a_step_back_of_the_wall_clock_makes_the_sleep_longer() -> None:
    wall_ms, asked = START_MS, 0

    def wall_ns() -> int:
        nonlocal wall_ms, asked
        asked += 1
        if asked == 2:
            wall_ms -= 3_600_000
        if asked == 4:
            wall_ms += 7_200_000
        return wall_ms * 1_000_000

    clock = RealClock(wall_ns=wall_ns, recheck_ms=1)
    await asyncio.wait_for(clock.sleep_until_ms(START_MS + 1), 10)
    assert asked == 4


def test_a_scaled_clock_runs_as_fast_as_it_says() -> None:
    clock = ScaledClock(START_MS, 1_000)
    for read_ms in (clock.now_ms, clock.monotonic_ms):
        before_ns = time.monotonic_ns()
        first_ms = read_ms()
        begun_ns = time.monotonic_ns()
        while time.monotonic_ns() - begun_ns < 2_000_000:
            pass
        ended_ns = time.monotonic_ns()
        went_ms = read_ms() - first_ms
        after_ns = time.monotonic_ns()
        assert (ended_ns - begun_ns) / 1_000 - 1 <= went_ms <= (after_ns - before_ns) / 1_000 + 1
    assert clock.now_ms() > START_MS


@pytest.mark.parametrize("speed", [0.0, 0.5, -1.0, 3_601.0, float("nan"), float("inf")])
def test_a_speed_that_makes_no_sense_is_refused(speed: float) -> None:
    with pytest.raises(Invalid, match="speed"):
        ScaledClock(START_MS, speed)


async def test_virtual_sleepers_wake_in_time_order_each_at_its_own_time() -> None:
    clock, woke = VirtualClock(START_MS), list[tuple[str, int]]()

    async def every(name: str, period_ms: int, times: int) -> None:
        for n in range(1, times + 1):
            await clock.sleep_until_ms(START_MS + n * period_ms)
            woke.append((name, clock.now_ms() - START_MS))

    tasks = [asyncio.create_task(every("a", 10, 5)), asyncio.create_task(every("b", 25, 2))]
    await asyncio.sleep(0)
    await clock.advance_to_ms(START_MS + 50)
    assert woke == [("a", 10), ("a", 20), ("b", 25), ("a", 30), ("a", 40), ("b", 50), ("a", 50)]
    assert clock.now_ms() == START_MS + 50
    assert clock.monotonic_ms() == 50
    await asyncio.gather(*tasks)


async def test_virtual_time_steps_like_a_wall_clock_and_monotonic_time_does_not() -> None:
    clock = VirtualClock(START_MS)
    sleeper = asyncio.create_task(clock.sleep_until_ms(START_MS + 1_000))
    await asyncio.sleep(0)
    clock.step_wall_ms(-10_000)
    await clock.advance_to_ms(START_MS - 5_000)
    assert (clock.monotonic_ms(), sleeper.done()) == (5_000, False)
    clock.step_wall_ms(60_000)
    assert clock.monotonic_ms() == 5_000
    await clock.advance_to_ms(clock.now_ms())
    assert sleeper.done()
    assert clock.monotonic_ms() == 5_000
