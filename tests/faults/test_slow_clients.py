"""Idle and dripping connections by the thousand, while others ask (RELIABILITY.md P22; S43), and
fewer open files than connections (P36)."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio
from tests.faults.lives import SOUND, Life, alive
from tests.faults.reader import VENUES
from tests.faults.storage_ordeal import configure
from tests.faults.tier import Finding, tell, times
from tests.pace import allowed_s

from sigmawatch_simulator import Config, Simulator

IDLE, DRIPPING = times(change=400, full=10_000), times(change=40, full=500)
ASKED = times(change=50, full=1_000)
HEAD_S, BODY_S, LOOK_S = 5.0, 5.0, 2.0  # a body that drips a byte a second falls below its pace
UNHURRIED_S = 12.0
P99_S = 0.25
MEMORY_BYTES_MAX = 60_000_000
FEW_FILES = 256
HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-"
BODY = (b"POST /api/v1/collect HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 1000\r\n\r\n")  # fmt: skip
LINUX = Path("/proc/self/statm").exists()

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(times(change=180, full=600)),
    pytest.mark.skipif(not LINUX, reason="memory is read from /proc"),
]


@pytest_asyncio.fixture
async def double() -> AsyncIterator[Simulator]:
    async with Simulator(Config(venues=VENUES, markets_count=10, limited=False)) as simulator:
        yield simulator


@contextmanager
def many_files() -> Iterator[None]:
    """As many open files as the system lets us have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def resident_bytes(life: Life) -> int:
    """Memory of the program."""
    pages = Path(f"/proc/{life.process.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


@asynccontextmanager
async def opened(life: Life, count: int) -> AsyncIterator[list[socket.socket]]:
    """So many connections that say nothing."""
    place = urlsplit(life.url)
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:
        lines = []
        for _ in range(count):
            line = stack.enter_context(socket.socket())
            line.setblocking(False)
            await loop.sock_connect(line, (place.hostname, place.port))
            lines.append(line)
        yield lines


async def dripped(line: socket.socket, begun: bytes, *, until_s: float) -> float:
    """Send a byte a second until the program ends it, or that long; after how many seconds."""
    loop = asyncio.get_running_loop()
    began_s = time.monotonic()
    ended = asyncio.ensure_future(loop.sock_recv(line, 65_536))
    with suppress(ConnectionError):
        await loop.sock_sendall(line, begun)
        while not ended.done():
            await asyncio.wait([ended], timeout=1.0)
            if time.monotonic() - began_s > until_s:
                ended.cancel()
                break
            await loop.sock_sendall(line, b"x")
    with suppress(ConnectionError, asyncio.CancelledError):
        await ended
    return time.monotonic() - began_s


async def asked(life: Life, count: int) -> list[float]:
    """How long each of so many proper requests takes, seconds, in order."""
    took_s = []
    async with aiohttp.ClientSession(life.url) as session:
        for _ in range(count):
            began_s = time.monotonic()
            async with session.get("/api/v1/metrics?limit=10&window=10m") as answer:
                assert answer.status == 200
                await answer.read()
            took_s.append(time.monotonic() - began_s)
            await asyncio.sleep(0.005)
    return sorted(took_s)


async def besieged(
    folder: Path, program: Sequence[str] = SOUND
) -> tuple[list[float], list[float], int]:
    """Seconds that proper requests took, seconds until each drip was ended, bytes it all cost."""
    async with alive(folder, program=program) as life:
        await asked(life, 20)
        before_bytes = resident_bytes(life)
        async with opened(life, IDLE), opened(life, DRIPPING) as lines:
            drips = [
                asyncio.ensure_future(dripped(line, HEAD if number % 2 else BODY, until_s=100.0))
                for number, line in enumerate(lines)
            ]
            took_s = await asked(life, ASKED)
            cost_bytes = resident_bytes(life) - before_bytes
            ended_s = await asyncio.gather(*drips)
        return took_s, list(ended_s), cost_bytes


async def test_who_sends_slowly_is_cut_and_holds_up_nobody(
    tmp_path: Path, double: Simulator
) -> None:
    """P22: "10,000 idle + 500 dripping connections: p99 of a normal request <= 250 ms, memory +<=
    60 MB, dripping ones closed in 5 s (headers) / 30 s (body, min 100 B/s); others keep
    service"."""
    configure(tmp_path, double)
    with many_files():
        took_s, ended_s, cost_bytes = await besieged(tmp_path)
    p99_s = took_s[int(len(took_s) * 0.99)]
    assert p99_s < allowed_s(P99_S)
    assert max(ended_s) < allowed_s(max(HEAD_S, BODY_S) + LOOK_S)
    assert cost_bytes < MEMORY_BYTES_MAX
    tell(Finding(promise="P22", fault="idle connections, and others that drip a byte a second",
                 figures={"idle": IDLE, "dripping": DRIPPING, "asked": len(took_s),
                          "p99_ms": round(1_000 * p99_s, 1),
                          "ended_after_s_max": round(max(ended_s), 1),
                          "memory_mb": round(cost_bytes / 1e6, 1)}))  # fmt: skip


async def test_the_check_above_notices_a_program_without_deadlines(
    tmp_path: Path, double: Simulator
) -> None:
    configure(tmp_path, double)
    program = ("-m", "tests.faults.unhurried")
    async with alive(tmp_path, program=program) as life, opened(life, 2) as lines:
        ended_s = await asyncio.gather(
            *(dripped(line, HEAD, until_s=UNHURRIED_S) for line in lines)
        )
    assert min(ended_s) > UNHURRIED_S
    tell(Finding(promise="P22", fault="the same with a program that looks at nobody's deadlines",
                 figures={"open_after_s": round(min(ended_s), 1)}, control=True))  # fmt: skip


async def test_with_few_open_files_it_goes_on_collecting_and_answering(
    tmp_path: Path, double: Simulator
) -> None:
    """P36: "Descriptor exhaustion: accept pauses and recovers, collectors and alert senders have
    reserved descriptors"; 256 files."""
    configure(tmp_path, double)
    before = ("sh", "-c", f'ulimit -n {FEW_FILES}; "$@"; exit $?', "sh")
    with many_files():
        async with alive(tmp_path, before=before) as life, opened(life, 2 * FEW_FILES):
            last = await sequence(life)
            async with asyncio.timeout(60):
                while await sequence(life) < last + 3:  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.2)
    tell(Finding(promise="P36", fault="256 open files at most, 512 connections that say nothing",
                 figures={"slots_closed_meanwhile": 3}))  # fmt: skip


async def sequence(life: Life) -> int:
    """The newest snapshot's, by a connection of its own."""
    async with (
        aiohttp.ClientSession(life.url) as session,
        session.get("/api/v1/metrics?limit=1&window=10m") as answer,
    ):
        return int((await answer.json())["sequence"])
