"""Program and PostgreSQL server are killed while days are sealed: a read tells what was said, then
as before (RELIABILITY.md P01, P25). The same in a file: tests/ledgers/test_sealing_faults.py."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import pytest
from tests.faults.tier import Finding, tell, times
from tests.ledgers import opening
from tests.ledgers.sealed_days import filled, items, wrong
from tests.postgres import PostgresServer, with_options
from tests.processes import started

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.ledger import SqlLedger

ROOT = Path(__file__).parents[2]
KILLS = times(change=3, full=60)
KILLS_UNTIL_RED = 40
LONGEST_S = 0.3

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds children in /proc"),
]


class Seals:
    """Processes that seal, one after the other, each over a database that is new or was left by
    one that was killed."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._numbers = count(1)
        self.seed = random.randrange(2**32)
        self.dice = random.Random(self.seed)
        self.where = ""

    async def begin(self) -> None:
        """A database with three days, none of it sealed."""
        number = next(self._numbers)
        self._server.say(f"CREATE SCHEMA days_{number}")
        self.where = with_options(self._server.url, f"-c search_path=days_{number}")
        await filled(self.where)

    def suffer(self, *, order: str) -> bool:
        """Seal, and kill the program at a random moment; before it, half of the time, the server.
        Whether it had ended by itself."""
        with started(
            [sys.executable, "-m", "tests.ledgers.sealed_days", self.where, order],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        ) as child:  # fmt: skip
            assert child.stdout is not None
            child.stdout.readline()
            if order == "after" and self.dice.random() < 0.5:
                time.sleep(self.dice.uniform(0.0, LONGEST_S))
                self._server.stop(signal.SIGKILL)
                self._server.start()
            time.sleep(self.dice.uniform(0.0, LONGEST_S))
            ended = child.poll() is not None
            child.kill()
        return ended

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[SqlLedger]:
        ledger = await opening.opened(self.where, clock=VirtualClock(0))
        try:
            yield ledger
        finally:
            await ledger.close()


@pytest.fixture
def seals() -> Iterator[Seals]:
    with tempfile.TemporaryDirectory(prefix="sigmawatch-pg-") as folder:
        server = PostgresServer(Path(folder))
        server.start()
        yield Seals(server)
        server.stop(signal.SIGQUIT)


async def test_kills_while_days_are_sealed_lose_nothing(seals: Seals) -> None:
    await seals.begin()
    ends = 0
    for kill in range(KILLS):
        ended = await asyncio.to_thread(seals.suffer, order="after")
        ends += ended
        async with seals.opened() as ledger:
            told = await wrong(ledger, said=items())
        assert told == [], f"seed {seals.seed}, kill {kill}"
        if ended:  # else it goes on where it was, and may be killed again
            await seals.begin()
    tell(Finding(
        promise="P25", fault="PostgreSQL: program or server killed while days are sealed",
        seed=seals.seed, figures={"kills": KILLS - ends, "wrong": 0},
    ))  # fmt: skip


async def test_the_check_above_notices_frames_that_went_before_their_columns_were_there(
    seals: Seals,
) -> None:
    for kill in range(1, KILLS_UNTIL_RED + 1):
        await seals.begin()
        await asyncio.to_thread(seals.suffer, order="before")
        async with seals.opened() as ledger:
            if found := await wrong(ledger, said=items()):
                tell(Finding(
                    promise="P25", fault="PostgreSQL: deleted before it is sealed", control=True,
                    seed=seals.seed, figures={"kills": kill, "wrong": len(found)},
                ))  # fmt: skip
                return
    pytest.fail(f"seed {seals.seed}: {KILLS_UNTIL_RED} kills of a hasty sealer lost nothing")
