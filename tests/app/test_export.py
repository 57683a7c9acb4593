"""`sigmawatch export`: what other programs read from the file is what was recorded."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pyarrow.ipc  # type: ignore[import-untyped]
import pyarrow.parquet  # type: ignore[import-untyped]
import pytest
import pytest_asyncio
from tests.app.test_cli import Done, _plain  # noqa: F401 - a fixture that is used by itself
from tests.app.test_sealing import DAY, DAYS, MINUTE, NOW, rigged, walk

from sigmawatch.app.cli import main
from sigmawatch.app.web.moments import rfc3339

FIRST = NOW - DAYS * DAY
RANGE = ("--from", rfc3339(MINUTE.open_ms(FIRST)), "--to", rfc3339(MINUTE.open_ms(NOW)))
VALUES = walk(DAYS * DAY)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine days of one series, most of them sealed."""
    folder = tmp_path_factory.mktemp("made")
    async with rigged(folder) as rig:
        await rig.sealer.run_once()
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """The same, for one test."""
    shutil.copytree(made / "data", tmp_path / "data")
    return tmp_path


def run(folder: Path, *arguments: str) -> Done:
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["sigmawatch", "export", *arguments])
        with pytest.raises(SystemExit) as ending:
            main()
    return Done(int(str(ending.value.code)), out.getvalue(), err.getvalue())


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"data"}


@pytest.mark.parametrize("written", ["parquet", "arrow"])
def test_a_table_holds_every_record_with_its_marks_across_pages(folder: Path, written: str) -> None:
    done = run(folder, "kraken:btc/usd:price", *RANGE, "--format", written, "--out", "x.table")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == f"x.table: {len(VALUES)} records"
    assert files(folder) == {"x.table"}
    path = str(folder / "x.table")
    table = (pyarrow.parquet.read_table(path) if written == "parquet"
             else pyarrow.ipc.open_file(path).read_all())  # fmt: skip
    assert table.column_names == ["id", "name", "time", "value", "marks", "span"]
    times = table["time"].to_numpy().astype("M8[ms]").astype(np.int64)
    assert times.tolist() == [MINUTE.open_ms(FIRST + slot) for slot in range(len(VALUES))]
    np.testing.assert_array_equal(table["value"].to_numpy(zero_copy_only=False), VALUES)
    missing = table.filter(table["value"].is_null())
    assert set(missing["marks"].to_pylist()) == {"outage"}
    assert set(table["name"].to_pylist()) == {"KRAKEN:BTC/USD:price"}


def test_csv_goes_to_the_terminal_and_says_the_same(folder: Path) -> None:
    done = run(folder, "1", *RANGE)
    assert (done.returncode, done.stderr) == (0, "")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    told = [float(row["value"]) if row["value"] else np.nan for row in rows]
    np.testing.assert_array_equal(told, VALUES)
    assert rows[0]["time"] == rfc3339(MINUTE.open_ms(FIRST))
    assert {(row["id"], row["span"]) for row in rows} == {("1", "")}


def test_ndjson_says_the_same_as_the_api_writes_it(folder: Path) -> None:
    done = run(folder, "1", *RANGE, "--format", "ndjson")
    assert (done.returncode, done.stderr) == (0, "")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    told = [np.nan if row["value"] is None else row["value"] for row in rows]
    np.testing.assert_array_equal(told, VALUES)
    assert rows[0] == {
        "id": 1, "name": "KRAKEN:BTC/USD:price", "time": rfc3339(MINUTE.open_ms(FIRST)),
        "value": VALUES[0], "marks": rows[0]["marks"], "span": None,
    }  # fmt: skip
    assert {row["marks"] for row in rows if row["value"] is None} == {"outage"}


def test_without_names_everything_tracked_is_exported(folder: Path) -> None:
    assert run(folder, *RANGE, "--out", "all.csv").returncode == 0
    lines = (folder / "all.csv").read_bytes().split(b"\r\n")
    assert (lines[0], len(lines)) == (b"id,name,time,value,marks,span", len(VALUES) + 2)


@pytest.mark.parametrize("written", ["csv", "ndjson", "parquet", "arrow"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nope:x-y:price", "--out", "x.csv"), "nope:x-y:price"),
        (("--from", "yesterday", "--out", "x.csv"), "yesterday"),
        (("--out", "no/such/folder.csv"), "No such file"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_no_file(
    folder: Path, arguments: tuple[str, ...], said: str, written: str
) -> None:
    done = run(folder, *arguments, "--format", written)
    assert done.returncode != 0
    assert said.lower() in done.stderr.lower()
    assert files(folder) == set()


def test_a_binary_table_is_not_for_a_terminal(folder: Path) -> None:
    done = run(folder, "--format", "parquet")
    assert done.returncode != 0
    assert "say where with --out" in done.stderr
