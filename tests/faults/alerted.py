"""The whole way of an alert under one roof: venues, the program with rules, who is told.

The program's lives begin and end in the one data folder; what became of everything is compared with
alert_oracle.py's account of it.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.faults.alert_oracle import NO_REMINDERS, Found, Reminders, found
from tests.faults.episodes import copied
from tests.faults.hooks import Hooks, listening
from tests.faults.lives import SOUND, alive
from tests.faults.reader import Log
from tests.faults.waves import (
    MARKETS,
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

TRACKED_WITHIN_S = 120.0
DRAINED_WITHIN_S = 300.0  # RELIABILITY.md P11


@dataclass(kw_only=True)
class Stage:
    """One data folder, its venues (whose time stands still at first), and who is told. reminders:
    those that the rules ask for."""

    folder: Path
    double: Simulator
    hooks: Hooks
    rules: Mapping[str, Ruled]
    dice: random.Random
    seed: int
    drained_s: float = 0.0
    reminders: Reminders = NO_REMINDERS

    async def begin(self) -> None:
        """A first life, without rules of ours, until every series is tracked."""
        log = Log()
        series_count = sum(len(one.series) for one in self.rules.values())
        async with alive(self.folder) as life, asyncio.timeout(TRACKED_WITHIN_S):
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
        self.hooks.manners.clear()
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

    def judged(self) -> int:
        """The slot through which everything is judged."""
        with closing(self._connect(self.folder / "data")) as connection:
            [(slot,)] = connection.execute("SELECT slot FROM judged WHERE interval_ms = 1000")
        return int(slot)

    def _connect(self, folder: Path) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{folder / 'sigmawatch.db'}?mode=ro", uri=True, timeout=10.0)

    def found(self) -> Found:
        with copied(self.folder) as rows:
            return found(rows, rules=self.rules, heard=self.hooks.heard, reminders=self.reminders)


@asynccontextmanager
async def stage(
    folder: Path, *, channels: Sequence[str], slots: int, markets_count: int = MARKETS
) -> AsyncIterator[Stage]:
    """Everything is tracked, and the waves have begun; nobody judges yet."""
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    async with (
        listening(dice) as hooks,
        playing(folder, slots=slots, markets_count=markets_count) as double,
    ):
        configure(folder, double, hooks=hooks.urls(channels))
        rules = ruled(double, channels=channels, markets_count=markets_count)
        made = Stage(folder=folder, double=double, hooks=hooks, dice=dice, seed=seed, rules=rules)
        await made.begin()
        yield made
