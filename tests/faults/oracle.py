"""What is on disk, read by the standard library alone: the judge shares no code with the product.

The layout of frames and patches (domain.frame) and of the tables (0001_initial.sql) is written out
a second time on purpose.
"""

from __future__ import annotations

import math
import shutil
import sqlite3
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, LiteralString, NamedTuple

_HEADER = struct.Struct("<BBHIqIIq")  # version, kind, flags, owner, slot, revision, n, recv_ms
_MISSING = 8  # reasons from here on say that nothing counts


class Seen(NamedTuple):
    """One number that a client was shown.

    at_ms: the open of its slot; with `live`, when the running slot's reading was received. slots:
    how many slots a coarse row covers; a flow's number is then the sum over them.
    """

    series_id: int
    at_ms: int
    value: float
    slots: int = 1
    live: bool = False


class Body(NamedTuple):
    """A stored frame or patch, its checksum verified."""

    slot: int
    recv_ms: int
    n: int
    values: bytes
    marks: bytes

    def value(self, place: int) -> float | None:
        """The number at a place, None where there is none."""
        if not 0 <= place < self.n:
            return None
        (value,) = struct.unpack_from("<d", self.values, 8 * place)
        return None if math.isnan(value) else float(value)

    def counted(self, place: int) -> float | None:
        """The number at a place where it enters statistics, None elsewhere."""
        return self.value(place) if self.marks[place] & 0x0F < _MISSING else None


class Place(NamedTuple):
    """Where a series stands."""

    name: str
    block_id: int
    place: int
    interval_ms: int
    is_flow: bool


Rows = Callable[[LiteralString], Iterable[tuple[Any, ...]]]  # of a statement


class Stored:
    """Every frame and patch of a data folder, read from a copy: a killed program's log stays as it
    was. Raises AssertionError for a body that is not as it was written."""

    def __init__(self, folder: Path, *, scratch: Path) -> None:
        copy = scratch / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder, copy)
        with closing(sqlite3.connect(copy / "sigmawatch.db")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            self._read(connection.execute)

    def _read(self, rows: Rows) -> None:
        self.frames: dict[tuple[int, int], list[Body]] = {}
        self.patches: dict[int, list[Body]] = {}
        self.series = dict(_places(rows))
        self.runs = {str(id) for (id,) in rows("SELECT id FROM runs")}
        for block_id, body in rows("SELECT block_id, body FROM frames"):
            frame = _decoded(body)
            self.frames.setdefault((block_id, frame.slot), []).append(frame)
        for series_id, body in rows("SELECT series_id, body FROM patches"):
            self.patches.setdefault(series_id, []).append(_decoded(body))

    def holds(self, seen: Seen) -> bool:
        """Whether the number is in a frame or patch of its series and slot."""
        series = self.series.get(seen.series_id)
        if series is None:
            return False
        slot = seen.at_ms // series.interval_ms
        if seen.live:  # asked just before a boundary, received just after it: the slot before
            near = [f for s in (slot - 1, slot) for f in self.frames.get((series.block_id, s), [])]
            return any(
                frame.recv_ms == seen.at_ms and frame.value(series.place) == seen.value
                for frame in near
            )
        width = seen.slots if series.is_flow else 1
        return any(value * width == seen.value for value in self._values(seen.series_id, slot))

    def _values(self, series_id: int, slot: int) -> Iterator[float]:
        series = self.series[series_id]
        found = [
            frame.value(series.place) for frame in self.frames.get((series.block_id, slot), [])
        ]
        found += [patch.value(slot - patch.slot) for patch in self.patches.get(series_id, [])]
        return (value for value in found if value is not None)

    def counted(self) -> Iterator[tuple[str, int, float]]:
        """(series, slot, number) of everything that any frame or patch lets count."""
        standing = {(one.block_id, one.place): one.name for one in self.series.values()}
        for (block_id, slot), frames in self.frames.items():
            for frame in frames:
                for place in range(frame.n):
                    value = frame.counted(place)
                    if value is not None and (block_id, place) in standing:
                        yield standing[block_id, place], slot, value
        for series_id, patches in self.patches.items():
            for patch in patches:
                for place in range(patch.n):
                    value = patch.counted(place)
                    if value is not None:
                        yield self.series[series_id].name, patch.slot + place, value


def _places(rows: Rows) -> Iterator[tuple[int, Place]]:
    found = rows(
        "SELECT s.id, m.venue, m.base, m.quote, b.metric, s.block_id, s.place, b.interval_ms "
        "FROM series s JOIN markets m ON m.id = s.market_id JOIN blocks b ON b.id = s.block_id"
    )
    for id, venue, base, quote, metric, block_id, place, interval_ms in found:
        name = f"{venue}:{base}/{quote}:{metric}"
        is_flow = metric in {"traded_base", "traded_quote", "trades"}
        yield id, Place(name, block_id, place, interval_ms, is_flow)


def _decoded(body: bytes) -> Body:
    _, _, _, _, slot, _, count, recv_ms = _HEADER.unpack_from(body)
    end = _HEADER.size + 9 * count
    assert len(body) == end + 4
    assert zlib.crc32(body[:end]) == int.from_bytes(body[end:], "little")
    marks_at = _HEADER.size + 8 * count
    return Body(slot, recv_ms, count, body[_HEADER.size : marks_at], body[marks_at:end])
