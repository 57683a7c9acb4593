"""What the program takes for 200 markets: the real command, against the venue double.

The double runs in this process, the program in its own, with every default metric of 200 markets
over three venues, and a day of back-fill behind it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import aiohttp
from benchmarks.shared.machine import peak_bytes_of, resident_bytes

from sigmawatch.app.cli.running import find
from sigmawatch_simulator import Config, Simulator

MARKETS = {"kraken": 67, "coinbase": 67, "binance": 66}
LOOK_EVERY_S = 0.25
PATIENCE_S = 150.0
PROGRAM = ("-c", "from sigmawatch.app.cli import main; main()")


async def taken() -> dict[str, float]:
    """Resident and peak bytes once every job is done, and how many series that are."""
    with tempfile.TemporaryDirectory(prefix="sigmawatch-small-") as name:
        folder = Path(name)
        async with (
            Simulator(Config(markets_count=max(MARKETS.values()), limited=False)) as double,
            asyncio.timeout(PATIENCE_S),
        ):
            configure(folder, double)
            return await measured(folder)


def configure(folder: Path, double: Simulator) -> None:
    text = ""
    for venue, count in MARKETS.items():
        pairs = ", ".join(f'"{market.id}"' for market in double.stages[venue].markets[:count])
        text += (
            f'[venues.{venue}]\nbase_url = "{double.base_url(venue)}"\n'
            f'requests_per_minute = 60000\n[[track]]\nvenue = "{venue}"\nmarkets = [{pairs}]\n'
        )
    (folder / "sigmawatch.toml").write_text(text)


async def measured(folder: Path) -> dict[str, float]:
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *PROGRAM, "run", "--port", "0", "--log", "json",
            "--config", str(folder / "sigmawatch.toml"), "--data", str(folder / "data"),
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        working = asyncio.ensure_future(_settled(folder / "data"))
        ended = asyncio.ensure_future(process.wait())
        await asyncio.wait([working, ended], return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            raise RuntimeError((folder / "log").read_text("utf-8")[-2_000:])
        series_count = await working
        return {
            "memory_bytes": resident_bytes(process.pid),
            "peak_bytes": peak_bytes_of(process.pid),
            "series_count": series_count,
        }
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _settled(data: Path) -> int:
    """Wait until every venue's back-fill is done; how many series are tracked."""
    while (running := find(data)) is None:  # noqa: ASYNC110 - another process writes it
        await asyncio.sleep(LOOK_EVERY_S)
    async with aiohttp.ClientSession(running.url) as session:
        while True:
            jobs = (await _asked(session, "/api/v1/jobs"))["items"]
            filled = [job for job in jobs if job["kind"] == "backfill" and job["finished_at"]]
            if len(filled) == len(MARKETS):
                return int((await _asked(session, "/api/v1/metrics?limit=1"))["total"])
            await asyncio.sleep(LOOK_EVERY_S)


async def _asked(session: aiohttp.ClientSession, path: str) -> Any:
    async with session.get(path) as answer:
        return await answer.json()


if __name__ == "__main__":
    print(json.dumps(asyncio.run(taken())))
