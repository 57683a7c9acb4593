"""`/healthz`, `/readyz`, the list of resources, and what each kind of problem means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import PathParameter
from msgspec import Meta, Struct

from sigmawatch import __version__
from sigmawatch.app.web.moments import moment_or_none
from sigmawatch.app.web.problems import KINDS, ProblemError, ProblemKind, fails
from sigmawatch.app.web.site import Site
from sigmawatch.domain.caller import Scope
from sigmawatch.domain.metric import METRICS


class Health(Struct, frozen=True, kw_only=True):
    """The process answers."""

    status: Annotated[str, Meta(description="Always ok.", examples=["ok"])]


class Ready(Struct, frozen=True, kw_only=True):
    """The program can be relied on."""

    status: Annotated[str, Meta(description="Always ok.", examples=["ok"])]
    slot_ended_at: Annotated[
        str | None,
        Meta(description="When the newest closed slot ended; null before the first.",
             examples=["2026-11-21T08:01:00.000Z"]),
    ]  # fmt: skip
    slot_age_s: Annotated[float | None, Meta(description="The same in seconds.", examples=[12.5])]


class Resource(Struct, frozen=True, kw_only=True):
    """One resource of the API."""

    path: Annotated[str, Meta(description="Where it is.", examples=["/api/v1/metrics"])]
    methods: Annotated[Sequence[str], Meta(description="What it takes.", examples=[["GET"]])]


class MeasuredMetric(Struct, frozen=True, kw_only=True):
    """One kind of measurement (SEMANTICS.md 1)."""

    name: Annotated[str, Meta(description="Its name.", examples=["price"])]
    kind: Annotated[str, Meta(description="level or flow.", examples=["level"])]
    unit: Annotated[str, Meta(description="What it counts.", examples=["quote_per_base"])]
    meaning: Annotated[str, Meta(description="In words.", examples=["last trade"])]


class Index(Struct, frozen=True, kw_only=True):
    """What this API offers."""

    name: Annotated[str, Meta(description="The program.", examples=["sigmawatch"])]
    version: Annotated[str, Meta(description="Its version.", examples=["0.1.0"])]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]
    documentation: Annotated[str, Meta(description="For people.", examples=["/docs"])]
    openapi: Annotated[str, Meta(description="For programs.", examples=["/openapi.json"])]
    resources: Annotated[Sequence[Resource], Meta(description="By path.")]
    metrics: Annotated[Sequence[MeasuredMetric], Meta(description="What can be tracked.")]


_METRICS = tuple(
    MeasuredMetric(name=metric.name, kind=metric.kind, unit=metric.unit, meaning=metric.meaning)
    for metric in METRICS.values()
)


@get("/", summary="The resources of this API", tags=["operations"], responses=fails(),
     opt={"scope": Scope.READ_METRICS})  # fmt: skip
async def show_index(site: NamedDependency[Site]) -> Index:
    """Also the metrics that can be tracked."""
    paths = site.contract().paths
    return Index(
        name="sigmawatch", version=__version__, demo=site.program.demo, documentation="/docs",
        openapi="/openapi.json", metrics=_METRICS,
        resources=tuple(Resource(path=path, methods=paths[path]) for path in paths),
    )  # fmt: skip


@get("/healthz", summary="Is the process alive", tags=["operations"], responses=fails(),
     opt={"scope": None})  # fmt: skip
async def show_health() -> Health:
    """Answers as long as the event loop turns."""
    return Health(status="ok")


@get("/readyz", summary="Can it be relied on", tags=["operations"], responses=fails(503),
     opt={"scope": None})  # fmt: skip
async def show_readiness(site: NamedDependency[Site]) -> Ready:
    """A 503 problem names what is waited for: the last day to be read back, the storage, venues,
    slots, notices."""
    if reasons := site.program.readiness():
        raise ProblemError("not-ready", "; ".join(reasons))
    boards = site.program.snapshot.boards.values()
    ended_ms = max((one.interval.open_ms(one.slot + 1) for one in boards), default=None)
    age_s = None if ended_ms is None else max(0, site.now_ms - ended_ms) / 1_000
    return Ready(status="ok", slot_ended_at=moment_or_none(ended_ms), slot_age_s=age_s)


@get("/problems/{slug:str}", summary="What a kind of problem means", tags=["operations"],
     responses=fails(404), opt={"scope": None})  # fmt: skip
async def show_problem(
    slug: Annotated[str, PathParameter(description="the last part of a problem's type")],
) -> ProblemKind:
    """The `type` of every problem leads here."""
    if slug not in KINDS:
        raise ProblemError("not-found", "no kind of problem has that name")
    return KINDS[slug]
