"""States on disk: what was written is read, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.alert_lives import lived, policies, sequences
from tests.examples import examples

from sigmawatch.domain.alert_codec import (
    RECORD_BYTES,
    decode_states,
    encode_state,
    encode_states,
)
from sigmawatch.domain.alert_policy import Policy
from sigmawatch.domain.alert_state import RESTING, Course, Flapping, Hold, Phase, State
from sigmawatch.domain.alert_turn import Said
from sigmawatch.domain.errors import Invalid

SLOTS = st.integers(0, 2**32 - 2)
COURSES = st.builds(
    Course,
    opened=SLOTS,
    reopened=SLOTS,
    notices=SLOTS,
    told=st.none() | SLOTS,
    announced=st.booleans(),
    acknowledged=st.booleans(),
    no_data=st.booleans(),
)
STATES = st.builds(
    State,
    phase=st.sampled_from(Phase),
    since=st.none() | SLOTS,
    timer=st.none() | SLOTS,
    frozen=SLOTS,
    unknown=st.none() | SLOTS,
    closed=st.none() | SLOTS,
    course=st.none() | COURSES,
    owed=st.none() | COURSES,
    withheld=st.sampled_from([Hold(bits) for bits in range(16)]),
    reopenings=st.lists(SLOTS, max_size=5).map(tuple),
    flapping=st.sampled_from(Flapping),
    summed=st.none() | SLOTS,
    triggers=SLOTS,
)


@examples(100)
@given(st.dictionaries(st.integers(0, 1_023), STATES, max_size=5), st.binary(max_size=128))
def test_states_are_read_as_they_were_written(states: dict[int, State], bits: bytes) -> None:
    body = encode_states(bits, [encode_state(place, state) for place, state in states.items()])
    resting = {8 * at + bit: RESTING for at, byte in enumerate(bits) for bit in range(8)
               if byte >> bit & 1}  # fmt: skip
    assert decode_states(body) == resting | states


@examples(20)
@given(sequences(), policies())
def test_every_state_of_a_life_comes_back_exactly(said: list[Said], policy: Policy) -> None:
    """"Restart: states, timers, cooldowns ... come back exactly"."""  # fmt: skip
    _, states = lived(said, policy)
    for state in states:
        assert decode_states(encode_states(b"", [encode_state(7, state)])) == {7: state}


def test_a_block_at_rest_takes_a_bit_a_series_and_one_that_fires_a_hundred_bytes() -> None:
    assert len(encode_states(b"\xff" * 128 + b"\0" * 9, [])) == 131
    assert RECORD_BYTES <= 100


@pytest.mark.parametrize("cut", [0, 1, 2, 50, -1])
def test_a_torn_body_is_refused(cut: int) -> None:
    whole = encode_states(b"\xff", [encode_state(3, State(phase=Phase.PENDING, since=1, timer=1))])
    with pytest.raises(Invalid):
        decode_states(whole[:cut])


def test_a_body_of_another_version_is_refused() -> None:
    with pytest.raises(Invalid, match="version"):
        decode_states(b"\x02\0\0")


def test_a_record_that_is_no_state_is_refused() -> None:
    record = bytearray(encode_state(3, State(phase=Phase.PENDING, since=1, timer=1)))
    record[2] = 9
    with pytest.raises(Invalid, match="no state"):
        decode_states(encode_states(b"", [bytes(record)]))
