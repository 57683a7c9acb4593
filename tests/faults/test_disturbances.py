"""What goes wrong around a program that alerts, while it lives: channels that misbehave, a pause, a
venue that is away (RELIABILITY.md P16, P24, P31)."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.egress.receiver import BOMB, resets, saying
from tests.faults.alert_oracle import Found, Reminders
from tests.faults.alerted import Stage, stage
from tests.faults.lives import SOUND, alive
from tests.faults.tier import Finding, full_only, tell, times
from tests.faults.waves import SLOT_MS, rule

from sigmawatch_simulator import Fault

MARKETS = 20  # of each of three venues
SLOTS = times(change=300, full=1_200)
WATCHED_S = times(change=12, full=60)
PAUSE_S = times(change=8, full=600)
AWAY_S = times(change=10, full=60)
DELAY_MAX_MS = 1_000  # RELIABILITY.md P24
REMINDER_SLOTS = 4
GOOD = "good"
BAD = {
    "hangs": saying(end=False),
    "drips": saying(b"HTTP/1.1 2", end=False),
    "resets": resets,
    "bombs": saying(b"HTTP/1.1 500 Bad\r\nContent-Encoding: gzip\r\n\r\n", endless=BOMB),
    "floods": saying(b"HTTP/1.1 500 Bad\r\n", endless=b"X-Header: more\r\n" * 99),
}

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(times(change=600, full=3_600)),
    pytest.mark.skipif(sqlite3.sqlite_version_info < (3, 37), reason="sqlite3 cannot read STRICT"),
]


def delays_ms(ordeal: Stage, *, from_ms: int) -> list[int]:
    """From the end of a slot to the word on it in the good channel, for what began to fire after a
    moment."""
    found = []
    for one in ordeal.hooks.heard:
        _, _, opened_ms, kind, *_ = one.id.split("-")
        if one.channel == GOOD and kind == "firing" and int(opened_ms) >= from_ms:
            found.append(one.at_ms - int(opened_ms) - SLOT_MS)
    return found


async def settled(ordeal: Stage) -> str:
    """Everything heals and is delivered; what the account of it is, which must be right."""
    await ordeal.drain()
    return right(ordeal, ordeal.found())


def right(ordeal: Stage, result: Found) -> str:
    told = f"seed {ordeal.seed}: {result.figures}"
    assert not result.wrong, f"{told}; {result.wrong}"[:4_000]
    assert result.episodes, told
    return told


class Delays(NamedTuple):
    """Of the good channel, in milliseconds: before the others misbehave, and while they do."""

    usual: Sequence[int]
    with_bad: Sequence[int]

    @property
    def held_up(self) -> bool:
        """Whether the others delay it, up to its silence."""
        if len(self.with_bad) <= len(self.usual) / 2:
            return True
        return statistics.median(self.with_bad) > statistics.median(self.usual) + DELAY_MAX_MS

    @property
    def figures(self) -> dict[str, float]:
        counted = {
            "notices_usually": len(self.usual), "notices": len(self.with_bad),
            "usual_ms_median": statistics.median(self.usual),
        }  # fmt: skip
        if not self.with_bad:
            return counted
        return counted | {
            "with_ms_median": statistics.median(self.with_bad), "with_ms_max": max(self.with_bad),
        }  # fmt: skip


@asynccontextmanager
async def among_bad_ones(folder: Path) -> AsyncIterator[Stage]:
    """A stage on which every rule tells a good channel and all that misbehave."""
    channels = (GOOD, *BAD)
    async with stage(folder, channels=channels, slots=SLOTS, markets_count=MARKETS) as ordeal:
        everybody = {name: one._replace(channels=channels) for name, one in ordeal.rules.items()}
        ordeal.rules = everybody
        rule(folder, everybody)
        yield ordeal


async def delayed(ordeal: Stage, *, program: Sequence[str] = SOUND) -> Delays:
    """A life in which all channels are good at first, and then all but one are bad."""
    async with alive(ordeal.folder, program=program) as life:
        from_ms = time.time_ns() // 1_000_000
        await asyncio.sleep(WATCHED_S)
        ordeal.hooks.manners.update(BAD)
        bad_ms = time.time_ns() // 1_000_000
        await asyncio.sleep(WATCHED_S)
        life.kill()
    late = delays_ms(ordeal, from_ms=bad_ms)
    both = delays_ms(ordeal, from_ms=from_ms)
    found = Delays(usual=both[: len(both) - len(late)], with_bad=late)
    assert len(found.usual) > 10, f"seed {ordeal.seed}: {found}"
    return found


async def test_channels_that_misbehave_delay_no_other_and_no_slot(tmp_path: Path) -> None:
    """SEMANTICS.md 8: "One failing channel never delays another." """
    async with among_bad_ones(tmp_path) as ordeal:
        delays = await delayed(ordeal)
        told = await settled(ordeal)
        assert not delays.held_up, f"{told}; {delays}"
        tell(Finding(
            promise="P24", fault="channels that hang, drip, reset, bomb and flood",
            seed=ordeal.seed, figures=delays.figures,
        ))  # fmt: skip


@full_only
async def test_the_check_above_notices_one_worker_for_all_channels(tmp_path: Path) -> None:
    async with among_bad_ones(tmp_path) as ordeal:
        delays = await delayed(ordeal, program=("-m", "tests.faults.shared_worker"))
        assert delays.held_up, f"seed {ordeal.seed}: it was not noticed: {delays}"
        tell(Finding(
            promise="P24", fault="the same with one worker for all, that waits as long as it takes",
            seed=ordeal.seed, control=True, figures=delays.figures,
        ))  # fmt: skip


async def paused(ordeal: Stage, *, program: Sequence[str] = SOUND) -> Found:
    """A life that stands still for a while, with rules that remind; and one that only delivers."""
    rule(ordeal.folder, ordeal.rules, reminder=f'"{REMINDER_SLOTS}s"')
    async with alive(ordeal.folder, program=program) as life:
        await asyncio.sleep(WATCHED_S / 2)
        os.kill(life.process.pid, signal.SIGSTOP)
        await asyncio.sleep(PAUSE_S)
        os.kill(life.process.pid, signal.SIGCONT)
        await asyncio.sleep(WATCHED_S)
        life.kill()
    ordeal.reminders = Reminders(every_slots=REMINDER_SLOTS, last_slot=ordeal.judged())
    rule(ordeal.folder, ordeal.rules)
    await ordeal.drain()
    return ordeal.found()


async def test_a_pause_tells_nothing_that_is_not_so_and_nothing_twice(tmp_path: Path) -> None:
    """RELIABILITY.md P31: "no alert storm"."""
    async with stage(tmp_path, channels=(GOOD,), slots=SLOTS, markets_count=MARKETS) as ordeal:
        result = await paused(ordeal)
        told = right(ordeal, result)
        assert result.duplicates <= result.unsure, told  # an attempt that was stopped or killed
        tell(Finding(
            promise="P31", fault=f"stopped for {PAUSE_S} s", seed=ordeal.seed,
            figures={"notices": result.heard, "notices_wrong": 0, "duplicates": result.duplicates,
                     "unsure": result.unsure},
        ))  # fmt: skip


@full_only
async def test_the_check_above_notices_timers_that_make_up_for_a_pause(tmp_path: Path) -> None:
    async with stage(tmp_path, channels=(GOOD,), slots=SLOTS, markets_count=MARKETS) as ordeal:
        result = await paused(ordeal, program=("-m", "tests.faults.making_up"))
        burst = [told for told in result.extra if told[1] == "reminder"]
        assert burst, f"seed {ordeal.seed}: it was not noticed: {result.figures}"
        tell(Finding(
            promise="P31", fault="the same with timers that make up for a pause", control=True,
            seed=ordeal.seed, figures={"reminders_too_many": len(burst)},
        ))  # fmt: skip


async def test_a_venue_that_is_away_resolves_nothing_and_is_told_of_once(tmp_path: Path) -> None:
    """RELIABILITY.md P16: "no false resolve", "one, not one per series"."""
    async with stage(tmp_path, channels=(GOOD,), slots=SLOTS, markets_count=MARKETS) as ordeal:
        result, silent, of_kraken = await without_kraken(ordeal)
        right(ordeal, result)
        assert {name for name, _ in silent} == of_kraken
        assert len(silent) == len(set(silent)) == len(of_kraken), silent
        tell(Finding(
            promise="P16", fault=f"a venue that answers nothing for {AWAY_S} s", seed=ordeal.seed,
            figures={"rules": len(of_kraken), "words_on_silence": len(silent)},
        ))  # fmt: skip


@full_only
async def test_the_check_above_notices_absence_that_is_taken_for_zero(tmp_path: Path) -> None:
    async with stage(tmp_path, channels=(GOOD,), slots=SLOTS, markets_count=MARKETS) as ordeal:
        broken = ("-m", "tests.faults.naught")
        _, silent, of_kraken = await without_kraken(ordeal, program=broken)
        assert {name for name, _ in silent} != of_kraken
        tell(Finding(
            promise="P16", fault="the same, absence taken for zero", seed=ordeal.seed, control=True,
            figures={"rules": len(of_kraken), "words_on_silence": len(silent)},
        ))  # fmt: skip


async def without_kraken(
    ordeal: Stage, *, program: Sequence[str] = SOUND
) -> tuple[Found, list[tuple[str, str]], set[str]]:
    """A life in which the venue is away for a while: what was found, `words_on_silence`, and the
    rules about it."""
    rule(ordeal.folder, ordeal.rules, no_data='"alert"', no_data_for='"3s"')
    async with alive(ordeal.folder, program=program) as life:
        await asyncio.sleep(WATCHED_S / 2)
        number = ordeal.double.faults.add(Fault(kind="hang", venue="kraken"))
        await asyncio.sleep(AWAY_S)
        ordeal.double.faults.remove(number)
        await asyncio.sleep(WATCHED_S)
        life.kill()
    await ordeal.drain()
    result = ordeal.found()
    of_kraken = {name for name, one in ordeal.rules.items()
                 if any(each.startswith("KRAKEN:") for each in one.series)}  # fmt: skip
    return result, words_on_silence(ordeal), of_kraken


def words_on_silence(ordeal: Stage) -> list[tuple[str, str]]:
    """Rule and episode of every notice that something was silent."""
    with closing(sqlite3.connect(ordeal.folder / "copy" / "sigmawatch.db")) as connection:
        return list(connection.execute(
            "SELECT r.name, o.episode FROM outbox o JOIN rules r ON r.id = o.rule_id "
            "WHERE o.kind = 'no_data' AND o.channel = '*' AND r.name LIKE 'wave-%'"
        ))  # fmt: skip
