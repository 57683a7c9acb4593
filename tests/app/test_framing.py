"""From polls to frames: places, reasons, and which slot an answer closes."""

from __future__ import annotations

from array import array

import numpy as np
import pytest

from sigmawatch.app.framing import BlockPlan, Framer, Stamp, outage, present_count, stamp
from sigmawatch.domain.frame import Flag, Frame, Reason
from sigmawatch.domain.market import Market
from sigmawatch.domain.reading import Tickers
from sigmawatch.domain.series import Block, Series
from sigmawatch.domain.window import MINUTE_MS, Interval

MINUTE = Interval(MINUTE_MS)
NAN = float("nan")
AT = Stamp(interval=MINUTE, slot=100, recv_ms=101 * MINUTE_MS + 1_200, open=False)


def plan(natives: dict[str, int], metric: str = "price") -> BlockPlan:
    block = Block(id=3, venue="KRAKEN", metric=metric, interval=MINUTE)
    return BlockPlan.of(block, [
        Series(
            id=place + 1,
            market=Market(venue="KRAKEN", base=native, quote="USD", native=native),
            metric=metric, interval=MINUTE, block_id=3, place=place,
        )
        for native, place in natives.items()
    ])  # fmt: skip


def tickers(rows: dict[str, tuple[float, float]], derived: frozenset[str] = frozenset()) -> Tickers:
    return Tickers(
        natives=tuple(rows),
        columns={
            "price": array("d", [price for price, _ in rows.values()]),
            "volume_24h_quote": array("d", [volume for _, volume in rows.values()]),
        },
        recv_ms=AT.recv_ms,
        derived=derived,
    )


def read(frame: Frame) -> tuple[list[float], list[int]]:
    return np.frombuffer(frame.values, "<f8").tolist(), list(frame.marks)


def framed(framer: Framer, answer: Tickers, blocks: BlockPlan) -> tuple[list[float], list[int]]:
    framer.take(answer)
    return read(framer.frame(blocks, AT, instead={}))


def test_every_series_gets_its_value_at_its_place_and_gaps_hold_no_series() -> None:
    framer = Framer()
    framer.take(tickers({"B": (2.0, 1.0), "X": (9.0, 1.0), "A": (1.0, 1.0)}))
    values, marks = read(framer.frame(plan({"A": 0, "B": 3}), AT, instead={}))
    assert values[0] == 1.0
    assert values[3] == 2.0
    assert marks == [Reason.OBSERVED, Reason.NO_PLACE, Reason.NO_PLACE, Reason.OBSERVED]


@pytest.mark.parametrize("other", ["COINBASE:A", "a", "A ", "A/USD", "1", "\u0391", ""])
def test_s53_what_a_venue_says_of_another_id_is_put_nowhere(other: str) -> None:
    """S53: "Exchange sends another user's symbol keys to poison the cache: keyed by subscription".
    A place is found by the venue's own id of the market that was tracked, to the letter."""
    values, marks = framed(Framer(), tickers({other: (666.0, 1.0), "B": (2.0, 1.0)}),
                           plan({"A": 0, "B": 1}))  # fmt: skip
    assert np.isnan(values[0])
    assert (values[1], marks[0]) == (2.0, Reason.OUTAGE)


def test_a_market_the_answer_leaves_out_or_refuses_is_an_outage_of_that_market_alone() -> None:
    framer = Framer()
    framer.take(tickers({"A": (1.0, 1.0), "B": (NAN, 1.0)}))
    frame = framer.frame(plan({"A": 0, "B": 1, "C": 2}), AT, instead={})
    values, marks = read(frame)
    assert values[0] == 1.0
    assert np.isnan(values[1:]).all()
    assert marks == [Reason.OBSERVED, Reason.OUTAGE, Reason.OUTAGE]
    assert present_count(frame) == 1


def test_a_row_of_which_no_field_moved_is_unchanged_whatever_order_it_comes_in() -> None:
    framer, blocks = Framer(), plan({"A": 0, "B": 1})
    first = tickers({"A": (1.0, 5.0), "B": (2.0, NAN)})
    assert framed(framer, first, blocks)[1] == [Reason.OBSERVED, Reason.OBSERVED]
    assert framed(framer, first, blocks)[1] == [Reason.UNCHANGED, Reason.UNCHANGED]
    volume_moved = tickers({"A": (1.0, 6.0), "B": (2.0, NAN)})
    assert framed(framer, volume_moved, blocks)[1] == [Reason.OBSERVED, Reason.UNCHANGED]
    reordered = tickers({"B": (2.5, NAN), "A": (1.0, 6.0)})
    assert framed(framer, reordered, blocks)[1] == [Reason.UNCHANGED, Reason.OBSERVED]


def test_a_computed_metric_says_so_and_a_delisted_market_says_that() -> None:
    framer = Framer()
    framer.take(tickers({"A": (1.0, 5.0), "B": (2.0, 6.0)}, frozenset({"volume_24h_quote"})))
    frame = framer.frame(
        plan({"A": 0, "B": 1}, "volume_24h_quote"), AT, instead={Reason.DELISTED: frozenset({"B"})}
    )
    values, marks = read(frame)
    assert marks == [Reason.OBSERVED | Flag.DERIVED, Reason.DELISTED]
    assert values[0] == 5.0
    assert np.isnan(values[1])


def test_a_silent_venue_leaves_its_reason_in_every_place_of_the_slot() -> None:
    values, marks = read(outage(plan({"A": 0, "B": 2}), AT))
    assert np.isnan(values).all()
    assert marks == [Reason.OUTAGE, Reason.NO_PLACE, Reason.OUTAGE]


@pytest.mark.parametrize(
    ("after_boundary_ms", "slot", "still_open"),
    [(0, 99, False), (1_000, 99, False), (10_000, 99, False), (10_001, 100, True),
     (59_999, 100, True)],
)  # fmt: skip
def test_the_boundary_polls_answer_closes_the_slot_just_ended(
    after_boundary_ms: int, slot: int, still_open: bool
) -> None:
    """SEMANTICS.md 2; the close deadline of a minute is 10 s."""
    asked_ms = 100 * MINUTE_MS + after_boundary_ms
    at = stamp(MINUTE, asked_ms + 200, asked_ms=asked_ms)
    assert (at.slot, at.open) == (slot, still_open)
    assert at.revision == asked_ms + 200 - slot * MINUTE_MS


def test_a_later_observation_of_a_slot_has_the_higher_revision() -> None:
    inside = stamp(MINUTE, 100 * MINUTE_MS + 30_100, asked_ms=100 * MINUTE_MS + 30_000)
    closing = stamp(MINUTE, 101 * MINUTE_MS + 1_100, asked_ms=101 * MINUTE_MS + 1_000)
    assert inside.slot == closing.slot
    assert inside.revision < closing.revision


def test_a_first_answer_without_any_market_is_an_outage_of_each() -> None:
    framer = Framer()
    framer.take(tickers({}))
    frame = framer.frame(plan({"A": 0}, "price"), AT, instead={})
    assert list(frame.marks) == [Reason.OUTAGE]
