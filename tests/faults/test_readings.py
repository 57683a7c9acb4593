"""kill -9 while readings are judged before their slots close (RELIABILITY.md P10).

The real program over one venue of the double, slots of five seconds, rules `on: reading`. Prices
jump between every two readings; a poll is asked for again and again, and the program killed while
it is stored and judged. The judge is the account below, from the frames alone: no code of the
product.
"""

from __future__ import annotations

import asyncio
import math
import random
import shutil
import sqlite3
import struct
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from tests.faults.episodes import frames
from tests.faults.lives import SOUND, alive
from tests.faults.reader import VENUES
from tests.faults.tier import Finding, full_only, tell, times

from sigmawatch_simulator import Config, Fault, Simulator

KILLS = times(change=4, full=100)
EPISODES_MIN = times(change=5, full=200)
FORGETTING = ("-m", "tests.faults.forgetting")
KILLS_UNTIL_RED = 25
VENUE = "kraken"
SLOT_MS, DEADLINE_MS = 5_000, 1_250
LOW, HIGH, LIMIT = "100", "300", 200.0
JUDGED_WITHIN_S = 60.0
_HEADER = struct.Struct("<BBHIqIIq")  # version, kind, flags, owner, slot, revision, n, recv_ms
Told = tuple[str, str]  # episode, kind

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(times(change=600, full=3_600)),
    pytest.mark.skipif(sqlite3.sqlite_version_info < (3, 37), reason="sqlite3 cannot read STRICT"),
]


@dataclass(kw_only=True)
class Ordeal:
    """One data folder and its venue."""

    folder: Path
    double: Simulator
    pairs: Sequence[str]
    dice: random.Random
    seed: int
    asked: list[int] = field(default_factory=list)

    def configure(self) -> None:
        """A rule a market, so that none of them ever has a storm."""
        listed = ", ".join(f'"{pair}"' for pair in self.pairs)
        (self.folder / "sigmawatch.toml").write_text(f"""
windows = ["10m"]
[backfill]
enabled = false
[venues.{VENUE}]
base_url = "{self.double.base_url(VENUE)}"
requests_per_minute = 600000
poll_offset_s = 0.05
poll_floor_s = 1.0
[[track]]
venue = "{VENUE}"
markets = [{listed}]
metrics = ["price"]
every = "5s"
""")
        (self.folder / "rules.toml").write_text("".join(
            f'[rules.jump-{number}]\ncondition = "price > 200"\nclear = "price <= 200"\n'
            f'cooldown = "0s"\non = "reading"\ntarget = "{VENUE}:{pair}"\n'
            for number, pair in enumerate(self.pairs)
        ))  # fmt: skip

    def jump(self, *, low: bool = False) -> None:
        """Every price is another one, or none is high."""
        self.double.faults.clear()
        for pair in self.pairs:
            price = LOW if low or self.dice.random() < 0.6 else HIGH
            fault = Fault(kind="poison", venue=VENUE, markets=(pair,), value=price)
            self.double.faults.add(fault)

    async def live_and_die(self, *, program: Sequence[str] = SOUND) -> None:
        """Ask for readings inside slots, and be killed around one of them."""
        async with alive(self.folder, program=program) as life, aiohttp.ClientSession() as session:
            for _ in range(self.dice.choice((1, 2, 3))):
                await self._inside_a_slot()
                self.jump()
                await _collect(session, life.url)
            self.jump()
            await self._inside_a_slot()
            asking = asyncio.ensure_future(_collect(session, life.url))
            await asyncio.sleep(self.dice.uniform(0.0, 0.06))
            life.kill()
            with suppress(aiohttp.ClientError):
                await asking

    async def _inside_a_slot(self) -> None:
        """Later than its predecessor's closing observation."""
        await asyncio.sleep(self.dice.uniform(0.0, 0.6))
        inside_ms = _now_ms() % SLOT_MS
        if inside_ms < DEADLINE_MS + 100:
            await asyncio.sleep((DEADLINE_MS + 100 - inside_ms) / 1_000)

    async def settle(self, *, program: Sequence[str] = SOUND) -> None:
        """A life in which nothing is high, until all that went before is judged."""
        self.jump(low=True)
        until_slot = _now_ms() // SLOT_MS
        async with alive(self.folder, program=program) as life:
            async with asyncio.timeout(JUDGED_WITHIN_S):
                while self.judged_slot() <= until_slot:  # noqa: ASYNC110 - who would tell?
                    await asyncio.sleep(0.5)
            life.kill()

    def judged_slot(self) -> int:
        name = f"file:{self.folder / 'data' / 'sigmawatch.db'}?mode=ro"
        with closing(sqlite3.connect(name, uri=True, timeout=10.0)) as connection:
            return max((slot for _, slot in _judged(connection)), default=-1)

    def wrong(self) -> tuple[dict[str, list[Told]], int]:
        """What is missing, too much or there twice, of a copy; and how many episodes there are."""
        copy = self.folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.folder / "data", copy)
        with closing(sqlite3.connect(copy / "sigmawatch.db")) as connection:
            [(_, through)] = _judged(connection)
            expected = [told for slot, told in account(connection, self.pairs) if slot <= through]
            rows = connection.execute(
                "SELECT episode, kind FROM outbox JOIN rules ON rules.id = rule_id "
                "WHERE rules.name LIKE 'jump-%' AND channel = '*'"
            )
            found = Counter((str(episode), str(kind)) for episode, kind in rows)
            [(episodes_count,)] = connection.execute(
                "SELECT count(*) FROM episodes JOIN rules ON rules.id = rule_id "
                "WHERE rules.name LIKE 'jump-%'"
            )
        wrong = {
            "missing": [told for told in expected if told not in found],
            "extra": [told for told in found if told not in set(expected)],
            "double": [told for told, count in found.items() if count > 1],
        }
        return {name: told for name, told in wrong.items() if told}, int(episodes_count)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _judged(connection: sqlite3.Connection) -> list[tuple[int, int]]:
    return list(connection.execute(
        "SELECT interval_ms, slot FROM judged WHERE interval_ms = ?", (SLOT_MS,)
    ))  # fmt: skip


async def _collect(session: aiohttp.ClientSession, url: str) -> None:
    async with session.post(f"{url}/api/v1/collect", json={}) as answer:
        await answer.read()


def account(connection: sqlite3.Connection, pairs: Sequence[str]) -> Iterator[tuple[int, Told]]:
    """What must be told, and the slot it is told with. A reading opens, a slot opens or closes
    (docs/decisions/0022); a slot of which nothing came changes nothing."""
    closes = frames(connection.execute)
    rules = {name: id for id, name in connection.execute("SELECT id, name FROM rules")}
    opens = _readings(connection)
    for series, block, place, pair in connection.execute(
        "SELECT s.id, block_id, place, base || '/' || quote FROM series AS s "
        "JOIN markets AS m ON m.id = market_id"
    ):
        rule = rules[f"jump-{pairs.index(pair)}"]
        opened: int | None = None
        for slot, values in closes.get(block, []):
            read = [row[place] for row in opens.get((block, slot), [])]
            for value, closing_ in [*((one, False) for one in read), (values[place], True)]:
                fires = not math.isnan(value) and value > LIMIT
                if opened is None and fires:
                    opened = slot
                    yield slot, (f"{rule}-{series}-{slot * SLOT_MS}", "firing")
                elif opened is not None and closing_ and value <= LIMIT:
                    episode = f"{rule}-{series}-{opened * SLOT_MS}"
                    opened = None
                    yield slot, (episode, "resolved")


def _readings(connection: sqlite3.Connection) -> dict[tuple[int, int], list[list[float]]]:
    """Block and slot -> the values of its readings, in the order of their commits."""
    found: dict[tuple[int, int], list[list[float]]] = {}
    for block, body in connection.execute("SELECT block_id, body FROM frames ORDER BY id"):
        _, _, flags, _, slot, _, count, _ = _HEADER.unpack_from(body)
        if flags & 1:
            values = struct.unpack_from(f"<{count}d", body, _HEADER.size)
            found.setdefault((block, slot), []).append(list(values))
    return found


@asynccontextmanager
async def ordeal(folder: Path) -> AsyncIterator[Ordeal]:
    """Everything is tracked, low, and judged."""
    seed = random.randrange(2**32)
    async with Simulator(
        Config(venues=VENUES, markets_count=9, limited=False, speed=1.0)
    ) as double:
        pairs = sorted({market.pair for market in double.stages[VENUE].markets})[:6]
        made = Ordeal(folder=folder, double=double, pairs=pairs, seed=seed,
                      dice=random.Random(seed))  # fmt: skip
        made.configure()
        await made.settle()
        yield made


async def test_every_reading_that_was_durable_is_judged_exactly_once_whenever_we_are_killed(
    tmp_path: Path,
) -> None:
    """SEMANTICS.md 6: "`on: reading` evaluates each new reading"; 8: "Outbox exactly once"."""
    async with ordeal(tmp_path) as made:
        for _ in range(KILLS):
            await made.live_and_die()
        await made.settle()
        wrong, episodes = made.wrong()
        told = f"seed {made.seed}, {KILLS} kills, {episodes} episodes"
        assert not wrong, f"{told}: {wrong}"[:4_000]
        assert episodes >= EPISODES_MIN, told
        tell(Finding(
            promise="P10", fault="kill -9 while readings are judged", seed=made.seed,
            figures={"kills": KILLS, "episodes": episodes, "notices_missing_or_double": 0},
        ))  # fmt: skip


@full_only
async def test_the_check_above_notices_a_start_that_forgets_readings(tmp_path: Path) -> None:
    async with ordeal(tmp_path) as made:
        for kill in range(1, KILLS_UNTIL_RED + 1):
            await made.live_and_die(program=FORGETTING)
            await made.settle(program=FORGETTING)
            wrong, _ = made.wrong()
            if wrong:
                tell(Finding(
                    promise="P10", fault="readings are forgotten by a kill", control=True,
                    seed=made.seed, figures={"kills": kill, "notices_wrong": len(wrong)},
                ))  # fmt: skip
                return
        pytest.fail(f"seed {made.seed}: a program that forgets readings was not noticed")
