"""Readings in JSON and NDJSON, as columns: a row that cannot be read is refused, its neighbours are
not.

Whole bodies are decoded at once; row by row only where something is wrong with one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import compress
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from sigmawatch.app.pushing.names import PUSHABLE
from sigmawatch.app.pushing.told import Refusals, Rows, Told
from sigmawatch.app.web.door.json_bounds import ITEMS_MAX, check_json
from sigmawatch.app.web.moments import ALLOWED, MOMENT_MAX_MS, parse_moment
from sigmawatch.app.web.problems import ProblemError
from sigmawatch.domain.errors import Invalid

FIELDS = "market, metric, time, value"
EXAMPLE = '{"market": "BTC/USD", "time": 1795248000000, "value": 67284.1}'
_SAID = re.compile(r"(?P<message>.*?)(?: - at `\$(?:\.(?P<field>\w+))?.*`)?", re.DOTALL)
_NAMED = re.compile(
    r"Object (?:missing required|contains unknown) field `(?P<field>.*)`", re.DOTALL
)


class Sample(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """One reading."""

    market: Annotated[
        Annotated[str, Meta(min_length=1, max_length=200)],
        Meta(description="BASE/QUOTE.", examples=["BTC/USD"]),
    ]
    value: Annotated[float, Meta(description="The number.", examples=[67284.1])]
    metric: Annotated[
        Annotated[str, Meta(max_length=32)],
        Meta(description=f"What was measured: {', '.join(PUSHABLE)}.", examples=["price"]),
    ] = "price"
    time: Annotated[
        Annotated[int, Meta(ge=0, le=MOMENT_MAX_MS)] | Annotated[str, Meta(max_length=40)] | None,
        Meta(description="When: milliseconds since the epoch, or RFC 3339; now, for null.",
             examples=[1_795_248_000_000]),
    ] = None  # fmt: skip


class SamplesBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Readings of any series."""

    samples: Annotated[
        Sequence[Sample], Meta(description="In any order.", min_length=1, max_length=ITEMS_MAX)
    ]


class _RawBody(Struct, frozen=True, forbid_unknown_fields=True):
    samples: list[msgspec.Raw]


_WHOLE = msgspec.json.Decoder(SamplesBody)
_RAW = msgspec.json.Decoder(_RawBody)
_ROW = msgspec.json.Decoder(Sample)


def read_json(body: bytes, *, now_ms: int) -> Told:
    """`{"samples": [...]}`, which is JSON within our bounds already. Raises Invalid where it is
    anything else, or holds nothing."""
    try:
        samples = _WHOLE.decode(body).samples
        return _told(range(len(samples)), samples, refusals=Refusals(), now_ms=now_ms)
    except msgspec.ValidationError:
        pass  # of a row, perhaps
    try:
        raw = _RAW.decode(body).samples
    except msgspec.ValidationError as exc:
        raise Invalid(_said(exc)[1], field="samples",
                      allowed=f'{{"samples": [{EXAMPLE}]}}') from exc  # fmt: skip
    if not raw:
        raise Invalid("must hold a reading", field="samples", allowed="1 to 10,000 readings")
    return _one_by_one(enumerate(raw), now_ms=now_ms)


def read_ndjson(body: bytes, *, now_ms: int, first: int = 0) -> Told:
    """An object a line; blank lines are passed over. index: of the line, from `first` on."""
    lines = [(index, line) for index, line in enumerate(body.split(b"\n"), first) if line.strip()]
    try:
        check_json(b"[" + b",".join([line for _, line in lines]) + b"]", items_max=len(lines))
        samples = _ROW.decode_lines(body)
    except (msgspec.DecodeError, ProblemError, UnicodeDecodeError):
        return _one_by_one(lines, now_ms=now_ms, checked=False)
    return _told([index for index, _ in lines], samples, refusals=Refusals(), now_ms=now_ms)


def _one_by_one(
    rows: Iterable[tuple[int, bytes | msgspec.Raw]], *, now_ms: int, checked: bool = True
) -> Told:
    """checked: they are JSON within our bounds already."""
    refusals = Refusals()
    indexes: list[int] = []
    samples: list[Sample] = []
    for index, row in rows:
        try:
            if not checked:
                check_json(bytes(row))
            samples.append(_ROW.decode(row))
            indexes.append(index)
        except msgspec.ValidationError as exc:
            field, reason = _said(exc)
            refusals.add(index, field, reason=reason, allowed=f"{FIELDS}, as {EXAMPLE}")
        except ProblemError:
            refusals.add(index, "line", reason="is no JSON that we take", allowed=EXAMPLE)
    return _told(indexes, samples, refusals=refusals, now_ms=now_ms)


def _told(
    indexes: Sequence[int], samples: Sequence[Sample], *, refusals: Refusals, now_ms: int
) -> Told:
    moments = _moments((one.time for one in samples), now_ms)
    wrong = {text for text, moment_ms in moments.items() if moment_ms is None}
    if wrong:
        for index, one in zip(indexes, samples, strict=True):
            if one.time in wrong:
                refusals.add(index, "time", reason="no moment", allowed=ALLOWED)
        good = [one.time not in wrong for one in samples]
        indexes, samples = list(compress(indexes, good)), list(compress(samples, good))
    rows = Rows(
        indexes, [(one.market, one.metric) for one in samples],
        [moments[one.time] if isinstance(one.time, str) else one.time for one in samples],
        [one.value for one in samples],
    )  # fmt: skip
    return rows.told(refusals, now_ms=now_ms)


def _moments(times: Iterable[object], now_ms: int) -> dict[str, int | None]:
    """Milliseconds of moments that are written as texts; None for what is none."""
    found: dict[str, int | None] = {}
    for text in {one for one in times if isinstance(one, str)}:
        try:
            found[text] = parse_moment(text, now_ms=now_ms, field="time")
        except Invalid:
            found[text] = None
    return found


def _said(exc: msgspec.ValidationError) -> tuple[str, str]:
    """The field that is wrong, and why, in our words."""
    found = _SAID.fullmatch(str(exc))
    assert found is not None
    message, field = found["message"], found["field"] or "row"
    if named := _NAMED.fullmatch(message):
        unknown = "unknown" in message
        return named["field"][:40], "unknown field" if unknown else "is required"
    return field, message.replace("Expected", "must be").replace("`", "").replace(", got", ", was")
