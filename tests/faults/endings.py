"""Lives of the ledger that are ended at a random moment: by kill -9, or because the power fails.

A life begins, commits without a pause and tells every commit (ledger_life.py); some time after the
first one it is ended, on a disk that keeps only what was synced where the power fails (power.py).
The next life goes on over what is left, and the judge (aftermath.py) is asked after each.

What it tells while the power fails does not count: who would hear it had no power either. (A sync
that waits for its journal when a file system is shut down may be told that all is well.)
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tests.faults.aftermath import wrong
from tests.faults.ledger_life import MANY_BASES, METRICS
from tests.faults.lives import ROOT
from tests.faults.power import disk
from tests.faults.tier import Finding, tell
from tests.processes import started

SHORTEST_S, LONGEST_S = 0.020, 0.400
SERIES = len(MANY_BASES) * len(METRICS)


class Place(Protocol):
    """Where a life is lived. mount: a folder for it."""

    @property
    def mount(self) -> Path: ...

    def cut(self) -> None:
        """The power fails."""
        ...

    def back(self) -> None:
        """It is back; nobody lives."""
        ...


@dataclass(frozen=True, slots=True)
class Mains:
    """A folder of this machine, whose power does not fail."""

    mount: Path

    def cut(self) -> None: ...

    def back(self) -> None: ...


@contextmanager
def place(folder: Path, *, kind: str) -> Iterator[Place]:
    """kind: "kill", or the file system of a disk whose power fails."""
    if kind == "kill":
        yield Mains(folder)
        return
    with disk(folder, kind=kind) as made:
        yield made


@dataclass(kw_only=True)
class Endings:
    """Lives at one kind of place. bug: "sound", or how they are broken.

    told: what they told in all; living_s: for how long; lost: endings after which something was not
    as it was told, and what was said of the last of them."""

    folder: Path
    kind: str
    bug: str = "sound"
    seed: int = field(default_factory=lambda: random.randrange(2**32))
    endings: int = 0
    told: int = 0
    living_s: float = 0.0
    lost: int = 0
    words: Sequence[str] = ()

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    async def endure(self, endings: int) -> None:
        """So many lives, one after the other on one new place, or until something is lost."""
        told: list[str] = []
        home = self.folder / str(self.endings)
        scratch = self.folder / f"{self.endings}-judged"
        await asyncio.to_thread(_make, home, scratch)
        with place(home, kind=self.kind) as one, warm_process() as warm:
            for _ in range(endings):
                new = await asyncio.to_thread(self._told_until_ended, warm, one)
                told += new
                self.endings += 1
                self.told += len(new)
                self.words = await wrong(one.mount / "data", told, scratch=scratch)
                self.lost += bool(self.words)
                if self.words:
                    break

    def _told_until_ended(self, warm: subprocess.Popen[bytes], one: Place) -> list[str]:
        """Let one begin and end it; what it told until then."""
        assert warm.stdin is not None
        assert warm.stdout is not None
        pipe = warm.stdout.fileno()
        warm.stdin.write(f"{one.mount / 'data'} {self.bug}\ngo\n".encode())
        pid = int(warm.stdout.readline())
        first = warm.stdout.readline()
        began_s = time.monotonic()
        assert first.startswith(b"slot "), "it ended before it told anything"
        time.sleep(self.dice.uniform(SHORTEST_S, LONGEST_S))
        before = first + _waiting(pipe)
        one.cut()
        self.living_s += time.monotonic() - began_s
        os.kill(pid, signal.SIGKILL)  # nobody else has its number: it is waited for below
        after = b""
        while not re.search(rb"(^|\n)\d+\n$", before + after):  # how it ended
            after += os.read(pipe, 65_536)
        one.back()
        told = before + after if self.kind == "kill" else before
        return [line for line in told.decode().splitlines() if line.startswith("slot ")]

    def tell(self, *, promise: str) -> None:
        fault = "kill -9" if self.kind == "kill" else f"power cut on {self.kind}"
        broken = "" if self.bug == "sound" else f"; {self.bug}"
        tell(Finding(
            promise=promise, fault=f"{fault} while 500 series are committed{broken}",
            seed=self.seed, control=self.bug != "sound",
            figures={"endings": self.endings, "commits_told": self.told,
                     "readings_a_s": round(self.told * SERIES / self.living_s),
                     "endings_with_loss": self.lost},
        ))  # fmt: skip


@contextmanager
def warm_process() -> Iterator[subprocess.Popen[bytes]]:
    """One that has imported everything; it ends when nobody asks any more."""
    with started(
        [sys.executable, "-m", "tests.faults.newborns"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
    ) as warm:  # fmt: skip
        try:
            yield warm
        finally:
            assert warm.stdin is not None
            warm.stdin.close()


def _waiting(pipe: int) -> bytes:
    """What was written to the pipe by now."""
    os.set_blocking(pipe, False)
    found = []
    with suppress(BlockingIOError):
        while part := os.read(pipe, 65_536):
            found.append(part)
    os.set_blocking(pipe, True)
    return b"".join(found)


def _make(*folders: Path) -> None:
    for folder in folders:
        folder.mkdir(parents=True)
