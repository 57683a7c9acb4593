"""Records as text, a row a line: CSV (RFC 4180, a missing value as an empty cell) and NDJSON.

UTF-8, times in RFC 3339. A name begins with a venue's letter, so no cell can begin a spreadsheet's
formula.
"""

from __future__ import annotations

import csv
import math
import os
from contextlib import suppress
from typing import TextIO

import msgspec
import numpy as np

from sigmawatch.domain.errors import Refused
from sigmawatch.ports.table import RecordRows

COLUMNS = ("id", "name", "time", "value", "marks", "span")
Row = tuple[int, str, str, float, str, str]


class LineWriter:
    """What both have in common. file: opened with newline="". keep_open: it is not ours to close,
    as the terminal."""

    def __init__(self, file: TextIO, *, keep_open: bool) -> None:
        self._file, self._keep_open = file, keep_open

    def row(self, row: Row) -> None:
        """A record. Raises OSError."""
        raise NotImplementedError

    def write(self, rows: RecordRows) -> None:
        times = np.datetime_as_string(rows.time_ms.astype("M8[ms]"), unit="ms").tolist()
        columns = zip(times, rows.value.tolist(), rows.marks, rows.span, strict=True)
        try:
            for time, value, marks, span in columns:
                self.row((rows.series_id, rows.name, f"{time}Z", value, marks, span))
        except OSError as exc:
            raise _refused(exc) from exc

    def close(self) -> None:
        try:
            self._file.flush()
            if not self._keep_open:
                os.fsync(self._file.fileno())
                self._file.close()
        except OSError as exc:
            raise _refused(exc) from exc

    def abandon(self) -> None:
        if not self._keep_open:
            with suppress(OSError):  # what is still in the buffer
                self._file.close()


class CsvWriter(LineWriter):
    """With a line of column names."""

    def __init__(self, file: TextIO, *, keep_open: bool) -> None:
        super().__init__(file, keep_open=keep_open)
        self._writer = csv.writer(file, lineterminator="\r\n")
        try:
            self._writer.writerow(COLUMNS)
        except OSError as exc:
            raise _refused(exc) from exc

    def row(self, row: Row) -> None:
        value = row[3]
        cell = "" if math.isnan(value) else repr(value)
        self._writer.writerow((*row[:3], cell, *row[4:]))


class NdjsonWriter(LineWriter):
    """An object a line, as the API writes them; null where a value is missing."""

    def row(self, row: Row) -> None:
        told = dict(zip(COLUMNS, row, strict=True)) | {"span": row[5] or None}  # NaN becomes null
        self._file.write(msgspec.json.encode(told).decode() + "\n")


def _refused(exc: OSError) -> Refused:
    return Refused(f"could not write the file ({exc.strerror})")
