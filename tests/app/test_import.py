"""`sigmawatch import`: what was exported comes back as it was, and what stands is not replaced."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from tests.app.doubles import market
from tests.app.test_cli import Done, _plain  # noqa: F401 - a fixture that is used by itself
from tests.app.test_sealing import DAY, DAYS, MINUTE, NOW, rigged, walk
from tests.contracts.samples import patch, store

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.app.cli import main
from sigmawatch.app.cli.importing import moment_ms
from sigmawatch.app.importing import _share
from sigmawatch.app.web.moments import rfc3339
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.frame import Flag, Reason, mark_named, mark_names

FIRST = NOW - DAYS * DAY
RANGE = ("--from", rfc3339(MINUTE.open_ms(FIRST)), "--to", rfc3339(MINUTE.open_ms(NOW)))
SERIES = "KRAKEN:BTC-USD:price"
CONFIG = "track = []\n[history]\nraw_days = 36500\n"


async def tracked(folder: Path) -> None:
    """A data folder in which the same series is tracked, with nothing in it."""
    ledger = await SqliteLedger.open(folder / "data", clock=VirtualClock(0))
    async with ledger.transaction() as transaction:
        await transaction.catalogue.add(market("BTC"), "price", interval=MINUTE, origin="api")
    await ledger.close()
    (folder / "sigmawatch.toml").write_text(CONFIG)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine days of one series, most of them sealed, a coarse hour among them; and an empty folder
    beside them."""
    folder = tmp_path_factory.mktemp("made")
    async with rigged(folder) as rig:
        coarse = Reason.OBSERVED | Flag.COARSE | Flag.FILLED
        await store(rig.ledger, patch(
            FIRST + 5_020, values=[7.25] * 60, marks=[coarse] * 60, made_slot=NOW,
        ))  # fmt: skip
        await rig.sealer.run_once()
    (folder / "sigmawatch.toml").write_text(CONFIG)
    await tracked(folder / "empty")
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """The same, for one test."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path


def run(folder: Path, *arguments: str) -> Done:
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patched, redirect_stdout(out), redirect_stderr(err):
        patched.chdir(folder)
        patched.setattr(sys, "argv", ["sigmawatch", *arguments])
        try:
            main()
        except SystemExit as ending:
            return Done(int(str(ending.code)), out.getvalue(), err.getvalue())
    raise AssertionError("it did not end")


def told(folder: Path, *arguments: str, code: int = 0) -> Any:
    done = run(folder, "import", *arguments, "--json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def exported(folder: Path, name: str) -> bytes:
    done = run(folder, "export", *RANGE, "--out", name, "--format", name.partition(".")[2])
    assert (done.returncode, done.stderr) == (0, "")
    return (folder / name).read_bytes()


@pytest.mark.parametrize("name", ["all.csv", "all.ndjson", "all.parquet", "all.arrow"])
def test_what_was_exported_comes_back_as_the_same_records(folder: Path, name: str) -> None:
    exported(folder, name)
    before = exported(folder, "before.csv")
    empty = folder / "empty"
    found = told(empty, f"../{name}")
    assert (found["known"], found["refused"]) == (0, {})
    assert found["taken"] == DAYS * DAY
    assert exported(empty, "after.csv") == before
    assert b"7.25,coarse filled,1h" in before


def test_importing_again_changes_nothing_and_a_dry_run_says_so_before(folder: Path) -> None:
    exported(folder, "all.csv")
    empty = folder / "empty"
    assert told(empty, "../all.csv", "--dry-run")["taken"] == DAYS * DAY
    assert told(empty, "../all.csv")["taken"] == DAYS * DAY
    before = exported(empty, "before.csv")
    again = told(empty, "../all.csv")
    assert (again["taken"], again["known"], again["refused"]) == (0, DAYS * DAY, {})
    assert exported(empty, "after.csv") == before


def lines(folder: Path, rows: Sequence[str], *, name: str = "x.csv") -> None:
    (folder / name).write_text("\n".join(rows))


def at(slot: int) -> str:
    return rfc3339(MINUTE.open_ms(FIRST + slot))


def test_a_plain_file_says_whose_it_is_and_what_stands_is_never_replaced(folder: Path) -> None:
    values = walk(DAYS * DAY).tolist()
    lines(folder, [
        "time,value", f"{at(3)},{values[3]!r}", f"{at(4)},1.5",  # known; something else stands
        f"{MINUTE.open_ms(FIRST + 5_000)},12.5",  # in the hole
    ])  # fmt: skip
    assert run(folder, "import", "x.csv").returncode == 1  # whose?
    found = told(folder, "x.csv", "--series", SERIES, code=3)
    assert found == {
        "rows": 3, "taken": 1, "known": 1, "refused": {"another value stands": 1}, "dry_run": False,
    }  # fmt: skip
    records = exported(folder, "after.csv").decode().splitlines()
    assert records[1 + 5_000].endswith(f"{at(5_000)},12.5,filled,")
    assert records[1 + 4].endswith(f"{at(4)},{values[4]!r},,")


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("{at},1_000", "value: not understood"),
        ("{at},nan", "value: not understood"),
        ("{at},\u0661", "value: not understood"),
        ("{at},1e400", "value: not understood"),
        ("yesterday,1", "time: not understood"),
        ("2025-02-11T00:00:00,1", "time: not understood"),
        ("{at},-1", "not a number that the metric can have"),
        ("{at},0", "not a number that the metric can have"),
        ("{at},", "no value"),
        ("2025-02-11T00:00:30Z,1", "not on whole slots"),
        ("2099-01-01T00:00:00Z,1", "not over yet"),
        ("{before},1", "out of order, or twice"),
    ],
)
def test_a_row_that_cannot_be_is_counted_by_its_reason(folder: Path, row: str, why: str) -> None:
    stamp = {"at": at(5_001), "before": at(5_000)}
    lines(folder, ["time,value", f"{at(5_000)},1.5", row.format(**stamp), f"{at(5_002)},2.5"])
    found = told(folder, "x.csv", "--series", SERIES, code=3)
    assert (found["taken"], found["refused"]) == (2, {why: 1})


def test_lines_of_json_are_read_and_unknown_series_are_counted(folder: Path) -> None:
    rows = [
        {"name": "KRAKEN:BTC/USD:price", "time": at(5_000), "value": 3.5},
        {"name": "KRAKEN:BTC/USD:price", "time": at(5_001), "value": 3.5, "marks": ["carried"]},
        {"name": "KRAKEN:NO/USD:price", "time": at(5_001), "value": 3.5},
    ]
    lines(folder, list(map(json.dumps, rows)), name="x.ndjson")
    found = told(folder, "x.ndjson", code=3)
    assert found["taken"] == 2
    assert found["refused"] == {"KRAKEN:NO/USD:price is not tracked": 1}
    assert b",3.5,carried," in exported(folder, "after.csv")


def test_a_file_of_another_shape_is_refused_whole(folder: Path) -> None:
    lines(folder, ["when,price", "1,2"])
    assert run(folder, "import", "x.csv", "--series", SERIES).returncode == 1
    lines(folder, ["x"], name="x.txt")
    assert run(folder, "import", "x.txt").returncode == 1
    assert run(folder, "import", "nothing.csv").returncode == 1
    lines(folder, ["not parquet"], name="x.parquet")
    assert run(folder, "import", "x.parquet").returncode == 1


@given(st.floats(1e-9, 1e12), st.integers(2, 60))
def test_a_coarse_flow_tells_its_total_again(share: float, count: int) -> None:
    assert _share(share * count, count) * count == share * count


def test_a_mark_is_read_back_from_its_words() -> None:
    for reason in Reason:
        for flags in range(16):
            mark = reason | flags << 4
            said = mark_named(mark_names(mark))
            assert mark_names(said) == mark_names(mark)
    for wrong in (["fine"], ["carried", "outage", "no_trades"], ["suspect", "pending"]):
        with pytest.raises(Invalid):
            mark_named(wrong)


def test_moments_are_read_to_the_millisecond() -> None:
    assert moment_ms("1970-01-01T00:00:01.5Z") == moment_ms("1500") == moment_ms(1_500) == 1_500
    assert moment_ms("1970-01-01T01:00:00+01:00") == 0
    with pytest.raises(Invalid):
        moment_ms("1970-01-01T00:00:00.0001Z")


async def test_a_running_program_shows_what_was_imported_at_once(tmp_path: Path) -> None:
    from tests.web.conftest import a_world

    async with a_world(tmp_path / "data") as world:
        await world.pass_slots(3)
        [series] = [one for one in world.program.catalogue.series
                    if one.market.name == "KRAKEN:BTC/USD"]  # fmt: skip
        empty_ms = MINUTE.open_ms(world.slot - 10)
        body = {"records": [{"time_ms": empty_ms, "value": 5.0, "marks": "filled"}]}
        path = f"/api/v1/metrics/{series.id}/records"
        answer = await world.client.post(path, json=body)
        assert (answer.status_code, answer.json()["taken"]) == (200, 1)
        told = await world.get(f"/metrics/{series.id}/records", **{"from": empty_ms})
        assert told["items"][0] == {"time": rfc3339(empty_ms), "value": 5.0, "marks": ["filled"]}
        assert (await world.client.post(path, json=body)).json()["known"] == 1
