"""Ranks on disk: what was written is read, and nothing else is."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.rank_column import RankColumn, Standing, decode_ranks
from sigmawatch.domain.window import DAY_MS, Interval

STANDING = Standing(
    metric="price", by="sigma_rel", window_ms=DAY_MS, interval=Interval(60_000)
)  # fmt: skip


def a_column(ranks: dict[int, int], *, of: int = 5, peers: int = 9) -> RankColumn:
    count = len(ranks)
    return RankColumn(
        standing=STANDING, slot=28_000_004, of=of, peers=peers,
        ids=struct.pack(f"<{count}q", *ranks), ranks=struct.pack(f"<{count}I", *ranks.values()),
    )  # fmt: skip


@given(st.dictionaries(st.integers(1, 2**63 - 1), st.integers(0, 2**32 - 1), max_size=40))
def test_a_column_is_read_as_it_was_written(ranks: dict[int, int]) -> None:
    column = a_column(ranks)
    assert decode_ranks(STANDING, column.slot, body=column.encode()) == column


def test_many_ranks_take_little_more_than_two_bytes_each() -> None:
    column = a_column({i: (i * 7_919) % 30_000 for i in range(1, 30_001)})
    assert len(column.encode()) < 2.2 * 30_000


def test_a_damaged_column_is_refused_whichever_bit_is_wrong() -> None:
    body = a_column({7: 1, 9: 2}).encode()
    for place in range(len(body)):
        spoilt = bytearray(body)
        spoilt[place] ^= 0x10
        with pytest.raises(Invalid, match="damaged"):
            decode_ranks(STANDING, 1, body=bytes(spoilt))
    for cut in (0, 3, len(body) - 1):
        with pytest.raises(Invalid, match="damaged"):
            decode_ranks(STANDING, 1, body=body[:cut])
