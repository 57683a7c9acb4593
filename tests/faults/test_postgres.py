"""A PostgreSQL server, the program on it and the line between them fail at any moment: what was
ever shown over REST is in the tables, once (RELIABILITY.md P25)."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.faults.proxy import Proxy
from tests.faults.server_ordeal import BACK_WITHIN_S, FAULTS, ServerOrdeal
from tests.faults.test_kill import configure, double
from tests.faults.tier import Finding, tell, times
from tests.postgres import PostgresServer

from sigmawatch_simulator import Simulator

__all__ = ["double"]

LIVES = times(change=3, full=70)
FAULTS_A_LIFE = 3
KILLS_UNTIL_RED = 15
CUTS_UNTIL_RED = 10
IN_MEMORY = "/dev/shm" if sys.platform.startswith("linux") else None

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(1_800),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds children in /proc"),
]


@pytest_asyncio.fixture
async def proxy() -> AsyncIterator[Proxy]:
    """A server of this test alone, as an operator runs it, and the line to it."""
    with tempfile.TemporaryDirectory(prefix="sigmawatch-pg-", dir=IN_MEMORY) as folder:
        server = PostgresServer(Path(folder), max_wal_size="64MB")
        server.start()
        async with Proxy(server).running() as made:
            yield made
        server.stop(signal.SIGQUIT)


def placed(folder: Path, proxy: Proxy, double: Simulator) -> ServerOrdeal:
    """A program whose database is behind the proxy."""
    configure(folder, double)
    file = folder / "sigmawatch.toml"
    file.write_text(f'database = "{proxy.url}"\n{file.read_text()}')
    return ServerOrdeal(folder=folder, server=proxy.server, proxy=proxy)


def drawn(ordeal: ServerOrdeal) -> list[str]:
    """Faults of one life; a frozen server takes so long that it is for the full tier."""
    names = [name for name in FAULTS if times(change=name != "frozen", full=1)]
    return ordeal.dice.sample(names, FAULTS_A_LIFE)


async def test_nothing_that_was_shown_is_lost_or_doubled_whatever_fails(
    tmp_path: Path, proxy: Proxy, double: Simulator
) -> None:
    """RELIABILITY.md P25: "0 lost, 0 double; reconnect <= 10 s"."""
    ordeal = placed(tmp_path, proxy, double)
    await ordeal.begin()
    for _ in range(LIVES):
        await ordeal.live_through(*drawn(ordeal))
    stored = await asyncio.to_thread(ordeal.stored)
    lost = [seen for seen in ordeal.log.seen if not stored.holds(seen)]
    told = f"{ordeal.report(kills=ordeal.kills)}; {dict(ordeal.faults)}"
    tell(Finding(
        promise="P25", fault="PostgreSQL: program, server and line fail at random",
        seed=ordeal.seed,
        figures={
            "kills": ordeal.kills, **ordeal.faults,
            "numbers_shown": len(ordeal.log.seen), "lost": len(lost),
            "doubled": len(stored.doubled), "back_s_max": round(max(ordeal.back_s), 2),
        },
    ))  # fmt: skip
    assert not lost, f"{told}: {len(lost)} lost, as {lost[:3]}"
    assert not stored.doubled, f"{told}: {stored.doubled[:3]}"
    assert max(ordeal.back_s) < BACK_WITHIN_S, told
    assert len(ordeal.log.seen) > 5 * LIVES, told


async def test_the_check_above_notices_numbers_shown_before_their_commit(
    tmp_path: Path, proxy: Proxy, double: Simulator
) -> None:
    ordeal = placed(tmp_path, proxy, double)
    await ordeal.begin()
    ordeal.program = "-m", "tests.faults.too_early"
    for kill in range(1, KILLS_UNTIL_RED + 1):
        await ordeal.live_through()
        if lost := await asyncio.to_thread(ordeal.lost):
            tell(Finding(
                promise="P25", fault="PostgreSQL: shown before the commit", control=True,
                seed=ordeal.seed, figures={"kills": kill, "lost": len(lost)},
            ))  # fmt: skip
            return
    pytest.fail(f"{ordeal.report(kills=KILLS_UNTIL_RED)}: a program that shows too early lost none")


async def test_the_check_above_notices_a_blind_retry_without_unique_keys(
    tmp_path: Path, proxy: Proxy, double: Simulator
) -> None:
    ordeal = placed(tmp_path, proxy, double)
    await ordeal.begin()
    ordeal.program = "-m", "tests.faults.blind_retry"
    proxy.server.say("DROP INDEX frames_by_slot, patches_by_slot")
    for cut in range(1, CUTS_UNTIL_RED + 1):
        await ordeal.live_through("cut after commit")
        if doubled := (await asyncio.to_thread(ordeal.stored)).doubled:
            tell(Finding(
                promise="P25", fault="PostgreSQL: blind retry without unique keys", control=True,
                seed=ordeal.seed, figures={"cuts": cut, "doubled": len(doubled)},
            ))  # fmt: skip
            return
    pytest.fail(f"seed {ordeal.seed}: {CUTS_UNTIL_RED} blind retries doubled nothing")
