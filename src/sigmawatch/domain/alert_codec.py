"""The states of one rule over one block as bytes: the body of domain.alert.States.

A version byte; a bit for each place, set where the state is past its warmup, as many as are needed;
then a record of fixed size for each state that is not at rest, by place. A place that no byte tells
of is in its warmup, so a series that joins later is too. Little-endian; slots are unsigned 32-bit
numbers (until 2106 at 1 s), all ones for none. A rule over 100,000 series that are all at rest
takes 12.5 KB. Imports domain.alert_policy, alert_state, errors.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from itertools import compress, count

from sigmawatch.domain.alert_policy import FLAPPING_REOPENINGS
from sigmawatch.domain.alert_state import RESTING, Course, Flapping, Hold, Phase, State
from sigmawatch.domain.errors import Invalid

VERSION = 1

_HEAD = struct.Struct("<BH")  # version, bytes of bits
_COURSE = "5I"
# place, phase, withheld, flapping, spare, triggers; slots, frozen; course; owed; reopenings
_RECORD = struct.Struct(f"<HBBBBI6I{_COURSE}{_COURSE}{FLAPPING_REOPENINGS}I")
_NONE = 0xFFFF_FFFF
_NO_COURSE = (_NONE, 0, 0, 0, 0)
_ANNOUNCED, _ACKNOWLEDGED, _NO_DATA = 1, 2, 4
RECORD_BYTES = _RECORD.size


def encode_states(past_warmup: bytes, records: Iterable[bytes]) -> bytes:
    """A body. past_warmup: the bits, place 0 the lowest of the first byte; records: those of
    `encode_state`."""
    bits = past_warmup.rstrip(b"\0")
    return b"".join((_HEAD.pack(VERSION, len(bits)), bits, *records))


def encode_state(place: int, state: State) -> bytes:
    """The record of a state that is not at rest."""
    recent = state.reopenings + (_NONE,) * (FLAPPING_REOPENINGS - len(state.reopenings))
    slots = (state.since, state.timer, state.unknown, state.closed, state.summed)
    return _RECORD.pack(
        place, state.phase, state.withheld, state.flapping, 0, state.triggers,
        *(_NONE if slot is None else slot for slot in slots), state.frozen,
        *_of_course(state.course), *_of_course(state.owed), *recent,
    )  # fmt: skip


def decode_states(body: bytes) -> Mapping[int, State]:
    """Place -> state, of all that are past their warmup or not at rest. Raises Invalid."""
    if len(body) < _HEAD.size or body[0] != VERSION:
        raise Invalid(f"states of a version this program does not know: {body[:1].hex() or 'none'}")
    start = _HEAD.size + _HEAD.unpack_from(body)[1]
    bits, records = body[_HEAD.size : start], body[start:]
    if len(body) < start or len(records) % _RECORD.size:
        raise Invalid(f"states of {len(body)} bytes are torn")
    flags = (byte >> bit & 1 for byte in bits for bit in range(8))
    states = dict.fromkeys(compress(count(), flags), RESTING)
    for place, *fields in _RECORD.iter_unpack(records):
        states[place] = _state(fields)
    return states


def _state(fields: list[int]) -> State:
    phase, withheld, flapping, _, triggers = fields[:5]
    slots = [None if slot == _NONE else slot for slot in fields[5:10]]
    since, timer, unknown, closed, summed = slots
    try:
        return State(
            phase=Phase(phase), since=since, timer=timer, frozen=fields[10], unknown=unknown,
            closed=closed, course=_course(fields[11:16]), owed=_course(fields[16:21]),
            withheld=Hold(withheld), flapping=Flapping(flapping), summed=summed, triggers=triggers,
            reopenings=tuple(slot for slot in fields[21:] if slot != _NONE),
        )  # fmt: skip
    except ValueError as exc:
        raise Invalid(f"no state: {exc}") from exc


def _of_course(course: Course | None) -> tuple[int, int, int, int, int]:
    if course is None:
        return _NO_COURSE
    flags = (course.announced * _ANNOUNCED + course.acknowledged * _ACKNOWLEDGED
             + course.no_data * _NO_DATA)  # fmt: skip
    told = _NONE if course.told is None else course.told
    return course.opened, course.reopened, course.notices, told, flags


def _course(fields: list[int]) -> Course | None:
    opened, reopened, notices, told, flags = fields
    if opened == _NONE:
        return None
    return Course(
        opened=opened, reopened=reopened, notices=notices, told=None if told == _NONE else told,
        announced=bool(flags & _ANNOUNCED), acknowledged=bool(flags & _ACKNOWLEDGED),
        no_data=bool(flags & _NO_DATA),
    )  # fmt: skip
