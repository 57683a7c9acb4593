"""The bytes of a stream: plain ones, and the same compressed once for everybody."""

from __future__ import annotations

import zlib

from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples

from sigmawatch.app.streaming.payloads import Bye
from sigmawatch.app.streaming.wire import GZIP_HEADER, Piece, event, joined


@examples(60)
@given(st.lists(st.binary(max_size=3_000), max_size=6))
def test_a_reader_may_begin_at_any_piece(texts: list[bytes]) -> None:
    """DASHBOARD.md 3: blocks that need no history; a late joiner starts at any event."""
    pieces = [Piece.of(text * 3) for text in texts]
    for start in range(len(pieces) + 1):
        told = zlib.decompressobj(wbits=31).decompress(
            GZIP_HEADER + joined(pieces[start:], packed=True)
        )
        assert told == joined(pieces[start:], packed=False)


def test_every_piece_can_be_read_as_soon_as_it_has_come() -> None:
    reading = zlib.decompressobj(wbits=31)
    assert reading.decompress(GZIP_HEADER) == b""
    for number in range(5):
        piece = Piece.of(b"%d " % number * 1_000)
        assert reading.decompress(piece.packed) == piece.plain


@examples(60)
@given(st.text())
def test_nothing_in_an_event_can_begin_another_line(text: str) -> None:
    """SECURITY.md, Rendering: escape per target (… SSE line …)."""
    told = event("bye", Bye(reason=text), id="e-1", retry_ms=5).plain.decode()
    lines = told.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert [line.partition(":")[0] for line in lines] == ["id", "retry", "event", "data", "", ""]
