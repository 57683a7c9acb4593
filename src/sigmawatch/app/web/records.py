"""`/metrics/{id}/records`: the history of one series, or of several, by slot or by step.

Every slot of the range is a row: its open time, its value, and the marks that say why it is what
it is. A run of equal coarse values is one row with its span: it is never told as minutes. The
running slot stands apart, in `running`. A walk keeps the range of its first page, and the step;
what is revised meanwhile is told as it is when its page is read. By step (app.web.steps) every step
is a row; the newest one holds what is closed of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Protocol

import numpy as np
from litestar import Request, Response, get
from litestar.datastructures import ResponseHeader
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter
from msgspec.structs import replace

from sigmawatch.app.archived_rows import record_begins
from sigmawatch.app.fail_over import sources
from sigmawatch.app.past import HOT_MS
from sigmawatch.app.web import cursors
from sigmawatch.app.web.asked import AskedTable, SeriesId
from sigmawatch.app.web.boards import live_of, newest_slot, series_named
from sigmawatch.app.web.formats import Listing, written
from sigmawatch.app.web.marks import MARKS
from sigmawatch.app.web.moments import parse_moment, rfc3339, rfc3339_column
from sigmawatch.app.web.picked_points import count_asked, pick
from sigmawatch.app.web.problems import fails
from sigmawatch.app.web.record_tables import RecordLine, record_table
from sigmawatch.app.web.site import Site
from sigmawatch.app.web.steps import (
    POINTS_MAX,
    Aggregate,
    Stepping,
    Steps,
    aggregate_asked,
    step_asked,
)
from sigmawatch.app.web.told_records import Record, Records, RecordsOfSeveral
from sigmawatch.domain.caller import Scope
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.frame import Flag
from sigmawatch.domain.metric import Kind
from sigmawatch.domain.series import Series, parse_series
from sigmawatch.domain.window import DAY_MS, format_span
from sigmawatch.engine.rollups import Rollups

SERIES_MAX = 100
ETAG = ResponseHeader(name="etag", documentation_only=True, description="For If-None-Match")


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedRecords(AskedTable):
    """Query of `/metrics/{id}/records`. With a cursor, the range of the first page stands."""

    from_: Annotated[
        str | None,
        QueryParameter(name="from", description="RFC 3339, milliseconds or -6h; a day before `to`",
                  max_length=40),
    ] = None  # fmt: skip
    to: Annotated[
        str | None,
        QueryParameter(description="RFC 3339, milliseconds or -6h; else the newest", max_length=40),
    ] = None
    limit: Annotated[
        int,
        QueryParameter(description="slots or steps a page, of each series", ge=1, le=POINTS_MAX),
    ] = 10_000
    step: Annotated[
        str | None, QueryParameter(description="width of a record, as 5m, 1h or 1d", max_length=10)
    ] = None
    points: Annotated[
        int | None,
        QueryParameter(description="or the least step that makes no more", ge=1, le=POINTS_MAX),
    ] = None
    agg: Annotated[
        Aggregate | None,
        QueryParameter(
            description="what of a step; else last, and of flows the sum. lttb picks `points`"
        ),
    ] = None
    cursor: Annotated[
        str | None,
        QueryParameter(
            description="next_cursor of the page before; its range and step stand", max_length=500
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedSeveral(AskedRecords):
    """Query of `/metrics/records`."""

    ids: Annotated[
        str,
        QueryParameter(description=f"1 to {SERIES_MAX} ids or names, by comma", max_length=8_000),
    ]


class Ranged(Protocol):
    """A query that may say from when to when."""

    @property
    def from_(self) -> str | None: ...

    @property
    def to(self) -> str | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Slots [first, stop) to tell."""

    first: int
    stop: int


@get("/metrics/{id:str}/records", summary="History of a series", tags=["metrics"],
     responses=fails(404, 422), response_headers=[ETAG],
     dependencies={"asked": Provide(AskedRecords, sync_to_thread=False)},
     opt={"scope": Scope.READ_METRICS, "cost": "query"})  # fmt: skip
async def show_records(
    request: Request[Any, Any, Any],
    site: NamedDependency[Site],
    id: SeriesId,
    asked: NamedDependency[AskedRecords],
) -> Response[Records]:
    """The last 24 hours by default, slot by slot; `step` or `points` for less. As a table with
    `format=` or `Accept`."""
    series = site.program.catalogue.find(parse_series(id))
    _keep(request, site, asked=asked, found=[series])
    if asked.cursor is not None:
        page = await _continued(series, asked.cursor, site=site, limit=asked.limit)
    else:
        page = await _told(series, asked, site=site, limit=asked.limit)
    listing = Listing(
        page=page, row=RecordLine, name=page.slug, table=partial(record_table, [page])
    )
    return await written(request, listing, asked=asked)


@get("/metrics/records", summary="History of several series", tags=["metrics"],
     responses=fails(422), response_headers=[ETAG],
     dependencies={"asked": Provide(AskedSeveral, sync_to_thread=False)},
     opt={"scope": Scope.READ_METRICS, "cost": "query"})  # fmt: skip
async def list_records(
    request: Request[Any, Any, Any],
    site: NamedDependency[Site],
    asked: NamedDependency[AskedSeveral],
) -> Response[RecordsOfSeveral]:
    """The first page of each; 50,000 slots at most in all, so `limit` shrinks with many series."""
    if asked.cursor is not None:
        raise Invalid("a cursor continues one series", field="cursor",
                      allowed="none here; use it at /metrics/{id}/records")  # fmt: skip
    found = series_named(site, asked.ids, count_max=SERIES_MAX)
    _keep(request, site, asked=asked, found=found)
    most = POINTS_MAX // len(found)
    pages = [
        await _told(series, asked, site=site, limit=min(asked.limit, most), most=most)
        for series in found
    ]
    listing = Listing(
        page=RecordsOfSeveral(items=tuple(pages), demo=site.program.demo), row=RecordLine,
        name="records", table=partial(record_table, pages),
    )  # fmt: skip
    return await written(request, listing, asked=asked)


def range_asked(series: Series, asked: Ranged, *, site: Site) -> Range:
    """The closed slots that open in [from, to). Raises Invalid where from is after to."""
    interval, now_ms = series.interval, site.aged_ms
    closed = newest_slot(site.snapshot(), interval)
    running = interval.slot(now_ms) if closed is None else closed + 1
    to_ms = interval.open_ms(running)
    if asked.to is not None:
        to_ms = min(to_ms, parse_moment(asked.to, now_ms=now_ms, field="to"))
    from_ms = max(0, to_ms - DAY_MS)
    if asked.from_ is not None:
        from_ms = parse_moment(asked.from_, now_ms=now_ms, field="from")
        if asked.to is not None and from_ms > parse_moment(asked.to, now_ms=now_ms, field="to"):
            raise Invalid("the range ends before it begins", field="from", allowed="before `to`")
    stop = -(-to_ms // interval.ms)
    return Range(first=min(-(-from_ms // interval.ms), stop), stop=stop)


def _keep(
    request: Request[Any, Any, Any], site: Site, *, asked: AskedRecords, found: Sequence[Series]
) -> None:
    """What is all in memory stays as it is until something comes in; a range that begins or ends
    so long ago moves with the second."""
    if asked.cursor is not None or not found:
        return
    oldest_ms = min(
        one.interval.open_ms(range_asked(one, asked, site=site).first) for one in found
    )  # fmt: skip
    if oldest_ms >= site.now_ms - HOT_MS:
        empty = any(newest_slot(site.snapshot(), one.interval) is None for one in found)
        ranged = asked.from_ is not None or asked.to is not None
        site.same_for_all(request, aged=ranged or empty)


async def _continued(series: Series, cursor: str, *, site: Site, limit: int) -> Records:
    walk, place = cursors.unpack(("records", series.id), cursor)
    stop, _, rest = walk.partition(" ")
    wanted = Range(first=place, stop=int(stop[:15]) if stop.isdigit() else -1)
    if rest:
        stepping = Stepping.read(rest, interval=series.interval)
        wanted = Range(first=place * stepping.step_ms // series.interval.ms, stop=wanted.stop)
        if wanted.first <= wanted.stop:
            return await _stepped(series, wanted, stepping=stepping, site=site, limit=limit)
    elif wanted.first <= wanted.stop:
        return await _page(series, wanted, site=site, limit=limit)
    raise Invalid("that cursor is not one of this query's", field="cursor")


async def _told(
    series: Series, asked: AskedRecords, *, site: Site, limit: int, most: int = POINTS_MAX
) -> Records:
    """The first page of what was asked for. most: points of a line, where it is one."""
    wanted, interval = range_asked(series, asked, site=site), series.interval
    if asked.agg is Aggregate.LTTB:
        count = count_asked(step=asked.step, points=asked.points, most=most)
        return await _line(series, wanted, site=site, count=count)
    span_ms = (wanted.stop - wanted.first) * interval.ms
    step_ms = step_asked(interval, step=asked.step, points=asked.points, span_ms=span_ms)
    if step_ms is None:
        return await _page(series, wanted, site=site, limit=limit)
    agg = aggregate_asked(series.kind, asked.agg)
    step_ms = await site.program.past.known_width_ms(
        series, width_ms=step_ms, from_slot=wanted.first
    )
    stepping = Stepping(step_ms=step_ms, agg=agg)
    return await _stepped(series, wanted, stepping=stepping, site=site, limit=limit)


async def _stepped(
    series: Series, wanted: Range, *, stepping: Stepping, site: Site, limit: int
) -> Records:
    interval, past, step_ms = series.interval, site.program.past, stepping.step_ms
    steps = Steps.over(step_ms, from_ms=interval.open_ms(wanted.first),
                       to_ms=interval.open_ms(wanted.stop))  # fmt: skip
    page = steps.up_to(limit)
    to_slot = min(page.stop * step_ms // interval.ms, wanted.stop)
    runs = await past.runs(
        series, width_ms=step_ms, from_slot=min(page.first * step_ms // interval.ms, to_slot),
        to_slot=to_slot,
    )  # fmt: skip
    cursor = None
    if page.stop < steps.stop:
        walk = f"{wanted.stop} {stepping.written()}"
        cursor = cursors.pack(("records", series.id), walk=walk, place=page.stop)
    tier_ms = past.tier_ms(series, step_ms)
    return Records(
        id=series.id, name=series.name, slug=series.slug, metric=series.metric,
        kind=series.kind.kind, unit=series.kind.unit, interval=str(interval),
        step=format_span(step_ms), tier="slots" if tier_ms is None else format_span(tier_ms),
        agg=stepping.agg, begin=rfc3339(page.first * step_ms),
        end=rfc3339(interval.open_ms(to_slot)),
        items=await _sourced(
            site, series, rows=_step_rows(page, runs, agg=stepping.agg),
            steps=_Steps(
                at=range(page.first, page.stop), width_ms=step_ms,
                slots=(min(page.first * step_ms // interval.ms, to_slot), to_slot),
            ),
        ),
        next_cursor=cursor,
        running=live_of(site.snapshot(), series), demo=site.program.demo,
    )  # fmt: skip


def _step_rows(steps: Steps, runs: Rollups, *, agg: Aggregate) -> Sequence[Record]:
    columns = {name: column.tolist() for name, column in steps.spread(runs).items()}
    values = {Aggregate.MEAN: "mean", Aggregate.SUM: "sum"}.get(agg, "close")
    extremes = agg in (Aggregate.MINMAX, Aggregate.OHLC)
    ends = agg is Aggregate.OHLC
    times = rfc3339_column(np.arange(steps.first, steps.stop) * steps.step_ms)
    return tuple(
        Record(
            time=time, value=columns[values][row], marks=MARKS[mark], n=int(columns["n"][row]),
            open=columns["open"][row] if ends else None,
            high=columns["high"][row] if extremes else None,
            low=columns["low"][row] if extremes else None,
            close=columns["close"][row] if ends else None,
        )
        for row, (time, mark) in enumerate(zip(times, steps.flags(runs).tolist(), strict=True))
    )  # fmt: skip


async def _line(series: Series, wanted: Range, *, site: Site, count: int) -> Records:
    """The points that make the line's look."""
    interval = series.interval
    picked = await pick(
        site.program.past, series, slots=(wanted.first, wanted.stop), count=count
    )  # fmt: skip
    rows = zip(rfc3339_column(picked.time_ms), picked.value.tolist(), picked.marks.tolist(),
               strict=True)  # fmt: skip
    return Records(
        id=series.id, name=series.name, slug=series.slug, metric=series.metric,
        kind=series.kind.kind, unit=series.kind.unit, interval=str(interval),
        step=format_span(picked.width_ms),
        tier="slots" if picked.tier_ms is None else format_span(picked.tier_ms),
        agg=Aggregate.LTTB, begin=rfc3339(interval.open_ms(wanted.first)),
        end=rfc3339(interval.open_ms(wanted.stop)),
        items=await _sourced(
            site, series,
            rows=[Record(time=t, value=value, marks=MARKS[mark]) for t, value, mark in rows],
            steps=_Steps(
                at=(picked.time_ms // picked.width_ms).tolist(), width_ms=picked.width_ms,
                slots=(wanted.first, wanted.stop),
            ),
        ),
        running=live_of(site.snapshot(), series), next_cursor=None, demo=site.program.demo,
    )  # fmt: skip


async def _page(series: Series, wanted: Range, *, site: Site, limit: int) -> Records:
    stop = min(wanted.stop, wanted.first + limit)
    found = await site.program.stretch(series, from_slot=wanted.first, to_slot=stop)
    values = np.frombuffer(found.values, "<f8")
    marks = np.frombuffer(found.marks, np.uint8)
    begins = record_begins(values, marks)
    if stop < wanted.stop and len(begins) > 1 and marks[begins[-1]] & Flag.COARSE:
        stop, begins = wanted.first + int(begins[-1]), begins[:-1]  # whole on the next page
        values, marks = values[: stop - wanted.first], marks[: stop - wanted.first]
    cursor = None
    if stop < wanted.stop:
        cursor = cursors.pack(("records", series.id), walk=str(wanted.stop), place=stop)
    interval = series.interval
    return Records(
        id=series.id, name=series.name, slug=series.slug, metric=series.metric,
        kind=series.kind.kind, unit=series.kind.unit, interval=str(interval), step=str(interval),
        tier="slots", agg=None,
        begin=rfc3339(interval.open_ms(wanted.first)), end=rfc3339(interval.open_ms(stop)),
        items=await _sourced(
            site, series,
            rows=_rows(series, wanted.first, values=values, marks=marks, begins=begins),
            steps=_Steps(at=(wanted.first + begins).tolist(), width_ms=interval.ms,
                         slots=(wanted.first, stop)),
        ),
        running=live_of(site.snapshot(), series), next_cursor=cursor, demo=site.program.demo,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Steps:
    """at: of which step of `width_ms` each row is, by its number; slots: first and stop of all."""

    at: Iterable[int]
    width_ms: int
    slots: tuple[int, int]


async def _sourced(
    site: Site, series: Series, *, rows: Iterable[Record], steps: _Steps
) -> Sequence[Record]:
    """Records with the market that each is of, where the series is a fail-over."""
    if not series.stitched:
        return tuple(rows)
    found = await sources(site.program, series, width_ms=steps.width_ms, slots=steps.slots)
    return tuple(
        replace(row, source=found.get(number)) for row, number in zip(rows, steps.at, strict=True)
    )


def _rows(
    series: Series, first: int, *, values: np.ndarray[Any, Any], marks: np.ndarray[Any, Any],
    begins: np.ndarray[Any, Any],
) -> Sequence[Record]:  # fmt: skip
    interval = series.interval
    widths = np.diff(np.append(begins, len(values)))
    told = values[begins]
    if series.kind.kind is Kind.FLOW:  # a coarse flow stands as span value / slots
        told = told * widths
    times = rfc3339_column((first + begins) * interval.ms)
    return tuple(
        Record(time=time, value=value, marks=MARKS[mark],
               span=format_span(width * interval.ms) if mark & Flag.COARSE else None)
        for time, value, mark, width in zip(
            times, told.tolist(), marks[begins].tolist(), widths.tolist(), strict=True
        )
    )  # fmt: skip
