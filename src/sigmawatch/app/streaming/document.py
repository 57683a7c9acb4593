"""The snapshot of a table: all that its stream's deltas build on, encoded once for everybody."""

from __future__ import annotations

import gzip
from dataclasses import dataclass

import msgspec

from sigmawatch.app.moments import rfc3339
from sigmawatch.app.streaming.payloads import Columns, TableSnapshot
from sigmawatch.app.streaming.table import Table, Told, spoken
from sigmawatch.domain.metric import METRICS
from sigmawatch.domain.window import format_span

_FIGURES = tuple(
    name for name in Columns.__struct_fields__ if name not in {"id", "venue", "pair"}
)  # fmt: skip
_LEVEL = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One table at one moment as JSON, and compressed; name: of the moment."""

    name: str
    plain: bytes
    packed: bytes


def document(table: Table, told: Told, *, demo: bool) -> Document:
    """`told` of `table`, encoded; 5,000 rows take 60 ms, most of it to compress 1 MB."""
    plain = msgspec.json.encode(snapshot_of(table, told, demo=demo))
    packed = gzip.compress(plain, _LEVEL, mtime=0)
    return Document(name=told.name, plain=plain, packed=packed)


def snapshot_of(table: Table, told: Told, *, demo: bool) -> TableSnapshot:
    asked, standing = table.asked, table.asked.standing
    sheet = told.sheet
    figures = {
        name: spoken(name, sheet.columns[name], series=told.series) if sheet is not None else []
        for name in _FIGURES
    }
    columns = Columns(
        id=[one.id for one in told.series], venue=[one.market.venue for one in told.series],
        pair=[one.market.pair for one in told.series], **figures,
    )  # fmt: skip
    return TableSnapshot(
        epoch=told.epoch, sequence=told.sequence, time=rfc3339(told.made_ms),
        slot=table.slot(told), metric=standing.metric, unit=METRICS[standing.metric].unit,
        interval=str(standing.interval), by=standing.by, window=format_span(standing.window_ms),
        watchlist=asked.watchlist, of=sheet.of if sheet is not None else 0, total=told.total,
        page=asked.page, pages=told.pages, columns=columns, demo=demo,
    )  # fmt: skip
