"""Rows as tables: CSV, NDJSON, Parquet and Arrow of what a page holds, whatever it lists.

A table has the columns of its rows' type, in its order, or those that were asked for. Lists of
words stand in one cell with blanks between. In CSV (RFC 4180, UTF-8) a missing value is an empty
cell, and a text that a spreadsheet would take for a formula is quoted with an apostrophe.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct, inspect

from sigmawatch.ports.table import Cells, Table

_FORMULA_BEGINS = tuple("=+-@\t\r")
_MOMENTS = frozenset({"time", "slot", "from", "to"})


@cache
def kinds_of(row: type[Struct]) -> Mapping[str, Cells]:
    """Column -> kind, of rows of a type."""
    info = inspect.type_info(row)
    assert isinstance(info, inspect.StructType)
    return {field.encode_name: _kind(field.encode_name, field.type) for field in info.fields}


def _kind(name: str, told: inspect.Type) -> Cells:
    match told:
        case inspect.Metadata():
            return _kind(name, told.type)
        case inspect.UnionType():
            return _kind(name, next(t for t in told.types if not isinstance(t, inspect.NoneType)))
        case inspect.BoolType():
            return Cells.FLAG
        case inspect.IntType():
            return Cells.INTEGER
        case inspect.FloatType():
            return Cells.NUMBER
        case inspect.StrType() if name in _MOMENTS or name.endswith("_at"):
            return Cells.MOMENT
    return Cells.TEXT


def table_of(rows: Sequence[Struct], row: type[Struct], *, names: Iterable[str]) -> Table:
    """Some columns of `rows`, which are of the type `row`."""
    attributes = {one.encode_name: one.name for one in msgspec.structs.fields(row)}
    kinds = kinds_of(row)
    return Table(
        columns={n: [_cell(getattr(one, attributes[n])) for one in rows] for n in names},
        kinds={name: kinds[name] for name in names},
    )


def _cell(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    if isinstance(value, dict):
        return " ".join(f"{key}={told}" for key, told in value.items())
    return value


def csv_of(table: Table) -> bytes:
    """With a line of names before the rows."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(table.columns)
    written = [map(_WRITTEN[table.kinds[name]], column) for name, column in table.columns.items()]
    writer.writerows(zip(*written, strict=True))
    return text.getvalue().encode()


def ndjson_of(table: Table) -> bytes:
    """An object a line; null where a cell is empty."""
    rows = zip(*table.columns.values(), strict=True)
    encoder, names = msgspec.json.Encoder(), tuple(table.columns)
    return encoder.encode_lines([dict(zip(names, row, strict=True)) for row in rows])


def _number(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else repr(value)


def _plain(value: object) -> str:
    return "" if value is None else str(value)


def _flag(value: bool | None) -> str:
    return "" if value is None else str(value).lower()


def _inert(value: object) -> str:
    text = _plain(value)
    return f"'{text}" if text.startswith(_FORMULA_BEGINS) else text


_WRITTEN: Mapping[Cells, Callable[[Any], str]] = {
    Cells.INTEGER: _plain, Cells.NUMBER: _number, Cells.FLAG: _flag, Cells.TEXT: _inert,
    Cells.MOMENT: _plain,
}  # fmt: skip
