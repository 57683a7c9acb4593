"""Frames and patches and their bytes: what is not as it was written is refused."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.frame import (
    MISSING,
    VALUES_MAX,
    Flag,
    Frame,
    Patch,
    Reason,
    decode,
    mark_names,
)

columns = st.integers(0, 40).flatmap(
    lambda count: st.tuples(
        st.binary(min_size=8 * count, max_size=8 * count),
        st.binary(min_size=count, max_size=count),
    )
)
u32 = st.integers(0, 2**32 - 1)
i64 = st.integers(-(2**63), 2**63 - 1)


@given(block_id=u32, slot=i64, revision=u32, recv_ms=i64, columns=columns, open=st.booleans())
def test_a_frame_is_read_as_it_was_written(
    *, block_id: int, slot: int, revision: int, recv_ms: int, columns: tuple[bytes, bytes],
    open: bool,
) -> None:  # fmt: skip
    frame = Frame(
        block_id=block_id, slot=slot, revision=revision, recv_ms=recv_ms,
        values=columns[0], marks=columns[1], open=open,
    )  # fmt: skip
    assert decode(frame.encode()) == frame


@given(series_id=u32, from_slot=i64, revision=u32, recv_ms=i64, columns=columns)
def test_a_patch_is_read_as_it_was_written(
    *, series_id: int, from_slot: int, revision: int, recv_ms: int, columns: tuple[bytes, bytes]
) -> None:
    patch = Patch(
        series_id=series_id, from_slot=from_slot, revision=revision, recv_ms=recv_ms,
        values=columns[0], marks=columns[1],
    )  # fmt: skip
    assert decode(patch.encode()) == patch


def a_frame(**changes: object) -> Frame:
    given_: dict[str, object] = {
        "block_id": 7, "slot": 28_000_000, "revision": 61_000, "recv_ms": 1_680_000_061_000,
        "values": struct.pack("<3d", 1.0, 2.0, float("nan")), "marks": bytes([0, 1, 8]),
    }  # fmt: skip
    return Frame(**{**given_, **changes})  # type: ignore[arg-type]


def test_every_flipped_bit_is_found() -> None:
    data = bytearray(a_frame().encode())
    for bit in range(8 * len(data)):
        data[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Invalid, match="damaged frame"):
            decode(bytes(data))
        data[bit // 8] ^= 1 << bit % 8


def test_every_torn_frame_is_found() -> None:
    data = a_frame().encode()
    for length in range(len(data)):
        with pytest.raises(Invalid):
            decode(data[:length])
    with pytest.raises(Invalid):
        decode(data + b"\0")


def sealed(body: bytes) -> bytes:
    """`body` with a checksum that is right."""
    return body + struct.pack("<I", zlib.crc32(body))


@pytest.mark.parametrize(("at", "byte"), [(0, 2), (0, 0), (1, 0x47)])
def test_another_version_or_kind_is_refused_although_its_checksum_is_right(
    at: int, byte: int
) -> None:
    body = bytearray(a_frame().encode()[:-4])
    body[at] = byte
    with pytest.raises(Invalid, match="unknown frame"):
        decode(sealed(bytes(body)))


def test_a_count_that_lies_about_the_body_is_refused() -> None:
    body = a_frame().encode()[:-4]
    head = struct.Struct("<BBHIqIIq")
    fields = list(head.unpack_from(body))
    for count in (2, 4, VALUES_MAX + 1, 2**32 - 1):
        fields[6] = count
        with pytest.raises(Invalid, match="torn frame"):
            decode(sealed(head.pack(*fields) + body[head.size :]))


def test_ids_name_what_makes_an_item_itself() -> None:
    assert a_frame().id == "7:28000000:61000"
    patch = Patch(series_id=3, from_slot=5, revision=9, recv_ms=1, values=b"", marks=b"")
    assert patch.id == "3:5:9"


def test_as_many_marks_as_values() -> None:
    with pytest.raises(AssertionError):
        a_frame(marks=b"\0")


def test_a_plainly_observed_value_has_no_words_and_every_other_its_own() -> None:
    assert mark_names(Reason.OBSERVED) == mark_names(Reason.UNCHANGED) == []
    assert mark_names(Reason.CARRIED | Flag.FILLED) == ["carried", "filled"]
    assert mark_names(Reason.SUSPECT | Flag.DERIVED) == ["suspect", "derived"]
    every = Flag.COARSE | Flag.DERIVED | Flag.REVISED | Flag.FILLED
    assert mark_names(every) == ["coarse", "derived", "revised", "filled"]


def test_reasons_fit_below_the_flags_and_say_by_their_order_what_is_missing() -> None:
    assert all(reason < 0x10 <= flag for reason in Reason for flag in Flag)
    present = {
        Reason.OBSERVED, Reason.UNCHANGED, Reason.CARRIED, Reason.NO_TRADES, Reason.SEAM
    }  # fmt: skip
    assert {reason for reason in Reason if reason < MISSING} == present
