"""The power fails: what was told is there when it is back (RELIABILITY.md P03).

The ledger alone (ledger_life.py) commits without a pause on a file system that drops, at a random
moment, whatever was not synced. It goes on where it was after every cut. The judge is aftermath.py.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.faults.aftermath import wrong
from tests.faults.lives import ROOT
from tests.faults.power import Disk, disk
from tests.faults.tier import Finding, tell, times

COMMITS_MIN, COMMITS_MAX = 1, 120
SPREAD_S = 0.004
CUTS_A_DISK = 20
CUTS_UNTIL_RED = 10

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


@dataclass(kw_only=True)
class Blackouts:
    """One disk after the other, each of them cut again and again.

    bug: "sound", or how the life is broken. told: since the disk was new."""

    folder: Path
    kind: str
    bug: str = "sound"
    seed: int = field(default_factory=lambda: random.randrange(2**32))
    cuts: int = 0
    told_count: int = 0
    cuts_with_loss: int = 0
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    async def endure(self, cuts: int) -> None:
        """So many cuts on one new disk, or until something is wrong."""
        self.told.clear()
        (self.folder / "scratch").mkdir(exist_ok=True)
        with disk(self.folder, kind=self.kind) as one:
            for _ in range(cuts):
                self.told += self._told_until_cut(one)
                one.back()
                self.cuts += 1
                if await wrong(one.mount / "data", self.told, scratch=self.folder / "scratch"):
                    self.cuts_with_loss += 1
                    break
        (self.folder / self.kind).rmdir()
        self.told_count += len(self.told)

    def _told_until_cut(self, one: Disk) -> Sequence[str]:
        with subprocess.Popen(
            [*self._command(), str(one.mount / "data"), "endless", self.bug],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as life:  # fmt: skip
            try:
                told = self._told(life)
                one.cut()
            finally:
                life.kill()
            rest, words = life.communicate()
        told += rest.splitlines()
        assert all(told), f"the life ended before the cut: {words}"
        return [line.strip() for line in told]

    def _told(self, life: subprocess.Popen[str]) -> list[str]:
        """What it tells until a random moment after some commit."""
        assert life.stdout is not None
        commits = self.dice.randint(COMMITS_MIN, COMMITS_MAX)
        told = [life.stdout.readline() for _ in range(commits)]
        moment = time.perf_counter() + self.dice.uniform(0.0, SPREAD_S)
        while time.perf_counter() < moment:
            pass
        return told

    def _command(self) -> Sequence[str]:
        module = "ledger_life" if self.bug == "sound" else "broken_lives"
        return sys.executable, "-m", f"tests.faults.{module}"

    def tell(self) -> None:
        tell(Finding(
            promise="P03", fault=f"power cut on {self.kind}, {self.bug} life", seed=self.seed,
            figures={"cuts": self.cuts, "commits_told": self.told_count,
                     "cuts_with_loss": self.cuts_with_loss},
            control=self.bug != "sound",
        ))  # fmt: skip


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
async def test_what_was_told_is_there_after_a_power_cut(kind: str, tmp_path: Path) -> None:
    """RELIABILITY.md P03: "0 acknowledged lost, `integrity ok`"."""
    blackouts = Blackouts(folder=tmp_path, kind=kind)
    for _ in range(times(change=1, full=5)):
        await blackouts.endure(CUTS_A_DISK)
        assert not blackouts.cuts_with_loss, f"seed {blackouts.seed}, cut {blackouts.cuts}"
    blackouts.tell()
    assert blackouts.told_count > 10 * blackouts.cuts


@pytest.mark.parametrize("bug", ["normal", "off"])
async def test_the_check_above_notices_commits_that_are_not_synced(
    bug: str, tmp_path: Path
) -> None:
    """RELIABILITY.md 1.3: "SQLite in WAL mode with `synchronous=NORMAL` loses acknowledged data in
    a power cut"."""
    blackouts = Blackouts(folder=tmp_path, kind="ext4", bug=bug)
    await blackouts.endure(CUTS_UNTIL_RED)
    blackouts.tell()
    assert blackouts.cuts_with_loss, f"{blackouts.cuts} cuts of a {bug} life lost nothing"
