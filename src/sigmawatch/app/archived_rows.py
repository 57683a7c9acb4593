"""A sealed section as records: what `records`, `export` and the archive tell of its slots.

A run of equal coarse values is one record with its span: "never drawn or exported as minutes"
(SEMANTICS.md 2).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from sigmawatch.domain.frame import REASON_MASK, Flag, Reason, mark_names
from sigmawatch.domain.metric import METRICS, Kind
from sigmawatch.domain.window import Interval, format_span
from sigmawatch.engine.geometry import Column, Marks, Rows
from sigmawatch.ports.history import Folded
from sigmawatch.ports.table import RecordRows

_WORDS = tuple(
    " ".join(mark_names(mark)) if mark & REASON_MASK in set(Reason) else "" for mark in range(256)
)


def all_rows(whole: Folded, *, names: Mapping[int, str]) -> Iterator[RecordRows]:
    """The records of every series of a section, one after the other. names: of its series."""
    for k, series_id in enumerate(whole.series_ids):
        yield rows_of(whole, k, name=names[series_id])


def rows_of(whole: Folded, k: int, *, name: str) -> RecordRows:
    """The records of the k-th series of a section."""
    block, interval = whole.section.block, whole.section.block.interval
    values, marks = (
        np.ascontiguousarray(whole.values[:, k]),
        np.ascontiguousarray(whole.marks[:, k]),
    )
    begins = record_begins(values, marks)
    widths = np.diff(np.append(begins, len(values)))
    told = values[begins]
    if METRICS[block.metric].kind is Kind.FLOW:  # a coarse flow stands as span value / slots
        told = told * widths
    return RecordRows(
        series_id=whole.series_ids[k], name=name,
        time_ms=(whole.section.from_slot + begins.astype(np.int64)) * interval.ms, value=told,
        marks=[_WORDS[mark] for mark in marks[begins].tolist()],
        span=_spans(marks[begins], widths, interval=interval),
    )  # fmt: skip


def _spans(marks: Marks, widths: Rows, *, interval: Interval) -> list[str]:
    spans = [""] * len(marks)
    for row in np.flatnonzero(marks & Flag.COARSE).tolist():
        spans[row] = format_span(int(widths[row]) * interval.ms)
    return spans


def record_begins(values: Column, marks: Marks) -> Rows:
    """Where each record begins: at every slot but those that go on with an equal coarse value,
    which is told once, with its span (SEMANTICS.md 2)."""
    if not len(values):
        return np.empty(0, np.intp)
    coarse = (marks & Flag.COARSE) != 0
    goes_on = coarse[1:] & (marks[1:] == marks[:-1]) & (values[1:] == values[:-1])
    return np.flatnonzero(np.concatenate(([True], ~goes_on)))
