"""What a system must answer at the end of a minute, the answers that are right, and the check.

Right is what a full computation in two passes says (`reference`). Counts and the list of breakouts
must be equal, numbers within 1e-9 of themselves, and a rank must be one that the right numbers
allow when each of them may be 1e-9 off: twins share a rank, and whoever is told apart by rounding
alone may stand on either side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from benchmarks.peers.tape import HOUR, Column

Integers = npt.NDArray[np.int64]
TOLERANCE = 1e-9
COUNTS = ("n", "n_1h")
NUMBERS = ("mean", "sigma_abs", "sigma_rel", "sigma_ret", "mean_1h", "sigma_1h")
RANKS = {"rank_abs": "sigma_abs", "rank_rel": "sigma_rel", "rank_ret": "sigma_ret"}
COLUMNS = (*COUNTS, *NUMBERS, *RANKS)
PART = 256  # series at a time: what is worked on stays in the cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """columns: each of COLUMNS, [series] in the tape's order; breakouts: the series whose value is
    above three times the mean of the hour before, ascending. sampled: only the first so many
    series were worked out, and ranked among themselves."""

    columns: Mapping[str, Column | Integers]
    breakouts: Integers
    sampled: int | None = None

    def __post_init__(self) -> None:
        assert set(self.columns) == set(COLUMNS)

    def save(self, path: Path) -> None:
        sampled = -1 if self.sampled is None else self.sampled
        np.savez(
            path, allow_pickle=False, breakouts=self.breakouts, sampled=sampled, **self.columns
        )

    @classmethod
    def load(cls, path: Path) -> Answer:
        with np.load(path) as stored:
            columns = {name: stored[name] for name in COLUMNS}
            sampled = int(stored["sampled"])
            return cls(
                columns=columns,
                breakouts=stored["breakouts"],
                sampled=None if sampled < 0 else sampled,
            )

    def first(self, count: int) -> Answer:
        """The answer for the first `count` series alone, ranked among themselves."""
        columns = {name: self.columns[name][:count] for name in (*COUNTS, *NUMBERS)}
        ranks = {name: ranks_of(columns[key]) for name, key in RANKS.items()}
        breakouts = self.breakouts[self.breakouts < count]
        return Answer(columns={**columns, **ranks}, breakouts=breakouts, sampled=count)


def reference(rows: Column, returns: Column) -> Answer:
    """Everything anew from float64[slots, series], oldest first, the judged slot last, and the log
    returns into each of those slots."""
    count = rows.shape[1]
    parts = [slice(at, min(at + PART, count)) for at in range(0, count, PART)]
    moments = [_moments(rows[:, part], returns[1:, part]) for part in parts]
    columns = {name: np.concatenate([one[name] for one in moments]) for name in moments[0]}
    before, last = columns.pop("before"), rows[-1]
    ranks = {name: ranks_of(columns[key]) for name, key in RANKS.items()}
    return Answer(columns={**columns, **ranks}, breakouts=np.flatnonzero(last > 3.0 * before))


def _moments(rows: Column, returns: Column) -> dict[str, Column]:
    n, mean, sigma = population(rows)
    n_1h, mean_1h, sigma_1h = population(rows[-HOUR:])
    _, _, sigma_ret = population(returns)
    _, before, _ = population(rows[-HOUR - 1 : -1])
    return {
        "n": n, "mean": mean, "sigma_abs": sigma, "sigma_rel": sigma / np.abs(mean),
        "sigma_ret": sigma_ret * np.sqrt(len(rows)),
        "n_1h": n_1h, "mean_1h": mean_1h, "sigma_1h": sigma_1h, "before": before,
    }  # fmt: skip


def population(rows: Column) -> tuple[Column, Column, Column]:
    """n, mean and population σ of each series' present values, in two passes; rows: float64[slots,
    series], NaN where missing, of which no series misses the first three.

    Each series is taken relative to one of its first values, so that a high level costs no digits;
    what is missing lies at that value, and its share of the squares is taken off at the end.
    """
    shift = np.fmin.reduce(rows[:3])
    off = rows - shift
    missing = np.isnan(off)
    gone = missing.sum(axis=0, dtype=np.float64)
    off[missing] = 0.0
    mean = off.sum(axis=0) / (len(rows) - gone)
    off -= mean
    squares = np.einsum("ij,ij->j", off, off) - gone * mean * mean
    return len(rows) - gone, shift + mean, np.sqrt(squares / (len(rows) - gone))


def ranks_of(key: Column | Integers) -> Integers:
    """1 for the largest; equal ones share the better rank."""
    falling = np.sort(-key)
    return np.searchsorted(falling, -key).astype(np.int64) + 1


def differences(answer: Answer, right: Answer) -> Iterator[str]:
    """One line for everything in `answer` that is not right; none where all of it is."""
    if answer.sampled is not None:
        right = right.first(answer.sampled)
    for name in COUNTS:
        yield from _told(name, answer, right, wrong=answer.columns[name] != right.columns[name])
    for name in NUMBERS:
        mine, theirs = answer.columns[name], right.columns[name]
        near = np.abs(mine - theirs) <= TOLERANCE * np.abs(theirs)
        yield from _told(name, answer, right, wrong=~near)
    for name, key in RANKS.items():
        best, worst = allowed_ranks(right.columns[key])
        mine = answer.columns[name]
        yield from _told(name, answer, right, wrong=(mine < best) | (mine > worst))
    odd = np.setxor1d(answer.breakouts, right.breakouts)
    if len(odd):
        yield f"breakouts: {len(odd)} too many or too few, the first is series {odd[0]}"


def allowed_ranks(key: Column | Integers) -> tuple[Integers, Integers]:
    """The best and the worst rank of each series when every key may be off by TOLERANCE."""
    rising = np.sort(key)
    slack = 2.0 * TOLERANCE * np.abs(key)
    surely_above = len(key) - np.searchsorted(rising, key + slack, side="right")
    perhaps_above = len(key) - np.searchsorted(rising, key - slack, side="left")
    return surely_above + 1, perhaps_above


def _told(
    name: str, answer: Answer, right: Answer, *, wrong: npt.NDArray[np.bool_]
) -> Iterator[str]:
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        mine, theirs = answer.columns[name][at], right.columns[name][at]
        yield (
            f"{name}: {np.count_nonzero(wrong)} of {len(wrong)} wrong, "
            f"the first is series {at}: {mine!r} instead of {theirs!r}"
        )
