"""What every answer is made of: structs that a newer server's answers still fit.

Fields that we do not know are ignored; values that an enumeration of ours does not have are kept
as members of their own. Used by the modules in `v1`, which are generated.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from msgspec import Struct

from sigmawatch.client import frames

if TYPE_CHECKING:
    import pandas as pd

Row = TypeVar("Row")


class Open(StrEnum):
    """An enumeration that may have grown since: `Freshness("hibernating")` is a member, equal to
    its text, though none that we have a name for."""

    @classmethod
    def _missing_(cls, value: object) -> Open | None:
        if not isinstance(value, str):
            return None
        unknown = str.__new__(cls, value)
        unknown._name_, unknown._value_ = value.upper(), value
        return unknown

    def __reduce_ex__(self, _: object) -> tuple[type[Open], tuple[str]]:
        """By its value: Python before 3.11.4 looks members up by their names."""
        return type(self), (self._value_,)


class Framed(Struct, frozen=True, kw_only=True):
    """An answer that holds a table, as rows (`items`) or as `columns`."""

    def to_pandas(self) -> pd.DataFrame:
        """The rows as a pandas frame: moments in UTC, numbers that are not known as missing.
        Raises MissingLibrary without pandas."""
        frame: pd.DataFrame = frames.pandas_of(frames.table_of(self))
        return frame

    def to_polars(self) -> Any:
        """The rows as a `polars.DataFrame`. Raises MissingLibrary without Polars."""
        return frames.polars_of(frames.table_of(self))


class Page(Framed, Generic[Row], frozen=True, kw_only=True):
    """An answer that holds rows."""

    items: list[Row]


class Table(Struct, frozen=True, kw_only=True):
    """One page of a list, written in another format than JSON. next_cursor: what the page after is
    asked for with (`cursor`, or `before` where the operation has that)."""

    content: bytes
    media_type: str
    next_cursor: str | None = None
