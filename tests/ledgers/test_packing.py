"""The bytes of sealed history: nothing is lost, nothing damaged is believed, and they are few."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigmawatch.adapters.ledgers.packing import (
    pack_column,
    pack_receipts,
    pack_rollups,
    unpack_column,
    unpack_receipts,
    unpack_rollups,
)
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.frame import Reason
from sigmawatch.engine.rollups import Rollups, Slotted, rolled_up

DAY = 1_440
NAME = 7, 20_000 * DAY, 3
RECORDED = Path(__file__).parents[2].parent / "shared" / "data" / "freqtrade-bittrex-1m-201801"


def hours(values: np.ndarray[tuple[int], np.dtype[np.float64]], *, levels: bool) -> Rollups:
    marks = np.where(np.isnan(values), np.uint8(Reason.OUTAGE), np.uint8(0))[:, None]
    [runs] = rolled_up(
        Slotted(from_slot=NAME[1], interval_ms=60_000, values=values[:, None], marks=marks,
                levels=levels), width_ms=3_600_000,
    )  # fmt: skip
    return runs


any_number = st.floats(allow_nan=True, allow_infinity=False)


@settings(max_examples=60)
@given(data=st.data(), count=st.integers(0, 200))
def test_a_column_comes_back_bit_for_bit(data: st.DataObject, count: int) -> None:
    drawn = data.draw(st.lists(any_number, min_size=count, max_size=count))
    values = np.array(drawn, np.float64)
    values[np.isnan(values)] = np.nan  # of all its bit patterns one is ours
    marks = np.frombuffer(data.draw(st.binary(min_size=count, max_size=count)), np.uint8)
    receipts = np.full(count, 61_001, np.int64)
    sources = np.array(data.draw(st.lists(
        st.sampled_from([61_001, 61_001, 0, 1 << 47 | 5, 2**47 - 1]), min_size=count,
        max_size=count)), np.int64)  # fmt: skip
    body = pack_column(NAME, (values, marks, sources), receipts=receipts)
    told = unpack_column(body, NAME, receipts=receipts)
    assert [one.tobytes() for one in told] == [values.tobytes(), marks.tobytes(), sources.tobytes()]


@settings(max_examples=30)
@given(
    values=st.lists(st.one_of(st.floats(0.5, 2.0), st.just(np.nan)), min_size=1, max_size=300),
    levels=st.booleans(),
)
def test_rollups_come_back_bit_for_bit(values: list[float], levels: bool) -> None:
    runs = hours(np.array(values), levels=levels)
    name = NAME[0], NAME[1] * 60_000, NAME[2]
    told = unpack_rollups(pack_rollups(name, runs, levels=levels), name, levels=levels)
    for column in ("at", "n", "low", "high", "first", "last", "mean", "m2", "return_n",
                   "return_mean", "return_m2", "marks", "edges"):  # fmt: skip
        assert getattr(told, column).tobytes() == getattr(runs, column).tobytes(), column
    assert told.total == pytest.approx(runs.total, rel=1e-14)
    if not levels:
        assert told.total.tobytes() == runs.total.tobytes()


def test_not_one_flipped_bit_is_believed() -> None:
    """CRC-32 finds every single one; RELIABILITY.md P07."""
    values = np.round(100.0 + np.arange(40) / 7, 2)
    values[5] = np.nan
    marks, sources = np.zeros(40, np.uint8), np.full(40, 61_001, np.int64)
    column = pack_column(NAME, (values, marks, sources), receipts=sources)
    receipts = pack_receipts(NAME, sources)
    name = NAME[0], NAME[1] * 60_000, NAME[2]
    rollups = pack_rollups(name, hours(values, levels=True), levels=True)
    for body, read in (
        (column, lambda found: unpack_column(found, NAME, receipts=sources)),
        (receipts, lambda found: unpack_receipts(found, NAME)),
        (rollups, lambda found: unpack_rollups(found, name, levels=True)),
    ):
        read(body)
        for bit in range(8 * len(body)):
            flipped = bytearray(body)
            flipped[bit // 8] ^= 1 << bit % 8
            with pytest.raises(Invalid, match="damaged"):
                read(bytes(flipped))
        for length in (0, 10, len(body) - 1):
            with pytest.raises(Invalid):
                read(body[:length])


def test_a_body_is_not_believed_under_another_name() -> None:
    sources = np.zeros(3, np.int64)
    body = pack_receipts(NAME, sources)
    for other in ((8, *NAME[1:]), (NAME[0], NAME[1] + DAY, NAME[2]), (*NAME[:2], 4)):
        with pytest.raises(Invalid, match="the row says"):
            unpack_receipts(body, other)
    with pytest.raises(Invalid, match="unknown"):
        unpack_column(body, NAME)


@pytest.mark.skipif(not RECORDED.is_dir(), reason=f"no recorded markets at {RECORDED}")
def test_a_recorded_price_takes_less_than_two_bytes() -> None:
    """DESIGN.md: "history on disk, recorded prices: <= 2 bytes a value, aim 1.3"."""
    days, size = 0, 0
    receipts = np.full(DAY, 61_001, np.int64)
    for path in RECORDED.glob("*-1m.json.gz"):
        closes = np.array([row[4] for row in json.loads(gzip.decompress(path.read_bytes()))])
        for day in closes[: len(closes) // DAY * DAY].reshape(-1, DAY):
            moved = np.append(True, np.diff(day) != 0)
            marks = np.where(moved, Reason.OBSERVED, Reason.UNCHANGED).astype(np.uint8)
            size += len(pack_column(NAME, (day, marks, receipts), receipts=receipts))
            days += 1
    assert days >= 80
    assert size / (days * DAY) < 1.6, "with a mark in each slot; 1.3 where all of them moved"
