"""Checksums of rows, and what a row that does not fit its own is called.

CRC-32 (IEEE 802.3) over the columns as Python prints them in ASCII: the same for every database,
and in every version of Python.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence


def checksum(*columns: object) -> int:
    """columns: the kind of row, then what stands in it; str, int and None."""
    return zlib.crc32(ascii(columns).encode())


def owned(columns: Sequence[object]) -> Sequence[object]:
    """What is checked of a row that ends with its owner: what is nobody's is checked as rows were
    before there were owners."""
    return columns if columns[-1] is not None else columns[:-1]
