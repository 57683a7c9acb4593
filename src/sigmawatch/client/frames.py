"""Rows as frames of pandas or Polars, which are imported when they are asked for.

The columns are those of the CSV: a column a field, several marks in one text, every record with its
series. Moments are in UTC; what is not known is missing.
"""

from __future__ import annotations

import importlib
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from sigmawatch.client.errors import MissingLibrary

if TYPE_CHECKING:
    import pandas as pd

_OF_SERIES = ("id", "name")
_OF_STEPS = ("open", "high", "low", "close", "n")
_OF_FAIL_OVERS = ("source",)
_PANDAS: Mapping[type, str] = {
    float: "float64", int: "Int64", bool: "boolean", str: "string", datetime: "datetime64[ms, UTC]",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Name -> values, and name -> what they are; object for what is no single value."""

    values: Mapping[str, Sequence[Any]]
    kinds: Mapping[str, type]


def table_of(page: Any) -> Columns:
    """The rows of an answer with `items`, or its `columns`. Records, of one series or of several,
    tell their series on every row."""
    if hasattr(page, "columns"):
        return _columns(page.columns)
    if hasattr(page, "running"):
        return _records([page])
    if page.items and hasattr(page.items[0], "running"):
        return _records(page.items)
    return rows_of(page.items, _row_type(page.__class__))


def rows_of(rows: Iterable[Any], kind: type | None = None) -> Columns:
    """The columns of any rows of one type. kind: which; needed where there may be none."""
    held = list(rows)
    if kind is None and not held:
        return Columns(values={}, kinds={})
    kinds = _kinds(kind or type(held[0]))
    if not kinds:  # plain values
        return Columns(values={"value": held}, kinds={"value": object})
    values = {
        told: [_cell(getattr(row, name)) for row in held] for told, (name, _) in kinds.items()
    }
    return Columns(values=values, kinds={told: of for told, (_, of) in kinds.items()})


def to_pandas(rows: Iterable[Any]) -> pd.DataFrame:
    """Rows of one type, as those of `client.iter_metrics()`, as a pandas frame. Raises
    MissingLibrary."""
    frame: pd.DataFrame = pandas_of(rows_of(rows))
    return frame


def to_polars(rows: Iterable[Any]) -> Any:
    """The same as a `polars.DataFrame`. Raises MissingLibrary."""
    return polars_of(rows_of(rows))


def pandas_of(columns: Columns) -> Any:
    """A pandas.DataFrame. Raises MissingLibrary."""
    pandas = _library("pandas", "to_pandas")
    return pandas.DataFrame({
        name: pandas.Series(
            pandas.to_datetime(values, utc=True) if columns.kinds[name] is datetime else values,
            dtype=_PANDAS.get(columns.kinds[name], "object"),
        )
        for name, values in columns.values.items()
    })  # fmt: skip


def polars_of(columns: Columns) -> Any:
    """A polars.DataFrame. Raises MissingLibrary."""
    polars = _library("polars", "to_polars")
    kinds = {
        float: polars.Float64, int: polars.Int64, bool: polars.Boolean, str: polars.String,
        datetime: polars.Datetime("ms", "UTC"),
    }  # fmt: skip
    return polars.DataFrame([
        polars.Series(name, values, dtype=kinds.get(columns.kinds[name], polars.Object))
        for name, values in columns.values.items()
    ])  # fmt: skip


def _library(name: str, method: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as exc:
        raise MissingLibrary(f"{method}() needs {name}: pip install {name}") from exc


def _records(pages: Sequence[Any]) -> Columns:
    """As app.web.record_tables writes them."""
    stepped = any(page.agg is not None and page.agg != "lttb" for page in pages)
    found = [rows_of(page.items, _row_type(page.__class__)) for page in pages]
    kinds: dict[str, type] = {"id": int, "name": str}
    for one in found:
        kinds |= one.kinds
    sourced = any(cell is not None for one in found for cell in one.values.get("source", ()))
    left_out = (() if stepped else _OF_STEPS) + (() if sourced else _OF_FAIL_OVERS)
    kept = {name: of for name, of in kinds.items() if name not in left_out}
    values: dict[str, list[Any]] = {name: [] for name in kept}
    for page, one in zip(pages, found, strict=True):
        for name, cells in values.items():
            of_series = name in _OF_SERIES
            cells += [getattr(page, name)] * len(page.items) if of_series else one.values[name]
    return Columns(values=values, kinds=kept)


def _columns(found: Any) -> Columns:
    """Of a snapshot, which holds them as they are."""
    hints = typing.get_type_hints(found.__class__)
    kinds = {name: _kind(typing.get_args(hint)[0]) for name, hint in hints.items()}
    return Columns(values={name: getattr(found, name) for name in kinds}, kinds=kinds)


def _cell(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return " ".join(value)
    return str(value) if isinstance(value, str) else value  # members of an enumeration, too


@cache
def _row_type(page: type) -> type | None:
    """What `items` is a list of."""
    hint = typing.get_type_hints(page).get("items")
    return next(iter(typing.get_args(hint)), None)


@cache
def _kinds(row: type) -> Mapping[str, tuple[str, type]]:
    """The name that is told -> the name it has with us, and what it is."""
    if not issubclass(row, msgspec.Struct):
        return {}
    return {one.encode_name: (one.name, _kind(one.type)) for one in msgspec.structs.fields(row)}


def _kind(hint: Any) -> type:
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        kinds = {_kind(one) for one in typing.get_args(hint) if one is not type(None)}
        return kinds.pop() if len(kinds) == 1 else object
    if typing.get_origin(hint) is list:
        return str if typing.get_args(hint) == (str,) else object
    if isinstance(hint, type) and issubclass(hint, str):
        return str
    return hint if hint in _PANDAS else object
