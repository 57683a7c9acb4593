"""`POST /metrics/{id}/records`: records of the past from elsewhere, where nothing is known yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.status_codes import HTTP_200_OK
from msgspec import Meta, Struct

from sigmawatch.app.importing import Record
from sigmawatch.app.web.asked import SeriesId
from sigmawatch.app.web.problems import fails
from sigmawatch.app.web.site import Site
from sigmawatch.domain.audit import Actor
from sigmawatch.domain.caller import Scope
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.frame import mark_named
from sigmawatch.domain.series import parse_series
from sigmawatch.domain.window import parse_span

RECORDS_MAX = 5_000


class NewRecord(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One record, as `records` tells it."""

    time_ms: Annotated[
        int, Meta(description="Open of its slot, since the epoch.", examples=[1_795_248_000_000])
    ]
    value: Annotated[float | None, Meta(description="Null where missing.", examples=[67284.1])]
    marks: Annotated[
        Annotated[str, Meta(max_length=100)],
        Meta(description="Why it is what it is; a blank between.", examples=["carried"]),
    ] = ""
    span: Annotated[
        Annotated[str, Meta(max_length=10)],
        Meta(description="Coarse: what it covers.", examples=["5m"]),
    ] = ""


class ImportBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Records of one series."""

    records: Annotated[
        Sequence[NewRecord],
        Meta(description="Oldest first.", min_length=1, max_length=RECORDS_MAX),
    ]
    dry_run: Annotated[
        bool, Meta(description="Only say what would be taken.", examples=[False])
    ] = False


class ImportedRecords(Struct, frozen=True, kw_only=True):
    """What became of them; a coarse one counts once for each slot that it covers."""

    taken: Annotated[int, Meta(description="Slots that were empty.", examples=[1_440])]
    known: Annotated[int, Meta(description="Slots that say so already.", examples=[0])]
    refused: Annotated[
        Mapping[str, int],
        Meta(description="Reason, count.", examples=[{"another value stands": 2}]),
    ]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


@post("/metrics/{id:str}/records", summary="Import records", tags=["metrics"],
      responses=fails(403, 404, 413, 415, 422, 503), status_code=HTTP_200_OK,
      opt={"scope": Scope.WRITE_INGEST, "cost": "ingest"})  # fmt: skip
async def import_records(
    site: NamedDependency[Site], actor: NamedDependency[Actor], id: SeriesId,
    data: JSONBody[ImportBody],
) -> ImportedRecords:  # fmt: skip
    """Takes what fills a gap; what stands is never replaced. Answers when it is on disk."""
    series = site.program.catalogue.find(parse_series(id))
    records = list(map(_record, data.records))
    imported = await site.program.import_records(series, records, dry_run=data.dry_run)
    if imported.taken and not data.dry_run:
        await site.access.auditing.note(actor.did("metric.import", series.name))
    return ImportedRecords(
        taken=imported.taken, known=imported.known, refused=dict(imported.refused),
        demo=site.program.demo,
    )  # fmt: skip


def _record(one: NewRecord) -> Record:
    try:
        return Record(time_ms=one.time_ms, value=one.value, mark=mark_named(one.marks.split()),
                      span_ms=parse_span(one.span) if one.span else 0)  # fmt: skip
    except Invalid as exc:
        raise Invalid(str(exc), field="records", allowed=exc.allowed) from exc
