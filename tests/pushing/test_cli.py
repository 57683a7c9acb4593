"""`sigmawatch push`: readings from files and from what another program writes."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.app.test_cli import _plain  # noqa: F401 - a fixture that is used by itself
from tests.app.test_import import run

from sigmawatch.app.cli.pushing import BODY_BYTES, Format, Part, read_parts

LINES = "# mine\nBTC/USD price=1,bid=2\nETH/USD price=0\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sigmawatch.toml").write_text("track = []\n")
    return tmp_path


def told(folder: Path, *arguments: str, code: int = 0) -> Any:
    done = run(folder, "push", *arguments, "--json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def test_files_of_each_kind_are_pushed_and_bad_rows_named(folder: Path) -> None:
    (folder / "a.lp").write_text(LINES)
    rows = [{"market": "C/D", "value": 5}, {"market": "C/D", "value": -5}]
    (folder / "b.ndjson").write_text("\n".join(map(json.dumps, rows)))
    (folder / "c.json").write_text(json.dumps({"samples": rows}, indent=2))
    found = told(folder, "a.lp", "b.ndjson", "c.json", code=3)
    assert (found["taken"], found["made_count"], found["refused_count"]) == (4, 3, 3)
    assert [(one["file"], one["line"]) for one in found["refused"]] == [
        ("a.lp", 3), ("b.ndjson", 2), ("c.json", 2),
    ]  # fmt: skip
    listed = run(folder, "list", "--json")
    assert "PUSH:C/D:price" in listed.stdout
    shown = run(folder, "push", "b.ndjson")
    assert shown.returncode == 3
    assert "must be above zero" in shown.stdout


def test_what_another_program_writes_is_pushed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.TextIOWrapper(io.BytesIO(b"BTC/USD price=1 1\nBTC/USD price=0 2"))
    monkeypatch.setattr(sys, "stdin", written)
    found = told(folder, "-", "--precision", "s", code=4)
    assert found["reasons"] == {"older than slots are kept": 2}
    assert [one["line"] for one in found["refused"]] == [1, 2]


def test_what_is_no_file_or_holds_no_readings_is_said(folder: Path) -> None:
    (folder / "bad.json").write_text('{"market": \n')
    (folder / "text.json").write_text('{"samples": 5}')
    for name in ("none.lp", "bad.json", "text.json"):
        done = run(folder, "push", name)
        assert done.returncode == 2, done
        assert done.stdout == ""


def parts(content: bytes, form: Format = Format.AUTO) -> list[Part]:
    return list(read_parts(io.BytesIO(content), form))


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (b"\n  A/B price=1\n", Format.LINES),
        (b"# a comment\n", Format.LINES),
        (b'{"market": "A/B", "value": 1}\n{"market"', Format.NDJSON),
        (b'{"samples": [{"market": "A/B", "value": 1}]}', Format.NDJSON),
        (b'[\n{"market": "A/B", "value": 1}]', Format.NDJSON),
        (b'{\n"samples": [{"market": "A/B", "value": 1}]}', Format.NDJSON),
    ],
)
def test_what_it_is_written_in_is_told_by_its_beginning(content: bytes, form: Format) -> None:
    assert {part.form for part in parts(content)} == {form}


def test_a_long_file_is_cut_between_lines_into_bodies_that_are_taken() -> None:
    lines = [b"M%d/USD price=%d" % (n % 100, n) for n in range(200_000)]
    found = parts(b"\n".join(lines))
    assert len(found) > 3
    assert b"\n".join(part.content for part in found) == b"\n".join(lines)
    assert all(len(part.content) <= BODY_BYTES for part in found)
    assert [part.first for part in found] == [
        1 + sum(one.content.count(b"\n") + 1 for one in found[:at]) for at in range(len(found))
    ]


def test_a_long_array_is_cut_too() -> None:
    rows = [{"market": "A/B", "value": n} for n in range(60_000)]
    found = parts(json.dumps(rows).encode())
    assert len(found) > 1
    assert [json.loads(line) for part in found for line in part.content.splitlines()] == rows
    assert all(len(part.content) <= BODY_BYTES + 1_000 for part in found)
