"""Records as Parquet or as an Arrow file (Feather 2), for DuckDB, Polars, pandas, Spark.

Columns: id int64, name, time (timestamp in ms, UTC), value float64 with nulls where missing, marks
and span. Parquet pages carry checksums, and a row group holds some dozen series of a day, so that
who asks for one reads little else. pyarrow is the extra `arrow`; who imports this module has asked
for it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
from pyarrow import ipc, parquet

from sigmawatch.domain.errors import Refused
from sigmawatch.ports.table import RecordRows

ROWS_AT_ONCE = 65_536  # a row group, some 5 MB in memory
SCHEMA = pa.schema([
    pa.field("id", pa.int64(), nullable=False),
    pa.field("name", pa.string(), nullable=False),
    pa.field("time", pa.timestamp("ms", tz="UTC"), nullable=False),
    pa.field("value", pa.float64()),
    pa.field("marks", pa.string(), nullable=False),
    pa.field("span", pa.string()),
])  # fmt: skip


def batch(rows: RecordRows) -> pa.RecordBatch:
    """The records as Arrow holds them."""
    count = len(rows.time_ms)
    time = pa.array(rows.time_ms.astype("M8[ms]")).cast(SCHEMA.field("time").type)
    columns = [
        pa.array(np.full(count, rows.series_id, np.int64)),
        pa.array([rows.name] * count, pa.string()), time,
        pa.array(rows.value, mask=np.isnan(rows.value)),
        pa.array(rows.marks, pa.string()),
        pa.array([span or None for span in rows.span], pa.string()),
    ]  # fmt: skip
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


class ArrowWriter:
    """Writes one file. kind: parquet or arrow."""

    def __init__(self, path: Path, *, kind: str) -> None:
        self._path, self._kind, self._count = path, kind, 0
        self._waiting: list[pa.RecordBatch] = []
        try:
            self._file = path.open("wb")
        except OSError as exc:
            raise _refused(path, exc) from exc
        if kind == "parquet":
            self._writer = parquet.ParquetWriter(
                self._file, SCHEMA, compression="zstd", write_page_checksum=True
            )
        else:
            options = ipc.IpcWriteOptions(compression="zstd")
            self._writer = ipc.new_file(self._file, SCHEMA, options=options)

    def write(self, rows: RecordRows) -> None:
        self._waiting.append(batch(rows))
        self._count += len(rows.time_ms)
        if sum(len(one) for one in self._waiting) >= ROWS_AT_ONCE:
            try:
                self._flush()
            except OSError as exc:
                raise _refused(self._path, exc) from exc

    def _flush(self) -> None:
        table, self._waiting = pa.Table.from_batches(self._waiting, SCHEMA), []
        self._writer.write_table(table.combine_chunks())

    def close(self) -> None:
        try:
            self._flush()
            self._writer.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            held = self._held()
        except OSError as exc:
            raise _refused(self._path, exc) from exc
        if held != self._count:
            raise Refused(f"{self._path} holds {held} records of {self._count}: check the disk")

    def abandon(self) -> None:
        with suppress(OSError, pa.ArrowException):
            self._writer.close()  # it would write its end later, to a file that is gone
        with suppress(OSError):
            self._file.close()

    def _held(self) -> int:
        """How many records a reader finds in the file."""
        if self._kind == "parquet":
            return int(parquet.read_metadata(self._path).num_rows)
        with pa.memory_map(str(self._path)) as source:
            reader = ipc.open_file(source)
            return sum(reader.get_batch(n).num_rows for n in range(reader.num_record_batches))


def _refused(path: Path, exc: OSError) -> Refused:
    return Refused(f"could not write {path} ({exc.strerror or exc})")
