"""A server that stands still without closing anything is noticed within ten seconds, and what waits
for it goes on when it does (RELIABILITY.md P25)."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contracts.samples import frame, replayed, store, track
from tests.pace import allowed_s
from tests.postgres import PostgresServer

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.postgres import PostgresLedger
from sigmawatch.adapters.ledgers.postgres_server import Patience
from sigmawatch.domain.errors import Unavailable

NOTICED_S = 10.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds children in /proc"),
]


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    with tempfile.TemporaryDirectory(prefix="sigmawatch-pg-") as folder:
        made = PostgresServer(Path(folder))
        made.start()
        yield made
        made.thaw()
        made.stop(signal.SIGQUIT)


async def test_what_meets_a_server_that_stands_still_notices_and_goes_on_when_it_does(
    server: PostgresServer,
) -> None:
    patience = Patience(reads_s=0.0)
    ledger = await PostgresLedger.open(server.url, clock=VirtualClock(0), patience=patience)
    await track(ledger, "BTC")
    await ledger.series()  # a reader's connection stands, and will fall silent
    server.freeze()
    task = asyncio.create_task(store(ledger, frame()))
    started_s = time.monotonic()
    with pytest.raises(Unavailable):
        await ledger.series()
    assert time.monotonic() - started_s < allowed_s(NOTICED_S)
    assert not task.done(), "nothing is acknowledged that nobody has synced"
    server.thaw()
    async with asyncio.timeout(allowed_s(NOTICED_S)):
        assert await task == {frame().id}
    assert await replayed(ledger) == [frame().id]
    await ledger.close()
