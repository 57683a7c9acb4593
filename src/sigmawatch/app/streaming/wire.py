"""The bytes of server-sent events, plain and compressed once for everybody.

Text is that of the HTML standard (9.2.6, event streams). Compressed, an event is raw deflate
blocks (RFC 1951) that end on a byte and look back on nothing, so any of them may follow any other:
a reader gets ten bytes of gzip header (RFC 1952), then the same blocks as everybody else. There is
no trailer, for the length and checksum would be a reader's own; a stream that ends is cut anyway.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
from msgspec import Struct

GZIP_HEADER = bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255])
_LEVEL = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Some of a stream. packed: the same as deflate blocks."""

    plain: bytes
    packed: bytes

    @classmethod
    def of(cls, plain: bytes) -> Piece:
        return cls(plain=plain, packed=_blocks(plain))

    def bytes(self, packed: bool) -> bytes:
        return self.packed if packed else self.plain


def event(name: str, data: Struct, *, id: str = "", retry_ms: int | None = None) -> Piece:
    """One event. id: what `Last-Event-ID` gives back; without one that of the event before
    stays. retry_ms: how long a reader that was cut off waits before it comes again."""
    lines = [f"id: {id}"] if id else []
    if retry_ms is not None:
        lines.append(f"retry: {retry_ms}")
    head = "".join(f"{line}\n" for line in (*lines, f"event: {name}"))
    return Piece.of(head.encode() + b"data: " + msgspec.json.encode(data) + b"\n\n")


def joined(pieces: Iterable[Piece], *, packed: bool) -> bytes:
    return b"".join(piece.bytes(packed) for piece in pieces)


def _blocks(plain: bytes) -> bytes:
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(plain) + packer.flush(zlib.Z_FULL_FLUSH)


COMMENT = Piece.of(b":\n\n")  # keeps what lies between us and a reader from closing
