"""Rank columns: the ranks of one standing ranking at one slot, and their bytes.

A standing ranking is made at every close for everybody: one metric by one deviation over the first
window. Its columns are kept, so that one sees how ranks moved. On disk a column is a header and
the series ids and ranks in little-endian planes of bytes (all lowest bytes first), compressed, with
a CRC-32 over everything before it. Imports
domain.errors, domain.window.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.window import Interval

VERSION = 1
SERIES_MAX = 10_000_000
ID_BYTES, RANK_BYTES = 8, 4
_HEADER = struct.Struct("<BIII")  # version, n, of, peers
_CRC = struct.Struct("<I")
_LEVEL = 1  # ranks hardly compress; higher ones cost four times the time for a tenth


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Which standing ranking: a metric by a deviation over a window, at an interval."""

    metric: str
    by: str
    window_ms: int
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class RankColumn:
    """Who was how high at one slot. of: how many were ranked; peers: of how many.

    ids: n little-endian int64, series ids, each once; ranks: n little-endian uint32, 0 for none.
    """

    standing: Standing
    slot: int
    of: int
    peers: int
    ids: bytes
    ranks: bytes

    def __post_init__(self) -> None:
        assert len(self.ids) % ID_BYTES == 0
        assert len(self.ids) // ID_BYTES == len(self.ranks) // RANK_BYTES
        assert len(self.ranks) % RANK_BYTES == 0
        assert 0 <= self.of <= self.peers

    def encode(self) -> bytes:
        """As `decode_ranks` reads it; standing and slot stand beside it."""
        count = len(self.ranks) // RANK_BYTES
        planes = _planes(self.ids, ID_BYTES) + _planes(self.ranks, RANK_BYTES)
        body = _HEADER.pack(VERSION, count, self.of, self.peers) + zlib.compress(planes, _LEVEL)
        return body + _CRC.pack(zlib.crc32(body))


def decode_ranks(standing: Standing, slot: int, *, body: bytes) -> RankColumn:
    """What `encode` wrote. Raises Invalid where it is damaged or of a newer version."""
    content, check = body[: -_CRC.size], body[-_CRC.size :]
    if len(content) < _HEADER.size or _CRC.pack(zlib.crc32(content)) != check:
        raise Invalid("a rank column is damaged: its checksum does not fit")
    version, count, of, peers = _HEADER.unpack_from(content)
    size = count * (ID_BYTES + RANK_BYTES)
    if version != VERSION or count > SERIES_MAX:
        raise Invalid(f"a rank column of version {version} cannot be read")
    planes = zlib.decompressobj().decompress(content[_HEADER.size :], max(size, 1))
    if len(planes) != size:
        raise Invalid("a rank column is damaged: it is too short")
    cut = count * ID_BYTES
    return RankColumn(
        standing=standing, slot=slot, of=of, peers=peers,
        ids=_lines(planes[:cut], ID_BYTES), ranks=_lines(planes[cut:], RANK_BYTES),
    )  # fmt: skip


def _planes(numbers: bytes, width: int) -> bytes:
    """The lowest bytes of all numbers, then the next ones: what is alike stands together."""
    return b"".join(numbers[place::width] for place in range(width))


def _lines(planes: bytes, width: int) -> bytes:
    """Back from `_planes`."""
    lines, count = bytearray(len(planes)), len(planes) // width
    for place in range(width):
        lines[place::width] = planes[place * count : (place + 1) * count]
    return bytes(lines)
