"""Readings in JSON and NDJSON, as columns: a row that cannot be read is refused, its neighbours are
not.

Whole bodies are decoded at once; row by row only where something is wrong with one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from sigmawatch.app.pushing.names import PUSHABLE
from sigmawatch.app.pushing.told import Refusals, Row, Told
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


class Sample(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
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
        return _told(enumerate(_WHOLE.decode(body).samples), Refusals(), now_ms=now_ms)
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


def read_ndjson(body: bytes, *, now_ms: int) -> Told:
    """An object a line; blank lines are passed over. index: of the line."""
    lines = [(index, line) for index, line in enumerate(body.split(b"\n")) if line.strip()]
    try:
        check_json(b"[" + b",".join(line for _, line in lines) + b"]", items_max=len(lines))
        samples = _ROW.decode_lines(body)
    except (msgspec.DecodeError, ProblemError, UnicodeDecodeError):
        return _one_by_one(lines, now_ms=now_ms, checked=False)
    indexes = (index for index, _ in lines)
    return _told(zip(indexes, samples, strict=True), Refusals(), now_ms=now_ms)


def _one_by_one(
    rows: Iterable[tuple[int, bytes | msgspec.Raw]], *, now_ms: int, checked: bool = True
) -> Told:
    """checked: they are JSON within our bounds already."""
    refusals = Refusals()

    def read() -> Iterator[tuple[int, Sample]]:
        for index, row in rows:
            try:
                if not checked:
                    check_json(bytes(row))
                yield index, _ROW.decode(row)
            except msgspec.ValidationError as exc:
                field, reason = _said(exc)
                refusals.add(index, field, reason=reason, allowed=f"{FIELDS}, as {EXAMPLE}")
            except ProblemError:
                refusals.add(index, "line", reason="is no JSON that we take", allowed=EXAMPLE)

    return _told(read(), refusals, now_ms=now_ms)


def _told(samples: Iterable[tuple[int, Sample]], refusals: Refusals, *, now_ms: int) -> Told:
    moments: dict[str, int | None] = {}  # as they are written; None for what is none

    def rows() -> Iterator[Row]:
        for index, one in samples:
            time = one.time
            if isinstance(time, str):
                if time not in moments:
                    moments[time] = _moment_ms(time, now_ms)
                time = moments[time]
                if time is None:
                    refusals.add(index, "time", reason="no moment", allowed=ALLOWED)
                    continue
            yield index, (one.market, one.metric), time, one.value

    return Told.of(rows(), refusals, now_ms=now_ms)


def _moment_ms(text: str, now_ms: int) -> int | None:
    try:
        return parse_moment(text, now_ms=now_ms, field="time")
    except Invalid:
        return None


def _said(exc: msgspec.ValidationError) -> tuple[str, str]:
    """The field that is wrong, and why, in our words."""
    found = _SAID.fullmatch(str(exc))
    assert found is not None
    message, field = found["message"], found["field"] or "row"
    if named := _NAMED.fullmatch(message):
        unknown = "unknown" in message
        return named["field"][:40], "unknown field" if unknown else "is required"
    return field, message.replace("Expected", "must be").replace("`", "").replace(", got", ", was")
