"""Records read back from Parquet and Arrow files, in the columns of adapters.tables.arrow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
from pyarrow import ipc, parquet

from sigmawatch.domain.errors import Refused
from sigmawatch.ports.table import FileRow

ROWS = 20_000  # at a time


def read_columns(path: Path, *, series: str = "") -> Iterator[FileRow]:
    """Batch by batch; page checksums are verified where there are some. Raises Refused."""
    try:
        for batch in _batches(path):
            yield from _rows(batch, path, series=series)
    except (OSError, pa.ArrowException) as exc:
        raise Refused(f"could not read {path} ({exc})") from exc


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    if path.suffix.lower() == ".parquet":
        with parquet.ParquetFile(path, page_checksum_verification=True) as file:
            yield from file.iter_batches(ROWS)
        return
    with pa.memory_map(str(path)) as source:
        reader = ipc.open_file(source)
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number)


def _rows(batch: pa.RecordBatch, path: Path, *, series: str) -> Iterator[FileRow]:
    columns = set(batch.schema.names)
    if not {"time", "value"} <= columns:
        raise Refused(f"{path}: needs the columns time and value")
    if "name" not in columns and not series:
        raise Refused(f"{path} does not say of which series it is: say so with --series")

    def told(name: str) -> list[object]:
        return batch.column(name).to_pylist() if name in columns else [None] * batch.num_rows

    time = batch.column("time")
    if pa.types.is_timestamp(time.type):
        time = time.cast(pa.timestamp("ms", tz=time.type.tz)).cast(pa.int64())
    plain = "" if "marks" in columns else "filled"
    rows = zip(told("name"), time.to_pylist(), told("value"), told("marks"), told("span"),
               strict=True)  # fmt: skip
    for name, at, value, marks, span in rows:
        yield FileRow(series=str(name or series), time=at, value=value,
                      marks=str(marks or plain), span=str(span or ""))  # fmt: skip
