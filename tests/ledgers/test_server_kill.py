"""kill -9 of the PostgreSQL server at any moment: what was acknowledged is there when it is back,
once, and the ledger goes on by itself (RELIABILITY.md P25)."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from tests.contracts.samples import SLOT, frame, replayed, store, track
from tests.ledgers.opening import asked, until
from tests.postgres import PostgresServer

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.postgres import PostgresLedger
from sigmawatch.adapters.ledgers.repositories import SqlTransaction
from sigmawatch.adapters.ledgers.statements import Migration, load_migrations
from sigmawatch.domain.errors import Unavailable

KILLS = int(os.environ.get("SIGMAWATCH_TEST_SERVER_KILLS", "10"))
KILLS_UNTIL_RED = 10
LONGEST_S = 0.1
SLEEPS = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds children in /proc"),
]


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """As an operator runs it, and of this test alone."""
    with tempfile.TemporaryDirectory(prefix="sigmawatch-pg-") as folder:
        made = PostgresServer(Path(folder), recovery_init_sync_method="syncfs")
        made.start()
        yield made
        made.stop(signal.SIGQUIT)


class Ordeal:
    """A ledger that commits without a pause; acknowledged: the ids of what it reported."""

    def __init__(self, ledger: PostgresLedger, *, hasty: bool = False) -> None:
        """hasty: the bug that the check must notice, commits that the server need not sync."""
        self.ledger = ledger
        self.acknowledged: list[str] = []
        self._hasty = hasty
        self._more = asyncio.Event()

    async def commit_for_ever(self) -> None:
        for slot in count(SLOT):
            async with self.ledger.transaction(bulk=True) as transaction:
                assert isinstance(transaction, SqlTransaction)
                if self._hasty:
                    await transaction.run(
                        lambda session: len(list(session.execute("SET synchronous_commit = off")))
                    )
                assert await transaction.frames.insert([frame(slot, values=[1.0] * 64)])
            self.acknowledged.append(frame(slot).id)
            self._more.set()

    async def goes_on(self) -> None:
        """Until something more is acknowledged."""
        self._more.clear()
        async with asyncio.timeout(60):
            await self._more.wait()

    async def lost(self) -> set[str]:
        """What was acknowledged and is not stored."""
        acknowledged = list(self.acknowledged)
        stored = await replayed(self.ledger)
        assert len(stored) == len(set(stored))
        return set(acknowledged) - set(stored)


async def test_no_acknowledged_commit_is_lost_when_the_server_is_killed(
    server: PostgresServer,
) -> None:
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    ledger = await PostgresLedger.open(server.url, clock=VirtualClock(0))
    await track(ledger, "BTC")
    ordeal = Ordeal(ledger)
    task = asyncio.create_task(ordeal.commit_for_ever())
    for kill in range(KILLS):
        await ordeal.goes_on()
        await asyncio.sleep(dice.uniform(0.0, LONGEST_S))
        await asyncio.to_thread(server.stop, signal.SIGKILL)
        await asyncio.to_thread(server.start)
        await ordeal.goes_on()
        assert not await ordeal.lost(), f"seed {seed}, kill {kill}"
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled(), "it was never stopped by a kill"
    await ledger.close()


async def test_the_check_above_notices_commits_that_were_not_synced(
    server: PostgresServer,
) -> None:
    ledger = await PostgresLedger.open(server.url, clock=VirtualClock(0))
    await track(ledger, "BTC")
    ordeal = Ordeal(ledger, hasty=True)
    task = asyncio.create_task(ordeal.commit_for_ever())
    for _ in range(KILLS_UNTIL_RED):
        await ordeal.goes_on()
        await asyncio.to_thread(server.stop, signal.SIGKILL)
        await asyncio.to_thread(server.start)
        await ordeal.goes_on()
        if await ordeal.lost():
            break
    else:
        pytest.fail(f"{KILLS_UNTIL_RED} kills of a server that need not sync lost nothing")
    task.cancel()
    await asyncio.wait([task])
    await ledger.close()


async def test_a_server_killed_during_a_migration_has_the_old_schema_and_all_data(
    server: PostgresServer,
) -> None:
    """RELIABILITY.md P29: "old or new schema, never between"."""
    ours = load_migrations("postgres")
    slow = Migration(number=len(ours) + 1, name="slow",
                     sql="CREATE TABLE notes (id BIGINT); SELECT pg_sleep(60);")  # fmt: skip
    ledger = await PostgresLedger.open(server.url, clock=VirtualClock(0))
    await track(ledger, "BTC")
    await store(ledger, frame())
    await ledger.close()
    opening = PostgresLedger.open(server.url, clock=VirtualClock(0), migrations=[*ours, slow])
    task = asyncio.create_task(opening)
    await until(lambda: bool(asked(server.url, SLEEPS)))
    await asyncio.to_thread(server.stop, signal.SIGKILL)
    with pytest.raises(Unavailable):
        await task
    await asyncio.to_thread(server.start)
    assert asked(server.url, "SELECT to_regclass('notes')") == [(None,)]
    ledger = await PostgresLedger.open(server.url, clock=VirtualClock(0))
    assert await replayed(ledger) == [frame().id]
    await ledger.close()
