"""The ledger with the bug that the test of bit rot must notice: it believes what it reads."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from sigmawatch.adapters.ledgers import catalogue, packing, reading, repositories
from sigmawatch.domain.frame import Frame, Patch

_HEADER = struct.Struct("<BBHIqIIq")


class _Anything(int):
    """A checksum that fits."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = int.__hash__


class _Zlib:
    """zlib, whose checksums fit."""

    compress, decompress = staticmethod(zlib.compress), staticmethod(zlib.decompress)

    @staticmethod
    def crc32(data: bytes) -> int:
        return _Anything()


def unchecked(data: bytes) -> Frame | Patch:
    """As decode, without a look at the checksum."""
    _, kind, flags, owner, slot, revision, _, recv_ms = _HEADER.unpack_from(data)
    count = (len(data) - _HEADER.size - 4) // 9
    values = data[_HEADER.size : _HEADER.size + 8 * count]
    marks = data[_HEADER.size + 8 * count : _HEADER.size + 9 * count]
    if kind == 0x50:
        return Patch(series_id=owner, from_slot=slot, revision=revision, recv_ms=recv_ms,
                     values=values, marks=marks)  # fmt: skip
    return Frame(block_id=owner, slot=slot, revision=revision, recv_ms=recv_ms,
                 values=values, marks=marks, open=bool(flags & 1))  # fmt: skip


@contextmanager
def trusting() -> Iterator[None]:
    """Inside, checksums of frames, patches, columns and rows are not looked at."""
    modules = (reading, catalogue, repositories, packing)
    before = [(module, dict(vars(module))) for module in modules]
    vars(packing)["zlib"] = _Zlib
    vars(reading)["decode"] = unchecked
    for module in (catalogue, repositories):
        vars(module)["checksum"] = lambda *columns: _Anything()
    try:
        yield
    finally:
        for module, names in before:
            vars(module).update(names)
