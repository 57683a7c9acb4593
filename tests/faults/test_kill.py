"""kill -9 at any moment: what was ever shown over REST is on disk (RELIABILITY.md P01, P02).

The real program in a process of its own, under the venue double's load: one-second slots, collects
of every venue on request without a pause, back-fill that is interrupted again and again. The judge
is oracle.py.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from tests.faults.lives import SOUND, alive
from tests.faults.oracle import Seen, Stored
from tests.faults.reader import VENUES, Log, read_until_gone, several, shown_by
from tests.faults.tier import Finding, tell, times

from sigmawatch_simulator import Config, Simulator

KILLS = times(change=60, full=500)
KILLS_UNTIL_RED = 40
SHORTEST_S, LONGEST_S = 0.020, 0.400
MARKETS, FAST_MARKETS = 50, 9
SERIES = 3 * (3 * MARKETS + 2 * FAST_MARKETS)

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(times(change=900, full=7_200)),
    pytest.mark.skipif(sqlite3.sqlite_version_info < (3, 37), reason="sqlite3 cannot read STRICT"),
]


@pytest_asyncio.fixture
async def double() -> AsyncIterator[Simulator]:
    async with Simulator(Config(venues=VENUES, markets_count=MARKETS, limited=False)) as simulator:
        yield simulator


def configure(folder: Path, double: Simulator) -> None:
    """504 series: every market each minute, nine of each venue each second too."""
    text = 'windows = ["10m"]\n'
    for venue, stage in double.stages.items():
        pairs = [f'"{market.id}"' for market in stage.markets[:MARKETS]]
        text += f"""
[venues.{venue}]
base_url = "{double.base_url(venue)}"
requests_per_minute = 600000
poll_offset_s = 0.05
poll_floor_s = 1.0
[[track]]
venue = "{venue}"
markets = [{", ".join(pairs)}]
[[track]]
venue = "{venue}"
markets = [{", ".join(pairs[:FAST_MARKETS])}]
metrics = ["price", "volume_24h_quote"]
every = "1s"
"""
    (folder / "sigmawatch.toml").write_text(text)


@dataclass(kw_only=True)
class Ordeal:
    """One data folder, its clients' log, how long each start took, and the clients' time until the
    kill."""

    folder: Path
    program: Sequence[str] = SOUND
    seed: int = field(default_factory=lambda: random.randrange(2**32))
    log: Log = field(default_factory=Log)
    starts_s: list[float] = field(default_factory=list)
    read_s: float = 0.0

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    async def begin(self) -> None:
        """A first life, until every series is tracked; the back-fill has begun."""
        async with alive(self.folder, program=self.program) as life:
            while len(self.log.ids) < SERIES:
                await self.log.look(life.url)

    async def live_and_die(self, *, first: str = "ready") -> None:
        """Start, be read for a moment, be killed. first: what that moment begins with; "shown" is
        the first list of series, on a busy machine some seconds later."""
        self.log.shown.clear()
        started_s = time.monotonic()
        async with alive(self.folder, program=self.program) as life:
            self.starts_s.append(time.monotonic() - started_s)
            async with asyncio.TaskGroup() as group:
                group.create_task(read_until_gone(life.url, self.log, self.dice))
                ready_s = time.monotonic()
                if first == "shown":
                    await self.log.shown.wait()
                await asyncio.sleep(self.dice.uniform(SHORTEST_S, LONGEST_S))
                life.kill()
                self.read_s += time.monotonic() - ready_s

    def stored(self) -> Stored:
        return Stored(self.folder / "data", scratch=self.folder)

    def lost(self) -> list[Seen | str]:
        """What was shown, and the collections that were answered, and are not on disk."""
        stored = self.stored()
        lost = [seen for seen in self.log.seen if not stored.holds(seen)]
        return [*lost, *(self.log.runs.keys() - stored.runs)]

    def report(self, *, kills: int) -> str:
        return f"seed {self.seed}, {kills} kills, {len(self.log.seen)} numbers shown"

    def finding(self, *, kills: int, lost: int, control: bool = False) -> Finding:
        starts = sorted(self.starts_s)
        return Finding(
            promise="P01, P02", fault="kill -9 of the program, 20 to 400 ms after it is ready",
            seed=self.seed, control=control,
            figures={
                "kills": kills, "answers": self.log.answers_count,
                "numbers_shown": len(self.log.seen), "collections_answered": len(self.log.runs),
                "lost": lost,
                "readings_answered_a_s": round(sum(self.log.runs.values()) / self.read_s),
                "ready_after_s_median": round(starts[len(starts) // 2], 2),
                "ready_after_s_max": round(starts[-1], 2),
            },
        )  # fmt: skip


async def test_nothing_that_was_shown_over_rest_is_lost_by_kill_9(
    tmp_path: Path, double: Simulator
) -> None:
    """RELIABILITY.md 1.1: "If you saw it, it is on disk." """
    configure(tmp_path, double)
    ordeal = Ordeal(folder=tmp_path)
    await ordeal.begin()
    for _ in range(KILLS):
        await ordeal.live_and_die()
    lost = ordeal.lost()
    tell(ordeal.finding(kills=KILLS, lost=len(lost)))
    assert not lost, f"{ordeal.report(kills=KILLS)}: {len(lost)} lost, as {lost[:3]}"
    assert len(ordeal.log.seen) > 20 * KILLS, ordeal.report(kills=KILLS)
    await assert_served_again(ordeal)


async def assert_served_again(ordeal: Ordeal) -> None:
    """After the last restart /records still tells of every slot that was ever shown closed."""
    closed = [seen for seen in ordeal.log.seen if not seen.live]
    slots = {(seen.series_id, seen.at_ms) for seen in closed if seen.slots == 1}
    ids = sorted({series_id for series_id, _ in slots})
    first_ms = min(at_ms for _, at_ms in slots)
    told: set[tuple[int, int]] = set()
    async with alive(ordeal.folder) as life, aiohttp.ClientSession() as session:
        for start in range(0, len(ids), 20):
            query = {"ids": ",".join(map(str, ids[start : start + 20])), "from": str(first_ms)}
            async with session.get(f"{life.url}/api/v1/metrics/records", params=query) as answer:
                assert answer.status == 200
                for series in several(await answer.read()):
                    told |= {(seen.series_id, seen.at_ms) for seen in shown_by(series)}
    assert slots <= told, f"seed {ordeal.seed}: {len(slots - told)} slots are no longer told"


async def test_the_check_above_notices_numbers_shown_before_their_commit(
    tmp_path: Path, double: Simulator
) -> None:
    configure(tmp_path, double)
    ordeal = Ordeal(folder=tmp_path, program=("-m", "tests.faults.too_early"))
    await ordeal.begin()
    for kill in range(1, KILLS_UNTIL_RED + 1):
        await ordeal.live_and_die(first="shown")
        if lost := ordeal.lost():
            tell(ordeal.finding(kills=kill, lost=len(lost), control=True))
            return
    pytest.fail(f"{ordeal.report(kills=KILLS_UNTIL_RED)}: a program that shows too early lost none")
