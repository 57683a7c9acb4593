"""Records read back from text: CSV as `export` writes it or as `time,value`, and JSON lines.

Row by row, so a file's size does not matter. Nothing is judged here but the shape: what a row says
is as the file has it (ports.table.FileRow). Raises Refused.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import msgspec

from sigmawatch.domain.errors import Refused
from sigmawatch.ports.table import FileRow

LINE_CHARS_MAX = 10_000


def read_csv(path: Path, *, series: str = "") -> Iterator[FileRow]:
    """With a line of column names, of which `time` and `value` are needed."""
    with _opened(path) as file:
        rows = csv.DictReader(_lines(file, path))
        columns = set(rows.fieldnames or ())
        _refuse_shape(path, columns, series=series)
        for row in rows:
            yield _row(row, plain="marks" not in columns, series=series)


def read_ndjson(path: Path, *, series: str = "") -> Iterator[FileRow]:
    """An object a line, as in `records`' items, with the `name` of its series."""
    with _opened(path) as file:
        for number, line in enumerate(_lines(file, path), start=1):
            if not line.strip():
                continue
            try:
                row = msgspec.json.decode(line, type=dict[str, Any])
            except msgspec.DecodeError as exc:
                raise Refused(f"{path}, line {number}: {exc}") from exc
            _refuse_shape(path, set(row), series=series)
            marks = row.get("marks")
            told = row | {"marks": " ".join(map(str, marks)) if isinstance(marks, list) else marks}
            yield _row(told, plain="marks" not in row and "span" not in row, series=series)


def _row(row: Mapping[str, Any], *, plain: bool, series: str) -> FileRow:
    return FileRow(
        series=str(row.get("name") or series), time=row["time"], value=row["value"],
        marks="filled" if plain else str(row.get("marks") or ""), span=str(row.get("span") or ""),
    )  # fmt: skip


def _refuse_shape(path: Path, columns: set[str], *, series: str) -> None:
    if not {"time", "value"} <= columns:
        raise Refused(f"{path}: needs the columns time and value")
    if "name" not in columns and not series:
        raise Refused(f"{path} does not say of which series it is: say so with --series")


def _lines(file: TextIO, path: Path) -> Iterable[str]:
    try:
        while line := file.readline(LINE_CHARS_MAX):
            if len(line) == LINE_CHARS_MAX:
                raise Refused(f"{path}: a line of more than {LINE_CHARS_MAX} characters")
            yield line
    except (OSError, UnicodeDecodeError) as exc:
        raise Refused(f"could not read {path} ({exc})") from exc


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    try:
        file = path.open(newline="", encoding="utf-8-sig")
    except OSError as exc:
        raise Refused(f"could not read {path} ({exc.strerror})") from exc
    with file:
        yield file
