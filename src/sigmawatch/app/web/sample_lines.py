"""A body of lines, taken while it comes: whole lines, PIECE_BYTES_MAX of them at a time.

A body that is no larger is one piece. What comes meanwhile waits with whoever sends it, so a body
of any length costs what one of a piece does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from sigmawatch.app.web.door.framing import BODY_BYTES_MAX
from sigmawatch.app.web.problems import ProblemError

PIECE_BYTES_MAX = BODY_BYTES_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Whole lines. first, end: of them, counted from 0 in the body; behind the last one."""

    first: int
    end: int
    content: bytes = field(repr=False)


async def pieces(stream: AsyncIterator[bytes]) -> AsyncIterator[Piece]:
    """At least one. Raises ProblemError 413 for a line longer than a piece."""
    held, first = bytearray(), 0
    async for chunk in stream:
        held += chunk
        while len(held) > PIECE_BYTES_MAX:
            cut = held.rfind(b"\n", 0, PIECE_BYTES_MAX) + 1
            if not cut:
                raise ProblemError("too-large", f"a line of more than {PIECE_BYTES_MAX} bytes")
            content = bytes(held[:cut])
            del held[:cut]
            end = first + content.count(b"\n")
            yield Piece(first=first, end=end, content=content)
            first = end
    end = first + held.count(b"\n") + 1
    yield Piece(first=first, end=end, content=bytes(held))


async def whole(stream: AsyncIterator[bytes]) -> bytes:
    """A body that is no lines. Raises ProblemError 413 where it is longer than a piece."""
    held = bytearray()
    async for chunk in stream:
        held += chunk
        if len(held) > BODY_BYTES_MAX:
            raise ProblemError("too-large", "the body is larger than 1 MB")
    return bytes(held)
