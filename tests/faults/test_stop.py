"""SIGTERM under load, with a slow disk and clients that hang: the end is normal and soon, and
nothing that was shown is lost (RELIABILITY.md P28)."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from tests.faults.lives import SOUND, Life, alive
from tests.faults.reader import VENUES, Log
from tests.faults.storage_ordeal import Watched, configure, lost
from tests.faults.tier import Finding, tell, times
from tests.faults.tracer import needs_strace, traced
from tests.pace import allowed_s

from sigmawatch_simulator import Config, Simulator

STOPS = times(change=2, full=50)
ENDS_WITHIN_S = 5.0
AT_ONCE_S = 1.0
SLOW_MS = 300  # a sync
HANGING = 20  # clients of each kind
READERS = 200  # of the stream: as many as this machine may have

pytestmark = [pytest.mark.faults, pytest.mark.timeout(times(change=180, full=3_600)), needs_strace]


@pytest_asyncio.fixture
async def double() -> AsyncIterator[Simulator]:
    async with Simulator(Config(venues=VENUES, markets_count=10, limited=False)) as simulator:
        yield simulator


# Every sync takes SLOW_MS longer.
SLOW_DISK = (
    "-o", os.devnull, "-e", "trace=fdatasync,fsync",
    "-e", f"inject=fdatasync,fsync:delay_enter={1_000 * SLOW_MS}",
)  # fmt: skip


def hanging(url: str, held: ExitStack) -> None:
    """Clients that never finish their headers, and some that ask and never read."""
    address = urlsplit(url)
    assert address.hostname is not None
    assert address.port is not None
    ask = b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    for _ in range(HANGING):
        for words in (ask, 200 * (ask + b"\r\n")):
            client = held.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            client.connect((address.hostname, address.port))
            client.setblocking(False)
            client.send(words)


def reading(url: str, held: ExitStack) -> list[socket.socket]:
    """Clients that read the stream, each greeted."""
    address, readers = urlsplit(url), list[socket.socket]()
    for _ in range(READERS):
        client = held.enter_context(socket.create_connection((address.hostname, address.port)))
        client.settimeout(60.0)
        client.send(b"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        told = b""
        while b"event: hello" not in told:
            told += client.recv(65_536)
        readers.append(client)
    return readers


def left(readers: Sequence[socket.socket]) -> int:
    """How many were told `bye` before they were left."""
    return sum(b"event: bye" in b"".join(iter(partial(one.recv, 65_536), b"")) for one in readers)


class Stop(NamedTuple):
    """took_s: from the last SIGTERM to the end. code: None where it had to be killed. byes: how
    many readers of the stream were told of the end."""

    took_s: float
    code: int | None
    byes: int


async def stopped(
    folder: Path, log: Log, *, signals: int = 1, program: Sequence[str] = SOUND,
    within_s: float = allowed_s(2 * ENDS_WITHIN_S),
) -> Stop:  # fmt: skip
    """The end of a life that everybody clings to."""
    async with alive(folder, program=program) as life:
        watched = Watched(life, log)
        await watched.begun()
        with ExitStack() as held:
            async with traced(life.process.pid, *SLOW_DISK):
                await asyncio.to_thread(hanging, life.url, held)
                readers = await asyncio.to_thread(reading, life.url, held)
                await watched.look(for_s=2.0)
                for _ in range(signals - 1):
                    life.process.send_signal(signal.SIGTERM)
                    await asyncio.sleep(0.05)
                life.process.send_signal(signal.SIGTERM)
                began_s = time.monotonic()
                code = await ended(life, within_s)
                took_s = time.monotonic() - began_s
                life.kill() if code is None else setattr(life, "killed", True)
                byes = 0 if code is None else await asyncio.to_thread(left, readers)
    return Stop(took_s, code, byes)


async def ended(life: Life, within_s: float) -> int | None:
    try:
        async with asyncio.timeout(within_s):
            return await life.process.wait()
    except TimeoutError:
        return None


async def test_sigterm_is_a_normal_end_within_five_seconds(
    tmp_path: Path, double: Simulator
) -> None:
    log, took_s = Log(), list[float]()
    configure(tmp_path, double)
    for _ in range(STOPS):
        stop = await stopped(tmp_path, log)
        assert stop.code == 0
        assert stop.took_s < allowed_s(ENDS_WITHIN_S)
        assert stop.byes == READERS
        took_s.append(stop.took_s)
        assert lost(tmp_path, log, scratch=tmp_path) == 0
    twice_s, code, _ = await stopped(tmp_path, log, signals=2)
    assert code == 0
    assert twice_s < allowed_s(AT_ONCE_S)
    assert lost(tmp_path, log, scratch=tmp_path) == 0
    tell(Finding(promise="P28", fault="SIGTERM: syncs of 300 ms, forty clients that hang",
                 figures={"stops": STOPS, "stream_readers_told": READERS,
                          "numbers_shown": len(log.seen), "numbers_lost": 0,
                          "ended_after_s_max": round(max(took_s), 2),
                          "ended_after_second_signal_s": round(twice_s, 2)},
                 ))  # fmt: skip


async def test_the_check_above_notices_a_program_that_waits_for_whoever_hangs(
    tmp_path: Path, double: Simulator
) -> None:
    configure(tmp_path, double)
    took_s, code, _ = await stopped(
        tmp_path, Log(), program=("-m", "tests.faults.endless"), within_s=2 * ENDS_WITHIN_S
    )
    assert code is None
    tell(Finding(promise="P28", fault="the same with a program that waits for whoever hangs",
                 figures={"killed_after_s": round(took_s, 1)}, control=True))  # fmt: skip
