"""Which frames may share a transaction: what the gate says of one must not need another applied."""

from __future__ import annotations

import numpy as np
from tests.app.doubles import market

from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.tables import Tables
from sigmawatch.domain.frame import Frame, Reason
from sigmawatch.domain.series import Block, Series
from sigmawatch.domain.window import MINUTE_MS, Interval

MINUTE = Interval(MINUTE_MS)
S0 = 28_000_000


def tables() -> Tables:
    """One price series, at 100 for five minutes."""
    block = Block(id=1, venue="KRAKEN", metric="price", interval=MINUTE)
    one = Series(id=1, market=market("AAA"), metric="price", interval=MINUTE, block_id=1, place=0,
                 origin="api")  # fmt: skip
    catalogue = Catalogue()
    catalogue.put(blocks=[block], series=[one])
    made = Tables(catalogue)
    made.enroll([block], [one])
    made.apply([frame(slot, 100.0, after_ms=61_000) for slot in range(S0 - 5, S0)])
    return made


def frame(slot: int, price: float, *, after_ms: int) -> Frame:
    return Frame(block_id=1, slot=slot, revision=after_ms, recv_ms=slot * MINUTE_MS + after_ms,
                 values=np.array([price], "<f8").tobytes(), marks=bytes(1))  # fmt: skip


def test_readings_of_one_slot_share_a_transaction() -> None:
    readings = [frame(S0, 100.0 + n, after_ms=n) for n in range(1, 50)]
    assert tables().gate(readings) == (readings, [])


def test_the_next_slots_frame_waits_until_the_one_before_is_applied() -> None:
    first, second = frame(S0, 101.0, after_ms=61_000), frame(S0 + 1, 102.0, after_ms=2_000)
    assert tables().gate([first, second]) == ([first], [second])


def test_after_a_suspect_reading_the_next_one_waits_until_it_is_applied() -> None:
    """SEMANTICS.md 1: "until the next reading lies within a factor of 2 of it; then both count"."""
    wild, again = frame(S0, 5_000.0, after_ms=1_000), frame(S0, 5_001.0, after_ms=2_000)
    made = tables()
    gated, rest = made.gate([wild, again])
    assert [one.marks for one in gated] == [bytes([Reason.SUSPECT])]
    assert rest == [again]
    made.apply(gated)
    third = frame(S0, 5_002.0, after_ms=3_000)
    assert made.gate([again, third]) == ([again], [third]), "what it confirms is not applied yet"
