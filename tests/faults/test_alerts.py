"""kill -9 while rules are judged and notices are sent (RELIABILITY.md P10, P11, P12).

The real program under the venue double's load: 510 series of one-second slots under 85 rules of a
`rules.toml`, told to webhooks that misbehave. Killed around the close of a slot or while something
is delivered, again and again; then everything heals and what is left is delivered. The judge is
alert_oracle.py.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.faults.alert_oracle import Found, found
from tests.faults.hooks import Did, Hooks, listening
from tests.faults.lives import SOUND, alive
from tests.faults.reader import Log
from tests.faults.tier import Finding, full_only, tell, times
from tests.faults.waves import (
    OFFSET_S,
    PACE,
    RULES,
    SLOT_MS,
    Ruled,
    configure,
    playing,
    rule,
    ruled,
)

from sigmawatch_simulator import Simulator

KILLS = times(change=5, full=500)
EPISODES_MIN = times(change=50, full=10_000)
SLOTS = times(change=300, full=4_000)  # of waves; prices stand still then
CHANNELS = tuple(f"hook-{number}" for number in range(10))
DRAINED_WITHIN_S = 300.0  # RELIABILITY.md P11
DELETING, UNORDERED = ("-m", "tests.faults.deleting"), ("-m", "tests.faults.unordered")
CONTROL_LIVES = 3

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(times(change=900, full=7_200)),
    pytest.mark.skipif(sqlite3.sqlite_version_info < (3, 37), reason="sqlite3 cannot read STRICT"),
]


@dataclass(kw_only=True)
class Stage:
    """One data folder, its venues (whose time stands still at first), and who is told."""

    folder: Path
    double: Simulator
    hooks: Hooks
    rules: Mapping[str, Ruled]
    dice: random.Random
    seed: int
    drained_s: float = 0.0

    async def begin(self) -> None:
        """A first life, without rules of ours, until every series is tracked."""
        log = Log()
        series_count = sum(len(one.series) for one in self.rules.values())
        async with alive(self.folder) as life:
            while len(log.ids) < series_count:
                await log.look(life.url)
        rule(self.folder, self.rules)
        self.double.clock.run_at(PACE)

    async def live_and_die(self, *, program: Sequence[str] = SOUND) -> None:
        """Start, see a slot or a few, be killed around a close or while something is delivered."""
        async with alive(self.folder, program=program) as life:
            now_ms = time.time_ns() // 1_000_000
            boundary_ms = (now_ms // SLOT_MS + self.dice.choice((1, 2, 3))) * SLOT_MS
            await asyncio.sleep((boundary_ms - now_ms) / 1_000 + OFFSET_S)
            if self.dice.random() < 0.5:
                self.hooks.stirred.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.hooks.stirred.wait(), 2.0)
                await asyncio.sleep(self.dice.uniform(0.0, 0.02))
            else:
                await asyncio.sleep(self.dice.uniform(0.0, 0.25))
            life.kill()

    async def drain(self, *, program: Sequence[str] = SOUND) -> None:
        """A last life, in which nothing fails and no price moves, until no notice is open."""
        self.hooks.faulty = False
        self.double.clock.freeze()
        began_s = time.monotonic()
        async with alive(self.folder, program=program) as life:
            until_s = began_s + DRAINED_WITHIN_S
            while self.open_count() and time.monotonic() < until_s:  # noqa: ASYNC110 - who tells?
                await asyncio.sleep(1.0)
            self.drained_s = time.monotonic() - began_s
            life.kill()

    def open_count(self) -> int:
        """Notices of ours that are under way. Read beside the program, which owns the file."""
        with closing(self._connect(self.folder / "data")) as connection:
            [(count,)] = connection.execute(
                "SELECT count(*) FROM outbox JOIN rules ON rules.id = rule_id "
                f"WHERE rules.name LIKE '{RULES}%' "
                "AND status IN ('pending', 'leased', 'retry_wait')"
            )
        return int(count)

    def _connect(self, folder: Path) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{folder / 'sigmawatch.db'}?mode=ro", uri=True, timeout=10.0)

    def found(self) -> Found:
        """Of a copy: a killed program's log stays as it was."""
        copy = self.folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.folder / "data", copy)
        with closing(sqlite3.connect(copy / "sigmawatch.db")) as connection:
            return found(connection.execute, rules=self.rules, heard=self.hooks.heard)


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    async with listening(dice) as hooks, playing(folder, slots=SLOTS) as double:
        configure(folder, double, hooks=hooks.urls(CHANNELS))
        made = Stage(folder=folder, double=double, hooks=hooks, dice=dice, seed=seed,
                     rules=ruled(double, channels=CHANNELS))  # fmt: skip
        await made.begin()
        yield made


async def test_no_notice_is_lost_doubled_or_overtaken_whenever_we_are_killed(
    tmp_path: Path,
) -> None:
    """SEMANTICS.md 8: "Outbox exactly once; wire at least once, with one deterministic id"."""
    async with stage(tmp_path) as ordeal:
        ordeal.hooks.faulty = True
        for _ in range(KILLS):
            await ordeal.live_and_die()
        backlog = ordeal.open_count()
        await ordeal.drain()
        result = ordeal.found()
        told = f"seed {ordeal.seed}, {KILLS} kills: {result.figures}"
        assert not result.wrong, f"{told}; {result.wrong}"[:4_000]
        assert result.episodes >= EPISODES_MIN, told
        assert any(one.did is not Did.ACCEPTED for one in ordeal.hooks.heard), told
        figures: dict[str, float] = {"kills": KILLS, "backlog": backlog, **result.figures}
        tell(Finding(
            promise="P10, P11, P12", fault="kill -9 while judging and sending; a bad receiver",
            seed=ordeal.seed, figures=figures | {"drained_s": round(ordeal.drained_s, 1)},
        ))  # fmt: skip


@full_only
@pytest.mark.parametrize(("program", "sign"), [(DELETING, "missing"), (UNORDERED, "disordered")])
async def test_the_check_above_notices_a_notifier_that_is(
    program: Sequence[str], sign: str, tmp_path: Path
) -> None:
    async with stage(tmp_path) as ordeal:
        ordeal.hooks.faulty = True
        for _ in range(CONTROL_LIVES):
            await ordeal.live_and_die(program=program)
        await ordeal.drain(program=program)
        result = ordeal.found()
        assert result.wrong.get(sign), f"seed {ordeal.seed}: it was not noticed: {result.figures}"
        tell(Finding(
            promise="P11, P12", fault=f"a notifier that is broken: {program[-1]}", control=True,
            seed=ordeal.seed, figures={"kills": CONTROL_LIVES} | result.figures,
        ))  # fmt: skip
