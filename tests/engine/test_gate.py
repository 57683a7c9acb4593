"""The gate against bad ticks: "> 10x or < 0.1x the series' 5-slot median is `suspect`: shown,
missing for statistics and rules until the next reading lies within a factor of 2 of it; then both
count; unconfirmed it stays out" (SEMANTICS.md 1)."""

from __future__ import annotations

import numpy as np
import pytest
from tests.engine.world import MINUTE, NAN, START, a_frame, a_table, fed

from sigmawatch.domain.frame import Flag, Frame, Patch, Reason
from sigmawatch.engine.table import SeriesTable

SUSPECT = int(Reason.SUSPECT)


def a_past(*values: float, metric: str = "price") -> SeriesTable:
    """A table of two series that both held `values` in the slots before START."""
    first = START - len(values)
    return fed(a_table(2, metric=metric), {first + at: [v, v] for at, v in enumerate(values)})


def take(table: SeriesTable, frame: Frame) -> list[Patch]:
    """Gate and apply, as the tracker does; the patches."""
    items = table.gate(frame)
    for item in items:
        table.apply(item)
    return [item for item in items if isinstance(item, Patch)]


def seen(table: SeriesTable, slot: int = START, series_id: int = 1) -> tuple[float, int]:
    values, marks = table.stretch(series_id, from_slot=slot, to_slot=slot + 1)
    return float(values[0]), int(marks[0])


@pytest.mark.parametrize(
    ("past", "value", "suspect"),
    [
        ((100.0,) * 5, 1_000.0, False),
        ((100.0,) * 5, 1_001.0, True),
        ((100.0,) * 5, 10.0, False),
        ((100.0,) * 5, 9.9, True),
        ((100.0, NAN, NAN, NAN, NAN), 1_001.0, True),
        ((100.0, NAN, NAN, NAN, NAN, NAN), 1_001.0, False),  # nothing known in 5 slots
        ((1.0, 100.0, 100.0), 900.0, False),  # far from the least of them, not from the median
        ((1.0, 1.0, 100.0, 100.0), 500.0, False),  # the median of four is between two
        ((1.0, 1.0, 100.0, 100.0), 506.0, True),
        ((), 1e9, False),
    ],
)
def test_a_reading_far_from_the_five_slot_median_is_suspect(
    past: tuple[float, ...], value: float, suspect: bool
) -> None:
    table = a_past(*past)
    assert take(table, a_frame(START, [value, value])) == []
    assert seen(table) == (value, SUSPECT if suspect else 0)


def test_a_suspect_reading_keeps_its_flags_and_its_neighbour_counts() -> None:
    table = a_past(100.0)
    take(table, a_frame(START, [5_000.0, 101.0], [Flag.DERIVED, 0]))
    assert seen(table) == (5_000.0, SUSPECT | Flag.DERIVED)
    assert seen(table, series_id=2) == (101.0, 0)


@pytest.mark.parametrize(
    ("nxt", "confirms"), [(5_000.0, True), (10_000.0, True), (2_500.0, True), (10_001.0, False),
                          (2_499.0, False), (100.0, False)]
)  # fmt: skip
def test_the_next_reading_within_a_factor_of_two_makes_both_count(
    nxt: float, confirms: bool
) -> None:
    table = a_past(100.0)
    take(table, a_frame(START, [5_000.0, 100.0]))
    patches = take(table, a_frame(START + 1, [nxt, 100.0]))
    assert len(patches) == confirms
    assert seen(table)[1] == (0 if confirms else SUSPECT)
    assert seen(table, START + 1) == (nxt, SUSPECT if nxt > 1_000 and not confirms else 0)


def test_an_unconfirmed_reading_stays_out_for_ever() -> None:
    table = a_past(100.0)
    for at, value in enumerate([5_000.0, 100.0, 5_000.0, 100.0]):
        take(table, a_frame(START + at, [value, 100.0]))
    assert [seen(table, START + at)[1] for at in range(4)] == [SUSPECT, 0, SUSPECT, 0]
    day = next(iter(table.close(START + 3).statistics.values()))
    assert (day.n[0], day.maximum[0]) == (3, 100.0)


def test_the_next_reading_may_come_after_an_outage() -> None:
    """Confirming is no revision: the slot was missing until then."""
    table = a_past(100.0)
    take(table, a_frame(START, [5_000.0, 100.0]))
    for at in (1, 2, 3, 4):
        take(table, a_frame(START + at, [NAN, 100.0]))
    (patch,) = take(table, a_frame(START + 5, [5_100.0, 100.0]))
    assert (patch.from_slot, patch.revision) == (START, START + 5)
    assert seen(table) == (5_000.0, 0)
    assert seen(table, START + 5) == (5_100.0, 0)


def test_a_second_reading_of_the_same_slot_confirms_without_a_patch() -> None:
    table = a_past(100.0)
    early = a_frame(START, [5_000.0, 100.0], late_ms=-30_000, open=True)
    assert take(table, early) == []
    assert seen(table)[1] == SUSPECT
    assert take(table, a_frame(START, [5_010.0, 100.0])) == []
    assert seen(table) == (5_010.0, 0)


def test_a_venue_that_multiplies_every_price_for_an_hour_costs_no_slot_but_is_seen() -> None:
    """All prices x10^9: a slot waits and the next confirms it, until the median has followed; and
    so on the way back."""
    table = a_past(*[100.0] * 6)
    for at in range(60):
        take(table, a_frame(START + at, [1e11, 1e11]))
    for at in range(60, 65):
        take(table, a_frame(START + at, [100.0, 100.0]))
    marks = table.stretch(1, from_slot=START, to_slot=START + 65)[1]
    assert not marks.any()


def test_only_readings_of_price_bid_and_ask_pass_the_gate() -> None:
    for metric in ("volume_24h_quote", "spread_bp", "traded_quote"):
        table = a_past(100.0, metric=metric)
        frame = a_frame(START, [1e9, 1e9])
        assert table.gate(frame) == (frame,)
    filled = a_frame(START, [1e9, 1e9], [Flag.FILLED] * 2)
    assert a_past(100.0).gate(filled) == (filled,)


def test_what_waits_is_rebuilt_by_applying_the_same_items_again() -> None:
    """Recovery: the pending reading is in the frames, nowhere else."""
    table, again = a_past(100.0), a_past(100.0)
    items = [*table.gate(a_frame(START, [5_000.0, 100.0])), *table.gate(a_frame(START, [NAN, NAN]))]
    for item in items:
        table.apply(item)
        again.apply(item)
    confirming = a_frame(START + 1, [5_000.0, 100.0])
    assert table.gate(confirming) == again.gate(confirming)
    assert len(table.gate(confirming)) == 2


def test_gating_alone_changes_nothing() -> None:
    table = a_past(100.0)
    frame = a_frame(START, [5_000.0, 100.0])
    assert table.gate(frame) == table.gate(frame)
    assert np.isnan(seen(table)[0])
    assert table.newest_slot == START - 1


def test_a_reading_after_skipped_slots_is_judged_by_what_is_left_of_the_five() -> None:
    for skipped, suspect in ((4, SUSPECT), (5, 0)):
        table = a_past(*[100.0] * 6)
        take(table, a_frame(START + skipped, [5_000.0, 100.0]))
        assert seen(table, START + skipped)[1] == suspect


def test_what_lies_a_whole_ring_ago_judges_nobody() -> None:
    table = a_past(*[100.0] * 6)
    ring = START - 1 - (table.oldest_slot or 0) + 1
    take(table, a_frame(START + ring - 3, [5_000.0, 5_000.0]))
    assert seen(table, START + ring - 3) == (5_000.0, 0)


def test_a_frame_wider_than_the_block_keeps_its_rest() -> None:
    table = a_past(100.0)
    frame = a_frame(START, [5_000.0] + [99.0] * 63)
    (gated,) = table.gate(frame)
    assert isinstance(gated, Frame)
    assert gated.values == frame.values
    assert gated.marks == bytes([SUSPECT] + [0] * 63)


def test_a_late_frame_confirms_nothing_that_came_after_it() -> None:
    table = a_past(*[100.0] * 6)
    take(table, a_frame(START + 1, [5_000.0, 100.0]))
    late = a_frame(START, [5_000.0, 100.0], recv_ms=MINUTE.open_ms(START + 2))
    assert take(table, late) == []
    assert seen(table, START)[1] == seen(table, START + 1)[1] == SUSPECT
