"""Runs systems in processes of their own, within their time, and checks what they answer.

The right answers come from the system `numpy`, run first for every size and length of history that
is needed; it is itself held to the standard library by a test.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.peers.answers import Answer, differences
from benchmarks.peers.registry import SYSTEMS
from benchmarks.peers.system import System
from benchmarks.peers.tape import DAY
from benchmarks.shared.results import duration, size

PATIENCE_S = 15.0  # to end by itself, once told to
LEAST_S = 5.0  # with less in all, nothing is begun
SETTLED = 0.8  # of the limit: no new slot is begun after that


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """seconds: of one system and size, loading included; repeats: slots that are timed; ends_s:
    when all must be over, on the monotonic clock."""

    seconds: float
    repeats: int
    ends_s: float = math.inf

    @property
    def over(self) -> bool:
        """Whether nothing further is begun."""
        return self.ends_s - time.monotonic() < LEAST_S

    def left_s(self) -> float:
        """What the next system has."""
        return max(min(self.seconds, self.ends_s - time.monotonic()), 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one system at one size. trouble: why there are no times; else empty. told: what
    the process said beside its times."""

    name: str
    count: int
    day: int
    trouble: str = ""
    slots_ms: Sequence[float] = ()
    cpus_ms: Sequence[float] = ()
    told: Mapping[str, Any] = field(default_factory=dict)

    @property
    def system(self) -> type[System]:
        return SYSTEMS[self.name]

    @property
    def partial(self) -> str:
        """What keeps its time from being like the others'; empty where nothing does."""
        if self.told.get("sampled"):
            return f"scaled from {self.told['sampled']:,} series"
        return f"{self.day // 60} h of the day" if self.day < DAY else ""

    def facts(self) -> dict[str, Any]:
        """As it is written down. A sample's time is scaled to all series, and says so."""
        facts: dict[str, Any] = {
            "system": self.name, "title": self.system.title, "series": self.count,
            "partial": self.partial, "durable": self.system.durable,
        }  # fmt: skip
        if self.trouble:
            return {**facts, "trouble": self.trouble}
        scale = self.count / (self.told["sampled"] or self.count)
        return {
            **facts,
            "version": self.told["version"],
            "slots": len(self.slots_ms),
            "median_ms": round(scale * statistics.median(self.slots_ms), 3),
            "p95_ms": round(scale * float(np.percentile(self.slots_ms, 95)), 3),
            "cpu_ms": round(scale * statistics.median(self.cpus_ms), 3),
            "loaded_s": round(self.told["loaded_s"], 2),
            "memory_bytes": self.told["memory_bytes"],
            "value_bytes": round(scale * self.told["stored_bytes"] / (self.count * self.day), 1),
        }

    def line(self) -> str:
        title = ", ".join(filter(None, (self.system.title, self.partial)))
        head = f"{self.count:>8,}  {title:48}"
        if self.trouble:
            return f"{head} {self.trouble}"
        facts = self.facts()
        times = (duration(facts[name]) for name in ("median_ms", "p95_ms", "cpu_ms"))
        shown = "".join(f"{each:>11}" for each in times)
        return (f"{head}{shown}{size(facts['memory_bytes']):>10}"
                f"{facts['value_bytes']:>7} B{facts['loaded_s']:>8} s to load")  # fmt: skip


def measured(
    names: Sequence[str], count: int, *, limits: Limits, folder: Path
) -> Iterator[Outcome]:
    """Every named system at one size, one after the other."""
    answers: dict[int, Path] = {}  # length of history -> folder with the right answers
    for name in names:
        day = min(SYSTEMS[name].days.get(count, DAY), DAY)
        trouble = _hindered(name, count)
        if not trouble and limits.over:
            trouble = "no time was left"
        if trouble:
            yield Outcome(name=name, count=count, day=day, trouble=trouble)
            continue
        if day not in answers:
            answers[day] = folder / f"right-{count}-{day}"
            _run("numpy", count, day=day, limits=limits, answers=answers[day])
        mine = folder / f"{name}-{count}"
        outcome = _run(name, count, day=day, limits=limits, answers=mine)
        yield _checked(outcome, mine, right=answers[day])
        shutil.rmtree(mine)


def _hindered(name: str, count: int) -> str:
    missing = SYSTEMS[name].missing()
    if missing:
        return f"not installed: {missing}"
    most = SYSTEMS[name].count_max
    return f"not tried beyond {most:,} series" if count > most else ""


def _run(name: str, count: int, *, day: int, limits: Limits, answers: Path) -> Outcome:
    """One process, told to end when its time is over, and its group ended when it does not."""
    answers.mkdir()
    seconds = limits.left_s()
    with tempfile.TemporaryDirectory(prefix="peer-", ignore_cleanup_errors=True) as own:
        facts = map(str, (count, day, limits.repeats, SETTLED * seconds, own, answers))
        command = [sys.executable, "-m", "benchmarks.peers.child", name, *facts]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True, env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )  # fmt: skip
        said, complaint, late = _heard(process, seconds)
    told: dict[str, Any] = {}
    for line in said.splitlines():
        for key, value in json.loads(line).items():
            told.setdefault(key, []).append(value)
    trouble = ""
    if late:
        got = f"after {len(told.get('slot_ms', []))} slots" if "loaded_s" in told else "loading"
        trouble = f"over {seconds:.3g} s, {got}"
    elif process.returncode or "version" not in told:
        trouble = f"failed: {(complaint.strip().splitlines() or ['no word'])[-1][:200]}"
    return Outcome(
        name=name, count=count, day=day, trouble=trouble, slots_ms=told.pop("slot_ms", ()),
        cpus_ms=told.pop("cpu_ms", ()), told={key: values[-1] for key, values in told.items()},
    )  # fmt: skip


def _heard(process: subprocess.Popen[str], seconds: float) -> tuple[str, str, bool]:
    """What the process wrote, what it complained of, and whether its time ran out. Nothing of its
    group outlives this."""
    try:
        said, complaint = process.communicate(timeout=seconds)
        return said, complaint, False
    except subprocess.TimeoutExpired:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE_S)
        _end(process)
        said, complaint = process.communicate()
        return said, complaint, True
    finally:
        _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):  # usually nobody is left
        os.killpg(process.pid, signal.SIGKILL)


def _checked(outcome: Outcome, mine: Path, *, right: Path) -> Outcome:
    """The outcome as it is, or WRONG with the first difference and without times."""
    if outcome.trouble:
        return outcome
    for path in sorted(mine.glob("*.npz")):
        if not (right / path.name).exists():
            return replace(outcome, trouble="not checked: the right answers took too long")
        wrong = list(differences(Answer.load(path), Answer.load(right / path.name)))
        if wrong:
            return replace(outcome, trouble=f"WRONG: {wrong[0]}")
    return outcome
