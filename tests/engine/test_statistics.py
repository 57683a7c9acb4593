"""The arithmetic against the exact oracle (SEMANTICS.md 2, 3)."""

from __future__ import annotations

import numpy as np
import pytest
from tests.engine import oracle
from tests.engine.world import MINUTE, NAN, START, a_frame, a_patch, a_table, fed

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.frame import Flag, Reason
from sigmawatch.domain.window import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Interval
from sigmawatch.engine.snapshot import Board, Statistics
from sigmawatch.engine.table import SeriesTable

NAMES = ("mean", "sigma_abs", "sigma_rel", "sigma_ret", "minimum", "maximum", "change_pct")
CANDLE = Reason.OBSERVED | Flag.FILLED


def worst(statistics: Statistics, row: int, *, exact: oracle.Exact) -> float:
    """The largest relative error of one row's numbers, n and coverage included."""
    assert statistics.n[row] == exact.n
    assert statistics.coverage[row] == pytest.approx(exact.n / statistics.expected, abs=1e-15)
    return max(
        oracle.off_by(float(getattr(statistics, name)[row]), getattr(exact, name)) for name in NAMES
    )


def same_bytes(one: Statistics, other: Statistics) -> bool:
    return all(
        getattr(one, name).tobytes() == getattr(other, name).tobytes()
        for name in ("n", "coarse", "sign_change", "coverage", *NAMES)
    )


@pytest.mark.parametrize(
    ("interval", "windows_ms"),
    [
        (MINUTE, (DAY_MS, HOUR_MS, 5 * HOUR_MS, *(m * MINUTE_MS for m in (1, 9, 30, 31, 59, 61)))),
        (Interval(5 * SECOND_MS), (2 * HOUR_MS, HOUR_MS, MINUTE_MS, 455 * SECOND_MS)),
        (Interval(5 * MINUTE_MS), (DAY_MS, HOUR_MS, 35 * MINUTE_MS)),
        (Interval(60 * MINUTE_MS), (DAY_MS, HOUR_MS, 7 * HOUR_MS)),
        (Interval(32 * SECOND_MS), (DAY_MS, 320 * SECOND_MS)),
    ],
)
def test_statistics_are_exact_over_any_window_and_interval(
    interval: Interval, windows_ms: tuple[int, ...]
) -> None:
    """Windows are spans of time; one that is built when asked for is a standing one to the byte."""
    rng = np.random.default_rng(7)
    table = a_table(3, interval=interval, windows_ms=windows_ms[:2], block_id=4)
    known: list[dict[int, float]] = [{}, {}, {}]
    stop = START + interval.slots(windows_ms[0]) + 150
    check = {*rng.integers(START, stop, 4).tolist(), *range(stop - 34, stop, 3)}
    for slot in range(START, stop):
        row = 100.0 * np.exp(rng.normal(0, 0.01, 3))
        row[rng.random(3) < 0.2] = NAN
        table.apply(a_frame(slot, row, interval=interval, block_id=4))
        for series, value in zip(known, row.tolist(), strict=True):
            if not np.isnan(value):
                series[slot] = value
        if slot not in check:
            continue
        board = table.close(slot)
        for window_ms in windows_ms:
            statistics = table.statistics(window_ms, slot)
            standing = board.statistics.get(window_ms, statistics)
            assert same_bytes(statistics, standing)
            index = slot % 3
            exact = oracle.window(known[index], last=slot, slots=interval.slots(window_ms))
            assert worst(statistics, index, exact=exact) < 1e-12


SPECIES = 8


def _nature(rng: np.random.Generator, species: int, *, count: int) -> list[float]:
    """A stream of `count` values of one of eight characters, gaps included."""
    noise = rng.normal(0, 1, count)
    walk = np.exp(np.cumsum(noise) * 1e-3)
    values = (
        100.0 * walk,
        1e9 + 1e-3 * noise,  # quiet at a high level
        np.full(count, 0.1),  # constant, and no whole number of anything
        1e-10 * walk,
        np.where(rng.random(count) < 0.002, 1e12, 50.0 + noise),  # spikes that come and go
        noise,  # both signs
        np.abs(noise) * 1e8 * (rng.random(count) < 0.5),  # often zero
        np.round(30_000.0 + 100.0 * np.sin(np.arange(count) / 500.0), 1),
    )[species]
    gone = rng.random(count) < (0.0, 0.05, 0.3)[species % 3]
    return [float(v) for v in np.where(gone, NAN, values)]


class _Stream:
    """64 series of volume_24h_quote (a level without a gate), fed and remembered."""

    def __init__(self, seed: int, slots: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.table = a_table(64, metric="volume_24h_quote", block_id=11)
        natures = [_nature(self.rng, row % SPECIES, count=slots) for row in range(64)]
        self.columns = np.array(natures)
        self.known: list[dict[int, float]] = [{} for _ in range(64)]
        self.updates_count = 0

    def say(self, slot: int, column: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
        """One frame; a missing value says nothing."""
        frame = a_frame(slot, column, block_id=11, late_ms=500 + self.updates_count % 1000)
        self.table.apply(frame)
        self.updates_count += 64
        for series, value in zip(self.known, column.tolist(), strict=True):
            if not np.isnan(value):
                series[slot] = value

    def fill(self, row: int, slot: int) -> None:
        """A run of coarse candles over what is missing, never over what was read."""
        values = self.rng.uniform(90, 110, 5)
        self.table.apply(a_patch(slot, values, CANDLE | Flag.COARSE, series_id=row + 1,
                                 made_slot=slot + 40))  # fmt: skip
        for at, value in enumerate(values.tolist(), slot):
            self.known[row].setdefault(at, value)

    def revise(self, row: int, slot: int) -> None:
        """Another value in the place of whatever stands."""
        value = float(self.rng.uniform(1, 200))
        self.table.apply(a_patch(slot, [value], Reason.OBSERVED, series_id=row + 1,
                                 made_slot=slot + 40))  # fmt: skip
        self.known[row][slot] = value


@pytest.mark.slow
def test_sigma_is_exact_after_a_million_random_updates() -> None:
    """SEMANTICS.md 3: "relative error ≤ 1e-12 against an exact reference, after any number of
    updates", with gaps, late values, revisions, coarse spans, spikes that come and go."""
    slots = 16_000
    stream = _Stream(seed=5, slots=slots)
    board = stream.table.close(START)
    rng, errors = stream.rng, []
    check = set(rng.integers(1_500, slots, 10).tolist())
    held_back: list[int] = []
    for number in range(slots):
        slot = START + number
        if rng.random() < 0.05:
            held_back.append(slot)  # comes with the next one
        else:
            for late in [*held_back, slot]:
                stream.say(late, stream.columns[:, late - START])
            held_back.clear()
        if number > 200 and rng.random() < 0.1:
            stream.fill(int(rng.integers(64)), slot - int(rng.integers(40, 190)))
            stream.revise(int(rng.integers(64)), slot - int(rng.integers(0, 100)) - 41)
        if number % 400 < 100 or number in check:
            board = stream.table.close(slot)
        if number in check:
            first = int(rng.integers(8)) * 8
            for window_ms in (DAY_MS, HOUR_MS):
                for row in range(first, first + 8):
                    exact = oracle.window(
                        stream.known[row], last=slot, slots=MINUTE.slots(window_ms)
                    )
                    errors.append(worst(board.statistics[window_ms], row, exact=exact))
    assert stream.updates_count > 900_000
    assert max(errors) < 1e-12


def _quiet_hours(spike: float) -> Board:
    rng = np.random.default_rng(3)
    stream = 100.0 + rng.normal(0, 1e-3, 1_600)
    stream[40] = spike
    table = a_table(metric="volume_24h_quote")
    for number, value in enumerate(stream):
        table.apply(a_frame(START + number, [value]))
        table.close(START + number)
    return table.close(START + len(stream) - 1)


def test_a_spike_leaves_no_trace_once_it_has_left_the_window() -> None:
    spiked, plain = _quiet_hours(1e12), _quiet_hours(100.0)
    for window_ms in (DAY_MS, HOUR_MS):
        assert same_bytes(spiked.statistics[window_ms], plain.statistics[window_ms])


def test_a_constant_series_has_a_deviation_of_exactly_zero() -> None:
    table = fed(a_table(), {START + at: [0.1] for at in range(200)})
    day = table.close(START + 199).statistics[DAY_MS]
    assert (day.sigma_abs[0], day.sigma_rel[0], day.sigma_ret[0]) == (0.0, 0.0, 0.0)
    assert day.mean[0] == 0.1


def one(values: list[float], *, metric: str = "price", window_ms: int = HOUR_MS) -> Statistics:
    """The statistics of one series after `values`, one a slot."""
    table = fed(a_table(metric=metric), {START + at: [v] for at, v in enumerate(values)})
    return table.close(START + len(values) - 1).statistics[window_ms]


def test_sigma_rel_is_null_with_sign_change_where_values_of_both_signs_are_present() -> None:
    """SEMANTICS.md 3; docs/decisions/0008: zero has no sign, so it contradicts none."""
    assert one([1.0, 2.0]).sigma_rel[0] == pytest.approx(1 / 3)
    assert one([-1.0, -2.0], metric="volume_24h_base").sigma_rel[0] == pytest.approx(1 / 3)
    assert one([0.0, 1.0], metric="traded_quote").sigma_rel[0] == pytest.approx(1.0)
    changed = one([1.0, -2.0], metric="volume_24h_base")
    assert np.isnan(changed.sigma_rel[0])
    assert changed.sign_change[0]


def test_sigma_rel_of_a_mean_of_zero_is_null_without_a_sign_change() -> None:
    silent = one([0.0, 0.0], metric="traded_quote")
    assert np.isnan(silent.sigma_rel[0])
    assert not silent.sign_change[0]


def test_returns_are_of_levels_above_zero_and_of_neighbours_only() -> None:
    assert np.isnan(one([1.0, NAN, 2.0]).sigma_ret[0])
    assert np.isnan(one([1.0, 2.0], metric="traded_quote").sigma_ret[0])
    assert np.isnan(one([0.0, 1.0, 0.0], metric="spread_bp").sigma_ret[0])
    up_and_down = one([1.0, 2.0, 1.0])
    assert up_and_down.sigma_ret[0] == pytest.approx(np.log(2) * np.sqrt(60))


def test_a_crash_by_twelve_digits_keeps_every_digit_of_its_return() -> None:
    found = one([1e12, 1.0, 1.0], metric="volume_24h_quote").sigma_ret[0]
    half = np.log(1e12) / 2  # two returns: the crash and nothing
    assert found == pytest.approx(half * np.sqrt(60), rel=1e-15)


def test_the_first_slot_of_a_window_has_no_return() -> None:
    """ "the closed slots with open in [T - W, T)": the move into the window is outside of it."""
    for extra in range(60):
        flat = one([50.0, *[100.0] * (60 + extra)][extra:], metric="volume_24h_quote")
        assert flat.sigma_ret[0] == (0.0 if extra else one([50.0] + [100.0] * 60).sigma_ret[0])
    inside = fed(a_table(), {START + at: [50.0 if at < 5 else 100.0] for at in range(65)})
    assert inside.close(START + 64).statistics[HOUR_MS].sigma_ret[0] == 0.0
    assert inside.close(START + 63).statistics[HOUR_MS].sigma_ret[0] > 0.0


@pytest.mark.parametrize(
    ("gap", "known"), [((), True), ((0,), True), ((0, 1), True), ((0, 1, 2), False)]
)
def test_change_pct_takes_a_close_up_to_two_slots_before_the_window(
    gap: tuple[int, ...], known: bool
) -> None:
    """ "then = last close at or before T - W; unknown if that close is older than 2 slots"."""
    values = [NAN if 39 - at in gap else 100.0 + at for at in range(100)]
    change = one(values).change_pct[0]
    if known:
        then = 139.0 - len(gap)
        assert change == pytest.approx(100 * (199.0 - then) / then)
    else:
        assert np.isnan(change)


@pytest.mark.parametrize(("gap", "known"), [(0, True), (2, True), (3, False)])
def test_change_pct_needs_its_newest_close_as_well(gap: int, known: bool) -> None:
    values = [100.0 + at for at in range(100)]
    values[100 - gap :] = [NAN] * gap
    assert np.isfinite(one(values).change_pct[0]) == known


def test_coarse_candles_count_in_every_slot_they_cover_and_the_statistic_says_so() -> None:
    table = fed(a_table(2), {START + at: [NAN, 5.0] for at in range(120)})
    assert table.apply(a_patch(START + 50, [7.0] * 5, CANDLE | Flag.COARSE, made_slot=START + 121))
    hour = table.close(START + 109).statistics[HOUR_MS]
    assert (hour.n.tolist(), hour.coarse.tolist()) == ([5, 60], [True, False])
    assert not table.close(START + 119).statistics[HOUR_MS].coarse[0]


def test_coverage_is_of_the_whole_window_and_from_and_to_name_it() -> None:
    hour = one([1.0] * 45)
    assert (hour.n[0], hour.expected, hour.coverage[0]) == (45, 60, 0.75)
    assert hour.to_ms == MINUTE.open_ms(START + 45)
    assert hour.from_ms == hour.to_ms - HOUR_MS


def test_the_running_slot_enters_no_statistic() -> None:
    table = fed(a_table(), {START + at: [1.0 + at] for at in range(30)})
    before = table.close(START + 29)
    running = a_frame(START + 30, [9e9], recv_ms=MINUTE.open_ms(START + 30) + 10_000, open=True)
    assert table.apply(running)
    after = table.close(START + 29)
    assert same_bytes(before.statistics[DAY_MS], after.statistics[DAY_MS])
    assert after.live_value[0] == 9e9


def test_the_judged_slot_is_not_in_the_baseline_of_its_surge() -> None:
    """ "surge (value / mean of the 1 h before it)", known with 80 % of that hour."""
    table = fed(a_table(), {START + at: [10.0] for at in range(59)})
    table.apply(a_frame(START + 59, [30.0]))
    for _ in range(2):  # closing again changes nothing
        assert table.close(START + 59).surge[0] == 3.0
    table.apply(a_patch(START + 58, [70.0], Reason.OBSERVED, made_slot=START + 60))
    assert table.close(START + 59).surge[0] == pytest.approx(30 / ((58 * 10 + 70) / 59))


def test_a_thin_hour_has_no_surge() -> None:
    assert np.isnan(fed(a_table(), {START + at: [1.0] for at in range(48)})
                    .close(START + 47).surge[0])  # fmt: skip
    assert fed(a_table(), {START + at: [1.0] for at in range(49)}).close(START + 48).surge[0] == 1


def test_the_surge_after_a_span_has_turned_is_that_of_a_fresh_table() -> None:
    rng = np.random.default_rng(1)
    columns = {START + at: [v] for at, v in enumerate(rng.uniform(1, 2, 150).tolist())}
    table = a_table()
    for slot, values in columns.items():
        board = fed(table, {slot: values}).close(slot)
        known = {at: column[0] for at, column in columns.items() if at < slot}
        mean = oracle.mean_before(known, slot=slot, slots=60)
        if slot >= START + 48:
            assert mean is not None
            assert board.surge[0] == pytest.approx(values[0] / mean, rel=1e-13)


def test_a_window_that_is_no_longer_held_or_no_whole_number_of_slots_is_refused() -> None:
    table = fed(a_table(), {START: [1.0], START + 2_000: [1.0]})
    with pytest.raises(Invalid, match="multiple of 1m"):
        table.statistics(90_500, START + 2_000)
    with pytest.raises(Invalid, match="no longer held"):
        table.statistics(HOUR_MS, START)


def test_a_window_of_no_whole_number_of_slots_does_not_stand() -> None:
    """45 minutes divide the day but not the hour."""
    table = a_table(interval=Interval(45 * MINUTE_MS))
    board = fed(table, {START: [1.0]}).close(START)
    assert list(board.statistics) == [DAY_MS]
    assert np.isnan(board.surge[0])


def test_a_table_that_was_told_nothing_still_closes() -> None:
    board = SeriesTable(MINUTE).close(START)
    assert board.series == ()
    assert a_table(2).close(START).statistics[DAY_MS].n.tolist() == [0, 0]
