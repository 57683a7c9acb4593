"""Files of records: a writer per format, what reads all of them back, and other tables as bytes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from sigmawatch.adapters.tables.delimited import CsvWriter, NdjsonWriter
from sigmawatch.adapters.tables.reading import read_csv, read_ndjson
from sigmawatch.domain.errors import Refused
from sigmawatch.ports.table import FileRow, Table, TableWriter

_LINES = {"csv": CsvWriter, "ndjson": NdjsonWriter}


def table_writer(path: Path | None, *, kind: str) -> TableWriter:
    """What writes records as csv, ndjson, parquet or arrow to `path`; to standard output without
    one (the first two). Raises Refused."""
    if (lines := _LINES.get(kind)) is not None:
        if path is None:
            return lines(sys.stdout, keep_open=True)
        try:
            return lines(path.open("w", newline="", encoding="utf-8"), keep_open=False)
        except OSError as exc:
            raise Refused(f"could not write {path} ({exc.strerror})") from exc
    assert path is not None
    try:
        from sigmawatch.adapters.tables.arrow import ArrowWriter  # noqa: PLC0415
    except ModuleNotFoundError as exc:
        raise _needs(exc, kind) from exc
    return ArrowWriter(path, kind=kind)


def table_rows(path: Path, *, series: str = "") -> Iterator[FileRow]:
    """The rows of a file, streamed, by its ending: .csv, .ndjson or .jsonl, .parquet, .arrow or
    .feather. series: whose they are where the file does not say. Raises Refused."""
    match path.suffix.lower():
        case ".csv":
            return read_csv(path, series=series)
        case ".ndjson" | ".jsonl":
            return read_ndjson(path, series=series)
        case ".parquet" | ".arrow" | ".feather" as ending:
            try:
                from sigmawatch.adapters.tables.arrow_reading import (  # noqa: PLC0415
                    read_columns,
                )
            except ModuleNotFoundError as exc:
                raise _needs(exc, ending) from exc
            return read_columns(path, series=series)
        case _:
            raise Refused(f"{path}: not a file of records (.csv, .ndjson, .parquet, .arrow)")


def table_bytes(table: Table, *, kind: str) -> bytes:
    """A table as a whole parquet or arrow file. Raises Refused where pyarrow is not installed."""
    try:
        from sigmawatch.adapters.tables.arrow_bytes import encoded  # noqa: PLC0415
    except ModuleNotFoundError as exc:
        raise _needs(exc, kind) from exc
    return encoded(table, kind=kind)


def _needs(exc: ModuleNotFoundError, kind: str) -> Refused:
    return Refused(f"{kind} needs {exc.name}, which is not installed: "
                   "pip install 'sigmawatch[arrow]'")  # fmt: skip
