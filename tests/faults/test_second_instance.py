"""Two programs on one database: the second is refused at once, a dead one's hold is taken over, and
who was superseded meanwhile writes nothing (RELIABILITY.md P32)."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psycopg
import pytest
from tests.contracts.samples import frame, replayed, track
from tests.faults.lives import ROOT, SOUND, alive, environment
from tests.faults.tier import Finding, tell, times
from tests.pace import allowed_s

from sigmawatch.adapters.clock import RealClock
from sigmawatch.adapters.ledgers.postgres import PostgresLedger

WITHIN_S = 60.0
REFUSED_S_MAX = 1.0
RACES_UNTIL_RED = 200

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]


@dataclass(kw_only=True)
class Holder:
    """A process of holder.py."""

    process: asyncio.subprocess.Process

    async def hears(self) -> str:
        assert self.process.stdout is not None
        async with asyncio.timeout(WITHIN_S):
            return (await self.process.stdout.readline()).decode().strip()

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())

    async def asked(self, line: str) -> str:
        self.tell(line)
        return await self.hears()

    async def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def holder(*arguments: str) -> AsyncIterator[Holder]:
    """One that is ready to try."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.holder", *arguments, cwd=ROOT,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    held = Holder(process=process)
    try:
        assert await held.hears() == "ready"
        yield held
    finally:
        await held.kill()


async def race(judge: Holder) -> tuple[int, list[float]]:
    """Two at once: how many came to hold the folder, and how long refusals took. Both are killed,
    so the next race begins with what a dead program leaves."""
    said = (await judge.asked("go")).split("; ")
    refused = [line.split() for line in said if line.startswith("refused")]
    return said.count("held"), [float(took) for _, took, kind in refused if kind == "InUse"]


async def test_of_two_that_start_at_once_one_holds_the_folder_and_the_other_is_refused(
    tmp_path: Path,
) -> None:
    """RELIABILITY.md P32: "second refuses in < 1 s with exit code; stale lock of a dead process is
    taken over"."""
    took: list[float] = []
    races = times(change=20, full=200)
    async with holder("races", str(tmp_path / "data")) as judge:
        for number in range(races):
            held, refused = await race(judge)
            assert (held, len(refused)) == (1, 1), f"race {number}: {held} held it"
            took += refused
    tell(Finding(promise="P32", fault="two starts at once on a dead program's folder", figures={
        "races": races, "both_held": 0, "refused_after_s_median": round(median(took), 4),
        "refused_after_s_max": round(max(took), 4),
    }))  # fmt: skip
    assert median(took) < allowed_s(REFUSED_S_MAX)
    assert not (tmp_path / "data" / "sigmawatch.pid").exists()


async def test_the_check_above_notices_a_hold_by_pid_file_alone(tmp_path: Path) -> None:
    races = 0
    async with holder("races", str(tmp_path / "data"), "pidfile") as judge:
        refused: list[float] = [0.0]
        while refused and races < RACES_UNTIL_RED:
            races += 1
            _, refused = await race(judge)  # nobody refused: both went on to the database
    assert not refused, f"a hold by pid file stood {races} races"
    tell(Finding(promise="P32", fault="two starts at once, pid file only", control=True,
                 figures={"races": races, "both_held": 1}))  # fmt: skip


async def test_a_holder_that_is_stopped_still_holds_and_goes_on_when_it_is_resumed(
    tmp_path: Path,
) -> None:
    stops = times(change=1, full=20)
    async with holder("hold", str(tmp_path / "data")) as first:
        assert await first.asked("go") == "held"
        for _ in range(stops):
            os.kill(first.process.pid, signal.SIGSTOP)
            async with holder("hold", str(tmp_path / "data")) as second:
                assert (await second.asked("go")).startswith("refused")
            os.kill(first.process.pid, signal.SIGCONT)
            assert (await first.asked("write")).startswith("written")
    tell(Finding(promise="P32", fault="holder stopped (SIGSTOP), another starts, it is resumed",
                 figures={"stops": stops, "both_held": 0}))  # fmt: skip


async def test_a_second_program_ends_at_once_with_its_exit_code(tmp_path: Path) -> None:
    """The real one, as users start it."""
    (tmp_path / "sigmawatch.toml").write_text("track = []\n")
    async with alive(tmp_path):
        arguments = ("run", "--port", "0", "--config", str(tmp_path / "sigmawatch.toml"),
                     "--data", str(tmp_path / "data"))  # fmt: skip
        code, said, took_s = await ended(*SOUND, *arguments)
    assert code == 5, said
    assert "in use by another sigmawatch (process" in said
    figures = {"exit_code": code, "cpu_s_from_exec_to_end": round(took_s, 2)}
    tell(Finding(promise="P32", fault="a second program on the folder", figures=figures))
    assert took_s < allowed_s(2 * REFUSED_S_MAX), "start-up of Python included"


async def ended(*arguments: str) -> tuple[int, str, float]:
    """Exit code, last words, and processor time from beginning to end: the imports included."""
    before = os.times()
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=ROOT, env=environment(),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, said = await process.communicate()
    after = os.times()
    took_s = after.children_user + after.children_system
    took_s -= before.children_user + before.children_system
    assert process.returncode is not None
    return process.returncode, said.decode(), took_s


async def superseded(url: str, *bug: str) -> tuple[str, Sequence[str]]:
    """A program claims work, is stopped, loses its connection and its claim to another, is resumed
    and writes: what it says, and what is stored."""
    ours = await PostgresLedger.open(url, clock=RealClock())
    await track(ours, "BTC")
    async with holder("claim", url, *bug) as first:
        assert await first.asked("go") == "claimed"
        async with ours.claimed("sealing") as claim:
            assert claim is None  # it is being done
        os.kill(first.process.pid, signal.SIGSTOP)
        _end_the_claim(url)
        async with ours.claimed("sealing") as claim:
            assert claim is not None
            os.kill(first.process.pid, signal.SIGCONT)
            said = await first.asked("write")
    stored = await replayed(ours)
    await ours.close()
    return said, stored


def _end_the_claim(url: str) -> None:
    """As the server does with who does not answer."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE application_name LIKE 'sigmawatch claim%'"
        )


async def test_on_a_server_who_lost_its_claim_while_it_was_stopped_writes_nothing(
    postgres_url: str,
) -> None:
    """RELIABILITY.md P32: "fencing epoch for migration, sealing and claims"."""
    said, stored = await superseded(postgres_url)
    tell(Finding(promise="P32", fault="claimant stopped and superseded, PostgreSQL",
                 figures={"stops": 1, "written_by_the_superseded": len(stored)}))  # fmt: skip
    assert (said, stored) == ("superseded", [])


async def test_the_check_above_notices_a_claim_that_is_not_looked_at_again(
    postgres_url: str,
) -> None:
    said, stored = await superseded(postgres_url, "blind")
    tell(Finding(promise="P32", fault="claimant superseded, claim not checked", control=True,
                 figures={"written_by_the_superseded": len(stored)}))  # fmt: skip
    assert (said, stored) == ("written", [frame().id])
