"""Cursors: opaque marks of a place in a walk through pages.

A cursor is only good for the query it came from. It carries no secret and grants nothing; a forged
one can only name another place. What a walk promises is said by the resource that hands it out.
"""

from __future__ import annotations

import base64
import binascii
import zlib

import msgspec

from sigmawatch.domain.errors import Invalid

_PLACES = msgspec.json.Decoder(tuple[int, str, int])


def digest(query: object) -> int:
    """What ties a cursor to its query."""
    return zlib.crc32(repr(query).encode())


def pack(query: object, *, walk: str, place: int) -> str:
    """The cursor of `place` in `walk` through the answers to `query`."""
    raw = msgspec.json.encode((digest(query), walk, place))
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unpack(query: object, cursor: str) -> tuple[str, int]:
    """Walk and place of `cursor`. Raises Invalid where it is not one of this query's."""
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        known, walk, place = _PLACES.decode(raw)
    except (binascii.Error, msgspec.MsgspecError, UnicodeError, ValueError) as exc:
        raise _foreign() from exc
    if known != digest(query) or not 0 <= place < 1 << 60:
        raise _foreign()
    return walk, place


def _foreign() -> Invalid:
    return Invalid("that cursor is not one of this query's", field="cursor",
                   allowed="next_cursor of an answer to the same query, unchanged")  # fmt: skip
