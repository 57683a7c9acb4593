"""Windows made of minutes: exact, the same from everywhere, and of nothing that has left them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine import oracle

from sigmawatch.domain.frame import Flag, Reason
from sigmawatch.engine.geometry import Column, Marks
from sigmawatch.engine.long_windows import LongWindows
from sigmawatch.engine.minutes import DAY_MINUTES, HOUR_MINUTES, Minutes
from sigmawatch.engine.moments import Moments
from sigmawatch.engine.runs import joined, run_of

A_MINUTE = 12  # slots: as at 5 s
HELD = 2 * HOUR_MINUTES * A_MINUTE + 3 * A_MINUTE  # by the ring
START = 7 * DAY_MINUTES * A_MINUTE + 17  # inside a minute and inside an hour
DAY = DAY_MINUTES * A_MINUTE
WIDTH = 32
FILLABLE = np.isin(np.arange(256) & 0x0F, (Reason.OUTAGE, Reason.NOT_POLLED))


class World:
    """A block: what was said of every slot, of which the newest are held, and its windows."""

    def __init__(self, values: Column, marks: Marks, *, channels: int = 2, lag: int = 0) -> None:
        self.values, self.marks, self.newest = values, marks, -1
        self.minutes = Minutes(self, values.shape[1], slots=A_MINUTE, channels=channels)
        self.windows = LongWindows(self, self.minutes, lag=lag)

    @property
    def oldest(self) -> int:
        return max(self.newest - HELD + 1, START)

    def slot_rows(self, first: int, stop: int) -> tuple[Column, Marks]:
        assert self.newest - HELD < first < stop <= self.newest + 1
        at = np.arange(first, stop) - START
        there = (at >= 0)[:, None]
        values, marks = self.values[np.maximum(at, 0)], self.marks[np.maximum(at, 0)]
        return np.where(there, values, np.nan), np.where(there, marks, np.uint8(Reason.NOT_POLLED))

    def open(self, slot: int) -> None:
        self.minutes.make_room(slot - HELD + 1)
        self.newest = slot

    def run(self, *, until: int, windows: tuple[int, ...] = ()) -> World:
        """Open every slot, and ask for each of the standing windows in each."""
        for slot in range(max(self.newest + 1, START), until + 1):
            self.open(slot)
            for slots in windows if slot >= START + HELD else ():
                self.windows.window(slot, slots)
        return self

    def write(self, slot: int, place: int, value: float) -> None:
        """A late value."""
        self.values[slot - START, place] = value
        self.marks[slot - START, place] = (
            Reason.OBSERVED if not math.isnan(value) else Reason.OUTAGE
        )
        self.minutes.touch(slot)
        self.windows.touch(slot)


def walk(seed: int, slots: int, *, gaps: float = 0.1) -> tuple[Column, Marks]:
    """Random walks of all kinds of levels, with slots missing here and there, and for an hour."""
    rng = np.random.default_rng(seed)
    moves = rng.normal(0.0, 10.0 ** rng.uniform(-9, -1, WIDTH), (slots, WIDTH))
    values = 10.0 ** rng.uniform(-6, 6, WIDTH) * np.exp(np.cumsum(moves, axis=0))
    values[:, 0] = 67_000.1
    values[rng.random((slots, WIDTH)) < gaps] = np.nan
    hole = int(rng.integers(0, max(slots - 60 * A_MINUTE, 1)))
    values[hole : hole + 60 * A_MINUTE, 1::5] = np.nan
    marks = np.where(np.isnan(values), np.uint8(Reason.OUTAGE), np.uint8(Reason.OBSERVED))
    return values, marks


def first_slot(last: int, slots: int) -> int:
    return -(-(last - slots + 1) // A_MINUTE) * A_MINUTE


def bytes_of(moments: Moments) -> list[bytes]:
    shown = (moments.n, moments.shift + moments.mean, moments.m2, moments.low, moments.high)
    return [np.asarray(one, np.float64).tobytes() for one in shown]


def assert_exact(world: World, last: int, slots: int, *, place: int) -> None:
    """Within 1e-12 of rational arithmetic over the slots from the first whole minute on; returns
    within 1e-12 of their root mean square, for each is a rounded number itself."""
    found = world.windows.window(last, slots)
    column = world.values[:, place].tolist()
    known = {START + at: value for at, value in enumerate(column) if not math.isnan(value)}
    held = last - first_slot(last, slots) + 1
    exact = oracle.window(known, last=last, slots=held)
    assert found.n[0, place] == exact.n
    if exact.mean is None or exact.sigma_abs is None:
        return
    sigma = math.sqrt(found.m2[0, place] / found.n[0, place])
    mean = float(found.shift[0, place] + found.mean[0, place])
    assert oracle.off_by(sigma, exact.sigma_abs) < 1e-12
    assert oracle.off_by(mean, exact.mean) < 1e-12
    assert (found.low[place], found.high[place]) == (exact.minimum, exact.maximum)
    returns = oracle.log_returns(known, first=last - held + 1, last=last)
    assert found.n[1, place] == len(returns)
    if returns and exact.sigma_ret is not None:
        size = math.sqrt(sum(float(one) ** 2 for one in returns) / len(returns))
        sigma_ret = math.sqrt(found.m2[1, place] / found.n[1, place])
        assert abs(sigma_ret - exact.sigma_ret / math.sqrt(held)) <= 1e-12 * size


@settings(max_examples=3)
@given(seed=st.integers(0, 10_000), extra=st.integers(0, 400), lag=st.integers(0, A_MINUTE - 1))
def test_a_window_of_minutes_is_exact(seed: int, extra: int, lag: int) -> None:
    slots = 6 * HOUR_MINUTES * A_MINUTE + extra
    world = World(*walk(seed, slots), lag=lag).run(until=START + slots - 1)
    for back in (0, 1, 2, 5):
        last = START + slots - 1 - back
        for place in (0, 1, 2 + seed % 30):
            assert_exact(world, last, HELD + extra, place=place)


def test_a_day_of_minutes_is_exact() -> None:
    slots = DAY + 2_000
    world = World(*walk(5, slots)).run(until=START + slots - 1)
    for place in (0, 1, 9):
        assert_exact(world, START + slots - 1, DAY, place=place)


@settings(max_examples=3)
@given(seed=st.integers(0, 10_000), late=st.lists(st.integers(0, HELD - 4 * A_MINUTE), max_size=5))
def test_the_bytes_do_not_depend_on_when_the_minutes_were_made(seed: int, late: list[int]) -> None:
    """One closed every slot, with late values in between; one was told everything at its end."""
    slots, asked = 5 * HOUR_MINUTES * A_MINUTE + 7, (HELD + 90, HELD + 300)
    until = START + slots - 1
    running = World(*walk(seed, slots), lag=3)
    for at, back in enumerate(late):
        last = START + HELD + 10 * at + 40
        running.run(until=last, windows=asked)
        running.write(last - back, at, 5.0 + at if at % 3 else math.nan)
    running.run(until=until, windows=asked)
    other = World(running.values, running.marks, lag=3).run(until=until)
    for window in asked:
        mine = running.windows.window(until, window)
        assert bytes_of(mine) == bytes_of(other.windows.window(until, window))
        earlier = running.windows.window(until - 3, window)
        assert bytes_of(earlier) == bytes_of(other.windows.window(until - 3, window))


def test_a_late_value_rebuilds_its_minute_its_hour_and_the_folded_slots() -> None:
    slots = 6 * HOUR_MINUTES * A_MINUTE
    last, asked = START + slots - 1, HELD + 400
    world = World(*walk(2, slots, gaps=0.0), lag=A_MINUTE - 1).run(until=last, windows=(asked,))
    for back in (0, 1, 40, 30 * A_MINUTE, HELD - 2 * A_MINUTE):
        world.write(last - back, 3, 1e9 + back)
        assert_exact(world, last, asked, place=3)
        world.windows.window(last, asked)
    for back in range(3 * A_MINUTE):
        world.write(last - back, 4, 7.0 + back)
        again = LongWindows(world, world.minutes, lag=A_MINUTE - 1)
        mine, theirs = (one.window(last, asked) for one in (world.windows, again))
        assert bytes_of(mine) == bytes_of(theirs), back


def test_a_spike_leaves_no_trace_once_its_minute_has_left_the_window() -> None:
    slots, asked = 6 * HOUR_MINUTES * A_MINUTE, 3 * HOUR_MINUTES * A_MINUTE
    values, marks = walk(8, slots, gaps=0.0)
    last = START + slots - 1
    calm = World(values.copy(), marks).run(until=last)
    spiked = World(values, marks)
    spike = first_slot(last, asked) - 1
    spiked.values[spike - START] = 1e12
    spiked.run(until=last, windows=(asked,))
    mine, theirs = (w.windows.window(last, asked) for w in (spiked, calm))
    assert bytes_of(mine) == bytes_of(theirs)
    assert spiked.windows.window(last, asked + A_MINUTE).high[0] == 1e12


def test_a_constant_series_deviates_by_exactly_zero() -> None:
    slots = 4 * HOUR_MINUTES * A_MINUTE
    world = World(*walk(4, slots)).run(until=START + slots - 1)
    found = world.windows.window(START + slots - 1, 3 * HOUR_MINUTES * A_MINUTE)
    assert found.m2[:, 0].tolist() == [0.0, 0.0]
    assert found.shift[0, 0] + found.mean[0, 0] == 67_000.1


def test_a_steady_growth_deviates_by_exactly_zero_too() -> None:
    values = np.repeat(3.0 * 2.0 ** np.arange(60.0)[:, None], WIDTH, axis=1)
    parts = [
        run_of(part, np.zeros(part.shape, np.uint8), channels=2) for part in np.split(values, 5)
    ]
    whole = joined(parts).moments(0)
    assert whole.n[:, 0].tolist() == [60.0, 59.0]
    assert whole.m2[1, 0] == 0.0
    assert whole.shift[1, 0] + whole.mean[1, 0] == math.log(2.0)


def test_a_flow_has_no_returns_and_is_exact() -> None:
    slots = 4 * HOUR_MINUTES * A_MINUTE
    world = World(*walk(6, slots), channels=1).run(until=START + slots - 1)
    found = world.windows.window(START + slots - 1, 3 * HOUR_MINUTES * A_MINUTE)
    both = World(*walk(6, slots)).run(until=START + slots - 1)
    levels = both.windows.window(START + slots - 1, 3 * HOUR_MINUTES * A_MINUTE)
    assert found.n.shape == (1, WIDTH)
    assert found.m2[0].tobytes() == levels.m2[0].tobytes()


def test_a_flag_of_any_slot_is_one_of_the_window() -> None:
    slots = 4 * HOUR_MINUTES * A_MINUTE
    values, marks = walk(6, slots)
    asked, last = 3 * HOUR_MINUTES * A_MINUTE, START + slots - 1
    marks[first_slot(last, asked) - START, 4] |= Flag.COARSE
    marks[first_slot(last, asked) - START - 1, 5] |= Flag.COARSE
    found = World(values, marks).run(until=last).windows.window(last, asked)
    assert np.flatnonzero(found.marks & Flag.COARSE).tolist() == [4]


@pytest.mark.parametrize("age", [0, 1, 2, 3])
def test_the_close_of_a_minute_is_the_newest_of_its_last_three_slots(age: int) -> None:
    values, marks = walk(1, 3 * HELD, gaps=0.0)
    minute = START // A_MINUTE + 5
    end = (minute + 1) * A_MINUTE - START
    values[end - age : end, 2], marks[end - age : end, 2] = np.nan, Reason.OUTAGE
    world = World(values, marks).run(until=START + 3 * HELD - 1)
    close = world.minutes.close_at(minute)
    assert close[3] == values[end - 1, 3]
    if age < 3:
        assert close[2] == values[end - 1 - age, 2]
    else:
        assert math.isnan(close[2])


def without(values: Column, marks: Marks, place: int, hole: slice) -> tuple[Column, Marks]:
    values, marks = values.copy(), marks.copy()
    values[hole, place], marks[hole, place] = np.nan, Reason.NOT_POLLED
    return values, marks


@pytest.mark.parametrize("gaps", [0.0, 0.4])
def test_minutes_filled_from_a_patch_are_as_if_their_slots_had_been_there(gaps: float) -> None:
    slots = 6 * HOUR_MINUTES * A_MINUTE
    last, asked = START + slots - 1, 5 * HOUR_MINUTES * A_MINUTE
    values, marks = walk(3, slots, gaps=gaps)
    hole = slice(91, 91 + 2 * HOUR_MINUTES * A_MINUTE)
    world = World(*without(values, marks, 7, hole)).run(until=last)
    before = world.windows.window(last, asked).n[0, 7]
    minutes = world.minutes.fill(7, START + 91, values=values[hole, 7], marks=marks[hole, 7])
    for minute in minutes.tolist():
        world.windows.touch(minute * A_MINUTE)
    assert len(minutes) == (hole.stop - hole.start) // A_MINUTE
    found = world.windows.window(last, asked)
    assert found.n[0, 7] > before
    whole = World(values, marks).run(until=last).windows.window(last, asked)
    assert bytes_of(found) == bytes_of(whole)


def test_minutes_filled_one_by_one_are_the_same_to_the_byte() -> None:
    """NumPy adds up a single column in another order than several."""
    slots = 4 * HOUR_MINUTES * A_MINUTE
    last = START + slots - 1
    values, marks = walk(3, slots, gaps=0.0)
    hole = slice(91, 91 + 20 * A_MINUTE)
    world = World(*without(values, marks, 7, hole)).run(until=last)
    whole = World(values, marks).run(until=last)
    for at in range(hole.start, hole.stop, A_MINUTE):
        part, minute = slice(at, at + A_MINUTE), (START + at) // A_MINUTE
        world.minutes.fill(7, START + at, values=values[part, 7], marks=marks[part, 7])
        mine, theirs = (w.minutes.window(minute, minute + 1) for w in (world, whole))
        assert bytes_of(mine.moments(0)) == bytes_of(theirs.moments(0))


def test_a_minute_of_which_something_is_known_is_not_filled() -> None:
    slots = 4 * HOUR_MINUTES * A_MINUTE
    values, marks = walk(3, slots, gaps=0.0)
    hole = slice(101, 100 + 40 * A_MINUTE)  # begins and ends inside a minute
    world = World(*without(values, marks, 7, hole)).run(until=START + slots - 1)
    far = np.full(hole.stop - hole.start + 200, 1.0), np.zeros(hole.stop - hole.start + 200, "u1")
    minutes = world.minutes.fill(7, START, values=far[0], marks=far[1])
    assert minutes[0] == -(-(START + 101) // A_MINUTE)
    assert minutes[-1] == (START + hole.stop) // A_MINUTE - 1
    assert not len(world.minutes.fill(7, START, values=far[0], marks=far[1]))


def test_what_a_candle_cannot_tell_is_not_asked_for() -> None:
    slots = 4 * HOUR_MINUTES * A_MINUTE
    values, marks = walk(3, slots, gaps=0.0)
    values[:800, 5:8] = np.nan
    marks[:800, 5], marks[:800, 6], marks[:800, 7] = (
        Reason.OUTAGE, Reason.DELISTED, Reason.SUSPECT,
    )  # fmt: skip
    world = World(values, marks).run(until=START + slots - 1)
    start = START // A_MINUTE + 1
    vacant = world.minutes.vacant(start, start + 50, places=np.array([4, 5, 6, 7]))
    assert vacant.all(axis=0).tolist() == [False, True, False, False]


def test_a_place_that_is_cleared_is_as_if_it_had_never_been() -> None:
    slots, asked = 5 * HOUR_MINUTES * A_MINUTE, 4 * HOUR_MINUTES * A_MINUTE
    last = START + slots - 1
    world = World(*walk(3, slots)).run(until=last)
    world.windows.window(last, asked)
    world.minutes.clear(7)
    values, marks = walk(3, slots)
    gone = without(values, marks, 7, slice(0, slots - HELD))
    world.values[:], world.marks[:] = gone
    found = LongWindows(world, world.minutes, lag=0).window(last, asked)
    assert found.n[0, 7] <= HELD
    assert found.n[0, 8] > HELD


def test_after_a_gap_of_any_length_nothing_is_known_of_it() -> None:
    slots = 4 * HOUR_MINUTES * A_MINUTE
    for gap in (10, HELD + 50, DAY):
        values, marks = walk(3, slots, gaps=0.0)
        later = np.vstack([values, np.full((gap, WIDTH), np.nan), values])
        why = np.vstack([marks, np.full((gap, WIDTH), Reason.NOT_POLLED, np.uint8), marks])
        last = START + len(later) - 1
        skipping = World(later, why).run(until=START + slots - 1)
        skipping.open(-(-skipping.newest // A_MINUTE) * A_MINUTE + A_MINUTE - 1)
        skipping.open(START + slots + gap - 1)
        skipping.run(until=last)
        other = World(later, why).run(until=last)
        mine, theirs = (w.windows.window(last, DAY) for w in (skipping, other))
        assert bytes_of(mine) == bytes_of(theirs), gap
