"""What is remembered of a rule as a whole, beside its states: its storm, and silent venues.

    memory = Memory(storm=storm, silent=(Silent(venue="KRAKEN", since=7, series_id=1),))
    Memory.decode(memory.encode()) == memory

A rule over a quiet market remembers nothing. Bytes are a CRC-32 and a JSON object. Imports
domain.alert_state, alert_turn, errors, notice, storm.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from typing import Any

from sigmawatch.domain.alert_state import Hold
from sigmawatch.domain.alert_turn import Telling
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.notice import NoticeKind
from sigmawatch.domain.storm import Storm, Word

_CRC_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Silent:
    """A venue that was told to say nothing. since: the slot it was told of with; series_id: whose
    name the notices about it go by; outage: nothing of the venue was read, else of some series."""

    venue: str
    since: int
    series_id: int
    outage: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """silent: by venue."""

    storm: Storm = field(default_factory=Storm)
    silent: tuple[Silent, ...] = ()

    def encode(self) -> bytes:
        storm = self.storm
        told = {
            "recent": [[slot, *episode] for slot, episode in storm.recent],
            "summed": storm.summed,
            "waiting": [_of_word(word) for word in storm.waiting],
            "silent": [
                [one.venue, one.since, one.series_id, int(one.outage)] for one in self.silent
            ],
        }
        body = json.dumps(told, separators=(",", ":")).encode()
        return zlib.crc32(body).to_bytes(_CRC_BYTES, "little") + body

    @classmethod
    def decode(cls, data: bytes) -> Memory:
        """What `encode` wrote. Raises Invalid where it is damaged."""
        body = data[_CRC_BYTES:]
        if zlib.crc32(body).to_bytes(_CRC_BYTES, "little") != data[:_CRC_BYTES]:
            raise Invalid("what was remembered of a rule is damaged")
        told: dict[str, Any] = json.loads(body)
        recent = tuple((slot, (series, opened)) for slot, series, opened in told["recent"])
        waiting = tuple(_word(fields) for fields in told["waiting"])
        silent = tuple(map(_silent, told["silent"]))
        storm = Storm(recent=recent, summed=told["summed"], waiting=waiting)
        return cls(storm=storm, silent=silent)


NOTHING = Memory()


def _of_word(word: Word) -> list[object]:
    one = word.telling
    return [word.series_id, word.weight, one.kind, one.opened, one.ordinal, one.reopened,
            int(one.withheld)]  # fmt: skip


def _silent(fields: list[Any]) -> Silent:
    """Older programs did not write the last field."""
    venue, since, series_id, *more = fields
    return Silent(venue=venue, since=since, series_id=series_id, outage=any(more))


def _word(fields: list[Any]) -> Word:
    series_id, weight, kind, opened, ordinal, reopened, withheld = fields
    telling = Telling(kind=NoticeKind(kind), opened=opened, ordinal=ordinal, reopened=reopened,
                      withheld=Hold(withheld))  # fmt: skip
    return Word(series_id=series_id, telling=telling, weight=weight)
