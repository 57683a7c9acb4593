"""Answers as frames of pandas and Polars."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

import msgspec
import pytest
from tests.client.test_stream import a_table, delta

from sigmawatch.client import MissingLibrary, models, to_pandas, to_polars
from sigmawatch.client.watching import applied


def records(id: int, *rows: Any, agg: str | None = None) -> dict[str, Any]:
    return {
        "id": id, "name": f"X:A{id}/B:price", "slug": f"X:A{id}-B:price", "metric": "price",
        "kind": "level", "unit": "u", "interval": "1m", "step": "1m", "tier": "slots", "agg": agg,
        "begin": "2026-11-20T08:00:00.000Z", "end": "2026-11-21T08:00:00.000Z", "items": rows,
        "running": None, "next_cursor": None, "demo": True,
    }  # fmt: skip


FIRST = {"time": "2026-11-21T08:00:00.000Z", "value": 1.5, "marks": ["carried", "suspect"]}
SECOND = {"time": "2026-11-21T08:01:00.000Z", "value": None}
PLAIN = ["id", "name", "time", "value", "marks", "span"]
BARE = "2026-11-21 08:00:00+00:00"


def frames(answer: Any) -> list[tuple[str, Any]]:
    return [("pandas", answer.to_pandas()),
            *([("polars", answer.to_polars())] if _installed("polars") else ())]  # fmt: skip


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def cells(frame: Any, column: str) -> list[Any]:
    """Of either library; missing is None."""
    if hasattr(frame, "to_dicts"):
        return [row[column] for row in frame.to_dicts()]
    missing = frame[column].isna()
    return [None if none else value for value, none in zip(frame[column], missing, strict=True)]


def test_records_are_the_columns_of_their_csv() -> None:
    page = msgspec.convert(records(1, FIRST, SECOND), models.Records)
    for _, frame in frames(page):
        assert list(frame.columns) == PLAIN
        assert cells(frame, "value") == [1.5, None]
        assert cells(frame, "marks") == ["carried suspect", ""]
        assert cells(frame, "name") == ["X:A1/B:price"] * 2
        assert str(cells(frame, "time")[0]) == BARE


def test_steps_have_their_columns_too() -> None:
    step = {**FIRST, "open": 1.0, "high": 2.0, "low": 0.5, "close": 1.5, "n": 60}
    page = msgspec.convert(records(1, step, agg="ohlc"), models.Records)
    for _, frame in frames(page):
        assert list(frame.columns) == [*PLAIN, "open", "high", "low", "close", "n"]
        assert cells(frame, "n") == [60]


def test_records_of_several_series_tell_which_on_every_row() -> None:
    several = {"items": [records(1, FIRST), records(2, FIRST, SECOND)], "demo": True}
    for _, frame in frames(msgspec.convert(several, models.RecordsOfSeveral)):
        assert cells(frame, "id") == [1, 2, 2]


def test_a_page_without_rows_has_the_columns_and_types_of_one_with_rows() -> None:
    full = msgspec.convert(records(1, FIRST, SECOND), models.Records)
    empty = msgspec.convert(records(1), models.Records)
    for (_, one), (_, other) in zip(frames(full), frames(empty), strict=True):
        assert list(one.dtypes) == list(other.dtypes)


def test_rows_of_a_walk_become_one_frame() -> None:
    rows = [models.RankedSeries(id=n, name="a", slug="b", ranks=[1, None]) for n in (1, 2)]
    assert cells(to_pandas(iter(rows)), "id") == [1, 2]
    assert to_pandas([]).empty


def test_a_snapshot_is_its_columns() -> None:
    table = applied(a_table(), delta(1, latest=[[1], [2.5]], rank=[[1], [1]]))
    for _, frame in frames(table):
        assert cells(frame, "latest") == [None, 2.5]
        assert cells(frame, "rank") == [None, 1]
        assert cells(frame, "state") == ["fresh", "fresh"]


@pytest.mark.parametrize(("frame", "library"), [(to_pandas, "pandas"), (to_polars, "polars")])
def test_without_its_library_a_frame_says_what_to_install(
    frame: Any, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingLibrary, match=f"pip install {library}"):
        frame([models.Health(status="ok")])
