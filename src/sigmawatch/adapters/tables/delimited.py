"""Records as CSV: RFC 4180, UTF-8, times in RFC 3339, a missing value as an empty cell.

A name begins with a venue's letter, so no cell can begin a spreadsheet's formula.
"""

from __future__ import annotations

import csv
import math
import os
from contextlib import suppress
from typing import TextIO

import numpy as np

from sigmawatch.domain.errors import Refused
from sigmawatch.ports.table import RecordRows

COLUMNS = ("id", "name", "time", "value", "marks", "span")


class CsvWriter:
    """Writes to a text file that was opened with newline="". keep_open: it is not ours to close,
    as the terminal."""

    def __init__(self, file: TextIO, *, keep_open: bool) -> None:
        self._file, self._keep_open = file, keep_open
        self._writer = csv.writer(file, lineterminator="\r\n")
        self._row(COLUMNS)

    def _row(self, row: tuple[object, ...]) -> None:
        try:
            self._writer.writerow(row)
        except OSError as exc:
            raise _refused(exc) from exc

    def write(self, rows: RecordRows) -> None:
        times = np.datetime_as_string(rows.time_ms.astype("M8[ms]"), unit="ms").tolist()
        columns = zip(times, rows.value.tolist(), rows.marks, rows.span, strict=True)
        for time, value, marks, span in columns:
            cell = "" if math.isnan(value) else repr(value)
            self._row((rows.series_id, rows.name, f"{time}Z", cell, marks, span))

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


def _refused(exc: OSError) -> Refused:
    return Refused(f"could not write the file ({exc.strerror})")
