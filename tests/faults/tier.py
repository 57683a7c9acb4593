"""How much a fault test does, and where it tells what it found.

Inside `make test` each does as much as fits a change; `make faults` sets SIGMAWATCH_FAULTS=full and
has every test write its findings, one JSON line each, below SIGMAWATCH_FINDINGS.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import pytest

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one fault test found. promise: its row in RELIABILITY.md 2.1; fault: what was done to
    the program, in a few words; figures: what was counted or measured, unit in the name; control:
    this run was of the broken build, so it found what it must find. seed: repeats the run."""

    promise: str
    fault: str
    figures: Mapping[str, int | float | str]
    control: bool = False
    seed: int | None = None


full_only = pytest.mark.skipif(
    os.environ.get("SIGMAWATCH_FAULTS") != "full", reason="too long for a change: make faults"
)


def times(*, change: int, full: int) -> int:
    """How often to do it: inside `make test`, or in `make faults`."""
    return full if os.environ.get("SIGMAWATCH_FAULTS") == "full" else change


def spread(points: Sequence[T], count: int) -> Sequence[T]:
    """`count` of them, evenly spread, the first among them; all where there are no more."""
    count = min(count, len(points))
    return [points[number * len(points) // count] for number in range(count)]


def tell(finding: Finding) -> None:
    """Print it, and write it down where somebody gathers findings."""
    print(json.dumps(asdict(finding)))
    test, _, _ = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")
    write_down({"test": test} | asdict(finding))


def write_down(line: Mapping[str, object]) -> None:
    """A line for whoever gathers findings; for nobody where nobody does."""
    if folder := os.environ.get("SIGMAWATCH_FINDINGS"):
        with Path(folder, f"{os.getpid()}.jsonl").open("a") as findings:
            findings.write(json.dumps(line) + "\n")
