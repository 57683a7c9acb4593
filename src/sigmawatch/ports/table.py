"""The table port: records of series written to a file that other programs read, and any other rows
as one file in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRows:
    """Records of one series, oldest first.

    time_ms: int64[n], opens, milliseconds since the epoch. value: float64[n], NaN where missing.
    marks: n texts, the words of why it is what it is, with a blank between. span: of a coarse
    record what it covers, as 5m, else empty.
    """

    series_id: int
    name: str
    time_ms: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    marks: Sequence[str]
    span: Sequence[str]

    def __post_init__(self) -> None:
        assert len(self.time_ms) == len(self.value) == len(self.marks) == len(self.span)


class FileRow(NamedTuple):
    """A row of a file from elsewhere, as it stands there. time: RFC 3339, or milliseconds since the
    epoch; value: a number, or its text; None or empty where missing. marks, span: as in
    RecordRows."""

    series: str
    time: object
    value: object
    marks: str
    span: str


class Cells(StrEnum):
    """What a column is made of."""

    INTEGER = "integer"
    NUMBER = "number"
    FLAG = "flag"
    TEXT = "text"
    MOMENT = "moment"  # RFC 3339 in UTC with milliseconds, as text


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows in columns, all equally long; None where a cell is empty. kinds: of every column."""

    columns: Mapping[str, Sequence[Any]]
    kinds: Mapping[str, Cells]

    def __post_init__(self) -> None:
        assert self.columns.keys() == self.kinds.keys()
        assert len({len(column) for column in self.columns.values()}) <= 1


class TableWriter(Protocol):
    """One file in the making. What is written is in it once it is closed."""

    def write(self, rows: RecordRows) -> None:
        """More records; they are not kept in memory. Raises Refused where they cannot be
        written."""
        ...

    def close(self) -> None:
        """Finish the file, synced, and see that it holds what was written. Raises Refused."""
        ...

    def abandon(self) -> None:
        """Give back what is held; the file is of no use."""
        ...
