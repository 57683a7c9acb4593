"""What must be there of what was sealed: a row that an index has lost is missed, and not passed
over in silence.

A section's roster says which places of its block have a column, and rollups, in it: a bit each, and
a CRC-32 over them and their name. One without a roster was sealed before there were any. Columns
and rollups that were let go for their age are missed by nobody: a mark says how far that went.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection, Iterable

from sigmawatch.adapters.ledgers.reading import Stored
from sigmawatch.adapters.ledgers.session import Session, value
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.window import Interval

COLUMNS_GONE = "columns_gone_ms"
_CRC_BYTES = 4
_NAME = struct.Struct("<qq")

Name = tuple[int, int]  # block, first slot


def rollups_gone(width_ms: int) -> str:
    """The mark of one width."""
    return f"rollups_gone_ms {width_ms}"


def encode(name: Name, places: Iterable[int]) -> bytes:
    """A section's roster."""
    bits = sum(1 << place for place in set(places))
    body = bits.to_bytes(-(-bits.bit_length() // 8), "little")
    return _check(name, body) + body


def _check(name: Name, body: bytes) -> bytes:
    return zlib.crc32(body, zlib.crc32(_NAME.pack(*name))).to_bytes(_CRC_BYTES, "little")


def decode(name: Name, roster: bytes) -> frozenset[int]:
    """What `encode` was given; nobody where there is no roster. Raises Invalid."""
    if not roster:
        return frozenset()
    body = roster[_CRC_BYTES:]
    if _check(name, body) != roster[:_CRC_BYTES]:
        raise Invalid("damaged: the checksum of its roster does not match")
    bits = int.from_bytes(body, "little")
    return frozenset(place for place in range(bits.bit_length()) if bits >> place & 1)


class Rosters:
    """Work for a reader's thread."""

    def __init__(self, *, stored: Stored) -> None:
        self._sql, self._stored = stored.sql, stored

    def missing_columns(
        self, session: Session, series_id: int, *, span: tuple[int, int], found: Collection[int]
    ) -> list[int]:
        """First slots of the sections that begin within `span` and lack the series' column. found:
        those that have it."""
        due = self._due(session, series_id, span=span, mark=COLUMNS_GONE)
        return [first for first, _ in due if first not in found]

    def missing_runs(
        self, session: Session, which: tuple[int, int], *, interval: Interval,
        span_ms: tuple[int, int], found: Collection[tuple[int, int]],
    ) -> list[tuple[int, int]]:  # fmt: skip
        """From and until of the sections that reach into [from, to) and whose runs of (series,
        width) lie in no row. found: from and until of the rows there are."""
        series_id, width_ms = which
        slots = interval.section_slots
        first = interval.slot(span_ms[0]) // slots * slots
        span = first, -(-span_ms[1] // interval.ms)
        due = self._due(session, series_id, span=span, mark=rollups_gone(width_ms))
        sections = [(interval.open_ms(first), until_ms) for first, until_ms in due]
        return [
            (begin, end) for begin, end in sections
            if not any(from_ms <= begin and until_ms >= end for from_ms, until_ms in found)
        ]  # fmt: skip

    def _due(
        self, session: Session, series_id: int, *, span: tuple[int, int], mark: str
    ) -> list[tuple[int, int]]:
        """First slot and end of every section that begins within `span` and holds a series."""
        gone_ms = value(session.execute(self._sql["select_mark"], {"key": mark})) or 0
        bounds = {"series_id": series_id, "from_slot": span[0], "to_slot": span[1]}
        rows = session.execute(self._sql["select_rosters"], bounds).fetchall()
        return [
            (first, until_ms) for block_id, place, first, until_ms, roster in rows
            if until_ms > gone_ms and place in self._read((block_id, first), roster)
        ]  # fmt: skip

    def of(self, session: Session, name: Name) -> frozenset[int]:
        """The places of one section; nobody where it was not sealed."""
        bounds = {"block_id": name[0], "from_slot": name[1]}
        return self._read(name, value(session.execute(self._sql["select_roster"], bounds)) or b"")

    def _read(self, name: Name, roster: bytes) -> frozenset[int]:
        try:
            return decode(name, bytes(roster))
        except Invalid as exc:
            self._stored.note_damage("section", f"{name[0]}:{name[1]}", reason=str(exc))
            return frozenset()
