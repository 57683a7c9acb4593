"""What is remembered of a rule as a whole comes back as it was, or not at all."""

from __future__ import annotations

import pytest

from sigmawatch.domain.alert_state import Hold
from sigmawatch.domain.alert_turn import Telling
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.notice import NoticeKind
from sigmawatch.domain.rule_memory import NOTHING, Memory, Silent
from sigmawatch.domain.storm import Storm, Word

TELLING = Telling(kind=NoticeKind.FIRING, opened=7, ordinal=0, reopened=2, withheld=Hold.LATE)
FULL = Memory(
    storm=Storm(recent=((9, (1, 7)),), summed=8,
                waiting=(Word(series_id=3, telling=TELLING, weight=1.25),)),
    silent=(Silent(venue="KRAKEN", since=5, series_id=3),),
)  # fmt: skip


@pytest.mark.parametrize("memory", [NOTHING, FULL])
def test_what_is_remembered_comes_back_as_it_was(memory: Memory) -> None:
    assert Memory.decode(memory.encode()) == memory


def test_a_damaged_memory_is_refused() -> None:
    data = bytearray(FULL.encode())
    data[-2] ^= 1
    with pytest.raises(Invalid, match="damaged"):
        Memory.decode(bytes(data))
