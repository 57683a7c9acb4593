"""The fault report says what was found, and never looks better than that."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from scripts import faults
from scripts.faults import Gathered, gather, page, problems


def finding(promise: str = "P01", *, control: bool = False, test: str = "a") -> dict[str, Any]:
    return {
        "test": test, "promise": promise, "fault": "kill -9", "control": control, "seed": 7,
        "figures": {"kills": 500, "lost": 3 if control else 0},
    }  # fmt: skip


def outcome(test: str = "a", *, word: str = "passed") -> dict[str, Any]:
    return {"test": test, "outcome": word, "took_s": 1.0, "why": "" if word == "passed" else "no"}


def session(folder: Path, *lines: dict[str, Any], commit: str = "abc", year: int = 2026) -> Path:
    folder.mkdir(parents=True)
    facts = {"date": f"{year}-01-02 03:04 UTC", "commit": commit, "machine": "2 cores"}
    (folder / "session.json").write_text(json.dumps(facts))
    (folder / "1.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def gathered(*lines: dict[str, Any]) -> Gathered:
    facts = {"date": "2026-01-02 03:04 UTC", "commit": "abc", "machine": "2 cores"}
    names = {line["test"] for line in lines}
    told = {name: [line for line in lines if line["test"] == name] for name in names}
    return Gathered({
        name: {**outcome(name), "session": facts,
               **next((line for line in mine if "outcome" in line), {}),
               "findings": [line for line in mine if "promise" in line]}
        for name, mine in told.items()
    })  # fmt: skip


def test_a_promise_kept_with_a_red_control_is_said_in_one_line() -> None:
    good = gathered(finding(), finding(control=True, test="b"), outcome(), outcome("b"))
    assert list(problems(good)) == []
    text = page(good)
    assert "**1 promises kept; 1 controls red.**" in text
    assert "| kill -9 | kills 500; lost 0 | red | 7 |" in text


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([finding(), outcome()], "P01 has no control that was red"),
        ([finding(), finding("P02", control=True), outcome()], "P01 has no control that was red"),
        ([finding(), finding(control=True), outcome(word="failed")], "a failed: no"),
        ([], "nothing was found out"),
        ([finding(control=True)], "nothing was found out"),
    ],
)
def test_a_report_says_at_its_top_what_is_not_as_promised(
    lines: list[dict[str, Any]], said: str
) -> None:
    bad = gathered(*lines)
    assert list(problems(bad)) == [said]
    assert page(bad).index(f"**Not as promised:**\n\n- {said}") < page(bad).index("## ")


def test_what_a_control_is_not_defined_for_needs_none() -> None:
    assert list(problems(gathered(finding("P09"), outcome()))) == []


def test_what_was_skipped_is_listed_with_its_reason() -> None:
    text = page(gathered(finding("P09"), outcome(word="skipped")))
    assert "## Not done here\n\n- `a`: no" in text


def test_the_newest_word_of_each_test_counts(tmp_path: Path) -> None:
    first = session(tmp_path / "1", finding(), outcome(word="failed"), finding(test="b"),
                    outcome("b"))  # fmt: skip
    second = session(tmp_path / "2", finding("P03"), outcome(), commit="def", year=2027)
    found = gather([first, second])
    assert [one["promise"] for one in found.findings] == ["P01", "P03"]
    assert found.ended("failed") == []
    assert "abc, def" in page(found)


def test_a_finding_of_a_test_that_never_ended_does_not_count(tmp_path: Path) -> None:
    assert gather([session(tmp_path / "1", finding())]).findings == []


def test_what_the_repository_holds_stays_for_tests_that_did_not_run(tmp_path: Path) -> None:
    known = gather([session(tmp_path / "1", finding(), outcome(), finding(test="b"), outcome("b"))])
    found = gather([session(tmp_path / "2", finding("P03"), outcome(), commit="def")], before=known)
    assert [(one["test"], one["promise"]) for one in found.findings] == [("b", "P01"), ("a", "P03")]


def test_an_old_session_that_lies_about_is_not_the_newest_word(tmp_path: Path) -> None:
    known = gather([session(tmp_path / "1", finding(), outcome(), commit="new")])
    old = session(tmp_path / "2", finding("P03"), outcome(), commit="old", year=2025)
    assert [one["promise"] for one in gather([old], before=known).findings] == ["P01"]


def test_results_are_kept_of_tests_that_exist() -> None:
    for name in faults.stored().tests:
        file, _, test = name.partition("::")
        defined = (faults.ROOT / file).read_text("utf-8")
        assert f"def {test.partition('[')[0]}(" in defined, name


def test_the_report_in_the_documentation_is_of_these_results() -> None:
    text = faults.REPORT.read_text("utf-8")
    assert text == page(faults.stored())
    parts = text.split("## Controls")
    held, controls = ([line for line in part.splitlines() if line.startswith("| P")]
                      for part in parts)  # fmt: skip
    assert held
    assert controls
    assert all(line.count("|") == 6 for line in held + controls)
    good = re.search(r"^\*\*(\d+) promises kept; (\d+) controls red\.\*\*$", text, re.MULTILINE)
    bad = re.search(r"^\*\*Not as promised:\*\*\n\n- ", text, re.MULTILINE)
    assert bool(good) != bool(bad)
