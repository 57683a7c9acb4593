"""The comparison's own honesty: the right answers are right, and wrong ones get no time."""

import math
import statistics
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.peers.answers import (
    RANKS,
    Answer,
    Integers,
    allowed_ranks,
    differences,
    ranks_of,
    reference,
)
from benchmarks.peers.measuring import Limits, measured
from benchmarks.peers.registry import SYSTEMS
from benchmarks.peers.tape import DAY, Column, Task, log_returns

COUNT, MINUTES = 40, 90


@pytest.fixture(scope="module")
def rows() -> Column:
    task = Task(count=COUNT, day=MINUTES - 1, repeats=1)
    return np.array([values for _, values in task.rows()])


@pytest.fixture(scope="module")
def right(rows: Column) -> Answer:
    return answered(rows)


def answered(rows: Column) -> Answer:
    returns = np.array([log_returns(None, rows[0]), *map(log_returns, rows[:-1], rows[1:])])
    return reference(rows, returns)


def test_a_tape_is_the_same_for_everyone() -> None:
    one, other = (Task(count=COUNT, day=MINUTES).rows() for _ in range(2))
    for (slot, values), (same_slot, same_values) in zip(one, other, strict=True):
        assert slot == same_slot
        np.testing.assert_array_equal(values, same_values)


def test_a_series_never_misses_two_minutes_running(rows: Column) -> None:
    missing = np.isnan(rows)
    assert missing.any()
    assert not (missing[1:] & missing[:-1]).any()


def test_the_right_answers_are_those_of_the_standard_library(rows: Column, right: Answer) -> None:
    for index, column in enumerate(rows.T):
        day = [value for value in column.tolist() if not math.isnan(value)]
        hour = [value for value in column[-60:].tolist() if not math.isnan(value)]
        moves = [math.log(b / a) for a, b in pairwise(column)]
        mine = {name: values[index] for name, values in right.columns.items()}
        assert mine["n"] == len(day)
        assert mine["n_1h"] == len(hour)
        assert mine["mean"] == pytest.approx(statistics.fmean(day), rel=1e-13)
        assert mine["sigma_abs"] == pytest.approx(statistics.pstdev(day), rel=1e-12)
        assert mine["sigma_1h"] == pytest.approx(statistics.pstdev(hour), rel=1e-12)
        known = [move for move in moves if not math.isnan(move)]
        assert mine["sigma_ret"] == pytest.approx(
            statistics.pstdev(known) * math.sqrt(MINUTES), rel=1e-10
        )


def test_the_jumps_of_a_timed_minute_are_the_breakouts(rows: Column, right: Answer) -> None:
    before = np.nanmean(rows[-61:-1], axis=0)
    assert 3 <= len(right.breakouts) <= 4  # a twin jumps with its twin
    assert set(right.breakouts.tolist()) == {
        index for index in range(COUNT) if rows[-1, index] > 3.0 * before[index]
    }


def test_twins_share_a_rank(right: Answer) -> None:
    for name in RANKS:
        assert right.columns[name][0] == right.columns[name][1]


def test_equal_keys_share_the_better_rank_and_the_next_one_counts_them() -> None:
    assert ranks_of(np.array([5.0, 9.0, 5.0, 1.0])).tolist() == [2, 1, 2, 4]


def test_a_rank_may_be_on_either_side_of_a_neighbour_told_apart_by_rounding() -> None:
    best, worst = allowed_ranks(np.array([2.0, 2.0 + 1e-12, 3.0]))
    assert best.tolist() == [2, 2, 1]
    assert worst.tolist() == [3, 3, 1]


def moved(right: Answer, name: str, *, to: float) -> dict[str, Any]:
    """The right columns, but for the place 7 of one, which is `to` times as much."""
    column = right.columns[name].astype(float)
    column[7] *= to
    return {**right.columns, name: column}


@pytest.mark.parametrize(
    ("name", "to"),
    [("n", 2), ("sigma_abs", 1 + 3e-9), ("mean", math.nan), ("rank_ret", 3), ("rank_abs", 0)],
)
def test_a_wrong_answer_is_told_with_its_place(right: Answer, name: str, to: float) -> None:
    answer = Answer(columns=moved(right, name, to=to), breakouts=right.breakouts)
    (found,) = differences(answer, right)
    assert found.startswith(f"{name}: 1 of 40 wrong, the first is series 7")


def test_a_difference_within_the_tolerance_is_none(right: Answer) -> None:
    columns = moved(right, "sigma_abs", to=1 + 5e-10)
    assert not list(differences(Answer(columns=columns, breakouts=right.breakouts), right))


@pytest.mark.parametrize("breakouts", [[], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]])
def test_a_breakout_too_many_or_too_few_is_wrong(right: Answer, breakouts: list[int]) -> None:
    odd: Integers = np.array(breakouts, np.int64)
    answer = Answer(columns=right.columns, breakouts=odd)
    assert [line.partition(":")[0] for line in differences(answer, right)] == ["breakouts"]


def test_a_sample_is_held_to_the_ranks_among_its_own(right: Answer) -> None:
    sample = right.first(10)
    assert not list(differences(sample, right))
    among_all = {name: right.columns[name][:10] for name in RANKS}
    boasting = Answer(
        columns={**sample.columns, **among_all}, breakouts=sample.breakouts, sampled=10
    )
    told = {line.partition(":")[0] for line in differences(boasting, right)}
    assert told <= set(RANKS)
    assert told


def test_an_answer_comes_back_from_its_file(tmp_path: Path, right: Answer) -> None:
    right.first(10).save(tmp_path / "answer.npz")
    stored = Answer.load(tmp_path / "answer.npz")
    assert stored.sampled == 10
    assert not list(differences(stored, right))


LIMITS = Limits(seconds=60.0, repeats=1)


def test_ours_gives_the_right_answers(tmp_path: Path) -> None:
    names = ["sigmawatch", "sigmawatch-memory", "statistics"]
    for outcome in measured(names, 50, limits=LIMITS, folder=tmp_path):
        assert not outcome.trouble
        assert len(outcome.slots_ms) == 1
        assert outcome.facts()["median_ms"] > 0.0


@pytest.mark.parametrize("name", ["sqlite", "duckdb"])
def test_a_peer_gives_the_right_answers_where_it_is_installed(name: str, tmp_path: Path) -> None:
    (outcome,) = measured([name], 20, limits=LIMITS, folder=tmp_path)
    if outcome.trouble.startswith("not installed"):
        pytest.skip(outcome.trouble)
    assert not outcome.trouble


def test_a_peer_that_is_not_installed_is_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (outcome,) = measured(["redis"], 20, limits=LIMITS, folder=tmp_path)
    assert outcome.trouble == "not installed: redis-server"
    assert "not installed" in outcome.line()


def test_a_system_over_its_time_is_ended_and_told(tmp_path: Path) -> None:
    limits = Limits(seconds=0.5, repeats=1)
    (outcome,) = measured(["statistics"], 20_000, limits=limits, folder=tmp_path)
    assert outcome.trouble == "over 0.5 s, loading"


def test_nothing_is_begun_when_all_the_time_is_over(tmp_path: Path) -> None:
    limits = Limits(seconds=60.0, repeats=1, ends_s=time.monotonic() + 1.0)
    (outcome,) = measured(["statistics"], 20, limits=limits, folder=tmp_path)
    assert outcome.trouble == "no time was left"


def test_every_system_says_what_it_is() -> None:
    for name, system in SYSTEMS.items():
        assert system.title, name
        assert all(60 < day <= DAY for day in system.days.values())
