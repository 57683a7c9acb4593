"""What a body may be (S45)."""

from __future__ import annotations

import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.pace import allowed_s
from tests.web.conftest import World, reading
from tests.web.test_errors import judged

from sigmawatch.app.web.door.json_bounds import DEPTH_MAX, check_json
from sigmawatch.app.web.problems import ProblemError

BAD = {
    "depth 100,000": b"[" * 100_000,
    "depth 100,000, closed": b"[" * 100_000 + b"]" * 100_000,
    "objects, 100,000": b'{"a":' * 100_000,
    "depth 33": b"[" * 33 + b"]" * 33,
    "objects, depth 33": b'{"a":' * 33 + b"1" + b"}" * 33,
    "mixed, depth 33": b'[{"a":' * 17 + b"1" + b"}]" * 17,
    "5,000 digits": b'{"a":' + b"9" * 5_000 + b"}",
    "65 digits": b"[" + b"1" * 65 + b"]",
    "65 decimals": b"[0." + b"1" * 65 + b"]",
    "1e400": b"[1e400]",
    "a key twice": b'{"a":1,"a":2}',
    "a key twice, deep": b'[{"b":[{"a":1,"c":{},"a":2}]}]',
    "a key twice, spelled apart": b'{"a":1,"\\u0061":2}',
    "NaN": b'{"a":NaN}',
    "Infinity": b"[-Infinity]",
    "a surrogate alone": b'{"a":"\\ud800"}',
    "surrogates reversed": b'{"a":"\\udc00\\ud800"}',
    "a byte-order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "no UTF-8": b'{"a":"\xff"}',
    "an encoded surrogate": b'{"a":"\xed\xa0\x80"}',
    "10,001 items": b"[" + b",".join([b"1"] * 10_001) + b"]",
    "two values": b"{}{}",
    "a comment": b"{}//x",
    "a comma too many": b"[1,]",
    "nothing but space": b"  ",
    "a quote that never ends": b'"' + b'\\"' * 400_000,
    "quotes that never end": b'["' + b'","' * 300_000,
    "1 MB of brackets": b"[]" * 500_000,
}  # fmt: skip


@pytest.mark.parametrize("body", BAD.values(), ids=BAD.keys())
def test_s45_what_is_no_plain_json_is_refused_at_once(body: bytes) -> None:
    """S45: "JSON depth 100,000, 5,000-digit number, duplicate keys, NaN, surrogates, BOM: 400,
    < 10 ms"."""
    began_s = time.perf_counter()
    with pytest.raises(ProblemError) as refused:
        check_json(body)
    assert time.perf_counter() - began_s < allowed_s(0.01)
    assert refused.value.slug == "malformed"


ASKED = ["depth 100,000", "5,000 digits", "a key twice", "NaN", "a surrogate alone",
         "a byte-order mark", "no UTF-8"]  # fmt: skip


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize(
    "path", ["/rules/check", "/rules/preview", "/collect", "/watchlists", "/samples"]
)
@reading
async def test_s45_at_every_operation_that_takes_a_body(still: World, path: str, name: str) -> None:
    body = BAD[name]
    if path.startswith("/rules"):
        body = body[:60_000]
    headers = {"Content-Type": "application/json"}
    answer = await still.client.post(f"/api/v1{path}", content=body, headers=headers)
    judged(answer, 400, "malformed")


def test_what_is_just_within_the_bounds_is_read() -> None:
    for body in (b"[" * DEPTH_MAX + b"]" * DEPTH_MAX, b"[" + b"1" * 64 + b"]", b'{"a":{"a":1}}',
                 b"[" + b",".join([b"1"] * 10_000) + b"]", b'{"a":":","b":"{\\"c\\":1}"}',
                 b'"\\ud83d\\ude00"', '{"σ":"\U0001f600"}'.encode(), b"null"):  # fmt: skip
        check_json(body)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15)
    | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=30,
)  # fmt: skip


@given(VALUES)
def test_every_plain_value_is_read(value: object) -> None:
    check_json(msgspec.json.encode(value))


@given(st.dictionaries(st.text(max_size=5), VALUES, min_size=1), st.integers(0, 10))
def test_a_repeated_key_is_found_wherever_it_is(members: dict[str, object], depth: int) -> None:
    pairs = [msgspec.json.encode(name) + b":" + msgspec.json.encode(value)
             for name, value in members.items()]  # fmt: skip
    body = b"[" * depth + b"{" + b",".join([*pairs, pairs[0]]) + b"}" + b"]" * depth
    with pytest.raises(ProblemError, match="twice"):
        check_json(body)
