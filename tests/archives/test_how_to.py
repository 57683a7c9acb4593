"""What docs/how-to/archive.md shows runs, and tells what was stored."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.archives.test_archives import SECTION, rows

from sigmawatch.adapters.archives.folder import FolderObjects
from sigmawatch.adapters.archives.parquet import ParquetArchive

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "archive.md"
MEANT = {one.name: one.value for one in rows(3)}


def shown(program: str) -> str:
    found = re.search(
        rf"<!-- tested: {program} -->\n```\w+\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL
    )
    assert found is not None
    return found[1]


@pytest.fixture(autouse=True)
async def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await ParquetArchive(FolderObjects(tmp_path / "archive")).store(SECTION, rows(3), revision=1)
    monkeypatch.chdir(tmp_path)


def test_the_line_for_duckdb() -> None:
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is in the bench profile: make bench")
    told = duckdb.sql(shown("duckdb")).fetchall()
    assert [row[0] for row in told] == sorted(MEANT)
    for name, count, mean, sigma in told:
        assert count == np.isfinite(MEANT[name]).sum()
        assert mean == pytest.approx(np.nanmean(MEANT[name]))
        assert sigma == pytest.approx(np.nanstd(MEANT[name]))


def test_the_line_for_polars() -> None:
    polars = pytest.importorskip("polars", reason="Polars is not installed here")
    told = eval(shown("polars"), {"polars": polars})
    assert told["name"].to_list() == sorted(MEANT)
    means = [np.nanmean(MEANT[name]) for name in sorted(MEANT)]
    np.testing.assert_allclose(told["value"].to_numpy(), means)


def test_the_line_for_pandas() -> None:
    told = eval(shown("pandas"), {"pandas": pd})
    for name, values in MEANT.items():
        np.testing.assert_array_equal(told[name].to_numpy(), values)
