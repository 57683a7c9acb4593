"""`rules test`, as a user runs it."""

from __future__ import annotations

import io
import json
import re
import shlex
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from sigmawatch.app.cli import main

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial-alerts.md"
GOOD = """load every 60s
  KRAKEN:BTC/USD price   100x60 301
rule hot: price > 3 * mean(1h)
at 01:00 expect hot KRAKEN:BTC/USD firing because 301 > 300
"""


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "argv", ["sigmawatch", *arguments])
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ending:
        main()
    assert isinstance(ending.value.code, int)
    return ending.value.code, out.getvalue(), err.getvalue()


def test_a_script_that_holds_ends_with_0(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "hot.rules"
    file.write_text(GOOD)
    code, out, _ = run(monkeypatch, "rules", "test", str(file))
    assert (code, out.strip()) == (0, f"{file}: 1 of 1 hold")


def test_a_script_that_does_not_hold_ends_with_1_and_says_what_was_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "hot.rules"
    file.write_text(GOOD.replace("firing", "ok"))
    code, out, _ = run(monkeypatch, "rules", "test", str(file))
    assert code == 1
    assert out.splitlines()[1:] == [
        "  line 4: at 01:00 expect hot KRAKEN:BTC/USD ok because 301 > 300",
        "    found firing since 01:00: the condition is true",
        "          price > 3 * mean(1h): 301 > 300",
    ]
    code, out, _ = run(monkeypatch, "rules", "test", str(file), "--json")
    (told,) = json.loads(out)["items"]
    assert (code, told["passed"], told["failures"][0]["line"]) == (1, False, 4)


def test_a_script_that_cannot_be_read_ends_with_2_and_names_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "hot.rules"
    file.write_text(GOOD.replace("mean(1h)", "medan(1h)"))
    code, _, err = run(monkeypatch, "rules", "test", str(file))
    assert code == 2
    assert "hot.rules, line 3: medan: unknown function, did you mean median?" in err
    assert "price > 3 * medan(1h)\n              ^" in err
    assert run(monkeypatch, "rules", "test", str(tmp_path / "none.rules"))[0] == 2


def test_a_preview_of_a_line_that_cannot_be_read_shows_the_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code, _, err = run(monkeypatch, "rules", "preview", "price > 3 * medan(1h)")
    assert code == 2
    assert "price > 3 * medan(1h)\n            ^" in err


def test_every_command_of_the_tutorial_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole way needs a phone, and was walked by hand; names and options are looked at here."""
    lines = re.findall(r"(?m)^ {4}\./sigmawatch (.*)$", TUTORIAL.read_text("utf-8"))
    assert len(lines) > 8
    for line in lines:
        code, _, err = run(monkeypatch, *shlex.split(line), "--help")
        assert code == 0, (line, err)


def test_the_page_of_scripts_shows_scripts_that_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = TUTORIAL.parent / "reference" / "rules-test.md"
    (script,) = re.findall(r"```text\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    file = tmp_path / "page.rules"
    file.write_text(script)
    assert run(monkeypatch, "rules", "test", str(file))[0] == 0
