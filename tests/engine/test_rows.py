"""Reading many series of a block at once says what reading each of them says."""

from __future__ import annotations

import numpy as np
from tests.engine.world import NAN, START, a_frame, a_patch, a_table

from sigmawatch.domain.frame import Reason


def test_rows_of_a_block_are_the_stretches_of_its_series_without_suspects() -> None:
    table = a_table(4)
    table.apply(a_frame(START, [1.0, 2.0, NAN, 4.0]))
    table.apply(a_frame(START + 1, [1.5, 9.0, 3.5, 4.5], [0, Reason.SUSPECT, 0, 1]))
    table.apply(a_patch(START + 3, [7.0], Reason.OBSERVED, series_id=4))
    values, marks = table.rows(1, np.array([3, 1]), from_slot=START - 2, to_slot=START + 6)
    for column, series_id in enumerate((4, 2)):
        stretch, why = table.stretch(series_id, from_slot=START - 2, to_slot=START + 6)
        known = np.where(marks[:, column] == Reason.SUSPECT, stretch, values[:, column])
        np.testing.assert_array_equal(known, stretch)
        np.testing.assert_array_equal(marks[:, column], why)
    assert np.isnan(values[3, 1])


def test_the_revision_of_a_slot_is_its_newest_frames_and_none_is_nought() -> None:
    table = a_table(1)
    table.apply(a_frame(START, [1.0], revision=61_000))
    table.apply(a_frame(START, [2.0], revision=2_000, open=True))
    assert table.revision(1, START) == 61_000
    assert table.revision(1, START + 1) == 0
