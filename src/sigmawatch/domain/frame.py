"""Frames and patches: the one shape of data from venue to disk, and their bytes.

A frame is one block at one slot, a patch one series over a run of slots. Both carry n little-endian
float64 (NaN = missing), n mark bytes that say why, and a CRC-32 (IEEE 802.3) over everything before
it. Both are idempotent by id: `block:slot:revision`, `series:from:revision`.

A frame's revision is the milliseconds from its slot's open to its receipt, so a later observation
always has the higher one, in every process and after every restart. A patch's revision is the slot
in which it was made. Imports domain.errors.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum, IntFlag

from sigmawatch.domain.errors import Invalid

VERSION = 1
VALUES_MAX = 100_000
_HEADER = struct.Struct("<BBHIqIIq")  # version, kind, flags, owner, slot, revision, n, recv_ms
_CRC = struct.Struct("<I")
_FRAME, _PATCH = 0x46, 0x50
_FLAG_OPEN = 0x0001


class Reason(IntEnum):
    """Why a place holds what it holds: the low four bits of a mark. Missing from MISSING on."""

    OBSERVED = 0  # read, and some field of the market's row had changed
    UNCHANGED = 1  # read, and the whole row was as it was
    CARRIED = 2  # nothing traded: the previous close stands
    NO_TRADES = 3  # nothing traded: the flow is zero
    SEAM = 4  # read, the first of another source: nothing follows from it and the value before
    OUTAGE = 8  # the venue did not answer for this market
    NOT_POLLED = 9  # we were down, or did not ask
    SUSPECT = 10  # a value that the bad-tick gate holds back: shown, missing for statistics
    DELISTED = 11
    PENDING = 12  # a flow that is not known yet
    NO_PLACE = 13  # no series stands in this place
    DAMAGED = 14  # was stored, and cannot be read as it was written
    PAUSED = 15  # somebody has paused the market, or its venue: nobody was asked


MISSING = int(Reason.OUTAGE)
REASON_MASK = 0x0F


class Flag(IntFlag):
    """More about a value: the high four bits of a mark."""

    COARSE = 0x10  # from a candle wider than the slot
    DERIVED = 0x20  # computed, not quoted
    REVISED = 0x40  # changed after it was first applied
    FILLED = 0x80  # from a candle or another later source, not from the slot's own reading


_REASON_NAMES = {reason: reason.name.lower() for reason in Reason}
_FLAG_NAMES = {flag: str(flag.name).lower() for flag in Flag}


_MARKS_BY_NAME = {name: int(reason) for reason, name in _REASON_NAMES.items()} | {
    name: int(flag) for flag, name in _FLAG_NAMES.items()
}


def mark_names(mark: int) -> list[str]:
    """The words users see for a mark byte; none for a plainly observed value."""
    reason = Reason(mark & REASON_MASK)
    quiet = reason in (Reason.OBSERVED, Reason.UNCHANGED)
    return ([] if quiet else [_REASON_NAMES[reason]]) + [
        name for flag, name in _FLAG_NAMES.items() if mark & flag
    ]


def mark_named(words: Iterable[str]) -> int:
    """The mark byte that `mark_names` tells as these words. Raises Invalid for any other word."""
    mark = int(Reason.OBSERVED)
    for word in words:
        if word not in _MARKS_BY_NAME:
            raise Invalid(f"{word[:40]!r} is no mark", allowed=", ".join(_MARKS_BY_NAME))
        said = _MARKS_BY_NAME[word]
        if mark & REASON_MASK and said & REASON_MASK:
            raise Invalid("two reasons in one mark")
        mark |= said
    return mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One block at one slot.

    values: n little-endian float64; marks: n bytes; place i is the block's i-th series. open: an
    observation inside the running slot, never final. recv_ms: our clock at receipt.
    """

    block_id: int
    slot: int
    revision: int
    recv_ms: int
    values: bytes
    marks: bytes
    open: bool = False

    def __post_init__(self) -> None:
        assert len(self.values) == 8 * len(self.marks)

    @property
    def id(self) -> str:
        return f"{self.block_id}:{self.slot}:{self.revision}"

    def encode(self) -> bytes:
        """The frame's bytes, as stored and sent."""
        flags = _FLAG_OPEN if self.open else 0
        return _encode(self, _FRAME, owner=self.block_id, slot=self.slot, flags=flags)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """One series over the run of slots from `from_slot`; a place whose value is NaN and whose
    reason is PENDING says nothing about its slot."""

    series_id: int
    from_slot: int
    revision: int
    recv_ms: int
    values: bytes
    marks: bytes

    def __post_init__(self) -> None:
        assert len(self.values) == 8 * len(self.marks)

    @property
    def id(self) -> str:
        return f"{self.series_id}:{self.from_slot}:{self.revision}"

    def encode(self) -> bytes:
        """The patch's bytes, as stored and sent."""
        return _encode(self, _PATCH, owner=self.series_id, slot=self.from_slot, flags=0)


def _encode(item: Frame | Patch, kind: int, *, owner: int, slot: int, flags: int) -> bytes:
    count = len(item.marks)
    head = _HEADER.pack(VERSION, kind, flags, owner, slot, item.revision, count, item.recv_ms)
    body = head + item.values + item.marks
    return body + _CRC.pack(zlib.crc32(body))


def lost(item: Frame | Patch) -> Frame | Patch:
    """What stands for an item that was stored and cannot be read: it says of each of its places
    that what was said there is damaged."""
    count = len(item.marks)
    values = struct.pack("<d", math.nan) * count
    return replace(item, values=values, marks=bytes([Reason.DAMAGED]) * count)


def decode(data: bytes) -> Frame | Patch:
    """The frame or patch in `data`. Raises Invalid where a bit of it is not as it was written."""
    if len(data) < _HEADER.size + _CRC.size:
        raise Invalid(f"torn frame: {len(data)} bytes")
    body, (crc,) = data[: -_CRC.size], _CRC.unpack(data[-_CRC.size :])
    if zlib.crc32(body) != crc:
        raise Invalid("damaged frame: its checksum does not match")
    version, kind, flags, owner, slot, revision, count, recv_ms = _HEADER.unpack_from(body)
    if version != VERSION or kind not in (_FRAME, _PATCH):
        raise Invalid(f"unknown frame: version {version}, kind {kind}")
    if count > VALUES_MAX or len(body) != _HEADER.size + 9 * count:
        raise Invalid(f"torn frame: {len(data)} bytes for {count} values")
    values = body[_HEADER.size : _HEADER.size + 8 * count]
    marks = body[_HEADER.size + 8 * count :]
    if kind == _PATCH:
        return Patch(series_id=owner, from_slot=slot, revision=revision, recv_ms=recv_ms,
                     values=values, marks=marks)  # fmt: skip
    return Frame(block_id=owner, slot=slot, revision=revision, recv_ms=recv_ms,
                 values=values, marks=marks, open=bool(flags & _FLAG_OPEN))  # fmt: skip
