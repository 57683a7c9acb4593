"""What the tests of a failing storage have in common: a light load, what is told, what is lost."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import aiohttp
from tests.faults.lives import Life
from tests.faults.oracle import Stored
from tests.faults.reader import Log
from tests.pace import allowed_s

from sigmawatch_simulator import Simulator

MARKETS = 5
SERIES = 3 * MARKETS * 2


def configure(folder: Path, double: Simulator) -> None:
    """Five markets of three venues, price and volume, every two seconds; nothing is back-filled."""
    text = 'windows = ["10m"]\n[backfill]\nenabled = false\n'
    for venue, stage in double.stages.items():
        pairs = ", ".join(f'"{market.id}"' for market in stage.markets[:MARKETS])
        text += f"""
[venues.{venue}]
base_url = "{double.base_url(venue)}"
requests_per_minute = 600000
poll_offset_s = 0.05
poll_floor_s = 1.0
[[track]]
venue = "{venue}"
markets = [{pairs}]
metrics = ["price", "volume_24h_quote"]
every = "2s"
"""
    with (folder / "sigmawatch.toml").open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


class Watched:
    """A life, what it tells of its storage, and every number that it shows."""

    def __init__(self, life: Life, log: Log) -> None:
        self._life, self.log = life, log

    async def asked(
        self, path: str, *, method: str = "GET", body: Any = None
    ) -> tuple[int, dict[str, Any]]:
        """Status and answer."""
        timeout = aiohttp.ClientTimeout(total=20)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(method, f"{self._life.url}{path}", json=body) as answer,
        ):
            return answer.status, await answer.json()

    async def state(self) -> str:
        _, told = await self.asked("/api/v1/storage")
        return str(told["state"])

    async def becomes(self, state: str, *, within_s: float) -> float:
        """How long it took until the storage was told to be in that state, in seconds."""
        began_s = time.monotonic()
        while (now := await self.state()) != state:
            took_s = time.monotonic() - began_s
            assert took_s < allowed_s(within_s), f"still {now} after {took_s:.1f} s, not {state}"
            await asyncio.sleep(0.05)
        return time.monotonic() - began_s

    async def look(self, *, for_s: float = 0.0) -> None:
        """Read the list of series, for some time."""
        until_s = time.monotonic() + for_s
        await self.log.look(self._life.url)
        while time.monotonic() < until_s:
            await asyncio.sleep(0.1)
            await self.log.look(self._life.url)

    async def shows_more(self, *, within_s: float) -> float:
        """How long it took until numbers were shown that were not before, in seconds."""
        await self.look()
        before, began_s = len(self.log.seen), time.monotonic()
        while len(self.log.seen) < before + SERIES:
            await self.look()
            took_s = time.monotonic() - began_s
            assert took_s < allowed_s(within_s), f"nothing new was shown for {took_s:.1f} s"
            await asyncio.sleep(0.05)
        return time.monotonic() - began_s

    async def begun(self) -> None:
        """Wait until all that is configured is tracked, and has been shown for a while."""
        async with asyncio.timeout(60):
            while len(self.log.ids) < SERIES:
                await self.look()
        await self.shows_more(within_s=60.0)

    async def wakes_per_s(self, *, for_s: float) -> float:
        """How often a second any thread of the program had waited and was woken: unlike the
        processor time that it got, a measure of what it does on a busy machine too."""
        before, began_s = self._wakes(), time.monotonic()
        await asyncio.sleep(for_s)
        return (self._wakes() - before) / (time.monotonic() - began_s)

    def _wakes(self) -> int:
        tasks = Path(f"/proc/{self._life.process.pid}/task").iterdir()
        lines = [line for task in tasks for line in (task / "status").read_text().splitlines()]
        return sum(int(line.split()[1]) for line in lines if line.startswith("voluntary"))


def lost(folder: Path, log: Log, *, scratch: Path) -> int:
    """How many of the numbers that were shown are not on disk. Nobody runs."""
    stored = Stored(folder / "data", scratch=scratch)
    return sum(not stored.holds(seen) for seen in log.seen)
