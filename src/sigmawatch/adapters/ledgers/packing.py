"""The bytes of what is sealed: columns of a section, receipts of its slots, rollups.

A body is a header that names it, parts of their own lengths, and a CRC-32 (IEEE 802.3) over all of
it. Numbers are packed by pcodec, which loses no bit of a float64; marks, which repeat, by zlib.

A **column** holds one series of a section: a mark a slot, the numbers where there are any, and the
source of what stands (adapters.ledgers.merge). Nearly always that is the newest frame of the slot,
which all series of the block share, so those lie once, in the **receipts** of the section, and a
column holds only the sources that differ.

Pure functions over bytes and arrays. Raises Invalid where a bit is not as it was written.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pcodec import ChunkConfig, standalone  # type: ignore[import-untyped]

from sigmawatch.adapters.ledgers.merge import Marks, Sources, Values
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.frame import Reason
from sigmawatch.ports.history import ROLLUP_COLUMNS, Rollups

VERSION = 1
_HEADER = struct.Struct("<BBHqqqI")  # version, kind, parts, owner, from, revision, count
_LENGTH = struct.Struct("<I")
_CRC = struct.Struct("<I")
_COLUMN, _RECEIPTS, _ROLLUPS = 0x43, 0x52, 0x55
_CONFIG = ChunkConfig()
_FLOW_COLUMNS = tuple(n for n in ROLLUP_COLUMNS if not n.startswith("return_") and n != "edges")
_LEVEL_COLUMNS = tuple(name for name in ROLLUP_COLUMNS if name != "total")
Name = tuple[int, int, int]  # owner, from, revision
_AnyArray = npt.NDArray[Any]


def pack_column(name: Name, of: tuple[Values, Marks, Sources], *, receipts: Sources) -> bytes:
    """One series of a section: float64, uint8 and int64[slots]. receipts: int64[slots], the source
    that stands where nothing else is said. name: series, first slot, revision."""
    values, marks, sources = (np.ascontiguousarray(one) for one in of)
    there, apart = np.isfinite(values), sources != receipts
    why = zlib.compress(
        marks.tobytes() + np.packbits(there).tobytes() + np.packbits(apart).tobytes()
    )
    return _packed(
        _COLUMN, name, count=len(values), parts=(why, _pco(values[there]), _pco(sources[apart]))
    )


def unpack_column(
    body: bytes, name: Name, *, receipts: Sources | None = None
) -> tuple[Values, Marks, Sources]:
    """What `pack_column` was given. Without receipts the sources are those of the oldest frame
    there could be, so that nothing weaker takes the place of what stands."""
    count, (why, numbers, others) = _unpacked(_COLUMN, body, name=name)
    plain = zlib.decompress(why)
    bits = -(-count // 8)
    there = _bits(plain[count : count + bits], count)
    values = np.full(count, np.nan)
    values[there] = _unpco(numbers, np.float64)
    marks = np.frombuffer(plain[:count], np.uint8)
    sources = (marks != Reason.NOT_POLLED).astype(np.int64) if receipts is None else +receipts
    sources[_bits(plain[count + bits :], count)] = _unpco(others, np.int64)
    return values, marks, sources


def pack_receipts(name: Name, receipts: Sources) -> bytes:
    """The newest frame's source of every slot of a section; int64[slots]."""
    return _packed(_RECEIPTS, name, count=len(receipts), parts=(_pco(receipts),))


def unpack_receipts(body: bytes, name: Name) -> Sources:
    """What `pack_receipts` was given."""
    _, (packed,) = _unpacked(_RECEIPTS, body, name=name)
    receipts: Sources = _unpco(packed, np.int64)
    return receipts


def pack_rollups(name: Name, rollups: Rollups, *, levels: bool) -> bytes:
    """Runs of one series. name: series, first moment, revision; levels: they have returns."""
    columns = {column: getattr(rollups, column) for column in _columns(levels)}
    columns["at"] = columns["at"] - name[1] // rollups.width_ms
    columns["n"] = columns["n"].astype(np.int64)
    parts = (_LENGTH.pack(rollups.width_ms), *map(_pack_any, columns.values()))
    return _packed(_ROLLUPS, name, count=len(rollups), parts=parts)


def unpack_rollups(body: bytes, name: Name, *, levels: bool) -> Rollups:
    """What `pack_rollups` was given; the total of a level is n times its mean."""
    count, (width, *parts) = _unpacked(_ROLLUPS, body, name=name)
    (width_ms,) = _LENGTH.unpack(width)
    columns: dict[str, _AnyArray] = {column: np.zeros(count) for column in ROLLUP_COLUMNS}
    for column, part in zip(_columns(levels), parts, strict=True):
        columns[column] = _unpack_any(column, part)
    columns["at"] = columns["at"] + name[1] // width_ms
    if levels:
        columns["total"] = columns["n"] * (columns["low"] + columns["mean"])
    return Rollups.of(width_ms, columns)


def check_body(body: bytes, name: Name) -> None:
    """Raises Invalid where a body of any kind is not as it was written, or not `name`'s."""
    kind = body[1] if len(body) > 1 else 0
    _unpacked(kind, body, name=name)


def _columns(levels: bool) -> Sequence[str]:
    return _LEVEL_COLUMNS if levels else _FLOW_COLUMNS


def _pack_any(column: _AnyArray) -> bytes:
    return zlib.compress(column.tobytes()) if column.dtype == np.uint8 else _pco(column)


def _unpack_any(name: str, part: bytes) -> _AnyArray:
    if name in ("marks", "edges"):
        return np.frombuffer(zlib.decompress(part), np.uint8)
    numbers: _AnyArray = _unpco(part, np.int64 if name in ("at", "n") else np.float64)
    return numbers


def _bits(packed: bytes, count: int) -> npt.NDArray[np.bool_]:
    return np.unpackbits(np.frombuffer(packed, np.uint8), count=count).astype(np.bool_)


def _pco(numbers: _AnyArray) -> bytes:
    packed: bytes = standalone.simple_compress(np.ascontiguousarray(numbers), _CONFIG)
    return packed


def _unpco(packed: bytes, dtype: type[np.generic]) -> Any:
    found = standalone.simple_decompress(packed)
    return np.empty(0, dtype) if found is None else found


def _packed(kind: int, name: Name, *, count: int, parts: Sequence[bytes]) -> bytes:
    head = _HEADER.pack(VERSION, kind, len(parts), *name, count)
    lengths = b"".join(_LENGTH.pack(len(part)) for part in parts)
    body = b"".join((head, lengths, *parts))
    return body + _CRC.pack(zlib.crc32(body))


def _unpacked(kind: int, data: object, *, name: Name) -> tuple[int, list[bytes]]:
    """How many rows, and the parts. Raises Invalid where it is damaged or is not `name`."""
    if not isinstance(data, bytes) or len(data) < _HEADER.size + _CRC.size:
        raise Invalid(f"torn: {data!r:.40}")
    body, (crc,) = data[: -_CRC.size], _CRC.unpack(data[-_CRC.size :])
    if zlib.crc32(body) != crc:
        raise Invalid("damaged: its checksum does not match")
    version, found, count_of_parts, *named, count = _HEADER.unpack_from(body)
    if version != VERSION or found != kind:
        raise Invalid(f"unknown: version {version}, kind {found}")
    if tuple(named) != name:
        raise Invalid(f"the row says {name}, its body {tuple(named)}")
    lengths = _LENGTH.iter_unpack(body[_HEADER.size :][: count_of_parts * _LENGTH.size])
    parts, at = [], _HEADER.size + count_of_parts * _LENGTH.size
    for (length,) in lengths:
        parts.append(body[at : at + length])
        at += length
    return count, parts
