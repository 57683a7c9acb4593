"""`make faults`: every fault test as often as RELIABILITY.md promises, and docs/fault-report.md.

python -m scripts.faults [--resume] [ARGUMENTS OF PYTEST]. The newest word of each test is kept in
tests/faults/results.json, which belongs to the repository: some tests take an hour, and no machine
stays. Without arguments everything is done anew; with some, say `-k power`, what other tests had
found stays; `--resume` goes on with a whole run that was cut off, without what passed in it (it is
in build/faults, a folder a session). Exit 1 where a promise was broken, or its control is absent or
stayed green: a fault test that was never red proves nothing.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SESSIONS = ROOT / "build" / "faults"
RESULTS = ROOT / "tests" / "faults" / "results.json"
REPORT = ROOT / "docs" / "fault-report.md"
WORKERS = "2"

# RELIABILITY.md 2.1, in few words.
PROMISES = {
    "P01": "kill -9 at any instant loses nothing acknowledged",
    "P02": "what a client was shown is stored",
    "P03": "a power cut loses nothing acknowledged",
    "P04": "a failed write or sync is never acknowledged, and stops the writer",
    "P05": "a full disk: no crash, no loss, said at once, over by itself",
    "P06": "a disk that turns read-only: reads go on, writes stop, no loop",
    "P07": "bit rot: no wrong value is ever served",
    "P08": "damage to the end of the log is noticed",
    "P09": "ready soon after a kill",
    "P10": "each notice is in the outbox exactly once",
    "P13": "durable within 250 ms of the receipt",
    "P16": "a venue that is away: nothing resolved, told of once",
    "P17": "a good citizen: bans are obeyed, failures backed off from, lines renewed in time",
    "P18": "whatever comes: no crash, no stall, no value that is none",
    "P19": "numbers that are none are refused or stored by rule",
    "P20": "twice or in any order is the same",
    "P22": "slow and idle connections by the thousand hold up nobody",
    "P24": "a channel that misbehaves delays no other",
    "P25": "PostgreSQL fails in every way: nothing lost, nothing doubled",
    "P27": "memory stays bounded",
    "P28": "SIGTERM ends it in 5 s",
    "P29": "a migration is done or not done, never between",
    "P31": "a pause tells nothing twice and nothing that is not so",
    "P32": "one program a folder",
    "P33": "a backup made while running is whole",
    "P36": "too few open files: it goes on collecting and answering",
}
WITHOUT_CONTROL = frozenset({"P09", "P36", "S58"})  # there is nothing to lose


@dataclass(frozen=True, slots=True)
class Gathered:
    """What the tests told. tests: by name its last outcome, its findings (as tests/faults/tier.py
    writes them) and its session: commit, date and machine."""

    tests: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def findings(self) -> Sequence[Mapping[str, Any]]:
        """By promise and fault."""
        found = (one for test in self.tests.values() for one in test["findings"])
        return sorted(found, key=lambda one: (one["promise"], one["fault"]))

    @property
    def sessions(self) -> Sequence[Mapping[str, str]]:
        """Oldest first."""
        told = {json.dumps(test["session"]): test["session"] for test in self.tests.values()}
        return sorted(told.values(), key=lambda session: session["date"])

    def ended(self, outcome: str) -> list[Mapping[str, Any]]:
        """The tests that ended so, by name."""
        return [one for _, one in sorted(self.tests.items()) if one["outcome"] == outcome]

    @property
    def red(self) -> frozenset[str]:
        """Promises whose check noticed a program that breaks them."""
        return frozenset(id for one in self.findings if one["control"] for id in ids_of(one))


def ids_of(finding: Mapping[str, Any]) -> list[str]:
    """P01, P02 ..., or the name of what RELIABILITY.md has no number for."""
    return str(finding["promise"]).split(", ")


def problems(gathered: Gathered) -> Iterator[str]:
    """What keeps the report from being a good one, a line each."""
    for test in gathered.ended("failed"):
        yield f"{test['test']} failed: {test['why']}"
    promised = {id for one in gathered.findings if not one["control"] for id in ids_of(one)}
    if not promised:
        yield "nothing was found out"
    for id in sorted(promised - gathered.red - WITHOUT_CONTROL):
        yield f"{id} has no control that was red"


def gather(folders: Iterable[Path], *, before: Gathered | None = None) -> Gathered:
    """The newest word of each test: of `before`, and of what stands in the folders of sessions."""
    tests = dict(before.tests) if before is not None else {}
    for folder in folders:
        session = json.loads((folder / "session.json").read_text())
        lines = [json.loads(line) for file in sorted(folder.glob("*.jsonl"))
                 for line in file.read_text().splitlines()]  # fmt: skip
        for ended in (line for line in lines if "outcome" in line):
            name = ended["test"]
            if name not in tests or tests[name]["session"]["date"] <= session["date"]:
                findings = [one for one in lines if one["test"] == name and "promise" in one]
                tests[name] = {**ended, "session": session, "findings": findings}
    return Gathered(tests)


def stored() -> Gathered:
    """What the repository holds."""
    return Gathered({test["test"]: test for test in json.loads(RESULTS.read_text("utf-8"))})


def store(gathered: Gathered) -> None:
    """Have the repository hold it, and tell it on the page."""
    tests = [test for _, test in sorted(gathered.tests.items())]
    RESULTS.write_text(json.dumps(tests, indent=1) + "\n", "utf-8")
    REPORT.write_text(page(gathered), "utf-8")


# The page


def page(gathered: Gathered) -> str:
    """docs/fault-report.md"""
    held = [one for one in gathered.findings if not one["control"]]
    controls = [one for one in gathered.findings if one["control"]]
    parts = [
        HEAD, _facts(gathered), _verdict(gathered),
        "## What was done, and what was found", _table(held, red=gathered.red),
        "## Controls", CONTROLS, _table(controls, red=None),
        *_left_out(gathered),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


HEAD = """# Fault report

Written by `make faults`. What is done to the program, who judges it and how to read this page:
[how we break it](explanation/how-we-break-it.md)."""
CONTROLS = """The same checks over programs that are broken on purpose: each must find what it is
there to find."""


def _facts(gathered: Gathered) -> str:
    rows = {
        name: ", ".join(dict.fromkeys(session[name] for session in gathered.sessions))
        for name in ("date", "commit", "machine")
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {k} | {v} |" for k, v in rows.items())])


def _verdict(gathered: Gathered) -> str:
    found = list(problems(gathered))
    if found:
        return "\n".join(["**Not as promised:**", "", *(f"- {line}" for line in found)])
    promises = {id for one in gathered.findings for id in ids_of(one)}
    controls = sum(one["control"] for one in gathered.findings)
    return f"**{len(promises)} promises kept; {controls} controls red.**"


def _table(findings: Sequence[Mapping[str, Any]], *, red: frozenset[str] | None) -> str:
    """red: None for the table of controls itself."""
    rows = ["| promise | fault | counted and measured | control | seed |", "|---|---|---|---|---|"]
    for one in findings:
        words = ", ".join(f"{id} {PROMISES.get(id, '')}".strip() for id in ids_of(one))
        figures = "; ".join(f"{name.replace('_', ' ')} {value}"
                            for name, value in one["figures"].items())  # fmt: skip
        control = "red" if red is None or red.issuperset(ids_of(one)) else "none"
        seed = "" if one["seed"] is None else one["seed"]
        rows.append(f"| {words} | {one['fault']} | {figures} | {control} | {seed} |")
    return "\n".join(rows)


def _left_out(gathered: Gathered) -> Iterator[str]:
    """Tests that could not run here, and why."""
    if skipped := gathered.ended("skipped"):
        yield "## Not done here"
        yield "\n".join(f"- `{one['test']}`: {one['why']}" for one in skipped)


# The run


def machine() -> str:
    """In a line."""
    versions = f"Python {platform.python_version()}"
    return f"{os.cpu_count()} cores, {platform.system()} {platform.release()}, {versions}"


def commit() -> str:
    """What is checked out, and whether it was changed since."""

    def git(*words: str) -> str:
        run = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
        return run.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", "src", "tests")
    return (git("rev-parse", "--short", "HEAD") or "none") + (" (changed)" if changed else "")


def sessions() -> list[Path]:
    """Oldest first."""
    return sorted(SESSIONS.glob("*/"), key=lambda folder: int(folder.name))


def run(arguments: Sequence[str]) -> None:
    """One session of the tests."""
    resume, arguments = "--resume" in arguments, [a for a in arguments if a != "--resume"]
    if not resume and not arguments:
        shutil.rmtree(SESSIONS, ignore_errors=True)
    before = gather(sessions())
    done = [f"--deselect={one['test']}" for one in before.ended("passed") if resume]
    folder = SESSIONS / str(max((int(one.name) for one in sessions()), default=0) + 1)
    folder.mkdir(parents=True)
    facts = {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", "commit": commit(), "machine": machine(),
    }  # fmt: skip
    (folder / "session.json").write_text(json.dumps(facts))
    subprocess.run(
        [sys.executable, "-m", "pytest", "tests/faults", "-n", WORKERS, *done, *arguments],
        cwd=ROOT, check=False,
        env={**os.environ, "SIGMAWATCH_FAULTS": "full", "SIGMAWATCH_FINDINGS": str(folder)},
    )  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    """0 where every promise was kept and every control red."""
    run(arguments)
    whole = not [word for word in arguments if word != "--resume"]
    gathered = gather(sessions(), before=None if whole else stored())
    found = list(problems(gathered))
    if gathered.findings:  # else it was `--help`, or stopped at once: the report stays
        store(gathered)
    print("\n".join(found) or f"every promise kept, every control red: {REPORT.relative_to(ROOT)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
