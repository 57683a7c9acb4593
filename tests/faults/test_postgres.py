"""A PostgreSQL server, the program on it and the line between them fail at any moment: what was
ever shown over REST is in the tables, once (RELIABILITY.md P25)."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from tests.faults.lives import alive
from tests.faults.proxy import Proxy
from tests.faults.reader import Log, read_until_gone
from tests.faults.server_ordeal import BACK_WITHIN_S, FAULTS, ServerOrdeal, StoredOnServer
from tests.faults.test_kill import double
from tests.faults.tier import Finding, tell, times
from tests.pace import allowed_s
from tests.postgres import PostgresServer

from sigmawatch_simulator import Simulator

__all__ = ["double"]

LIVES = times(change=3, full=70)
FAULTS_A_LIFE = 3
MARKETS = 5
KILLS_UNTIL_RED = 15
CUTS_UNTIL_RED = 10
NOTICED_WITHIN_S = 10.0
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
    """A program whose database is behind the proxy; it tracks little, so it is soon ready."""
    configure(folder, proxy, double)
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
    stored, lost = await asyncio.to_thread(ordeal.stored), await asyncio.to_thread(ordeal.lost)
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
    assert max(ordeal.back_s) < allowed_s(BACK_WITHIN_S), told
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


@pytest.mark.skipif(times(change=1, full=0) == 1, reason="takes minutes: in make faults alone")
async def test_the_check_above_notices_a_blind_retry_without_unique_keys(
    tmp_path: Path, proxy: Proxy, double: Simulator
) -> None:
    ordeal = placed(tmp_path, proxy, double)
    await ordeal.begin()
    ordeal.program = "-m", "tests.faults.blind_retry"
    proxy.server.say("DROP INDEX frames_by_slot, patches_by_slot")
    for cut in range(1, CUTS_UNTIL_RED + 1):
        try:
            await ordeal.live_through("cut after commit")
        except* (AssertionError, TimeoutError):
            pass  # it may end by itself, over what it finds stored already
        if doubled := (await asyncio.to_thread(ordeal.stored)).doubled:
            tell(Finding(
                promise="P25", fault="PostgreSQL: blind retry without unique keys", control=True,
                seed=ordeal.seed, figures={"cuts": cut, "doubled": len(doubled)},
            ))  # fmt: skip
            return
    pytest.fail(f"seed {ordeal.seed}: {CUTS_UNTIL_RED} blind retries doubled nothing")


def configure(folder: Path, proxy: Proxy, double: Simulator) -> None:
    """A few markets of each venue, each minute and each second."""
    text = f'database = "{proxy.url}"\nwindows = ["10m"]\n'
    for venue, stage in double.stages.items():
        markets = [market.id for market in stage.markets[:MARKETS]]
        text += f"""
[venues.{venue}]
base_url = "{double.base_url(venue)}"
requests_per_minute = 600000
poll_offset_s = 0.05
poll_floor_s = 1.0
[[track]]
venue = "{venue}"
markets = {markets}
[[track]]
venue = "{venue}"
markets = {markets}
metrics = ["price"]
every = "1s"
"""
    folder.mkdir(exist_ok=True)
    (folder / "sigmawatch.toml").write_text(text)


async def asked(url: str, path: str, *, post: object = None) -> tuple[int, str]:
    """Status and body of one request."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30)) as session:
        method = "GET" if post is None else "POST"
        async with session.request(method, f"{url}{path}", json=post) as answer:
            return answer.status, await answer.text()


async def becomes_ready(url: str, status: int) -> tuple[float, str]:
    """Seconds until /readyz answers `status`, and what it says then."""
    started_s = time.monotonic()
    while True:
        found, body = await asked(url, "/readyz")
        if found == status:
            return time.monotonic() - started_s, body
        assert time.monotonic() - started_s < allowed_s(3 * BACK_WITHIN_S), body


@pytest.mark.parametrize("how", ["stopped", "frozen"])
async def test_while_the_server_is_away_memory_is_served_and_the_program_says_so(
    tmp_path: Path, proxy: Proxy, double: Simulator, how: str
) -> None:
    configure(tmp_path, proxy, double)
    server = proxy.server
    away, back = (server.stop, server.start) if how == "stopped" else (server.freeze, server.thaw)
    async with alive(tmp_path) as life:
        await becomes_ready(life.url, 200)
        await asyncio.to_thread(away)
        noticed_s, said = await becomes_ready(life.url, 503)
        assert "storage away" in said
        assert (await asked(life.url, "/api/v1/metrics?limit=1000&window=10m"))[0] == 200
        refused, why = await asked(
            life.url, "/api/v1/watchlists", post={"name": "majors", "items": ["*:BTC/*"]}
        )
        assert refused == 503, why
        await asyncio.to_thread(back)
        back_s, _ = await becomes_ready(life.url, 200)
        created, _ = await asked(
            life.url, "/api/v1/watchlists", post={"name": "majors", "items": ["*:BTC/*"]}
        )
        assert created == 201
    tell(Finding(
        promise="P25", fault=f"PostgreSQL: the server is {how}",
        figures={"noticed_s": round(noticed_s, 2), "back_s": round(back_s, 2)},
    ))  # fmt: skip
    assert noticed_s < allowed_s(NOTICED_WITHIN_S)
    assert back_s < allowed_s(BACK_WITHIN_S)


async def test_two_programs_on_one_database_follow_each_other_and_store_what_both_have_once(
    tmp_path: Path, proxy: Proxy, double: Simulator
) -> None:
    other = tmp_path / "other"
    configure(tmp_path, proxy, double)
    configure(other, proxy, double)
    mine = {"name": "ours", "items": ["*:BTC/*"]}
    market = double.stages["kraken"].markets[0]
    async with alive(tmp_path) as one, alive(other) as two:
        assert (await asked(one.url, "/api/v1/watchlists", post=mine))[0] == 201
        await comes_to_tell(two.url, "/api/v1/watchlists/ours")
        status, added = await asked(
            two.url, "/api/v1/metrics",
            post={"market": f"KRAKEN:{market.pair}", "metrics": ["ask"]},
        )  # fmt: skip
        assert status in (200, 201), added
        await comes_to_tell(one.url, f"/api/v1/metrics/KRAKEN:{market.pair.replace('/', '-')}:ask")
        async with asyncio.TaskGroup() as group:
            logs = [Log(), Log()]
            for life, log in zip((one, two), logs, strict=True):
                group.create_task(read_until_gone(life.url, log, random.Random()))
            await asyncio.sleep(5)
            one.kill()
            two.kill()
    stored = await asyncio.to_thread(StoredOnServer, proxy.server.url)
    seen = logs[0].seen | logs[1].seen
    assert seen
    assert not [each for each in seen if not stored.holds(each)]
    assert not stored.doubled


async def comes_to_tell(url: str, path: str) -> None:
    async with asyncio.timeout(3 * BACK_WITHIN_S):
        while (await asked(url, path))[0] != 200:
            pass
