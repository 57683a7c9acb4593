"""Through which moment the readings of a venue are on disk, however many are told at once."""

from __future__ import annotations

import pytest

from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.durability import Durability
from sigmawatch.domain.frame import Frame, Reason
from sigmawatch.domain.series import Block
from sigmawatch.domain.venue import Durable
from sigmawatch.domain.window import MINUTE_MS, Interval

MINUTE = Interval(MINUTE_MS)
SLOT = 28_000_000


def told(
    slot: int, *, block: int = 1, mark: Reason = Reason.OBSERVED, running: bool = False
) -> Frame:
    """A frame received a second after its slot, or in the middle of it."""
    recv_ms = MINUTE.open_ms(slot) + (MINUTE_MS // 2 if running else MINUTE_MS + 1_000)
    return Frame(block_id=block, slot=slot, revision=recv_ms - MINUTE.open_ms(slot), open=running,
                 recv_ms=recv_ms, values=bytes(8), marks=bytes([mark]))  # fmt: skip


LAST = told(SLOT + 2)
ITEMS = [
    told(SLOT), told(SLOT + 1, block=2), LAST, told(SLOT + 3, mark=Reason.OUTAGE),
    told(SLOT + 1), told(SLOT + 3, running=True), told(SLOT + 9, block=77),
]  # fmt: skip


@pytest.mark.parametrize("at_once", [1, 3, len(ITEMS)])
def test_the_newest_slot_that_somebody_was_read_in_counts(at_once: int) -> None:
    catalogue = Catalogue()
    catalogue.put(blocks=[
        Block(id=number, venue="KRAKEN", metric="price", interval=MINUTE) for number in (1, 2)
    ])  # fmt: skip
    durability = Durability(catalogue)
    assert durability.of("KRAKEN") is None
    for first in range(0, len(ITEMS), at_once):
        durability.note(ITEMS[first : first + at_once])
    assert durability.of("KRAKEN") == Durable(
        received_ms=MINUTE.open_ms(SLOT + 3) + MINUTE_MS // 2, slot_ms=MINUTE.open_ms(SLOT + 2)
    )
