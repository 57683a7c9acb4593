"""Whatever bytes a venue sends, a parser gives sound values or one domain error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.venues.parsers import PARSERS, POLLS, assert_sound, outcome

JSON = {name: parser for name, parser in PARSERS.items() if parser.values}

odd = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**30), 10**30), st.floats(), st.text(max_size=5),
    st.sampled_from(["NaN", "Infinity", "-1", "0", "1e-10", "1e9", "1e400", "", "٣", " 1"]),
    st.just([]), st.just({}), st.just([[]]), st.just({"a": {}}),
)  # fmt: skip


def paths(value: object, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    children: list[tuple[Any, object]] = []
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    return [at, *(path for key, child in children for path in paths(child, (*at, key)))]


def replaced(value: Any, path: tuple[Any, ...], *, by: object) -> Any:
    """A copy with another value at one place."""
    if not path:
        return by
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], by=by)
    return copy


@pytest.mark.parametrize("case", PARSERS)
def test_what_it_is_made_for_gives_values(case: str) -> None:
    for raw in PARSERS[case].bodies[:1]:
        assert outcome(PARSERS[case].made(), raw)


@pytest.mark.parametrize("case", JSON)
@settings(max_examples=40)
@given(data=st.data())
def test_any_value_may_stand_anywhere(case: str, data: st.DataObject) -> None:
    parser = JSON[case]
    value = data.draw(st.sampled_from(parser.values))
    for _ in range(data.draw(st.integers(1, 3))):
        value = replaced(value, data.draw(st.sampled_from(paths(value))), by=data.draw(odd))
    assert_sound(outcome(parser.made(), json.dumps(value).encode()))


@pytest.mark.parametrize("case", PARSERS)
@settings(max_examples=40)
@given(data=st.data())
def test_any_byte_may_be_torn_or_wrong(case: str, data: st.DataObject) -> None:
    parser = PARSERS[case]
    raw = bytearray(data.draw(st.sampled_from(parser.bodies)))
    for _ in range(data.draw(st.integers(0, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    assert_sound(outcome(parser.made(), bytes(raw[: data.draw(st.integers(0, len(raw)))])))


@pytest.mark.parametrize("case", PARSERS)
@given(raw=st.binary(max_size=60))
@settings(max_examples=15)
def test_any_bytes_may_come(case: str, raw: bytes) -> None:
    assert_sound(outcome(PARSERS[case].made(), raw))


@pytest.mark.parametrize("case", POLLS)
def test_a_body_nested_without_end_is_a_bad_answer(case: str) -> None:
    for raw in (b"[" * 200_000, b'{"result":' * 100_000, b'{"error":[],"result":{"A":' * 50_000):
        assert outcome(POLLS[case].made(), raw) is None
