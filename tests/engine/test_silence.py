"""Which venues say nothing, as a board tells (SEMANTICS.md 4, 7)."""

from __future__ import annotations

import numpy as np
from tests.engine.world import MINUTE, NAN, START

from sigmawatch.domain.frame import Frame, Reason
from sigmawatch.domain.market import Market
from sigmawatch.domain.series import Block, Series
from sigmawatch.engine.silence import EVERYWHERE, Silence, Venues
from sigmawatch.engine.table import SeriesTable

VENUES = ("KRAKEN", "COINBASE")


def silence(*slots: dict[str, tuple[float, float]], reason: Reason = Reason.OUTAGE) -> Silence:
    """Two price series a venue; slots: what each venue said, last the judged one."""
    table = SeriesTable(MINUTE, windows_ms=(600_000,))
    for number, venue in enumerate(VENUES, start=1):
        table.add_block(Block(id=number, venue=venue, metric="price", interval=MINUTE))
        for place in range(2):
            market = Market(venue=venue, base=f"A{place}", quote="USD", native=f"A{place}USD")
            table.add(Series(id=2 * number + place, market=market, metric="price",
                             interval=MINUTE, block_id=number, place=place))  # fmt: skip
    for slot, said in enumerate(slots, start=START):
        for number, venue in enumerate(VENUES, start=1):
            values = np.array(said[venue])
            marks = np.where(np.isnan(values), np.uint8(reason), np.uint8(0)).astype(np.uint8)
            table.apply(Frame(
                block_id=number, slot=slot, revision=61_000, open=False, marks=marks.tobytes(),
                recv_ms=MINUTE.open_ms(slot) + 61_000, values=values.astype("<f8").tobytes(),
            ))  # fmt: skip
    board = table.close(START + len(slots) - 1)
    return Silence.of(board, Venues(board.layout))


UP = {"KRAKEN": (1.0, 2.0), "COINBASE": (3.0, 4.0)}
DOWN = {"KRAKEN": (NAN, NAN), "COINBASE": (3.0, 4.0)}
PARTLY = {"KRAKEN": (NAN, 2.0), "COINBASE": (3.0, 4.0)}
NOBODY = {"KRAKEN": (NAN, NAN), "COINBASE": (NAN, NAN)}
ROWS = np.arange(4)


def told(found: Silence) -> tuple[set[str], int]:
    """The silent venues, and of how many series nothing is told."""
    return set(found.told_of(ROWS)[0]), int(found.suppressed(ROWS).sum())


def test_a_venue_is_suppressed_at_once_and_silent_after_three_slots() -> None:
    assert told(silence(UP, UP)) == (set(), 0)
    assert told(silence(UP, DOWN)) == (set(), 2)
    assert told(silence(UP, DOWN, DOWN)) == (set(), 2)
    assert told(silence(UP, DOWN, DOWN, DOWN)) == ({"KRAKEN"}, 2)
    assert told(silence(UP, DOWN, DOWN, DOWN, UP)) == (set(), 0)


def test_a_venue_of_which_one_market_answers_is_not_silent() -> None:
    assert told(silence(UP, PARTLY, PARTLY, PARTLY)) == (set(), 0)


def test_when_no_venue_answers_everything_is_suppressed_and_one_name_stands_for_all() -> None:
    assert told(silence(UP, NOBODY, NOBODY, NOBODY)) == ({EVERYWHERE}, 4)


def test_what_nobody_asked_for_is_nobodys_silence() -> None:
    paused = silence(UP, NOBODY, NOBODY, NOBODY, reason=Reason.NOT_POLLED)
    assert told(paused) == (set(), 4)
    assert EVERYWHERE in paused.told_of(ROWS)[1]  # what was told of before may still be so
