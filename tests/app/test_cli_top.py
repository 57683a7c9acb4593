"""`sigmawatch top`: the table that the running program's stream tells of."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from tests.app.test_cli import (  # noqa: F401 - fixtures that are used by themselves
    FAST,
    Folder,
    _plain,
    double,
)

from sigmawatch.app.cli.top import ranked


@pytest.fixture
def folder(tmp_path: Path, double: dict[str, str]) -> Folder:  # noqa: F811
    """With short slots, so that there is soon something new."""
    made = Folder(tmp_path, double)
    made.configure(double, more=f"{FAST}\npoll_offset_s = 0.2")
    file = tmp_path / "sigmawatch.toml"
    file.write_text('interval = "5s"\n' + file.read_text("utf-8"), "utf-8")
    return made


def test_top_shows_every_change_of_the_stream_in_the_order_of_the_ranks(folder: Folder) -> None:
    """Each is the delta after the one before: nothing is asked for twice, and nothing left out."""
    with folder.running():
        done = folder.run("top", "--times", "3", "--json")
        assert (done.returncode, done.stderr) == (0, "")
        told = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(told) == 3
        for before, after in pairwise(told):
            begun = before["epoch"] != after["epoch"]  # once, where the first slot came between
            assert begun or after["sequence"] == before["sequence"] + 1
        assert {one["metric"] for one in told} == {"price"}
        for one in told:
            ranks = [row["rank"] for row in one["items"]]
            assert ranks == sorted(ranks)
        shown = folder.run("top", "--times", "1", "--by", "sigma_ret")
        assert "price by sigma_ret over 24h" in shown.stdout
        wrong = folder.run("top", "--times", "1", "--window", "3h")
        assert (wrong.returncode, "allowed: 24h, 1h" in wrong.stderr) == (2, True), wrong.stderr


def test_top_needs_a_program_that_runs(folder: Folder) -> None:
    done = folder.run("top")
    assert done.returncode == 1
    assert "no program runs on data: start one with `sigmawatch run`" in done.stderr


def test_what_has_no_rank_is_not_at_the_top() -> None:
    columns = {name: ["a", "b", "c", "d"] for name in (
        "venue", "pair", "latest", "change_pct", "sigma_rel", "sigma_ret", "sigma_abs", "surge",
        "rank_1h_ago", "state",
    )} | {"rank": [3, None, 1, 2]}  # fmt: skip
    assert [row["pair"] for row in ranked(columns, 2)] == ["c", "d"]
    assert [row["rank"] for row in ranked(columns, 9)] == [1, 2, 3]
