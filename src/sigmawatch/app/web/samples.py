"""`POST /samples`: readings pushed in, as JSON, NDJSON or InfluxDB line protocol.

What can be taken is taken, and answered when it is on disk; what cannot is told row by row. Lines
are taken while they come, a piece after the other as if each were a body of its own.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from litestar import Request, post
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter
from litestar.status_codes import HTTP_200_OK
from msgspec import Meta, Struct

from sigmawatch.app.pushing.lines import EXAMPLE as EXAMPLE_LINE
from sigmawatch.app.pushing.lines import read_lines
from sigmawatch.app.pushing.push import Taken
from sigmawatch.app.pushing.told import DETAILS_MAX, Refusals, Told
from sigmawatch.app.web.door.framing import STREAMED_BYTES_MAX
from sigmawatch.app.web.door.json_bounds import check_json
from sigmawatch.app.web.problems import FieldError, ProblemError, clip, fails, problem_of
from sigmawatch.app.web.sample_lines import pieces, whole
from sigmawatch.app.web.sample_rows import EXAMPLE, SamplesBody, read_json, read_ndjson
from sigmawatch.app.web.site import Site
from sigmawatch.domain.audit import Actor
from sigmawatch.domain.caller import Scope
from sigmawatch.domain.errors import Invalid, SigmawatchError
from sigmawatch.domain.window import Interval, parse_span

JSON, NDJSON, LINES = "application/json", "application/x-ndjson", "text/plain"
MADE_MAX = 100  # names of new series in an answer, and in the audit log


class Precision(StrEnum):
    """What times in line protocol count."""

    NS = "ns"
    US = "us"
    MS = "ms"
    S = "s"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedSamples:
    """Query of `POST /samples`."""

    every: Annotated[
        str | None,
        QueryParameter(description="how long a slot of these series is, as 1m; the configured "
                       "interval without it", max_length=10),
    ] = None  # fmt: skip
    precision: Annotated[
        Precision, QueryParameter(description="of times in line protocol: ns, us, ms, s")
    ] = Precision.NS


class RefusedSample(Struct, frozen=True, kw_only=True):
    """A reading that was not taken."""

    index: Annotated[int, Meta(description="Its row or line, from 0.", examples=[3])]
    field: Annotated[str, Meta(description="What is wrong.", examples=["value"])]
    reason: Annotated[str, Meta(description="Why.", examples=["must be above zero"])]
    allowed: Annotated[
        str | None, Meta(description="What would do.", examples=["a number above zero"])
    ] = None


class TakenSamples(Struct, frozen=True, kw_only=True):
    """What became of a body. All that was taken is on disk."""

    taken: Annotated[int, Meta(description="Readings on disk now.", examples=[998])]
    late: Annotated[
        int,
        Meta(description="Of those, for slots over for more than 2 slots: they change history, and "
             "raise no alert.", examples=[0]),
    ]  # fmt: skip
    made: Annotated[
        Sequence[str],
        Meta(description=f"Series tracked from now on; {MADE_MAX} are named at most.",
             examples=[["PUSH:BTC/USD:price"]]),
    ]  # fmt: skip
    made_count: Annotated[int, Meta(description="How many those are.", examples=[1])]
    refused_count: Annotated[int, Meta(description="Readings not taken.", examples=[2])]
    reasons: Annotated[
        Mapping[str, int],
        Meta(description="Reason, count.", examples=[{"must be above zero": 2}]),
    ]
    refused: Annotated[
        Sequence[RefusedSample],
        Meta(description=f"The first {DETAILS_MAX} of them."),
    ]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


@post("/samples", summary="Push readings in", tags=["collection"], status_code=HTTP_200_OK,
      responses=fails(403, 408, 413, 415, 422, 503),
      dependencies={"asked": Provide(AskedSamples, sync_to_thread=False)},
      request_max_body_size=STREAMED_BYTES_MAX,
      opt={"scope": Scope.WRITE_INGEST, "cost": "ingest", "media_types": (JSON, NDJSON, LINES),
           "streamed": (NDJSON, LINES),
           "body": {JSON: SamplesBody, NDJSON: EXAMPLE, LINES: EXAMPLE_LINE}})  # fmt: skip
async def push_samples(
    request: Request[Any, Any, Any], site: NamedDependency[Site], actor: NamedDependency[Actor],
    asked: NamedDependency[AskedSamples],
) -> TakenSamples:  # fmt: skip
    """Answers when what was taken is on disk: 200 where anything was, with the reason for each row
    that was not; 422 where nothing could be. A series that nobody told of before is tracked from
    then on, at the venue of `[push]`, as long as `series_max` allows. Lines may have 100 MB, and
    are stored while they come: an error says which of them are."""
    interval = _interval(site, asked.every)
    taken = Taken(count=0, late_count=0, made=(), refusals=Refusals())
    stored_to = 0
    try:
        async with aclosing(_read(request, site, precision=asked.precision)) as parts:
            async for told, to in parts:
                taken = taken.and_then(await _take(site, told, interval=interval, actor=actor))
                stored_to = to
    except SigmawatchError as exc:
        if not stored_to:
            raise
        raise _broken_off(problem_of(request, exc), taken, at=stored_to) from exc
    if not taken.count and not taken.refusals.count:
        raise Invalid("holds no reading", field="body", allowed="at least one")
    if not taken.count:
        raise _nothing_taken(taken)
    return _answer(taken, demo=site.program.demo)


def _interval(site: Site, text: str | None) -> Interval:
    if text is None:
        return site.program.config.interval
    try:
        return Interval(parse_span(text))
    except Invalid as exc:
        raise Invalid(str(exc), field="every", allowed=exc.allowed or "1s to 1h, as 1m") from exc


async def _read(
    request: Request[Any, Any, Any], site: Site, *, precision: str
) -> AsyncGenerator[tuple[Told, int], None]:
    """What a body says, piece by piece, each with the index of the line after it. Raises Invalid,
    ProblemError for what is no body of readings."""
    media_type = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if media_type == JSON:
        body = await whole(request.stream())
        if not body.strip():
            raise Invalid("is required", field="body", allowed="readings")
        check_json(body)
        yield read_json(body, now_ms=site.now_ms), 0
        return
    async for piece in pieces(request.stream()):
        if piece.first and (drawn := request.scope["state"]["draw_again"]()) is not None:
            request.scope["state"]["draws"][-1] = drawn
        if media_type == NDJSON:
            told = read_ndjson(piece.content, now_ms=site.now_ms, first=piece.first)
        else:
            told = read_lines(piece.content, now_ms=site.now_ms, precision=precision,
                              first=piece.first)  # fmt: skip
        yield told, piece.end


async def _take(site: Site, told: Told, *, interval: Interval, actor: Actor) -> Taken:
    taken = await site.program.push.take(told, interval=interval)
    if taken.made:
        names = ", ".join(one.name for one in taken.made[:MADE_MAX])
        more = len(taken.made) - MADE_MAX
        names += f" and {more} more" if more > 0 else ""
        await site.access.auditing.note(actor.did("metric.track", names))
    return taken


def _broken_off(problem: ProblemError, taken: Taken, *, at: int) -> ProblemError:
    """The lines before index `at` of a body were taken."""
    detail = (f"{problem}; of the lines before index {at} {taken.count:,} readings are stored: "
              "push again from there on")  # fmt: skip
    return ProblemError(problem.slug, detail, errors=problem.errors, headers=problem.headers)


def _nothing_taken(taken: Taken) -> ProblemError:
    """The first refusals, as what must change."""
    refusals = taken.refusals
    errors = [
        FieldError(field=f"{one.index}.{clip(one.field)}", message=one.reason,
                   allowed=one.allowed or None)
        for one in refusals.first
    ]  # fmt: skip
    (reason, _), *_ = refusals.by_reason.most_common(1)
    return ProblemError("invalid-value", f"none of {refusals.count:,} readings was taken: {reason}",
                        errors=errors)  # fmt: skip


def _answer(taken: Taken, *, demo: bool) -> TakenSamples:
    refusals = taken.refusals
    return TakenSamples(
        taken=taken.count, late=taken.late_count,
        made=tuple(one.name for one in taken.made[:MADE_MAX]), made_count=len(taken.made),
        refused_count=refusals.count, reasons=dict(refusals.by_reason),
        refused=tuple(
            RefusedSample(index=one.index, field=clip(one.field), reason=one.reason,
                          allowed=one.allowed or None)
            for one in refusals.first
        ),
        demo=demo,
    )  # fmt: skip
