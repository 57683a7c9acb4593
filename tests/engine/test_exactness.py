"""SEMANTICS.md 3: "relative error ≤ 1e-12 against an exact reference, after any number of updates".

HYPOTHESIS_PROFILE=deep pytest tests/engine/test_exactness.py       10,000 examples each
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st
from tests.engine import oracle
from tests.engine.world import MINUTE, NAN, START, a_frame, a_patch, a_table, fed
from tests.examples import examples

from sigmawatch.domain.frame import Reason
from sigmawatch.domain.window import MINUTE_MS
from sigmawatch.engine.snapshot import Statistics
from sigmawatch.engine.table import SeriesTable

SLOTS = 40
WINDOWS = (10, 31, 75)  # within two spans, across one boundary, with whole spans in the middle
_NUMBERS = st.one_of(
    st.floats(1e-12, 1e12),
    st.floats(-1e12, -1e-12),
    st.just(0.0),
    st.just(NAN),
    st.sampled_from([1e12, 1e-10, 100.0, 100.0, 100.0]),
)
_LEVELS = st.one_of(
    st.floats(1e-12, 1e12),
    st.just(NAN),
    st.integers(0, 2_000).map(lambda step: 67_000.0 + step * 1e-3),
    st.sampled_from([1e12, 1e-10, 67_000.0, 67_000.0]),
)


@examples(25)
@given(st.lists(_NUMBERS, min_size=1, max_size=SLOTS))
def test_statistics_are_exact_on_any_short_stream(values: list[float]) -> None:
    table = fed(_table(), {START + at: [value] for at, value in enumerate(values)})
    board = table.close(START + len(values) - 1)
    for slots in WINDOWS:
        _assert_exact(board.statistics[slots * MINUTE_MS], _known(values), slots=slots)


@examples(25)
@given(
    st.lists(_LEVELS, min_size=100, max_size=140),
    st.lists(st.tuples(st.integers(0, 99), _LEVELS), max_size=6),
)
def test_statistics_are_exact_however_the_past_was_rewritten(
    values: list[float], late: list[tuple[int, float]]
) -> None:
    """Every slot closed in its turn, then late values anywhere, then one more close."""
    table = _table()
    for at, value in enumerate(values):
        table.apply(a_frame(START + at, [value]))
        table.close(START + at)
    known = _known(values)
    for made, (at, value) in enumerate(late):
        if not math.isnan(value):
            slot = START + at
            patch = a_patch(slot, [value], Reason.OBSERVED, made_slot=START + 200 + made)
            table.apply(patch)
            known[slot] = value
    board = table.close(START + len(values) - 1)
    for slots in WINDOWS:
        _assert_exact(board.statistics[slots * MINUTE_MS], known, slots=slots)


def _table() -> SeriesTable:
    windows_ms = [slots * MINUTE_MS for slots in WINDOWS]
    return a_table(metric="volume_24h_quote", windows_ms=windows_ms)


def _known(values: Sequence[float]) -> dict[int, float]:
    return {START + at: value for at, value in enumerate(values) if not math.isnan(value)}


def _assert_exact(found: Statistics, known: Mapping[int, float], *, slots: int) -> None:
    last = MINUTE.slot(found.to_ms) - 1
    exact = oracle.window(known, last=last, slots=slots)
    assert found.n[0] == exact.n
    for name in ("sigma_abs", "minimum", "maximum", "change_pct"):
        off = oracle.off_by(float(getattr(found, name)[0]), getattr(exact, name))
        assert off < 1e-12, name
    inside = [known[slot] for slot in range(last - slots + 1, last + 1) if slot in known]
    if exact.mean is not None:
        # A mean of numbers of both signs is as good as the numbers: they cancel, not we.
        size = math.fsum(map(abs, inside)) / len(inside)
        assert abs(float(found.mean[0]) - exact.mean) <= 1e-12 * size
    _assert_returns_exact(float(found.sigma_ret[0]), known, last=last, slots=slots)


def _assert_returns_exact(
    sigma_ret: float, known: Mapping[int, float], *, last: int, slots: int
) -> None:
    """To 1e-12 of the returns' root mean square: a return is a rounded number itself, so where
    their mean dwarfs their deviation, that is only as good as the returns are."""
    exact = oracle.window(known, last=last, slots=slots).sigma_ret
    if exact is None:
        assert math.isnan(sigma_ret)
        return
    returns = oracle.log_returns(known, first=last - slots + 1, last=last)
    size = math.sqrt(sum(float(one) ** 2 for one in returns) / len(returns)) * math.sqrt(slots)
    assert abs(sigma_ret - exact) <= 1e-12 * size
