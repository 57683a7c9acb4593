"""kill -9 while slots are judged: every episode is in the outbox exactly once (RELIABILITY.md P10).

The real program with a judge of its own (tests/rising.py), one-second slots of the venue double,
killed most often just when a slot closes. The judge of the judge is episodes.py.
"""

from __future__ import annotations

import asyncio
import random
import signal
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from tests.faults.episodes import Verdict, copied, heard_from_ms, verdict
from tests.faults.lives import alive
from tests.faults.reader import VENUES, Log
from tests.faults.tier import Finding, full_only, tell, times
from tests.postgres import PostgresServer

from sigmawatch_simulator import Config, Simulator

KILLS = times(change=5, full=200)
EPISODES_MIN = times(change=50, full=10_000)
SERVER_KILLS = times(change=3, full=60)
KILLS_UNTIL_RED = 15
MARKETS = 170  # of each of three venues
PACE = 60.0  # of their time: nearly every price moves every second
SOUND, TORN = ("-m", "tests.faults.judged"), ("-m", "tests.faults.judged_apart")
SLOT_MS, OFFSET_S = 1_000, 0.05

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(3_600),
    pytest.mark.skipif(sqlite3.sqlite_version_info < (3, 37), reason="sqlite3 cannot read STRICT"),
]


@pytest_asyncio.fixture
async def double() -> AsyncIterator[Simulator]:
    async with Simulator(
        Config(venues=VENUES, markets_count=MARKETS, limited=False, speed=PACE)
    ) as simulator:
        yield simulator


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server of this test alone."""
    with tempfile.TemporaryDirectory(prefix="sigmawatch-pg-") as folder:
        made = PostgresServer(Path(folder))
        made.start()
        yield made
        made.stop()


def configure(folder: Path, double: Simulator) -> None:
    text = 'windows = ["10m"]\n[backfill]\nenabled = false\n'
    for venue, stage in double.stages.items():
        pairs = ", ".join(f'"{market.id}"' for market in stage.markets[:MARKETS])
        text += f"""
[venues.{venue}]
base_url = "{double.base_url(venue)}"
requests_per_minute = 600000
poll_offset_s = {OFFSET_S}
poll_floor_s = 1.0
[[track]]
venue = "{venue}"
markets = [{pairs}]
metrics = ["price"]
every = "1s"
"""
    (folder / "sigmawatch.toml").write_text(text)


async def begin(folder: Path) -> None:
    """A first life, that knows no rule of ours, until every series is tracked."""
    log = Log()
    async with alive(folder) as life:
        while len(log.ids) < 3 * (MARKETS - 1):  # a venue lists a pair twice
            await log.look(life.url)
        for _ in range(20):
            await log.look(life.url)
    await asyncio.sleep(SLOT_MS / 1_000)  # a server may still be storing what it was told


async def live_and_die(folder: Path, *, program: Sequence[str], dice: random.Random) -> None:
    """Start, see some slots close, be killed around the next close."""
    async with alive(folder, program=program) as life:
        slots = dice.choice((1, 2, 3))
        now_ms = time.time_ns() // 1_000_000
        boundary_ms = (now_ms // SLOT_MS + slots) * SLOT_MS
        await asyncio.sleep((boundary_ms - now_ms) / 1_000 + OFFSET_S + dice.uniform(0.0, 0.25))
        life.kill()


def judged(folder: Path, *, from_ms: int) -> Verdict:
    with copied(folder) as rows:
        return verdict(rows, from_ms=from_ms)


def wrong(found: Verdict) -> int:
    return len(found.missing) + len(found.extra) + len(found.double) + len(found.torn)


@full_only
async def test_every_episode_is_in_the_outbox_exactly_once_whenever_we_are_killed(
    tmp_path: Path, double: Simulator
) -> None:
    """SEMANTICS.md 8: "Outbox exactly once"."""
    configure(tmp_path, double)
    dice = random.Random(seed := random.randrange(2**32))
    await begin(tmp_path)
    with copied(tmp_path) as rows:
        from_ms = heard_from_ms(rows)
    for _ in range(KILLS):
        await live_and_die(tmp_path, program=SOUND, dice=dice)
    found = judged(tmp_path, from_ms=from_ms)
    told = f"seed {seed}, {KILLS} kills: {found.episodes} episodes, {found.expected} notices"
    assert not wrong(found), f"{told}; {found._replace(expected=0)}"[:4_000]
    assert found.episodes >= EPISODES_MIN, told
    tell(Finding(
        promise="P10", fault="kill -9 while slots are judged, SQLite", seed=seed,
        figures={"kills": KILLS, "episodes": found.episodes, "notices": found.expected,
                 "notices_missing_or_double": 0},
    ))  # fmt: skip


@full_only
async def test_on_a_server_too_every_episode_is_there_exactly_once_whoever_is_killed(
    tmp_path: Path, double: Simulator, server: PostgresServer
) -> None:
    """RELIABILITY.md P10, P25: half of the time the server is killed with the program."""
    configure(tmp_path, double)
    file = tmp_path / "sigmawatch.toml"
    file.write_text(f'database = "{server.url}"\n{file.read_text()}')
    dice = random.Random(seed := random.randrange(2**32))
    await begin(tmp_path)
    with psycopg.connect(server.url) as connection:
        from_ms = heard_from_ms(connection.execute)
    server_kills = 0
    for life in range(SERVER_KILLS):
        await live_and_die(tmp_path, program=SOUND, dice=dice)
        if life == SERVER_KILLS - 1 or dice.random() < 0.5:  # a session may outlive its program
            server_kills += 1
            await asyncio.to_thread(server.stop, signal.SIGKILL)
            await asyncio.to_thread(server.start)
    with psycopg.connect(server.url) as connection:
        found = verdict(connection.execute, from_ms=from_ms)
    told = f"seed {seed}: {found.episodes} episodes, {found.expected} notices"
    assert not wrong(found), f"{told}; {found._replace(expected=0)}"[:4_000]
    assert found.episodes >= EPISODES_MIN // 4, told
    tell(Finding(
        promise="P10", fault="kill -9 of program and server while slots are judged, PostgreSQL",
        seed=seed,
        figures={"program_kills": SERVER_KILLS, "server_kills": server_kills,
                 "episodes": found.episodes, "notices": found.expected,
                 "notices_missing_or_double": 0},
    ))  # fmt: skip


async def test_the_check_above_notices_states_stored_apart_from_their_notices(
    tmp_path: Path, double: Simulator
) -> None:
    configure(tmp_path, double)
    dice = random.Random(seed := random.randrange(2**32))
    await begin(tmp_path)
    with copied(tmp_path) as rows:
        from_ms = heard_from_ms(rows)
    for kill in range(1, KILLS_UNTIL_RED + 1):
        await live_and_die(tmp_path, program=TORN, dice=dice)
        if count := wrong(judged(tmp_path, from_ms=from_ms)):
            tell(Finding(
                promise="P10", fault="states in a second transaction", control=True, seed=seed,
                figures={"kills": kill, "notices_wrong": count},
            ))  # fmt: skip
            return
    pytest.fail(f"seed {seed}: a program that stores states apart was not noticed")
