"""Records as a table: one row a record, every series named on each of its rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from sigmawatch.app.web.steps import Aggregate
from sigmawatch.app.web.tables import kinds_of
from sigmawatch.app.web.told_records import Record, Records
from sigmawatch.ports.table import Table

OF_STEPS = ("open", "high", "low", "close", "n")
OF_FAIL_OVERS = ("source",)


class RecordLine(Struct, frozen=True, kw_only=True):
    """A record with its series."""

    id: int
    name: str
    time: str
    value: float | None
    marks: str
    span: str | None
    source: str | None
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    n: int | None


def record_table(pages: Sequence[Records], fields: tuple[str, ...] | None) -> Table:
    """The records of all pages. fields: which columns; None for all that they have."""
    kinds = kinds_of(RecordLine)
    stepped = any(page.agg not in (None, Aggregate.LTTB) for page in pages)
    sourced = any(row.source is not None for page in pages for row in page.items)
    left_out = (() if stepped else OF_STEPS) + (() if sourced else OF_FAIL_OVERS)
    names = fields or tuple(name for name in kinds if name not in left_out)
    return Table(
        columns={name: [cell for page in pages for cell in _column(page, name)] for name in names},
        kinds={name: kinds[name] for name in names},
    )


def _column(page: Records, name: str) -> Sequence[Any]:
    if name in ("id", "name"):
        return [getattr(page, name)] * len(page.items)
    return [_cell(row, name) for row in page.items]


def _cell(row: Record, name: str) -> Any:
    return " ".join(row.marks) if name == "marks" else getattr(row, name)
